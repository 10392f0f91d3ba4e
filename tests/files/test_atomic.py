"""A file is complete or absent."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hypsegcli.errors import PlanError
from hypsegcli.files.atomic import append, replacing, sweep, write_atomically, writing


def test_writes_makes_folders_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "map.png"
    write_atomically(target, b"one")
    assert target.read_bytes() == b"one"
    write_atomically(target, b"two")
    assert target.read_bytes() == b"two"
    assert [entry.name for entry in target.parent.iterdir()] == ["map.png"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_mode_follows_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "map.png", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "map.png").stat().st_mode) == mode


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "a"])
def test_a_name_of_any_length_the_file_system_allows(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("raised", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_failed_replace_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException, old: bytes | None
) -> None:
    target = tmp_path / "map.png"
    if old is not None:
        target.write_bytes(old)
    seen: list[tuple[Path, Path, bytes]] = []

    def fail(source: str | Path, destination: str | Path, **_: object) -> None:
        seen.append((Path(source), Path(destination), Path(source).read_bytes()))
        raise raised

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(type(raised)):
        write_atomically(target, b"new")
    temporary, destination, content = seen[0]
    assert temporary.parent == tmp_path
    assert temporary.name.startswith(".")
    assert str(os.getpid()) in temporary.name
    assert (destination, content) == (target, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ([] if old is None else ["map.png"])
    assert old is None or target.read_bytes() == old


def test_a_failed_write_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "map.png", "text, not bytes")  # type: ignore[arg-type]  # what is tested
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_file_system_come_through(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "folder", b"x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file" / "map.png", b"x")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_a_link_is_replaced_and_what_it_leads_to_is_kept(tmp_path: Path) -> None:
    (tmp_path / "precious.png").write_bytes(b"precious")
    (tmp_path / "map.png").symlink_to(tmp_path / "precious.png")
    write_atomically(tmp_path / "map.png", b"new")
    assert (tmp_path / "precious.png").read_bytes() == b"precious"
    assert (tmp_path / "map.png").read_bytes() == b"new"


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("there", ["a file", "a link to nowhere", "nothing"])
def test_what_appears_meanwhile_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str, *, links: bool
) -> None:
    """Also on a file system that knows no links."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "map.png"

    def write() -> None:
        with replacing(path, replace=False) as file:
            if there == "a file":
                path.write_bytes(b"another's")
            elif there != "nothing":
                path.symlink_to("nowhere")
            file.write(b"new")

    if there == "nothing":
        write()
        assert path.read_bytes() == b"new"
    else:
        with pytest.raises(PlanError, match=r"map\.png: is there already; replace it with overwrite"):
            write()
        assert path.is_symlink() or path.read_bytes() == b"another's"
        assert not (tmp_path / "nowhere").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.png"]


def test_several_files_take_their_places_together(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    paths[1].write_bytes(b"old")
    with writing(dict.fromkeys(paths, b"new")):
        assert [path.read_bytes() for path in paths if path.exists()] == [b"old"]
    assert [path.read_bytes() for path in paths] == [b"new"] * 3
    with pytest.raises(TypeError), writing({paths[0]: b"newer", paths[1]: "text"}):  # type: ignore[dict-item]
        pass
    assert [path.read_bytes() for path in paths] == [b"new"] * 3
    assert len(list(tmp_path.iterdir())) == 3


def test_several_new_files_appear_or_none(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    with pytest.raises(PlanError, match="b: is there already"), writing(dict.fromkeys(paths, b"new"), replace=False):
        paths[1].write_bytes(b"another's")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b": b"another's"}
    paths[1].unlink()
    with writing(dict.fromkeys(paths, b"new"), replace=False):
        pass
    assert [path.read_bytes() for path in paths] == [b"new"] * 3


def test_what_is_appended_comes_last(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"one\n")
    append(tmp_path / "lines", b"two\n")
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"
    with pytest.raises(FileNotFoundError):
        append(tmp_path / "gone", b"two")
    assert not (tmp_path / "gone").exists()


@pytest.mark.skipif(os.name == "nt", reason="there are no limits of resources")
def test_what_cannot_be_appended_whole_is_not_appended(tmp_path: Path) -> None:
    """Here for a limit of the file's size, else for a full disk."""
    import resource
    import signal

    path = tmp_path / "lines"
    path.write_bytes(b"one\n")
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6, before[1]))
    try:
        with pytest.raises(OSError, match="lines"):
            append(path, b"two\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == b"one\n"


def test_an_error_of_a_write_names_the_file_that_was_to_be(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"map\.png") as raised, replacing(tmp_path / "map.png"):
        raise OSError(28, "No space left on device")
    assert raised.value.filename == str(tmp_path / "map.png")


@pytest.mark.skipif(os.name == "nt", reason="there is nothing held there, and nothing swept")
def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    killed = "import os, sys; from pathlib import Path; from hypsegcli.files.atomic import replacing\n"
    killed += "with replacing(Path(sys.argv[1])): os._exit(9)"
    for name in ("a", "maps/b", "maps/deep/c", "other/d"):
        subprocess.run([sys.executable, "-c", killed, str(tmp_path / name)], check=False)
    (tmp_path / ".hypseg-note.tmp").touch()
    (tmp_path / "mine.tmp").touch()
    assert len(list(tmp_path.rglob(".hypseg-*-*.tmp"))) == 4
    with replacing(tmp_path / "maps/living") as file:
        sweep(tmp_path, ["maps", "none"])
        file.write(b"x")
    left = {path.relative_to(tmp_path).parent.as_posix() for path in tmp_path.rglob(".hypseg-*-*.tmp")}
    assert left == {"other"}
    assert (tmp_path / "maps/living").read_bytes() == b"x"
    assert {path.name for path in tmp_path.iterdir()} == {".hypseg-note.tmp", "mine.tmp", "maps", "other"}
