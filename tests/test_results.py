"""Results: what a row says to people, how rows are found, and the forms they take."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from fractions import Fraction
from typing import Any

import attrs
import polars as pl
import pytest

import community_plan as cp
from community_plan.labels import label
from community_plan.results import Result, Row, row_cells, wide_frame
from community_plan.units import parse_unit
from community_plan.verdicts import Reason
from county_tallies import AREA, RURAL, SUI, YONG

COMPARATOR = cp.Comparator


@pytest.fixture(scope="module")
def result(plan: cp.Plan) -> Result:
    """Two counties, two years, two targets; of one nothing is known in one of the counties."""
    frames = [SUI.with_columns(comprehensive_service_count=1, setting=pl.lit("rural")), YONG]
    years = [pl.concat(frames, how="diagonal").with_columns(year=year, part=pl.lit("甲")) for year in (2024, 2025)]
    return plan.evaluate(pl.concat(years), by=["year", "part", "county"], targets=[RURAL, AREA], as_of="2025-12-31")


@pytest.fixture(scope="module")
def row(result: Result) -> Row:
    """A row to be changed: 30 m² in 100 households, held against more than 30."""
    return next(row for row in result if row.target == AREA and row.region == "411422")


@pytest.mark.parametrize(
    ("value", "gap", "unit", "zh", "en"),
    [
        (None, None, "m²/百户", ("—", "—"), ("—", "—")),
        (30, 0, "m²/百户", ("30 m²/百户", "0 m²/百户"), ("30 m²/100 households", "0 m²/100 households")),
        ("30.5", "0.5", "m²", ("30.5 m²", "+0.5 m²"), ("30.5 m²", "+0.5 m²")),
        (
            "30.00001",
            "0.00001",
            "m²/百户",
            ("30.00001 m²/百户", "+0.00001 m²/百户"),
            ("30.00001 m²/100 households", "+0.00001 m²/100 households"),
        ),
        ("39.99999", "9.99999", "%", ("39.99999%", "+10 个百分点"), ("39.99999%", "+10 pp")),
        (29, -1, "%", ("29%", "-1 个百分点"), ("29%", "-1 pp")),
        (31, 1, "‰", ("31‰", "+1 个千分点"), ("31‰", "+1 per-mille points")),
    ],
)
def test_a_row_says_its_value_and_its_gap(
    row: Row, value: Any, gap: Any, unit: str, zh: tuple[str, str], en: tuple[str, str]
) -> None:
    """On their side of both ends of the target, with the sign, and in points where it is a share."""
    found = [None if number is None else Fraction(number) for number in (value, gap)]
    row = attrs.evolve(row, value=found[0], gap=found[1], unit=parse_unit(unit), target_upper=Fraction(40))
    assert (row.value_text(), row.gap_text()) == zh
    assert (row.value_text("en"), row.gap_text("en")) == en


def test_a_row_says_what_it_is_held_against(row: Row) -> None:
    """One end or two, and that the plan prints a round figure."""
    assert row.target_text() == "> 30 m²/百户"
    assert row.target_text("en") == "> 30 m²/100 households"
    between = attrs.evolve(row, comparator=COMPARATOR.RANGE, target_upper=Fraction(40), approximate=True)
    assert between.target_text() == "30 m²/百户 – 40 m²/百户左右"


def test_a_row_in_a_table_for_people(row: Row) -> None:
    """The region with what it is crossed with, if anything; the reason behind a verdict that is unknown."""
    name, words = row.name.zh, label("not_met", "zh")
    assert row_cells(row, "zh") == ["睢县/甲 2024", "4", name, "30 m²/百户", "> 30 m²/百户", "0 m²/百户", words]
    bare = attrs.evolve(row, period=None, columns={}, number=None)
    assert row_cells(bare, "en")[:3] == ["Suixian", "", row.name.en]
    blank = attrs.evolve(
        row, columns={"part": None, "cluster": "a"}, verdict=cp.Verdict.UNKNOWN, reason=Reason.MISSING_DATA
    )
    assert row_cells(blank, "en")[0] == "Suixian/—/a 2024"
    assert row_cells(blank, "en")[-1] == f"{label('unknown', 'en')} ({label('missing_data', 'en')})"


def test_rows_are_found_by_target_and_region(plan: cp.Plan) -> None:
    """By code or name in either language; what is not there, or not alone, is said."""
    counties = plan.evaluate(pl.concat([SUI, YONG]), by="county", targets=AREA)
    for region in ("411422", "睢县", "Suixian"):
        assert counties.row(AREA, region) is counties.rows[0]
    assert Result(rows=counties.rows[:1], plan="").row(AREA) is counties.rows[0]
    with pytest.raises(cp.NotFoundError, match=f"no target '{AREA[:-1]}'; did you mean '{AREA}'"):
        counties.row(AREA[:-1])
    with pytest.raises(cp.NotFoundError, match="no region '永城'; did you mean '永城市'"):
        counties.row(AREA, "永城")
    with pytest.raises(cp.NotFoundError, match="no region '411423'; did you mean '411422'"):
        counties.row(AREA, "411423")
    with pytest.raises(cp.NotFoundError, match=f"no single row '{AREA}'.* 2 rows match: name a region"):
        counties.row(AREA)


def test_rows_are_made_once_and_only_when_they_are_asked_for(result: Result) -> None:
    """However often; a result is the same before and after, and in another process."""
    made = []

    def rows() -> tuple[Row, ...]:
        made.append(1)
        return result.rows

    late = Result(rows=rows, plan=result.plan, notes=result.notes, wide=lambda level: level)
    assert made == []
    assert list(late) == list(result.rows)
    assert (len(late), len(made)) == (len(result), 1)
    again = pickle.loads(pickle.dumps(late))
    assert again == late
    assert again != attrs.evolve(again, plan="other")
    assert again != attrs.evolve(again, rows=result.rows[1:])
    assert again != result.rows


def test_failing_rows_are_those_that_are_not_met(plan: cp.Plan) -> None:
    """Neither what is met nor what is unknown; all else that was said stays."""
    frame = pl.concat([SUI, YONG, YONG.with_columns(code=pl.lit("411425001001"), households=None)[:1]])
    whole = plan.evaluate(frame, by="county", targets=AREA, as_of="2025-12-31")
    assert [row.verdict.value for row in whole] == ["not_met", "unknown", "met"]
    failing = whole.failing()
    assert failing.rows == whole.rows[:1]
    assert attrs.evolve(failing, rows=whole.rows) == whole


def test_rows_as_plain_values(result: Result, row: Row) -> None:
    """Exact in dicts, as text in JSON, the nearest double in columns; nothing where there is nothing to say."""
    unknown = next(row for row in result if row.verdict is cp.Verdict.UNKNOWN)
    plain = unknown.to_dict()
    assert (plain["value"], plain["shortfall_unit"], plain["reason"]) == (None, None, unknown.reason)
    assert (plain["part"], plain["period"], plain["region_name"]) == ("甲", "2024", "永城市")
    assert list(plain)[5:10] == ["region_name", "level", "period", "part", "value"]
    assert unknown.to_dict("en")["region_name"] == "Yongcheng"
    assert (row.to_dict()["reason"], row.to_dict()["shortfall_unit"]) == (None, str(row.shortfall_unit))
    third = attrs.evolve(row, value=Fraction(1, 3), upper=None, discrepancies=("A01", "A11"), readings=("A02=x",))
    one = Result(rows=(third, unknown, row), plan="")
    assert "睢县" in one.to_json()
    told = json.loads(one.to_json("en", indent=1))
    assert (told[0]["value"], told[0]["due"], told[0]["discrepancies"]) == ("1/3", "2025-12-31", ["A01", "A11"])
    assert told[0]["region_name"] == "Suixian"
    assert one.to_dicts()[0]["due"] == dt.date(2025, 12, 31)
    columns = one.to_columns()
    assert (columns["value"], columns["part"]) == ([1 / 3, None, 30.0], ["甲"] * 3)
    assert columns["upper"] == [float("inf"), None, 30.0], "no limit, no value, and a limit"
    assert one.to_polars()["upper"].to_list() == columns["upper"]
    assert Result(rows=(third,), plan="").to_columns()["value"] == [1 / 3]
    empty = Result(rows=(), plan="")
    without = [name for name in columns if name != "part"]
    assert list(empty.to_columns()) == empty.to_polars().columns == list(empty.to_pandas().columns) == without
    types = {"number": pl.Int64, "value": pl.Float64, "due": pl.Date, "reason": pl.String, "region": pl.String}
    types |= dict.fromkeys(("discrepancies", "readings"), pl.List(pl.String))
    for some in (empty, one):
        assert {name: some.to_polars().schema[name] for name in types} == types
        assert [str(some.to_pandas()[name].dtype) for name in ("number", "value")] == ["Int64", "float64"]


def test_regions_side_by_side(result: Result) -> None:
    """A line for each region, year and group of one level; a target that has no row there leaves it empty."""
    kept = [row for row in result if row.level == "county"][:-1]
    total = attrs.evolve(kept[0], level="total", region="total")
    frame = wide_frame([*kept, total], "county", pl.DataFrame())
    names = [f"{name}__{what}" for name in (RURAL, AREA) for what in ("value", "verdict")]
    assert sorted(frame.columns) == sorted(["region", "period", "part", *names])
    assert frame["region"].to_list() == ["411422", "411481", "411422", "411481"]
    assert frame["period"].to_list() == ["2024", "2024", "2025", "2025"]
    by_line = {(row.period, row.region, row.target): row for row in kept}
    for line in frame.iter_rows(named=True):
        for target in (RURAL, AREA):
            row = by_line.get((line["period"], line["region"], target))
            told = (None, None) if row is None else (row.value and float(row.value), row.verdict.value)
            assert (line[f"{target}__value"], line[f"{target}__verdict"]) == told
    alone = wide_frame([attrs.evolve(total, period=None, columns={})], None, pl.DataFrame())
    assert alone["region"].to_list() == ["total"]
    assert "period" not in alone.columns


def test_a_level_that_was_not_asked_for_is_not_found(result: Result) -> None:
    """Without a level the finest is meant; without levels the whole table."""
    levels: list[Any] = []
    given = Result(rows=(), plan="", levels=("city", "county"), wide=levels.append)
    given.wide()
    given.wide("city")
    Result(rows=(), plan="", wide=levels.append).wide()
    assert levels == ["county", "city", None]
    with pytest.raises(cp.NotFoundError, match="no level 'township'"):
        given.wide("township")
    with pytest.raises(cp.NotFoundError, match="no level 'city'"):
        Result(rows=(), plan="").wide("city")
    assert attrs.evolve(result, wide=None).wide().shape[0] == 4


def test_html_shows_no_more_rows_than_are_asked_for(result: Result) -> None:
    """And says how many it leaves out."""
    whole = result.to_html("en")
    assert whole.count("<tr>") == len(result) + 1
    assert whole.count("<th>") == 7
    assert "Suixian" in whole
    assert "… +" not in whole
    assert "… +" not in result.to_html(most=len(result))
    assert "… + 1</td>" in result.to_html(most=len(result) - 1)
    assert '<td colspan="7">… + 7</td>' in result.to_html(most=len(result) - 7)
    assert result.to_html(most=1).count("<td>") == 7
    assert result._repr_html_() == result.to_html("zh", most=200)
