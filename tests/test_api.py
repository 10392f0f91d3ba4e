"""Models from Python: what they take, in which order, from which thread, and what they refuse."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import shutil
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from support import make_checkpoint, photograph, with_sampling
from support.limited_engine import TREE as COLORS
from support.limited_engine import LimitedEngine
from support.web import Hub, Repository

from hypsegcli.api import Model, load_model
from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.errors import CheckpointError, DeviceError, ImageError, TreeError, UsageError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.decode import decode_image
from hypsegcli.images.image_like import ImageLike
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.refine import smoother_of
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.sampling.choice import Sampling
from hypsegcli.segmentation import Segmentation

TAXIS = Path(__file__).parent.parent / "examples" / "streets" / "taxis.jpg"
TREE = ClassTree(names=("sky", "road", "tree", "car", "ground"), parents=(-1, 4, 4, -1, -1), classes=4)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(
        tmp_path_factory.mktemp("api") / "x.safetensors", TREE, backbone="mobilenet_v3_small", curvature=2.0
    )


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Model:
    return load_model(checkpoint, engine="torch")


def test_a_model_comes_from_its_address(hub: Hub, checkpoint: Path, model: Model) -> None:
    hub.repositories["me/x"] = repository = Repository()
    commit = repository.commit({"x.safetensors": checkpoint.read_bytes()})
    told: list[str] = []
    for given in ("hf://me/x", Path("hf://me/x")):
        found = load_model(given, engine="torch", tell=told.append)
        assert same(found.segment(noise(1)), model.segment(noise(1)))
    assert told[1].startswith(f"fetching hf://me/x@{commit}/x.safetensors (")
    assert sum("fetching" in sentence for sentence in told) == 1


def test_a_model_may_refine(checkpoint: Path) -> None:
    image = decode_image(TAXIS).pixels[::4, ::4]
    refining = load_model(engine="torch", refine="edges", probabilities=True)
    found, plain = refining.segment(image), load_model(engine="torch", probabilities=True).segment(image)
    assert found.probabilities is not None
    assert plain.probabilities is not None
    smooth = smoother_of(image, 1.0)(plain.probabilities.astype(np.float32))
    np.testing.assert_allclose(found.probabilities, smooth, atol=2e-3)
    assert 0.01 < (found.labels != plain.labels).mean() < 0.2
    assert np.array_equal(found.distance, plain.distance)
    with pytest.raises(UsageError, match="refine=corners: expected edges"):
        load_model(checkpoint, engine="torch", refine="corners")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="refine=edges needs images whole; leave out tile"):
        load_model(checkpoint, engine="torch", refine="edges", tile=256)


def test_a_model_may_sample_at_boundaries(checkpoint: Path, tmp_path: Path) -> None:
    path = with_sampling(Path(shutil.copy(checkpoint, tmp_path / "x.safetensors")))
    image = decode_image(TAXIS).pixels[::4, ::4]
    found = load_model(path, engine="torch", sampling="adaptive", probabilities=True).segment(image)
    request = Request(probabilities=True, longest_side=64, sampling="adaptive", guide_side=32)
    loaded = load_checkpoint(path)
    engine = TorchEngine(loaded.model, loaded.header.input, choose_device("cpu"))
    (expected,) = Segmenter(engine, TREE, request=request).predict([image])
    assert np.array_equal(found.labels, expected.labels)
    assert np.array_equal(found.distance, expected.confidence["distance"].values)
    asked: dict[str, Any]
    for asked, sentence in (
        ({"sampling": "dense"}, "sampling=dense: expected uniform, adaptive"),
        ({"sampling": "adaptive", "tile": 256}, "needs images whole; leave out tile"),
        ({"sampling": "adaptive", "guide_side": 64}, "guide_side=64: expected 16"),
        ({"guide_side": 3.5}, "guide_side=3.5: expected a whole number"),
    ):
        with pytest.raises(UsageError, match=re.escape(sentence)):
            load_model(path, engine="torch", **asked)


def test_a_calibration_of_other_samples_is_told_and_refused(checkpoint: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(with_sampling(Path(shutil.copy(checkpoint, tmp_path / "x.safetensors"))))
    told: list[str] = []
    pairs: list[tuple[Sampling, Sampling]] = [("uniform", "adaptive"), ("adaptive", "uniform")]
    for fitted, sampling in pairs:
        curve = Calibration(distances=(0.0, 5.0), probabilities=(0.2, 0.9), fitted_on="val", sampling=fitted)
        path = tmp_path / f"{fitted}.safetensors"
        save_checkpoint(path, loaded.header.model_copy(update={"calibration": curve}), loaded.model.state_dict())
        model = load_model(path, engine="torch", sampling=sampling, tell=told.append)
        assert model.measures == ("distance",)
        assert f"is one for sampling={fitted}" in told[-1]
        with pytest.raises(UsageError, match="or name another measure"):
            load_model(path, engine="torch", sampling=sampling, measures=["calibrated"])
        own = load_model(path, engine="torch", sampling=fitted)
        assert own.measures == ("calibrated",)


def noise(seed: int, height: int = 40, width: int = 56) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def same(one: Segmentation, other: Segmentation) -> bool:
    return (
        np.array_equal(one.labels, other.labels)
        and np.array_equal(one.distance, other.distance)
        and np.array_equal(one.confidence, other.confidence)
    )


def test_a_path_a_pillow_image_and_an_array_give_the_same(model: Model, tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png")
    wanted = model.segment(path)
    for image in (str(path), Image.open(path), decode_image(path).pixels):
        assert same(model.segment(image), wanted)
    assert wanted.source == path
    assert model.segment(noise(0)).source is None


def test_the_image_may_change_afterwards(model: Model) -> None:
    image = noise(1)
    before = image.copy()
    segmentation = model.segment(image)
    image[:] = 0
    assert np.array_equal(segmentation.photograph, before)


def test_four_threads_get_their_own_segmentations(model: Model) -> None:
    images = [noise(seed, 32 + 8 * (seed % 3)) for seed in range(6)]
    alone = [model.segment(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model.segment, images * 4))
    for index, segmentation in enumerate(together):
        assert same(segmentation, alone[index % 6])


@pytest.mark.parametrize(("workers", "batch_size"), [(0, None), (2, None), (None, 1), (3, 4)])
def test_many_come_in_order(model: Model, tmp_path: Path, workers: int | None, batch_size: int | None) -> None:
    path = photograph(tmp_path / "a.jpg", size=(56, 40))
    images: list[ImageLike] = [noise(0), path, noise(1), noise(2, 33, 48), Image.fromarray(noise(3))]
    many = list(model.segment_many(iter(images), workers=workers, batch_size=batch_size))
    assert [one.source for one in many] == [None, path, None, None, None]
    for image, one in zip(images, many, strict=True):
        alone = model.segment(image)
        assert np.array_equal(one.photograph, alone.photograph)
        np.testing.assert_allclose(one.distance, alone.distance, rtol=1e-4)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_iterator_may_use_one_array_for_all_frames(model: Model, tmp_path: Path, workers: int) -> None:
    """As a camera's does, which fills it anew; also while the only thread is busy with a file."""
    large = photograph(tmp_path / "large.png", size=(800, 600))
    frames = [noise(seed) for seed in range(8)]

    def camera() -> Iterator[ImageLike]:
        buffer = np.empty_like(frames[0])
        for number, frame in enumerate(frames):
            buffer[:] = frame
            yield buffer
            if not number:
                yield large

    first, _, *others = model.segment_many(camera(), workers=workers, batch_size=4)
    for one, frame in zip([first, *others], frames, strict=True):
        assert np.array_equal(one.photograph, frame)


