"""Networks of timm, PyTorch Image Models, by the features that timm itself takes out of them.

A convolutional network that timm can dilate stops at the output stride. Of any other, most transformers among them,
every map from the output stride on is brought to it by bilinear interpolation, and all are joined. A decoder that wants
stages takes the maps of strides 4, 8, 16 and 32 apart, of a network that is not dilated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.errors import UsageError, first_line, setting
from hypsegcli.files.words import first_of
from hypsegcli.network.backbones.features import Backbone, Normalisation, first_cells, load_trunk
from hypsegcli.network.backbones.timm_padding import fix_padding
from hypsegcli.network.config import TIMM

_LOW = 4  # the stride of the finer map
_STAGES = (_LOW, 8, 16, 32)
_NAMED = 5  # weights in an error
_ALIGNMENT = 16  # of what the sides of an image are multiples

# What makes a network take images of any size; of these the first that it knows.
_ANY_SIZE: tuple[dict[str, Any], ...] = (
    {"strict_img_size": False, "always_partition": True},  # Swin: windows stay as large as they are
    {"strict_img_size": False},
    {},
)


class _Map(NamedTuple):
    """One of the maps that a network answers with."""

    place: int  # among them
    channels: int
    stride: int


class TimmFeatures(Backbone):
    """One of timm's networks, whose maps are chosen by their strides."""

    def __init__(
        self,
        net: nn.Module,
        low: _Map,
        high: tuple[_Map, ...],
        *,
        output_stride: int,
        normalisation: Normalisation,
        exportable: bool,
    ) -> None:
        """`high` are maps of the output stride and coarser, from fine to coarse."""
        super().__init__(low.channels, sum(part.channels for part in high), normalisation=normalisation)
        self.net = net
        self.exportable = exportable
        self._low = low
        self._high = high
        self._output_stride = output_stride
        self._channels_last = str(getattr(net, "output_fmt", "NCHW")).endswith("NHWC")

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """As in `Backbone`."""
        stride = self._output_stride
        low, *maps = self.maps(image)
        parts = [_enlarge(found, part.stride // stride) for found, part in zip(maps, self._high, strict=True)]
        high = torch.cat(parts, dim=1)
        if not self._pads:
            return low, high
        rows, columns = image.shape[2:]
        return (
            first_cells(low, rows // _LOW, columns // _LOW),
            first_cells(high, rows // stride, columns // stride),
        )

    @property
    def channels(self) -> tuple[int, ...]:
        """Of each of `maps`."""
        return tuple(part.channels for part in (self._low, *self._high))

    def maps(self, image: Tensor) -> list[Tensor]:
        """Image (B, 3, H, W), H and W multiples of 16, to the chosen maps, from fine to coarse, (B, C, h, w) each.

        Right and below, the image is continued in the mean colour to whole cells of the coarsest map, which all of them
        reach to: some networks would leave out a cell that is not whole, and a map would no longer lie on the image.
        """
        found = self.net(self._whole_cells(image))
        return [self._upright(found[part.place]) for part in (self._low, *self._high)]

    @property
    def _pads(self) -> bool:
        return self._high[-1].stride > _ALIGNMENT

    def _whole_cells(self, image: Tensor) -> Tensor:
        if not self._pads:
            return image
        coarsest = self._high[-1].stride
        rows, columns = image.shape[2:]
        # Without a remainder, which OpenVINO cannot take over.
        right, below = ((size + coarsest - 1) // coarsest * coarsest - size for size in (columns, rows))
        return F.pad(image, (0, right, 0, below))

    def _upright(self, found: Tensor) -> Tensor:
        return found.permute(0, 3, 1, 2) if self._channels_last else found

    def try_out(self) -> None:
        """Run once, on an image of three cells. Raises ValueError where the maps are not what they were said to be."""
        cell = self._high[-1].stride
        training = self.net.training
        with torch.no_grad():
            maps = [self._upright(found) for found in self.net.eval()(torch.zeros(1, 3, cell, 3 * cell))]
        self.net.train(training)
        for part in (self._low, *self._high):
            wanted, found = (part.channels, cell // part.stride, 3 * cell // part.stride), maps[part.place].shape[1:]
            if found != wanted:
                raise ValueError(f"the map of stride {part.stride} is {tuple(found)}, not {wanted}")


def timm_features(name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None) -> TimmFeatures:
    """The network that `name`, such as `timm:resnet18`, calls, with random weights or with those of timm's own file.

    Raises UsageError where timm is not installed, has no such network, or has one that can be no backbone; ValueError
    where weights are not those of this network.
    """
    return _make(name, output_stride, weights)


def timm_stages(name: str, weights: Mapping[str, Tensor] | None = None) -> TimmFeatures:
    """The same, not dilated, and with the maps of strides 4, 8, 16 and 32."""
    return _make(name, None, weights)


def _make(name: str, output_stride: int | None, weights: Mapping[str, Tensor] | None) -> TimmFeatures:
    """Without an output stride, it is of stages."""
    import_timm(name)
    known = require_network(name)
    net, exportable = _build(name, known, output_stride or _STAGES[-1])
    low, high = _choose(name, net, output_stride) if output_stride else _choose_stages(name, net)
    normalisation = Normalisation(net.pretrained_cfg["mean"], net.pretrained_cfg["std"])
    features = TimmFeatures(
        net,
        low,
        high,
        output_stride=output_stride or high[0].stride,
        normalisation=normalisation,
        exportable=exportable,
    )
    try:
        features.try_out()
    except Exception as error:  # every network has checks of its own
        raise UsageError(
            f"{setting('backbone', name)}: does not take images of every size ({first_line(error)}); choose a network "
            "that does, such as timm:pvt_v2_b0 or timm:swin_tiny_patch4_window7_224"
        ) from error
    if weights is not None:
        _fill(net, known, weights)
    return features


def import_timm(name: str) -> Any:
    """The package; UsageError, which says what the backbone `name` needs, where it is not installed."""
    try:
        import timm
    except ImportError as error:
        raise UsageError(
            f"{setting('backbone', name)}: timm cannot be imported ({first_line(error)}); pip install 'hypseg[timm]'"
        ) from error
    return timm


def require_network(name: str) -> str:
    """What timm calls a backbone; UsageError, with names that are like it, where it knows none of that name."""
    timm = import_timm(name)
    known = name.removeprefix(TIMM)
    network, _, weights = known.partition(".")
    if not timm.is_model(network):
        like = get_close_matches(network, timm.list_models(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(TIMM + found for found in like)}?" if like else "see timm.list_models()"
        raise UsageError(f"{setting('backbone', name)}: timm {timm.__version__} has no network of this name; {hint}")
    tagged: list[str] = timm.list_pretrained(f"{network}.*")
    if weights and known not in tagged:
        raise UsageError(
            f"{setting('backbone', name)}: timm {timm.__version__} has no weights '{weights}' for {network}; "
            f"there are {first_of([TIMM + found for found in tagged], _NAMED) or 'none'}"
        )
    return known


def _build(name: str, known: str, output_stride: int) -> tuple[Any, bool]:
    """The network, and whether it is exportable; dilated where timm can do that.

    Where timm cannot, it knows no such option or refuses it.
    """
    timm = import_timm(name)
    reasons = []
    for options in ({"output_stride": output_stride}, *_ANY_SIZE):
        try:
            net = timm.create_model(known, features_only=True, **options)
            fix_padding(net)
            return net, "strict_img_size" not in options
        except (TypeError, AssertionError, NotImplementedError, RuntimeError, ValueError) as error:
            reasons.append(first_line(error))
    raise UsageError(f"{setting('backbone', name)}: timm takes no features out of this network ({reasons[-1]})")


def _choose(name: str, net: Any, output_stride: int) -> tuple[_Map, tuple[_Map, ...]]:
    """Of each stride the last map, at which a dilated network ends."""
    last = {found.stride: found for found in _maps(net)}
    low = last.get(_LOW)
    high = tuple(found for stride, found in last.items() if stride >= output_stride)
    if low is None or not high or any(found.stride % output_stride for found in high):
        strides = ", ".join(str(found.stride) for found in _maps(net))
        raise UsageError(
            f"{setting('backbone', name)}: its maps have the strides {strides}; it takes one of {_LOW} and one of "
            f"{output_stride} or a multiple of that, which convolutional networks have, and transformers in stages, "
            "such as timm:pvt_v2_b0 and timm:swin_tiny_patch4_window7_224"
        )
    return low, high


def _choose_stages(name: str, net: Any) -> tuple[_Map, tuple[_Map, ...]]:
    last = {found.stride: found for found in _maps(net)}
    if not last.keys() >= {*_STAGES}:
        strides = ", ".join(str(found.stride) for found in _maps(net))
        raise UsageError(
            f"{setting('backbone', name)}: its maps have the strides {strides}; {setting('decoder', 'mlp')} takes one "
            f"of each of {', '.join(map(str, _STAGES))}, which transformers in stages have, such as timm:pvt_v2_b0"
        )
    low, *high = (last[stride] for stride in _STAGES)
    return low, tuple(high)


def _maps(net: Any) -> Iterator[_Map]:
    info = net.feature_info
    for place, (channels, stride) in enumerate(zip(info.channels(), info.reduction(), strict=True)):
        yield _Map(place, channels, stride)


def _enlarge(found: Tensor, times: int) -> Tensor:
    if times == 1:
        return found
    rows, columns = found.shape[2:]
    return F.interpolate(found, size=(times * rows, times * columns), mode="bilinear", align_corners=False)


def _fill(net: nn.Module, known: str, weights: Mapping[str, Tensor]) -> None:
    """Load what timm makes of a file's tensors for the whole network, which refuses those of another one."""
    import timm

    classifier = timm.get_pretrained_cfg(known).classifier or ()
    first = classifier if isinstance(classifier, str) else next(iter(classifier), "")
    kernel = weights.get(f"{first}.weight")
    overlay = {"state_dict": dict(weights), "num_classes": 0 if kernel is None else len(kernel), "label_offset": 0}
    try:
        whole = timm.create_model(known, pretrained=True, pretrained_cfg_overlay=overlay).state_dict()
    except Exception as error:  # the filters for files in older forms expect their names, and fail in many ways
        raise ValueError(first_line(error)) from error
    # Taking features out, timm puts the network one level deeper or flattens its first two levels.
    flat = {key.replace(".", "_"): value for key, value in whole.items()}
    inside = {key: key.removeprefix("model.").removeprefix("body.").replace(".", "_") for key in net.state_dict()}
    load_trunk(net, {key: flat[called] for key, called in inside.items() if called in flat})
