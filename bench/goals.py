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
    *(
        goal
        for group in ("polars", "polars prepared")
        for goal in (
            Ratio(group, "together", "*", 0.7),
            Ratio(group, "whole", "floats", 1.5),
            Ratio(group, "community", "floats", 2.0),
            Ratio(group, "*", "floats", 1.2),
            Ratio(group, "*", "integers", 1.1),
        )
    ),
    Ratio("pandas without polars", "*", "floats", 1.3),
    Ratio("pyarrow without polars", "*", "floats", 1.5),
    Ratio("pandas*", "*", "floats", 0.7),
    Ratio("pyarrow*", "*", "floats", 1.0),
    Ratio("duckdb*", "*", "floats", 1.1),
    Ratio("*indicators", "*", "library", 3.0),
    Ratio("spark*", "*", "*", 1.3, 5_000_000),
    Ratio("openfisca", "*", "build and compute", 0.1),
    Ratio("openfisca", "*", "compute alone", 1.0),
    Ratio("pint", "*", "pint loop", 0.01, 0),
    Ratio("pandera", "*", "pandera", 0.5),
    Ratio("linearity", "*", "*", 1.2, 0),
)
LIMITS = (
    Limit("fixed", "compile", "library*", seconds=0.005),
    Limit("fixed", "*, alone", "library*", seconds=0.003),
    Limit("spark*", "planning", "library*", seconds=0.060),
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
