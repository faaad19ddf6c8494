"""The origin of a study, an existing spec or one created in Python, and how each is run and queried."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from . import _messages, _program, _spec
from ._spec import Setting
from .errors import LawfitError, diagnostics, in_words

Cache = str | Path | None
"""A cache directory; None for that of the command line."""
Question = Mapping[str, Any]
"""A query with its answers, in the form of `results.json`."""

_ASKED = "asked"
"""The name of a query made from Python."""
_OF_QUERIES = ("group", "forecast", "ceiling", "subject_to", "machine")
"""The settings of a query, as opposed to those of its question."""


class Origin(Protocol):
    """The origin of a study."""

    @property
    def kind(self) -> str:
        """The library of the returned frames."""

    @property
    def most_letters(self) -> int:
        """Maximum number of characters in the values of one query."""

    def at(self, formats: Sequence[str] = ("json",)) -> AbstractContextManager[tuple[Path, Mapping[int, str] | None]]:
        """A context with the path of the spec and, for specs created in Python, the settings by line."""

    def column_of(self, variable: str) -> str:
        """The column that holds a variable in the variable's own unit; otherwise the variable's name."""

    def ask(self, fit: str, kind: str, settings: Setting, cache: Cache) -> list[Question]:
        """Runs a query on a fit; a matrix may give several results."""


@dataclass(frozen=True)
class SpecFile:
    """An existing spec; its queries use the command line."""

    path: Path
    kind: str = "dict"

    # For each list Linux takes 131,072 letters; for the whole command Windows takes 32,767.
    most_letters = 24_000 if os.name == "nt" else 120_000

    @contextmanager
    def at(self, formats: Sequence[str] = ("json",)) -> Iterator[tuple[Path, None]]:
        """The file itself."""
        yield self.path, None

    def column_of(self, variable: str) -> str:
        """The variable's name; the frames of a spec are unknown."""
        return variable

    def ask(self, fit: str, kind: str, settings: Setting, cache: Cache) -> list[Question]:
        """Runs `lawfit query`, which does not change the study's report and lock file.

        A question that the command line cannot express is asked by another spec, which extends this one.
        """
        if not all(_is_word(value) for value in settings.values()):
            base = {"spec": 1, "extends": str(self.path.resolve())}
            return Draft(base, None, self.kind).ask(fit, kind, settings, cache)
        words = [f"{name}={_word(value)}" for name, value in settings.items()]
        arguments = ["query", "--json", *of_cache(cache), str(self.path), kind, f"fit={fit}", *words]
        return list(json.loads(_program.call(arguments)).values())


@dataclass(frozen=True)
class Draft:
    """A spec created in Python with its table; queries are added to it."""

    spec: Setting
    table: bytes | None
    kind: str

    # A spec has 1 MiB at most.
    most_letters = 900_000

    @contextmanager
    def at(
        self, formats: Sequence[str] = ("json",), queries: Setting | None = None
    ) -> Iterator[tuple[Path, dict[int, str]]]:
        """The spec and its table in a folder that is removed afterwards; errors are told in the words of Python."""
        with folder() as own:
            path = own / "study.toml"
            more = {"queries": queries} if queries else {}
            try:
                yield path, self.write(path, {**more, "report": {"formats": list(formats)}})
            except LawfitError as error:
                raise in_words(error, self._in_python) from None

    def column_of(self, variable: str) -> str:
        """The column's name, if the variable is a plain column."""
        return _messages.column_of(self._columns.get(variable)) or variable

    @property
    def _columns(self) -> Setting:
        columns: Setting = self.spec.get("sources", {}).get("runs", {}).get("columns", {})
        return columns

    def _in_python(self, line: str) -> str:
        """A line of a message in the words of Python, if the study is made of a frame."""
        return line if self.table is None else _messages.in_python(line, self._columns)

    def write(self, path: Path, more: Setting | None = None) -> dict[int, str]:
        """Writes the spec and, next to it, its table; returns the settings by line."""
        spec = dict(self.spec)
        if self.table is not None:
            table = path.with_suffix(".csv")
            table.write_bytes(self.table)
            runs = {"path": table.name, **spec["sources"]["runs"]}
            spec["sources"] = {**spec["sources"], "runs": runs}
        text, places = _spec.to_toml({**spec, **(more or {})})
        path.write_text(text, encoding="utf-8", newline="\n")
        return places

    def run(self, cache: Cache, queries: Setting | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Runs the study; returns its results and the program's warnings."""
        with self.at(queries=queries) as (path, places):
            out = ["--out", str(path.with_name("out"))]
            ended = _program.done(["run", "--json", *out, *of_cache(cache), str(path)], places)
        results = results_in(ended.stdout)
        return results, tuple(map(self._in_python, (*warnings_in(ended.stderr), *notes_in(results))))

    def ask(self, fit: str, kind: str, settings: Setting, cache: Cache) -> list[Question]:
        """Runs the study with the query in it; existing fits come from the cache."""
        beside = {name: settings[name] for name in _OF_QUERIES if name in settings}
        asked = {name: value for name, value in settings.items() if name not in beside}
        results, _ = self.run(cache, {_ASKED: {"fit": fit, **beside, kind: asked}})
        return [results["queries"][_ASKED]]


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder, removed afterwards."""
    # Loaded where it is needed: together with what it loads it is a quarter of the time of an import.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="lawfit-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def results_in(printed: str) -> dict[str, Any]:
    """The results in what `lawfit run --json` prints."""
    results: dict[str, Any] = json.loads(printed)["results"]
    if results.get("format") != 1:
        raise RuntimeError(
            f"the program writes results of format {results.get('format')}, and this package reads format 1: "
            "install the two in one version"
        )
    return results


def warnings_in(stderr: str) -> tuple[str, ...]:
    """The program's warnings about a spec."""
    return tuple(found.message for found in diagnostics(stderr) if found.severity == "warning")


def notes_in(results: Setting) -> tuple[str, ...]:
    """The warnings in the results: of fits, queries and sources."""
    return tuple(note["text"] for note in results.get("notes", ()))


def of_cache(cache: Cache) -> list[str]:
    """The argument for a cache directory."""
    return [] if cache is None else ["--cache", str(cache)]


def _is_word(value: Any) -> bool:
    """Whether a value of a query can be written as a command-line word."""
    if _spec.is_list(value):
        return all(_is_word(entry) for entry in value)
    if isinstance(value, str):
        return bool(value) and not set(value) & set(" \t\n\"'\\,=[]{}")
    return not isinstance(value, Mapping)


def _word(value: Any) -> str:
    """A value of a query as a command-line word."""
    if _spec.is_list(value):
        return ",".join(_word(entry) for entry in value)
    return value if isinstance(value, str) else _spec.number(value)
