"""Data frames: columns are read from frames of any library and returned as frames of the same library."""

from __future__ import annotations

import importlib.util
import io
import math
import numbers
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from .errors import wrong_argument

Frame: TypeAlias = Any
"""A frame of pandas, polars or pyarrow, anything with `__arrow_c_stream__`, or a mapping from names to columns."""

_OWN = ("pandas", "polars", "pyarrow")


def kind_of(frame: Frame) -> str:
    """The library that makes frames like this one: "pandas", "polars", "pyarrow" or "dict"."""
    library = type(frame).__module__.partition(".")[0]
    if library in _OWN:
        return library
    if isinstance(frame, Mapping) or frame is None:
        return "dict"
    return _importer() or "dict"


def names_of(frame: Frame) -> list[str]:
    """The names of a frame's columns."""
    return list(_labels(owned(frame)))


def columns_of(frame: Frame, names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of a frame as lists of Python values; nothing is rounded."""
    own = owned(frame)
    labels = _labels(own)
    twice = [name for name in names if len(labels[name]) > 1]
    if twice:
        raise wrong_argument(
            "duplicate-column",
            f"the frame has {len(labels[twice[0]])} columns with the name `{twice[0]}`",
            ["rename or drop the other one"],
        )
    columns = {name: _values(own[labels[name][0]]) for name in names}
    if len({len(values) for values in columns.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(values)}" for name, values in columns.items())
        raise ValueError(f"the columns differ in length: {lengths}")
    return columns


def csv_of(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns as CSV: equal values give equal bytes, and every number is read back exactly."""
    import csv

    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*([_cell(value) for value in values] for values in columns.values()), strict=True))
    return buffer.getvalue().encode()


def frame_like(kind: str, columns: Mapping[str, Sequence[Any]], numbers: Collection[str] = ()) -> Frame:
    """Columns as a frame of a library, which must be installed, or as a dict of lists.

    Columns without any value are columns of numbers, if they are among `numbers`, or else of text.
    """
    lists = {name: list(values) for name, values in columns.items()}
    empty = [name for name, values in lists.items() if numbers and all(value is None for value in values)]
    if kind == "pandas":
        import pandas

        return pandas.DataFrame(lists).astype({name: "float64" if name in numbers else "object" for name in empty})
    if kind == "polars":
        import polars

        types = {name: polars.Float64 if name in numbers else polars.Utf8 for name in empty}
        typed = {name: polars.Series(name, lists[name], dtype=dtype) for name, dtype in types.items()}
        return polars.DataFrame({**lists, **typed})
    if kind == "pyarrow":
        import pyarrow

        types = {name: pyarrow.float64() if name in numbers else pyarrow.string() for name in empty}
        return pyarrow.table({name: pyarrow.array(values, types.get(name)) for name, values in lists.items()})
    return lists


def with_index_of(frame: Frame, answered: Any) -> Any:
    """Answers with the index of the frame whose rows they answer, so that pandas aligns the two."""
    if kind_of(frame) == "pandas" and hasattr(answered, "index") and len(answered) == len(frame):
        answered.index = frame.index
    return answered


def is_text(values: Iterable[Any]) -> bool:
    """Whether a column holds text."""
    return any(isinstance(value, str) for value in values)


def is_flags(values: Iterable[Any]) -> bool:
    """Whether a column holds true and false."""
    present = [value for value in values if not is_missing(value)]
    return bool(present) and all(is_flag(value) for value in present)


def is_flag(value: Any) -> bool:
    """Whether a value is true or false, in Python or numpy."""
    return type(value).__name__ in ("bool", "bool_")


def is_missing(value: Any) -> bool:
    """Whether a value is missing: None, NaN, or the missing value of a library."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Number) and bool(value != value)


def _labels(frame: Frame) -> dict[str, list[Any]]:
    """The column labels by name; labels of pandas need not be strings, and several may have one name."""
    if isinstance(frame, Mapping):
        labels = list(frame)
    else:
        labels = frame.column_names if type(frame).__module__.startswith("pyarrow") else frame.columns
    found: dict[str, list[Any]] = {}
    for label in labels:
        found.setdefault(str(label), []).append(label)
    return found


def owned(frame: Frame) -> Frame:
    """A frame of a supported library.

    Others, such as streams that can be read only once, are converted through the Arrow PyCapsule interface.
    """
    if isinstance(frame, Mapping):
        return frame
    if type(frame).__name__ == "LazyFrame":
        frame = frame.collect()
    if type(frame).__module__.partition(".")[0] in _OWN and hasattr(frame, "__getitem__"):
        return frame
    if not hasattr(frame, "__arrow_c_stream__"):
        raise TypeError(
            f"a {type(frame).__name__} is no data frame: give one of pandas, polars or pyarrow, another object with "
            "`__arrow_c_stream__`, or a dict of columns"
        )
    importer = _importer()
    if importer == "pyarrow":
        import pyarrow

        return pyarrow.table(frame)
    if importer == "polars":
        import polars

        return polars.DataFrame(frame)
    raise TypeError(f"to read a {type(frame).__name__} install pyarrow or polars")


def _importer() -> str | None:
    """A library that reads Arrow streams; a loaded one is preferred."""
    libraries = ("pyarrow", "polars")
    loaded = [library for library in libraries if library in sys.modules]
    installed = [library for library in libraries if importlib.util.find_spec(library) is not None]
    return next(iter(loaded + installed), None)


def _values(column: Any) -> list[Any]:
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            values: list[Any] = getattr(column, method)()
            return values
    return list(column)


def _cell(value: Any) -> str:
    """A value as the program reads it; missing values are empty."""
    if type(value) is float:  # most values are, and this is many times as quick as what follows
        return repr(value) if value == value else ""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if is_flag(value):
        return "1" if value else "0"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        number = float(value)
        return "" if math.isnan(number) else repr(number)
    return str(value)
