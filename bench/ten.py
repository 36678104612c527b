"""Ten: the indicators of the plan's table as someone who does not use the library writes them down.

The forms in `by_…` sum numerators and denominators `n1` … `d10` over complete pairs, each in its engine's own words.
What is done with the sums is the same everywhere and stands here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

PLAN = "shangqiu-14fyp"
LEVELS = ("city", "county", "township")


class Row(NamedTuple):
    """One indicator: the value is `scale · n / d`, and the target is met if `value op target`."""

    id: str
    scale: float
    op: str
    target: float
    exact: tuple[int, int]
    """With areas in 0.0001 m²: met if `exact[0] · n op exact[1] · d`, in integers."""
    exact_scale: float
    """With areas in 0.0001 m²: the value is `exact_scale · n / d`."""


TEN = (
    Row("rural-facility-coverage", 100.0, ">=", 93.0, (100, 93), 100.0),
    Row("urban-facility-coverage", 100.0, ">=", 100.0, (1, 1), 100.0),
    Row("commercial-and-service-area-share", 100.0, ">=", 10.0, (10, 1), 100.0),
    Row("facility-area-per-100-households", 100.0, ">", 30.0, (1, 3000), 0.01),
    Row("activity-area-share", 100.0, ">=", 60.0, (10, 6), 100.0),
    Row("self-service-terminal-coverage", 100.0, ">=", 100.0, (1, 1), 100.0),
    Row("social-workers-per-resident", 1000.0, ">=", 0.4, (10_000, 4), 1000.0),
    Row("social-workers-per-district-community", 1.0, ">=", 2.0, (1, 2), 1.0),
    Row("social-workers-per-county-community", 1.0, ">=", 1.0, (1, 1), 1.0),
    Row("community-workers-per-10000-urban-residents", 10_000.0, ">=", 18.0, (10_000, 18), 10_000.0),
)
SUMS = tuple(f"{side}{number}" for number in range(1, 11) for side in "nd")
VALUES = tuple(f"v{number}" for number in range(1, 11))
MET = tuple(f"m{number}" for number in range(1, 11))

Answers = Mapping[str, tuple[Sequence[float | None], Sequence[bool | None]]]
"""For each region the ten values and whether each target is met; `total` is the whole table's region."""


class DisagreementError(Exception):
    """A contender did not compute what the library did, so that its time says nothing."""


def answers(columns: Mapping[str, Sequence], key: str | None) -> Answers:
    """Read a result of columns key, v1 … v10, m1 … m10."""
    names = ["total"] if key is None else [str(name) for name in columns[key]]
    values = list(zip(*(columns[name] for name in VALUES), strict=True))
    met = list(zip(*(columns[name] for name in MET), strict=True)) if MET[0] in columns else [(None,) * 10] * len(names)
    return dict(zip(names, zip(values, met, strict=True), strict=True))


def compare(
    truth: Answers, other: Answers, *, tolerance: float = 1e-9, verdicts: bool = False, some: bool = False
) -> None:
    """Raise unless another contender's answers are the library's.

    Args:
        truth: The library's answers.
        other: The contender's.
        tolerance: Relative difference of values that is let pass.
        verdicts: Compare the comparisons with the targets as well.
        some: The contender computed some of the regions only.
    """
    if not (other.keys() <= truth.keys() if some else truth.keys() == other.keys()):
        raise DisagreementError(f"{len(other)} regions instead of {len(truth)}")
    for region, (values, met) in other.items():
        for row, mine, theirs, sure, said in zip(TEN, truth[region][0], values, truth[region][1], met, strict=True):
            if theirs is not None and not math.isfinite(theirs):
                theirs = None  # 0/0 is not a number, or null, as the engine likes it
            if (mine is None) != (theirs is None):
                raise DisagreementError(f"{row.id} of {region}: {theirs} instead of {mine}")
            if mine is None or theirs is None:
                continue
            if not math.isclose(mine, theirs, rel_tol=tolerance, abs_tol=tolerance):
                raise DisagreementError(f"{row.id} of {region}: {theirs!r} instead of {mine!r}")
            if verdicts and sure is not None and bool(said) != sure:
                raise DisagreementError(f"{row.id} of {region}: verdict {said} instead of {sure} at {mine!r}")
