"""Studies: specs run as the command line runs them, and laws compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _answers, _frames, _program
from ._answers import Answer
from ._fit import Fit, draft_of, in_frame, law_of, options_of, uncertainty_of
from ._frames import Frame
from ._origin import SpecFile, notes_in, of_cache, results_in, warnings_in
from ._spec import Setting
from .errors import of_exit, wrong_argument


@dataclass(frozen=True, repr=False)
class Study:
    """The results of running a spec.

    Attributes:
        path: The spec.
        results: The content of `results.json`.
        outputs: The written files.
        stages: The outcome of each stage: id, kind, status, seconds.
        warnings: The program's warnings about the spec, and those of its fits, queries and sources.
    """

    path: Path
    results: Mapping[str, Any]
    outputs: tuple[Path, ...]
    stages: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...] = ()
    _cache: str | Path | None = None

    @property
    def fits(self) -> Mapping[str, Fit]:
        """The fits of the study, by name, in the order of the spec."""
        notes: dict[str, tuple[str, ...]] = {}
        for note in self.results.get("notes", ()):
            for of in note["of"]:
                notes[of] = (*notes.get(of, ()), note["text"])
        return {
            name: Fit(SpecFile(self.path), name, fit, notes.get(f"fit {name}", ()), self._cache)
            for name, fit in self.results["fits"].items()
        }

    @property
    def queries(self) -> Mapping[str, list[Answer]]:
        """The answers to the study's queries, by name, in the order of the spec."""
        return {name: _answers.answers_of(query) for name, query in self.results["queries"].items()}

    @property
    def conclusions(self) -> list[str]:
        """The conclusions of the author, with the numbers of the results; empty if the spec has none."""
        return list(self.results.get("statements", ()))

    @property
    def sentences(self) -> list[str]:
        """The answers in words, one sentence each."""
        return list(self.results["conclusions"])

    def frame(self, query: str, kind: str = "dict") -> Frame:
        """The answers to a query as a frame of "pandas", "polars" or "pyarrow", or as a dict of columns."""
        columns = _answers.columns_of(self.queries[query])
        return _frames.frame_like(kind, columns, _answers.numbers_in(columns))

    def __repr__(self) -> str:
        counts = {
            "fit": len(self.results["fits"]),
            "query": len(self.results["queries"]),
            "warning": len(self.warnings),
        }
        return (
            f"{self.path.name}: {self.results['study']['title']} ({', '.join(map(_counted, counts, counts.values()))})"
        )

    def _repr_html_(self) -> str:
        pages = [path for path in self.outputs if path.name == "report.html"]
        if not pages:
            import html

            return "".join(f"<p>{html.escape(said)}</p>" for said in (*self.conclusions, *self.sentences))
        return in_frame(pages[0].read_text(encoding="utf-8"))


def _counted(what: str, count: int) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count} {what if count == 1 else plural}"


def _in_order(results: dict[str, Any]) -> dict[str, Any]:
    """Results with fits and queries in the order of the spec."""
    ordered = {
        section: {name: results[section][name] for name in names if name in results[section]}
        for section, names in results["order"].items()
    }
    return {**results, **ordered}


def run(
    spec: str | Path,
    *,
    cache: str | Path | None = None,
    out: str | Path | None = None,
    mirror: str | Path | None = None,
    offline: bool = False,
    locked: bool = False,
    frozen: bool = False,
) -> Study:
    """Brings the report and the lock file of a spec up to date, as `lawfit run` does.

    Args:
        spec: The spec's file.
        cache: The cache directory; by default that of the command line.
        out: The parent of the report's folder; "outputs" by default.
        mirror: A folder that is searched for pinned files before the web.
        offline: Never open a socket.
        locked: Fail if a number would change, and write nothing.
        frozen: As `locked`, and compute nothing.

    Raises:
        LawfitError: It ended with another exit code than 0; `error.study` has what there is.
    """
    options = [*of_cache(cache)]
    for name, value in (("--out", out), ("--mirror", mirror)):
        options += [] if value is None else [name, str(value)]
    for name, wanted in (("--offline", offline), ("--locked", locked), ("--frozen", frozen)):
        options += [name] if wanted else []
    ended = _program.run(["run", "--json", *options, str(spec)])
    printed = json.loads(ended.stdout) if ended.stdout.strip() else None
    study = None
    if printed is not None and printed["results"]:
        outputs = tuple(Path(path) for path in printed["outputs"])
        results = _in_order(results_in(ended.stdout))
        said = (*warnings_in(ended.stderr), *notes_in(results))
        study = Study(Path(spec), results, outputs, tuple(printed["stages"]), said, cache)
    if ended.exit_code != 0 or study is None:
        raise of_exit(ended.exit_code, ended.stderr, None, study)
    return study


