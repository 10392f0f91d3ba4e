"""Options that cannot be meant together."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import fields

from hypsegcli.cli.console import as_option
from hypsegcli.cli.options.computing import Computing, Sharing
from hypsegcli.cli.options.running import Input, OutputFolder
from hypsegcli.cli.options.scoring import Classes, Dropout, Scoring, StoredMaps, Truth
from hypsegcli.cli.parse import parse_longest_side
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.errors import UsageError
from hypsegcli.inference.request import Refinement


def refuse_contradictions(
    inputs: Input, computing: Computing, output: OutputFolder | None = None, sharing: Sharing | None = None
) -> None:
    """Refuse options of a run that cannot both be meant; and a `--tile` or `--longest-side` that cannot be."""
    if sharing is not None and sharing.ray_address is not None and sharing.runner != "ray":
        raise UsageError("--ray-address belongs to --runner ray; add that, or leave it out")
    if output is not None and output.overwrite and output.resume:
        raise UsageError("--overwrite and --resume contradict each other; --resume replaces what it must")
    parse_longest_side(inputs, computing, trained=None)


def refuse_idle_threshold(level: str | None, threshold: float | None) -> None:
    """Refuse a `--threshold` that nothing compares with."""
    if threshold is not None and level != "auto":
        raise UsageError("--threshold belongs to --level auto; add that, or leave it out")


def refuse_idle_refinement(
    refine: Refinement | None, kinds: Iterable[str], measures: Iterable[str], level: str | None = None
) -> None:
    """Refuse a `--refine` where nothing that is written, of some kinds and measures, is made of class probabilities."""
    of_probabilities = [name for name, measure in MEASURES.items() if measure.needs_probabilities]
    if level is not None and "calibrated" in measures:  # what it says of nodes is divided as their classes are probable
        return
    if (
        refine is None
        or {"labels", "overlay", "probabilities", "prototypes"} & set(kinds)
        or set(of_probabilities) & set(measures)
    ):
        return
    raise UsageError(
        f"--refine {refine} is of class probabilities and leaves the distance, and what is calibrated, as they are; "
        f"name a --measure of probabilities ({', '.join(of_probabilities)}), or leave it out"
    )


def refuse_scoring(scoring: Scoring, stored: StoredMaps, classes: Classes, dropout: Dropout) -> None:
    """Refuse a `--bootstrap`, `--level` or `--match` of `hypseg evaluate` that cannot be meant."""
    _refuse_few_replicates(scoring.bootstrap)
    _refuse_level(scoring, stored, classes)
    _refuse_match(scoring, stored, classes, dropout)


def _refuse_few_replicates(replicates: int) -> None:
    from hypsegcli.scores.bootstrap import FEWEST_REPLICATES, REPLICATES

    if 0 < replicates < FEWEST_REPLICATES:
        raise UsageError(
            f"--bootstrap {replicates}: so few replicates have no 95 % intervals; give {FEWEST_REPLICATES} or more "
            f"({REPLICATES} without the option), or 0 for no intervals"
        )


def _refuse_level(scoring: Scoring, stored: StoredMaps, classes: Classes) -> None:
    """Refuse a `--level` that has no network, or no tree of the network's, to answer with."""
    refuse_idle_threshold(scoring.level, scoring.threshold)
    if scoring.level is None:
        return
    if stored.predictions is not None:
        raise UsageError(
            "--level asks a network that runs; label maps say themselves at which level they were made: leave it out"
        )
    if scoring.unseen is not None:
        raise UsageError("--unseen restricts answers to some classes, --level answers with other nodes; give one")
    if classes.tree is not None or classes.classes is not None:
        option = "--tree" if classes.tree is not None else "--classes"
        raise UsageError(f"--level answers with nodes of the checkpoint's own class tree; leave out {option}")


def _refuse_match(scoring: Scoring, stored: StoredMaps, classes: Classes, dropout: Dropout) -> None:
    """Refuse a `--match` beside what cannot be said of clusters, or of no known classes."""
    if scoring.match is None:
        return
    others = {
        "--level": scoring.level,
        "--unseen": scoring.unseen,
        "--mc-dropout": dropout.mc_dropout or None,
        "--prediction-map": stored.prediction_map,
        "--prediction-colors": stored.prediction_colors,
    }
    if idle := [option for option, value in others.items() if value is not None]:
        raise UsageError(f"{idle[0]} is about ids that are classes, --match about clusters; leave one of them out")
    if classes.classes is None:
        raise UsageError(
            "--match gives clusters the classes of the masks, which no checkpoint of clusters knows; name their list "
            "with --classes FILE"
        )


def refuse_what_does_nothing(
    stored: StoredMaps, dropout: Dropout, inputs: Input, computing: Computing, refine: Refinement | None = None
) -> None:
    """Refuse options of `hypseg evaluate` that what is scored has no use for: a network that runs, or stored maps."""
    if stored.predictions is None:
        if idle := _given(stored):
            raise UsageError(f"{idle[0]} is about maps that were written before; name them with --predictions")
    else:
        of_network = (
            *_given(dropout, but={"dropout_rate"}),
            *_given(inputs, but={"checkpoint", "max_pixels"}),
            *_given(computing, but={"workers"}),
            *(["--refine"] if refine is not None else []),
        )
        if of_network:
            raise UsageError(
                f"{of_network[0]} needs a network that runs, --predictions runs none; leave one of them out"
            )
    if dropout.mc_dropout and refine is not None:
        raise UsageError("--mc-dropout is compared with what the network itself says; leave out --refine")
    if dropout.mc_dropout and inputs.sampling != "uniform":
        raise UsageError("--mc-dropout samples images evenly; leave out --sampling")
    if dropout.mc_dropout and computing.engine not in {"auto", "torch"}:
        raise UsageError("--mc-dropout runs in torch, and so must what it is compared with; leave out --engine")
    if dropout.dropout_rate is not None and not dropout.mc_dropout:
        raise UsageError("--dropout-rate belongs to --mc-dropout; add that, or leave it out")


def refuse_truth_without_masks(masks: str | None, truth: Truth) -> None:
    """Refuse options of `hypseg disk` that say how masks are read, where there are none."""
    if masks is None and (idle := _given(truth)):
        raise UsageError(f"{idle[0]} is about masks; name them with --masks, or leave it out")


def _given(group: Input | Computing | StoredMaps | Dropout | Truth, *, but: Container[str] = ()) -> list[str]:
    """The options of a group that differ from their defaults."""
    return [
        as_option("map" if field.name == "id_map" else field.name, None)
        for field in fields(group)
        if field.name not in but and getattr(group, field.name) != field.default
    ]
