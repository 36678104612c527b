"""pint in a loop: an attrs object a community whose fields are pint quantities, summed one by one.

So slow that it is measured on a few rows; its time for more is its time a row, multiplied.
"""

# ruff: noqa: RUF009 — the helper returns attrs.field

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import pint

from .ten import MET, TEN, VALUES, Answers, answers

UNITS = pint.UnitRegistry()
UNITS.define("household = []")
UNITS.define("person = []")
UNITS.define("facility = []")
UNITS.define("unit_community = []")


def _given(unit: str) -> Any:
    made = UNITS.Unit(unit)
    return attrs.field(converter=lambda number: None if number is None else UNITS.Quantity(number, made))


@attrs.frozen
class Community:
    county: str
    setting: str
    county_kind: str
    households: Any = _given("household")
    residents: Any = _given("person")
    urban_residents: Any = _given("person")
    gross_floor_area: Any = _given("m**2")
    comprehensive_service_count: Any = _given("facility")
    comprehensive_service_area: Any = _given("m**2")
    activity_area: Any = _given("m**2")
    commercial_area: Any = _given("m**2")
    self_service_terminal_count: Any = _given("facility")
    community_workers: Any = _given("person")
    social_workers: Any = _given("person")


FIELDS = tuple(field.name for field in attrs.fields(Community))
ONE = UNITS.Quantity(1, "facility")
EACH = UNITS.Quantity(1, "unit_community")


def objects(rows: Iterable[Mapping[str, Any]]) -> list[Community]:
    return [Community(**{name: row[name] for name in FIELDS}) for row in rows]


def _pairs(c: Community) -> list[tuple[Any, Any] | None]:
    def share(setting: str, count: Any) -> tuple[Any, Any] | None:
        if c.setting != setting or count is None:
            return None
        return (EACH if count >= ONE else 0 * EACH), EACH

    def ratio(above: Any, below: Any) -> tuple[Any, Any] | None:
        return None if above is None or below is None else (above, below)

    both = c.commercial_area is not None and c.comprehensive_service_area is not None
    return [
        share("rural", c.comprehensive_service_count),
        share("urban", c.comprehensive_service_count),
        ratio(c.commercial_area + c.comprehensive_service_area if both else None, c.gross_floor_area),
        ratio(c.comprehensive_service_area, c.households),
        ratio(c.activity_area, c.comprehensive_service_area),
        share("urban", c.self_service_terminal_count),
        ratio(c.social_workers, c.residents),
        ratio(c.social_workers, EACH if c.county_kind == "district" else None),
        ratio(c.social_workers, EACH if c.county_kind in ("county", "county_city") else None),
        ratio(c.community_workers, c.urban_residents),
    ]


def evaluate(rows: Iterable[Mapping[str, Any]]) -> Answers:
    """Make the objects and sum them by county."""
    sums: dict[str, list[Any]] = {}
    for community in objects(rows):
        totals = sums.setdefault(community.county, [None] * 10)
        for number, pair in enumerate(_pairs(community)):
            if pair is not None:
                before = totals[number]
                totals[number] = pair if before is None else (before[0] + pair[0], before[1] + pair[1])
    columns: dict[str, list[Any]] = {"county": list(sums), **{name: [] for name in (*VALUES, *MET)}}
    for totals in sums.values():
        for number, (row, pair) in enumerate(zip(TEN, totals, strict=True), start=1):
            defined = pair is not None and pair[1].magnitude > 0
            value = row.scale * float((pair[0] / pair[1]).magnitude) if defined else None
            met = None if value is None else value > row.target if row.op == ">" else value >= row.target
            columns[f"v{number}"].append(value)
            columns[f"m{number}"].append(met)
    return answers(columns, "county")
