"""A card: what the model is, how it is used, its classes, what it takes, how good it is, where it comes from."""

from __future__ import annotations

import json
import re
import shlex

from hypsegcli.checkpoint.format import Header
from hypsegcli.cli.card.front import front_matter
from hypsegcli.cli.card.scores import scores_of
from hypsegcli.files.words import as_label, count_of, escaped, first_of, printable

_PLACE = "hf://OWNER/NAME"  # where nobody knows it yet
_PAPER = "https://arxiv.org/abs/2203.05898"
_NAMED = 12  # classes in the first sentence
_LETTERS = 500  # of a text of the header's


def write_card(header: Header, name: str, *, address: str = "", megabytes: float | None = None) -> str:
    """The card of a model, in Markdown: of what the header says, and of nothing else.

    `name` is what it is called, `address` where it can be fetched from, if that is known.
    """
    parts = [
        f"# {_safe(name)}\n\n{_what_it_is(header)}",
        _use(header, address),
        _classes(header),
        _input(header),
        _scores(header),
        _calibration(header),
        _limits(header),
        _making(header, megabytes),
    ]
    return front_matter(header, name) + "\n" + "\n\n".join(parts) + "\n"


def _what_it_is(header: Header) -> str:
    model, tree = header.model, header.tree
    names = [_safe(name) for name in tree.names[: tree.classes]]
    confidence = "the distance of its embedding to the origin of the Poincaré ball"
    if model.says_how_sure == "entropy":
        confidence = "how far the entropy of its class probabilities is from the largest"
    elif not model.in_ball:
        confidence = "the length of its embedding"
    if header.calibration is not None:
        confidence = f"the probability that the pixel is right, learned from {confidence}"
    after = f", after [Hyperbolic Image Segmentation]({_PAPER})" if model.in_ball else ""
    return (
        f"Gives every pixel of a photograph one of {tree.classes} classes ({first_of(names, _NAMED)}) and a "
        f"confidence, which is high where it is sure: {confidence}.\n\n"
        f"Its network is {model.kind.title} on {_safe(model.backbone)}{after}. "
        "It is a checkpoint of hypseg: one safetensors file, whose header says all that is told here."
    )


def _use(header: Header, address: str) -> str:
    place = shlex.quote(address or _PLACE)
    told = "" if address else f" `{_PLACE}` stands for the repository that this file lies in."
    levels = "" if header.tree.is_flat else f"hypseg predict photos --checkpoint {place} --out coarse --level 1\n"
    return f"""## Use

```sh
pip install 'hypseg[hub]'
hypseg predict photos --checkpoint {place} --out maps
{levels}```

```python
import hypsegcli

model = hypsegcli.load_model({json.dumps(address or _PLACE)})
photo = model.segment("photo.jpg")
print(photo.names[photo.labels[0, 0]], photo.confidence[0, 0])
```

The folder `maps` then has label maps, confidence maps, boundary maps and overlays.{told}"""


def _classes(header: Header) -> str:
    tree = header.tree
    lines = ["## Classes", ""]
    if tree.is_flat:
        lines += ["| id | class | colour |", "| --- | --- | --- |"]
    else:
        lines += ["| id | class | colour | part of |", "| --- | --- | --- | --- |"]
    for index, (red, green, blue) in enumerate(header.colors):
        row = f"| {index} | {_safe(tree.names[index])} | `#{red:02x}{green:02x}{blue:02x}` |"
        if not tree.is_flat:
            above = [_safe(tree.names[node]) for node in tree.path(index) if node != index]
            row += f" {' / '.join(above) or '-'} |"
        lines.append(row)
    lines += ["", f"In masks, {header.ignore_index} means not labelled."]
    if header.background is not None:
        lines[-1] += f" {_safe(tree.names[header.background])} is the rest of the world, which overlays leave clear."
    if not tree.is_flat:
        lines[-1] += (
            f" The classes are the leaves of a tree of {tree.max_depth} levels; labels can be had at any of them."
        )
    return "\n".join(lines)


def _input(header: Header) -> str:
    size = header.input
    if size.longest_side is None:
        shown = {"grows": "show more, and not the same larger: they ", "fixed": "show the same larger, and yet "}
        larger = f"Larger ones {shown.get(size.field_of_view or '', '')}are not shrunk."
    else:
        more = "show more, and not the same larger, and yet " if size.field_of_view == "grows" else ""
        larger = (
            f"Larger ones {more}are shrunk to {size.longest_side} pixels on their longer side; maps keep the image's "
            "size."
        )
        if size.sampling == "adaptive":
            larger += (
                " It has learned from images with more samples at boundaries, `--sampling adaptive`, and so were its "
                "scores taken."
            )
    trained = (
        "the size of those that it was trained on is not known."
        if size.width is None
        else f"it was trained on ones of about {size.width} x {size.height} pixels."
    )
    mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (size.mean, size.std))
    scale = "0 to 1" if size.pixel_range == 1 else "0 to 255"
    return (
        f"## Input\n\nRGB photographs of any size; {trained} {larger} The network takes RGB scaled to {scale}, less "
        f"the mean {mean}, divided by {std}."
    )


