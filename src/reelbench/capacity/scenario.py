"""The scenario file as checked types: what is asked, in figures that say where they come from.

Every type is generic in what stands for a figure: `Scenario[Figure]` is the file as written,
`Scenario[Estimate]` the same with draws in place of texts. The metadata of a field say which unit a
figure must be in; the JSON Schema for editors is made of the same types.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from reelbench.capacity.figure import F, Figure, Name, Part, Text, of


class Fleet(Part[F], frozen=True, kw_only=True):
    """Vehicles that record video."""

    vehicles: Annotated[F, of("", about="vehicles that record")]
    cameras: Annotated[F, of("", about="cameras of each")]
    frame_rate: Annotated[F, of("frame/s", about="of each camera")]
    bitrate: Annotated[F, of("B/s", about="of each camera's recording")]
    recording: Annotated[F, of("", about="time recorded per day, such as 1 h/day", domain="share")]
    uploaded: Annotated[
        F, of("", about="share of what is recorded that is uploaded", domain="share")
    ]
    collected: Annotated[F, of("s", about="for how long", choice=True)]
    clip_length: Annotated[F, of("s/clip", about="time that a clip covers", choice=True)]


class Corpus(Part[F], frozen=True, kw_only=True):
    """A set of clips that is there already."""

    clips: Annotated[F, of("clip", about="clips in it")] | None = None
    hours: Annotated[F, of("s", about="video in it")] | None = None
    clip_length: Annotated[F, of("s/clip", about="time that a clip covers")] | None = None
    frame_rate: Annotated[F, of("frame/s", about="of the video")] | None = None
    size: Annotated[F, of("B", about="bytes of all")] | None = None
    clip_size: Annotated[F, of("B/clip", about="bytes of a clip")] | None = None


class Curation(Part[F], frozen=True, kw_only=True):
    """What is done to raw clips before training."""

    kept: Annotated[F, of("", about="share of the clips that are kept", domain="positive share")]
    device_time: Annotated[F, of("s/clip", about="device time for each raw clip")] | None = None


class Case(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A measured case of the rates file, and how often a step runs it."""

    case: Name
    times: Annotated[int, Meta(ge=1, le=10**6)] = 1
    dtype: Name | None = None
    batch: Annotated[int, Meta(ge=1)] | None = None
    implementation: Name | None = None


