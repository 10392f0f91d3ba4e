"""What programs read of a card: YAML in front of its text, in the keys that Hugging Face's hub knows.

https://huggingface.co/docs/hub/model-cards
"""

from __future__ import annotations

import json
import re

from hypsegcli.checkpoint.format import Header
from hypsegcli.cli.card.scores import scores_of
from hypsegcli.files.words import printable

# Licences by the names that the hub has for them, of those that models have.
LICENCES = (
    "mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "wtfpl", "zlib", "bsl-1.0", "mpl-2.0",
    "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "eupl-1.1", "eupl-1.2", "afl-3.0", "artistic-2.0",
    "ecl-2.0", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-permissive-2.0", "odc-by",
    "odbl", "pddl", "openrail", "unknown",
)  # fmt: skip


def front_matter(header: Header, name: str) -> str:
    """The YAML of a model of that name, between its two lines of hyphens.

    Texts stand as JSON has them, which is YAML too, so that nothing in a header can be more than a text.
    """
    provenance = header.provenance
    lines = [
        "---",
        *licence_lines(provenance.licence),
        "library_name: hypseg",
        "pipeline_tag: image-segmentation",
        "tags:",
        *(f"- {tag}" for tag in _tags(header)),
    ]
    scores = [score for score in scores_of(provenance.scores, flat=header.tree.is_flat) if score.is_quality]
    if scores:
        data = provenance.validated_on or "its validation images"
        lines += [
            "model-index:",
            f"- name: {_text(name)}",
            "  results:",
            "  - task:",
            "      type: image-segmentation",
            "    dataset:",
            f"      name: {_text(data)}",
            f"      type: {_text(_slug(data.partition(',')[0]))}",
            "    metrics:",
        ]
        for score in scores:
            lines += [
                f"    - type: {_text(_slug(score.name))}",
                f"      name: {_text(score.title)}",
                f"      value: {score.value!r}",
            ]
    return "\n".join((*lines, "---", ""))


def licence_lines(licence: str) -> list[str]:
    """The licence, as the hub knows it by its first words, up to a comma or semicolon; else by a name of its own."""
    first = re.split("[,;(]", licence)[0]
    known = "-".join(first.lower().replace(" licence", "").replace(" license", "").split())
    if known in LICENCES:
        return [f"license: {known}"]
    return ["license: other", f"license_name: {_text(_slug(first))}"]


def _tags(header: Header) -> list[str]:
    network = "deeplabv3" if header.model.decoder == "deeplab" else "segformer"
    tags = ["hypseg", "semantic-segmentation", "uncertainty", network, "safetensors"]
    if header.model.in_ball:
        tags.insert(2, "hyperbolic")
    if not header.tree.is_flat:
        tags.append("hierarchical")
    return tags


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-")[:80] or "unnamed"


def _text(text: str) -> str:
    return json.dumps(printable(text), ensure_ascii=False)
