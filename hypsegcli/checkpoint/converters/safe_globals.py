"""What other projects' files name beside tensors, and what stands in for each while torch reads them as plain weights.

torch runs nothing that a file names but what is on its list. None of the names below is looked up: each leads to a
stand-in of ours, which keeps a tensor or a dict and does nothing else. Any other name is refused as before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_DICTS = (
    "addict.addict.Dict",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "mmcv.utils.config.ConfigDict",
    "mmengine.config.config.ConfigDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "yacs.config.CfgNode",
)
# Settings, records of a training, and numbers of numpy's that stand among them.
_LEFT_OUT = (
    "argparse.Namespace",
    "builtins.dict",
    "builtins.getattr",
    "builtins.int",
    "builtins.list",
    "builtins.object",
    "geoopt.manifolds.euclidean.Euclidean",
    "geoopt.manifolds.stereographic.manifold.PoincareBall",
    "geoopt.manifolds.stereographic.manifold.PoincareBallExact",
    "geoopt.tensor.ManifoldParameter",
    "geoopt.tensor.ManifoldTensor",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "typing.Any",
)
_OF_PARAMETERS = (torch._utils._rebuild_parameter, torch._utils._rebuild_parameter_with_state)


@contextmanager
def plain_rebuilders() -> Iterator[None]:
    """In here `torch.load(..., weights_only=True)` reads such files: tensors plain, of all else no more than its place.

    geoopt's tensors lose their manifold. Dicts of other kinds become OrderedDicts; what is left out is an `Unread`.
    """
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [(OrderedDict, name) for name in _DICTS]
    stand_ins += [(Unread, name) for name in _LEFT_OUT]
    stand_ins += [
        (_empty, "collections.defaultdict"),
        (_ManifoldTensor, "functools.partial"),
        (_MANIFOLD_TENSOR, "geoopt.tensor._rebuild_manifold_tensor"),
    ]
    with torch.serialization.safe_globals(stand_ins):
        yield


class Unread:
    """In the place of something that is of no use without the project that wrote it."""

    def __new__(cls, *_: object) -> Unread:
        """Whatever it was made of."""
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """Whatever it was."""


def _empty(*_: object) -> OrderedDict[Any, Any]:
    return OrderedDict()


class _ManifoldTensor:
    """geoopt pickles a tensor as a call of `partial(_rebuild_manifold_tensor, build_fn=f)`; this is such a function.

    torch calls what equals something on its list, so all of this class are equal.
    """

    def __init__(self, rebuild: object = None) -> None:
        if rebuild is not None and rebuild is not _MANIFOLD_TENSOR:
            raise ValueError("a partial function other than geoopt's")
        self._build: object = None

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __setstate__(self, state: tuple[object, object, dict[str, object], object]) -> None:
        self._build = state[2].get("build_fn")

    def __call__(self, *arguments: Any) -> Tensor:
        """The plain tensor; the last four arguments are geoopt's."""
        if self._build in _OF_PARAMETERS and isinstance(arguments[0], Tensor):
            return arguments[0]
        if self._build is torch._utils._rebuild_tensor_v2:
            tensor: Tensor = torch._utils._rebuild_tensor_v2(*arguments[:-4])
            return tensor
        raise ValueError("a tensor of geoopt's that is made in an unknown way")


_MANIFOLD_TENSOR = _ManifoldTensor()
