"""The log as TensorBoard shows it; needs the extra `hypseg[tensorboard]`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hypsegcli.errors import UsageError, setting
from hypsegcli.pictures.palette import RGB


class Board:
    """A folder of event files. Raises UsageError where TensorBoard is not installed."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UsageError(
                f"{setting('tensorboard')}: TensorBoard cannot be imported ({error}); pip install 'hypseg[tensorboard]'"
            ) from error
        self.writer = SummaryWriter
        self.folder = folder

    def add(self, epoch: int, row: Mapping[str, float | str], sheet: RGB | None) -> None:
        """Write an epoch's numbers and pictures; a run that is killed later leaves them whole."""
        writer = self.writer(str(self.folder))
        for name, value in row.items():
            if name != "epoch" and not isinstance(value, str):
                writer.add_scalar(name, value, epoch)
        if sheet is not None:
            writer.add_image("validation", sheet, epoch, dataformats="HWC")
        writer.close()
