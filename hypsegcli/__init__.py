"""hypseg: per-pixel segmentation in hyperbolic space, with a confidence for every pixel.

    import hypsegcli

    model = hypsegcli.load_model()
    street = model.segment("street.jpg")
    print(street.names[street.labels[0, 0]], street.confidence.mean())
    street.save("out")

Errors are those of `hypsegcli.errors`, of which `HypsegError` is the base. Importing hypsegcli loads neither torch nor
NumPy: they come with the first use of `load_model`.
"""

from typing import TYPE_CHECKING

from hypsegcli import errors

if TYPE_CHECKING:
    from hypsegcli.api import Model, load_model
    from hypsegcli.segmentation import Segmentation

    __version__: str

__all__ = ["Model", "Segmentation", "__version__", "errors", "load_model"]


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # a type checker would take any name for one that exists

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("hypseg")
        if name in __all__:
            from hypsegcli import api, segmentation

            return getattr(segmentation if name == "Segmentation" else api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
