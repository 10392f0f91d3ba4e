"""What the books say of a run that has begun, and is stopped while it compares the folder with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Hypseg, photograph

SAVE = ("--save", "labels")


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def merged(hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two shards that has been merged; three photographs have come since."""
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        photograph(tmp_path / f"photos/{seed}.png", seed=seed, size=(48, 33))
    for shard in ("0/2", "1/2"):
        assert hypseg("predict", "photos", "--out", "out", *SAVE, "--shard", shard).code == 0
    assert hypseg("merge", "out").code == 0
    for seed in range(2, 5):
        photograph(tmp_path / f"photos/{seed}.png", seed=seed, size=(48, 33))
    return tmp_path / "out"


def begin(hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch, where: str, *arguments: object) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(where, stop)
        assert hypseg(*arguments, "--resume").code == 130


@pytest.mark.parametrize("where", ["ledger.look_back", "run.Ledger.open"])
@pytest.mark.parametrize("shards", [["0/2"], ["1/2"], ["1/2", "0/2"], ["2/3"]])
def test_shards_that_end_while_they_compare_a_merged_folder_are_not_forgotten(
    hypseg: Hypseg, merged: Path, monkeypatch: pytest.MonkeyPatch, shards: list[str], where: str
) -> None:
    """Nor are those that never begin."""
    for shard in shards:
        begin(
            hypseg, monkeypatch, f"hypsegcli.run.{where}", "predict", "photos", "--out", merged, *SAVE, "--shard", shard
        )
    found = hypseg("verify", merged)
    assert (found.code, "still to be done: 3 images" in found.stdout) == (3, True)
    found = hypseg("merge", merged)
    of = int(shards[0][-1])
    assert (found.code, found.stdout.splitlines()) == (3, [f"not begun: shard {index}/{of}" for index in range(of)])
    for index in range(of):
        shard = f"{index}/{of}"
        assert hypseg("predict", "photos", "--out", merged, *SAVE, "--shard", shard, "--resume").code == 0
    assert hypseg("merge", merged).code == 0
    assert hypseg("verify", merged).code == 0
    assert len((merged / "manifest.jsonl").read_text().splitlines()) == 5


def test_shards_that_end_while_they_compare_other_shards_are_not_forgotten(
    hypseg: Hypseg, merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever merges those, keeps what these were asked for."""
    for shard in ("0/2", "1/2"):
        assert hypseg("predict", "photos/0.png", "--out", merged, *SAVE, "--shard", shard, "--resume").code == 0
    look_back = "hypsegcli.run.ledger.look_back"
    begin(hypseg, monkeypatch, look_back, "predict", "photos", "--out", merged, *SAVE, "--shard", "1/3")
    for _ in range(2):
        found = hypseg("verify", merged)
        assert (found.code, "still to be done: 3 images" in found.stdout) == (3, True)
        hypseg("merge", merged)
    assert hypseg("predict", "photos", "--out", merged, *SAVE, "--resume").code == 0
    assert hypseg("verify", merged).code == 0


def test_shards_that_were_asked_for_nothing_new_have_begun_all_the_same(
    hypseg: Hypseg, merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The maps of this one are to be made otherwise."""
    images = ("photos/0.png", "photos/1.png")
    look_back = "hypsegcli.run.ledger.look_back"
    begin(
        hypseg,
        monkeypatch,
        look_back,
        "predict",
        *images,
        "--out",
        merged,
        "--save",
        "labels,overlay",
        "--shard",
        "0/2",
    )
    assert hypseg("verify", merged).code == 3
    assert hypseg("merge", merged).stdout == "not begun: shard 0/2\nnot begun: shard 1/2\n"
    assert hypseg("predict", *images, "--out", merged, *SAVE, "--resume").code == 0
    assert hypseg("verify", merged).code == 0
    assert not list(merged.glob("*-of-*.json*"))


def test_one_process_that_ends_while_it_compares_a_merged_folder_is_not_merged(
    hypseg: Hypseg, merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(hypseg, monkeypatch, "hypsegcli.run.ledger.look_back", "predict", "photos", "--out", merged, *SAVE)
    assert json.loads((merged / "run.json").read_text())["status"] == "interrupted"
    found = hypseg("merge", merged)
    assert (found.code, "holds no books of shards" in found.stderr) == (2, True)
    assert "still to be done: 3 images" in hypseg("verify", merged).stdout


def test_tables_go_only_when_the_books_know_of_the_shard(
    hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph(tmp_path / "photos/0.png", size=(48, 33))
    arguments = ("uncertainty", tmp_path / "photos", "--out", tmp_path / "out")
    assert hypseg(*arguments, "--shard", "0/1").code == 0
    assert hypseg("merge", tmp_path / "out").code == 0
    (tmp_path / "out/heatmap/0.png").unlink()  # so that there is something to do
    unlink = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        if path.name == "ranking.csv":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        assert hypseg(*arguments, "--shard", "0/1", "--resume").code == 130
    assert not (tmp_path / "out/ranking.csv").exists()
    assert hypseg("merge", tmp_path / "out").code == 3
    assert "missing: ranking.csv" in hypseg("verify", tmp_path / "out").stdout
    assert hypseg(*arguments, "--shard", "0/1", "--resume").code == 0
    assert hypseg("merge", tmp_path / "out").code == 0
    assert hypseg("verify", tmp_path / "out").code == 0
