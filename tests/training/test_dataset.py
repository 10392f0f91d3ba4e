"""What a data folder may look like, and that an item of an epoch depends on its draw alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader

from hypsegcli.errors import DataError, ImageError, setting
from hypsegcli.files.digest import digest_file, short_digest
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images import open_image
from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.dataset import Crop, CropDataset, Draw, EpochSampler, MorePair, Pool, Split, read_split
from hypsegcli.training.layouts.hypseg import pair_split
from hypsegcli.training.layouts.source import Source
from hypsegcli.training.other_worlds import OtherWorlds
from hypsegcli.training.read_batches import Reading, batches, collate, leave_stopping_to_training
from hypsegcli.training.sample_crops import CropSampler
from hypsegcli.training.targets import OTHER
from hypsegcli.training.unchanged import digest_pair
from hypsegcli.truth.check import read_image
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair
from hypsegcli.truth.turned import NOTE

Pairs = Callable[..., Path]


def photo(height: int = 8, width: int = 10) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 90, np.uint8)


def mask(value: int = 0, height: int = 8, width: int = 10) -> NDArray[np.uint8]:
    return np.full((height, width), value, np.uint8)


def read(folder: Path, *, classes: int, ignore_index: int = 255, id_map: IdMap | None = None) -> Split:
    """The training split of a folder of some classes."""
    tree = flat_tree([f"class {number}" for number in range(classes)])
    source = Source(tree, partial(pair_split, folder), id_map)
    return read_split(source.pairs("train"), source, ignore_index=ignore_index)


def test_pairs_are_sorted_and_counted(pairs: Pairs) -> None:
    second = mask(1)
    second[0, :3] = 255
    folder = pairs(("b", photo(), mask(2)), ("a", photo(), second), ("c", photo(20, 30), mask(2, 20, 30)))
    Image.fromarray(photo()).save(folder / "train" / "images" / ".hidden.png")
    (folder / "train" / "masks" / "notes.txt").write_text("not a mask")
    split = read(folder, classes=4)
    train = folder / "train"
    expected = [Pair(n, train / f"masks/{n}.png", train / f"images/{n}.png", None) for n in "abc"]
    assert list(split.pairs) == expected
    assert split.pixels.tolist() == [0, 77, 680, 0]
    assert split.void == ()
    assert (split.height, split.width, split.longest_sides.tolist()) == (8, 10, [10, 10, 30])


@pytest.mark.parametrize(
    ("ids", "classes", "advice"),
    [
        ((0, 3, 7, 255), 3, "1 of 2 masks hold ids that are no class, the first is {path}: 3 ("),
        ((-1, 0), 3, "if -1 means void: ignore_index=-1;"),
        ((0, 1, 2, 3), 3, "it looks as if 3 means void: ignore_index=3; or ids run from 1 and 0 means void: give"),
        ((0, 255), 2, "these look like masks of one class saved as black and white; give the masks other ids, "),
        ((7, 8, 11, 26), 19, "these look like the labelIds of Cityscapes where its 19 trainIds are expected; give the"),
        ((0, 40, 50, 60), 3, "most of these ids lie between areas of other ids, as after a resize with interpolation"),
    ],
)
def test_a_wrong_mask_gets_the_doctor_s_sentence(pairs: Pairs, ids: tuple[int, ...], classes: int, advice: str) -> None:
    values = np.zeros((8, 10), np.int32)
    values[4:, :5] = max(ids)
    values[2, :5] = np.resize(ids, 5)  # next to each other, so that those of a ramp stand alone
    folder = pairs(("fine", photo(), mask()), ("odd", photo(), None))
    path = folder / "train" / "masks" / "odd.tif"
    Image.fromarray(values).save(path)
    with pytest.raises(DataError) as caught:
        read(folder, classes=classes)
    assert advice.format(path=path) in str(caught.value)
    assert f"allowed are 0 to {classes - 1} (class 0 to class {classes - 1}) and 255 for void;" in str(caught.value)
    assert "file for" not in str(caught.value)


def test_a_mask_in_colour(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), photo() + np.array([1, 2, 3], np.uint8)))
    with pytest.raises(ImageError, match=r"this is a colour picture .* whose values are the class ids$"):
        read(folder, classes=3)


def test_every_file_is_decoded_once(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def counting(path: Path, **options: int) -> object:
        decoded.append(path)
        return open_image.open_upright(path, **options)

    monkeypatch.setattr("hypsegcli.images.decode.open_upright", counting)
    folder = pairs(("a", photo(), mask()), ("b", photo(), mask(1)))
    read(folder, classes=2)
    assert sorted(decoded) == sorted(path for path in (folder / "train").rglob("*.png"))


def test_a_void_outside_the_masks_range(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), mask(1)))
    assert read(folder, classes=2, ignore_index=65535).pixels.tolist() == [0, 80]


def test_ids_are_mapped_before_they_are_counted(pairs: Pairs) -> None:
    second = mask(7)
    second[0] = 0
    folder = pairs(("a", photo(), mask(8)), ("b", photo(), second))
    id_map = IdMap(((7, 0), (8, 1), (0, None)))
    split = read(folder, classes=2, id_map=id_map)
    assert split.pixels.tolist() == [70, 80]
    assert split.id_map == id_map
    with pytest.raises(DataError, match=r"1 of 2 masks hold ids that are no class, .*a\.png: 8 \("):
        read(folder, classes=2, id_map=IdMap(((7, 0), (0, None))))


def test_all_void(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), mask(255)), ("b", photo(), mask(255)))
    with pytest.raises(DataError, match=r"the 2 masks, such as .*: all have the void id 255;"):
        read(folder, classes=3)


def test_masks_of_void_alone_are_named(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), mask(255)), ("b", photo(), mask(0)), ("c", photo(), mask(255)))
    split = read(folder, classes=3)
    assert [path.name for path in split.void] == ["a.png", "c.png"]


def test_sizes_that_disagree_are_found_at_once(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), mask()), ("b", photo(8, 10), mask(0, 10, 8)))
    with pytest.raises(DataError, match=r"images/b\.png and \S*masks/b\.png: .*the mask 8 x 10: .* on its side"):
        read(folder, classes=3)


def test_orientation_counts_for_the_size(pairs: Pairs) -> None:
    folder = pairs(("a", None, mask(0, 10, 8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo(8, 10)).save(folder / "train" / "images" / "a.jpg", exif=exif)
    split = read(folder, classes=3)
    assert (split.height, split.width) == (10, 8)


@pytest.mark.parametrize("kind", ["images", "masks"])
@pytest.mark.parametrize("damage", ["truncated", "nonsense", "empty"])
def test_damaged_files_are_found_at_once(pairs: Pairs, kind: str, damage: str) -> None:
    folder = pairs(
        ("a", photo(), mask()), ("b", np.random.default_rng(0).integers(0, 255, (8, 10, 3), np.uint8), mask())
    )
    path = folder / "train" / kind / "b.png"
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) * 2 // 3], "nonsense": b"hello there", "empty": b""}[damage])
    with pytest.raises(ImageError, match=re.escape(str(path))):
        read(folder, classes=3)


def draws(seed: int, epoch: int, count: int = 20) -> list[Draw]:
    sampler = EpochSampler(count, seed=seed)
    sampler.epoch = epoch
    assert len(sampler) == count
    return list(sampler)


def test_an_epoch_follows_from_seed_and_number() -> None:
    assert draws(0, 1) == draws(0, 1)
    for other in (draws(0, 2), draws(1, 1)):
        assert [d.sample for d in other] != [d.sample for d in draws(0, 1)]
        assert not {d.seed for d in other} & {d.seed for d in draws(0, 1)}
    assert sorted(d.sample for d in draws(5, 9)) == list(range(20))
    assert len({d.seed for d in draws(5, 9)}) == 20


def test_the_global_generators_have_no_part_in_it() -> None:
    np.random.seed(1)
    torch.manual_seed(1)
    before = draws(0, 1)
    np.random.seed(2)
    torch.manual_seed(2)
    assert draws(0, 1) == before


def test_other_worlds_are_a_share_of_an_epoch_drawn_anew() -> None:
    sampler = EpochSampler(90, seed=0, pools=[Pool(500, 0.1)])
    epochs = []
    for epoch in (1, 2):
        sampler.epoch = epoch
        samples = [draw.sample for draw in sampler]
        assert len(samples) == len(sampler) == 100
        assert sorted(samples)[:90] == list(range(90))
        assert all(90 <= sample < 590 for sample in sorted(samples)[90:])
        epochs.append(sorted(samples)[90:])
    assert epochs[0] != epochs[1]


@pytest.fixture
def crops(data: Path) -> CropDataset:
    config = TrainConfig(crop_height=64, crop_width=64)
    split = read(data, classes=3)
    return CropDataset(
        split.pairs,
        build_augmentation(config, fill=(124, 116, 104), ignore_index=255),
        ignore_index=255,
        fold=np.arange(len(split.pairs)) == 5,
        digests=split.digests,
    )


def test_an_item(crops: CropDataset) -> None:
    image, labels, sample, in_fold = crops[Draw(4, 5)]
    assert sample == 4
    assert not in_fold
    assert crops[Draw(5, 5)].in_fold
    assert (type(image), image.dtype, tuple(image.shape)) == (torch.Tensor, torch.uint8, (3, 64, 64))
    assert (type(labels), labels.dtype, tuple(labels.shape)) == (torch.Tensor, torch.int64, (64, 64))
    assert set(labels.flatten().tolist()) <= {0, 1, 2, 255}
    assert len(crops) == 6


def test_an_item_depends_on_its_draw_alone(crops: CropDataset) -> None:
    torch.manual_seed(1)
    first = crops[Draw(0, 5)]
    torch.manual_seed(2)
    torch.rand(3)
    crops[Draw(1, 9)]
    again, other = crops[Draw(0, 5)], crops[Draw(0, 6)]
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.mask, again.mask)
    assert not torch.equal(first.image, other.image)


def test_items_may_be_samples(crops: CropDataset) -> None:
    """Cut out as finer crops, of the same size in the end."""
    config = TrainConfig(crop_height=64, crop_width=64, sampling="adaptive", longest_side=60)
    crops.augmentation = build_augmentation(config, fill=(124, 116, 104), ignore_index=255)
    crops.sampler = CropSampler(longest_side=60, void=255)
    first, again = crops[Draw(4, 5)], crops[Draw(4, 5)]
    assert (first.image.dtype, tuple(first.image.shape)) == (torch.uint8, (3, 64, 64))
    assert (first.mask.dtype, tuple(first.mask.shape)) == (torch.int64, (64, 64))
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.mask, again.mask)
    assert set(first.mask.flatten().tolist()) <= {0, 1, 2, 255}


def test_an_item_leaves_the_global_generator_alone(crops: CropDataset) -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    crops[Draw(0, 5)]
    assert torch.equal(torch.get_rng_state(), state)


def test_workers_change_nothing(crops: CropDataset) -> None:
    def epoch(workers: int) -> list[torch.Tensor]:
        sampler = EpochSampler(len(crops), seed=0)
        loader = DataLoader(crops, batch_size=2, sampler=sampler, num_workers=workers)
        return [tensor for batch in loader for tensor in batch]

    torch.manual_seed(1)
    alone = epoch(0)
    torch.manual_seed(2)
    assert all(torch.equal(a, b) for a, b in zip(alone, epoch(2), strict=True))


def test_sizes_that_disagree_while_training(tmp_path: Path) -> None:
    """A file can change between the check and its use."""
    Image.fromarray(photo(8, 10)).save(tmp_path / "a.png")
    Image.fromarray(mask(0, 9, 10)).save(tmp_path / "m.png")
    config = TrainConfig(crop_height=64, crop_width=64)
    crops = CropDataset(
        [Pair("a", tmp_path / "m.png", tmp_path / "a.png", None)],
        build_augmentation(config, fill=(0, 0, 0), ignore_index=255),
        ignore_index=255,
        fold=np.zeros(1, np.bool_),
    )
    with pytest.raises(DataError, match=r"a\.png and .*m\.png: the image is 10 x 8 pixels, the mask 10 x 9"):
        crops[Draw(0, 0)]


@pytest.mark.parametrize("kind", ["images", "masks"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_changed_since_it_was_looked_at_is_named(
    crops: CropDataset, data: Path, kind: str, workers: int
) -> None:
    """By the same picture of another size in bytes, which nothing else would tell."""
    files = sorted((data / "train" / kind).iterdir())
    files[1].write_bytes(files[1].read_bytes() + b"\0")
    assert len(crops[Draw(0, 0)]) == 4
    loader = DataLoader(
        Reading(crops),
        batch_size=1,
        sampler=[Draw(1, 0)],
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=leave_stopping_to_training,
    )
    with pytest.raises(DataError, match="has changed since this training looked at it") as error:
        list(batches(loader))
    assert str(error.value).startswith(str(files[1]))
    assert f"go on with {setting('resume')}" in error.value.message  # for the command line to spell


def still(crops: CropDataset, **options: object) -> CropDataset:
    """The same crops without anything random but their place."""
    config = TrainConfig(crop_height=64, crop_width=80, scale_min=1, scale_max=1, color_jitter=0, flip=False)
    augmentation = build_augmentation(config, fill=(0, 0, 0), ignore_index=255)
    return CropDataset(crops.pairs, augmentation, ignore_index=255, fold=crops.fold, **options)  # type: ignore[arg-type]


def test_ids_are_mapped_in_a_crop(crops: CropDataset) -> None:
    """To other classes, before some are held out."""
    plain = still(crops)[Draw(0, 0)].mask
    mapped = still(crops, id_map=IdMap(((0, 1), (1, 2), (2, None))), held_out=(2,))[Draw(0, 0)].mask
    assert torch.equal(mapped, torch.where(plain == 0, 1, 255))


@pytest.mark.parametrize("longest_side", [None, 40])
def test_nothing_is_learned_where_a_mask_has_no_data(
    crops: CropDataset, tmp_path: Path, longest_side: int | None
) -> None:
    """Whatever id it has there, and whatever that is mapped to."""
    pair = crops.pairs[0]
    with Image.open(pair.mask) as image:
        ids = np.asarray(image)
    for name, tags in (("plain", []), ("nodata", [(42113, "s", 0, "1", True)])):
        tifffile.imwrite(tmp_path / f"{name}.tif", ids, photometric="minisblack", metadata=None, extratags=tags)

    def of(pair: Pair) -> CropDataset:
        return CropDataset([pair], crops.augmentation, ignore_index=255, fold=crops.fold[:1])

    options = {"id_map": IdMap(((1, 2),)), "longest_side": longest_side}
    plain, without = (
        still(of(pair._replace(mask=tmp_path / name)), **options)[Draw(0, 0)].mask
        for name in ("plain.tif", "nodata.tif")
    )
    ones = still(of(pair), longest_side=longest_side)[Draw(0, 0)].mask == 1
    assert ones.any()
    assert torch.equal(without, torch.where(ones, 255, plain))


def lose(path: Path, hole: slice | tuple[slice, slice]) -> Path:
    """The photograph as a TIFF that has no data in a hole, where its pixels are what they were."""
    with Image.open(path) as image:
        pixels = np.asarray(image)
    valid = np.ones(pixels.shape[:2], np.bool_)
    valid[hole] = False
    with tifffile.TiffWriter(path.with_suffix(".tif")) as tif:
        tif.write(pixels, photometric="rgb")
        tif.write(valid, photometric="mask", subfiletype=4)
    return path.with_suffix(".tif")


@pytest.mark.parametrize("way", ["whole", "shrunk", "sampled", "mapped", "further"])
def test_nothing_is_learned_where_a_photograph_has_no_data(crops: CropDataset, way: str) -> None:
    """Whatever its mask has there: what goes in is the same, and so is what is learned elsewhere."""
    pair, hole = crops.pairs[0], np.s_[16:48, :48]
    assert pair.image is not None
    with Image.open(pair.mask) as image:
        ids = np.array(image)
    ids[hole] = 255
    lost, void = pair._replace(image=lose(pair.image, hole)), pair._replace(mask=pair.mask.with_suffix(".void.png"))
    Image.fromarray(ids).save(void.mask)
    ways: dict[str, dict[str, object]] = {
        "shrunk": {"longest_side": 40},
        "sampled": {"sampler": CropSampler(longest_side=40, void=255)},
        "mapped": {"id_map": IdMap(((1, 2), (255, None)))},
    }
    options = ways.get(way, {})

    def item(pair: Pair) -> Crop:
        of = CropDataset([pair], crops.augmentation, ignore_index=255, fold=crops.fold)
        if way == "further":
            targets = np.full(2**16, 255, np.int64)
            targets[:3] = (2, -2, 0)
            digest = digest_pair(pair, read_image(pair, (64, 80)))
            of.pairs, options["more"] = [], [MorePair(pair, targets, 80, digest, ())]
        return still(of, **options)[Draw(0, 0)]

    whole, without, expected = (item(each) for each in (pair, lost, void))
    assert torch.equal(without.mask, expected.mask)
    assert not torch.equal(without.mask, whole.mask)
    assert torch.equal(without.image, whole.image if way != "sampled" else expected.image)


def test_what_photographs_have_no_data_of_does_not_count(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), mask()), ("b", photo(), mask(1)), ("c", photo(), mask(1)))
    for stem, hole in (("a", np.s_[:2]), ("b", np.s_[:]), ("c", np.s_[:0])):
        path = folder / f"train/images/{stem}.png"
        lose(path, hole)
        path.unlink()
    split = read(folder, classes=3)
    assert split.pixels.tolist() == [60, 80, 0]
    assert split.void == ()
    assert split.doubts[-1].startswith("100 labelled pixels of the masks are void, since photographs say")
    mapped = read(folder, classes=3, ignore_index=0, id_map=IdMap(((0, 2), (1, 0))))
    assert mapped.pixels.tolist() == [0, 0, 60]
    assert mapped.doubts[-1].startswith("20 labelled pixels")


def test_nothing_is_left_where_no_photograph_has_data(pairs: Pairs) -> None:
    labelled = mask(255)
    labelled[0] = 1
    folder = pairs(("a", photo(), labelled), ("b", photo(), mask(255)))
    path = folder / "train/images/a.png"
    lose(path, np.s_[:1])
    path.unlink()
    with pytest.raises(
        DataError, match=r"all 10 labelled pixels of the 2 masks, such as .*a\.png, lie where .* no data"
    ):
        read(folder, classes=3)


def test_held_out_classes_are_void(crops: CropDataset) -> None:
    plain, held = still(crops)[Draw(0, 0)], still(crops, held_out=(0, 2))[Draw(0, 0)]
    assert torch.equal(plain.image, held.image)
    assert set(plain.mask.flatten().tolist()) == {0, 1, 2, 255}
    assert torch.equal(held.mask, torch.where(plain.mask == 1, 1, 255))


def test_larger_images_are_shrunk_with_their_masks(crops: CropDataset) -> None:
    """Blocks of 16 pixels become blocks of 8; what does not fill the crop is void."""
    whole, half = still(crops)[Draw(0, 0)], still(crops, longest_side=40)[Draw(0, 0)]
    rows, columns = torch.nonzero(half.image.sum(0)).amin(0).tolist()
    inside = np.s_[rows : rows + 32, columns : columns + 40]
    assert torch.equal(half.mask[inside], whole.mask[1::2, 1::2])
    assert (half.mask[inside] != 255).any()
    means = whole.image.float().unfold(1, 2, 2).unfold(2, 2, 2).mean((-1, -2))
    torch.testing.assert_close(half.image[(slice(None), *inside)].float(), means, rtol=0.0, atol=1.0)
    assert (half.mask != 255).sum() <= 32 * 40
    assert torch.equal(still(crops, longest_side=80)[Draw(0, 0)].image, whole.image)


def test_photographs_of_other_worlds_follow_the_own_and_are_pasted_into_them(crops: CropDataset, data: Path) -> None:
    paths = sorted((data / "val" / "images").iterdir())
    looked_at = {path: short_digest(digest_file(path)) for path in paths}
    crops.others = OtherWorlds(looked_at, crops.augmentation, longest_side=None, void=255)
    crops.pasted = 0.5
    assert len(crops) == 6 + len(paths)
    assert (crops.name(1), crops.name(6)) == ("01", str(paths[0]))
    other = crops[Draw(6, 3)]
    assert other.sample == 6
    assert set(other.mask.unique().tolist()) <= {OTHER, 255}
    pasted = [bool((crops[Draw(0, seed)].mask == OTHER).any()) for seed in range(40)]
    assert 8 < sum(pasted) < 32
    assert torch.equal(crops[Draw(0, 7)].image, crops[Draw(0, 7)].image)


def test_what_was_changed_in_photographs_is_kept_for_whoever_trains(pairs: Pairs) -> None:
    folder = pairs(("a", photo(), mask()), ("b", photo(), mask(1)), ("c", photo(), mask(1)))
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(photo()).save(folder / "train/images/b.png", exif=exif)
    Image.fromarray(photo()).save(folder / "train/images/c.png", exif=exif)
    Image.fromarray(mask(1)).save(folder / "train/masks/c.png", exif=exif)
    turned = "turned upright (EXIF orientation 3)"
    assert read(folder, classes=2).notes == ((), (turned, NOTE), (turned,))
