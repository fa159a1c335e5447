"""A scenario ready to be worked out: every figure becomes draws, the draws become a plan."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reelbench.capacity.errors import ScenarioError
from reelbench.capacity.estimate import Array, DimensionError, Draws, Estimate, constant
from reelbench.capacity.figure import Named, Quantity
from reelbench.capacity.outcome import Basis, Plan, PlanError, Relief
from reelbench.capacity.plan import plan
from reelbench.capacity.scenario import Scenario
from reelbench.capacity.shapes import transform
from reelbench.catalogue.names import UnknownNameError


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Say of which file it is that something in it is missing, unknown or of the wrong kind."""
    try:
        yield
    except (PlanError, DimensionError, UnknownNameError) as error:
        raise ScenarioError(name, str(error)) from None


@dataclass(frozen=True)
class Question:
    """A scenario ready to be worked out.

    Attributes:
        scenario: As read, with what the catalogue of models and the rates file add.
        bases: What a model's step time rests on, where not what its fields say.
        known: Every figure by its name.
    """

    scenario: Scenario[Named]
    bases: Mapping[str, tuple[Basis, str]]
    known: Mapping[str, Named]

    def path(self, text: str) -> str:
        """A figure's path; ``model.NAME.epochs`` is ``model.epochs`` where there is one model."""
        if text not in self.known and len(self.scenario.model) == 1:
            text = text.replace(f"model.{self.scenario.model[0].name}.", "model.", 1)
        return text

    def answer(
        self,
        draws: Draws | None = None,
        points: Mapping[str, Array] | None = None,
        relief: Relief | None = None,
    ) -> Plan:
        """Work it out.

        Args:
            draws: How many, and whether to tell variance by input.
            points: Values in base units of figures that are swept, by path, each ``[points]``.
            relief: Limits to loosen.
        """
        made = draws or Draws()
        values = points or {}

        def draw(path: str, _: Quantity, figure: Named) -> Estimate:
            swept = values.get(path, values.get(figure.name))
            if swept is not None:
                return replace(constant(swept, figure.dimension), figures=frozenset((path,)))
            return made.of(figure.name, figure.spread, figure.dimension)

        result = plan(transform(self.scenario, draw), relief)
        trainings = tuple(
            replace(each, basis=self.bases[each.model][0], why=self.bases[each.model][1])
            if each.model in self.bases
            else each
            for each in result.trainings
        )
        return replace(result, trainings=trainings)
