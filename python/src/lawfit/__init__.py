"""Neural scaling-law studies from Python: a client of the `lawfit` program, with its cache and its specs."""

from ._answers import Answer, Estimate, Parameter
from ._catalogue import Law, laws
from ._fit import Figure, Fit, fit
from ._program import find_program
from ._study import Comparison, Study, compare, run
from .errors import (
    Diagnostic,
    ExpectationError,
    InternalError,
    LawfitError,
    NoAnswerError,
    NotCachedError,
    ProgramNotFoundError,
    SpecError,
    StageError,
    StaleError,
)

__all__ = [
    "Answer",
    "Comparison",
    "Diagnostic",
    "Estimate",
    "ExpectationError",
    "Figure",
    "Fit",
    "InternalError",
    "Law",
    "LawfitError",
    "NoAnswerError",
    "NotCachedError",
    "Parameter",
    "ProgramNotFoundError",
    "SpecError",
    "StageError",
    "StaleError",
    "Study",
    "compare",
    "find_program",
    "fit",
    "laws",
    "run",
]
