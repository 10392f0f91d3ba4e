"""OpenVINO, the fastest on Intel's processors, and in bf16 on those with AMX by far."""

from __future__ import annotations

import re
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch.export import ExportedProgram

from hypsegcli.inference.engines.converted import Run

_FIRST_USE = threading.Lock()

_FILE, _WEIGHTS = "network.xml", "network.bin"

# What the graphs of networks are made of. Another kind, such as a loop, could make a stranger's graph run for ever.
_KINDS = re.compile(
    r"""Parameter|Result|Constant|Convert|FakeQuantize|Convolution|GroupConvolution|MatMul
    |Add|Subtract|Multiply|Divide|Power|Sqrt|Maximum|Minimum|Clamp|Negative|Abs|Exp|Log|Floor|FloorMod|Mod|Round
    |Relu|PRelu|Sigmoid|HSwish|HSigmoid|Swish|Gelu|Tanh|Elu|SoftPlus|Mish|Softmax|Erf
    |MaxPool|AvgPool|AdaptiveAvgPool|ReduceMean|ReduceSum|ReduceProd|ReduceMax|ReduceL2|MVN|NormalizeL2
    |GroupNormalization|BatchNormInference|ScaledDotProductAttention
    |Interpolate|Concat|Split|VariadicSplit|StridedSlice|Slice|Gather|ShapeOf|Reshape|Transpose|Squeeze|Unsqueeze
    |Broadcast|Tile|Pad|Roll|Range|Select|Equal|NotEqual|Greater|GreaterEqual|Less|LogicalAnd""",
    re.VERBOSE,
)


class OpenVino:
    """Runs networks in OpenVINO's own format.

    They are compiled whenever they are loaded, in some tenths of a second: where several processes keep what they have
    compiled in one place, OpenVINO reads what another is still writing.
    """

    def __init__(self) -> None:
        self.label = f"openvino {import_openvino().__version__.partition('-')[0]}"

    @property
    def gains_by_bf16(self) -> bool:
        """As in `Runtime`: with AVX-512 BF16 or AMX."""
        return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    @property
    def runs_int8(self) -> bool:
        """As in `Runtime`."""
        return True

    def convert(self, program: ExportedProgram, folder: Path) -> None:
        """As in `Runtime`."""
        openvino = import_openvino()
        openvino.save_model(openvino.convert_model(program), folder / _FILE, compress_to_fp16=False)

    def restore(self, graph: bytes, weights: bytes, folder: Path) -> None:
        """As in `Runtime`."""
        model = import_openvino().Core().read_model(graph, weights)
        for node in model.get_ops():
            if not _KINDS.fullmatch(node.get_type_name()):
                raise ValueError(f"its int8 graph holds {node.get_type_name():.40}, which networks are not made of")
        (folder / _FILE).write_bytes(graph)
        (folder / _WEIGHTS).write_bytes(weights)

    def load(self, folder: Path, *, threads: int, lanes: int, bf16: bool) -> Run:
        """As in `Runtime`."""
        compiled = (
            import_openvino()
            .Core()
            .compile_model(
                folder / _FILE,
                "CPU",
                {
                    "INFERENCE_NUM_THREADS": threads,
                    "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",  # its default is bf16 where there is AMX
                    "PERFORMANCE_HINT": "LATENCY" if lanes == 1 else "THROUGHPUT",
                    "NUM_STREAMS": lanes,
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


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which tells its makers of every import and every conversion.

    Where that package is missing, it has a stub of its own, so we let it be missing.
    """
    cast(dict[str, object], sys.modules).setdefault("openvino_telemetry", None)
    openvino = import_module("openvino")
    # It makes its tables of types when they are first used, and lets other threads of Python run meanwhile. One that
    # comes for the same table then waits for ever, as does the first, for Python. Requests of several threads would.
    with _FIRST_USE:
        openvino.Type.f32.to_dtype()
        openvino.Tensor(np.zeros(1, np.float32))
    return openvino
