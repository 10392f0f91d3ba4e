"""Which images of a run somebody chose: by their keys or paths, in lists of them, or in tables with a verdict."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hypsegcli.errors import PlanError
from hypsegcli.files.place import StorePath, is_taken, locate, real
from hypsegcli.files.table import Table, read_csv
from hypsegcli.files.text import UnreadableTextError, composed, read_text
from hypsegcli.files.words import count_of, first_of
from hypsegcli.images.discover import in_list, meant_by
from hypsegcli.run.manifest import Line, input_of, part_of
from hypsegcli.run.plan import name_of
from hypsegcli.run.seen import seen_in

_NAMED = 5
_KEY, _IMAGE, _VERDICT, _SEEN = "key", "image", "verdict", "seen"
_BOX = ("x", "y", "width", "height")
_WRONG = "wrong"
_VERDICTS = (_WRONG, "right", "")  # the last takes an earlier one back
# Of tables of images, those first that say most.
_COLUMNS = ((_KEY, *_BOX, _SEEN, _VERDICT), (_KEY, *_BOX, _VERDICT), (_KEY, _VERDICT), (_KEY,), (_IMAGE,))


class Choice(NamedTuple):
    """Which images are wanted."""

    lines: list[Line]
    notices: list[str]  # sentences on what cannot be read of the tables that name them


def choose(lines: Mapping[str, Line], wanted: Sequence[str], out: Path) -> Choice:
    """The lines of the images that are wanted, each once, in the order of what names them; all where nothing does.

    Each is a key, the path of the image, or @FILE: a list of those, a line each, paths from the list's own folder on as
    `find_inputs` has them; or a CSV with a column `key`, or `image`; where that has a column `verdict`, it means the
    images of which the last verdict on some box is `wrong`, of boxes that the run lists, where it lists some, and of
    what there is to be seen of them, where a column `seen` says what that was. A line that was cut off, as by a crash,
    costs itself alone.
    Raises PlanError for names that are no image of the run, and for files that name none.
    """
    if not wanted:
        return Choice(list(lines.values()), [])
    find = _Finder(lines)
    named = [_in_file(each, find) if each.startswith("@") else (_Named.by([each], find.key_of), []) for each in wanted]
    found = list(dict.fromkeys(each for names, _ in named for each in names))
    if unknown := [name for name, key in found if key is None]:
        some = next(iter(lines), "none")
        raise PlanError(
            f"{count_of(len(unknown), 'name')} of {len(found)} {'is' if len(unknown) == 1 else 'are'} no image of "
            f"{out}: {first_of(unknown, _NAMED)}; name images by their paths, or by their keys, such as {some}"
        )
    return Choice(
        [lines[key] for key in dict.fromkeys(key for _, key in found) if key is not None],
        [notice for _, notices in named for notice in notices],
    )


class _Named(NamedTuple):
    """What names an image, and the key of that; None where there is no such."""

    name: str
    key: str | None

    @classmethod
    def by(cls, names: Iterable[str], key_of: Callable[[str], str | None]) -> list[_Named]:
        return [cls(name, key_of(name)) for name in names]


class _Finder:
    """What leads from names to keys; the paths of a million images are looked at only where that takes it."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = lines
        self._by_path: dict[str, str] | None = None
        self._seen: dict[str, str] = {}

    def key_of(self, name: str) -> str | None:
        """The key of an image by that, by its path as the run was given it, or by one from the present directory on."""
        return self._by_name(name) or self._of_file(locate(name.removeprefix("'")))

    def in_list(self, line: str, folder: Path) -> _Named | None:
        """What a line of a list in a folder names; None of a comment, and of an empty one.

        A file that is there is meant by its path, as it is where the list says what is to be segmented.
        """
        bare = line.strip()
        if bare in self._lines and not is_taken(folder / bare):
            return _Named(bare, bare)
        if (meant := meant_by(line, folder)) is None:
            return None
        path = in_list(meant, folder)
        if key := self._of_file(path):
            return _Named(bare, key)
        is_another = isinstance(path, StorePath) or is_taken(path)
        return _Named(bare, (bare if bare in self._lines else None) if is_another else self._by_name(bare))

    def _by_name(self, name: str) -> str | None:
        bare = name.removeprefix("'")  # which tables have before what a spreadsheet would take for a formula
        for likely in (name, bare, str(Path(bare).with_suffix("")) if Path(bare).name else bare):
            if likely in self._lines:
                return likely
        return self._known().get(composed(bare))

    def _of_file(self, path: Path) -> str | None:
        return self._known().get(composed(real(path)))

    def _known(self) -> Mapping[str, str]:
        if self._by_path is None:
            self._by_path = dict(self._paths())
        return self._by_path

    def lists(self, name: str, box: Sequence[str]) -> bool:
        """Whether the run has such a place; any is one where it has looked for none."""
        line = self._lines.get(self.key_of(name) or "")
        if line is None:
            return False
        return "regions" not in line or box in [[str(side) for side in region["box"]] for region in line["regions"]]

    def seen(self, name: str) -> str:
        """What there is to be seen of an image, as `seen_in` has it."""
        key = self.key_of(name) or ""
        if key not in self._seen:
            self._seen[key] = seen_in(self._lines.get(key))
        return self._seen[key]

    def _paths(self) -> Iterator[tuple[str, str]]:
        for key, line in self._lines.items():
            part = part_of(line)
            yield composed(name_of(line["input"], part)), key
            yield composed(name_of(real(input_of(line)), part)), key
            yield composed(key), key


