"""EfficientDet-D0 (Tan et al. 2020): EfficientNet-B0, three rounds of BiFPN and two heads."""

from reelbench.catalogue.models.efficientnet import B0, trunk_options, trunk_parts
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = (
    "Tan et al. 2020, arXiv:1911.09070; google/automl efficientdet/efficientdet_arch.py,"
    " hparams_config.py"
)
TEST = "google/automl efficientdet/efficientdet_arch_test.py, EfficientDetArchTest"
LEVELS = 5
FROM_TRUNK = (3, 5, 7)  # stages of the trunk, at 1/8, 1/16 and 1/32 of the image
ANCHORS = 9
PROFILED = "half of the float operations that TensorFlow's profiler finds in the graph"
BESIDE = (
    "the profiler finds 43.6 M beside products and convolutions, half an operation an element:"
    " swish 17.6 M, other products and quotients 8.9 M, means 6.0 M, biases 4.2 M, sums 1.3 M,"
    " pooling 1.2 M, and 4.3 M not found by us (drawing the initial weights would be that much)"
)


@resizable
def efficientdet(
    name: str,
    side: int,
    features: int,
    rounds: int,
    repeats: int,
    *,
    frames: int = 1,
    num_classes: int = 90,
    published: tuple[Published, ...],
) -> Model:
    """A detector.

    Args:
        name: Its name.
        side: Height and width of an image, a multiple of 128.
        features: Channels of the BiFPN and of the heads.
        rounds: Rounds of BiFPN.
        repeats: Hidden layers of a head.
        frames: Images of a clip, each by itself.
        num_classes: Classes.
        published: Figures.
    """
    image = (side, side)
    widths = tuple(B0[stage - 1].out_features for stage in FROM_TRUNK)
    first = (*widths, *[features] * (LEVELS - len(widths)))
    equal = (features,) * LEVELS

    def levels(channels: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        sides = [side // 2 ** (3 + place) for place in range(LEVELS)]
        pairs = zip(sides, channels, strict=True)
        return {f"level{i}": (frames, s, s, width) for i, (s, width) in enumerate(pairs)}

    def head(place: str, out_features: int) -> Part:
        return part(
            place,
            "bifpn.PyramidHead",
            levels(equal),
            features=features,
            out_features=out_features,
            levels=LEVELS,
            repeats=repeats,
        )

    return Model(
        "EfficientDet",
        name,
        (frames, *image),
        {"frames": Input((frames, *image, 3))},
        {
            "stages": trunk_options(),
            "from_trunk": FROM_TRUNK,
            "features": features,
            "rounds": rounds,
            "repeats": repeats,
            "num_classes": num_classes,
        },
        (
            *trunk_parts(frames, image),
            part(
                "coarser levels",
                "bifpn.CoarserLevels",
                {"x": (frames, side // 32, side // 32, widths[-1])},
                in_features=widths[-1],
                features=features,
                levels=LEVELS - len(widths),
            ),
            part(
                "bifpn first",
                "bifpn.BiFPNLayer",
                levels(first),
                in_features=first,
                features=features,
            ),
            part(
                "bifpn",
                "bifpn.BiFPNLayer",
                levels(equal),
                count=rounds - 1,
                in_features=equal,
                features=features,
            ),
            head("classes", ANCHORS * num_classes),
            head("boxes", ANCHORS * 4),
        ),
        SOURCE,
        published,
    )


MODELS = (
    efficientdet(
        "efficientdet-d0",
        512,
        64,
        3,
        3,
        published=(
            Published("parameters", "3,880,067", TEST),
            Published("macs", "2,535,978,423", TEST, PROFILED, unmet=BESIDE),
            Published("parameters", "3.9 M", "Tan et al. 2020, table 2"),
            Published("macs", "2.5 G", "Tan et al. 2020, table 2"),
        ),
    ),
)
