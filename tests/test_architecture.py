"""Which room may import which, and who may print: the house's plan as a table, held against the code."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Set
from pathlib import Path

import pytest

import hypsegcli

PACKAGE = Path(hypsegcli.__file__).resolve().parent

# From top to bottom. A room imports only from rows below its own; rooms of one row do not know each other.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"__init__"}),  # the package's face in Python: it leads to all but the command line
    frozenset({"__main__"}),
    frozenset({"cli"}),
    frozenset({"api"}),
    frozenset({"segmentation"}),
    frozenset({"review"}),
    frozenset({"training", "run"}),
    frozenset({"report"}),
    frozenset({"scores", "products", "export"}),
    frozenset({"truth"}),
    frozenset({"annotation"}),
    frozenset({"inference"}),
    frozenset({"checkpoint"}),
    frozenset({"network"}),
    frozenset({"metrics"}),
    frozenset({"geometry", "hierarchy", "images", "confidence", "pictures"}),
    frozenset({"files", "isotonic", "sampling"}),
    frozenset({"errors", "budget"}),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MAY_PRINT_AND_EXIT = {"__main__", "cli"}

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def room_of(file: str) -> str:
    """The first folder of a file relative to the package, or its own name where it lies in none."""
    return file.split("/", maxsplit=1)[0].removesuffix(".py")


def imported_rooms(tree: ast.AST, file: str) -> Iterator[tuple[int, str]]:
    """Line and room of every import from the package, those inside functions included."""
    folder = ("hypsegcli", *file.split("/")[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from hypsegcli import maps` imports a room, `from hypsegcli.maps import render` names it before.
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "hypsegcli" else [base]
        else:
            continue
        for name in names:
            package, _, inside = name.partition(".")
            if package == "hypsegcli":
                yield node.lineno, inside.split(".")[0] or "__init__"


def forbidden_imports(source: str, file: str) -> list[str]:
    room = room_of(file)
    if room not in FLOOR:
        return [f"{file}: the room '{room}' is not in the table of tests/test_architecture.py"]
    found = []
    for line, name in imported_rooms(ast.parse(source), file):
        # What is no module of the package is a name that the package itself defines.
        other = name if name in FLOOR or name in map(room_of, FILES) else "__init__"
        reaches_up = FLOOR.get(other, -1) <= FLOOR[room]
        if other != room and (reaches_up or (room == "__init__" and other in MAY_PRINT_AND_EXIT)):
            found.append(f"{file}:{line}: '{room}' must not import '{other}'")
    return found


def called(node: ast.Call) -> str:
    parts, at = [], node.func
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    return ".".join(reversed([*parts, at.id])) if isinstance(at, ast.Name) else ""


ENDINGS = {"print", "exit", "quit", "sys.exit", "os._exit", "os.abort", "logging.basicConfig"}


def forbidden_talk(source: str, file: str) -> list[str]:
    if room_of(file) in MAY_PRINT_AND_EXIT:
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call() if called(node) in ENDINGS:
                found.append(f"{file}:{node.lineno}: calls {called(node)}()")
            case ast.Attribute(value=ast.Name(id="sys"), attr="exit" | "stdout" | "stderr"):
                found.append(f"{file}:{node.lineno}: uses sys.{node.attr}")
            case ast.ImportFrom(module="sys" | "os", names=names):
                bad = {alias.name for alias in names} & {"exit", "_exit", "stdout", "stderr"}
                found += [f"{file}:{node.lineno}: imports {name} from {node.module}" for name in sorted(bad)]
            case ast.Name(id="SystemExit"):
                found.append(f"{file}:{node.lineno}: uses SystemExit")
    return sorted(set(found))


OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def named_options(source: str, file: str) -> list[str]:
    """Options of the command line that a text names, docstrings and the fixed parts of f-strings included."""
    if room_of(file) in MAY_PRINT_AND_EXIT:
        return []
    return [
        f"{file}:{node.lineno}: names {option}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for option in OPTION.findall(node.value)
    ]


def failures_without_code(source: str, file: str) -> list[str]:
    """Failures of images that are raised, or given back, without saying to programs why."""
    return [
        f"{file}:{node.lineno}: gives no code"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and called(node) in {"ImageError", "ColorError"} and len(node.args) < 2
    ]


@pytest.mark.parametrize("file", FILES)
def test_every_failure_of_an_image_has_its_code(file: str) -> None:
    assert failures_without_code((PACKAGE / file).read_text(encoding="utf-8"), file) == []


def test_a_failure_without_a_code_is_found() -> None:
    source = "raise ImageError('a')\nraise ColorError(text)\nraise ImageError('a', 'empty')"
    assert failures_without_code(source, "images/a.py") == [
        "images/a.py:1: gives no code",
        "images/a.py:2: gives no code",
    ]


# Those that hypseg alone writes, in folders of its own, and the kernel's.
OWN_TEXTS = {
    "files/hold.py",
    "files/lock.py",
    "files/stores/whereabouts.py",
    "export/openvino_file.py",
    "inference/engines/cache.py",
    "inference/engines/memory.py",
    "inference/engines/quantise.py",
}


def texts_past_the_door(source: str, file: str) -> list[str]:
    """Files read whole otherwise than by files/text.py, where a pipe would wait and a device has no end."""
    return [
        f"{file}:{node.lineno}: {node.func.attr}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"read_text", "read_bytes"} and file not in OWN_TEXTS
    ]


@pytest.mark.parametrize("file", FILES)
def test_texts_come_in_by_one_door(file: str) -> None:
    assert texts_past_the_door((PACKAGE / file).read_text(encoding="utf-8"), file) == []


def test_a_text_that_comes_in_elsewhere_is_found() -> None:
    assert texts_past_the_door("a = b\na.read_text()", "truth/a.py") == ["truth/a.py:2: read_text"]
    assert texts_past_the_door("read_text(a)", "truth/a.py") == []


@pytest.mark.parametrize("file", FILES)
def test_a_room_imports_only_from_below(file: str) -> None:
    assert forbidden_imports((PACKAGE / file).read_text(encoding="utf-8"), file) == []


@pytest.mark.parametrize("file", FILES)
def test_nothing_below_the_command_line_prints_or_exits(file: str) -> None:
    assert forbidden_talk((PACKAGE / file).read_text(encoding="utf-8"), file) == []


@pytest.mark.parametrize("file", FILES)
def test_nothing_below_the_command_line_names_an_option(file: str) -> None:
    assert named_options((PACKAGE / file).read_text(encoding="utf-8"), file) == []


def imported_files(source: str, file: str, files: Collection[str]) -> set[str]:
    """The package's files that a file imports, those inside functions included."""
    folder = ("hypsegcli", *file.split("/")[:-1])
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = name.removeprefix("hypsegcli.").replace(".", "/")
            imported |= {path + ending for ending in (".py", "/__init__.py")} & set(files)
    return imported - {file}


