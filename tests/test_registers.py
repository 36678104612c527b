"""Registers: what facilities and workforce say of communities, and of the people and years beyond them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import community_plan as cp

AREA = "facility-area-per-100-households"


def test_people_on_a_countys_rolls_count_in_the_county(plan: cp.Plan) -> None:
    """They belong to no community, and to no township."""
    places = [cp.Community(code=f"41142200{t}201", residents=1000) for t in (1, 2)]
    workforce = [
        cp.Workforce(region="411422", role="social_worker", headcount=3),
        cp.Workforce(region="411422001201", role="social_worker", headcount=1),
    ]
    data = cp.Dataset(communities=places, workforce=workforce)
    name = "social-workers-per-resident"
    by = ["city", "county", "township"]
    found = {row.region: row.value for row in plan.evaluate(data, by=by, targets=name)}
    assert found == {"411400": 2, "411422": 2, "411422001": 1, "411422002": 0}
    frames = cp.Dataset(
        communities=pd.DataFrame({"code": [p.code for p in places], "residents": [1000, 1000]}),
        workforce=pa.table(
            {"区划代码": ["411422000000", "411422001201"], "岗位": ["社工", "社会工作者"], "人数": [3, 1]}
        ),
    )
    assert {row.region: row.value for row in plan.evaluate(frames, by=by, targets=name)} == found


def test_unlisted_in_a_register_is_none_of_it_or_unknown_as_declared(plan: cp.Plan) -> None:
    """And the result says which."""
    places = [cp.Community(code=f"41142200120{n}") for n in range(1, 5)]
    facilities = [cp.Facility(community="411422001201", kind="comprehensive_service", floor_area=5)]
    name = "rural-facility-coverage"
    row = plan.evaluate(cp.Dataset(communities=places, facilities=facilities), targets=name).row(name)
    assert (row.value, row.lower, row.upper) == (25, 25, 25)
    data = cp.Dataset(communities=places, facilities=facilities, unlisted="unknown")
    result = plan.evaluate(data, targets=name)
    assert (result.rows[0].value, result.rows[0].lower, result.rows[0].upper) == (100, 25, 100)
    assert "3 communities are not listed" in result.notes[0].en


def test_a_panel_takes_each_years_register_rows(plan: cp.Plan) -> None:
    """Facilities of 2023 do not count in 2024."""
    code = "411422001201"
    data = cp.Dataset(
        communities=pl.DataFrame({"year": [2023, 2024], "code": [code, code], "households": [100, 100]}),
        facilities=pl.DataFrame(
            {"year": [2023, 2024], "community": [code, code], "kind": ["综合服务设施"] * 2, "floor_area": [20, 40]}
        ),
    )
    result = plan.evaluate(data, by=["year", "county"], targets=AREA)
    assert [row.value for row in result] == [20, 40]


@pytest.fixture(params=["objects", "polars", "lazy", "pandas", "pyarrow", "DuckDB"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[pl.DataFrame], Any]:
    """What makes a table of a frame; a small file is read into Python objects."""

    def written(frame: pl.DataFrame) -> Path:
        path = tmp_path / f"{frame.columns[-1]}.csv"
        frame.write_csv(path)
        return path

    kinds: dict[str, Callable[[pl.DataFrame], Any]] = {
        "objects": written,
        "polars": pl.DataFrame,
        "lazy": pl.DataFrame.lazy,
        "pandas": pl.DataFrame.to_pandas,
        "pyarrow": pl.DataFrame.to_arrow,
        "DuckDB": lambda frame: duckdb.from_arrow(frame.to_arrow()),
    }
    return kinds[request.param]


def test_what_a_register_says_of_another_year_is_not_left_out_in_silence(
    plan: cp.Plan, made: Callable[[pl.DataFrame], Any]
) -> None:
    """Nor what it says of none: a note tells how much of it has no row to go to."""
    code = "411422001201"
    communities = pl.DataFrame({"year": [2023, 2024], "code": [code, code], "households": [100, 100]})
    facilities = pl.DataFrame({"year": [2022, 2023, None], "community": code, "floor_area": [20, 40, 80]})
    facilities = facilities.with_columns(kind=pl.lit("综合服务设施"))
    data = cp.Dataset(communities=made(communities), facilities=made(facilities))
    result = plan.evaluate(data, by=["year", "county"], targets=AREA)
    assert [row.value for row in result] == [40, 0]
    told = {note.code: note.en for note in result.notes}
    assert told["elsewhere"].startswith("the facilities table has 2 pair(s) of community and year without a row in the")
    data = cp.Dataset(communities=made(communities), facilities=made(facilities[1:2]))
    assert [note.code for note in plan.evaluate(data, by=["year", "county"], targets=AREA).notes] == ["unlisted"]


def test_people_of_a_county_belong_to_a_year(plan: cp.Plan, made: Callable[[pl.DataFrame], Any]) -> None:
    """Those of a community are there in each of its years; those beyond all communities would be there in none."""
    ratio, code = "social-workers-per-resident", "411422001201"
    communities = pl.DataFrame({"code": code, "year": [2023, 2024], "residents": 1000})
    people = pl.DataFrame({"region": [code], "role": ["social_worker"], "headcount": [3]})
    data = cp.Dataset(communities=made(communities), workforce=made(people))
    assert [row.value for row in plan.evaluate(data, by=["year", "county"], targets=ratio)] == [3, 3]
    data = cp.Dataset(communities=made(communities), workforce=made(people.with_columns(region=pl.lit("411422"))))
    with pytest.raises(cp.DataError, match="expected a column 'year', for rows of larger regions than a community"):
        plan.evaluate(data, by=["year", "county"], targets=ratio)


def test_a_county_that_becomes_a_district_has_its_people_in_both_years(
    plan: cp.Plan, made: Callable[[pl.DataFrame], Any]
) -> None:
    """By the kind and the name that its communities have in the year; each year tallied by itself gives the same."""
    communities = pl.DataFrame({
        "code": "411422001201", "year": ["2023", "2024"], "county": ["睢县", "睢州区"], "residents": 1000,
        "county_kind": ["county", "district"],
    })  # fmt: skip
    people = pl.DataFrame({"region": "411422", "year": ["2023", "2024"], "role": "social_worker", "headcount": [2, 3]})
    targets = [f"social-workers-per-{name}" for name in ("resident", "district-community", "county-community")]
    by = ["year", "county"]

    def tallied(rows: slice) -> cp.Tally:
        data = cp.Dataset(communities=made(communities[rows]), workforce=made(people[rows]))
        return plan.tally(data, by=by, targets=targets)

    whole = tallied(slice(None))
    found = {(row.period, row.region, row.target): row.value for row in plan.evaluate(whole) if row.value is not None}
    assert found == {
        ("2023", "睢县", targets[0]): 2,
        ("2023", "睢县", targets[2]): 2,
        ("2024", "睢州区", targets[0]): 3,
        ("2024", "睢州区", targets[1]): 3,
    }
    assert whole.cells == (tallied(slice(1)) + tallied(slice(1, 2))).cells


@pytest.mark.parametrize("register", ["polars", "pandas", "pyarrow", "objects"])
@pytest.mark.parametrize("table", ["polars", "pandas", "pyarrow", "objects"])
def test_a_register_of_another_library_has_the_same_years(plan: cp.Plan, table: str, register: str) -> None:
    """As texts, long ones and missing ones, too; each library has a series of its own."""
    forms: dict[str, Callable[[pl.DataFrame], Any]] = {
        "polars": pl.DataFrame,
        "pandas": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
        "pyarrow": pl.DataFrame.to_arrow,
        "objects": lambda frame: frame.to_pandas().astype({"year": object}),
    }
    years = pl.Series(["2024", "2025年12月31日（年末统计口径）", "2025年12月31日（年中统计口径）", None])
    code = "411422001201"
    communities = pl.DataFrame({"code": code, "year": years, "households": 100})
    facilities = pl.DataFrame(
        {"community": code, "year": years, "kind": "综合服务设施", "floor_area": [10, 20, 30, 40]}
    )
    data = cp.Dataset(communities=forms[table](communities), facilities=forms[register](facilities))
    result = plan.evaluate(data, by=["county", "year"], targets=AREA)
    assert {row.period: row.value for row in result} == dict(zip(years, [10, 20, 30, 40], strict=True))


@pytest.mark.parametrize("region", ["411422001201", "411422001", "411422"])
def test_no_rolls_have_more_of_a_part_than_of_its_whole(region: str) -> None:
    """Neither a community's nor those of a larger region beyond them: five certified workers of three are no 167%."""
    hubei, share = cp.load_plan("hubei-14fyp"), "certified-community-worker-share"
    roles = {"certified_community_worker": 5, "community_worker": 3}
    people = [cp.Workforce(region=region, role=role, headcount=count) for role, count in roles.items()]
    data = cp.Dataset(communities=[cp.Community(code="411422001201")], workforce=people)
    with pytest.raises(cp.DataError, match=f"'community_workers', got more in 1 of its rows, such as {region}"):
        hubei.evaluate(data, by="county", targets=share)


