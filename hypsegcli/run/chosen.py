"""Which images of a run somebody chose: by their keys or paths, in lists of them, or in tables with a verdict."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hypsegcli.errors import PlanError
from hypsegcli.files.place import locate, real
from hypsegcli.files.text import UnreadableTextError, composed, read_text
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.manifest import Line, input_of
from hypsegcli.run.plan import name_of

_NAMED = 5
_KEY, _IMAGE, _VERDICT = "key", "image", "verdict"
_BOX = ("x", "y", "width", "height")
_WRONG = "wrong"
_VERDICTS = (_WRONG, "right", "")  # the last takes an earlier one back


def choose(lines: Mapping[str, Line], wanted: Sequence[str], out: Path) -> list[Line]:
    """The lines of the images that are wanted, each once, in the order of what names them; all where nothing does.

    Each is a key, the path of the image, or @FILE: a list of those, a line each, or a CSV with a column `key`, or
    `image`; where that has a column `verdict`, it means the images of which the last verdict on some box is `wrong`.
    Raises PlanError for names that are no image of the run, and for files that name none.
    """
    if not wanted:
        return list(lines.values())
    names = [name for each in wanted for name in (_in_file(each) if each.startswith("@") else [each])]
    find = _Finder(lines)
    found = {name: find.key_of(name) for name in dict.fromkeys(names)}
    if unknown := [name for name, key in found.items() if key is None]:
        some = next(iter(lines), "none")
        raise PlanError(
            f"{count_of(len(unknown), 'name')} of {len(found)} {'is' if len(unknown) == 1 else 'are'} no image of "
            f"{out}: {first_of(unknown, _NAMED)}; name images by their paths, or by their keys, such as {some}"
        )
    return [lines[key] for key in dict.fromkeys(found.values()) if key is not None]


class _Finder:
    """What leads from names to keys; the paths of a million images are looked at only where that takes it."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = lines
        self._by_path: dict[str, str] | None = None

    def key_of(self, name: str) -> str | None:
        bare = name.removeprefix("'")  # which tables have before what a spreadsheet would take for a formula
        for likely in (name, bare, str(Path(bare).with_suffix("")) if Path(bare).name else bare):
            if likely in self._lines:
                return likely
        if self._by_path is None:
            self._by_path = dict(self._paths())
        return self._by_path.get(composed(bare)) or self._by_path.get(composed(real(locate(bare))))

    def _paths(self) -> Iterator[tuple[str, str]]:
        for key, line in self._lines.items():
            frame = line.get("frame")
            yield composed(name_of(line["input"], frame)), key
            yield composed(name_of(real(input_of(line)), frame)), key
            yield composed(key), key


def _in_file(argument: str) -> list[str]:
    path = Path(argument[1:])
    try:
        text = read_text(path)
    except UnreadableTextError as error:
        raise PlanError(f"{argument}: the file {path} cannot be read ({error})") from None
    rows = csv.DictReader(io.StringIO(text))
    columns = rows.fieldnames or ()
    if _KEY in columns or (_IMAGE in columns and len(columns) > 1):
        names = list(_in_table(rows, _KEY if _KEY in columns else _IMAGE, path))
        problem = f"no row of it has the verdict {_WRONG}" if _VERDICT in columns else "it has no row"
    elif path.suffix.lower() == ".csv":
        raise PlanError(f"{path}: the table has no column {_KEY}; its columns are {', '.join(columns) or 'none'}")
    else:
        names = [line.strip() for line in text.split("\n") if line.strip() and not line.startswith("#")]
        problem = "it has no line"
    if not names:
        raise PlanError(f"{path}: names no image, for {problem}; there is nothing to be done")
    return names


def _in_table(rows: csv.DictReader[str], column: str, path: Path) -> Iterable[str]:
    verdicts: dict[tuple[str, ...], str] = {}
    for row in rows:
        verdict = (row.get(_VERDICT) or "").strip().lower() if _VERDICT in row else _WRONG
        if verdict not in _VERDICTS:
            raise PlanError(
                f"{path}, line {rows.line_num}: the verdict is {verdict[:60]}; expected right, {_WRONG}, or nothing, "
                "which takes an earlier one back"
            )
        name = (row.get(column) or "").strip()
        if name:
            verdicts[name, *((row.get(side) or "").strip() for side in _BOX)] = verdict
    return dict.fromkeys(place[0] for place, verdict in verdicts.items() if verdict == _WRONG)
