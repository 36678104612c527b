"""pyarrow by hand: compute functions for the masked columns, then `Table.group_by`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .ten import TEN, Answers, answers


def read(paths: list[str]) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in paths])


def pairs(table: pa.Table) -> dict[str, Any]:
    """Return the columns to be summed: each numerator and denominator where both are reported."""
    urban, rural = pc.equal(table["setting"], "urban"), pc.equal(table["setting"], "rural")
    district = pc.equal(table["county_kind"], "district")
    county = pc.is_in(table["county_kind"], value_set=pa.array(["county", "county_city"]))
    facilities, terminals = table["comprehensive_service_count"], table["self_service_terminal_count"]
    workers, service = table["social_workers"], table["comprehensive_service_area"]
    found = {}

    def where(mask: Any, value: Any) -> Any:
        return pc.if_else(mask, value, pa.scalar(None, value.type))

    def number_of(mask: Any) -> Any:
        return pc.cast(mask, pa.int64())

    def ratio(number: int, above: Any, below: Any) -> None:
        found[f"n{number}"] = where(pc.is_valid(below), above)
        found[f"d{number}"] = where(pc.is_valid(above), below)

    def share(number: int, mask: Any, count: Any) -> None:
        found[f"n{number}"] = number_of(pc.and_kleene(mask, pc.greater_equal(count, 1)))
        found[f"d{number}"] = number_of(pc.and_(mask, pc.is_valid(count)))

    def mean(number: int, mask: Any) -> None:
        found[f"n{number}"] = where(mask, workers)
        found[f"d{number}"] = number_of(pc.and_(mask, pc.is_valid(workers)))

    share(1, rural, facilities)
    share(2, urban, facilities)
    ratio(3, pc.add(table["commercial_area"], service), table["gross_floor_area"])
    ratio(4, service, table["households"])
    ratio(5, table["activity_area"], service)
    share(6, urban, terminals)
    ratio(7, workers, table["residents"])
    mean(8, district)
    mean(9, county)
    ratio(10, table["community_workers"], table["urban_residents"])
    return found


def judged(sums: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for number, row in enumerate(TEN, start=1):
        n, d = (pc.cast(sums[f"{side}{number}"], pa.float64()) for side in "nd")
        value = pc.divide(pc.multiply(n, row.scale), d)
        found[f"v{number}"] = value
        found[f"m{number}"] = (pc.greater if row.op == ">" else pc.greater_equal)(value, row.target)
    return found


def evaluate(table: pa.Table, by: str | None) -> pa.Table:
    terms = pairs(table)
    if by == "community":
        return pa.table({"code": table["code"], **judged(terms)})
    if by is None:
        one = {name: pa.array([pc.sum(term).as_py() or 0]) for name, term in terms.items()}
        return pa.table(judged(one))
    sums = pa.table({by: table[by], **terms}).group_by(by).aggregate([(name, "sum") for name in terms])
    return pa.table({by: sums[by], **judged({name: sums[f"{name}_sum"] for name in terms})})


def together(table: pa.Table) -> list[pa.Table]:
    return [evaluate(table, by) for by in ("city", "county", "township", "community")]


def read_answers(result: pa.Table, by: Any) -> Answers:
    return answers(result.to_pydict(), by)
