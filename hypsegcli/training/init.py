"""Where a network's first weights come from: chance, a backbone's for ImageNet, a backbone file, another checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from hypsegcli.checkpoint.bundled import CheckpointFile, checkpoint_path, find_checkpoint
from hypsegcli.checkpoint.format import MOST_ANCESTORS, Ancestor, Color, Header, InputSpec
from hypsegcli.checkpoint.read_header import is_checkpoint, read_header
from hypsegcli.checkpoint.store import load_checkpoint, read_tensors
from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import CheckpointError, DataError, first_line, setting
from hypsegcli.files.words import as_text, first_of
from hypsegcli.hierarchy.alike import match_names
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.backbones.features import torchvision_name
from hypsegcli.network.model import EMBEDDING, Network, filled_backbone
from hypsegcli.training.config import UNKNOWN_LICENCE
from hypsegcli.training.foreign import backbone_weights
from hypsegcli.training.imagenet import imagenet_weights
from hypsegcli.training.kept_rows import KeptRows, carry_rows

_NAMED = 3
_OF_NETWORK = ("network", "backbone", "decoder", "output_stride", "convolutions", "rates")


class Start(NamedTuple):
    """Where first weights come from."""

    description: str  # in words
    random: tuple[str, ...]  # names of tensors that were left to chance
    input: InputSpec | None = None  # what the weights were trained on; None where it is the backbone's own
    images: tuple[str, ...] = ()  # marks of the images that they were trained on, as far as they were kept
    validated_images: tuple[str, ...] = ()  # and of those that their epoch was chosen on
    ancestors: tuple[Ancestor, ...] = ()  # the checkpoint that they are of, and those before it
    rows: KeptRows | None = None  # of the classifier, where it knew other classes
    colors: tuple[Color, ...] | None = None  # of our classes, where it knows all of them


def imported_network(source: str, earlier: Header | None) -> dict[str, Any]:
    """The fields of a ModelConfig that are not chosen where the start's network is another project's; else none.

    `earlier` is the header of a training that goes on. Raises CheckpointError for a file that cannot be read.
    """
    if earlier is None:
        if not source or source == "imagenet" or not is_checkpoint(path := checkpoint_path(source)):
            return {}
        earlier = read_header(path)
    return earlier.model.model_dump(include=set(_OF_NETWORK)) if earlier.model.is_imported else {}


def known_tree(source: str) -> ClassTree | None:
    """The class tree of the checkpoint that `source` names; None where it names something else."""
    if not source or source == "imagenet" or not is_checkpoint(path := checkpoint_path(source)):
        return None
    return read_header(path).tree


def initialise(model: Network, source: str, tree: ClassTree, *, head: bool) -> Start:
    """Replace random weights by those that `source` names.

    `source` is empty, `imagenet`, a file, the name of a bundled model, or an address. Without `head`, embedding and
    classifier stay random. Raises CheckpointError for a file that cannot be read or fits nowhere, DataError for a
    checkpoint of another network, and UsageError where the weights for ImageNet cannot be had here.
    """
    if not source:
        return Start("random weights", tuple(model.state_dict()))
    if source == "imagenet":
        weights = imagenet_weights(model.config.backbone)
        return _into_backbone(model, weights.tensors, weights.description)
    named = find_checkpoint(source)
    path = named.path
    if is_checkpoint(path):
        return _from_checkpoint(model, named, tree, head=head)
    content = read_tensors(path) if path.suffix == ".safetensors" else read_plain(path)
    found = backbone_weights(content)
    if not found:
        raise CheckpointError(f"{path}: holds no plain weights; expected a hypseg checkpoint or a backbone's own file")
    return _into_backbone(model, found, named.source or path.name)


def _into_backbone(model: Network, weights: Mapping[str, Tensor], called: str) -> Start:
    name = model.config.backbone
    try:
        filled = filled_backbone(model.config, weights)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"{called}: not the weights of {torchvision_name(name)} ({first_line(error)})") from error
    ours = {f"backbone.{key}": tensor for key, tensor in filled.state_dict().items()}
    model.load_state_dict(model.state_dict() | ours)
    left = tuple(key for key in model.state_dict() if not key.startswith("backbone."))
    rest = "ASPP, decoder and head" if model.config.decoder == "deeplab" else "decoder and head"
    return Start(f"backbone from {called}; {rest} from random weights", left)


def _from_checkpoint(model: Network, named: CheckpointFile, tree: ClassTree, *, head: bool) -> Start:
    path, called = named.path, named.source or named.path.name
    other = load_checkpoint(path, source=named.source)
    theirs, ours = other.header.model, model.config
    # A network cut shorter may start from a whole one; of others some tensors would fit, and mean nothing.
    if torchvision_name(theirs.backbone) != torchvision_name(ours.backbone):
        raise DataError(
            f"{setting('init', path)}: its backbone is {theirs.backbone}, not {ours.backbone}; choose that one or "
            "another file"
        )
    # Rows of a head belong to classes; those of other classes mean nothing here, even where the shapes fit.
    shape = ("decoder", "head", "t_max", "radial_limit", "embedding_size")
    alike = head and all(getattr(theirs, name) == getattr(ours, name) for name in shape)
    same_head = alike and other.header.tree == tree and theirs.nodes == ours.nodes
    if same_head and theirs.curvature != ours.curvature:
        raise DataError(
            f"{setting('init', path)}: its head was trained with curvature {theirs.curvature:g}, not "
            f"{ours.curvature:g}; pass {setting('curvature', repr(theirs.curvature))}"
        )
    kept = head and theirs.decoder == ours.decoder  # the embedding, which is one of the decoder's features
    left_out = () if same_head else ("head.",) if kept else ("head.", *EMBEDDING)
    source, target = other.model.state_dict(), model.state_dict()
    taken = {
        name: source[name]
        for name, tensor in target.items()
        if name in source and source[name].shape == tensor.shape and not name.startswith(left_out)
    }
    rows = None
    carried: dict[str, Tensor] = {}
    # Rows mean something behind the embedding, and in the ball, that they were learned with.
    embedded = all(name in taken for name in target if name.startswith(EMBEDDING))
    if alike and embedded and not same_head and theirs.curvature == ours.curvature:
        names = (tree.names[: ours.nodes], other.header.tree.names[: theirs.nodes])
        carried, rows = carry_rows(_of_head(target), _of_head(source), *names, start=as_text(called))
    model.load_state_dict(target | taken | carried)
    left = tuple(name for name in target if name not in taken and name not in carried)
    share = f"{len(taken)} of" if left or carried else "all"
    description = f"{share} {len(target)} tensors from {called}"
    if left:
        description += f"; random: {first_of(left, _NAMED)}"
    made = other.header.provenance
    own = Ancestor(
        name=as_text(called), trained_on=made.trained_on, licence=made.licence, initialised_from=made.initialised_from
    )
    ancestors = (own, *made.ancestors)[:MOST_ANCESTORS]
    theirs_of = match_names(tree.names[: tree.classes], other.header.tree.names[: other.header.tree.classes])
    colors = (
        tuple(other.header.colors[place] for place in theirs_of.values()) if len(theirs_of) == tree.classes else None
    )
    return Start(
        description, left, other.header.input, made.trained_images, made.validated_images, ancestors, rows, colors
    )


def _of_head(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name.startswith("head.")}


def terms(given: str, ancestors: Sequence[Ancestor]) -> str:
    """The licence of what is trained: the one that is `given`, and that of what it starts from where it is another.

    Where none is given, the terms of the start are those that are known.
    """
    if not ancestors or ancestors[0].licence in {given, UNKNOWN_LICENCE}:
        return given
    start = ancestors[0]
    if given == UNKNOWN_LICENCE:
        return f"{start.licence}; these are the terms of {start.name}, which it started from"
    return f"{given}; started from {start.name}, whose terms are {start.licence}"
