"""Rule: how deep in the class tree an answer goes. The help reads it, so that it imports no package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from hypsegcli.hierarchy.tree import ClassTree

# What is looked at of answers as deep as sure.
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99)


class Factors(NamedTuple):
    """What the probability of a class is the product of, along its path in the tree."""

    of_siblings: bool = True  # of a softmax among siblings; else a softmax among the sums of logits, as TOPICS decides
    least: float | None = None  # below which no factor may lie, as the reference holds them


class Rule(NamedTuple):
    """A depth of the tree, or as deep as the probability exceeds a threshold in [0.5, 1)."""

    level: int | Literal["auto"]
    threshold: float | None = None  # of level auto; None where nobody knows it

    def __str__(self) -> str:
        if self.level != "auto":
            return f"level {self.level}"
        return "auto" if self.threshold is None else f"auto, {self.threshold:g}"


def rules_beside(chosen: Rule, tree: ClassTree) -> tuple[Rule, ...]:
    """The rule itself, and then the others that it is compared with: every coarser depth, every threshold.

    The deepest level is not among them, for its answers are the classes.
    """
    levels = [Rule(level) for level in range(1, tree.max_depth)]
    rules = [*levels, *(Rule("auto", threshold) for threshold in THRESHOLDS)]
    return (chosen, *(rule for rule in rules if rule != chosen))
