"""Fits: created from a frame or read from a study; their queries, figures and specs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from . import _answers, _catalogue, _frames, _origin, _program, _rows, _spec
from ._answers import Answer, Parameter
from ._frames import Frame
from ._origin import Draft, Origin, of_cache
from ._spec import Setting
from .errors import wrong_argument

_MAIN = "main"
GROUP = "group"
"""The setting of a query for the group that answers."""


def fit(
    frame: Frame,
    law: str,
    *,
    interval: float | None = 0.9,
    uncertainty: str | Setting = "auto",
    columns: Mapping[str, str | Setting] | None = None,
    rules: Sequence[str | Setting] = (),
    parameters: Mapping[str, Any] | None = None,
    constants: str | None = None,
    seed: int = 0,
    title: str | None = None,
    missing: str | None = None,
    schedule: Setting | None = None,
    cache: str | Path | None = None,
    objective: str | Setting | None = None,
    solver: str | None = None,
    starts: str | None = None,
    holdout: str | None = None,
    weights: str | None = None,
    noise: str | None = None,
    by: str | None = None,
    share: Sequence[str] = (),
    replicates: Sequence[str] = (),
    clusters: Sequence[str] = (),
    alternatives: Sequence[str] = (),
    backtest: Setting | None = None,
    **variables: str | Setting,
) -> Fit:
    """Fits a law to the rows of a data frame.

    Args:
        frame: A frame of pandas, polars or pyarrow, anything with `__arrow_c_stream__`, or a dict of columns; None
            if `constants` or `parameters` fix every parameter.
        law: A law of the catalogue (`lawfit.laws()`), or a formula: "L = E + A / N^alpha".
        interval: Level of the intervals; None for no intervals.
        uncertainty: The method for intervals: "auto", "bootstrap", "residual", "wild", "sandwich", "posterior" or
            "profile", or a table as in a spec: `{"bootstrap": {"resamples": 4000}}`.
        columns: Like `variables`, for names that clash with other arguments.
        rules: Filter rules: conditions for rows to keep, "D / N >= 0.5", or tables as in a spec.
        parameters: Settings of parameters by name: `{"alpha": {"bounds": [0, 1]}}`, `{"E": {"fixed": 1.7}}`.
        constants: Fix every parameter at published values, by the name of their source.
        seed: Seed of all random numbers.
        title: Title of the report.
        missing: How to treat a row with a missing value: "error" or "drop".
        schedule: The variables that describe a learning-rate schedule.
        cache: The cache directory; by default that of the command line.
        objective: The objective: "huber", "least_squares", ..., or a table `{"huber": {"delta": 1e-2}}`.
        solver: The solver.
        starts: The starting points of the search.
        holdout: Rows that are scored and never fitted: "C > 1e21".
        weights: The weight of each row, as an expression.
        noise: Standard deviation of each row's response, as an expression.
        by: A separate fit for each value of this column.
        share: Parameters that have the same value in all groups.
        replicates: Columns that identify a configuration with several runs.
        clusters: Columns that identify a run with several rows.
        alternatives: Other laws to fit to the same rows.
        backtest: Forecasts of later rows from earlier ones: `{"along": "C"}`.
        variables: The column of each variable: `N="params"`, or a table as in a spec, `D={"expr": "C / (6 * N)",
            "unit": "tokens"}`. By default, the column with the variable's name.

    Returns:
        The fit. Results that exist in the cache, from here or from the command line, are not computed again.

    Raises:
        SpecError: An argument is wrong.
        StageError: The rows cannot be read or fitted.
    """
    settings: dict[str, Any] = {
        "objective": {objective: {}} if isinstance(objective, str) else objective,
        "solver": solver,
        "starts": starts,
        "holdout": holdout,
        "weights": weights,
        "noise": noise,
        "by": by,
        "share": share,
        "replicates": replicates,
        "clusters": clusters,
        "alternatives": alternatives,
        "backtest": backtest,
        # Published constants have no rows to be uncertain about.
        "uncertainty": uncertainty_of(uncertainty, interval) if frame is not None else None,
    }
    draft = draft_of(
        frame,
        {_MAIN: law_of(law, parameters, constants)},
        {_MAIN: {key: value for key, value in settings.items() if value not in (None, (), [], {})}},
        columns=columns or {},
        keywords=variables,
        options=options_of(fit),
        rules=rules,
        seed=seed,
        title=title or f"{law}, fitted from Python",
        more={key: value for key, value in {"missing": missing, "schedule": schedule}.items() if value},
    )
    results, warnings = draft.run(cache)
    return Fit(draft, _MAIN, results["fits"][_MAIN], warnings, cache)


def options_of(function: Callable[..., Any]) -> list[str]:
    """The options of a function: its arguments by keyword."""
    return list(function.__kwdefaults__ or {})


def uncertainty_of(uncertainty: str | Setting, interval: float | None) -> Setting | None:
    """Where intervals come from, as in a spec; none where there are to be none."""
    if interval is None:
        return None
    table = {uncertainty: {}} if isinstance(uncertainty, str) else uncertainty
    return {kind: {"level": interval, **settings} for kind, settings in table.items()}


def law_of(law: str, parameters: Mapping[str, Any] | None = None, constants: str | None = None) -> dict[str, Any]:
    """A law as in a spec."""
    formula = law.replace("~", "=", 1)
    table: dict[str, Any] = {"formula": formula} if "=" in formula else {"use": law}
    if constants is not None:
        table["constants"] = constants
    if parameters:
        table["parameters"] = dict(parameters)
    return table


def draft_of(
    frame: Frame,
    laws: Mapping[str, Setting],
    fits: Mapping[str, Setting],
    *,
    columns: Mapping[str, str | Setting],
    keywords: Mapping[str, str | Setting],
    options: Collection[str],
    rules: Sequence[str | Setting],
    seed: int,
    title: str,
    more: Setting,
) -> Draft:
    """A study of one frame with a fit for each law. `keywords` are `columns` too, if they are no misspelt `options`."""
    spec: dict[str, Any] = {"spec": 1, "study": {"title": title, "seed": int(seed)}}
    table = None
    rows: dict[str, str] = {}
    kind = _frames.kind_of(frame)
    filtered = [{"keep": rule} if isinstance(rule, str) else dict(rule) for rule in rules]
    if frame is not None:
        frame = _frames.owned(frame)
        names = _names_in(laws, fits, filtered, more)
        _spec.check_keywords(keywords, names, _frames.names_of(frame), options)
        found, table = _spec.source(frame, {**columns, **keywords}, names, _groups_alone(laws, fits, filtered, more))
        spec["sources"] = {"runs": {**more, "columns": found}}
        rows = {"rows": "runs"}
        if filtered:
            spec["filters"] = {"kept": {"source": "runs", "rules": filtered}}
            rows = {"rows": "kept"}
    elif keywords:
        _spec.check_keywords(keywords, _names_in(laws, fits, filtered, more), [], options)
    if laws == {_MAIN: {"use": laws.get(_MAIN, {}).get("use")}}:
        names_of_laws = {_MAIN: laws[_MAIN]["use"]}  # a law of the catalogue as it is needs no entry of its own
    else:
        names_of_laws = {name: name for name in laws}
        spec["laws"] = {name: dict(law) for name, law in laws.items()}
    spec["fits"] = {name: {**rows, "law": names_of_laws[name], **settings} for name, settings in fits.items()}
    return Draft(spec, table, kind)


def _names_in(
    laws: Mapping[str, Setting], fits: Mapping[str, Setting], filtered: Sequence[Setting], more: Setting
) -> list[str]:
    """The names in the formulas of laws, in the expressions of fits and filters, and in settings of the source."""
    others = [name for fit in fits.values() for name in fit.get("alternatives", ()) if name not in laws]
    formulas = [law.get("formula") or _catalogue.formula(law["use"]) for law in laws.values()]
    formulas += [_catalogue.formula(name) for name in others]
    settings = [{k: v for k, v in fit.items() if k not in _NOT_EXPRESSIONS} for fit in fits.values()]
    return _spec.names_in(*formulas, *(list(fit.values()) for fit in settings), filtered, list(more.values()))


def _groups_alone(
    laws: Mapping[str, Setting], fits: Mapping[str, Setting], filtered: Sequence[Setting], more: Setting
) -> list[str]:
    """The columns that separate the groups and stand in no expression."""
    without = {name: {k: v for k, v in fit.items() if k != "by"} for name, fit in fits.items()}
    used = _names_in(laws, without, filtered, more)
    return [fit["by"] for fit in fits.values() if "by" in fit and fit["by"] not in used]


_NOT_EXPRESSIONS = ("objective", "uncertainty", "solver", "starts", "share", "alternatives")


@dataclass(frozen=True)
class Figure:
    """A figure in SVG, which notebooks show."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Writes the figure to a file."""
        Path(path).write_text(self.svg, encoding="utf-8")


