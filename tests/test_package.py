"""What `import hypsegcli` gives, what it costs, and what a type checker makes of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest
from support import EXAMPLES, REPOSITORY

import hypsegcli

NAMES = ["Model", "Segmentation", "__version__", "errors", "load_model"]

CALLER = """
from pathlib import Path

import hypsegcli
from hypsegcli.errors import HypsegError, ImageError

def main(paths: list[Path]) -> float:
    model = hypsegcli.load_model("disk", engine="torch", measures=["distance", "entropy"], tile="off")
    one: hypsegcli.Segmentation = model.segment("street.jpg")
    total = sum(float(segmentation.confidence.mean()) for segmentation in model.segment_many(paths))
    for result in model.segment_many([one.photograph], on_error="yield"):
        if isinstance(result, ImageError):
            continue
        names: tuple[str, ...] = result.names
        files: dict[str, Path] = result.save("out", kinds=names)
    try:
        model.segment(3)  # type: ignore[arg-type]
        model.segment("x").labels = one.labels  # type: ignore[misc]
        hypsegcli.load_model(engine="tensorrt")  # type: ignore[arg-type]
        hypsegcli.no_such_name  # type: ignore[attr-defined]
        for broken in model.segment_many(paths, on_error="yield"):
            broken.labels  # type: ignore[union-attr]
    except HypsegError as error:
        hypsegcli.__version__ + str(error)
    return total
"""

# Libraries of which a caller sees no type are left out: they would take most of a minute.
CONFIG = """
[mypy]
strict = True
[mypy-hypsegcli.*]
follow_imports = silent
[mypy-torch.*,torchvision.*,cv2.*,pydantic.*,pydantic_core.*,safetensors.*]
follow_imports = skip
follow_imports_for_stubs = True
"""


def test_these_names_and_no_others() -> None:
    assert dir(hypsegcli) == hypsegcli.__all__ == NAMES
    assert all(getattr(hypsegcli, name) is not None for name in NAMES)
    assert hypsegcli.__version__ == version("hypseg")
    with pytest.raises(AttributeError, match="no_such_name"):
        hypsegcli.no_such_name  # type: ignore[attr-defined]  # noqa: B018


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = """
        import sys
        before = set(sys.modules)
        import hypsegcli
        public = {name for name in vars(hypsegcli) if not name.startswith("_")}
        assert public == {"TYPE_CHECKING", "errors"}, public
        hypsegcli.__version__, dir(hypsegcli), hypsegcli.errors.ImageError
        assert not {"torch", "numpy", "PIL", "cv2", "pydantic", "typer"} & set(sys.modules)
        assert {name for name in set(sys.modules) - before if name.startswith("hypsegcli.")} == {"hypsegcli.errors"}
        from hypsegcli import load_model
        assert "torch" in sys.modules
        assert not any(name.startswith("hypsegcli.cli") for name in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_example_of_the_docstring_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = "\n".join(re.findall(r"^    (.*)$", str(hypsegcli.__doc__), flags=re.MULTILINE))
    assert example.count("\n") == 5 - 1
    shutil.copy(EXAMPLES / "streets" / "taxis.jpg", tmp_path / "street.jpg")
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    name, mean = capsys.readouterr().out.split()
    assert name in hypsegcli.load_model().names
    assert 0 < float(mean) < 1
    assert (tmp_path / "out/overlay/street.png").is_file()


def test_a_strict_type_checker_understands_a_caller(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "mypy.ini").write_text(CONFIG)
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "caller.py"]
    environment = {"MYPYPATH": str(REPOSITORY), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
