"""ClusterConfig: every choice of a run of `hypseg cluster`, with its unit and default. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field

from hypsegcli.network.config import BackboneName
from hypsegcli.training.config import NETWORK, TrainConfig
from hypsegcli.training.fine_tune import fine_tuning

# The smallest bundled model of photographs: features of ImageNet, which tell far more than random ones.
USUAL, _RANDOM = "clothing", "random"
_MOST_OVER = 250  # clusters of the second head where nobody says how many: memory grows with their square
STEPS = 400  # that a run makes where nobody names its epochs
# The settings that mean something without masks; the order in which they are shown.
USED = (
    "clusters", "over_clusters", "reach", "balance", "view_share",
    *(name for name in NETWORK if name != "prototypes"), "init",
    "freeze_batch_norm", "longest_side", "field_of_view", "licence", "crop_height", "crop_width", "scale_min",
    "scale_max", "flip", "quarter_turns", "color_jitter", "epochs", "batch_size", "optimizer", "learning_rate",
    "backbone_rate", "momentum", "weight_decay", "schedule", "poly_power", "warmup_steps", "precision",
    "channels_last", "seed", "workers",
)  # fmt: skip


def _choice(default: Any, meaning: str, **bounds: Any) -> Any:
    return Field(default=default, description=meaning, **bounds)


class ClusterConfig(TrainConfig):
    """What `hypseg cluster` does: of a training's settings those of `USED`, some with other defaults, and its own."""

    clusters: int = _choice(8, "K, how many clusters there are to be.", ge=2, le=1000)
    over_clusters: int = _choice(
        0,
        "Clusters of the second head, which learns in every other epoch; 0: five times as many, up to 250.",
        ge=0,
        le=5000,
    )
    reach: int = _choice(
        3, "How far apart two places are compared, in cells of the network's grid, 4 pixels each.", ge=0, le=64
    )
    balance: float = _choice(
        1.0, "Weight of the clusters' entropy: above 1 they are pressed to be alike in size.", gt=0, le=10
    )

    view_share: float = _choice(
        0.7,
        "Sides of a view as a share of its crop's: two are cut out of it, at places of their own, so that the place in "
        "a view tells nothing; 1: both are all of it.",
        ge=0.3,
        le=1,
    )

    init: str = _choice(
        USUAL,
        "random: random weights; imagenet: the backbone's own; a checkpoint or bundled model, which bring defaults of "
        "their own; or a backbone file. Addresses are fetched.",
    )
    backbone: BackboneName = _choice("resnet18_c4", str(TrainConfig.model_fields["backbone"].description))
    head: Literal["hyperbolic", "euclidean"] = _choice("hyperbolic", "hyperbolic or euclidean.")
    softmax: Literal["hierarchical", "flat"] = _choice("flat", "Clusters have no tree.")
    longest_side: int = _choice(128, "Pixels; larger images are shrunk to it; 0: never.", ge=0)
    crop_height: int = _choice(
        0, "Pixels of what views are cut out of, a multiple of 16; 0: the usual image.", ge=0, multiple_of=16
    )
    crop_width: int = _choice(0, "The same.", ge=0, multiple_of=16)
    scale_min: float = _choice(1.0, str(TrainConfig.model_fields["scale_min"].description), gt=0)
    scale_max: float = _choice(1.0, "The same.", gt=0)
    flip: bool = _choice(True, "Mirror every second image, and every second view of an image against the first.")
    color_jitter: float = _choice(
        0.4, "Of brightness, contrast and saturation between the views; hue gets a quarter.", ge=0, le=1
    )
    epochs: int = _choice(0, f"Passes over the images; 0: as many as make {STEPS} steps, two at least.", ge=0)
    learning_rate: float = _choice(3e-3, "At its peak.", gt=0)
    warmup_steps: int = _choice(30, "Steps, linear from 0; a tenth of a short run at most.", ge=0)

    @property
    def source(self) -> str:
        """Where first weights come from, as a training has it: empty for random ones."""
        return "" if self.init == _RANDOM else self.init

    @property
    def over(self) -> int:
        """How many clusters the second head has."""
        return self.over_clusters or min(5 * self.clusters, max(_MOST_OVER, self.clusters))


def usual_settings(init: str) -> dict[str, Any]:
    """Those of the network that a run starts from; none unless that is a checkpoint.

    Raises CheckpointError for a checkpoint that is not there or is damaged.
    """
    usual = fine_tuning("" if init == _RANDOM else init)
    heads = get_args(ClusterConfig.model_fields["head"].annotation)
    if usual.get("head", heads[0]) not in heads:  # clusters are those of a new head in any case
        usual = {name: value for name, value in usual.items() if name != "head"}
    return {name: value for name, value in usual.items() if name in USED and name in NETWORK}