def _in_file(argument: str, find: _Finder) -> tuple[list[_Named], list[str]]:
    """What is named in a list or table, and sentences on lines of it that count for nothing."""
    path = Path(argument[1:])
    try:
        text = read_text(path)
    except UnreadableTextError as error:
        raise PlanError(f"{argument}: the file {path} cannot be read ({error})") from None
    notices: list[str] = []
    if table := _table_in(text):
        names, notices = _in_table(path, *table, find)
        problem = f"no row of it that counts has the verdict {_WRONG}" if _VERDICT in table[0] else "it has no row"
    elif path.suffix.lower() == ".csv":
        raise PlanError(f"{path}: the table has no column {_KEY}; its columns are {text.split(chr(10))[0] or 'none'}")
    else:
        names = [named for line in text.split("\n") if (named := find.in_list(line, path.parent))]
        problem = "it has no line"
    if not names:
        raise PlanError("; ".join([f"{path}: names no image, for {problem}; there is nothing to be done", *notices]))
    return names, notices


def _in_table(path: Path, columns: Sequence[str], table: Table, find: _Finder) -> tuple[list[_Named], list[str]]:
    said, damaged = _said_in(columns, table, find)
    wrong: dict[str, None] = {}
    unlisted: dict[tuple[str, ...], None] = {}
    changed: list[str] = []
    for (place, seen), verdict in said.items():
        if verdict and place[1:] and not find.lists(place[0], [*place[1:]]):
            unlisted[place] = None
        elif verdict and seen:
            changed.append(place[0])
        elif verdict == _WRONG:
            wrong[place[0]] = None
    notices = [
        f"{path}: {count_of(len(keys), 'verdict')} {of} {_counts(keys)} for nothing, such as one of {keys[0]}"
        for keys, of in (
            ([place[0] for place in unlisted], "of places that this run does not list, of an earlier run perhaps,"),
            (changed, "on other label maps, or photographs, than the run has by now"),
        )
        if keys
    ]
    if damaged:
        numbers = first_of([str(line) for line in damaged], _NAMED)
        notices.append(
            f"{path}: {count_of(len(damaged), 'line')} cannot be read and {_counts(damaged)} for nothing ({numbers}): "
            f"a line has all columns of the first, and a verdict is right, {_WRONG} or empty"
        )
    return _Named.by(wrong, find.key_of), notices


def _counts(found: Sequence[object]) -> str:
    return "counts" if len(found) == 1 else "count"


def _table_in(text: str) -> tuple[tuple[str, ...], Table] | None:
    """The columns that count of a table of images; None of a list of names."""
    for columns in _COLUMNS:
        with contextlib.suppress(ValueError):
            table = read_csv(text.encode(), columns)
            return (columns, table) if columns != (_IMAGE,) or len(table.header) > 1 else None
    return None


def _said_in(
    columns: Sequence[str], table: Table, find: _Finder
) -> tuple[dict[tuple[tuple[str, ...], str], str], list[int]]:
    """What is said of each place, or image, and of what was seen of it; and the lines of the table that are no row.

    Where that is what there is to be seen now, or where nobody knows, it is empty.
    """
    said: dict[tuple[tuple[str, ...], str], str] = {}
    damaged = list(table.damaged)
    for line, row in zip(table.lines, table.rows, strict=True):
        cells = [cell.strip() for cell in row]
        verdict = cells.pop().lower() if _VERDICT in columns else _WRONG
        seen = cells.pop() if _SEEN in columns else ""
        if verdict not in _VERDICTS or not cells[0]:
            damaged.append(line)
        else:
            said[(*cells,), "" if seen and seen == find.seen(cells[0]) else seen] = verdict
    return said, sorted(damaged)
