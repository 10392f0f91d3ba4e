"""The Typer app, and `main(argv)`, which returns the exit code."""

from __future__ import annotations

import logging
import warnings
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from hypsegcli.cli.commands import calibrate, compare, disk, evaluate, info, predict, uncertainty, verify
from hypsegcli.cli.console import error, say
from hypsegcli.cli.exit_codes import DONE, NOTHING_DONE, code_of_error
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.errors import HypsegError

# What is saved of a command that is interrupted, where it does not say more itself.
_RESUMED = "what is finished is whole, and the same command with --resume continues"
_SAVED = {
    "predict": _RESUMED,
    "uncertainty": _RESUMED,
    "train": _RESUMED,
    "evaluate": "an evaluation counts only where report.json is written, which comes last",
}


class _Commands(TyperGroup):
    """Imports `train` where it is run: its options are made from a pydantic model, and that takes as long as all else.

    The list of commands shows what stands for it, and its first sentence.
    """

    def invoke(self, ctx: Any) -> Any:
        # Typer itself would leave without a word.
        with saying_what_is_saved(lambda: _SAVED.get(ctx.invoked_subcommand, "no file is left half written")):
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name == "train":
            from hypsegcli.cli.commands.train import train

            alone = typer.Typer(add_completion=False)
            alone.command("train", help=_train.__doc__)(train)
            command = get_command(alone)
        return name, command, rest


app = typer.Typer(
    cls=_Commands,
    name="hypseg",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,  # a defect of ours shows its plain traceback
)
app.command("predict")(predict.predict)
app.command("uncertainty")(uncertainty.uncertainty)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("calibrate")(calibrate.calibrate)
app.command("disk")(disk.disk)
app.command("info")(info.info)
app.command("verify")(verify.verify)


@app.command("train")
def _train() -> None:
    """Train a checkpoint; writes one after every epoch and keeps the best. Defaults: --show-config."""


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"hypseg {version('hypseg')}")
        raise typer.Exit


@app.callback()
def _before_commands(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Per-pixel segmentation in hyperbolic space: label maps, confidence maps and boundary maps."""


def main(argv: list[str]) -> int:
    """Run one command."""
    # Pillow tells of oddities in files; what matters of them reaches the user as a note or a failure.
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    try:
        app(args=argv, prog_name="hypseg")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else NOTHING_DONE if leaving.code else DONE
    except HypsegError as problem:
        error(problem.message)
        return code_of_error(problem)
    except OSError as problem:
        place = problem.filename or "a file or standard output"  # on which Typer writes the help
        error(f"{place}: {problem.strerror or problem}; choose another place or mend this one")
        return NOTHING_DONE
    return DONE
