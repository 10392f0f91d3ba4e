"""The confusion matrix of the report, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hypsegcli.files.words import letter_count
from hypsegcli.pictures.drawing.markup import element
from hypsegcli.report.page.svg import LETTER, drawing, short_name, text

_MANY = 40  # classes beyond which there are no names, and cells that would not be seen are left out
_PRINTED = 25  # classes up to which there is room for numbers
_FAINTEST = 0.001  # share of a row below which a large matrix leaves a cell out, to stay a small file


def confusion_matrix(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Markup:
    """Rows of truth as shares of the row, columns of answers; the last column only where some pixel has no class."""
    C = len(names)
    columns = C + any(row[C] for row in confusion)
    answers = [*names, "none"]
    size = 44.0 if C <= 12 else 32.0 if C <= _PRINTED else 18.0 if C <= _MANY else max(3.0, 680.0 / C)
    letters = 0 if C > _MANY else min(18, max(map(letter_count, answers)))
    left = top = 24 + letters * LETTER
    parts = [
        element("rect", x=left, y=top, width=columns * size, height=C * size, class_="frame"),
        text(left + columns * size / 2, 14, "predicted", "middle", "title"),
        text(14, top + C * size / 2, "truth", "middle", "title", transform=f"rotate(-90 14 {top + C * size / 2:g})"),
    ]
    if letters:
        for index, name in enumerate(answers[:columns]):
            x, y = left + (index + 0.5) * size + 4, top - 6
            parts.append(short_name(x, y, name, letters, "start", transform=f"rotate(-60 {x:g} {y:g})"))
            if index < C:
                parts.append(short_name(left - 6, top + (index + 0.5) * size + 4, name, letters, "end"))
    for i, row in enumerate(confusion):
        total = sum(row)
        for j, count in enumerate(row):
            if count and (C <= _MANY or count >= _FAINTEST * total):
                hint = f"{names[i]} answered as {answers[j]}: {100 * count / total:.2f} %, {count:,} pixels"
                parts.append(_cell(left + j * size, top + i * size, size, count / total, hint))
                if C <= _PRINTED:
                    parts.append(_share(left + (j + 0.5) * size, top + (i + 0.5) * size + 4, count / total, C))
    width = left + columns * size + 0.6 * letters * LETTER
    return drawing(width, top + C * size + 8, f"Confusion matrix of {C} classes, rows of truth", *parts)


def _cell(x: float, y: float, size: float, share: float, hint: str) -> Markup:
    # The root keeps confusions of a few percent visible.
    return element(
        "rect", element("title", hint), x=x, y=y, width=size, height=size, fill_opacity=share**0.5, class_="cell"
    )


def _share(x: float, y: float, share: float, classes: int) -> Markup:
    shown = f"{100 * share:.{1 if classes <= 12 else 0}f}"
    shown = "100" if shown == "100.0" else shown
    # Dark ink is easier to read on all but the fullest cells.
    return Markup("") if float(shown) == 0 else text(x, y, shown, "middle", "full" if share > 0.72 else "part")
