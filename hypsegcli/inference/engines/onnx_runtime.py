"""ONNX Runtime, for processors of any make."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import torch
from torch.export import ExportedProgram

from hypsegcli.inference.engines.converted import Run

_FILE = "network.onnx"


class OnnxRuntime:
    """Runs .onnx files."""

    def __init__(self) -> None:
        import onnxruntime

        self.label = f"onnxruntime {onnxruntime.__version__}"  # several packages bring this module

    @property
    def gains_by_bf16(self) -> bool:
        """As in `Runtime`: it has no kernels for it."""
        return False

    @property
    def runs_int8(self) -> bool:
        """As in `Runtime`."""
        return False

    def restore(self, graph: bytes, weights: bytes, folder: Path) -> None:
        """As in `Runtime`; ValueError, since it does not read OpenVINO's files."""
        raise ValueError("onnxruntime runs no graphs of OpenVINO's")

    def convert(self, program: ExportedProgram, folder: Path) -> None:
        """As in `Runtime`."""
        with contextlib.redirect_stdout(io.StringIO()):  # the exporter prints what it does
            onnx = torch.onnx.export(program, dynamo=True, verbose=False)
        if onnx is None:
            raise RuntimeError("the ONNX exporter gave nothing back")
        onnx.save(folder / _FILE)

    def load(self, folder: Path, *, threads: int, lanes: int, bf16: bool) -> Run:
        """As in `Runtime`; ValueError for bf16, for which it has no kernels on the CPU."""
        import onnxruntime

        if bf16:
            raise ValueError("onnxruntime runs in fp32 on the CPU")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads - lanes + 1  # of its own, but for one: whoever calls works too
        # Threads that wait by spinning would take the processor from those that decode, reduce and encode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(folder / _FILE, options, providers=["CPUExecutionProvider"])
        names = [argument.name for argument in session.get_inputs()]
        return lambda inputs: session.run(None, dict(zip(names, inputs, strict=True)))[0]
