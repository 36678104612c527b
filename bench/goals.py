"""Goals: how fast the library means to be beside each contender, and the most that it means to take.

The first line that fits a measurement is its goal; patterns are those of `fnmatch`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

LARGE = 100_000
"""Rows from which fixed costs no longer matter."""


class Ratio(NamedTuple):
    """The library's time (or memory) over a contender's is to be at most this."""

    group: str
    case: str
    contender: str
    at_most: float
    from_rows: int = LARGE


class Limit(NamedTuple):
    """What the library itself takes is to be at most this."""

    group: str
    case: str
    contender: str
    seconds: float | None = None
    bytes: float | None = None


RATIOS = (
    Ratio("polars", "together", "*", 1.0),
    Ratio("polars", "*", "floats", 2.0),
    Ratio("panel", "*", "floats", 2.0),
    Ratio("shuffled", "*", "floats", 2.0),
    Ratio("polars", "*", "integers", 1.25),
    Ratio("panel", "*", "integers", 1.25),
    Ratio("shuffled", "*", "integers", 1.25),
    Ratio("* without polars", "*", "floats", 2.0),
    Ratio("pandas", "*", "floats", 1.0),
    Ratio("pyarrow", "*", "floats", 1.0),
    Ratio("duckdb", "*", "floats", 1.5),
    Ratio("duckdb", "*", "integers", 1.25),
    Ratio("spark", "planning", "*", 2.0),
    Ratio("spark", "*", "*", 1.5, 5_000_000),
    Ratio("openfisca", "*", "build and compute", 0.5),
    Ratio("pint", "*", "pint loop", 0.01, 0),
    Ratio("pandera", "*", "pandera", 0.5),
    Ratio("indicators", "*", "library", 3.1),
    Ratio("linearity", "*", "*", 1.2, 0),
)
LIMITS = (
    Limit("fixed", "compile", "library*", seconds=0.005),
    Limit("fixed", "*", "library*", seconds=0.005),
    Limit("process", "*", "library*", bytes=2 * 2**30),
)


def ratio_goal(group: str, case: str, contender: str, rows: int) -> float | None:
    for goal in RATIOS:
        fits = fnmatchcase(group, goal.group) and fnmatchcase(case, goal.case)
        if fits and fnmatchcase(contender, goal.contender) and rows >= goal.from_rows:
            return goal.at_most
    return None


def limit_goal(group: str, case: str, contender: str) -> Limit | None:
    for goal in LIMITS:
        if all(fnmatchcase(*pair) for pair in ((group, goal.group), (case, goal.case), (contender, goal.contender))):
            return goal
    return None
