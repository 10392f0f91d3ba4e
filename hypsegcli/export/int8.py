"""The int8 network of a quantised checkpoint as a whole graph: what OpenVINO's graph of the embedding lacks, added."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.export.graph import Ends
from hypsegcli.export.request import Size
from hypsegcli.inference.engines.export import graph_name
from hypsegcli.inference.engines.openvino_runtime import OpenVino, import_openvino


def join(checkpoint: Checkpoint, ends: Ends, size: Size | None) -> Any:
    """OpenVINO's model from images to planes, with the checkpoint's own int8 graph between its ends.

    ValueError where that graph holds what networks are not made of.
    """
    openvino = import_openvino()
    name = graph_name("embedding", windows=False)
    graph, weights = (checkpoint.int8[f"int8.{name}.{kind}"].numpy().tobytes() for kind in ("xml", "bin"))
    with tempfile.TemporaryDirectory(prefix="hypseg-export-") as folder:
        OpenVino().restore(graph, weights, Path(folder))  # it looks at what the graph is made of
    network = openvino.Core().read_model(graph, weights)
    before, behind = (openvino.convert_model(program) for program in ends)
    (images,) = before.inputs
    images_again, embedding = (port.get_node() for port in behind.inputs)
    network.inputs[0].get_node().output(0).replace(before.outputs[0].get_node().input_value(0))
    embedding.output(0).replace(network.outputs[0].get_node().input_value(0))
    images_again.output(0).replace(images.get_node().output(0))
    whole = openvino.Model(behind.get_results(), before.get_parameters(), "hypseg")
    if size is not None:
        whole.reshape([1, *size, 3])
    return whole
