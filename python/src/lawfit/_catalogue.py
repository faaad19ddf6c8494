"""The catalogue of laws, and blobs of the cache."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import _program


@dataclass(frozen=True)
class Law:
    """A law of the catalogue.

    Attributes:
        name: Its name in specs and in `lawfit.fit`.
        title: A description in one line.
        formula: Its formula.
        caution: Its range of validity.
        entry: Its complete catalogue entry.
    """

    name: str
    title: str
    formula: str
    caution: str | None
    entry: Mapping[str, Any] = field(repr=False)


def laws(search: str = "") -> list[Law]:
    """The laws of the catalogue. `search` selects those with this text in name, title, aliases or references."""
    entries = json.loads(_program.call(["laws", "--json"]))
    found = [Law(e["name"], e["title"], e["formula"], e.get("caution"), e) for e in entries]
    wanted = search.casefold()

    def searched(law: Law) -> str:
        words = [law.name, law.title, *law.entry.get("aliases", ()), *law.entry.get("references", ())]
        return " ".join(words).casefold()

    return [law for law in found if wanted in searched(law)]


@lru_cache(maxsize=256)
def entry(name: str) -> Mapping[str, Any]:
    """The catalogue entry of a law.

    Raises:
        SpecError: There is no such law.
    """
    found: dict[str, Any] = json.loads(_program.call(["laws", "--json", name]))
    return found


def formula(name: str) -> str:
    """The formula of a law of the catalogue."""
    return str(entry(name)["formula"])


def blob(described: Any, cache: str | Path | None) -> bytes:
    """A blob of the cache, found by its record."""
    digest = described["digest"] if isinstance(described, Mapping) else described
    folder = Path(cache or os.environ.get("LAWFIT_CACHE") or ".lawfit/cache")
    return Path(folder, "v1", "cas", str(digest).removeprefix("b3:")).read_bytes()
