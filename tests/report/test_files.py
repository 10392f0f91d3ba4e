"""What is left of an evaluation, and of its merging, whenever it is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.parts import ASKED, leave, part_of, samples

from hypsegcli.errors import PlanError
from hypsegcli.files.hold import LOCK
from hypsegcli.files.shard import Shard
from hypsegcli.metrics.report_file import read_report
from hypsegcli.report.assemble import Built, build_report
from hypsegcli.report.files import finish_merging, refuse_earlier, was_merging, write_results
from hypsegcli.report.merged import NOTE
from hypsegcli.report.part import Part
from hypsegcli.report.shards import find_shards, merge_shards

SAMPLES = samples(5)
FILES = ["per_image.csv", "replicates.npz", "report.html", "report.json"]


def built(part: Part) -> Built:
    return build_report(
        part.evaluation,
        subject=ASKED.subject(part.evaluation),
        tree=ASKED.tree,
        measures=ASKED.measures,
        convention=ASKED.convention,
        over=ASKED.over,
        dropout=ASKED.dropout,
    )


def content(folder: Path) -> dict[str, bytes]:
    """All but the lock, which a killed process leaves open to the next."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != LOCK}


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out, part = tmp_path_factory.mktemp("one"), part_of(SAMPLES)
    write_results(out, built(part), part, replace=False)
    return content(out)


def merge(out: Path) -> None:
    """As the command does."""
    finish_merging(out)
    if not find_shards(out):
        return
    merged = merge_shards(out, find_shards(out))
    write_results(out, built(merged.part), merged.part, replace=was_merging(out), merged=merged.files)


class KilledError(BaseException):
    """Where nothing that follows is done any more."""


class Mortal:
    """Counts what is done to names of files; from the one on that it dies at, nothing is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, dies_at: int) -> None:
        self.done, self.dies_at = 0, dies_at
        for name in ("replace", "unlink", "hardlink_to"):
            monkeypatch.setattr(Path, name, self._counted(getattr(Path, name)))

    def _counted(self, act: Any) -> Any:
        def counted(*arguments: Any, **options: Any) -> Any:
            if self.done >= self.dies_at:
                raise KilledError
            self.done += 1
            return act(*arguments, **options)

        return counted


def test_a_merging_that_is_killed_anywhere_is_merged_by_the_next_one(
    tmp_path: Path, one_run: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "shards"
    for index in range(3):
        leave(sources, SAMPLES, Shard(index, 3))
    shards, dies_at, halfway = content(sources), 0, set()
    while True:
        out = tmp_path / f"{dies_at}"
        out.mkdir()
        for name, data in shards.items():
            (out / name).write_bytes(data)
        with monkeypatch.context() as patch:
            mortal = Mortal(patch, dies_at)
            try:
                merge(out)
                break
            except KilledError:
                pass
        assert mortal.done == dies_at
        left = {path.name for path in out.iterdir()}
        halfway.add((*sorted(left & {*FILES, NOTE}), len(left & shards.keys())))
        assert "report.json" in left or left >= shards.keys()  # nothing is lost
        merge(out)
        assert content(out) == one_run
        dies_at += 1
    assert content(out) == one_run
    assert {(3,), (NOTE, *FILES, 3), (NOTE, *FILES, 1), (NOTE, *FILES, 0), (NOTE, *FILES[:2], 3)} <= halfway


def test_shards_that_were_evaluated_anew_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a report that was killed while it removed them, and of a report that is another's by now."""
    for index in range(2):
        leave(tmp_path, SAMPLES, Shard(index, 2))
    with monkeypatch.context() as patch:
        Mortal(patch, 7)
        with pytest.raises(KilledError):
            merge(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {NOTE, "report.json", "shard.1-of-2.npz"}
    anew = leave(tmp_path, SAMPLES[:4], Shard(1, 2), replace=True)
    assert finish_merging(tmp_path) is not None
    assert find_shards(tmp_path) == [Shard(1, 2)]
    assert anew.exists()
    assert not (tmp_path / NOTE).exists()


def test_an_evaluation_in_one_replaces_shards_only_where_it_is_told_to(tmp_path: Path) -> None:
    leave(tmp_path, SAMPLES, Shard(0, 2))
    part = part_of(SAMPLES)
    with pytest.raises(PlanError, match=r"shard\.0-of-2\.npz: is there already"):
        write_results(tmp_path, built(part), part, replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["shard.0-of-2.npz"]
    write_results(tmp_path, built(part), part, replace=True)
    assert sorted(content(tmp_path)) == FILES
    assert read_report(tmp_path / "report.json").images == len(SAMPLES)
    with pytest.raises(PlanError, match=r"report\.json: is there already"):
        refuse_earlier(tmp_path)


def test_a_note_that_leads_elsewhere_removes_nothing(tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other.txt"
    part = part_of(SAMPLES)
    other.write_text("mine")
    sha256 = "3fd30542fe3f61b14bd4a4b2dc0b6fb30fa6f63ebce52dd1778aaa8c4dc02cff"
    write_results(out, built(part), part, merged={"../other.txt": sha256, str(other): sha256})
    assert other.exists()
    assert sorted(content(out)) == FILES
