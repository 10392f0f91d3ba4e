"""Laws of the tests themselves: they reach the package through its public names alone, and lie beside their source."""

import ast
from pathlib import Path

import pytest

import hypsegcli

TESTS = Path(__file__).resolve().parent
PACKAGE = Path(hypsegcli.__file__).resolve().parent
FILES = sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py"))

OF_NAMED_TUPLES = {"_replace", "_asdict", "_make", "_fields"}  # public, whatever they look like
PATCHES = {"setattr", "delattr", "patch", "object"}  # of pytest, the language, and unittest.mock


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in OF_NAMED_TUPLES


def uses_of_private_names(source: str, file: str) -> list[str]:
    """Private names of others that are patched, read, called or imported from the package."""
    uses = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=arguments) if called in PATCHES:
                texts = [each.value for each in arguments[:2] if isinstance(each, ast.Constant)]
                names = [text.rpartition(".")[2] for text in texts if isinstance(text, str)]
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=name):
                names = [name]
            case ast.ImportFrom(module=str(module), names=aliases) if module.split(".")[0] == "hypsegcli":
                names = [*module.split("."), *(alias.name for alias in aliases)]
            case _:
                continue
        uses += [f"{file}:{node.lineno}: uses the private name '{name}'" for name in names if is_private(name)]
    return uses


@pytest.mark.parametrize("file", FILES)
def test_no_test_uses_a_private_name(file: str) -> None:
    assert uses_of_private_names((TESTS / file).read_text(encoding="utf-8"), file) == []


@pytest.mark.parametrize(
    "source",
    [
        "monkeypatch.setattr(gallery, '_encode', str.encode)",
        "monkeypatch.setattr('hypsegcli.scores.gallery._encode', str.encode)",
        "patch.delattr(gallery, '_encode')",
        "setattr(gallery, '_encode', str.encode)",
        "mock.patch('hypsegcli.scores.gallery._encode')",
        "with mock.patch.object(gallery, '_encode'):\n    pass",
        "gallery._encode(picture)",
        "gallery._HEIGHT = 7",
        "def f():\n    from hypsegcli.scores.gallery import _encode",
    ],
)
def test_a_private_name_is_found(source: str) -> None:
    line = source.count("\n", 0, source.find("_encode")) + 1
    name = "_HEIGHT" if "_HEIGHT" in source else "_encode"
    assert uses_of_private_names(source, "test_x.py") == [f"test_x.py:{line}: uses the private name '{name}'"]


@pytest.mark.parametrize(
    "source",
    [
        "monkeypatch.setattr(gallery, 'strip', draw)",
        "monkeypatch.setattr('hypsegcli.scores.gallery.strip', draw)",
        "monkeypatch.setattr(module, '__file__', path)",
        "self._keys.append(gallery.__name__)",
        "record._replace(name='_low')._asdict()",
        "from torch.utils._pytree import tree_leaves",
    ],
)
def test_a_public_name_is_not_found(source: str) -> None:
    assert uses_of_private_names(source, "test_x.py") == []


LAWS_OF_ROOMS = {
    "run/test_memory.py",
    "checkpoint/test_mutations.py",
    "images/test_mutations.py",
    "cli/test_names.py",
}  # about several files of a room together


def without_a_source(file: str) -> bool:
    """Whether a test file below a room is called like no file of that room, and like no folder."""
    folder, _, name = file.rpartition("/")
    if not folder or not name.startswith("test_") or file in LAWS_OF_ROOMS:
        return False
    source = name.removeprefix("test_").removesuffix(".py")
    parts = PACKAGE / folder
    return not ((parts / f"{source}.py").is_file() or (parts / source).is_dir() or parts.name == source)


@pytest.mark.parametrize("file", FILES)
def test_every_test_file_has_a_source_of_its_name(file: str) -> None:
    assert not without_a_source(file)


def test_a_test_file_without_a_source_is_found() -> None:
    assert without_a_source("scores/test_strip.py")
    assert without_a_source("nowhere/test_gallery.py")
    for file in ("scores/test_gallery.py", "network/test_backbones.py", "network/conftest.py", "test_camvid.py"):
        assert not without_a_source(file)