def circles(imports: Mapping[str, Set[str]]) -> list[tuple[str, str]]:
    """Pairs of files that lead to each other through what they import."""
    reached = {file: set(others) for file, others in imports.items()}
    for between in imports:
        for others in reached.values():
            if between in others:
                others.update(reached[between])
    pairs = {(file, other) for file, others in reached.items() for other in others if file in reached[other]}
    return sorted(pair for pair in pairs if pair[0] < pair[1])


def test_no_files_import_each_other_in_a_circle() -> None:
    imports = {file: imported_files((PACKAGE / file).read_text(encoding="utf-8"), file, FILES) for file in FILES}
    assert sum(map(len, imports.values())) > len(FILES)
    # The package's own face imports everything, lazily, and nothing below imports from it.
    imports["__init__.py"] = set()
    assert circles(imports) == []


def test_a_circle_is_found() -> None:
    sources = {
        "a.py": "def f():\n    from hypsegcli.b import x",
        "b.py": "from hypsegcli.c import d",
        "c/d.py": "import hypsegcli.a",
        "e.py": "import hypsegcli.a",
    }
    imports = {file: imported_files(source, file, sources) for file, source in sources.items()}
    assert imports["b.py"] == {"c/d.py"}
    assert circles(imports) == [("a.py", "b.py"), ("a.py", "c/d.py"), ("b.py", "c/d.py")]


