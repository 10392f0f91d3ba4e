"""Both sources of answers: what they say of files that do not fit, and that they say the same of those that do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import Hypseg, photograph
from support.limited_engine import AUTO, WIDE, LimitedEngine, picture
from support.limited_engine import TREE as TREE_OF_COLORS
from support.lively import make_lively_checkpoint

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.measures import available, full_scale
from hypsegcli.confidence.planes import Plane
from hypsegcli.errors import DataError, ImageError
from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.dropout import DROPOUT_MEASURES, DropoutSampler
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling
from hypsegcli.scores.sources import NetworkSource, StoredSource, plane_key
from hypsegcli.scores.tally import Scheme, Tolerance, count_image
from hypsegcli.truth.map_kinds import void_in
from hypsegcli.truth.masks import IdMap, read_mask
from hypsegcli.truth.pairs import Pair, pair_files
from hypsegcli.truth.stored_planes import PlaneFolder, find_planes
from hypsegcli.truth.stored_probabilities import proper_planes

MEASURES = available(calibrated=False)

TREE = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)
SIZES = {"a": (64, 48), "b": (64, 48), "sub/c": (50, 33)}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lively_checkpoint(tmp_path_factory.mktemp("checkpoint") / "random.safetensors", TREE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three photographs of two sizes, one in a folder, and their masks."""
    for seed, (key, (width, height)) in enumerate(SIZES.items()):
        photograph(tmp_path / "images" / f"{key}.png", size=(width, height), seed=seed)
        put(tmp_path / "masks" / f"{key}.png", np.random.default_rng(seed).choice([0, 1, 2, 255], (height, width)))
    return tmp_path


def put(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)
    return path


def segmenter(checkpoint: Path, **answer: Any) -> Segmenter:
    loaded = load_checkpoint(checkpoint)
    options = {"measures": tuple(MEASURES)} | answer
    tree, spec = loaded.header.tree, loaded.header.input
    return Segmenter(TorchEngine(loaded.model, spec, choose_device("cpu")), tree, request=Request(**options))


def truth_of(pair: Pair) -> np.ndarray:
    return read_mask(pair.mask, classes=3, ignore_index=255)


def stored(folder: Path, planes: Any = (), **options: Any) -> StoredSource:
    arguments = {"probabilities": None, "classes": 3, "ignore_index": 255, "id_map": None, "among": None} | options
    return StoredSource(planes, labels_folder=folder, **arguments)


@pytest.mark.parametrize("form", ["png", "npy"])
@pytest.mark.parametrize("among", [None, (2, 0)])
def test_stored_answers_are_those_of_the_network(
    hypseg: Hypseg, data: Path, checkpoint: Path, form: str, among: tuple[int, ...] | None
) -> None:
    """Bit for bit, but for probabilities, of which 16 bits were kept."""
    maps = data / "maps"
    arguments = ("--checkpoint", checkpoint, "--out", maps, "--measure", "all", "--format", form, "--device", "cpu")
    save = "labels,confidence,probabilities"
    assert hypseg("predict", data / "images", *arguments, "--save", save, "--batch-size", 1).code == 0
    pairs = pair_files(masks=str(data / "masks"), images=str(data / "images"), predictions=maps)
    assert [pair.key for pair in pairs] == list(SIZES)
    planes = find_planes(maps, named={}, inverted={}, key="a", full_scale=1.0)
    assert [plane.name for plane in planes] == list(MEASURES)
    network = NetworkSource(segmenter(checkpoint, among=among), sampler=None)
    folders = stored(maps / "labels", planes, probabilities=maps / "probabilities", among=among)
    given, spread = set(), dict.fromkeys(MEASURES, 0)
    for pair in pairs:
        one, two = network.read(pair, truth_of(pair))(), folders.read(pair, truth_of(pair))()
        assert one.sample.key == two.sample.key == pair.key
        equal = one.sample.labels == two.sample.labels
        assert equal.all() if among is None else equal.mean() > 0.99  # 16 bits leave ties
        assert one.sample.labels.dtype == two.sample.labels.dtype
        assert list(one.sample.levels) == list(two.sample.levels) == list(MEASURES)
        for name in MEASURES:
            np.testing.assert_array_equal(one.sample.levels[name], two.sample.levels[name], err_msg=name)
            spread[name] = max(spread[name], int(np.ptp(one.sample.levels[name].astype(int))))
            assert one.sample.levels[name].dtype == two.sample.levels[name].dtype == np.uint16
        labelled = one.sample.truth < 3
        assert one.sample.proper is not None
        assert two.sample.proper is not None
        assert one.sample.proper.dtype == two.sample.proper.dtype == np.float32
        np.testing.assert_allclose(one.sample.proper[:, labelled], two.sample.proper[:, labelled], atol=1.5e-3)
        np.testing.assert_array_equal(one.photograph, two.photograph)
        assert one.sample.dropout_labels is None
        assert list(one.seconds) == ["network", "reduce"]
        assert one.seconds["network"] > 0
        assert two.seconds == {}
        given |= set(np.unique(one.sample.labels).tolist())
    assert len(given) > 1, "too uniform a network to test anything"
    assert min(spread.values()) > 5000, "too uniform a network to test anything"
    assert among is None or given <= set(among)


