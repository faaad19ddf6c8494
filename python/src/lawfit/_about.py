"""The answers of a query that a warning is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

Values = Mapping[str, float | None]
"""The variables and outputs of an answer by name; None for an output without a value."""

_MENTION = re.compile(r"([A-Za-z_]\w*) = (-?\d[\d.]*(?:e[-+]?\d+)?)")
_ROWS = re.compile(r"(?:At|The answer at) (.+?)(?:: | lies on )")
_OUTPUT = re.compile(r"`([A-Za-z_]\w*)`")
_NOT_IDENTIFIED = "The rows of the fit cannot separate"


class About:
    """Finds the answers that a warning is about.

    A warning names the group, the values of variables, or the outputs: "a: Where the law does not hold: N = 7.000e10 is
    outside ...", "At N = 1e9, D = 2e10; N = 1e10, D = 2e11: ...", "`parabola_N` is ...". Without these it is about all.
    """

    def __init__(self, values: Sequence[Values], groups: Sequence[str | None], verdicts: Sequence[str | None]) -> None:
        """Takes the values, the group and the verdict of each answer."""
        self._values = values
        self._groups = groups
        self._verdicts = verdicts

    def places(self, warning: str) -> Collection[int]:
        """The places of the answers."""
        group = next((group for group in self._members if warning.startswith(f"{group}: ")), None)
        members = self._members[group]
        warning = warning.removeprefix(f"{group}: ")
        if warning.startswith(_NOT_IDENTIFIED):
            found = {at for at in members if self._verdicts[at] == "not_identified"}
        else:
            found = (self._at_values(warning) & members) or (self._with_outputs(warning) & members)
        return sorted(found or members)

    def _at_values(self, warning: str) -> set[int]:
        """The answers at values that a warning names, or else those that do not give these outputs."""
        rows = _ROWS.match(warning)
        clauses = [_MENTION.findall(clause) for clause in (rows[1] if rows else warning).split("; ")]
        known = [[(name, float(number)) for name, number in clause] for clause in clauses if clause]
        at_values = [[self._by_value.get(mention, set()) for mention in clause] for clause in known]
        without = [[self._without_value.get(name, set()) for name, _ in clause] for clause in known]
        return _any_of_all(at_values) or _any_of_all(without)

    def _with_outputs(self, warning: str) -> set[int]:
        names = set(_OUTPUT.findall(warning))
        return {at for at, values in enumerate(self._values) if names & set(values)} if names else set()

    @cached_property
    def _members(self) -> dict[str | None, set[int]]:
        """The answers by group; all of them by None."""
        members: dict[str | None, set[int]] = {group: set() for group in self._groups if group is not None}
        for at, group in enumerate(self._groups):
            if group is not None:
                members[group].add(at)
        return {**members, None: set(range(len(self._values)))}

    @cached_property
    def _by_value(self) -> dict[tuple[str, float], set[int]]:
        """The answers by the value of a variable: the exact one, and that with the four digits of a message."""
        found: dict[tuple[str, float], set[int]] = {}
        for at, values in enumerate(self._values):
            for name, value in values.items():
                for number in () if value is None else (value, float(f"{value:.3e}")):
                    found.setdefault((name, number), set()).add(at)
        return found

    @cached_property
    def _without_value(self) -> dict[str, set[int]]:
        """The answers by the outputs that they do not give."""
        found: dict[str, set[int]] = {}
        for at, values in enumerate(self._values):
            for name, value in values.items():
                if value is None:
                    found.setdefault(name, set()).add(at)
        return found


def _any_of_all(clauses: Sequence[Sequence[set[int]]]) -> set[int]:
    """The places in every set of at least one clause."""
    found: set[int] = set()
    return found.union(*(set.intersection(*clause) for clause in clauses))
