"""ONNX, which nearly everything runs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from hypsegcli.export.graph import IMAGES
from hypsegcli.inference.prediction import RGB

_SUFFIX = ".onnx"
_AXES = ("batch", "height", "width")  # of what goes in and of what comes out; torch has other names for them


class OnnxFile:
    """One .onnx file, which ONNX Runtime runs; what is known of it stands in its metadata_props."""

    def __init__(self) -> None:
        import onnxruntime

        self.label = f"onnxruntime {onnxruntime.__version__}"

    def write(self, program: ExportedProgram, planes: Sequence[str], metadata: Mapping[str, str]) -> dict[str, bytes]:
        """As in `Format`."""
        with contextlib.redirect_stdout(io.StringIO()):  # the exporter prints what it does
            found = torch.onnx.export(
                program, input_names=[IMAGES], output_names=list(planes), dynamo=True, verbose=False
            )
        if found is None:
            raise RuntimeError("the ONNX exporter gave nothing back")
        model: Any = found.model_proto
        graph = model.graph
        # Where in whose files every node was traced, and the sizes of what lies between them.
        _strip((graph,), "metadata_props", "doc_string", "value_info")
        _strip((*graph.input, *graph.output, *graph.initializer), "metadata_props", "doc_string")
        _strip(graph.node, "metadata_props", "doc_string")
        for value in (*graph.input, *graph.output):
            for axis, name in zip(value.type.tensor_type.shape.dim, _AXES, strict=False):
                if not axis.HasField("dim_value"):
                    axis.dim_param = name
        for name, text in metadata.items():
            model.metadata_props.add(key=name, value=text)
        return {_SUFFIX: model.SerializeToString(deterministic=True)}

    def load(self, files: Mapping[str, bytes]) -> Callable[[RGB], list[NDArray[Any]]]:
        """As in `Format`."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(files[_SUFFIX], options, providers=["CPUExecutionProvider"])

        def run(images: RGB) -> list[NDArray[Any]]:
            found: list[NDArray[Any]] = session.run(None, {IMAGES: images})
            return found

        return run


def _strip(messages: Iterable[Any], *fields: str) -> None:
    for message in messages:
        for field in fields:
            message.ClearField(field)