def test_there_is_something_to_check() -> None:
    assert {room_of(file) for file in FILES} >= {"cli", "training", "inference", "checkpoint", "network", "geometry"}
    imports = sum(1 for file in FILES for _ in imported_rooms(ast.parse((PACKAGE / file).read_text()), file))
    assert imports > len(FILES)


@pytest.mark.parametrize(
    ("file", "source", "line", "room"),
    [
        ("geometry/mlr.py", "import hypsegcli.network.model", 1, "network"),
        ("geometry/mlr.py", "from hypsegcli.pictures import overlay", 1, "pictures"),
        ("geometry/mlr.py", "from hypsegcli import hierarchy", 1, "hierarchy"),
        ("geometry/mlr.py", "from ..images.png import encode_rgb_png", 1, "images"),
        ("geometry/mlr.py", "from .. import pictures", 1, "pictures"),
        ("network/backbones/resnet.py", "from ...checkpoint import store", 1, "checkpoint"),
        ("network/model.py", "\n\ndef f():\n    import math, hypsegcli.cli.app as app", 4, "cli"),
        ("images/decode.py", "if TYPE_CHECKING:\n    from hypsegcli.pictures.overlay import x", 2, "pictures"),
        ("training/loop.py", "from hypsegcli.run.process import x", 1, "run"),
        ("errors.py", "from hypsegcli.images import decode", 1, "images"),
        ("cli/app.py", "from hypsegcli.__main__ import run", 1, "__main__"),
        ("checkpoint/bundled.py", "import hypsegcli", 1, "__init__"),
        ("cli/app.py", "from hypsegcli import load_model", 1, "__init__"),
        ("__init__.py", "def f():\n    from hypsegcli.cli.app import main", 2, "cli"),
    ],
)
def test_a_forbidden_import_is_found_with_its_line(file: str, source: str, line: int, room: str) -> None:
    assert forbidden_imports(source, file) == [f"{file}:{line}: '{room_of(file)}' must not import '{room}'"]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("geometry/mlr.py", "from hypsegcli.geometry.poincare import EDGE\nfrom .poincare import T_MAX\nimport torch"),
        ("network/backbones/resnet.py", "from .features import Features\nfrom ..config import ModelConfig"),
        ("__init__.py", "def f():\n    from hypsegcli import api, errors"),
        ("cli/app.py", "def f():\n    from hypsegcli.training import loop"),
        ("__main__.py", "from hypsegcli.cli.app import main"),
    ],
)
def test_an_allowed_import_is_not_found(file: str, source: str) -> None:
    assert forbidden_imports(source, file) == []


def test_a_room_without_a_place_is_found() -> None:
    assert "is not in the table" in forbidden_imports("", "helpers/strings.py")[0]


@pytest.mark.parametrize(
    "source",
    [
        "print('x')",
        "def f():\n    print()",
        "import sys\nsys.exit(1)",
        "from sys import exit",
        "leave = sys.exit",
        "raise SystemExit(3)",
        "os._exit(0)",
        "sys.stderr.write('x')",
        "logging.basicConfig()",
    ],
)
def test_talk_and_exits_are_found_except_at_the_door(source: str) -> None:
    assert forbidden_talk(source, "pictures/overlay.py")
    assert not forbidden_talk(source, "cli/console.py")
    assert not forbidden_talk("pprint(x)\nself.print(1)\nfrom os import path", "pictures/overlay.py")


@pytest.mark.parametrize(
    ("source", "option"),
    [
        ("raise UsageError('use --tile 512')", "--tile"),
        ("advice = f'{path}: {problem}; see --ignore-index'", "--ignore-index"),
        ("option = '--map'", "--map"),
        ('def f():\n    """For `--resume`."""', "--resume"),
        ("choices = {'a': ('x', '(--init)')}", "--init"),
    ],
)
def test_an_option_in_a_text_is_found_except_at_the_door(source: str, option: str) -> None:
    (sentence,) = named_options(source, "pictures/overlay.py")
    assert sentence.endswith(f"names {option}")
    assert not named_options(source, "cli/console.py")


def test_other_dashes_are_no_options() -> None:
    assert not named_options("rule, tree, style, minus = '-----', '|-- a', 'a--b', '--'  # --tile", "errors.py")
