"""The targets of the plan's body on the sample, against counts made by hand from the files alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

import community_plan as cp

Row = dict[str, str]


def read(sample: Path, name: str) -> list[Row]:
    """Read a table of the sample as text."""
    with (sample / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def share(rows: list[Row], holds: Callable[[Row], bool | None]) -> Fraction:
    """Return the per cent of rows that are known to hold, of those that are known."""
    known = [held for row in rows if (held := holds(row)) is not None]
    return Fraction(100 * sum(known), len(known))


def told(cell: str) -> Fraction | None:
    """Return a number, or None for a blank."""
    return None if cell in ("", "——", "/") else Fraction(cell)


def pooled(pairs: list[tuple[Fraction | None, Fraction | None]], factor: int) -> Fraction:
    """Return sum over sum of the pairs that are told in full."""
    full = [(above, below) for above, below in pairs if above is not None and below is not None]
    return factor * sum(above for above, _ in full) / sum(below for _, below in full)


@pytest.fixture(scope="module")
def expected(sample: Path) -> dict[str, Fraction]:
    """Return the value of every target of the body for the whole city."""
    communities, facilities = read(sample, "communities"), read(sample, "facilities")
    townships, workforce = read(sample, "townships"), read(sample, "workforce")
    urban = [row for row in communities if int(row["code"][9:]) < 200]
    of = {row["code"]: [] for row in communities}  # type: dict[str, list[Row]]
    for row in facilities:
        of.setdefault(row["community"], []).append(row)

    def area(row: Row, kind: str) -> Fraction | None:
        cells = [told(item["floor_area"]) for item in of[row["code"]] if item["kind"] == kind]
        return None if None in cells else sum(cells, Fraction(0))  # type: ignore[arg-type]  # no None is left

    def per_100(rows: list[Row], kind: str) -> Fraction:
        return pooled([(area(row, kind), told(row["households"])) for row in rows], 100)

    def yes(name: str) -> Fraction:
        return share(communities, lambda row: {"是": True, "否": False, "": None}[row[name]])

    def rolls(role: str) -> Fraction:
        return Fraction(sum(int(row["headcount"]) for row in workforce if row["role"] == role))

    service = [item for row in communities for item in of[row["code"]] if item["kind"] == "comprehensive_service"]
    streets = [row for row in townships if int(row["code"][6:]) < 100]
    centres = {item["community"][:9] for item in facilities if item["kind"] == "elderly_care_centre"}
    new = [row for row in communities if row["building_stock"] == "new"]
    old = [row for row in communities if row["building_stock"] == "existing"]
    workers: dict[str, list[Fraction | None]] = {}
    for row in workforce:
        if row["role"] == "community_worker":
            workers.setdefault(row["region"], []).append(told(row["headcount"]))

    def staff(row: Row) -> Fraction | None:
        cells = workers.get(row["code"], [])
        return None if None in cells else sum(cells, Fraction(0))  # type: ignore[arg-type]  # no None is left

    return {
        "elderly-care-centre-per-subdistrict": share(streets, lambda row: row["code"] in centres),
        "elderly-care-place-per-community": share(
            urban, lambda row: any(item["kind"] == "elderly_care" for item in of[row["code"]])
        ),
        "elderly-care-area-new-built": per_100(new, "elderly_care"),
        "elderly-care-area-existing": per_100(old, "elderly_care"),
        "elderly-care-area-new-urban-communities": per_100([row for row in new if row in urban], "elderly_care"),
        "facility-area-per-100-households@四(三)2": per_100(communities, "comprehensive_service"),
        "community-workers-per-10000-urban-residents@四(五)1": pooled(
            [(staff(row), told(row["urban_residents"])) for row in communities], 10_000
        ),
        "legal-publicity-coverage": yes("legal_publicity"),
        "mediation-coverage": yes("mediation"),
        "legal-aid-coverage": yes("legal_aid"),
        "notary-coverage": yes("notary"),
        "agency-service-coverage": yes("agency_service"),
        "social-work-service-coverage": yes("social_work_service"),
        "satisfaction-survey-coverage": yes("satisfaction_survey"),
        "secretaries-trained": share(urban, lambda row: row["secretaries_trained"] == "1"),
        "directors-trained": share(urban, lambda row: row["directors_trained"] == "1"),
        "social-work-leaders": rolls("social_work_leader"),
        "social-work-supervisors": rolls("social_work_supervisor"),
        "social-work-managers": rolls("social_work_manager"),
        "social-workers-trained": rolls("trained_social_worker"),
        "social-work-station-coverage": share(townships, lambda row: int(row["social_work_station_count"]) >= 1),
        "opening-hours": Fraction(100 * sum(Fraction(item["opening_hours"]) >= 8 for item in service), len(service)),
        "party-group-per-grid": pooled(
            [(told(row["grids_with_party_group"]), told(row["grids"])) for row in communities], 100
        ),
    }


def test_every_target_of_the_body_has_the_value_counted_by_hand(
    plan: cp.Plan, sample: Path, expected: dict[str, Fraction]
) -> None:
    """Townships, yes and no, totals on the city's rolls, conditions on facilities: all 23 of them."""
    result = plan.evaluate(sample, by="city")
    found = {row.target: row.value for row in result if plan.targets[row.target].number is None}
    assert found == expected