def test_the_years_of_a_register_are_not_added_up_in_silence(
    plan: cp.Plan, made: Callable[[pl.DataFrame], Any]
) -> None:
    """A year that is called otherwise than in the communities is refused; of one that is not asked for a note tells."""
    code = "411422001201"
    communities = pl.DataFrame({"year": [2023, 2024], "code": code, "households": 100})
    facilities = pl.DataFrame({"年份": [2023, 2024], "community": code, "kind": "综合服务设施", "floor_area": [20, 40]})
    data = cp.Dataset(communities=made(communities), facilities=made(facilities))
    says = r"column '年份': expected a column 'year' as the communities table has, got '年份'\. Call the column alike"
    with pytest.raises(cp.DataError, match=says):
        plan.evaluate(data, by=["year", "county"], targets=AREA)
    data = cp.Dataset(communities=made(communities[1:]), facilities=made(facilities))
    result = plan.evaluate(data, by="county", targets=AREA)
    assert [row.value for row in result] == [60]
    (note,) = result.notes
    assert note.en == "by= does not name 年份, a column of the facilities table: its rows of every 年份 count together"


def test_the_kind_of_a_facility_is_no_kind_of_a_community(plan: cp.Plan, made: Callable[[pl.DataFrame], Any]) -> None:
    """Both tables may have a column of that name; the communities keep their facilities."""
    codes = ["411422001201", "411422001202"]
    communities = pl.DataFrame({"code": codes, "类型": ["试点", "其他"], "households": [100, 100]})
    facilities = pl.DataFrame({"community": codes, "类型": "综合服务设施", "floor_area": [20, 40]})
    data = cp.Dataset(communities=made(communities), facilities=made(facilities))
    result = plan.evaluate(data, by="类型", targets=AREA)
    assert {row.columns["类型"]: row.value for row in result} == {"试点": 20, "其他": 40}
    assert not result.notes
