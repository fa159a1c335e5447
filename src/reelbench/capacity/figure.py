"""A figure of a scenario – its value, and where that comes from – and what a field asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

from reelbench.capacity.quantities import Dimension
from reelbench.capacity.spread import Domain, Spread
from reelbench.capacity.spread import Kind as Distribution

F = TypeVar("F")

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Kind = Literal["measured", "published", "assumed", "chosen"]
KINDS: tuple[Kind, ...] = ("measured", "published", "assumed", "chosen")


class Figure(Struct, forbid_unknown_fields=True, frozen=True):
    """A value and where it comes from.

    Attributes:
        value: ``"36 fps"``, a 90 % range ``"5 to 20 min"``, or a list of equally likely values.
        kind: ``measured`` and ``published`` figures name a source, ``assumed`` ones a reason;
            ``chosen`` is what the planner decides.
        source: Paper, file or page with its date; for an assumption the reason.
        distribution: Of a range; by default logit-normal for a share, else lognormal, or normal if
            the range is narrow.
        mode: Most likely value, of a triangular distribution.
    """

    value: Annotated[str, Meta(max_length=200)] | float | list[str | float]
    kind: Kind
    source: Annotated[str, Meta(max_length=1000)] = ""
    distribution: Distribution | None = None
    mode: Annotated[str, Meta(max_length=200)] | float | None = None


@dataclass(frozen=True)
class Quantity:
    """What a field's figure must be.

    Attributes:
        units: Units that are taken; the first is the usual one.
        domain: What values make sense.
        choice: Whether the planner decides it, so that a bare value will do.
    """

    units: tuple[str, ...]
    domain: Domain
    choice: bool


def of(*units: str, about: str = "", domain: Domain = "positive", choice: bool = False) -> Meta:
    """Metadata of a figure's field."""
    needed = " or ".join(units) if any(units) else "a plain number"
    return Meta(
        description=f"{about} ({needed})", extra={"quantity": Quantity(units, domain, choice)}
    )


class Part(Struct, Generic[F], forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A table of a scenario file."""


@dataclass(frozen=True)
class Named:
    """A figure that was read.

    Attributes:
        name: Its path in the scenario, such as ``device.peak.bf16``.
        spread: Its distribution in base units.
        kind: Measured, published, assumed or chosen.
        source: Where it comes from.
        text: Its value as it was written.
        given: Whether the scenario itself gives it, rather than a default or the catalogue.
    """

    name: str
    spread: Spread
    dimension: Dimension
    kind: Kind
    source: str
    text: str
    given: bool = True
