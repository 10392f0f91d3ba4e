"""Runs from stores and into them: what comes of them, and how little is read to know it again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest
from support import Hypseg, make_checkpoint, photograph
from support.stores import HALF, Store, in_a_bucket

from hypsegcli.cli.app import main
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.run.etags import etags_of
from hypsegcli.run.plan import PlannedImage

MAPS = "labels/", "confidence/", "boundary/", "overlay/"


def maps(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.startswith(MAPS)}


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lines(store: Store, below: str = "out") -> dict[str, dict[str, object]]:
    found = [json.loads(line) for line in store[f"{below}/manifest.jsonl"].decode().splitlines()]
    return {line["key"]: line for line in found}


class Run(NamedTuple):
    """A run of a folder on this machine, and one of a bucket into it, made once."""

    photos: Path
    maps: dict[str, bytes]
    objects: dict[str, bytes]
    bucket: str


@pytest.fixture(scope="module")
def run(moto_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("run")
    for name, size, seed in (("a.jpg", (64, 48), 1), ("b.png", (64, 48), 2), ("sub/c.png", (50, 33), 3)):
        photograph(folder / "photos" / name, size=size, seed=seed)
    with pytest.MonkeyPatch.context() as patch, in_a_bucket(moto_port, patch) as store:
        patch.setattr("hypsegcli.inference.engines.choose.fastest", lambda device: "torch")
        store.fill(folder / "photos", "photos")
        for given, out in ((folder / "photos", folder / "out"), (store.at("photos"), store.at("out"))):
            assert main(["predict", str(given), "--out", str(out)]) == 0
        objects = {key: store[key] for key in store.keys()}  # noqa: SIM118 (it is no mapping)
        yield Run(folder / "photos", maps(files_in(folder / "out")), objects, store.name)


@pytest.fixture
def done(run: Run, store: Store) -> dict[str, bytes]:
    """The maps of that run, which the bucket holds as well, and the photographs."""
    for key, data in run.objects.items():
        store[key] = data.replace(run.bucket.encode(), store.name.encode())
    return run.maps


def test_a_bucket_into_a_bucket_is_the_run_of_a_folder_byte_for_byte(done: dict[str, bytes], store: Store) -> None:
    assert len(done) == 12
    assert maps(store.files("out")) == done
    assert sorted(set(store.files("out")) - done.keys()) == ["manifest.jsonl", "run.json"]
    assert json.loads(store["out/run.json"])["status"] == "finished"
    for line in lines(store).values():
        assert str(line["input"]).startswith(store.at("photos/"))
        assert "directory" not in line
    assert not any(b"EXAMPLE" in data for data in store.files("out").values())


@pytest.mark.parametrize("given", ["*.jpg", "**/c.png", "a.jpg", "sub"])
def test_patterns_objects_and_folders_are_named_as_files_are(
    hypseg: Hypseg, done: dict[str, bytes], run: Run, store: Store, tmp_path: Path, given: str
) -> None:
    there = hypseg("predict", store.at(f"photos/{given}"), "--out", tmp_path / "there", "--dry-run")
    here = hypseg("predict", run.photos / given, "--out", tmp_path / "there", "--dry-run")
    assert there.code == here.code == 0
    assert there.stdout == here.stdout.replace(str(run.photos), store.at("photos"))


def test_lists_name_objects_and_files_of_the_web(
    hypseg: Hypseg, done: dict[str, bytes], store: Store, tmp_path: Path
) -> None:
    store.client.put_object_acl(Bucket=store.name, Key="photos/b.png", ACL="public-read")
    web = f"{store.url}/{store.name}/photos/b.png"
    (tmp_path / "list.txt").write_text(f"{store.at('photos/a.jpg')}\n{web}?signature=SECRET\n")
    out = tmp_path / "listed"
    assert hypseg("predict", f"@{tmp_path}/list.txt", "--out", out).code == 0
    assert maps(files_in(out)) == {name: data for name, data in done.items() if "/sub/" not in name}
    assert not any(b"SECRET" in data for data in files_in(out).values())
    assert web.encode() in (out / "manifest.jsonl").read_bytes()
    store["photos/list.txt"] = b"a.jpg\nsub/c.png\n"
    outcome = hypseg("predict", f"@{store.at('photos/list.txt')}", "--out", store.at("listed"))
    assert outcome.code == 0, outcome.stderr
    assert maps(store.files("listed")) == {name: data for name, data in done.items() if "/b." not in name}


def test_resume_reads_neither_maps_nor_photographs_again(hypseg: Hypseg, done: dict[str, bytes], store: Store) -> None:
    store.asked.clear()
    outcome = hypseg("predict", store.at("photos"), "--out", store.at("out"), "--resume")
    assert outcome.code == 0
    assert "3 of 3 images done already" in outcome.stderr
    gets = [asked.path for asked in store.asked if asked.method == "GET" and "list-type" not in asked.path]
    assert all(path.endswith(("/manifest.jsonl", "/run.json", "/.hypseg.lock")) for path in gets), gets
    assert maps(store.files("out")) == done


def test_what_has_changed_is_done_again(hypseg: Hypseg, done: dict[str, bytes], store: Store, tmp_path: Path) -> None:
    store["out/labels/a.png"] = b"no map"
    del store["out/overlay/b.png"]
    store["photos/sub/c.png"] = photograph(tmp_path / "c.png", size=(50, 33), seed=9).read_bytes()
    store["out/confidence/a.png"] = store["out/confidence/a.png"]  # the same, by whoever
    verified = hypseg("verify", store.at("out"))
    assert verified.code == 3
    assert verified.stdout.splitlines() == [
        "missing: overlay/b.png", "changed: labels/a.png", f"changed photograph: {store.at('photos/sub/c.png')}"
    ]  # fmt: skip
    outcome = hypseg("predict", store.at("photos"), "--out", store.at("out"), "--resume")
    assert outcome.code == 0
    assert "3 of 3 images to be done again, changed since" in outcome.stderr
    assert {name: data for name, data in maps(store.files("out")).items() if "sub" not in name} == {
        name: data for name, data in done.items() if "sub" not in name
    }
    assert hypseg("verify", store.at("out")).code == 0


def test_objects_without_known_etags_are_read(hypseg: Hypseg, done: dict[str, bytes], store: Store) -> None:
    """As in books that came from another store."""
    bare = [{name: value for name, value in line.items() if name != "etags"} for line in lines(store).values()]
    store["out/manifest.jsonl"] = "".join(json.dumps(line) + "\n" for line in bare).encode()
    store.asked.clear()
    assert hypseg("verify", store.at("out")).code == 0
    assert store.count("GET", "/labels/") == 3
    store["out/labels/a.png"] = store["out/labels/a.png"][:-1] + b"!"
    assert hypseg("verify", store.at("out")).code == 3


def test_of_images_in_no_store_nothing_is_noted(tmp_path: Path) -> None:
    assert etags_of(PlannedImage(tmp_path / "a", PurePosixPath("a"), {"labels": tmp_path / "b"})) == {}


def test_a_run_that_was_killed_goes_on(hypseg: Hypseg, store: Store, tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "random.safetensors", flat_tree(["a", "b", "c"]))
    for number in range(106):
        photograph(tmp_path / f"photos/{number:03}.png", size=(24, 16), seed=number)
    store.fill(tmp_path / "photos", "photos")
    options = ["--checkpoint", str(checkpoint), "--engine", "torch", "--save", "labels", "--workers", "1"]
    command = ["predict", store.at("photos"), "--out", store.at("out"), *options]
    with subprocess.Popen([sys.executable, "-m", "hypsegcli", *command, "--quiet"]) as run:
        while store.count("PUT", "/labels/") < 103:
            assert run.poll() is None
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    assert len(lines(store)) == 100  # the last lines are lost, and their maps done again
    assert json.loads(store["out/run.json"])["status"] == "running"
    outcome = hypseg(*command, "--resume")
    assert outcome.code == 0, outcome.stderr
    assert "100 of 106 images done already" in outcome.stderr
    assert hypseg("predict", tmp_path / "photos", "--out", tmp_path / "out", *options).code == 0
    assert maps(store.files("out")) == maps(files_in(tmp_path / "out"))
    assert hypseg("verify", store.at("out")).code == 0
    assert ".hypseg.lock" not in store.files("out")


@pytest.mark.parametrize(("status", "sentence"), [(500, "the store answers 500"), (HALF, "cut off")])
def test_one_object_that_cannot_be_had_is_one_image(
    hypseg: Hypseg, photos: Path, store: Store, status: int, sentence: str
) -> None:
    store.fill(photos, "photos")
    store.rule = lambda method, path: (status, b"") if path.endswith("/photos/b.png") and method == "GET" else None
    outcome = hypseg("predict", store.at("photos"), "--out", store.at("out"))
    assert outcome.code == 3
    assert sentence in outcome.stderr
    assert (lines(store)["b"]["status"], lines(store)["b"]["code"]) == ("failed", "unreadable")
    store.rule = lambda method, path: None
    assert hypseg("predict", store.at("photos"), "--out", store.at("out"), "--resume").code == 0


def test_one_map_that_cannot_be_written_is_one_image(hypseg: Hypseg, photos: Path, store: Store) -> None:
    store.fill(photos, "photos")
    store.rule = lambda method, path: (503, b"") if method == "PUT" and path.endswith("/overlay/b.png") else None
    assert hypseg("predict", store.at("photos"), "--out", store.at("out")).code == 3
    assert lines(store)["b"]["code"] == "unwritable"
    assert "labels/b.png" not in store.files("out")


def test_a_store_that_is_gone_for_good_ends_the_run_which_goes_on_later(
    hypseg: Hypseg, done: dict[str, bytes], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = b"<Error><Code>NoSuchBucket</Code></Error>"
    store.rule = lambda method, path: (404, gone) if method == "GET" and path.endswith("/photos/b.png") else None
    outcome = hypseg("predict", store.at("photos"), "--out", store.at("again"))
    assert outcome.code == 1
    assert "no such bucket" in outcome.stderr
    assert json.loads(store["again/run.json"])["status"] == "aborted"
    store.rule = lambda method, path: None
    assert hypseg("predict", store.at("photos"), "--out", store.at("again"), "--resume").code == 0
    assert maps(store.files("again")) == done


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_what_cannot_be_carried_out_is_refused_before_the_first_image(
    hypseg: Hypseg, photos: Path, store: Store, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    store.fill(photos, "photos")
    refused = {
        (store.at("nothing"), store.at("out")): "no such object",
        ("s3://no-bucket-here/a", store.at("out")): "there is no such bucket",
        (store.at("photos"), "s3://no-bucket-here/out"): "there is no such bucket",
        (store.at("photos"), store.at("photos/out")): "input folder",
        (store.at("photos"), f"{store.url}/out"): "cannot be written",
        (store.at("photos/a.jpg"), store.at("photos/a.jpg/out")): "this is a file",
    }
    for (given, out), sentence in refused.items():
        outcome = hypseg(command, given, "--out", out)
        assert (outcome.code, outcome.stderr.count("\n")) == (2, 1), outcome.stderr
        assert sentence in outcome.stderr
    keys = store.keys()
    denied = b"<Error><Code>InvalidAccessKeyId</Code></Error>"
    store.rule = lambda method, path: (403, b"" if method == "HEAD" else denied)
    for given in (store.at("photos"), str(photos)):
        outcome = hypseg(command, given, "--out", store.at("out"))
        assert (outcome.code, outcome.stderr.count("\n")) == (2, 1), outcome.stderr
        assert "refuses these credentials" in outcome.stderr
        assert "AKIDEXAMPLE" not in outcome.stderr
    store.rule = lambda method, path: (403, b"<Error><Code>AccessDenied</Code></Error>") if method == "PUT" else None
    outcome = hypseg(command, store.at("photos"), "--out", store.at("out"))
    assert outcome.code != 0
    assert "refuses it to these credentials" in outcome.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store.rule = lambda method, path: None
    assert store.keys() == keys


def test_a_ranking_of_a_bucket_is_that_of_a_folder(hypseg: Hypseg, photos: Path, store: Store, tmp_path: Path) -> None:
    store.fill(photos, "photos")
    assert hypseg("uncertainty", photos, "--out", tmp_path / "out").code == 0
    for resume in ((), ("--resume",)):
        outcome = hypseg("uncertainty", store.at("photos"), "--out", store.at("out"), *resume)
        assert outcome.code == 0, outcome.stderr
    here = (tmp_path / "out/ranking.csv").read_bytes().replace(str(photos).encode(), store.at("photos").encode())
    assert store["out/ranking.csv"] == here
    assert hypseg("verify", store.at("out")).code == 0
