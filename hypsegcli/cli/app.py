"""The Typer app, and `main(argv)`, which returns the exit code."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from hypsegcli.cli.command import Command, write_help
from hypsegcli.cli.commands import (
    calibrate,
    card,
    cluster,
    compare,
    convert,
    disk,
    evaluate,
    export,
    info,
    merge,
    predict,
    quantise,
    uncertainty,
    verify,
)
from hypsegcli.cli.console import error, say
from hypsegcli.cli.exit_codes import DONE, NOTHING_DONE, REFUSED, code_of_error
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.cli.usage import our_sentences, refuse_unknown
from hypsegcli.errors import HypsegError, is_out_of_memory
from hypsegcli.images.unsaid import leave_unsaid

# What is saved of a command that is interrupted, where it does not say more itself.
_RESUMED = "what is finished is whole, and the same command with --resume continues"
_SAVED = {
    "predict": _RESUMED,
    "uncertainty": _RESUMED,
    "train": _RESUMED,
    "cluster": _RESUMED,
    "merge": "the files of shards stay until the result is written, and the same command goes on",
    "evaluate": "an evaluation counts only where report.json is written, which comes last",
}


class _Commands(TyperGroup):
    """Imports some commands where they are run, as `train`, whose options are made from a pydantic model.

    The list of commands shows what stands for them, and their first sentences.
    """

    def invoke(self, ctx: Any) -> Any:
        # Typer itself would leave without a word.
        with saying_what_is_saved(lambda: _SAVED.get(ctx.invoked_subcommand, "no file is left half written")):
            return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with our_sentences(self, ctx):
            return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        write_help(self, ctx, formatter, [(name, command.help or "") for name, command in self.commands.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing:
            refuse_unknown(args[0], self.commands)
        name, command, rest = super().resolve_command(ctx, args)
        if name in _LATER:
            alone = typer.Typer(add_completion=False)
            run = getattr(import_module(f"hypsegcli.cli.commands.{name}"), str(name))
            alone.command(name, cls=Command, help=_LATER[str(name)].__doc__)(run)
            command = get_command(alone)
        return name, command, rest


app = typer.Typer(
    cls=_Commands,
    name="hypseg",
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode=None,
    add_completion=True,
    pretty_exceptions_enable=False,  # a defect of ours shows its plain traceback
)
app.command("predict", cls=Command)(predict.predict)
app.command("uncertainty", cls=Command)(uncertainty.uncertainty)


@app.command("review", cls=Command)
def _review() -> None:
    """Look at the places that a run doubts, the worst first, in a browser; verdicts are added to its review.csv."""


app.command("evaluate", cls=Command)(evaluate.evaluate)
app.command("compare", cls=Command)(compare.compare)
app.command("calibrate", cls=Command)(calibrate.calibrate)
app.command("quantise", cls=Command)(quantise.quantise)
app.command("convert", cls=Command)(convert.convert)
app.command("export", cls=Command)(export.export)
app.command("disk", cls=Command)(disk.disk)
app.command("info", cls=Command)(info.info)
app.command("card", cls=Command)(card.card)


@app.command("annotate", cls=Command)
def _annotate() -> None:
    """Write label maps for a labelling tool, to be corrected there; train and evaluate read what it exports."""


app.command("verify", cls=Command)(verify.verify)
app.command("merge", cls=Command)(merge.merge)
app.command("cluster", cls=Command)(cluster.cluster)


@app.command("train", cls=Command)
def _train() -> None:
    """Train a checkpoint; writes one after every epoch and keeps the best. All settings: --show-config."""


_LATER = {"annotate": _annotate, "review": _review, "train": _train}


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
    """Run one command; none named, show what there is."""
    leave_unsaid()
    try:
        code = app(args=argv or ["--help"], prog_name="hypseg", standalone_mode=False)
        return (code or DONE) if argv else REFUSED
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else NOTHING_DONE if leaving.code else DONE
    except HypsegError as problem:
        error(problem.message)
        return code_of_error(problem)
    except (MemoryError, RuntimeError, ImportError, OSError) as problem:
        if is_out_of_memory(problem):
            error("the memory that this process may have does not suffice; close other programs or raise its limit")
            return NOTHING_DONE
        if not isinstance(problem, OSError):
            raise
        place = problem.filename or "a file or standard output"  # on which Typer writes the help
        error(f"{place}: {problem.strerror or problem}; choose another place or mend this one")
        return NOTHING_DONE
