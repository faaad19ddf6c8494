"""Answers of the program as plain objects and as columns of frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A number with its interval. Without an interval it has no limits; if it is not identified it has no value."""

    value: float | None
    lower: float | None = None
    upper: float | None = None

    def __float__(self) -> float:
        return math.nan if self.value is None else self.value

    def __str__(self) -> str:
        if self.value is None:
            return "not identified"
        ends = "" if self.lower is None or self.upper is None else f" [{self.lower:.4g}, {self.upper:.4g}]"
        return f"{self.value:.4g}{ends}"


@dataclass(frozen=True)
class Parameter(Estimate):
    """A parameter of a law.

    Attributes:
        se: Standard error in the parameter's own unit; None if only `factor` describes the uncertainty.
        factor: Standard error as a factor: the value times or divided by this.
        status: "estimated", "at_lower_bound", "at_upper_bound", "not_identified", "fixed" or "tied".
    """

    se: float | None = None
    factor: float | None = None
    status: str = "estimated"

    def __str__(self) -> str:
        said = "" if self.status in ("estimated", "not_identified") else f" ({self.status.replace('_', ' ')})"
        return super().__str__() + said


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer of a fit to one query.

    Attributes:
        inputs: The inputs of the query: `{"N": 7e10, "D": 1.4e12}`.
        outputs: The outputs, the main one first: "loss", or "N", "D" and "loss" for an optimal split.
        verdict: The distance of the answer from the rows: "inside", "near", "far", or the reason for no answer.
        factor: The factor by which it lies outside the rows; 1 inside.
        caveats: Reasons to doubt the answer.
        warnings: Warnings about the whole query.
        interval: What the interval includes, in words; None without an interval.
        group: The group of a fit with groups.
    """

    inputs: Mapping[str, float]
    outputs: Mapping[str, Estimate]
    verdict: str | None = None
    factor: float | None = None
    caveats: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    interval: str | None = None
    group: str | None = None

    def __getitem__(self, name: str) -> Estimate:
        return self.outputs[name]

    def __getattr__(self, name: str) -> Estimate:
        outputs: Mapping[str, Estimate] = self.__dict__.get("outputs", {})
        if name in outputs:
            return outputs[name]
        raise AttributeError(f"the answer has no {name!r}; it has {', '.join(outputs)}")

    @property
    def value(self) -> float | None:
        """The value of the first output."""
        return self._first.value

    @property
    def lower(self) -> float | None:
        """The lower limit of the first output's interval."""
        return self._first.lower

    @property
    def upper(self) -> float | None:
        """The upper limit of the first output's interval."""
        return self._first.upper

    @property
    def _first(self) -> Estimate:
        return next(iter(self.outputs.values()))

    def __float__(self) -> float:
        return float(self._first)

    def __repr__(self) -> str:
        return "\n".join([str(self), *(f"  warning: {warning}" for warning in self.warnings)])

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {value:.4g}" for name, value in self.inputs.items())
        what = ", ".join(f"{name} = {estimate}" for name, estimate in self.outputs.items())
        group = f" ({self.group})" if self.group else ""
        said = [self.verdict or "", *self.caveats]
        return f"at {at}{group}: {what} ({'; '.join(word for word in said if word)})"


# The first of each kind's outputs is the answer itself.
_FIRST = ("solution", "N", "D", "loss")


def answers_of(question: Mapping[str, Any], order: Sequence[str] = ()) -> list[Answer]:
    """The answers to a query from the program's output, with inputs in a given order as far as it goes."""
    warnings = tuple(question.get("warnings", ()))
    return [_answer(row, order, warnings, question.get("interval")) for row in question["rows"]]


def _answer(row: Mapping[str, Any], order: Sequence[str], warnings: tuple[str, ...], interval: str | None) -> Answer:
    reach = row.get("reach") or {}
    outputs = {
        name: Estimate(value.get("value"), value.get("lower"), value.get("upper"))
        for name, value in row.items()
        if isinstance(value, Mapping) and "value" in value
    }
    ordered = sorted(outputs, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return Answer(
        inputs={name: row[name] for name in dict.fromkeys([*order, *row]) if isinstance(row.get(name), (int, float))},
        outputs={name: outputs[name] for name in ordered},
        verdict=reach.get("verdict"),
        factor=reach.get("factor"),
        caveats=tuple(row.get("caveats", ())),
        warnings=warnings,
        interval=interval,
        group=row.get("group"),
    )


def columns_of(answers: Sequence[Answer]) -> dict[str, list[Any]]:
    """Answers as columns of a frame: group, inputs, each output with its interval, and the distance from the rows."""
    columns: dict[str, list[Any]] = {}
    rows = [_flat(answer) for answer in answers]
    for name in dict.fromkeys(name for row in rows for name in row):
        columns[name] = [row.get(name) for row in rows]
    return columns


def _flat(answer: Answer) -> dict[str, Any]:
    row: dict[str, Any] = {} if answer.group is None else {"group": answer.group}
    row.update(answer.inputs)
    for name, estimate in answer.outputs.items():
        row |= {name: estimate.value, f"{name}_lower": estimate.lower, f"{name}_upper": estimate.upper}
    return row | {"verdict": answer.verdict, "factor": answer.factor, "caveats": "; ".join(answer.caveats)}
