"""The fast global smoother: planes smoothed along a photograph, not across its edges.

After Min, Choi, Lu, Ham, Sohn and Do, "Fast Global Image Smoothing Based on Weighted Least Squares", TIP 2014, as
OpenCV's ximgproc has it: its results, to rounding. Its module comes in a package that replaces OpenCV's usual one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.inference.prediction import RGB

Planes = NDArray[np.float32]

_ROUNDS = 3  # with a quarter of the strength of the round before


class Smoother:
    """Smooths planes of the size of one photograph.

    Each round solves, along every row and then along every column, for u

        u_i + l_i (u_i - u_{i-1}) + l_{i+1} (u_i - u_{i+1}) = f_i,    l_i = strength exp(-|g_i - g_{i-1}| / sigma)

    with g the photograph's colours. A solution is a mean of f with weights that sum to one: constants stay, planes that
    sum to one do so afterwards, and no plane leaves its own range, each to rounding.
    """

    def __init__(self, photograph: RGB, *, strength: float, sigma: float) -> None:
        """Factor the systems of a photograph (H, W, 3) uint8.

        The reach grows with the root of the strength; neighbours whose colours are farther apart by `sigma`, RGB in
        0..255, share a factor e less.
        """
        colours = photograph.astype(np.float32) / np.float32(sigma)
        strengths = [strength / 4**number for number in range(_ROUNDS)]
        across, down = (_factor(_likeness(colours.transpose(axes)), strengths) for axes in ((1, 0, 2), (0, 1, 2)))
        self._systems = [*zip(across, down, strict=True)]

    def __call__(self, planes: Planes) -> Planes:
        """The planes (n, H, W), each smoothed on its own; float32."""
        lines = planes.transpose(2, 0, 1)
        for systems in self._systems:
            for system in systems:  # lines come first, for each is one operation on all that lie beside it
                lines = np.array(lines, np.float32, order="C")
                _solve(system, lines)
                lines = lines.transpose(2, 1, 0)
        return np.ascontiguousarray(lines.transpose(1, 2, 0))


class _System(NamedTuple):
    """The symmetric tridiagonal systems of all lines along the first axis, factored as L D L^T."""

    below: Planes  # (N - 1, W), -L beside the diagonal
    inverse: Planes  # (N, W), 1 / D


def _likeness(colours: Planes) -> Planes:
    """(N - 1, W) in [0, 1] of neighbours along the first axis of colours (N, W, 3)."""
    distance = np.sqrt(np.square(np.diff(colours, axis=0)).sum(2))
    likeness: Planes = np.exp(-distance)
    return likeness


def _factor(likeness: Planes, strengths: Sequence[float]) -> list[_System]:
    """One system for each strength; they are factored together, row by row."""
    rows, width = len(likeness) + 1, likeness.shape[1]
    below = np.empty((rows - 1, len(strengths), width), np.float32)
    inverse = np.empty((rows, len(strengths), width), np.float32)
    factors = np.array(strengths)[:, None]
    none = np.zeros((1, width))  # float64: of strong links little is left beside the one that all of them share
    link, carried = none, none
    for row in range(rows):
        next_link = factors * likeness[row] if row < rows - 1 else none
        reciprocal = 1.0 / (1.0 + link * (1.0 - carried) + next_link)
        carried = next_link * reciprocal
        inverse[row] = reciprocal
        if row < rows - 1:
            below[row] = carried
        link = next_link
    return [_System(below[:, number], inverse[:, number]) for number in range(len(strengths))]


def _solve(system: _System, lines: Planes) -> None:
    """Put the solution in place of the right sides (N, n, W)."""
    carried = np.empty_like(lines[0])
    for row in range(1, len(lines)):
        lines[row] += np.multiply(lines[row - 1], system.below[row - 1], out=carried)
    lines *= system.inverse[:, None]
    for row in range(len(lines) - 2, -1, -1):
        lines[row] += np.multiply(lines[row + 1], system.below[row], out=carried)
