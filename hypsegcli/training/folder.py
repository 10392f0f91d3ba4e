"""The folder of a training, as the one process sees it that writes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.hold import Hold
from hypsegcli.pictures.palette import RGB
from hypsegcli.training.config_file import CONFIG, is_a_run_s, to_toml
from hypsegcli.training.log import LOG, Log
from hypsegcli.training.pictures import write_sheet
from hypsegcli.training.run import Job, Run
from hypsegcli.training.saving import saving
from hypsegcli.training.state import check_first, save_run, save_state
from hypsegcli.training.tensorboard import Board
from hypsegcli.training.val_lists import val_lists
from hypsegcli.training.validate import Validation


@dataclass(frozen=True)
class Folder:
    """What is written into, and by which right."""

    hold: Hold
    log: Log
    board: Board | None

    def begin(self, run: Run, done: int, *, best: float) -> None:
        """Write the settings and, where no epoch is done, the state: or a kill would leave nothing to resume from.

        And lists of what is validated on, where others can read its masks. Raises UsageError where somebody else's
        files have those names.
        """
        lists = val_lists(run.val_split.pairs, translated=bool(run.source.translation))
        files = {name: text.encode("utf-8", "surrogateescape") for name, text in lists.items()}
        files[CONFIG] = to_toml(run.job.config).encode()
        config = run.job.out / CONFIG
        check_first(run.job.out, {name: files[name] for name in files if name != CONFIG or not is_a_run_s(config)})
        with saving(self.hold, done, first=not done):
            for name, content in files.items():
                write_atomically(run.job.out / name, content)
            if not done:
                save_state(run, 0, best=best)

    def add(
        self,
        run: Run,
        epoch: int,
        row: Mapping[str, float | str],
        found: Validation | None,
        *,
        best: float,
        is_best: bool,
        waited: int,
    ) -> None:
        """Write all that an epoch leaves, the state last."""
        with saving(self.hold, epoch):
            sheet: RGB | None = found.sheet if found else None
            if sheet is not None:
                write_sheet(run.job.out, epoch, sheet)
            self.log.add(epoch, row)
            if self.board:
                self.board.add(epoch, row, sheet)
            save_run(run, epoch, found.scores if found else None, best=best, is_best=is_best, waited=waited)


def open_folder(job: Job, hold: Hold, done: int) -> Folder:
    """The held folder of a run that has done so many epochs.

    Raises DataError for a log that is not theirs, UsageError where TensorBoard is asked for and not installed.
    """
    board = Board(job.out / "tensorboard") if job.config.tensorboard else None
    return Folder(hold, Log(job.out / LOG, done=done), board)
