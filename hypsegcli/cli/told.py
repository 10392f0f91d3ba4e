"""What is said of a file that does not say it itself, gathered from options."""

from __future__ import annotations

import math
from pathlib import Path

from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.presets import PresetName, load_preset
from hypsegcli.checkpoint.converters.topics_tasks import read_tasks
from hypsegcli.errors import UsageError
from hypsegcli.hierarchy.tree import flat_tree, read_class_names, read_tree

Numbers = tuple[float, float, float]


def told_of(
    preset: PresetName | None,
    classes: Path | None,
    tree: Path | None,
    tasks: Path | None,
    *,
    curvature: float | None,
    output_stride: int | None,
    numbers: tuple[Numbers | None, Numbers | None, Numbers | None],
) -> Told:
    """The options as a record; `numbers` are mean, standard deviation and rates.

    Raises UsageError where options contradict each other, TreeError for a class list or tree that cannot be read.
    """
    mean, std, rates = numbers
    if tree is not None and classes is None:
        raise UsageError("--tree: needs the class list that its leaves are in; name it with --classes")
    if tasks is not None and (preset is not None or classes is not None):
        raise UsageError("--tasks: names the classes already; leave out --classes and --preset")
    if preset is not None and classes is not None:
        raise UsageError("--preset: names the classes already; leave out --classes, or --preset")
    for option, values in (("--mean", mean), ("--std", std)):
        if values is not None and not all(math.isfinite(value) for value in values):
            raise UsageError(f"{option}: expected three finite numbers")
    if output_stride not in {None, 8, 16}:
        raise UsageError(f"--output-stride {output_stride}: expected 8 or 16")
    if curvature is not None and not math.isfinite(curvature):
        raise UsageError(f"--curvature {curvature}: expected a number above 0")
    if std is not None and min(std) <= 0.0:
        raise UsageError("--std: expected three numbers above 0")
    if rates is not None and not all(rate.is_integer() and 1 <= rate <= 256 for rate in rates):
        raise UsageError("--rates: expected three whole numbers from 1 to 256, such as 12,24,36")
    whole = None if rates is None else (int(rates[0]), int(rates[1]), int(rates[2]))
    known, ids, of_set = None, None, None
    if preset is not None:
        known, ids, of_set = load_preset(preset)
    elif classes is not None:
        names = read_class_names(classes)
        known = read_tree(tree, names) if tree is not None else flat_tree(names)
    return Told(
        tree=known,
        ids=ids,
        curvature=curvature,
        output_stride=output_stride,
        rates=whole,
        mean=mean,
        mean_of_set=of_set,
        std=std,
        tasks=None if tasks is None else read_tasks(tasks),
    )
