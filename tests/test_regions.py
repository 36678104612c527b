"""What a statistical code says, and what it does not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import community_plan as cp
from community_plan.errors import CodeError
from community_plan.regions import county_kind_of, normal_code, parse_code, region_at, township_kind_of

REGISTER = Path(__file__).parents[2] / "shared" / "regions" / "shangqiu-townships-2023.csv"


@pytest.mark.parametrize(
    ("county", "kind"),
    [
        ("411402", "district"),
        ("411403", "district"),
        ("411421", "county"),
        ("411426", "county"),
        ("411481", "county_city"),
        ("411471", None),
        ("411472", None),
        ("419001", None),
        ("411400", None),
        ("652301", "county_city"),
        ("652323", "county"),
        ("232701", "county_city"),
        ("435001", "county_city"),
        ("435101", "district"),
    ],
)
def test_the_county_kind_follows_from_the_code_where_it_says_it(county: str, kind: str | None) -> None:
    """A functional zone's code says nothing, nor does one under digits 90; a 地区, 自治州 or 盟 has no districts."""
    assert county_kind_of(county) == kind


def test_the_digits_of_a_kind_end_where_the_standard_has_it() -> None:
    """01–20, 21–70 and 81–99; 001–199 and 200–399; 001–099, 100–199 and 200–399: both ends are in, and no more."""
    counties = [county_kind_of(f"4114{number:02d}") for number in (0, 1, 20, 21, 70, 71, 80, 81, 99)]
    assert counties == [None, *["district"] * 2, *["county"] * 2, None, None, *["county_city"] * 2]
    settings = [cp.Region(code=f"411422001{number:03d}").setting for number in (1, 199, 200, 399, 400, 999)]
    assert settings == ["urban", "urban", "rural", "rural", None, None]
    townships = [township_kind_of(f"411402{number:03d}") for number in (0, 1, 99, 100, 199, 200, 399, 400)]
    assert townships == [None, *["subdistrict"] * 2, *["town"] * 2, *["township"] * 2, None]


def test_only_a_community_is_urban_or_rural() -> None:
    """Nor has a city a kind of county."""
    assert [cp.Region(code=code).setting for code in ("411422001", "411422", "411400")] == [None] * 3
    assert cp.Region(code="411400", declared_kind="county").county_kind is None


def test_a_declared_kind_goes_before_the_code() -> None:
    """Whoever knows the zone's kind may say so."""
    assert cp.Region(code="411471").county_kind is None
    assert cp.Region(code="411471", declared_kind="county").county_kind == "county"


def test_parents_are_prefixes() -> None:
    """City › county › township › community."""
    place = cp.Region(code="411422001201")
    assert (place.level, place.parent, place.setting) == ("community", "411422001", "rural")
    assert cp.Region(code="411422001").parent == "411422"
    assert cp.Region(code="411422").parent == "411400"
    assert cp.Region(code="411400").parent is None
    assert [region_at(place.code, level) for level in ("city", "county", "township", "community")] == [
        "411400",
        "411422",
        "411422001",
        "411422001201",
    ]
    assert region_at("411400", "county") is None


@pytest.mark.parametrize(
    "code", ["", "4114220012010", "41142200120", "04142200120a", "41142200120a", "４１１４２２００１２０１"]
)
def test_text_that_is_no_code_is_refused(code: str) -> None:
    """Eleven digits, letters and full-width digits are no code."""
    with pytest.raises(CodeError):
        cp.Region(code=code)


def test_a_township_is_no_community() -> None:
    """A code that ends in zeros names a larger region."""
    with pytest.raises(CodeError, match="12-digit community code"):
        parse_code("411422001000")
    assert normal_code("411422001000") == "411422001"


@pytest.mark.skipif(not REGISTER.is_file(), reason=f"the Bureau's register is not at {REGISTER}")
def test_the_real_register_of_townships_is_understood() -> None:
    """Every township of 2023 has a county, and every county but the zones a kind."""
    with REGISTER.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 199
    for row in rows:
        region = cp.Region(code=row["code"])
        assert region.level == "township"
        assert region.parent == row["county_code"]
        zone = row["county_code"] in ("411471", "411472")
        assert (region.county_kind is None) == zone