def _scores(header: Header) -> str:
    provenance = header.provenance
    scores = list(scores_of(provenance.scores, flat=header.tree.is_flat))
    if not scores:
        return "## Scores\n\nNone are recorded in the file."
    where = f"on {_safe(provenance.validated_on)}" if provenance.validated_on else "on its validation images"
    rows = "\n".join(f"| {_safe(score.title)} | {score.value:.4g} | {_safe(score.meaning)} |" for score in scores)
    return (
        f"## Scores\n\nMeasured {where}, over all labelled pixels. The best epoch was chosen on the same images, so "
        "that other images of the kind score rather less.\n\n| score | value | what it is |\n| --- | --- | --- |\n"
        f"{rows}"
    )


def _calibration(header: Header) -> str:
    found = header.calibration
    what = "distance" if header.model.says_how_sure == "distance" else "entropy"
    if found is None:
        return (
            f"## Calibration\n\nNone: confidence is the {what} itself, which ranks pixels and is no probability. "
            "`hypseg calibrate` fits one, to images with masks that were not trained on."
        )
    usual = ""
    if found.usual is not None:
        usual = (
            f" The mean over such an image is {found.usual:.2f} or more in 49 of 50; one far below it shows "
            "another world, most likely."
        )
    return (
        f"## Calibration\n\nThe {what} is turned into the probability that a pixel is right by isotonic regression, "
        f"fitted on {_safe(found.fitted_on)}. It is true for images like those, and a guess elsewhere.{usual}"
    )


def _limits(header: Header) -> str:
    found = [
        f"It knows what it was trained on: {_safe(header.provenance.trained_on)}. On anything else its labels are "
        "guesses, and it may be sure of them all the same: look at the confidence, and score it on images of your own "
        "with `hypseg evaluate` before you rely on it.",
        "Every pixel gets one of the classes above, also where none of them fits.",
    ]
    if header.input.longest_side is not None:
        found.append(
            f"What is small in a large photograph is lost where that is shrunk to {header.input.longest_side}."
        )
    if header.calibration is not None and header.calibration.interpolate == "points":
        found.append("Its calibration is for maps interpolated in the ball: `--interpolate points`.")
    if header.calibration is not None and header.calibration.sampling == "adaptive":
        found.append("Its calibration is for images with more samples at boundaries: `--sampling adaptive`.")
    if header.calibrated_in_int8:
        found.append("Its calibration was fitted in int8, where distances are others than in fp32: `--precision int8`.")
    elif header.calibration is not None and header.int8 is not None:
        found.append("Its calibration was not fitted in int8, where distances are others: `--precision fp32`.")
    return "## Limits\n\n" + "\n".join(f"- {each}" for each in found)


def _making(header: Header, megabytes: float | None) -> str:
    model, made = header.model, header.provenance
    geometry = (
        f"Euclidean, {model.embedding_size} dimensions"
        if not model.in_ball
        else f"{model.embedding_size} dimensions, curvature -{model.curvature:g}, distance to the origin up to "
        f"{model.max_distance:.4g} ({model.radial_limit} limit), {model.head} head"
    )
    if model.has_prototypes:
        geometry += f", {count_of(model.prototypes, 'prototype')} a class"
    outputs = count_of(model.nodes, "output")
    rows = {
        "network": f"{model.kind.title} on {model.in_words}",
        "embedding": geometry,
        "softmax": f"{model.softmax}, {outputs}",
        "file": None if megabytes is None else f"{megabytes:.1f} MB",
        "in int8": None
        if header.int8 is None
        else f"for OpenVINO; {header.int8.labels:.1%} of the labels as in fp32, on {header.int8.compared} images",
        "trained on": made.trained_on,
        "validated on": made.validated_on or None,
        "started from": made.initialised_from,
        "licence": made.licence,
        "made with": f"hypseg {made.hypseg_version}, torch {made.torch_version}",
    }
    lines = [f"| {name} | {_safe(value)} |" for name, value in rows.items() if value is not None]
    lines += [
        f"| ancestor: {_safe(each.name)} | trained on {_safe(each.trained_on)}; started from "
        f"{_safe(each.initialised_from)}; licence: {_safe(each.licence)} |"
        for each in made.ancestors
    ]
    table = "\n".join(lines)
    recipe = "\n".join(f"{name} = {_toml(value)}" for name, value in made.recipe.items() if value is not None)
    what = "training, for `hypseg train --config`"
    if "clusters" in made.recipe:
        what = "clustering, as `hypseg cluster --set` takes them"
    settings = f"\n\nThe settings of the {what}:\n\n```toml\n{recipe}\n```" if recipe else ""
    return f"## How it was made\n\n| | |\n| --- | --- |\n{table}{settings}"


def _toml(value: object) -> str:
    """A setting as TOML has it, which is as JSON does, and without what would end the block that it stands in."""
    return escaped(json.dumps(value, ensure_ascii=False)).replace("`", "\\u0060")


def _safe(text: str) -> str:
    """A text of the header's on one line of Markdown, where it stays a text."""
    return re.sub(r"([\\`*_\[\]<>|#&~])", r"\\\1", printable(as_label(text, _LETTERS)))
