"""Every kind of output, one law for all: what is listed is found, and comes in the formats that it names."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.maps import HEADER, HEIGHT, PHOTOGRAPH, WIDTH, header_of, prediction

import hypsegcli.products
from hypsegcli.errors import UsageError
from hypsegcli.files.kinds import PREDICT, UNCERTAINTY, Format
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.inference.prediction import Embeddings
from hypsegcli.pictures.palette import node_palette
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.outputs import make_outputs
from hypsegcli.products.product import Context, find_product, with_beside

KINDS = tuple(dict.fromkeys((*PREDICT, *UNCERTAINTY)))
FORMATS: tuple[Format, ...] = ("png", "npy", "tif")
PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(3), (HEIGHT, WIDTH)).transpose(2, 0, 1).astype(np.float16)
PROTOTYPES = np.random.default_rng(0).integers(0, 6, (HEIGHT, WIDTH), dtype=np.uint8)
EMBEDDINGS = Embeddings(np.zeros((6, HEIGHT // 4, WIDTH // 4), np.float16), (4.0, 4.0))
EVERY = prediction(probabilities=PROBABILITIES, embeddings=EMBEDDINGS, prototypes=PROTOTYPES)
OWN = {"png": "png", "npy": "npy", "tiff": "tif"}  # what Pillow calls a format, and its suffix


def test_every_file_is_listed_once() -> None:
    shared = {"__init__", "product", "outputs"} | {"signature", "worth"}  # what lines of a manifest have
    beside = {"style"}  # of label maps
    files = {path.stem for path in Path(hypsegcli.products.__file__).parent.glob("*.py")} - shared - beside
    assert sorted(KINDS) == sorted(files)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", FORMATS)
def test_a_file_is_what_its_suffix_says(kind: str, asked: Format) -> None:
    product = find_product(kind)
    assert product.kind == kind
    given = product.format(asked)
    assert given == (asked if asked in product.formats else product.formats[0])
    assert product.suffix(asked) == f".{given}"
    context = replace(Context.of(HEADER, "", format=asked), prototypes=2)
    outputs = make_outputs([product], context, mean_confidence)
    assert list(outputs.encoders) == [kind]
    assert list(outputs.tiffs) == ([kind] if given == "tif" else [])
    if product.made_with is not None:
        pytest.importorskip(product.made_with[0])
    data = outputs.encoders[kind](PHOTOGRAPH, EVERY)
    if given == "geojson":
        assert json.loads(data)["type"] == "FeatureCollection"
        return
    if given == "npz":
        assert np.load(BytesIO(data))["embeddings"].shape == (6, HEIGHT // 4, WIDTH // 4)
        return
    if given == "npy":
        assert np.load(BytesIO(data)).shape[-2:] == (HEIGHT, WIDTH)
        return
    with Image.open(BytesIO(data)) as image:
        assert OWN[str(image.format).lower()] == given
        assert image.height >= HEIGHT


@pytest.mark.parametrize("kind", KINDS)
def test_strips_of_a_tiff_are_the_whole_in_pieces(kind: str) -> None:
    product, context, whole = find_product(kind), replace(Context.of(HEADER, "", format="tif"), prototypes=2), EVERY
    if "tif" not in product.formats:
        with pytest.raises(NotImplementedError, match=f"{kind} comes in"):
            product.tiff(whole, context)
        return
    plane = product.tiff(whole, context)
    file = BytesIO()
    writer = plane.writer(file, HEIGHT, WIDTH)
    for start in range(0, HEIGHT, 7):
        writer.write(plane.values[start : start + 7])
    writer.close()
    assert file.getvalue() == plane.encode()


def test_only_confidence_is_one_a_measure() -> None:
    further = {kind: [added.kind for added in find_product(kind).further(["norm", "margin"])] for kind in KINDS}
    assert further.pop("confidence") == ["confidence-norm", "confidence-margin"]
    assert not any(further.values())
    assert find_product("confidence").further([]) == ()


def test_names_and_colours_are_those_of_the_level() -> None:
    tree = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)
    every = ("sky", "road", "car", "ground", "undecided")
    colors = node_palette(header_of(tree).colors, tree.leaves_below()).tolist()
    for level, count in ((None, 3), (1, 4), ("auto", 5)):
        context = Context.of(header_of(tree), "ab", level=level)  # type: ignore[arg-type]
        assert context.names == every[:count]
        assert context.palette.tolist() == colors[:count]
        assert context.background is None


def test_the_background_is_the_checkpoint_s() -> None:
    assert Context.of(HEADER.model_copy(update={"background": 2}), "ab", level="auto").background == 2


def test_what_takes_a_package_is_refused_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    product = find_product("polygons")
    monkeypatch.setattr(type(product), "made_with", ("there_is_none_of_this_name", "hypseg[it]"))
    with pytest.raises(UsageError, match=r"polygons: are made with there_is.*; pip install 'hypseg\[it\]'"):
        with_beside([find_product("labels"), product], "png")


def test_metadata_says_which_checkpoint() -> None:
    metadata = Context.of(HEADER, "ab").metadata("labels")
    assert (metadata.checkpoint, metadata.curvature, metadata.head) == ("ab", 0.5, "hyperbolic")
