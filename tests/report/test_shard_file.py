"""The file of a shard: what is read is what was written, and what is none is refused in a sentence."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.parts import ASKED, leave, samples

from hypsegcli.errors import DataError, UsageError
from hypsegcli.files.shard import Shard
from hypsegcli.metrics.records import Match, MatchedCluster
from hypsegcli.report.shard_file import read_head, read_shard, refuse_too_large
from hypsegcli.report.shards import shard_file
from hypsegcli.truth.mask_colors import MaskColors
from hypsegcli.truth.masks import IdMap

SAMPLES = samples(3)
SHARD = Shard(1, 2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    path = leave(tmp_path_factory.mktemp("whole"), SAMPLES, SHARD)
    with np.load(path) as archive:
        return dict(archive)


def test_all_that_was_asked_comes_back(tmp_path: Path) -> None:
    """Numbers to the last bit, and what is not there in most evaluations."""
    rows = [MatchedCluster(cluster="0", matched=None, pixels=3, share=float("nan"))]
    rows += [MatchedCluster(cluster="1", matched="road", pixels=3, share=1 / 3)]
    asked = ASKED.model_copy(
        update={
            "match": Match(method="majority", images=3, clusters=rows),
            "id_map": IdMap(((65535, None), (3, 1)), MaskColors("", (1, 2), (0, 65535), ())),
            "dropout": (10, 0.1 + 0.2),
            "maps_of_nodes": ASKED.rules[0],
        }
    )
    path = leave(tmp_path, SAMPLES, SHARD, asked=asked)
    head = read_head(path)
    assert head.asked == asked
    assert head.asked.scheme == asked.scheme
    assert head.shard == SHARD
    with np.load(path, allow_pickle=False) as archive:  # as anybody reads it
        assert {archive[name].dtype.kind for name in archive.files} == {"u", "i", "f"}
        assert archive["bootstrap"].dtype == np.int64


def test_the_file_is_the_same_for_the_same_images(tmp_path: Path) -> None:
    paths = [leave(tmp_path / name, SAMPLES, SHARD) for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def with_head(**changes: Any) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    def change(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        head = json.loads(arrays["head"].tobytes()) | changes
        return {"head": np.frombuffer(json.dumps(head).encode(), np.uint8)}

    return change


def with_asked(**changes: Any) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    def change(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return with_head(asked=json.loads(arrays["head"].tobytes())["asked"] | changes)(arrays)

    return change


SPOILED: dict[str, Callable[[dict[str, np.ndarray]], dict[str, Any]]] = {
    "objects": lambda arrays: {"known": np.array([{}], object)},
    "a sum of another shape": lambda arrays: {"witness": arrays["witness"][:-1]},
    "a sum that would be added to all": lambda arrays: {"tally.edges": arrays["tally.edges"][:1]},
    "a sum of another type": lambda arrays: {"tally.edges": arrays["tally.edges"].astype(np.float64)},
    "a sum that is missing": lambda arrays: {"bootstrap": None},
    "less than nothing": lambda arrays: {"tally.confusion": arrays["tally.confusion"] - 10**9},
    "more than everything": lambda arrays: {"tally.tables": arrays["tally.tables"] + 2**50},
    "a row less": lambda arrays: {"rows.keys": arrays["rows.keys"][:0]},
    "numbers of a row less": lambda arrays: {"rows.numbers": arrays["rows.numbers"][:0]},
    "another number of images": lambda arrays: {"tally.images": arrays["tally.images"] + 1},
    "a picture that is cut": lambda arrays: {"worst.pictures": arrays["worst.pictures"][:-1]},
    "more replicates than memory": with_asked(replicates=10**12),
    "more measures than memory": with_asked(measures={f"{index}": ["a", 1.0] for index in range(4000)}, main=None),
    "more replicates than numbers": with_asked(replicates=10**30),
    "colours of other classes": with_asked(colors=[[0, 0, 0]]),
    "a main measure that is none": with_asked(main="norm"),
    "fewer replicates than are there": with_asked(replicates=3),
    "a shard that cannot be": with_head(index=2),
    "no seconds": with_head(seconds={}),
    "a field that is unknown": with_head(more=1),
    "more images than anybody has": with_head(plan={"images": 10**15, "keys_sha256": "", "sizes_sha256": ""}),
    "no JSON": lambda arrays: {"head": np.frombuffer(b"{", np.uint8)},
    "a head of brackets": lambda arrays: {"head": np.frombuffer(b"[" * 100_000, np.uint8)},
    "no head": lambda arrays: {"head": None},
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_no_shard_is_refused_in_a_sentence(tmp_path: Path, whole: dict[str, np.ndarray], kind: str) -> None:
    arrays = {name: values for name, values in (whole | SPOILED[kind](whole)).items() if values is not None}
    path = shard_file(tmp_path, SHARD)
    np.savez(path, allow_pickle=True, **arrays)
    with pytest.raises((DataError, UsageError), match=r"shard|replicates") as raised:
        read_shard(path)
    assert len(str(raised.value)) < 300 + len(str(path))


def test_a_file_that_is_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    path = leave(tmp_path, SAMPLES, SHARD)
    content = path.read_bytes()
    for end in (0, 10, 5000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match="evaluate that shard again with overwrite"):
            read_shard(path)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content) - 2000, 12).tolist():
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        with pytest.raises(DataError, match="cannot be read as a shard"):
            read_shard(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read as a shard"):
        read_head(path)


def test_a_member_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path, whole: dict[str, np.ndarray]) -> None:
    """64 MB of nothing, which take a few kilobytes, in the place of a handful of numbers."""
    path = shard_file(tmp_path, SHARD)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in whole.items():
            file = io.BytesIO()
            np.save(file, np.zeros(8_000_000, np.int64) if name == "known" else values)
            archive.writestr(f"{name}.npy", file.getvalue())
    with pytest.raises(DataError, match=r"known has 64,000,128 bytes, more than the 16 expected"):
        read_shard(path)


def test_another_version_is_told(tmp_path: Path, whole: dict[str, np.ndarray]) -> None:
    path = shard_file(tmp_path, SHARD)
    np.savez(path, allow_pickle=False, **(whole | with_head(hypseg_version="9.9", what_is_new=1)(whole)))
    with pytest.raises(UsageError, match=rf"hypseg 9\.9 has made it, and this is {version('hypseg')}; merge with that"):
        read_head(path)


def test_sums_that_nobody_could_read_are_refused_before_they_are_counted() -> None:
    refuse_too_large(ASKED)
    with pytest.raises(UsageError, match="take fewer replicates with bootstrap"):
        refuse_too_large(ASKED.model_copy(update={"replicates": 10**6}))