@pytest.mark.parametrize("rule", [Rule("auto", 0.5), Rule("auto", 0.6), Rule(1)])
def test_stored_nodes_are_the_answers_of_the_network(hypseg: Hypseg, data: Path, checkpoint: Path, rule: Rule) -> None:
    """Bit for bit, and of classes the stored ones have only those."""
    maps = data / "maps"
    arguments = ("--checkpoint", checkpoint, "--out", maps, "--measure", "all", "--device", "cpu", "--batch-size", 1)
    threshold = () if rule.threshold is None else ("--threshold", rule.threshold)
    level = ("--level", rule.level, *threshold, "--save", "labels,confidence")
    assert hypseg("predict", data / "images", *arguments, *level).code == 0
    planes = find_planes(maps, named={}, inverted={}, key="a", full_scale=1.0)
    network = NetworkSource(segmenter(checkpoint, rules=(rule, Rule("auto", 0.9))), sampler=None)
    folders = stored(maps / "labels", planes, nodes=TREE.nodes)
    given = set()
    for pair in pair_files(masks=str(data / "masks"), images=str(data / "images"), predictions=maps):
        one, two = (source.read(pair, truth_of(pair))().sample for source in (network, folders))
        assert one.answers is not None
        assert two.answers is not None
        assert (len(one.answers), len(two.answers)) == (2, 1)
        np.testing.assert_array_equal(one.answers[0], two.answers[0])
        assert list(one.answer_levels) == list(two.answer_levels) == list(MEASURES)
        for name in MEASURES:
            np.testing.assert_array_equal(one.answer_levels[name], two.answer_levels[name], err_msg=name)
        of_classes = two.answers[0] < TREE.classes
        np.testing.assert_array_equal(two.labels, np.where(of_classes, two.answers[0], TREE.classes))
        if rule.level == "auto":
            np.testing.assert_array_equal(one.labels[of_classes], two.labels[of_classes])
        assert not two.levels, "planes that speak of nodes are none of classes"
        given |= set(np.unique(two.answers))
    assert TREE.classes in given, "no inner node was answered: nothing was tested"


def test_levels_are_confidence_over_full_scale(data: Path, checkpoint: Path) -> None:
    work = segmenter(checkpoint, measures=("entropy", "distance"))
    pair = Pair("x", data / "masks/b.png", data / "images/b.png", None)
    read = NetworkSource(work, sampler=None).read(pair, truth_of(pair))()
    found = work.predict([decode_image(data / "images/b.png").pixels])[0]
    assert list(read.sample.levels) == ["entropy", "distance"]
    for name, levels in read.sample.levels.items():
        scale = full_scale(name, max_distance=work.engine.config.max_distance)
        np.testing.assert_array_equal(levels, to_levels(found.confidence[name].values / np.float32(scale)))
        assert levels.max() > 0
    np.testing.assert_array_equal(read.sample.labels, found.labels)
    np.testing.assert_array_equal(read.photograph, decode_image(data / "images/b.png").pixels)


def test_dropout_stands_beside_the_plain_answer(data: Path, checkpoint: Path) -> None:
    work = segmenter(checkpoint)
    sampler = DropoutSampler(work, passes=2, rate=0.5)
    pair = Pair("my key", data / "masks/a.png", data / "images/a.png", None)
    plain = NetworkSource(work, sampler=None).read(pair, truth_of(pair))().sample
    both = NetworkSource(work, sampler=sampler).read(pair, truth_of(pair))()
    dropped = sampler.predict(decode_image(data / "images/a.png").pixels, key="my key")
    np.testing.assert_array_equal(both.sample.dropout_labels, dropped.labels)
    assert list(both.sample.levels) == [*MEASURES, *DROPOUT_MEASURES]
    for name in MEASURES:
        np.testing.assert_array_equal(both.sample.levels[name], plain.levels[name])
    for name in DROPOUT_MEASURES:
        np.testing.assert_array_equal(both.sample.levels[name], to_levels(dropped.confidence[name].values))
    np.testing.assert_array_equal(both.sample.labels, plain.labels)
    assert list(both.seconds) == ["network", "reduce", "dropout"]
    assert min(both.seconds.values()) > 0


