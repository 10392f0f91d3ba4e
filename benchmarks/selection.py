r"""Which images to label next: by doubt, by doubt and diversity, or at random; three Markdown tables.

    python benchmarks/selection.py DATA --out RESULTS [--ignore-index 11] [--ranked streets]

DATA is as `hypseg train` takes it. For every seed some images of its train/ are drawn to learn from, six to calibrate
on, and a pool. A network that starts from ImageNet's weights learns from the first ones and is calibrated. Each way
then takes some images of the pool; `hypseg train --init` goes on with them and the first ones, as many steps for all;
what comes of it is scored on val/. Differences are those to the random draw of the same seed.

The other tables are without training: what the first networks' rankings of val/, or that of `--ranked`, are worth to a
person, held against the masks. RESULTS keeps every step, so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import cv2
import numpy as np
from few_images import link, pairs_of  # type: ignore[import-not-found]  # the file beside this one
from numpy.typing import NDArray
from scipy.stats import spearmanr

import hypsegcli
from hypsegcli.cli.app import main as hypseg
from hypsegcli.products.signature import signature
from hypsegcli.run.diversity import diverse_order

HELD, QUOTA = 6, 0.3
DOUBTFUL, SMALLEST = 0.7, 0.001  # a place is of pixels less sure than that, and of at least that share of the image
TOP = 0.1  # of the images, or of the pixels that are in places

Pairs = list[tuple[Path, Path]]
Look = dict[str, NDArray[Any]]
Order = Callable[[Look, int], NDArray[np.intp]]


def run(*command: object) -> None:
    """A command of hypseg's, in this process: to start anew takes longer than some of these trainings."""
    with contextlib.redirect_stdout(io.StringIO()):
        code = hypseg([str(word) for word in command])
    if code:
        raise SystemExit(code)


@dataclass(frozen=True)
class Study:
    """What all steps have in common."""

    data: Path
    out: Path
    given: argparse.Namespace

    def draw(self, seed: int) -> tuple[Pairs, Pairs, Pairs]:
        """Images to begin with, to calibrate on, and the pool."""
        pairs: Pairs = pairs_of(self.data / "train")
        first = self.given.first
        drawn = random.Random(seed).sample(pairs, min(len(pairs), first + HELD + self.given.pool))
        return drawn[:first], drawn[first : first + HELD], sorted(drawn[first + HELD :])

    def scored(self) -> Pairs:
        """Images of val/, evenly spaced."""
        val: Pairs = pairs_of(self.data / "val")
        return val[:: -(-len(val) // self.given.scored)]

    def train(self, folder: Path, learn: Pairs, held: Pairs, steps: int, seed: int, *settings: str) -> Path:
        """The checkpoint of a training, which is made unless it is there."""
        made = folder / "trained.safetensors"
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            link(learn, folder / "data/train")
            link(held, folder / "data/val")
            for name in ("classes.txt", "hierarchy.json"):
                if (self.data / name).exists():
                    (folder / "data" / name).symlink_to((self.data / name).resolve())
            epochs = round(steps * 4 / len(learn))
            chosen = (*settings, f"seed={seed}", "pictures=0", "workers=0", f"validate_every={epochs}", "batch_size=4")
            run(
                "train", "--data", folder / "data", "--out", folder / "run", "--epochs", epochs, "--quiet",
                "--ignore-index", self.given.ignore_index, "--longest-side", self.given.longest_side,
                "--crop", *self.given.crop, *(text for setting in chosen for text in ("--set", setting)),
            )  # fmt: skip
            (folder / "run/last.safetensors").rename(made)
            shutil.rmtree(folder / "run")
        return made

    def score(self, checkpoint: Path) -> dict[str, float]:
        """Mean IoU and the share of right pixels on val/, in percent."""
        kept = checkpoint.with_suffix(".json")
        if not kept.exists():
            model = hypsegcli.load_model(checkpoint, engine="torch", measures=["distance"])
            classes, counts = len(model.names), np.zeros(len(model.names) ** 2, np.int64)
            for image, mask in self.scored():
                truth = np.asarray(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED))
                counted = truth != self.given.ignore_index
                both = truth[counted].astype(np.intp) * classes + model.segment(image).labels[counted]
                counts = counts + np.bincount(both, minlength=classes**2)
            table = np.reshape(counts, (classes, classes))
            right, there = table.diagonal(), table.sum(0) + table.sum(1) > 0
            ious = (right / np.maximum(1, table.sum(0) + table.sum(1) - right))[there]
            kept.write_text(json.dumps({"mIoU": 100 * ious.mean(), "right": 100 * right.sum() / table.sum()}))
        return dict(json.loads(kept.read_text()))

    def start(self, seed: int) -> Path:
        """The network that knows the first images alone, calibrated."""
        first, held, _ = self.draw(seed)
        folder = self.out / f"seed{seed}/start"
        made = self.train(
            folder, first, held, self.given.start_steps, seed, "init=imagenet", f"backbone={self.given.backbone}",
            "embedding_layers=2", "freeze_batch_norm=true",
        )  # fmt: skip
        calibrated = folder / "calibrated.safetensors"
        if not calibrated.exists():
            images, masks = (folder / "data/val" / kind for kind in ("images", "masks"))
            named = ("--checkpoint", made, "--name", "held back", "--out", calibrated)
            run("calibrate", images, masks, *named, "--engine", "torch")
        return calibrated

    def look(self, kept: Path, checkpoint: str | Path, pairs: Pairs) -> Look:
        """What a network says of images, and where it is wrong."""
        if not kept.exists():
            model = hypsegcli.load_model(checkpoint, engine="torch", measures=["calibrated"])
            rows = [look_at(model, *pair, self.given.ignore_index) for pair in pairs]
            places = np.concatenate([row.pop("places") for row in rows])
            columns: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
            np.savez(kept, places=places, **columns)
        with np.load(kept) as file:
            return dict(file)


def look_at(model: Any, image: Path, mask: Path, void: int) -> dict[str, Any]:
    """Of an image: numbers to rank it by, true wrong pixels, and its places (P, 3): pixels, expected wrong, wrong."""
    found = model.segment(image)
    truth: NDArray[Any] = np.asarray(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED))
    doubt = 1 - np.asarray(found.confidence, np.float64)
    counted = truth != void
    wrong: NDArray[np.bool_] = (found.labels != truth) & counted
    _, areas = cv2.connectedComponents((doubt > 1 - DOUBTFUL).astype(np.uint8), connectivity=8)
    planes = (counted, doubt * counted, wrong)
    sums = [np.bincount(areas.ravel(), weights=plane.ravel().astype(np.float64))[1:] for plane in planes]
    places = np.stack(sums, 1)
    by_class = np.bincount(found.labels.ravel(), weights=doubt.ravel(), minlength=len(found.names))
    return {
        "mean": doubt.mean(),
        "expected": doubt.sum(),
        "counted expected": (doubt * counted).sum(),
        "class": by_class.argmax(),
        "signature": signature(found.photograph, found.labels),
        "wrong": wrong.sum(),
        "counted": counted.sum(),
        "places": places[places[:, 0] >= SMALLEST * doubt.size],
    }