@dataclass(frozen=True, repr=False)
class Fit:
    """A law with estimated parameters, which answers queries.

    Attributes:
        result: The entry of the fit in `results.json`, in full precision.
        warnings: Warnings in words.
    """

    _origin: Origin
    _name: str
    result: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    _cache: str | Path | None = None

    @property
    def formula(self) -> str:
        """The formula of the law."""
        return str(self.result["formula"])

    @property
    def level(self) -> float | None:
        """The level of the intervals; None without intervals."""
        return self.result.get("level")

    @property
    def objective(self) -> float:
        """The sum that was minimised."""
        return float(self.result["objective"])

    @property
    def holdout(self) -> Mapping[str, Any] | None:
        """The errors on held-out rows; None without a holdout."""
        return self.result.get("holdout")

    @property
    def groups(self) -> Mapping[str, Mapping[str, Parameter]]:
        """The parameters of each group, by the group's value; empty without groups."""
        return {group: _parameters(member) for group, member in (self.result.get("groups") or {}).items()}

    def __getitem__(self, parameter: str) -> Parameter:
        return _parameters(self.result)[parameter]

    @property
    def params(self) -> Frame:
        """The parameters as a frame: value, interval, standard error and status, by group."""
        fields = ("value", "lower", "upper", "se", "factor", "status")
        columns: dict[str, list[Any]] = {name: [] for name in ("parameter", *fields)}
        groups = self.result.get("groups") or {}
        if groups:
            columns = {"group": [], **columns}
        for group, member in groups.items() if groups else [("", self.result)]:
            for name, estimate in member["parameters"].items():
                row = {"group": group, "parameter": name, **estimate}
                for column, values in columns.items():
                    values.append(row.get(column))
        return _frames.frame_like(self._origin.kind, columns)

    @cached_property
    def draws(self) -> Frame:
        """Draws of the free parameters, one column each, with the group of each draw if the fit has groups.

        Raises:
            LookupError: The fit has no intervals, so there are no draws.
        """
        free = self._free()
        artifacts = self._artifacts()
        values = struct.unpack(f"<{len(artifacts['draws']) // 8}d", artifacts["draws"])
        if not values:
            raise LookupError("the fit has no draws: give it an `interval`, and see its `warnings`")
        # After the free parameters each draw has the scatter of a new row that goes with it.
        rows = [values[at : at + len(free)] for at in range(0, len(values), len(free) + 1)]
        stored = json.loads(artifacts["fit"])
        members = stored["groups"] or {"": stored}
        counted = sum(member["draws"] for member in members.values()) == len(rows)
        if not counted or not all(_is_in_order(member, free) for member in members.values()):
            raise RuntimeError("the draws in the cache are written in a way that this package does not know")
        columns: dict[str, list[Any]] = {}
        if stored["groups"]:
            columns["group"] = [name for name, member in members.items() for _ in range(member["draws"])]
        columns.update({name: [row[at] for row in rows] for at, name in enumerate(free)})
        return _frames.frame_like(self._origin.kind, columns)

    def _free(self) -> list[str]:
        """The free parameters in the order of the formula and of the draws."""
        parameters = self._member["parameters"]
        named = [name for name in _spec.names_in(self.formula) if name in parameters]
        return [name for name in named if parameters[name]["status"] not in ("fixed", "tied")]

    @property
    def _member(self) -> Setting:
        """The first group of the fit, or the fit itself without groups: all have the same parameters."""
        return next(iter((self.result.get("groups") or {"": self.result}).values()))

    def _artifacts(self) -> dict[str, bytes]:
        """The cached artifacts of the fit's stage, by role."""
        with self._origin.at() as (path, places), _origin.folder() as folder:
            of_cache_ = of_cache(self._cache)
            plan = folder / "plan.json"
            plan.write_text(_program.call(["plan", "--json", *of_cache_, str(path)], places), encoding="utf-8")
            stage = f"fit.{self._name}"
            line = _program.call(["exec", "--plan", str(plan), "--stage", stage, *of_cache_])
            outputs = json.loads(line)["outputs"]
        return {role: _catalogue.blob(blob, self._cache) for role, blob in outputs.items()}

    def ask(self, kind: str, **settings: Any) -> list[Answer]:
        """Runs any query of a spec: `fit.ask("isoflop", C=1e21)`. Lists are combined element by element.

        Raises:
            SpecError: The law cannot answer this.
        """
        order = self.variables
        questions = self._origin.ask(self._name, kind, settings, self._cache)
        return [answer for question in questions for answer in _answers.answers_of(question, order)]

    def predict(self, frame: Frame = None, **variables: Any) -> Any:
        """The response, with the interval of one new run.

        Args:
            frame: A frame with a column for each variable of the law, or with the columns of the fit; or
            variables: A value, or a list of values, for each variable, by the variable's name or its column's.

        Returns:
            An `Answer` for values, or a list of them if the fit has groups. For a frame or lists, a frame of the
            same kind with the variables, `loss`, `loss_lower`, `loss_upper`, and the distance from the rows. A frame
            of pandas keeps its index. In a row with a missing input they are missing too. More than 4,000 rows are
            split into several queries, each with its own random scatter.

            If the fit has groups and the frame has the column `by` of the fit, each row is predicted by the fit of
            its own group; without this column, each row by every group.

        Raises:
            SpecError: A variable is missing, or there is no such group.
        """
        if frame is None:
            return self._asked("loss", variables, self._origin.kind)
        kind, frame = _frames.kind_of(frame), _frames.owned(frame)
        present = _frames.names_of(frame)
        columns = {v: v if v in present else self._origin.column_of(v) for v in self.variables}
        if self._by is not None:
            columns[GROUP] = self._by if self._by in present else self._origin.column_of(self._by)
        columns = {variable: column for variable, column in columns.items() if column in present}
        values = _frames.columns_of(frame, list(columns.values()))
        asked = {variable: values[column] for variable, column in columns.items()}
        return _frames.with_index_of(frame, self._asked("loss", asked, kind))

    def optimal(self, C: Any, **held: Any) -> Any:
        """The optimal model size and data for a compute budget in FLOP, or for each of several.

        Returns:
            An `Answer` with `N`, `D` and `loss`, or a frame.
        """
        return self._asked("compute_optimal", {"C": C, **held}, self._origin.kind)

    def reach(self, loss: Any, *, solve: str | None = None, **held: Any) -> Any:
        """The value of a variable that reaches a response.

        Args:
            loss: The response, or several.
            solve: The variable. Default: the law's only variable, or compute.
            held: The law's other variables.

        Returns:
            An `Answer` with `solution`, or a frame.
        """
        response = self.formula.partition("=")[0].strip()
        only = self.variables
        target = self._variable_of(solve) if solve else only[0] if len(only) == 1 else "C"
        return self._asked("reach", {response: loss, "solve": target, **held}, self._origin.kind)

    @property
    def variables(self) -> list[str]:
        """The variables of the law in the order of the formula."""
        known = self._member["parameters"]
        return [name for name in _spec.names_in(self.formula.partition("=")[2]) if name not in known]

    @property
    def _by(self) -> str | None:
        """The column that separates the groups; None without groups."""
        by: str | None = self.result.get("by")
        return by

    def _asked(self, kind: str, settings: Mapping[str, Any], frames: str) -> Any:
        """One answer for values, a frame for lists, which are split into as many queries as necessary."""
        settings = self._by_variable(settings)
        lists = {name: list(value) for name, value in settings.items() if _spec.is_list(value)}
        if not lists:
            settings = self._single(settings)
            answers = self.ask(kind, **settings)
            return answers[0] if len(answers) == 1 else answers
        ordered = {name: settings[name] for name in (*self.variables, *settings) if name in settings}
        asked = _rows.Rows(
            lambda part: self.ask(kind, **part), {**ordered, **lists}, list(self.groups), self._origin.most_letters
        )
        outputs = ["solution"] if kind == "reach" else ["loss"]
        if kind == "compute_optimal":
            outputs += [name for name in self.variables if name not in settings]
        columns = asked.columns(outputs)
        return _frames.frame_like(frames, columns, _answers.numbers_in(columns))

    def _single(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a query with one row; its group by the group's name."""
        for name, value in settings.items():
            if _frames.is_missing(value):
                raise wrong_argument("missing-value", f"`{name}` is missing: it is {value}")
        own = {GROUP: _rows.group_of(settings[GROUP], list(self.groups))} if self.groups and GROUP in settings else {}
        return {**settings, **own}

    def _by_variable(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings by the names of variables, where they have the names of columns."""
        given: dict[str, str] = {}
        for name in settings:
            variable = self._variable_of(name)
            if variable in given:
                raise wrong_argument("given-twice", f"`{given[variable]}` and `{name}` are both `{variable}`")
            given[variable] = name
        return {variable: settings[name] for variable, name in given.items()}

    def _variable_of(self, name: str) -> str:
        """The variable with this name or with a column of this name; any other name as it is."""
        columns = {self._origin.column_of(variable): variable for variable in self.variables}
        if self._by is not None:
            columns |= {self._by: GROUP, self._origin.column_of(self._by): GROUP}
        return name if name in self.variables else columns.get(name, name)

    def plot(self, what: str = "fit") -> Figure:
        """A figure of the report: "fit" or "residuals", or another one by its name.

        Of a fit with groups, "fit" is the figure of all groups; each group has its own, such as "fit-main-1".

        Raises:
            SpecError: There is no such figure; the error names those of the report.
        """
        figures = {name[:-4]: text for name, text in self._report().items() if name.endswith(".svg")}
        of_groups = [f"groups-{self._name}"] if what == "fit" else []
        for name in (f"{what}-{self._name}", *of_groups, what):
            if name in figures:
                return Figure(figures[name])
        told = f"there are {', '.join(sorted(figures))}" if figures else "the report has no figures"
        raise wrong_argument("no-figure", f"there is no figure {what!r}", [told])

    def report(self) -> str:
        """The report, a self-contained HTML page."""
        pages = self._report()
        if "report.html" not in pages:
            raise LookupError("the spec has no report in HTML; its `report.formats` say which it has")
        return pages["report.html"]

    def _report(self) -> dict[str, str]:
        with self._origin.at(("html", "markdown")) as (path, places), _origin.folder() as out:
            options = ["--out", str(out), *of_cache(self._cache)]
            _program.call(["run", "--json", *options, str(path)], places)
            folder = out / path.stem
            files = [*folder.iterdir(), *(folder / "figures").glob("*.svg")]
            return {file.name: file.read_text(encoding="utf-8") for file in files if file.is_file()}

    def to_spec(self, path: str | Path, *, queries: Mapping[str, Setting] | None = None) -> Path:
        """Writes the fit as a spec with its table next to it, so that `lawfit run` gives the same numbers.

        Args:
            path: The file of the spec, with the ending .toml; the table has the same name with .csv.
            queries: Queries by name, as in a spec: `{"budget": {"compute_optimal": {"C": 1e24}}}`.

        Returns:
            The spec's path.
        """
        if not isinstance(self._origin, Draft):
            raise ValueError("the fit comes from a spec already")
        path = Path(path)
        if path.suffix != ".toml":
            raise ValueError(f"{path} is to end in .toml")
        asked = {name: {"fit": self._name, **query} for name, query in (queries or {}).items()}
        self._origin.write(path, {"queries": asked} if asked else None)
        return path

    def __repr__(self) -> str:
        member = self.result
        head = f"{self.formula}  ({member['rows']} rows, {member.get('objective_kind')} {self.objective:.6g})"
        lines = [head]
        for group, parameters in (self.groups or {"": _parameters(member)}).items():
            lines += [f"  {group}:"] if group else []
            lines += [f"  {name} = {parameter}" for name, parameter in parameters.items()]
        if self.level is not None:
            lines.append(f"  {self.level:.0%} intervals: {member.get('uncertainty')}")
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return in_frame(self.report())


def in_frame(page: str) -> str:
    """A page of HTML inside another one."""
    import html

    return f'<iframe srcdoc="{html.escape(page)}" style="width: 100%; height: 640px; border: 0"></iframe>'


def _is_in_order(stored: Setting, free: Sequence[str]) -> bool:
    """Whether the stored values of the identified free parameters agree in this order."""
    told = [stored["parameters"][name]["value"] for name in free]
    return len(told) == len(stored["free"]) and all(v in (None, f) for v, f in zip(told, stored["free"], strict=True))


def _parameters(member: Setting) -> dict[str, Parameter]:
    return {name: Parameter(**estimate) for name, estimate in member["parameters"].items()}