@dataclass(frozen=True)
class Comparison:
    """Several laws fitted to the same rows.

    Attributes:
        fits: The fits by the names of their laws.
        quote: The law to quote; None if the rows do not decide.
        reason: The reason in words.
        choice: The entry of the choice in `results.json`.
    """

    fits: Mapping[str, Fit]
    quote: str | None
    reason: str
    choice: Mapping[str, Any]
    _kind: str

    @property
    def table(self) -> Frame:
        """A row for each law: its criteria, and its errors on hidden and on held-out rows."""
        columns: dict[str, list[Any]] = {}
        for law in self.choice["laws"]:
            row = {key: value for key, value in law.items() if key != "parameters"}
            held = self.fits[law["law"]].holdout or {}
            row |= {f"holdout_{key}": held.get(key) for key in ("rows", "rmse_log", "mean_relative_error", "coverage")}
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        return _frames.frame_like(self._kind, columns)

    def __repr__(self) -> str:
        return self.reason

    def _repr_html_(self) -> str:
        import html

        table = self.table
        shown = table._repr_html_() if hasattr(table, "_repr_html_") else f"<pre>{html.escape(str(table))}</pre>"
        return f"<p>{html.escape(self.reason)}</p>{shown}"


def compare(
    frame: Frame,
    laws: str | Sequence[str] | Mapping[str, str],
    *,
    holdout: str | None = None,
    interval: float | None = 0.9,
    uncertainty: str | Setting = "auto",
    columns: Mapping[str, str | Setting] | None = None,
    rules: Sequence[str | Setting] = (),
    seed: int = 0,
    missing: str | None = None,
    cache: str | Path | None = None,
    objective: str | Setting | None = None,
    **variables: str | Setting,
) -> Comparison:
    """Fits several laws to the same rows and says which one to quote.

    Args:
        frame: As for `lawfit.fit`.
        laws: Two or more laws of the catalogue or formulas; formulas may be named: `{"mine": "L = E + A / C^a"}`.
        holdout: Rows that no law is fitted to and all are scored on: "C > 1e21".
        interval: Level of the intervals.
        uncertainty: As for `lawfit.fit`.
        columns: As for `lawfit.fit`.
        rules: As for `lawfit.fit`.
        seed: Seed of all random numbers.
        missing: As for `lawfit.fit`.
        cache: The cache directory.
        objective: As for `lawfit.fit`.
        variables: Which column each variable is.
    """
    named = dict(laws) if isinstance(laws, Mapping) else _named([laws] if isinstance(laws, str) else laws)
    if len(named) < 2:
        raise wrong_argument(
            "one-law", "give two laws or more to compare; the same law counts once", ["`lawfit.fit` fits one law"]
        )
    settings: dict[str, Any] = {
        "objective": {objective: {}} if isinstance(objective, str) else objective,
        "holdout": holdout,
        "uncertainty": uncertainty_of(uncertainty, interval),
    }
    settings = {key: value for key, value in settings.items() if value is not None}
    first, *others = named
    fits = dict.fromkeys(others, settings)
    draft = draft_of(
        frame,
        {name: law_of(law) for name, law in named.items()},
        {first: {**settings, "alternatives": others}, **fits},
        columns=columns or {},
        keywords=variables,
        options=options_of(compare),
        rules=rules,
        seed=seed,
        title="Laws compared from Python",
        more={"missing": missing} if missing else {},
    )
    results, _ = draft.run(cache)
    found = {name: Fit(draft, name, results["fits"][name], (), cache) for name in named}
    choice = results["fits"][first]["choice"]
    return Comparison(found, choice.get("quote"), choice.get("reason", ""), choice, draft.kind)


def _named(laws: Sequence[str]) -> dict[str, str]:
    """Laws of the catalogue by their own names, formulas by their place."""
    return {law if "=" not in law and "~" not in law else f"law{at}": law for at, law in enumerate(laws, 1)}
