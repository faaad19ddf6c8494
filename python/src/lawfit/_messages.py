"""Messages of the program about a study made in Python, in the words of its frame and arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TABLE = "study.csv"
"""The file with the rows of the frame."""
_LONGEST = 300

_NAMED = rf"{re.escape(TABLE)} row"
_ROWS = re.compile(rf"{_NAMED} \d+(?:, (?:{_NAMED} )?\d+)*(?: and (?P<more>\d+) more)?")
_SUBJECT = re.compile(r"([A-Za-z_]\w*) is ")
_SETTING = re.compile(r'`([A-Za-z_]\w*) = (["{\[][^`]*)`')
_ENTRY = re.compile(r'([{,] *)([A-Za-z_][\w-]*|"[^"]*") = ')
_PHRASES = (
    (re.compile(r",? or `derive=[^`]*` in a table"), ""),
    (re.compile(r"write (`[^`]*`) in the source"), r"pass \1"),
    (re.compile(r"` in the source\b"), "`"),
    (re.compile(r"in the source or in a `derive` step"), "in the data frame"),
    (re.compile(r"mend the file\b"), "mend the data frame"),
    (re.compile(r"a rule of the filter\b"), "a rule in `rules`"),
    (re.compile(r"the source's columns"), "`columns`"),
)


def in_python(line: str, columns: Mapping[str, Any]) -> str:
    """A line of a message in the words of Python. `columns` are those of the spec's source."""
    rows = _ROWS.search(line)
    if rows:
        subject = _SUBJECT.search(line[: rows.start()])
        column = column_of(columns.get(subject[1])) if subject else None
        said = _rows_of_frame(rows) + (f", column `{column}`" if column else "")
        line = line[: rows.start()] + said + line[rows.end() :]
    line = _SETTING.sub(lambda setting: f"`{setting[1]}={_python_value(setting[2])}`", line)
    for phrase, own in _PHRASES:
        line = phrase.sub(own, line)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def column_of(column: Any) -> str | None:
    """The column of a frame that a column of a source is as it is; None if it is converted or computed."""
    if isinstance(column, Mapping):
        column = column.get("column") if set(column) <= {"column", "type"} else None
    return None if column is None else str(column)


def _rows_of_frame(rows: re.Match[str]) -> str:
    """The rows as positions in the frame, as `frame.iloc` counts them."""
    named = rows[0].partition(" and ")[0]
    positions = [str(int(number) - 1) for number in re.findall(r"\d+", named)]
    more = f" and {rows['more']} more" if rows["more"] else ""
    many = "s" if len(positions) > 1 or more else ""
    return f"row{many} {', '.join(positions)}{more} of the data frame (the first is row 0)"


def _python_value(value: str) -> str:
    """An inline value of TOML as Python writes it."""
    value = _ENTRY.sub(lambda entry: f"{entry[1]}{_quoted(entry[2])}: ", value)
    value = value.replace("{ ", "{").replace(" }", "}")
    return re.sub(r"\b(true|false)\b", lambda word: word[0].capitalize(), value)


def _quoted(key: str) -> str:
    return key if key.startswith('"') else f'"{key}"'