@pytest.mark.parametrize("suffix", ["tif", "webp", "png", "gif"])
def test_frames_of_one_file_are_each_their_own(model: Model, tmp_path: Path, suffix: str) -> None:
    """Pillow's image of a stack is one, which is sought on for every frame."""
    path = tmp_path / f"stack.{suffix}"
    frames = [Image.fromarray(noise(seed, 120, 160)) for seed in range(8)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with Image.open(path) as stack:
        wanted = [np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(stack)]
    for _ in range(2):
        with Image.open(path) as stack:
            many = list(model.segment_many(ImageSequence.Iterator(stack), workers=2))
        assert [np.array_equal(one.photograph, frame) for one, frame in zip(many, wanted, strict=True)] == [True] * 8


def test_memory_does_not_grow_with_the_number_of_images(model: Model) -> None:
    alive: list[weakref.ref[Any]] = []
    taken = most = 0

    def images() -> Iterator[NDArray[np.uint8]]:
        nonlocal taken
        for seed in range(60):
            taken += 1
            image = noise(seed, 24, 24)
            alive.append(weakref.ref(image))
            yield image
            del image

    for number, segmentation in enumerate(model.segment_many(images(), workers=2), start=1):
        alive.append(weakref.ref(segmentation.photograph))
        alive.append(weakref.ref(segmentation.labels))
        alive.append(weakref.ref(segmentation.confidence))
        most = max(most, sum(one() is not None for one in alive))
        assert taken <= number + 5  # never far ahead
        del segmentation
    gc.collect()
    assert taken == 60
    assert len(alive) == 4 * 60
    assert most <= 12
    assert sum(one() is not None for one in alive) == 0


def test_a_broken_image_is_raised_in_its_turn(model: Model, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    images: list[ImageLike] = [noise(0), tmp_path / "broken.png", noise(1)]
    many = model.segment_many(images, workers=2)
    assert isinstance(next(many), Segmentation)
    with pytest.raises(ImageError, match=r"broken\.png"):
        next(many)
    assert list(many) == []


def test_a_broken_image_can_be_given_out_in_its_turn(model: Model) -> None:
    images: list[Any] = [noise(0)[..., 0], noise(1), noise(2).astype(np.float32)]
    first, second, third = model.segment_many(images, on_error="yield")
    assert isinstance(first, ImageError)
    assert str(first).startswith("image 1: ")
    assert isinstance(second, Segmentation)
    assert isinstance(third, ImageError)
    assert str(third).startswith("image 3: ")


def test_what_the_caller_s_own_iterator_raises_is_the_caller_s(model: Model) -> None:
    def images() -> Iterator[NDArray[np.uint8]]:
        yield noise(0)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(model.segment_many(images()))


def test_closed_early_it_takes_no_more(model: Model) -> None:
    taken: list[int] = []
    many = model.segment_many((taken.append(seed) or noise(seed) for seed in range(60)), workers=2)  # type: ignore[func-returns-value]
    next(many)
    many.close()
    assert len(taken) < 10


def test_an_image_on_which_the_network_fails(tmp_path: Path) -> None:
    loaded = load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", COLORS, embedding_size=3))
    segmenter = Segmenter(LimitedEngine(1000), COLORS, request=Request(measures=("distance",), main="distance"))
    small = Model(loaded, segmenter, measures=("distance",))
    assert small.segment(noise(0, 16, 16)).labels.shape == (16, 16)
    with pytest.raises(ImageError, match="the image: 64 x 64 pixels do not fit into memory; use tile=512"):
        small.segment(noise(0, 64, 64))
    failed, fine = small.segment_many([noise(0, 64, 64), noise(0, 16, 16)], on_error="yield")
    assert isinstance(failed, ImageError)
    assert str(failed).startswith("image 1: ")
    assert isinstance(fine, Segmentation)


@pytest.mark.parametrize(
    ("level", "names"),
    [
        (None, TREE.names[:4]),
        (1, TREE.names),
        ("ground", TREE.names),
        ("auto", (*TREE.names, "undecided")),
    ],
)
def test_names_say_what_ids_mean(checkpoint: Path, level: int | str | None, names: tuple[str, ...]) -> None:
    model = load_model(checkpoint, engine="torch", level=level)
    segmentation = model.segment(noise(0))
    assert model.names == segmentation.names == names
    assert segmentation.colors.shape == (len(names), 3)
    assert segmentation.labels.max() < len(names)
    if level in {1, "ground"}:
        assert not np.isin(segmentation.labels, (1, 2)).any()  # road and tree answer as ground


def test_measures_are_those_asked_for_and_the_distance_is_always_there(checkpoint: Path) -> None:
    model = load_model(checkpoint, engine="torch", measures=["entropy", "margin"], probabilities=True)
    segmentation = model.segment(noise(0))
    assert segmentation.measures == model.measures == ("entropy", "margin")
    assert list(segmentation.planes) == ["entropy", "margin", "distance"]
    assert np.array_equal(segmentation.confidence, segmentation.planes["entropy"].values)
    assert np.array_equal(segmentation.distance, load_model(checkpoint, engine="torch").segment(noise(0)).confidence)
    assert segmentation.planes["distance"].full_scale == model.header.model.max_distance
    assert segmentation.probabilities is not None
    assert segmentation.probabilities.shape == (4, 40, 56)


@pytest.mark.parametrize(("int8", "measures", "count"), [(True, None, 1), (False, None, 0), (True, ["margin"], 0)])
def test_a_calibration_that_was_fitted_in_int8_is_told(
    int8: bool, measures: list[str] | None, count: int, checkpoint: Path, tmp_path: Path
) -> None:
    loaded = load_checkpoint(checkpoint)
    curve = Calibration(distances=(0.0, 1.0), probabilities=(0.0, 1.0), fitted_on="it", int8=int8)
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, loaded.header.model_copy(update={"calibration": curve}), loaded.model.state_dict())
    told: list[str] = []
    load_model(path, engine="torch", device="cpu", measures=measures, tell=told.append)
    assert sum("use precision=int8, or fit one with hypseg calibrate" in sentence for sentence in told) == count


def test_bundled_checkpoints_go_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = load_model("disk", engine="torch")
    assert disk.header.model.embedding_size == 2
    assert load_model(engine="torch").measures == ("calibrated",)
    told: list[str] = []
    other = load_model(engine="torch", interpolate="points", tell=told.append)
    assert other.measures == ("distance",)
    assert ["hypseg calibrate and interpolate=points" in sentence for sentence in told] == [True]
    assert "torch" in disk.engine
    assert disk.device == "cpu, fp32"
    monkeypatch.chdir(tmp_path)
    make_checkpoint(tmp_path / "disk", TREE, backbone="mobilenet_v3_small").rename("x.safetensors")
    Path("x.safetensors").rename("disk")
    assert load_model("disk", engine="torch").header.tree == TREE  # a file comes first
    assert load_model("streets-disk", engine="torch").header == disk.header


@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"engine": "tensorrt"}, UsageError, "engine=tensorrt: expected auto, torch"),
        ({"engine": "onnxruntime", "device": "cuda"}, DeviceError, "cuda"),
        ({"device": "tpu"}, DeviceError, "device=tpu"),
        ({"precision": "fp8"}, DeviceError, "precision=fp8"),
        ({"interpolate": "cubic"}, UsageError, "interpolate=cubic: expected scalar, points"),
        ({"tile": 100}, UsageError, "tile=100: expected auto, off, or a multiple of 16"),
        ({"tile": "big"}, UsageError, "tile=big"),
        ({"measures": ["calibrated"]}, UsageError, "carries no calibration"),
        ({"measures": ["sureness"]}, UsageError, "expected all, or some of"),
        ({"measures": []}, UsageError, "expected all, or some of"),
        ({"measures": "entropy"}, UsageError, "measures='entropy': expected a list of names, or all"),
        ({"measures": 5}, UsageError, "measures=5: expected a list of names, or all"),
        ({"measures": [[]]}, UsageError, "measures=[[]]: expected a list of names, or all"),
        ({"max_pixels": 0}, UsageError, "max_pixels=0: expected a whole number, 1 or more"),
        ({"max_pixels": 1.5}, UsageError, "max_pixels=1.5: expected a whole number, 1 or more"),
        ({"max_pixels": "a"}, UsageError, "max_pixels='a': expected a whole number, 1 or more"),
        ({"level": 1.5}, UsageError, "level=1.5: expected a depth, the name of a node, or auto"),
        ({"level": True}, UsageError, "level=True: expected a depth, the name of a node, or auto"),
        ({"level": "auto", "threshold": "a"}, UsageError, "threshold=a: expected a number in [0.5, 1)"),
        ({"device": 5}, UsageError, "device=5: expected auto, cpu"),
        ({"checkpoint": b"streets"}, UsageError, "checkpoint=b'streets': expected a path or a name"),
        ({"level": "wheel"}, TreeError, "wheel"),
        ({"level": 3}, TreeError, "level 3"),
        ({"threshold": 0.7}, UsageError, "threshold=0.7"),
        ({"level": "auto", "threshold": 0.3}, UsageError, "threshold=0.3"),
        ({"longest_side": 8}, UsageError, "longest_side=8"),
        ({"longest_side": 512, "tile": 512}, UsageError, "longest_side=512"),
    ],
)
def test_settings_that_cannot_be(checkpoint: Path, settings: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=re.escape(says)):
        load_model(**{"checkpoint": checkpoint} | settings)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no such checkpoint file.*did you mean streets\?"):
        load_model("street")


