"""Answers of the program as plain objects and as columns of frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import _frames
from ._about import About
from .errors import no_answer


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
            return "no value"
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
        if self.value is None:
            return "not identified"
        said = "" if self.status in ("estimated", "not_identified") else f" ({self.status.replace('_', ' ')})"
        return super().__str__() + said


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer of a fit to one query.

    Attributes:
        inputs: The inputs of the query: `{"N": 7e10, "D": 1.4e12}`.
        outputs: The outputs, the main one first: "loss", or "N", "D" and "loss" for an optimal split. Without an
            answer they have no values.
        verdict: The distance of the answer from the rows, "inside", "near" or "far"; "not_fitted" for published
            constants; or the kind of a refusal: "not_identified", "not_reachable", "not_forecast", "no_answer", or
            "missing" if an input is missing.
        factor: The factor by which it lies outside the rows; 1 inside.
        caveats: Reasons to doubt the answer.
        warnings: Warnings about this answer.
        interval: What the interval includes, in words; None without an interval.
        group: The group of a fit with groups.
        reason: Why there is no answer; None if there is one.
    """

    inputs: Mapping[str, float]
    outputs: Mapping[str, Estimate]
    verdict: str | None = None
    factor: float | None = None
    caveats: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    interval: str | None = None
    group: str | None = None
    reason: str | None = None

    def __getitem__(self, name: str) -> Estimate:
        return self.outputs[name]

    def __getattr__(self, name: str) -> Estimate:
        outputs: Mapping[str, Estimate] = self.__dict__.get("outputs", {})
        if name in outputs:
            return outputs[name]
        why = self.__dict__.get("reason") or f"it has {', '.join(outputs)}"
        raise AttributeError(f"the answer has no {name!r}: {why}")

    @property
    def value(self) -> float:
        """The value of the first output.

        Raises:
            NoAnswerError: There is no answer; the error has the `verdict` and the `reason`.
        """
        value = self._first.value
        if value is None:
            raise no_answer(self.verdict, self.reason, str(self))
        return value

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
        return next(iter(self.outputs.values()), Estimate(None))

    def __float__(self) -> float:
        return float(self._first)

    def __repr__(self) -> str:
        return "\n".join([str(self), *(f"  warning: {warning}" for warning in self.warnings)])

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {_shown(value)}" for name, value in self.inputs.items())
        what = self.reason or ", ".join(f"{name} = {estimate}" for name, estimate in self.outputs.items())
        group = f" ({self.group})" if self.group else ""
        said = [self.verdict or "", *self.caveats]
        return f"at {at}{group}: {what} ({'; '.join(word for word in said if word)})"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)


# The first of each kind's outputs is the answer itself.
_FIRST = ("solution", "N", "D", "loss")
_MAIN_OUTPUT = {"loss": "loss", "compute_optimal": "loss", "reach": "solution"}
"""The output that an answer to each of these kinds has at least."""
_REFUSED = {
    "not_identified": "no answer, because the rows of the fit cannot separate the effects of its variables",
    "not_reachable": "no value reaches this",
    "not_forecast": "the rows do not allow a forecast",
    "no_answer": "the law has no answer here",
}
"""The verdicts without an answer, with a reason where the program gives none."""


def answers_of(question: Mapping[str, Any], order: Sequence[str] = ()) -> list[Answer]:
    """The answers to a query from the program's output, with inputs in a given order as far as it goes."""
    interval = question.get("interval")
    main = _MAIN_OUTPUT.get(question.get("kind", ""))
    answers = [_answer(row, order, interval) for row in question["rows"]]
    return completed(_with_warnings(answers, question.get("warnings", ())), [main] if main else [])


def _answer(row: Mapping[str, Any], order: Sequence[str], interval: str | None) -> Answer:
    reach = row.get("reach") or {}
    verdict = reach.get("verdict")
    outputs = {
        name: Estimate(value.get("value"), value.get("lower"), value.get("upper"))
        for name, value in row.items()
        if isinstance(value, Mapping) and "value" in value
    }
    return Answer(
        inputs={name: row[name] for name in dict.fromkeys([*order, *row]) if isinstance(row.get(name), (int, float))},
        outputs=_main_first(outputs),
        verdict=verdict,
        factor=reach.get("factor"),
        caveats=tuple(row.get("caveats", ())),
        interval=interval,
        group=row.get("group"),
        reason=row.get("note") or _REFUSED.get(verdict or ""),
    )


def _main_first(outputs: Mapping[str, Estimate]) -> dict[str, Estimate]:
    ordered = sorted(outputs, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return {name: outputs[name] for name in ordered}


def missing(inputs: Mapping[str, Any], names: Iterable[str], group: str | None) -> Answer:
    """The answer to a row in which these inputs are missing."""
    reason = f"no answer, because {' and '.join(names)} is missing"
    given = {name: math.nan if _frames.is_missing(value) else value for name, value in inputs.items()}
    return Answer(given, {}, "missing", group=group, reason=reason)


def completed(answers: Sequence[Answer], least: Iterable[str] = ()) -> list[Answer]:
    """The answers, where a refused one has the outputs of the others, without values."""
    refused = [answer for answer in answers if answer.reason is not None]
    if not refused:
        return list(answers)
    told = dict.fromkeys(name for answer in answers if answer.reason is None for name in answer.outputs)
    names = told or dict.fromkeys([*least, *(name for answer in refused for name in answer.outputs)])
    empty = dict.fromkeys(names, Estimate(None))
    return [
        answer if answer.reason is None else replace(answer, outputs=_main_first({**empty, **answer.outputs}))
        for answer in answers
    ]


def _with_warnings(answers: Sequence[Answer], warnings: Sequence[str]) -> list[Answer]:
    """The answers, each with the warnings of its query that are about it."""
    values = [{**answer.inputs, **{name: e.value for name, e in answer.outputs.items()}} for answer in answers]
    about = About(values, [answer.group for answer in answers], [answer.verdict for answer in answers])
    own: list[list[str]] = [[] for _ in answers]
    for warning in warnings:
        for at in about.places(warning):
            own[at].append(warning)
    return [replace(answer, warnings=tuple(said)) for answer, said in zip(answers, own, strict=True)]


_TEXTS = ("group", "verdict", "caveats", "reason")
_AFTER_OUTPUTS = ("verdict", "factor", "caveats", "reason")


def columns_of(answers: Sequence[Answer]) -> dict[str, list[Any]]:
    """Answers as columns of a frame: group, inputs, each output with its interval, and the distance from the rows."""
    columns: dict[str, list[Any]] = {}
    rows = [_flat(answer) for answer in answers]
    names = dict.fromkeys(name for row in rows for name in row if name not in _AFTER_OUTPUTS)
    for name in [*names, *_AFTER_OUTPUTS]:
        columns[name] = [row.get(name) for row in rows]
    return columns


def numbers_in(columns: Iterable[str]) -> list[str]:
    """Those of the columns of answers that hold numbers."""
    return [name for name in columns if name not in _TEXTS]


def _flat(answer: Answer) -> dict[str, Any]:
    row: dict[str, Any] = {} if answer.group is None else {"group": answer.group}
    row.update(answer.inputs)
    for name, estimate in answer.outputs.items():
        row |= {name: estimate.value, f"{name}_lower": estimate.lower, f"{name}_upper": estimate.upper}
    caveats = "; ".join(answer.caveats)
    return row | {"verdict": answer.verdict, "factor": answer.factor, "caveats": caveats, "reason": answer.reason or ""}