class Measured(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The time of a clip from a result file: of cases as measured, or of a step as predicted.

    Attributes:
        cases: A whole model's training step, or the layers that make most of one.
        step: A model of reelbench's catalogue, whose training step is predicted from the layers of
            the file.
        dtype: Of that step.
        batch: Clips of that step on one device.
        implementation: Each of its layers in the fastest way measured, or as it is written.
        rematerialised: Whether its layers are computed again in the backward pass.
        extrapolate: Carry the rate to a device that was not measured, by each one's ceilings.
    """

    cases: Annotated[list[Case], Meta(max_length=1000)] = []
    step: Name | None = None
    dtype: Name = "float32"
    batch: Annotated[int, Meta(ge=1)] = 1
    implementation: Literal["best", "reference"] = "best"
    rematerialised: bool = False
    extrapolate: bool = False

    def __post_init__(self) -> None:
        if bool(self.cases) == (self.step is not None):
            raise ValueError(
                "takes either cases, as measured, or step, a model of `reelbench list --only "
                "models` predicted from its layers"
            )


class Model(Part[F], frozen=True, kw_only=True):
    """A network, or several alike, to be trained.

    Attributes:
        measured: Its step time from a result file.
        catalogue: A model of reelbench's catalogue, whose FLOPs are counted.
        code: Which spread of MFU to take where none is given: ``tuned`` of models split over many
            devices by their makers, ``plain`` of research code on one device, the usual one.
        mfu_of: Whether an MFU is that of the whole ``system``, communication, bubbles and
            stragglers included, as published ones of large runs are, or of a ``device`` alone.
    """

    name: Name
    networks: Annotated[F, of("", about="networks alike", choice=True)] | None = None
    trainings: (
        Annotated[
            F, of("", about="trainings of each, experiments and repeats counted", choice=True)
        ]
        | None
    ) = None
    retrain_every: Annotated[F, of("s", about="time between trainings", choice=True)] | None = None
    # How much is trained on.
    clips: (
        Annotated[
            F, of("clip", about="clips trained on; those of the demand by default", choice=True)
        ]
        | None
    ) = None
    epochs: Annotated[F, of("", about="times that each clip is seen", choice=True)] | None = None
    tokens: Annotated[F, of("token", about="tokens of a training", choice=True)] | None = None
    steps: Annotated[F, of("", about="optimizer steps of a training", choice=True)] | None = None
    batch: Annotated[F, of("clip", "token", about="global batch of a step", choice=True)] | None = (
        None
    )
    frames_per_clip: Annotated[F, of("frame/clip", about="frames used", choice=True)] | None = None
    tokens_per_clip: Annotated[F, of("token/clip", about="tokens used", choice=True)] | None = None
    clip_size: Annotated[F, of("B/clip", about="bytes read for a clip")] | None = None
    # How fast, one of.
    measured: Measured | None = None
    throughput: (
        Annotated[F, of("clip/s", "token/s", "frame/s", about="of one device, data included")]
        | None
    ) = None
    step_time: Annotated[F, of("s", about="of an iteration, with device_batch")] | None = None
    device_batch: (
        Annotated[F, of("clip", "token", about="batch of one device", choice=True)] | None
    ) = None
    device_time: Annotated[F, of("s", about="device time of a training")] | None = None
    flops: (
        Annotated[
            F,
            of(
                "FLOP",
                "FLOP/clip",
                "FLOP/token",
                "FLOP/frame",
                about="of a training, or of forward and backward of one item",
            ),
        ]
        | None
    ) = None
    catalogue: Name | None = None
    slowdown: Annotated[F, of("", about="step time over what the rate says")] | None = None
    # What it is made of.
    parameters: Annotated[F, of("", about="parameters; alone, 6 FLOPs each for a token")] | None = (
        None
    )
    layers: Annotated[F, of("", about="transformer blocks")] | None = None
    width: Annotated[F, of("", about="channels of a token")] | None = None
    sequence: Annotated[F, of("token", about="tokens that attend to each other")] | None = None
    # How well it uses the peak.
    code: Literal["tuned", "plain"] | None = None
    mfu_of: Literal["system", "device"] | None = None
    mfu: (
        Annotated[F, of("", about="model FLOPs over peak FLOPs", domain="positive share")] | None
    ) = None
    activations: (
        Annotated[
            F,
            of(
                "B/clip",
                "B/token",
                about="kept for the backward pass, on one device before it is split",
            ),
        ]
        | None
    ) = None
    state_size: (
        Annotated[
            F, of("B", about="bytes of parameters, gradients and optimizer state a parameter")
        ]
        | None
    ) = None
    gradient_size: (
        Annotated[F, of("B", about="bytes of a parameter's gradient in an all-reduce")] | None
    ) = None


class Device(Part[F], frozen=True, kw_only=True):
    """What trains: a row of the catalogue of devices, or one described here."""

    kind: Name
    count: Annotated[F, of("", about="devices", choice=True)] | None = None
    per_node: Annotated[F, of("", about="devices of a node", choice=True)] | None = None
    format: Name = "bf16"
    peak: dict[Name, Annotated[F, of("FLOP/s", about="dense peak by number format")]] = (
        msgspec.field(default_factory=dict)
    )
    memory: Annotated[F, of("B", about="device memory")] | None = None
    memory_bandwidth: Annotated[F, of("B/s", about="of device memory")] | None = None
    power: Annotated[F, of("W", about="thermal design power, or its limit")] | None = None
    price: Annotated[F, of("$", about="of a device with its share of the server")] | None = None
    rent: Annotated[F, of("$/s", about="of a device")] | None = None
    link: Annotated[F, of("B/s", about="inside a node, a direction")] | None = None
    server_power: (
        Annotated[F, of("", about="power of a server over that of its devices")] | None
    ) = None


class Parallel(Part[F], frozen=True, kw_only=True):
    """How a model is split; what is not given is chosen by memory."""

    tensor: Annotated[F, of("", about="devices that split each layer", choice=True)] | None = None
    pipeline: Annotated[F, of("", about="stages", choice=True)] | None = None
    microbatches: Annotated[F, of("", about="microbatches in flight", choice=True)] | None = None
    sharded: bool = False
    schedule: Literal["ring", "tree"] = "ring"
    memory_used: (
        Annotated[
            F, of("", about="share of device memory that can be used", domain="positive share")
        ]
        | None
    ) = None
    tensor_efficiency: (
        Annotated[F, of("", about="of a split layer, a doubling", domain="positive share")] | None
    ) = None


class Network(Part[F], frozen=True, kw_only=True):
    """Between nodes, and from outside."""

    bandwidth: Annotated[F, of("B/s", about="a device, a direction")] | None = None
    latency: Annotated[F, of("s", about="of a message")] | None = None
    efficiency: (
        Annotated[F, of("", about="of the bandwidth, reached", domain="positive share")] | None
    ) = None
    overlap: (
        Annotated[
            F,
            of("", about="share of communication hidden behind the backward pass", domain="share"),
        ]
        | None
    ) = None
    ingest: Annotated[F, of("B/s", about="at which new video arrives")] | None = None


class Feed(Part[F], frozen=True, kw_only=True):
    """What brings clips to the devices."""

    storage_bandwidth: Annotated[F, of("B/s", about="of all storage together")] | None = None
    storage_size: Annotated[F, of("B", about="that storage can hold")] | None = None
    decode_cores: Annotated[F, of("", about="cores for decoding, a device")] | None = None
    decode_rate: Annotated[F, of("frame/s", about="of a core")] | None = None
    decode_excess: Annotated[F, of("", about="frames decoded for each frame used")] | None = None
    host_link: Annotated[F, of("B/s", about="host to device")] | None = None
    decoded_size: Annotated[F, of("B/clip", about="bytes of a decoded clip")] | None = None


class Regime(Part[F], frozen=True, kw_only=True):
    """A further kind of failures, beside those of the nodes one by one.

    Its rate for a job on n nodes is ``rate · n^exponent``: 0 strikes jobs of any size alike,
    above 1 failures are correlated. ``until`` is the largest job, in devices, that it strikes.
    """

    name: Name
    rate: Annotated[F, of("1/s", about="failures a node and time", domain="nonnegative")]
    exponent: Annotated[F, of("", about="of the number of nodes", domain="nonnegative")] | None = (
        None
    )
    until: Annotated[F, of("", about="devices of the largest job it strikes")] | None = None


class Reliability(Part[F], frozen=True, kw_only=True):
    """Failures, and what they cost."""

    failures: (
        Annotated[
            F, of("1/s", about="a node and time, such as 6.5 /1000 node-days", domain="nonnegative")
        ]
        | None
    ) = None
    restart: Annotated[F, of("s", about="from a failure to training again")] | None = None
    checkpoint_time: (
        Annotated[F, of("s", about="for which training stands still", domain="nonnegative")] | None
    ) = None
    checkpoint_every: (
        Annotated[F, of("s", about="Daly's optimum by default", choice=True)] | None
    ) = None
    straggling: (
        Annotated[
            F,
            of(
                "",
                about="variation of step time from node to node, over its mean",
                domain="nonnegative",
            ),
        ]
        | None
    ) = None
    regime: list[Regime[F]] = msgspec.field(default_factory=list)


class Power(Part[F], frozen=True, kw_only=True):
    """What the electricity goes through."""

    load: (
        Annotated[F, of("", about="power drawn over thermal design power", domain="positive share")]
        | None
    ) = None
    measured: Annotated[F, of("W", about="measured power of a device in training")] | None = None
    pue: Annotated[F, of("", about="power of the facility over that of its servers")] | None = None
    boundary: Literal["device", "server", "facility"] = "facility"
    site_cap: (
        Annotated[F, of("W", about="power that the site can have, at the boundary")] | None
    ) = None


class Money(Part[F], frozen=True, kw_only=True):
    """What it costs. Owned and rented are both worked out where there are prices."""

    mode: Literal["rent", "own"] | None = None
    commitment: Literal["none", "1 year", "3 years"] = "none"
    discount: Annotated[F, of("", about="for the commitment", domain="share")] | None = None
    years_ahead: (
        Annotated[
            F,
            of(
                "s",
                about="from the prices' date to the purchase",
                choice=True,
                domain="nonnegative",
            ),
        ]
        | None
    ) = None
    price_decline: (
        Annotated[
            F,
            of("1/s", about="of device prices and rents, such as 20 %/year", domain="nonnegative"),
        ]
        | None
    ) = None
    interest: (
        Annotated[F, of("1/s", about="cost of capital, such as 10 %/year", domain="nonnegative")]
        | None
    ) = None
    life: Annotated[F, of("s", about="of servers")] | None = None
    interconnect: Annotated[F, of("", about="share of a cluster's cost", domain="share")] | None = (
        None
    )
    facility: (
        Annotated[F, of("$/W", about="of a site, without servers", domain="nonnegative")] | None
    ) = None
    facility_life: Annotated[F, of("s", about="of the site")] | None = None
    operations: (
        Annotated[
            F,
            of(
                "1/s", about="staff and upkeep over capital, such as 5 %/year", domain="nonnegative"
            ),
        ]
        | None
    ) = None
    electricity: Annotated[F, of("$/J", about="price")] | None = None
    utilisation: (
        Annotated[F, of("", about="share of owned time that is used", domain="positive share")]
        | None
    ) = None
    availability: (
        Annotated[F, of("", about="share of time that devices are up", domain="positive share")]
        | None
    ) = None


class Goal(Part[F], frozen=True, kw_only=True):
    """What the plan must keep to."""

    deadline: Annotated[F, of("s", about="for all trainings", choice=True)] | None = None
    budget: Annotated[F, of("$", about="for all trainings", choice=True)] | None = None


class Scenario(Part[F], frozen=True, kw_only=True):
    """A scenario file."""

    title: Text
    about: Annotated[str, Meta(max_length=4000)] = ""
    fleet: Fleet[F] | None = None
    corpus: Corpus[F] | None = None
    curation: Curation[F] | None = None
    model: Annotated[list[Model[F]], Meta(max_length=200)] = msgspec.field(default_factory=list)
    device: Device[F]
    parallel: Parallel[F] = Parallel()
    network: Network[F] = Network()
    feed: Feed[F] = Feed()
    reliability: Reliability[F] = Reliability()
    power: Power[F] = Power()
    money: Money[F] = Money()
    goal: Goal[F] = Goal()


def model_path(scenario: Scenario[Any], model: Model[Any]) -> str:
    """Where a model stands: ``model`` if it is the only one, else ``model.NAME``."""
    return "model" if len(scenario.model) == 1 else f"model.{model.name}"


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, for editors."""
    text = json.dumps(msgspec.json.schema(Scenario[Figure | str | float]))
    # msgspec names the tables after what they are generic in, which says nothing to a reader.
    plain = re.sub(r"(\w+)(?:\[[\w.| ]*Figure[^\]]*\]|_[\w.]*Figure[\w.]*)", r"\1", text)
    schema_: dict[str, Any] = json.loads(plain)
    return schema_