def test_probabilities_decide_only_where_classes_are_chosen(data: Path) -> None:
    truth = np.array([[0, 1, 2, 3]], np.uint8)
    values = np.array([[0.5, 0.1, 0.3, 0.1], [0.2, 0.6, 0.3, 0.8], [0.3, 0.3, 0.4, 0.1]], np.float16)[:, None]
    folder = data / "maps"
    (folder / "probabilities").mkdir(parents=True)
    np.save(folder / "probabilities/x.npy", values)
    pair = Pair("other key", put(data / "m.png", truth), None, put(folder / "labels/x.png", np.array([[2, 2, 1, 255]])))
    for among, expected in ((None, [2, 2, 1, 3]), ((0, 2), [0, 2, 2, 0]), ((1, 2), [2, 1, 2, 1])):
        read = stored(folder / "labels", probabilities=folder / "probabilities", among=among).read(pair, truth)()
        assert read.sample.labels.tolist() == [expected]
        np.testing.assert_array_equal(read.sample.proper, proper_planes(values.astype(np.float32), truth))
        assert read.sample.key == "other key"
        assert read.photograph is None
    assert stored(folder / "labels").read(pair, truth)().sample.proper is None


def test_ids_of_label_maps_are_translated(data: Path) -> None:
    truth = np.zeros((1, 4), np.uint8)
    pair = Pair("x", data / "m.png", None, put(data / "x.png", np.array([[7, 9, 8, 77]])))
    id_map = IdMap(((7, 0), (8, 1), (9, None)))
    assert stored(data, id_map=id_map, ignore_index=77).read(pair, truth)().sample.labels.tolist() == [[0, 3, 1, 3]]
    with pytest.raises(DataError, match=r"x\.png: holds the ids 7, 8, 9"):
        stored(data, ignore_index=77).read(pair, truth)


@pytest.mark.parametrize("shape", [(64, 48), (24, 32), (48, 65)])
def test_sizes_that_disagree_name_both_files(data: Path, checkpoint: Path, shape: tuple[int, int]) -> None:
    mask = put(data / "masks/a.png", np.zeros(shape))
    labels = put(data / "maps/a.png", np.zeros((48, 64)))
    pair = Pair("a", mask, data / "images/a.png", labels)
    for source, other in (
        (NetworkSource(segmenter(checkpoint), sampler=None), pair.image),
        (stored(data / "maps"), labels),
    ):
        with pytest.raises(DataError, match=f"64 x 48 pixels, the mask {shape[1]} x {shape[0]}") as caught:
            source.read(pair, truth_of(pair))
        assert str(mask) in str(caught.value)
        assert str(other) in str(caught.value)


def test_planes_and_probabilities_must_have_the_size_of_the_label_map(data: Path) -> None:
    pair = Pair("a", data / "masks/a.png", None, put(data / "maps/sub/a.png", np.zeros((48, 64))))
    put(data / "sure/sub/a.png", np.zeros((48, 63)))
    with pytest.raises(DataError, match=r"sure/sub/a\.png: is 63 x 48 pixels, its label map 64 x 48"):
        stored(data / "maps", [PlaneFolder("x", data / "sure", 1.0)]).read(pair, truth_of(pair))
    (data / "probabilities/sub").mkdir(parents=True)
    np.save(data / "probabilities/sub/a.npy", np.zeros((2, 48, 64), np.float32))
    with pytest.raises(DataError, match=r"sub/a\.npy: holds float32 of shape \(2, 48, 64\)"):
        stored(data / "maps", probabilities=data / "probabilities").read(pair, truth_of(pair))