def by_chance(look: Look, seed: int) -> NDArray[np.intp]:
    """Drawn."""
    order = list(range(len(look["mean"])))
    random.Random(1000 + seed).shuffle(order)
    return np.array(order)


WAYS: dict[str, Order] = {
    "random": by_chance,
    "mean doubt": lambda look, seed: diverse_order(look["mean"]),
    "expected wrong pixels": lambda look, seed: diverse_order(look["expected"]),
    "diverse, whatever the doubt": lambda look, seed: diverse_order(np.ones(len(look["mean"])), look["signature"]),
    "expected wrong, diverse": lambda look, seed: diverse_order(look["expected"], look["signature"]),
    f"expected wrong, diverse, no class above {QUOTA:.0%}": lambda look, seed: diverse_order(
        look["expected"], look["signature"], look["class"], quotas=QUOTA
    ),
}


def selections(study: Study, seed: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Each way, and the scores of what was trained on what it took; the start's first."""
    yield "none: the start", study.score(study.start(seed))
    first, held, pool = study.draw(seed)
    look = study.look(study.out / f"seed{seed}/pool.npz", study.start(seed), pool)
    for way in study.given.ways:
        taken = sorted(int(number) for number in WAYS[way](look, seed)[: study.given.images])
        folder = study.out / f"seed{seed}/{'-'.join(map(str, taken))}"  # what two ways both take is trained on once
        learn = first + [pool[number] for number in taken]
        made = study.train(folder, learn, held, study.given.steps, seed, f"init={study.start(seed)}")
        yield way, study.score(made) | apartness(look, taken)


def apartness(look: Look, taken: list[int]) -> dict[str, float]:
    """The mean distance of an image taken to the nearest other one, in that of two images of the pool."""
    every = look["signature"].astype(np.float64)
    some = every[taken]
    distances = np.sqrt(((some[:, None] - some) ** 2).sum(2)) + np.diag(np.full(len(some), np.inf))
    return {"apart": 100 * float(distances.min(1).mean() / np.sqrt(2 * every.var(0).sum()))}


def worth(look: Look, seed: int) -> Iterator[tuple[str, float, float]]:
    """Of each way to order val/: Spearman's correlation with the wrong pixels, and the share of them in the top."""
    wrong, count = look["wrong"].astype(np.float64), len(look["wrong"])
    for way, order_of in WAYS.items():
        order = order_of(look, seed)
        share = wrong[order[: round(TOP * count)]].sum() / wrong.sum()
        yield way, float(spearmanr(-order.argsort(), wrong).statistic), 100 * share
    yield "wrong pixels themselves", 1.0, 100 * np.sort(wrong)[::-1][: round(TOP * count)].sum() / wrong.sum()


def of_places(look: Look) -> dict[str, float]:
    """How right places are, and what the first ones by expected wrong pixels hold."""
    pixels, expected, wrong = look["places"].T
    order = np.argsort(-expected, kind="stable")
    within = order[pixels[order].cumsum() <= TOP * look["counted"].sum()]
    return {
        "places": len(pixels),
        "expected / wrong pixels": expected.sum() / wrong.sum(),
        "r": float(np.corrcoef(expected, wrong)[0, 1]),
        "the same, images": look["counted expected"].sum() / look["wrong"].sum(),
        "r, images": float(np.corrcoef(look["counted expected"], look["wrong"])[0, 1]),
        "% of wrong pixels in the first tenth, by places": 100 * wrong[within].sum() / look["wrong"].sum(),
    }


def spread(values: list[float]) -> str:
    """Mean and standard deviation."""
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown."""
    lines = [list(heads), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], ["---"] * len(lines[0]), *lines[1:]])


def show(found: dict[str, dict[int, dict[str, float]]]) -> None:
    """Print the table of trainings, with what each seed gained over the random draw."""
    names = ("mIoU", "right")

    def rows() -> Iterator[list[str]]:
        for way, seeds in found.items():
            cells = [spread([scores[name] for scores in seeds.values()]) for name in names]
            both = [seed for seed in seeds if seed in found.get("random", {})]
            gains = [seeds[seed]["mIoU"] - found["random"][seed]["mIoU"] for seed in both]
            each = ", ".join(f"{gain:+.2f}" for gain in gains)
            apart = [scores["apart"] for scores in seeds.values() if "apart" in scores]
            yield [way, *cells, spread(gains) if gains else "", each, spread(apart) if apart else ""]

    print(table(("images taken by", *names, "mIoU - random", "by seed", "apart"), rows()), flush=True)  # noqa: T201


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=10, help="images that the start learns from")
    parser.add_argument("--images", type=int, default=10, help="that each way takes")
    parser.add_argument("--pool", type=int, default=200, help="images at most")
    parser.add_argument("--scored", type=int, default=34, help="of val/ at most")
    parser.add_argument("--start-steps", type=int, default=100, help="of four images")
    parser.add_argument("--steps", type=int, default=60, help="of four images")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--longest-side", type=int, default=192)
    parser.add_argument("--crop", type=int, nargs=2, default=(96, 128))
    parser.add_argument("--ignore-index", type=int, default=255)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--ranked", help="a checkpoint whose ranking of val/ is looked at, in place of the first ones")
    given = parser.parse_args()
    study = Study(given.data, given.out, given)
    found: dict[str, dict[int, dict[str, float]]] = {}
    looks = []
    for seed in range(given.seeds):
        for way, scores in selections(study, seed):
            found.setdefault(way, {})[seed] = scores
            print(seed, way, scores, file=sys.stderr, flush=True)  # noqa: T201
        val = pairs_of(given.data / "val")
        looks.append(study.look(given.out / f"seed{seed}/val.npz", study.start(seed), val))
    show(found)
    if given.ranked:
        looks = [study.look(given.out / f"{given.ranked}.npz", given.ranked, pairs_of(given.data / "val"))]
    ranked: dict[str, list[tuple[float, float]]] = {}
    for seed, look in enumerate(looks):
        for name, *numbers in worth(look, seed):
            ranked.setdefault(name, []).append((numbers[0], numbers[1]))
    rows = ([name, *(spread(list(one)) for one in zip(*numbers, strict=True))] for name, numbers in ranked.items())
    print("\n" + table(("images ranked by", "Spearman", "% of wrong pixels in the first tenth"), rows))  # noqa: T201
    places = [of_places(look) for look in looks]
    print("\n" + table(places[0], [[spread([each[name] for each in places]) for name in places[0]]]))  # noqa: T201


if __name__ == "__main__":
    main()
