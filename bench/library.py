"""The library: what a user calls, in the few shapes that are measured. A change of its interface is followed here."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import community_plan as cp
from community_plan.measures import Measure, variables_of
from community_plan.results import Result, Row
from community_plan.verdicts import Verdict

from .ten import LEVELS, PLAN, TEN, Answers, DisagreementError


@functools.cache
def plan() -> cp.Plan:
    return cp.load_plan(PLAN)


def every_target(of: cp.Plan | None = None) -> dict[str, Measure]:
    """Return all targets of a plan that read the communities table alone, with what they count."""
    asked = of or plan()
    counted = {target.id: asked.measure_of(target) for target in asked.targets.values()}
    return {
        target: measure
        for target, measure in counted.items()
        if asked.variables.table_of(variables_of(measure)) == "communities"
    }


def evaluate(frame: Any, by: str | Sequence[str] | None = None, targets: Any = "main") -> Result:
    """Judge, and have values and verdicts there: a line for each region, two columns for each target."""
    result = plan().evaluate(frame, by=by, targets=targets)
    computed(result.wide())
    return result


def together(frame: Any) -> Any:
    """Judge all levels at once, the communities among them."""
    result = plan().evaluate(frame, by=[*LEVELS, "community"], targets="main")
    return [computed(result.wide(level)) for level in result.levels]


def communities(frame: Any, by: str | list[str] = "community") -> Any:
    """Return values and verdicts by community in a frame of the user's own kind, computed."""
    return computed(plan().evaluate(frame, by=by, targets="main").wide("community"))


def ready(frame: Any) -> cp.Prepared:
    """Read and check data for many questions."""
    return plan().prepare(frame, targets="main")


def computed(frame: Any) -> Any:
    """Have a lazy frame computed, so that every contender has done its work when the clock stops."""
    module = type(frame).__module__.partition(".")[0].lstrip("_")
    if module == "polars" and hasattr(frame, "collect"):
        return frame.collect()
    if module == "duckdb":
        return frame.to_arrow_table()
    if module == "pyspark":
        frame.write.format("noop").mode("overwrite").save()
    return frame


def _compared(row: Row) -> bool | None:
    """Say how the exact value compares with its target: as the verdict does, where nothing is missing.

    Where something is missing the verdict rests on the bounds, which count every known cell; a comparison by hand rests
    on the complete pairs, as the value does.
    """
    if row.value is None:
        return None
    met = row.value > row.target_value if row.comparator is cp.Comparator.MORE_THAN else row.value >= row.target_value
    if row.reporting_share == 1 and row.verdict is not (Verdict.MET if met else Verdict.NOT_MET):
        raise DisagreementError(f"library: {row.target} of {row.region} is {row.verdict.value} at {row.value}")
    return met


def answers(result: Result) -> Answers:
    """Read a result of one level as `ten.answers` does."""
    found: dict[str, tuple[list[Any], list[Any]]] = {}
    for row in result:
        key = row.region if row.period is None else f"{row.period}/{row.region}"
        values, compared = found.setdefault(key, ([], []))
        values.append(None if row.value is None else float(row.value))
        compared.append(_compared(row))
    assert all(len(values) == len(TEN) for values, _ in found.values())
    return found  # type: ignore[return-value]  # as many as there are targets
