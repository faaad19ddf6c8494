"""Specs created in Python, written as TOML with one line per setting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import _frames
from .errors import SpecError, wrong_argument

Setting = Mapping[str, Any]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_NAME = re.compile(r"(?<![A-Za-z0-9_.])[A-Za-z_][A-Za-z0-9_]*")
_OWN_SECTIONS = ("columns", "parameters")


def to_toml(spec: Setting) -> tuple[str, dict[int, str]]:
    """A spec as TOML, and the settings by line."""
    lines: list[str] = []
    places: dict[int, str] = {}

    def put(line: str, place: str) -> None:
        lines.append(line)
        places[len(lines)] = place

    def section(path: tuple[str, ...], table: Setting) -> None:
        own = {k: v for k, v in table.items() if not _has_section((*path, k), v)}
        if own and path:
            if lines:
                lines.append("")
            put(f"[{'.'.join(map(_key, path))}]", ".".join(path))
        for key, value in own.items():
            put(f"{_key(key)} = {_value(value)}", ".".join((*path, key)))
        for key, value in table.items():
            if key not in own:
                section((*path, key), value)

    section((), spec)
    return "\n".join(lines) + "\n", places


def _has_section(path: tuple[str, ...], value: Any) -> bool:
    return isinstance(value, Mapping) and (len(path) <= 2 or path[-1] in _OWN_SECTIONS)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which TOML does not take as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        entries = ", ".join(f"{_key(str(key))} = {_value(entry)}" for key, entry in value.items())
        return f"{{ {entries} }}" if entries else "{}"
    if isinstance(value, Iterable):
        return f"[{', '.join(_value(entry) for entry in value)}]"
    return number(value)


def is_list(value: Any) -> bool:
    """Whether a setting is a list of values."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def number(value: Any) -> str:
    """A number, exactly; numpy numbers are accepted."""
    try:
        return str(value.__index__())
    except (AttributeError, TypeError):
        return repr(float(value))


def names_in(*expressions: Any) -> list[str]:
    """The names in expressions, at any depth of lists and tables, except those of functions."""
    found: dict[str, None] = {}
    for expression in expressions:
        if isinstance(expression, str):
            text = re.sub(r"'[^']*'", " ", expression)
            for match in _NAME.finditer(text):
                if not text[match.end() :].lstrip().startswith("("):
                    found[match[0]] = None
        elif isinstance(expression, Mapping):
            found.update(dict.fromkeys(names_in(*expression, *expression.values())))
        elif isinstance(expression, Iterable):
            found.update(dict.fromkeys(names_in(*expression)))
    return list(found)


def source(
    frame: _frames.Frame,
    variables: Mapping[str, str | Setting],
    names: Iterable[str],
    groups: Iterable[str] = (),
) -> tuple[dict[str, Any], bytes]:
    """The columns of a source, and its table.

    `variables` says where variables come from: a column's name, or a table as in a spec. Of the other `names` those
    that are columns of the frame are taken from there, and C, where it is none, is 6 N D. True and false are texts in
    the columns of `groups` and numbers in others.
    """
    present = _frames.names_of(frame)
    columns: dict[str, Any] = {
        name: dict(given) if isinstance(given, Mapping) else str(given) for name, given in variables.items()
    }
    wanted = [*names, *names_in(*(c.get("expr") for c in columns.values() if isinstance(c, dict) and "expr" in c))]
    if "C" in wanted and "C" not in (*columns, *present):
        columns["C"] = {"expr": "6 * N * D", "unit": "FLOP"}
        wanted += ["N", "D"]
    columns.update({name: name for name in wanted if name in present and name not in columns})
    used = [c if isinstance(c, str) else c.get("column") for c in columns.values()]
    for column in used:
        if column is not None and column not in present:
            raise _no_column(column, present)
    table = _frames.columns_of(frame, [c for c in dict.fromkeys(used) if c is not None])
    for name in groups:
        column = columns.get(name)
        if isinstance(column, str) and _frames.is_flags(table[column]):
            table[column] = [None if _frames.is_missing(value) else str(bool(value)) for value in table[column]]
    for name, column in columns.items():
        if isinstance(column, str) and _frames.is_text(table[column]):
            columns[name] = {"column": column, "type": "text"}
    return columns, _frames.csv_of(table)


def check_keywords(
    keywords: Mapping[str, Any], names: Iterable[str], present: Iterable[str], options: Iterable[str]
) -> None:
    """Refuses a keyword that is neither an option nor a variable: a name that is used, or that has a column.

    Raises:
        SpecError: There is such a keyword; the nearest option is suggested.
    """
    names, columns = set(names), set(present)
    for name, given in keywords.items():
        is_column = bool({"column", "expr"} & set(given)) if isinstance(given, Mapping) else str(given) in columns
        if name not in names and not is_column:
            raise _no_option(name, None if isinstance(given, Mapping) or not columns else given, list(options))


def _no_option(name: str, given: Any, options: Sequence[str]) -> SpecError:
    import difflib

    near = difflib.get_close_matches(name, options, 1, 0.7)
    hints = [f"did you mean `{near[0]}`?"] if near else [f"the options are {', '.join(f'`{o}`' for o in options)}"]
    said = "" if given is None else f", and the frame has no column `{given}`"
    return wrong_argument("unknown-option", f"`{name}` is neither an option nor a variable of the law{said}", hints)


def _no_column(column: str, present: Sequence[str]) -> SpecError:
    import difflib

    near = difflib.get_close_matches(column, present, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"there is {', '.join(f'`{name}`' for name in present[:30])}"
    return wrong_argument("no-column", f"the frame has no column `{column}`", [hint])
