"""OpenVINO's own format, an .xml of the graph beside a .bin of its weights."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from hypsegcli.export.graph import IMAGES
from hypsegcli.inference.engines.openvino_runtime import import_openvino
from hypsegcli.inference.prediction import RGB

_SUFFIXES = (".xml", ".bin")


class OpenVinoFile:
    """Two files of one name; what is known of them stands in the rt_info of the .xml."""

    def __init__(self) -> None:
        self.label = f"openvino {import_openvino().__version__.partition('-')[0]}"

    def write(self, program: ExportedProgram, planes: Sequence[str], metadata: Mapping[str, str]) -> dict[str, bytes]:
        """As in `Format`."""
        return save(import_openvino().convert_model(program), planes, metadata)

    def load(self, files: Mapping[str, bytes]) -> Callable[[RGB], list[NDArray[Any]]]:
        """As in `Format`."""
        settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
        core = import_openvino().Core()
        compiled = core.compile_model(core.read_model(*(files[suffix] for suffix in _SUFFIXES)), "CPU", settings)

        def run(images: RGB) -> list[NDArray[Any]]:
            return [plane.copy() for plane in compiled([images]).values()]

        return run


def save(model: Any, planes: Sequence[str], metadata: Mapping[str, str]) -> dict[str, bytes]:
    """The files of a model of OpenVINO's, as in `Format.write`."""
    for port, name in zip((*model.inputs, *model.outputs), (IMAGES, *planes), strict=True):
        port.set_names({name})
    for name, text in metadata.items():
        model.set_rt_info(text, name)
    with tempfile.TemporaryDirectory(prefix="hypseg-export-") as folder:
        path = Path(folder) / f"network{_SUFFIXES[0]}"
        import_openvino().save_model(model, path, compress_to_fp16=False)
        return {suffix: path.with_suffix(suffix).read_bytes() for suffix in _SUFFIXES}
