"""Queries with many rows: split into groups and parts, and put together again in the order of the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import _answers, _frames, _spec
from ._answers import Answer
from .errors import LawfitError, SpecError, in_words, wrong_argument

_MOST_ROWS = 4_000
"""Rows per query: the program accepts 5,000,000 rows times draws, and a fit usually has 1,000 draws."""

_GROUP = "group"
_MISSING = object()
"""The batch of rows with a missing input."""
_REFUSED = re.compile(r"`([^`]*)` is (?:not a number|not a quantity|(\S+);)")


@dataclass(frozen=True)
class Rows:
    """A query with lists.

    Attributes:
        ask: Asks for some of the rows. The answers come group by group.
        settings: The settings of the query; lists have a value for each row, or one for all.
        groups: The groups of the fit.
        most_letters: The number of characters that the lists of one query may have.
    """

    ask: Callable[[Mapping[str, Any]], list[Answer]]
    settings: Mapping[str, Any]
    groups: Sequence[str]
    most_letters: int

    def columns(self, outputs: Sequence[str]) -> dict[str, list[Any]]:
        """The answers as columns of a frame, which has at least these outputs."""
        answers = _answers.completed(self._answers(), outputs)
        if answers:
            return _answers.columns_of(answers)
        empty = _answers.missing(dict.fromkeys(self._inputs), (), "" if self.groups else None)
        return {name: [] for name in _answers.columns_of(_answers.completed([empty], outputs))}

    @cached_property
    def _lists(self) -> dict[str, list[Any]]:
        """The lists, each with a value for each row."""
        lists = {name: value for name, value in self.settings.items() if _spec.is_list(value)}
        count = max(map(len, lists.values()))
        return {name: value * count if len(value) == 1 else value for name, value in lists.items()}

    @property
    def _inputs(self) -> list[str]:
        """The settings that are inputs of an answer."""
        return [
            name for name, value in self.settings.items() if name != _GROUP and not isinstance(value, (str, Mapping))
        ]

    def _answers(self) -> list[Answer]:
        """The answers, in the order of the rows, and of groups before that where each group answers every row."""
        lengths = {len(values) for values in self._lists.values()}
        if len(lengths) > 1:
            return self.ask(self.settings)  # the program refuses this and says why
        found: dict[int, list[Answer]] = {}
        for group, rows in self._batches(lengths.pop()).items():
            found |= {row: self._without_input(row) for row in rows} if group is _MISSING else self._found(group, rows)
        members = max(map(len, found.values()), default=0)
        return [found[row][member] for member in range(members) for row in sorted(found)]

    def _batches(self, count: int) -> dict[Any, list[int]]:
        """The rows by the group that is to answer them, None for that of the settings; or with a missing input."""
        batches: dict[Any, list[int]] = {}
        for row in range(count):
            batches.setdefault(self._batch(row), []).append(row)
        return batches

    def _batch(self, row: int) -> Any:
        if any(_frames.is_missing(values[row]) for values in self._lists.values()):
            return _MISSING
        return group_of(self._lists[_GROUP][row], self.groups, row) if _GROUP in self._lists else None

    def _without_input(self, row: int) -> list[Answer]:
        """The answers to a row with a missing input."""
        inputs = {n: self._lists[n][row] if n in self._lists else self.settings[n] for n in self._inputs}
        own = self._lists[_GROUP][row] if _GROUP in self._lists else self.settings.get(_GROUP)
        members = [own] if _GROUP in self.settings or not self.groups else self.groups
        names = [
            "the group" if name == _GROUP else name
            for name in self._lists
            if _frames.is_missing(self._lists[name][row])
        ]
        return [_answers.missing(inputs, names, member) for member in members]

    def _found(self, group: str | None, rows: Sequence[int]) -> dict[int, list[Answer]]:
        """The answers to rows of one group, in as many queries as necessary."""
        lists = {name: [values[row] for row in rows] for name, values in self._lists.items() if name != _GROUP}
        settings = self.settings if group is None else {**self.settings, _GROUP: group}
        if not lists:
            return dict.fromkeys(rows, self.ask(settings))
        longest = max((len(str(value)) + 2 for values in lists.values() for value in values), default=1)
        step = max(1, min(_MOST_ROWS, self.most_letters // (longest * len(lists))))
        found: dict[int, list[Answer]] = {}
        for at in range(0, len(rows), step):
            part = {name: values[at : at + step] for name, values in lists.items()}
            found |= self._part(settings, part, rows[at : at + step])
        return found

    def _part(
        self, settings: Mapping[str, Any], lists: Mapping[str, list[Any]], rows: Sequence[int]
    ) -> dict[int, list[Answer]]:
        """The answers to some rows, which are halved if they are too many for the fit's draws."""
        try:
            return _by_row(self.ask({**settings, **lists}), rows)
        except SpecError as error:
            if error.code != "too-large" or len(rows) < 2:
                raise _with_row(error, lists, rows) from None
        half = len(rows) // 2
        found: dict[int, list[Answer]] = {}
        for part in (slice(0, half), slice(half, None)):
            found |= self._part(settings, {name: values[part] for name, values in lists.items()}, rows[part])
        return found


def _by_row(answers: Sequence[Answer], rows: Sequence[int]) -> dict[int, list[Answer]]:
    """The answers by row. They come group by group, each in the order of the rows."""
    if len(answers) % len(rows):
        raise RuntimeError(f"the program gave {len(answers)} answers to {len(rows)} rows")
    return {row: list(answers[at :: len(rows)]) for at, row in enumerate(rows)}


def _with_row(error: SpecError, lists: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> LawfitError:
    """The error with the row of the value that it refuses, if it is about one."""
    refused = _REFUSED.match(error.diagnostics[0].message)
    place = _place_of(refused, lists) if refused else None
    if refused is None or place is None:
        return error
    said, row = refused[0], rows[place]
    return in_words(error, lambda line: f"{line} (row {row})" if said in line else line)


def _place_of(refused: re.Match[str], lists: Mapping[str, Sequence[Any]]) -> int | None:
    """The place of a refused value: "`N` is -1; ..." or "`x` is not a number"."""
    told = refused[2] or refused[1]
    number = _number(told)
    for name, values in lists.items():
        if refused[2] is None or refused[1] == name:
            for place, value in enumerate(values):
                if told == str(value) or (number is not None and number == _number(value)):
                    return place
    return None


def group_of(value: Any, groups: Sequence[str], row: int | None = None) -> str:
    """The name of the group that a value of the group's column means.

    Raises:
        SpecError: The fit has no such group.
    """
    text = str(value).strip()
    number = _number(value)
    found = [group for group in groups if group == text] or [
        group for group in groups if number is not None and _number(group) == number
    ]
    if found:
        return found[0]
    where = "" if row is None else f", which row {row} of the frame names"
    told = ", ".join(f"`{group}`" for group in groups)
    raise wrong_argument("no-group", f"the fit has no group `{text}`{where}", [f"its groups are {told}"])


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
