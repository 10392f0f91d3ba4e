"""The Typer app, and `main(argv)`, which returns the exit code.

0    everything asked for was done
1    nothing could be done (no image succeeded, a checkpoint or data folder is unusable)
2    the command cannot be carried out as given; nothing was written
3    some images were done, some failed
4    a score missed the bound that --fail-under or --fail-over set
130  interrupted; what was finished is whole, and --resume continues
"""

from __future__ import annotations

import warnings

import typer

from hypsegcli.cli.commands import calibrate, compare, disk, evaluate, info, predict, train, uncertainty
from hypsegcli.cli.console import error
from hypsegcli.errors import DeviceError, HypsegError, UsageError

app = typer.Typer(
    name="hypseg",
    help="Per-pixel segmentation in hyperbolic space: label maps, confidence maps and boundary maps.",
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
app.command("train")(train.train)


def main(argv: list[str]) -> int:
    """Run one command."""
    # Pillow warns of oddities in files; what matters of them reaches the user as a note or a failure.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        app(args=argv, prog_name="hypseg")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1 if leaving.code else 0
    except KeyboardInterrupt:
        error("interrupted")
        return 130
    except (UsageError, DeviceError) as problem:
        error(problem.message)
        return 2
    except HypsegError as problem:
        error(problem.message)
        return 1
    except OSError as problem:
        error(f"{problem.filename or 'a file'}: {problem.strerror or problem}; choose another place or mend this one")
        return 1
    return 0
