"""Checkpoints of a hub: the bytes that it lists and no others, also out of a cache and without a network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from support.web import Answer, Hub, Repository, failing, giving, hanging_up, saying_nothing

from hypsegcli.checkpoint.remote.address import HubAddress, read_address
from hypsegcli.checkpoint.remote.hub import fetch_from_hub
from hypsegcli.checkpoint.remote.kept import cache_folder
from hypsegcli.errors import CheckpointError, UsageError

DATA, NEXT = bytes(range(256)) * 400, bytes(range(255, -1, -1)) * 400
PLACE = "hf://me/streets"


@pytest.fixture
def repository(hub: Hub) -> Repository:
    """One with a commit, on main, of one checkpoint and a file that is none."""
    hub.repositories["me/streets"] = repository = Repository()
    repository.commit({"README.md": b"# streets", "m.safetensors": DATA})
    return repository


def fetch(given: str = PLACE, **options: Any) -> tuple[bytes, str, list[str]]:
    """The bytes, the address of their commit, and what was said on the way."""
    told: list[str] = []
    address = read_address(given)
    assert isinstance(address, HubAddress)
    path, pinned = fetch_from_hub(address, tell=told.append, advance=lambda here, total: None, **options)
    return path.read_bytes(), str(pinned), told


def refusal(given: str = PLACE, kind: type[Exception] = CheckpointError, **options: Any) -> str:
    """The one line that says why there is no checkpoint."""
    with pytest.raises(kind) as error:
        fetch(given, **options)
    assert "\n" not in str(error.value)
    assert "hf://me/" in str(error.value)
    return str(error.value)


def blobs(folder: Path) -> list[Path]:
    """The files that the client keeps, without halves that older ones go on with."""
    return [path for path in (folder / "hf").rglob("blobs/*") if path.is_file() and path.suffix != ".incomplete"]


def test_a_branch_is_looked_up_and_its_commit_told(hub: Hub, repository: Repository) -> None:
    commit = repository.branches["main"]
    pinned = f"{PLACE}@{commit}/m.safetensors"
    assert fetch() == (DATA, pinned, [f"{PLACE}@main is {pinned}", f"fetching {pinned} (0.1 MB)"])
    hub.asked.clear()
    assert fetch() == (DATA, pinned, [f"{PLACE}@main is {pinned}"])
    assert hub.asked == ["GET /api/models/me/streets/revision/main?blobs=true"]


def test_what_a_branch_has_become_is_what_is_taken(repository: Repository) -> None:
    before = fetch()[1]
    repository.commit({"m.safetensors": NEXT})
    data, after, _ = fetch()
    assert (data, after != before) == (NEXT, True)
    assert fetch(before)[0] == DATA


def test_a_file_of_a_commit_that_is_here_needs_nobody(hub: Hub, repository: Repository) -> None:
    pinned = fetch()[1]
    hub.asked.clear()
    assert fetch(pinned) == (DATA, pinned, [])
    assert hub.asked == []


def test_it_needs_not_even_the_client(hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = fetch()[1]
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert fetch(pinned)[0] == DATA


def test_without_the_client_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"need the hub's client: pip install 'hypseg\[hub\]'"):
        fetch()


def test_bytes_are_counted_as_they_come(repository: Repository) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch_from_hub(HubAddress("me/streets"), tell=print, advance=lambda *counts: seen.append(counts))
    assert seen == sorted(seen)
    assert seen[-1] == (len(DATA), len(DATA))


def test_a_file_that_git_itself_keeps_is_compared_as_git_does(hub: Hub, repository: Repository, tmp_path: Path) -> None:
    repository.in_git = True
    pinned = fetch()[1]
    (blob,) = blobs(tmp_path)
    assert len(blob.name) == 40
    blob.write_bytes(NEXT)
    assert fetch(pinned)[0] == DATA, "what was noted of it is its SHA-256 all the same"
    hub.spoil = lambda data: giving(data[:-1] + b"?")
    repository.commit({"m.safetensors": NEXT})
    assert "git's SHA-1" in refusal()


@pytest.mark.parametrize("given", [PLACE, "pinned"])
def test_a_damaged_file_of_the_right_size_is_fetched_again(
    hub: Hub, repository: Repository, tmp_path: Path, given: str
) -> None:
    pinned = fetch()[1]
    (blob,) = blobs(tmp_path)
    blob.write_bytes(NEXT)
    data, _, told = fetch(pinned if given == "pinned" else given)
    assert data == DATA
    assert any(f"is not what the hub lists as {pinned}; it is fetched again" in sentence for sentence in told)
    hub.asked.clear()
    assert fetch(pinned)[0] == DATA
    assert hub.asked == []


def test_the_client_alone_would_have_taken_it(hub: Hub, repository: Repository, tmp_path: Path) -> None:
    import huggingface_hub

    fetch()
    (blob,) = blobs(tmp_path)
    blob.write_bytes(NEXT)
    path = huggingface_hub.hf_hub_download("me/streets", "m.safetensors", endpoint=hub.url)
    assert Path(path).read_bytes() == NEXT


def test_a_damaged_file_is_not_taken_where_nobody_can_be_asked(
    hub: Hub, repository: Repository, tmp_path: Path
) -> None:
    pinned = fetch()[1]
    blobs(tmp_path)[0].write_bytes(NEXT)
    hub.down = hanging_up
    for given in (PLACE, pinned):
        assert "not what it was when" in refusal(given)
    blobs(tmp_path)[0].unlink()
    assert "is gone, or not what it was" in refusal()


@pytest.mark.parametrize("git", [True, False])
def test_another_file_than_is_listed_is_refused_twice_and_not_kept(
    hub: Hub, repository: Repository, tmp_path: Path, git: bool
) -> None:
    repository.in_git = git
    hub.spoil = lambda data: giving(NEXT)
    sentence = refusal()
    assert hashlib.sha256(NEXT).hexdigest() in sentence
    assert git or hashlib.sha256(DATA).hexdigest() in sentence
    assert blobs(tmp_path) == []
    hub.spoil = lambda data: None
    assert fetch()[0] == DATA


def test_one_bad_transfer_is_made_good(hub: Hub, repository: Repository) -> None:
    spoiled = iter([giving(NEXT)])
    hub.spoil = lambda data: next(spoiled, None)
    data, _, told = fetch()
    assert data == DATA
    assert any("what came is not what the hub lists" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("spoiled", "part"),
    [
        (giving(DATA[:1000]), "cannot be fetched (Consistency check failed"),
        (giving(DATA[:1000], length=len(DATA)), "cannot be fetched ("),
        (failing(403), "does not let this token in (403)"),
        (failing(500), "cannot be fetched (the hub answers 500); try again"),
        (hanging_up, "cannot be fetched ("),
    ],
)
def test_half_a_file_is_a_sentence_and_not_kept(
    hub: Hub, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoiled: Answer, part: str
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the client's trials
    hub.spoil = lambda data: spoiled
    assert part in refusal()
    assert blobs(tmp_path) == []


@pytest.mark.parametrize("down", [hanging_up, failing(503), failing(429), giving(b"<html>"), giving(b"{}")])
def test_where_a_hub_is_down_a_branch_is_what_it_was(hub: Hub, repository: Repository, down: Answer) -> None:
    pinned = fetch()[1]
    hub.down = down
    data, found, told = fetch()
    assert (data, found) == (DATA, pinned)
    assert told[0].startswith(f"{PLACE}@main cannot be looked up (")
    assert told[0].endswith(f"it was {pinned}, which is taken")
    assert fetch(pinned) == (DATA, pinned, [])
    assert "has not been fetched before; run `hypseg info hf://me/other@main` once" in refusal("hf://me/other")


def test_a_hub_that_says_nothing_is_not_waited_for(hub: Hub) -> None:
    over = threading.Event()
    hub.down = saying_nothing(over)
    assert "cannot be looked up (" in refusal(patience=0.2)
    over.set()


def test_offline_nobody_is_asked(hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = fetch()[1]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    hub.asked.clear()
    assert fetch()[:2] == (DATA, pinned)
    assert fetch(pinned) == (DATA, pinned, [])
    assert "cannot be looked up (HF_HUB_OFFLINE is set)" in refusal("hf://me/other")
    assert hub.asked == []


def test_the_variable_of_the_environment_is_heard(hub: Hub, repository: Repository, tmp_path: Path) -> None:
    code = (
        "from hypsegcli.checkpoint.remote.fetch import fetch\n"
        f"print(fetch('{PLACE}', tell=print, advance=lambda here, total: None)[1])"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path / "home")}

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, env=environment | more, check=False)

    pinned = f"{PLACE}@{repository.branches['main']}/m.safetensors"
    assert "HF_HUB_OFFLINE is set), and has not been fetched before" in run(HF_HUB_OFFLINE="1").stderr
    assert hub.asked == []
    assert run().stdout.endswith(f"{pinned}\n")
    hub.asked.clear()
    done = run(HF_HUB_OFFLINE="1")
    assert (done.stdout.splitlines()[-1], done.stderr) == (pinned, "")
    assert hub.asked == []


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("hf://me/nothing", "there is no such repository, or it is private"),
        (f"{PLACE}@v9", "has no branch, tag or commit v9"),
        (f"{PLACE}/x.safetensors", "has no x.safetensors; there are m.safetensors"),
    ],
)
def test_what_is_not_there_is_a_sentence(repository: Repository, given: str, part: str) -> None:
    fetch()
    assert part in refusal(given)


def test_a_repository_without_a_checkpoint_is_a_sentence(repository: Repository) -> None:
    repository.commit({"state.pt": DATA})
    assert "has no file that ends in .safetensors" in refusal()


def test_of_several_files_one_has_to_be_named(repository: Repository) -> None:
    repository.commit({"a.safetensors": DATA, "in/b.safetensors": NEXT})
    sentence = refusal(kind=UsageError)
    assert "2 files that end in .safetensors (a.safetensors, in/b.safetensors)" in sentence
    assert sentence.endswith(f"name the one that is meant: {PLACE}@main/a.safetensors")
    assert fetch(f"{PLACE}/in/b.safetensors")[0] == NEXT


def test_one_that_is_too_large_is_not_fetched(hub: Hub, repository: Repository) -> None:
    assert "m.safetensors has 0.0 GB, and no checkpoint of hypseg's is as large" in refusal(most=1000)
    assert len(hub.asked) == 1


def test_a_private_repository_is_read_with_the_client_s_token(
    hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.token = "hf_secret"
    assert "private; look at its name, or log in with `hf auth login`, or set HF_TOKEN" in refusal()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    data, pinned, told = fetch()
    assert data == DATA
    notes = "".join(path.read_text() for path in cache_folder().rglob("*.json"))
    assert notes
    assert "secret" not in "".join((pinned, *told, notes))


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (failing(401), "log in with `hf auth login`"),
        (failing(403), "does not let this token in (403)"),
        (failing(403, X_Error_Code="GatedRepo"), "ask for access on its page"),
        (failing(418), "the hub answers 418 and no file"),
        (giving(b'{"id": "me/streets", "sha": "abc", "siblings": []}'), "check HF_ENDPOINT"),
    ],
)
def test_what_a_hub_answers_is_a_sentence(hub: Hub, answer: Answer, part: str) -> None:
    hub.down = answer
    assert part in refusal()


def test_what_was_noted_and_cannot_be_read_is_nothing(hub: Hub, repository: Repository) -> None:
    pinned = fetch()[1]
    for note in cache_folder().rglob("*.json"):
        note.write_text("[]")
    hub.asked.clear()
    assert fetch(pinned)[0] == DATA
    assert len(hub.asked) == 1, "the file itself is still here"


def test_a_cache_that_cannot_be_written_is_a_sentence(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "hf").write_bytes(b"a file in its place")
    assert "hf" in refusal()


def test_another_hub_has_other_repositories(hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = fetch()[1]
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "has not been fetched before" in refusal(pinned)
