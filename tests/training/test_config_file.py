"""Settings in files and on the command line: read back as written, refused with a sentence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from support import REPOSITORY

from hypsegcli.checkpoint.bundled import MODELS
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.errors import UsageError
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.config_file import RECIPES, check_settings, parse_setting, read_settings, to_toml


@pytest.mark.parametrize(
    "options",
    [{}, {"held_out": ["a b", 'the "c"'], "licence": "straße \\ \n #", "ema_decay": 0.999, "flip": False, "init": "x"}],
)
def test_a_configuration_is_read_back_as_it_was_written(tmp_path: Path, options: dict[str, Any]) -> None:
    config = TrainConfig.model_validate(options)
    (tmp_path / "config.toml").write_text(to_toml(config), encoding="utf-8")
    assert check_settings(read_settings(tmp_path / "config.toml"), {}) == config


def test_every_setting_says_what_it_means() -> None:
    lines = to_toml(TrainConfig()).splitlines()
    assert [line.partition(" = ")[0] for line in lines] == list(TrainConfig.model_fields)
    for line in lines:
        assert re.search(r"  # \S", line), line


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("epochs=3", "epochs", 3),
        ("learning-rate = 1e-3", "learning_rate", 1e-3),
        ("flip=false", "flip", False),
        ("class_weights=none", "class_weights", "none"),
        ("licence=MIT; a=b", "licence", "MIT; a=b"),
        ('held_out=["a", "b"]', "held_out", ["a", "b"]),
        ("init=", "init", ""),
    ],
)
def test_a_setting_on_the_command_line(text: str, name: str, value: object) -> None:
    assert parse_setting(text) == (name, value)


def test_names_may_be_given_with_commas() -> None:
    assert check_settings({"held_out": "a b, c,"}, {}).held_out == ("a b", "c")
    assert check_settings({"held_out": ""}, {}).held_out == ()


def test_a_setting_without_a_value() -> None:
    with pytest.raises(UsageError, match="set=epochs: expected NAME=VALUE, such as"):
        parse_setting("epochs")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epochs": 0}, r"here: expected a whole number from 1 on, found 0$"),
        ({"epoch": 3}, r"epoch: there is no setting 'epoch'; show_config prints them all$"),
        ({"epochs": "many"}, r"here: expected a whole number from 1 on, found 'many'$"),
        ({"scale_min": 3.0}, r"scale_min 3 lies above scale_max 2$"),
        ({"learn_curvature": True, "head": "euclidean"}, r"learn_curvature needs the hyperbolic head, not euclidean$"),
        (
            {"decoder": "mlp"},
            r"decoder mlp joins the stages of one of timm's networks, not of resnet18; choose a backb",
        ),
        ({"train_only": "head"}, r"train_only head needs init"),
        ({"train_only": "last"}, r"train_only last needs init"),
        ({"seed": 2**32}, r"seed: expected a whole number from 0 on, below 4294967296, found"),
        ({"curvature": float("inf")}, r"curvature: expected a number above 0, found inf"),
        ({"head": "elliptic"}, r"head: expected hyperbolic, .* or prototypes-cosine, found 'elliptic'$"),
        ({"crop_width": 50}, r"crop_width: expected a multiple of 16 from 32 on, found 50$"),
        ({"flip": "perhaps"}, r"flip: expected true or false, found 'perhaps'$"),
        ({"licence": 3}, r"licence: expected a text, found 3$"),
        ({"held_out": 3}, r"held_out: expected names, separated by commas, found 3$"),
        ({"backbone": "vgg"}, r"backbone: expected resnet18, .* or timm:NAME"),
        ({"model": {"epochs": 3}}, r"model: there is no setting 'model'"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check_settings(settings, {"epochs": "here"})


def test_a_recipe_is_found_by_its_name_and_a_file_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = Path("voc-resnet101")
    assert read_settings(name)["backbone"] == "resnet101"
    name.mkdir()
    assert read_settings(name)["layout"] == "voc", "a run may lie in a folder of that name"
    name.rmdir()
    name.write_text("epochs = 3\n")
    assert read_settings(name) == {"epochs": 3}
    with pytest.raises(
        UsageError, match=r"voc: .*; recipes that come with hypseg are ade20k-resnet101, .*voc-resnet101$"
    ):
        read_settings(Path("voc"))


def test_every_layout_of_a_known_set_has_a_recipe_that_says_how_it_is_run() -> None:
    settings = {name: read_settings(Path(name)) for name in RECIPES}
    layouts = {*get_args(TrainConfig.model_fields["layout"].annotation)} - {"auto", "hypseg"}
    assert {each["layout"] for each in settings.values()} == layouts
    for name, path in RECIPES.items():
        assert f"--config {name} " in path.read_text(encoding="utf-8").splitlines()[0]
        assert settings[name]["crop_height"] % 16 == settings[name]["crop_width"] % 16 == 0


def test_segformer_s_recipe_learns_at_the_rates_of_the_paper() -> None:
    """Of 160,000 steps of 16 of ADE20K's 20,210 images; the head ten times as fast, and linearly down to 0."""
    config = check_settings(read_settings(Path("ade20k-segformer")), {})
    assert (config.decoder, config.optimizer, config.weight_decay) == ("mlp", "adamw", 0.01)
    assert config.learning_rate * config.backbone_rate == pytest.approx(6e-5)
    assert config.backbone_rate == 0.1
    assert (config.schedule, config.poly_power, config.warmup_steps) == ("poly", 1.0, 1500)
    steps = config.epochs * (20_210 // config.batch_size)
    assert abs(steps - 160_000) < 20_210 // config.batch_size


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read as TOML"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("epochs = \n")
    with pytest.raises(UsageError, match=r"bad\.toml: cannot be read as TOML .*line 1"):
        read_settings(tmp_path / "bad.toml")
    (tmp_path / "latin.toml").write_bytes(b"licence = '\xdf'")
    with pytest.raises(UsageError, match=r"latin\.toml: cannot be read as TOML"):
        read_settings(tmp_path / "latin.toml")


@pytest.mark.parametrize("path", [*sorted(REPOSITORY.glob("*/*.toml")), *RECIPES.values()], ids=lambda path: path.name)
def test_the_committed_configurations_are_valid(path: Path) -> None:
    config = check_settings(tomllib.loads(path.read_text()), {})
    for name in (config.init, config.colors, config.more_names):
        assert name in {"", "imagenet"} or name.endswith("/last.safetensors") or (REPOSITORY / name).is_file()


@pytest.mark.parametrize("name", [model.name for model in MODELS])
def test_a_bundled_checkpoint_s_recipe_is_the_committed_one(name: str) -> None:
    config = check_settings(tomllib.loads((REPOSITORY / "weights" / f"{name}.toml").read_text()), {})
    header = read_header(REPOSITORY / "weights" / f"{name}.safetensors")
    committed = config.model_dump(mode="json")
    assert header.provenance.recipe.items() <= committed.items()
    assert config.architecture().items() <= header.model.model_dump().items()
    assert (config.ignore_index, config.licence) == (header.ignore_index, header.provenance.licence)
