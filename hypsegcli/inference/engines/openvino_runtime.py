"""OpenVINO, the fastest on Intel's processors, and in bf16 on those with AMX by far."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch.export import ExportedProgram

from hypsegcli.inference.engines.converted import Run

_FILE = "network.xml"  # and network.bin, its weights


class OpenVino:
    """Runs networks in OpenVINO's own format, compiled for this processor once and kept beside them."""

    def __init__(self) -> None:
        self.label = f"openvino {_import_openvino().__version__.partition('-')[0]}"

    @property
    def gains_by_bf16(self) -> bool:
        """As in `Runtime`: with AVX-512 BF16 or AMX."""
        return "BF16" in _import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def convert(self, program: ExportedProgram, folder: Path) -> None:
        """As in `Runtime`."""
        openvino = _import_openvino()
        openvino.save_model(openvino.convert_model(program), folder / _FILE, compress_to_fp16=False)

    def load(self, folder: Path, *, threads: int, bf16: bool) -> Run:
        """As in `Runtime`."""
        compiled = (
            _import_openvino()
            .Core()
            .compile_model(
                folder / _FILE,
                "CPU",
                {
                    "CACHE_DIR": str(folder),
                    "INFERENCE_NUM_THREADS": threads,
                    "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",  # its default is bf16 where there is AMX
                    "PERFORMANCE_HINT": "LATENCY",
                    # It keeps megabytes for every size of image that it has seen; by default for 5,000 of them.
                    "CPU_RUNTIME_CACHE_CAPACITY": 32,
                },
            )
        )
        own = threading.local()  # one that threads share would give one's input, or its output, to another

        def run(inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
            if not hasattr(own, "request"):
                own.request = compiled.create_infer_request()
            output: NDArray[np.float32] = own.request.infer(inputs, share_inputs=True, share_outputs=False)[0]
            return output  # a copy: the request writes its next output over this one

        return run


def _import_openvino() -> Any:
    """OpenVINO without its telemetry, which tells its makers of every import and every conversion.

    Where that package is missing, it has a stub of its own, so we let it be missing.
    """
    cast(dict[str, object], sys.modules).setdefault("openvino_telemetry", None)
    return import_module("openvino")