def test_a_single_image_is_not_taken_for_many(model: Model) -> None:
    with pytest.raises(UsageError, match="segment takes one"):
        model.segment_many("a.png")
    with pytest.raises(UsageError, match="on_error=skip"):
        model.segment_many([], on_error="skip")  # type: ignore[call-overload]
    assert list(model.segment_many([])) == []


def test_a_segmentation_can_be_copied_and_goes_to_other_processes(model: Model) -> None:
    segmentation = model.segment(noise(3))
    for other in (copy.deepcopy(segmentation), pickle.loads(pickle.dumps(segmentation))):
        assert same(other, segmentation)
        assert other.names == segmentation.names


@pytest.mark.parametrize("sizes", [{"workers": -1}, {"batch_size": 0}, {"workers": "2"}, {"batch_size": 1.5}])
def test_numbers_that_cannot_be_are_refused_at_once(model: Model, sizes: Any) -> None:
    with pytest.raises(
        UsageError, match=r"^(workers=(-1|'2')|batch_size=(0|1\.5)): expected a whole number, [01] or more$"
    ):
        model.segment_many([noise(0)], **sizes)


@pytest.mark.parametrize(("workers", "batch_size"), [(0, 1), (2, 1), (2, 3)])
def test_what_an_iterator_raises_comes_after_all_that_it_gave(model: Model, workers: int, batch_size: int) -> None:
    """The last frames of a camera that goes away are not lost."""

    def frames() -> Iterator[NDArray[np.uint8]]:
        yield from map(noise, range(4))
        raise ConnectionError("the camera is gone")

    results = model.segment_many(frames(), workers=workers, batch_size=batch_size, on_error="yield")
    for number in range(4):
        assert same(next(results), model.segment(noise(number)))  # type: ignore[arg-type]
    with pytest.raises(ConnectionError, match="camera is gone"):
        next(results)
