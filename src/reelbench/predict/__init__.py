"""From measured layers to models, and from one machine to another, without JAX."""

from reelbench.predict.ceilings import Ceilings, CeilingsError
from reelbench.predict.parts import PartTime
from reelbench.predict.rates import Rates, RatesError, rates_of
from reelbench.predict.step import StepPrediction, predict_step

__all__ = [
    "Ceilings",
    "CeilingsError",
    "PartTime",
    "Rates",
    "RatesError",
    "StepPrediction",
    "predict_step",
    "rates_of",
]
