"""Which implementations there are of an operation; the reference is the program as it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from reelbench.implementations.operation import Function, Operation

REFERENCE = "reference"

CPU, GPU = "cpu", "gpu"
"""Backends of JAX."""


@dataclass(frozen=True)
class Limits:
    """What of a machine decides how an implementation cuts its work.

    Attributes:
        cache_bytes: Memory that all cores in use reach fast: their level-2 caches together on a
            CPU, the level-2 cache of a GPU.
        backend: What JAX computes on.
        libraries: What XLA can call here, see `reelbench.machine.libraries`.
    """

    cache_bytes: int = 2**20
    backend: str = "cpu"
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Implementation:
    """A way to compute an operation.

    Attributes:
        name: What users read, such as ``patches``.
        kind: Of the operations that it computes.
        applies: Whether it can compute this one.
        make: Gives the function of the operands in the canonical layout.
        variants: Settings worth trying, such as sizes of blocks, each with the word that tells it
            from the others.
        digits_lost: Decimal digits by which it is less exact than a sum of products.
        backward_only: Whether it differs from the plain form in its gradients alone.
        variants_backward: Whether its variants differ from each other in their gradients alone.
        library: What XLA must be allowed to call for it, see `reelbench.machine.libraries`; empty
            where nothing is.
        backends: What of JAX it is tried on, such as ``cpu``; empty for anything.
        dtypes: What it computes in; empty for any.
    """

    name: str
    kind: str
    applies: Callable[[Operation], bool]
    make: Callable[[Operation, Any], Function]
    variants: Callable[[Operation, Limits], dict[str, Any]]
    digits_lost: int = 0
    backward_only: bool = False
    variants_backward: bool = False
    library: str = ""
    backends: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()

    def computes(self, operation: Operation, limits: Limits) -> bool:
        """Whether it can compute this one on such a machine."""
        if limits.backend not in (self.backends or (limits.backend,)):
            return False
        if operation.dtype not in (self.dtypes or (operation.dtype,)):
            return False
        return self.library in ("", *limits.libraries) and self.applies(operation)


def alone(_: Operation, __: Limits) -> dict[str, Any]:
    """The variants of an implementation that has nothing to set."""
    return {"": None}


_ALL: dict[tuple[str, str], Implementation] = {}


def register(implementation: Implementation) -> None:
    """Add an implementation; the agreement test finds it by itself.

    Raises:
        ValueError: There is one of that kind and name.
    """
    key = (implementation.kind, implementation.name)
    if key in _ALL:
        raise ValueError(f"two implementations of {key[0]} are called {key[1]}")
    _ALL[key] = implementation


def implementations(kind: str | None = None) -> list[Implementation]:
    """All of them, or those of a kind."""
    return [each for each in _ALL.values() if kind in (None, each.kind)]


@dataclass(frozen=True)
class Candidate:
    """An implementation with settings.

    Attributes:
        name: Of the implementation, with the variant where there are several, and a library that
            it does not ask for itself behind an @.
        library: What XLA is allowed to call in its program; empty for nothing.
    """

    name: str
    implementation: Implementation
    settings: Any
    library: str = ""

    def function(self, operation: Operation) -> Function:
        """The function of the operands in the canonical layout."""
        return self.implementation.make(operation, self.settings)

    def under(self, library: str) -> Candidate:
        """The same in a program that may call a library."""
        return replace(self, name=f"{self.name}@{library}", library=library)


def candidates(operation: Operation, limits: Limits) -> list[Candidate]:
    """What may be tried for an operation."""
    found = []
    for each in implementations(operation.kind):
        if each.computes(operation, limits):
            for word, settings in each.variants(operation, limits).items():
                found.append(Candidate(f"{each.name}{word}", each, settings, each.library))
    return found


def by_name(operation: Operation, name: str, limits: Limits) -> Candidate | None:
    """The candidate of a name, if the operation has it."""
    base, _, library = name.partition("@")
    found = next((each for each in candidates(operation, limits) if each.name == base), None)
    if found is None or not library:
        return found
    return found.under(library) if library in limits.libraries else None
