"""BEVFormer: a bird's-eye-view map from six cameras and its own past, and the objects on it.

A clip is the images of one instant; the map of the instant before is an input, as when the model
runs frame by frame. So are the geometry (where the points of the map's pillars appear, and which
cells each camera sees) and the vehicle's motion.
"""

from collections.abc import Sequence
from typing import Any

from reelbench.catalogue.driving import (
    BASE_LEVELS,
    BASE_VISIBLE,
    TINY_LEVELS,
    TINY_VISIBLE,
    Levels,
    cameras_of,
    maps_of,
    objects_of,
)
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Li et al. 2022, arXiv:2203.17270"
SOURCE = PAPER + "; fundamentalvision/BEVFormer projects/configs/bevformer/{}.py"
SIGNALS = 18

RESNET50: dict[str, Any] = {"depths": (3, 4, 6, 3), "style": "pytorch"}
R101_DCN: dict[str, Any] = {
    "depths": (3, 4, 23, 3), "style": "caffe", "deformable": (False, False, True, True),
}  # fmt: skip


def backbone_parts(
    image: tuple[int, int],
    *,
    depths: Sequence[int],
    style: str,
    deformable: Sequence[bool] = (False,) * 4,
    first: int = 3,
    num_outs: int = 1,
    width: int = 64,
    features: int = 256,
    cameras: int = 6,
) -> tuple[Part, ...]:
    """A residual network over the cameras' images and the feature pyramid on its last stages.

    The stem and the first stage are not trained.

    Args:
        image: Height and width of the padded images.
        depths: Blocks of each stage.
        style: Which convolution of a block strides.
        deformable: Which stages have deformable convolutions.
        first: The first stage, counted from 0, that the pyramid takes.
        num_outs: Outputs of the pyramid.
        width: Channels of the stem.
        features: Channels of the pyramid.
        cameras: Number of cameras.
    """
    images = {"images": (cameras, *image, 3)}
    parts = [part("stem", "backbone.ResNetStem", images, trained=False, features=width)]
    height, across = _halved(_halved(image))
    channels = width
    maps: dict[str, tuple[int, ...]] = {}
    for stage, depth in enumerate(depths):
        strides, mid = 1 if stage == 0 else 2, width * 2**stage
        options: dict[str, Any] = {"style": style, "deformable": deformable[stage]}
        sizes = (channels, 4 * mid), (4 * mid, 4 * mid)
        for turn, (taken, given) in enumerate(sizes):
            inside = {"in_features": taken, "mid_features": mid, "out_features": given}
            block = part(
                f"layer{stage + 1}" + ("" if turn else "-first"),
                "backbone.Bottleneck",
                {"x": (cameras, height, across, taken)},
                count=depth - 1 if turn else 1,
                trained=stage > 0,
                strides=1 if turn else strides,
                **inside,
                **options,
            )
            parts.append(block)
            if not turn and strides == 2:
                height, across = _halved((height, across))
        channels = 4 * mid
        if stage >= first:
            maps[f"map{stage}"] = (cameras, height, across, channels)
    taken_features = tuple(shape[-1] for shape in maps.values())
    pyramid: dict[str, Any] = {
        "in_features": taken_features,
        "out_features": features,
        "num_outs": num_outs,
    }
    return (*parts, part("pyramid", "backbone.FPN", maps, **pyramid))


def _halved(size: tuple[int, int]) -> tuple[int, int]:
    return (size[0] + 1) // 2, (size[1] + 1) // 2


