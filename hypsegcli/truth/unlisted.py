"""Ids that a map of ids does not list, and which stay: as classes that nobody may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.files.words import first_of
from hypsegcli.truth.diagnose import SHOWN, Wording
from hypsegcli.truth.masks import IdMap, count_ids


def ids_before(values: NDArray[Any], id_map: IdMap | None) -> frozenset[int]:
    """The ids that a mask holds, as its file has them; none where no map of ids is to translate them."""
    if id_map is None or id_map.colors is not None:
        return frozenset()
    return frozenset(count_ids(values, None, 0))


def unlisted_ids(
    ids: Iterable[int],
    id_map: IdMap | None,
    names: Sequence[str] = (),
    *,
    classes: int,
    ignore_index: int,
    wording: Wording,
) -> str | None:
    """What to say where some of the `ids` before the map are classes after it, by no line, that others became too.

    Lines may merge classes (3:2) into masks that number them as is meant: then there are more ids that stay than
    classes that lines lead to, and nothing is said. Nor is it where ids are merely exchanged (0:1 and 1:0).
    """
    listed = dict(id_map.changes) if id_map is not None else {}
    moved = {source: target for source, target in listed.items() if target not in (None, ignore_index, source)}
    targets = set(moved.values())
    stay = {value for value in ids if value not in listed and value != ignore_index and 0 <= value < classes}
    if targets == moved.keys():
        return None
    if stay <= targets or len(stay) < len(targets):  # the masks number classes in another way
        doubtful = sorted(stay)
    else:  # or some of them, where a line leads to an id that another one leads away from
        doubtful = sorted(stay & targets) if targets & moved.keys() else []
    if not doubtful:
        return None
    called = [f"{value} ({names[value]})" if names else str(value) for value in doubtful]
    return (
        f"the {wording.files} hold ids that {setting(wording.translation or 'map')} does not list, and which stay what "
        f"they are, while it gives others new numbers: {first_of(called, SHOWN)}; list them too, such as "
        f"{doubtful[0]}:void, or {doubtful[0]}:{doubtful[0]} where that is meant"
    )