@pytest.mark.parametrize("where", ["network", "dropout"])
@pytest.mark.parametrize("error", [RuntimeError("no weights\nat all"), ZeroDivisionError(), FloatingPointError("NaN")])
def test_a_network_that_fails_is_an_error_that_names_the_image(
    data: Path, checkpoint: Path, where: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = segmenter(checkpoint)
    sampler = DropoutSampler(work, passes=1, rate=0.5)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(work if where == "network" else sampler, "predict", fail)
    pair = Pair("a", data / "masks/a.png", data / "images/a.png", None)
    reason = {"no weights\nat all": "no weights", "": "ZeroDivisionError", "NaN": "NaN"}[str(error)]
    with pytest.raises(ImageError, match=rf"images/a\.png: the network failed on this 64 x 48 image: {reason}$"):
        NetworkSource(work, sampler=sampler).read(pair, truth_of(pair))()


def limited(limit: int, *, sampler: Any = None, longest_side: int | None = None) -> NetworkSource:
    request = Request(measures=("distance", "margin"), longest_side=longest_side)
    return NetworkSource(Segmenter(LimitedEngine(limit), TREE_OF_COLORS, request=request, tiling=AUTO), sampler=sampler)


def wide(folder: Path) -> tuple[Pair, np.ndarray]:
    Image.fromarray(picture(*WIDE)).save(folder / "wide.png")
    truth = np.random.default_rng(1).integers(0, 4, WIDE, np.uint8)
    return Pair("wide", put(folder / "wide mask.png", truth), folder / "wide.png", None), truth


@pytest.mark.parametrize(("limit", "tile"), [(545_000, 1024), (300_000, 512)])
def test_an_image_that_does_not_fit_into_memory_is_scored_in_windows(tmp_path: Path, limit: int, tile: int) -> None:
    """The engine sees nothing beyond a cell, so that windows change but rounding."""
    pair, truth = wide(tmp_path)
    source, unlimited = limited(limit), limited(10**9)
    for _ in range(2):
        predicted, unlimited_one = source.read(pair, truth)(), unlimited.read(pair, truth)()
        source.note(predicted)
        unlimited.note(unlimited_one)
        found, whole = predicted.sample, unlimited_one.sample
    assert source.notes() == [f"2 images: did not fit into memory whole; scored in windows of {tile} pixels"]
    assert unlimited.notes() == []
    sure = whole.levels["margin"] > 100
    assert sure.mean() > 0.5
    np.testing.assert_array_equal(found.labels[sure], whole.labels[sure])
    for name, levels in whole.levels.items():
        np.testing.assert_allclose(found.levels[name].astype(int), levels.astype(int), atol=2)
    assert found.proper is not None
    assert whole.proper is not None
    smooth = (truth < 3) & sure  # windows decide one way where the whole image is torn between two classes
    np.testing.assert_allclose(found.proper[:, smooth], whole.proper[:, smooth], atol=1e-4)


def test_where_not_even_windows_fit_the_sentence_names_the_image(tmp_path: Path) -> None:
    pair, truth = wide(tmp_path)
    with pytest.raises(ImageError, match=r"wide\.png: 1040 x 528 pixels do not fit into memory, not even in windows"):
        limited(1).read(pair, truth)()
    with pytest.raises(ImageError, match=r"wide\.png: 1040 x 528 pixels do not fit into memory; use"):
        limited(1, longest_side=512).read(pair, truth)()  # shrunk, its windows would show things at another size


@pytest.mark.parametrize(("limit", "tile"), [(10**9, 512), (545_000, 512)])
def test_dropout_goes_in_windows_too(tmp_path: Path, limit: int, tile: int) -> None:
    """And an image counts once, under the smaller ones."""

    class Sampler:
        def predict(self, image: np.ndarray, *, key: str, tiling: Tiling | None) -> Prediction:
            assert key == "wide"
            if tiling is None or tiling.tile > tile:
                raise MemoryError
            half = Plane(np.full(image.shape[:2], 0.5, np.float32), "mc-entropy", 1.0)
            return Prediction(image[..., 0] % 3, {"mc-entropy": half})

    pair, truth = wide(tmp_path)
    source = limited(limit, sampler=Sampler())
    found = source.read(pair, truth)()
    source.note(found)
    assert source.notes() == [f"1 image: did not fit into memory whole; scored in windows of {tile} pixels"]
    assert found.sample.dropout_labels is not None
    assert (found.sample.levels["mc-entropy"] == 32768).all()


def test_the_limit_of_pixels_is_that_of_decoding(data: Path, checkpoint: Path) -> None:
    pair = Pair("a", data / "masks/a.png", data / "images/a.png", None)
    with pytest.raises(ImageError, match="at most 3,071 are allowed"):
        NetworkSource(segmenter(checkpoint), sampler=None, max_pixels=64 * 48 - 1).read(pair, truth_of(pair))
    read = NetworkSource(segmenter(checkpoint), sampler=None, max_pixels=64 * 48).read(pair, truth_of(pair))()
    assert read.sample.labels.shape == (48, 64)


def test_a_pair_without_the_file_that_is_read_is_a_defect(data: Path, checkpoint: Path) -> None:
    truth = np.zeros((48, 64), np.uint8)
    with pytest.raises(ValueError, match="my key has no image"):
        NetworkSource(segmenter(checkpoint), sampler=None).read(Pair("my key", data, None, data), truth)
    with pytest.raises(ValueError, match="my key has no label map"):
        stored(data).read(Pair("my key", data, data, None), truth)


@pytest.mark.parametrize(
    ("labels", "folder", "key"),
    [
        ("maps/labels/a.png", "maps/labels", "a"),
        ("maps/labels/sub/c.1.tif", "maps/labels", "sub/c.1"),
        ("elsewhere/sub/c.png", "maps/labels", "c"),
        ("maps/labels-of-mine/c.png", "maps/labels", "c"),
        ("maps/a.png", "maps/a.png", "a"),
    ],
)
def test_the_key_of_planes(labels: str, folder: str, key: str) -> None:
    assert plane_key(Path(labels), Path(folder)) == key


@pytest.mark.parametrize("form", ["png", "npy"])
@pytest.mark.parametrize("rule", [None, Rule("auto", 0.6)])
def test_what_has_no_data_is_void(
    hypseg: Hypseg, tmp_path: Path, checkpoint: Path, form: str, rule: Rule | None
) -> None:
    """Of a network, and of the maps that it wrote: neither is asked what lies there."""
    pixels = np.asarray(Image.open(photograph(tmp_path / "a.png", size=(64, 48)))).copy()
    lacking = np.zeros((48, 64), np.bool_)
    lacking[:, :20] = True
    pixels[~lacking] = np.maximum(pixels[~lacking], 1)
    pixels[lacking] = 0
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images/a.tif", pixels, photometric="rgb", extratags=[(42113, "s", 0, "0", True)])
    mask = np.random.default_rng(0).choice([0, 1, 2, 255], (48, 64))
    put(tmp_path / "masks/a.png", mask)
    save = "labels,confidence" if rule else "labels,confidence,probabilities"
    options: list[object] = ["--save", save, "--format", form, "--device", "cpu", "--measure", "distance,entropy"]
    options += ["--level", "auto", "--threshold", 0.6] if rule else []
    maps = tmp_path / "maps"
    assert hypseg("predict", tmp_path / "images", "--out", maps, "-c", checkpoint, *options).code == 0
    pairs = pair_files(masks=str(tmp_path / "masks"), images=str(tmp_path / "images"), predictions=maps)
    planes = find_planes(maps, named={}, inverted={}, key="a", full_scale=1.0)
    void = void_in([maps / "labels/a.png"])
    assert void == 255
    kept = {"id_map": IdMap(((void, None),)), "void": void, "nodes": 4 if rule else None}
    found = stored(maps / "labels", planes, probabilities=None if rule else maps / "probabilities", **kept)
    network = NetworkSource(segmenter(checkpoint, rules=(rule,) if rule else ()), sampler=None)
    wanted = np.where(lacking | (mask == 255), 3, mask)
    for source in (network, found):
        sample = source.read(pairs[0], truth_of(pairs[0]))().sample
        np.testing.assert_array_equal(sample.truth, wanted)
        assert (sample.labels[lacking] == 3).all()
        assert not all((levels[lacking] > 0).any() for levels in {**sample.levels, **sample.answer_levels}.values())
        count_image(sample, Scheme(3, tuple(sample.levels), Tolerance(2, False)))
    (tmp_path / "map.txt").write_text("0:0\n1:1\n2:2\n3:3\n")
    (tmp_path / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    ways: list[tuple[object, ...]] = [("--predictions", maps, "-c", checkpoint)]
    if not rule:
        matched = ("--match", "majority", "--classes", tmp_path / "classes.txt")
        ways += [(*ways[0], "--prediction-map", tmp_path / "map.txt"), ("--predictions", maps, *matched)]
        ways.append((tmp_path / "images", "-c", checkpoint, *matched))
        # A map that says nothing of itself, as one that somebody has corrected, is taken for what the others are.
        put(tmp_path / "two/a.png", np.asarray(Image.open(maps / "labels/a.png")))
        shutil.copy(maps / "labels/a.png", tmp_path / "two/b.png")
        for name in "ab":
            put(tmp_path / f"two masks/{name}.png", mask)
        ways.append(("--predictions", tmp_path / "two", "-c", checkpoint))
    for number, (first, second, *how) in enumerate(ways):
        masks = tmp_path / ("two masks" if second == tmp_path / "two" else "masks")
        named = (first, second, masks) if first == "--predictions" else (first, masks, second)
        report = tmp_path / f"report {number}"
        assert hypseg("evaluate", *named, *how, "--out", report).code == 0
        lines = (report / "per_image.csv").read_text().splitlines()
        row = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
        assert int(row["labelled_pixels"]) == np.count_nonzero(wanted < 3)