@resizable
def bevformer(
    name: str,
    *,
    config: str,
    image: tuple[int, int],
    padded: tuple[int, int],
    backbone: dict[str, Any],
    levels: Levels,
    side: int,
    visible: int,
    encoder_layers: int,
    decoder_layers: int = 6,
    queries: int = 900,
    classes: int = 10,
    features: int = 256,
    heads: int = 8,
    mlp_dim: int = 512,
    published: tuple[Published, ...] = (),
) -> Model:
    """A row.

    Args:
        name: Its name.
        config: The source's configuration file.
        image: Height and width of an image.
        padded: The same, padded to a multiple of 32.
        backbone: Options of the residual network: depths, style, deformable stages.
        levels: Height and width of each feature map; as many as the pyramid has outputs.
        side: Cells along each side of the map.
        visible: Cells that each camera sees.
        encoder_layers: Layers that update the map.
        decoder_layers: Layers that update the objects.
        queries: Objects looked for.
        classes: Classes of objects.
        features: Width of the transformer.
        heads: Attention heads.
        mlp_dim: Width inside the feed-forward parts.
        published: Figures to hold our counts against.
    """
    size, cells = (side, side), side * side
    taken: dict[str, Any] = {"num_outs": len(levels), "first": 3 if len(levels) == 1 else 1}
    cameras, maps = cameras_of(levels, visible, side, features), maps_of(side, features)
    parts = (
        *backbone_parts(padded, **backbone, **taken, features=features),
        part(
            "queries", "driving.BEVFormerQueries", {"motion": (SIGNALS,)},
            features=features, map_size=size, num_queries=queries, signals=SIGNALS,
        ),
        part(
            "cameras", "driving.CameraEmbedding", {"value": cameras["value"]},
            features=features, cameras=6, levels=levels, rows=4,
        ),
        part(
            "encoder", "driving.BEVFormerLayer",
            {"query": (cells, features), **maps, **cameras}, count=encoder_layers,
            in_features=features, num_heads=heads, temporal_points=4, spatial_points=8,
            map_size=size, levels=levels, mlp_dim=mlp_dim,
        ),
        part(
            "decoder", "driving.DetectionDecoderLayer",
            {"query": (queries, features), **objects_of(side, queries, features)},
            count=decoder_layers, in_features=features, num_heads=heads, num_points=4,
            map_size=size, mlp_dim=mlp_dim,
        ),
        part(
            "branches", "driving.DetectionBranches", {"query": (queries, features)},
            count=decoder_layers, in_features=features, num_classes=classes, code_size=10,
        ),
    )  # fmt: skip
    return Model(
        "BEVFormer",
        name,
        clip=(6, *image),
        inputs={
            "images": Input((6, *padded, 3)),
            "previous": Input((cells, features)),
            "shift": maps["shift"],
            "motion": Input((SIGNALS,)),
            "reference_points": cameras["reference_points"],
            "query_index": cameras["query_index"],
        },
        options={
            **backbone, "first": taken["first"], "levels": levels, "map_size": size,
            "features": features, "num_heads": heads, "mlp_dim": mlp_dim,
            "encoder_layers": encoder_layers, "decoder_layers": decoder_layers,
            "num_queries": queries, "num_classes": classes,
        },
        parts=parts,
        source=SOURCE.format(config),
        published=published,
        assumed=True,
    )  # fmt: skip


BY_HAND = "counted by hand: {} of fundamentalvision/BEVFormer detectors/bevformer.py BEVFormer"
LOSS = "without the ten weights of the loss, which the class holds as a parameter that never trains"
COUNTER = "Li et al. 2022, arXiv:2203.17270, BEVFormer-S (no map of the past; the same layers)"
TRAINED = (
    "only parameters that train, by mmcv's counter: without 327,744 of frozen normalisations, the "
    "stem and the first stage there are 68,707,193"
)
UNCOUNTED = (
    "the figure is from mmcv's counter, which leaves out the deformable convolutions themselves"
    " (533.7 G of ours) and the decoder's self-attention (3.9 G), adds norms, pooling, activations"
    " and biases (8.9 G), and sees the box branches run twice (0.7 G); images are not padded"
    " from 900 to 928 rows. The same layers counted so by hand give 1301.5 G; the rest may be how"
    " many cells a camera sees"
)


def _by_hand(figure: str, config: str) -> Published:
    return Published("parameters", figure, BY_HAND.format(config), convention=LOSS)


# Assumed: the cells that each camera sees, see the family `driving`; 5364 are those of the rear
# camera of nuScenes' vehicles when it is held level.
MODELS = (
    bevformer("bevformer-tiny", config="bevformer_tiny", image=(450, 800), padded=(480, 800),
              backbone=RESNET50, levels=TINY_LEVELS, side=50, visible=TINY_VISIBLE,
              encoder_layers=3, published=(_by_hand("33,521,147", "bevformer_tiny.py"),)),
    bevformer("bevformer-small", config="bevformer_small", image=(720, 1280), padded=(736, 1280),
              backbone=R101_DCN, levels=((23, 40),), side=150, visible=5364, encoder_layers=3,
              published=(_by_hand("59,463,609", "bevformer_small.py"),)),
    bevformer("bevformer-base", config="bevformer_base", image=(900, 1600), padded=(928, 1600),
              backbone=R101_DCN, levels=BASE_LEVELS, side=200, visible=BASE_VISIBLE,
              encoder_layers=6, published=(
                  _by_hand("69,034,937", "bevformer_base.py"),
                  Published("parameters", "68.7 M", COUNTER, convention=TRAINED, tolerance=0.005),
                  Published("macs", "1303.5 G", COUNTER, unmet=UNCOUNTED),
              )),
)  # fmt: skip
