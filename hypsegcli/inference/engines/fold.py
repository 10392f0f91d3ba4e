"""Batch norms folded into the convolutions before them, which makes the answer the same and the network shorter."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

AnyModule = TypeVar("AnyModule", bound=nn.Module)
_WITHOUT_ORDER = ("timm.", "hypsegcli.network.imported.")  # where neighbours need not run one after the other


def fold_batch_norms(model: AnyModule) -> AnyModule:
    """A copy in eval mode without batch norms; the model itself, in eval mode, where there are none to fold.

    A batch norm is folded where it directly follows a convolution in its parent, as all in this package do and all of
    torchvision's backbones; any other stays what it is. In timm's modules such neighbours need not run one after the
    other (one of RepViT's adds branches in between), and a norm may hold the activation behind it: there all stay, but
    those in a plain sequence, and so do those of other projects' networks.
    """
    model.eval()
    if not any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()):
        return model
    folded = copy.deepcopy(model)
    for parent in list(folded.modules()):
        if type(parent).__module__.startswith(_WITHOUT_ORDER):
            continue
        before: tuple[str, nn.Module] | None = None
        for name, layer in list(parent.named_children()):
            # Not a subclass, which does more.
            if before is not None and isinstance(before[1], nn.Conv2d) and type(layer) is nn.BatchNorm2d:
                setattr(parent, before[0], fuse_conv_bn_eval(before[1], layer))
                setattr(parent, name, nn.Identity())
            before = (name, layer)
    return folded
