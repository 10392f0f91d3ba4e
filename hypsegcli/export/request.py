"""What may be asked of an export. Imports no torch."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hypsegcli.errors import UsageError, setting

Precision = Literal["fp32", "int8"]  # of the layers before the exponential map
FormatName = Literal["onnx", "openvino", "pt2"]

# Of the files of a format; the first is the one that is named.
SUFFIXES: dict[FormatName, tuple[str, ...]] = {"onnx": (".onnx",), "openvino": (".xml", ".bin"), "pt2": (".pt2",)}


class Size(NamedTuple):
    """Of the images that a graph of one size takes, in pixels."""

    height: int
    width: int


def decide_precision(asked: str, name: FormatName, *, quantised: bool) -> Precision:
    """In which precision a network is written; `auto`: in int8 where it was quantised and the format has it.

    UsageError where int8 is asked for and cannot be.
    """
    if asked == "auto":
        return "int8" if quantised and name == "openvino" else "fp32"
    if asked == "fp32":
        return "fp32"
    if not quantised:
        raise UsageError(
            f"{setting('precision', asked)}: the checkpoint was not quantised; make another of it with "
            f"`hypseg quantise`, or use {setting('precision', 'fp32')}"
        )
    if name != "openvino":
        raise UsageError(
            f"{setting('precision', asked)}: is written for OpenVINO alone; use {setting('to', 'openvino')}"
        )
    return "int8"
