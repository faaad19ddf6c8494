"""Exceptions: what is wrong, where, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning of the program.

    Attributes:
        severity: "error" or "warning".
        code: A stable name in kebab case such as "unknown-variable"; none where the program gives none.
        message: What was wrong, in one line.
        place: Where: a setting such as "fits.main.holdout" for a study made in Python, "study.toml:19:7" for a
            file; none where nothing in particular is at fault.
        hints: What to do, one line each.
        text: All of it with the lines of the spec, as the program draws it.
    """

    severity: str
    code: str | None
    message: str
    place: str | None = None
    hints: tuple[str, ...] = ()
    text: str = ""


class LawfitError(Exception):
    """The program ended with an error; its subclasses follow the program's exit codes.

    Attributes:
        diagnostics: Everything that the program found, errors first.
        exit_code: The program's exit code; none where it did not run.
        study: What there is of the study where some of it failed, else none.
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...], exit_code: int | None = None, study: Any = None) -> None:
        super().__init__(diagnostics, exit_code, study)
        self.diagnostics = diagnostics
        self.exit_code = exit_code
        self.study = study

    def __str__(self) -> str:
        texts = [diagnostic.text or diagnostic.message for diagnostic in self.diagnostics]
        return "\n\n".join(texts) or f"lawfit ended with exit code {self.exit_code}"

    @property
    def code(self) -> str | None:
        """The code of the first error."""
        return self.diagnostics[0].code if self.diagnostics else None

    @property
    def place(self) -> str | None:
        """The place of the first error."""
        return self.diagnostics[0].place if self.diagnostics else None

    @property
    def hint(self) -> str | None:
        """The hints for the first error, one per line."""
        return "\n".join(self.diagnostics[0].hints) or None if self.diagnostics else None


class InternalError(LawfitError):
    """Reading or writing failed, or the program has a defect (exit code 1)."""


class SpecError(LawfitError, ValueError):
    """Arguments or the spec are wrong; nothing was run (exit code 2)."""


class StaleError(LawfitError):
    """A lock file would change (exit code 3)."""


class NotCachedError(LawfitError):
    """A result is not in the cache, and nothing may be computed (exit code 4)."""


class StageError(LawfitError, ValueError):
    """A stage failed: the data or the fit are at fault (exit code 5)."""


class ExpectationError(LawfitError, AssertionError):
    """An expectation of the spec does not hold (exit code 6)."""


class NoAnswerError(LawfitError, ValueError):
    """A query has no answer.

    Attributes:
        verdict: The kind of the refusal, as in `Answer.verdict`.
        reason: The reason in words.
    """

    verdict: str | None = None
    reason: str | None = None


class ProgramNotFoundError(LawfitError):
    """The `lawfit` program is not installed."""


_OF_EXIT = {2: SpecError, 3: StaleError, 4: NotCachedError, 5: StageError, 6: ExpectationError}
_CODE_OF_EXIT = {6: "expectation-failed"}
"""The code of errors to which the program gives none."""
_TITLE = re.compile(r"^(error|warning)(?:\[([a-z0-9-]+)\])?: (.*)$")
_ARROW = re.compile(r"^(\s*--> )(.*?)(?::(\d+):(\d+))?$")
_HELP = re.compile(r"^\s*= help: (.*)$")


def of_exit(exit_code: int, stderr: str, places: Mapping[int, str] | None, study: Any = None) -> LawfitError:
    """The exception for an exit code and the program's stderr.

    `places` are the settings of a study made in Python, by the line of its spec.
    """
    found = diagnostics(stderr, places)
    errors = [diagnostic for diagnostic in found if diagnostic.severity == "error"]
    others = [diagnostic for diagnostic in found if diagnostic.severity != "error"]
    if not errors and stderr.strip():
        errors = [Diagnostic("error", None, stderr.strip())]
    if exit_code in _CODE_OF_EXIT:
        errors = [replace(error, code=error.code or _CODE_OF_EXIT[exit_code]) for error in errors]
    return _OF_EXIT.get(exit_code, InternalError)((*errors, *others), exit_code, study)


def no_answer(verdict: str | None, reason: str | None, text: str) -> NoAnswerError:
    """The exception for the value of an answer that is refused."""
    message = reason or "there is no answer"
    error = NoAnswerError((Diagnostic("error", "no-answer", message, None, (), f"error[no-answer]: {text}"),))
    error.verdict, error.reason = verdict, reason
    return error


def wrong_argument(code: str, message: str, hints: Sequence[str] = (), place: str | None = None) -> SpecError:
    """The exception for an argument that this package refuses."""
    text = "\n".join([f"error[{code}]: {message}", *(f"   = help: {hint}" for hint in hints)])
    return SpecError((Diagnostic("error", code, message, place, tuple(hints), text),))


def in_words(error: LawfitError, words: Callable[[str], str]) -> LawfitError:
    """The same exception with its messages in other words."""
    said = tuple(
        replace(
            d,
            message=words(d.message),
            hints=tuple(map(words, d.hints)),
            text="\n".join(map(words, d.text.split("\n"))),
        )
        for d in error.diagnostics
    )
    return type(error)(said, error.exit_code, error.study)


def diagnostics(stderr: str, places: Mapping[int, str] | None = None) -> list[Diagnostic]:
    """The errors and warnings in the program's stderr."""
    blocks: list[list[str]] = []
    open_block = False
    for line in stderr.splitlines():
        if _TITLE.match(line):
            blocks.append([line])
            open_block = True
        elif not line.strip():
            open_block = False
        elif open_block:
            blocks[-1].append(line)
    return [_diagnostic(block, places) for block in blocks]


def _diagnostic(lines: list[str], places: Mapping[int, str] | None) -> Diagnostic:
    title = _TITLE.match(lines[0])
    assert title is not None  # every block begins with one
    severity, code, message = title.groups()
    place: str | None = None
    hints: list[str] = []
    text = [lines[0]]
    for line in lines[1:]:
        if place is None and (arrow := _ARROW.match(line)):
            head, file, row, column = arrow.groups()
            if places is not None:
                place = places.get(int(row)) if row else None
                text.extend([f"{head}{place}"] if place else [])
                continue
            place = f"{Path(file)}:{row}:{column}" if row else str(Path(file))
        elif help_line := _HELP.match(line):
            hints.append(help_line[1])
        text.append(line)
    return Diagnostic(severity, code, message, place, tuple(hints), "\n".join(text))
