"""What `evaluate` takes and gives."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import community_plan as cp

AREA = "facility-area-per-100-households"
SHARE = "commercial-and-service-area-share"


@pytest.fixture
def frame() -> pl.DataFrame:
    """Two villages of two counties."""
    return pl.DataFrame(
        {
            "code": ["411422001201", "411422002201", "411481001001", "411481001002"],
            "households": [100, 200, 300, 400],
            "comprehensive_service_area": [31.5, 60.0, 90.0, 140.0],
        }
    )


def values(result: cp.Result) -> dict[str, Fraction | None]:
    """Return value by region."""
    return {row.region: row.value for row in result}


def test_every_level_gets_rows_of_its_own(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """The finest level is added up once, the coarser ones follow."""
    result = plan.evaluate(frame, by=["community", "city", "county", "township"], targets=AREA)
    found = values(result)
    assert found["411400"] == Fraction(3215, 100)
    assert found["411422"] == Fraction(305, 10)
    assert found["411481001"] == Fraction(23000, 700)
    assert found["411422001201"] == Fraction(63, 2)
    assert [row.level for row in result] == ["city"] + ["county"] * 2 + ["township"] * 3 + ["community"] * 4
    for level in ("city", "county", "township", "community"):
        alone = plan.evaluate(frame, by=level, targets=AREA)
        assert alone.rows == tuple(row for row in result if row.level == level)


def test_without_by_the_table_is_one_region(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """Called total."""
    row = plan.evaluate(frame, targets=AREA).row(AREA)
    assert (row.region, row.level, str(row.region_name)) == ("total", "total", "合计")
    assert row.value == Fraction(3215, 100)
    assert (row.numerator, row.denominator) == (Fraction(643, 2), 1000)


def test_a_region_is_found_by_code_and_by_name(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """睢县 is 411422 is Suixian."""
    result = plan.evaluate(frame, by="county", targets=AREA)
    assert result.row(AREA, "411422") is result.row(AREA, "睢县") is result.row(AREA, "Suixian")
    with pytest.raises(cp.NotFoundError, match="did you mean '睢县'"):
        result.row(AREA, "睢")
    with pytest.raises(cp.NotFoundError, match="name a region"):
        result.row(AREA)


def test_a_panel_of_years_is_crossed_with_the_regions(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """The year becomes the period; a code may stand once in each."""
    panel = pl.concat(
        [frame.with_columns(year=2023), frame.with_columns(year=2024, households=pl.col("households") * 2)]
    )
    with pytest.raises(cp.DataError, match="group by the column of the year"):
        plan.evaluate(panel, by="county", targets=AREA)
    result = plan.evaluate(panel, by=["year", "county"], targets=AREA)
    assert [(row.period, row.region) for row in result] == [
        ("2023", "411422"),
        ("2023", "411481"),
        ("2024", "411422"),
        ("2024", "411481"),
    ]
    assert result.rows[0].value == 2 * result.rows[2].value  # type: ignore[operator]  # both have one
    named = plan.evaluate(panel.rename({"year": "period"}), by=["period", "county"], targets=AREA)
    assert named.rows == result.rows


def test_any_other_column_is_a_group_too(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """Its values stand in a column of their own."""
    result = plan.evaluate(frame.with_columns(cluster=pl.Series(["a", "b", "a", None])), by="cluster", targets=AREA)
    assert [row.columns for row in result] == [{"cluster": "a"}, {"cluster": "b"}, {"cluster": None}]
    assert result.to_dicts()[0]["cluster"] == "a"
    assert "cluster" in result.to_polars().columns
    with pytest.raises(cp.DataError, match="columns that a result does not have itself, got by='value'"):
        plan.evaluate(frame.with_columns(value=pl.lit("a")), by=["county", "value"], targets=AREA)


def test_as_of_is_the_period_where_there_is_no_other(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """A date or its text."""
    result = plan.evaluate(frame, targets=AREA, as_of="2024-12-31")
    assert result.as_of == dt.date(2024, 12, 31)
    assert result.rows[0].period == "2024-12-31"


@pytest.mark.parametrize("kind", ["polars", "lazy", "pandas", "pyarrow", "duckdb"])
def test_as_of_is_the_period_in_frames_of_every_level(plan: cp.Plan, frame: pl.DataFrame, kind: str) -> None:
    """In the user's own kind of frame, and after the region, unless the data have a period of their own."""
    given = frame.with_columns(cluster=pl.lit("a"), year=pl.lit(2023))
    make: dict[str, Callable[[], Any]] = {
        "polars": lambda: given,
        "lazy": given.lazy,
        "pandas": given.to_pandas,
        "pyarrow": given.to_arrow,
        "duckdb": lambda: duckdb.from_arrow(given.to_arrow()),
    }
    for more, period in (([], "2024-12-31"), (["cluster"], "2024-12-31"), (["year"], "2023")):
        data = make[kind]()
        result = plan.evaluate(data, by=["county", "community", *more], targets=AREA, as_of="2024-12-31")
        communities, counties = (nw.from_native(result.wide(level)) for level in ("community", "county"))
        assert type(communities.to_native()) is type(data)
        names = ["region", "period", *(name for name in more if name != "year"), f"{AREA}__value", f"{AREA}__verdict"]
        assert communities.collect_schema().names() == counties.collect_schema().names() == names
        rows = (communities.collect() if isinstance(communities, nw.LazyFrame) else communities).to_native()
        assert set(nw.from_native(rows)["period"].to_list()) == {period}


def test_townships_of_one_name_are_told_apart_by_their_county(plan: cp.Plan) -> None:
    """Half of China's counties have a 城关镇."""
    rows = [
        ("411422001201", "睢县", "城关镇", 100, 20.0),
        ("411422002201", "睢县", "河堤乡", 100, 40.0),
        ("411421001201", "民权县", "城关镇", 100, 60.0),
    ]
    frame = pl.DataFrame(
        rows, schema=["code", "county", "township", "households", "comprehensive_service_area"], orient="row"
    )
    found = values(plan.evaluate(frame, by="township", targets=AREA))
    assert found == {"睢县/城关镇": 20, "睢县/河堤乡": 40, "民权县/城关镇": 60}
    assert values(plan.evaluate(frame, by="county", targets=AREA)) == {"睢县": 30, "民权县": 60}


def test_a_row_of_no_region_is_a_fault_not_a_loss(plan: cp.Plan) -> None:
    """Nothing is left out in silence."""
    frame = pl.DataFrame({"county": ["睢县", None], "households": [1, 2], "comprehensive_service_area": [1, 2]})
    with pytest.raises(cp.DataError, match="row 2, column 'county': expected a county"):
        plan.evaluate(frame, by="county", targets=AREA)


@pytest.mark.parametrize(
    ("columns", "units"),
    [
        ({"户数": [1, 2], "综合服务设施面积": [200, 400]}, {}),
        ({"户数（百户）": [0.01, 0.02], "综合服务设施面积(亩)": [0.3, 0.6]}, {}),
        ({"households": [1, 2], "comprehensive_service_area": [0.02, 0.04]}, {"comprehensive_service_area": "公顷"}),
        ({"户数": [1, 2], "综合服务设施面积": [0.3, 0.6]}, {"综合服务设施面积": "亩"}),
        ({"户数": [1, 2], "综合服务设施面积": [0.3, 0.6]}, {"communities.comprehensive_service_area": "亩"}),
    ],
)
def test_headers_and_units_say_what_a_column_holds(
    plan: cp.Plan, tmp_path: Path, columns: dict[str, list[float]], units: dict[str, str]
) -> None:
    """In Chinese, with the unit in brackets, or by the call; on every engine and in a file."""
    frame = pl.DataFrame(columns)
    path = tmp_path / "table.csv"
    frame.write_csv(path)
    for data in (frame, frame.to_pandas(), frame.to_arrow(), path):
        assert plan.evaluate(data, targets=AREA, units=units).row(AREA).value == 20_000


def test_a_unit_that_does_not_come_out_even_is_rounded_once_and_noted(plan: cp.Plan) -> None:
    """1 亩 is 666.666… m²: half to even, and said."""
    frame = pl.DataFrame({"户数": [1, 1], "综合服务设施面积(亩)": [1, 3]})
    for data in (frame, frame.cast(pl.Float64), frame.to_pandas()):
        result = plan.evaluate(data, targets=AREA)
        assert result.row(AREA).numerator == Fraction("666.6667") + 2000
        assert [note.code for note in result.notes] == ["rounded"]
        assert "1 value(s) rounded" in result.notes[0].en


def test_a_cell_may_bring_a_unit_that_does_not_come_out_even(plan: cp.Plan, tmp_path: Path) -> None:
    """0.2 亩 in one cell, or in one object, is rounded like a column of them."""
    place = cp.Community(code="411422001201", households=1, comprehensive_service_area="0.2 亩")
    path = tmp_path / "communities.csv"
    path.write_text("code,households,comprehensive_service_area\n411422001201,1,0.2亩\n", "utf-8")
    for data in ([place], path):
        result = plan.evaluate(data, targets=AREA)
        assert result.row(AREA).numerator == Fraction("133.3333")
        assert "rounded" in {note.code for note in result.notes}


def test_a_csv_of_a_spreadsheet_is_read_as_people_wrote_it(plan: cp.Plan, tmp_path: Path) -> None:
    """GB18030, full-width digits, separators, units in cells, dashes for blanks, empty rows at the end."""
    lines = (
        "区划代码,城乡,户数,综合服务设施面积",
        '411422001201,农村,"1，0００",３００ ㎡',
        '411422001202,村,"1,000户",0.6亩',
        "411422001203,,——,1",
        ",,,",
    )
    for encoding in ("gb18030", "utf-8", "utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        row = plan.evaluate(path, targets=AREA).row(AREA)
        assert (row.value, row.denominator) == (35, 2000)
        assert row.reporting_share == Fraction(2, 3)


def test_a_measure_narrowed_by_a_reading_needs_its_column(plan: cp.Plan) -> None:
    """A06 read narrowly counts new-built stock only."""
    frame = pl.DataFrame(
        {"商业面积": [1, 9], "综合服务设施面积": [4, 1], "总建筑面积": [100, 100], "住宅区类型": ["新建", "已建成"]}
    )
    assert plan.evaluate(frame, targets=SHARE).row(SHARE).value == Fraction(15, 2)
    assert plan.evaluate(frame, targets=SHARE, reading={"A06": "new-built-only"}).row(SHARE).value == 5


def test_a_zones_county_kind_is_declared_or_unknown(plan: cp.Plan) -> None:
    """Its social workers may count for districts or for counties: until it is said, both are open."""
    name = "social-workers-per-district-community"
    frame = pl.DataFrame({"code": ["411471001001", "411402001001"], "social_workers": [5, 2]})
    row = plan.evaluate(frame, targets=name).row(name)
    assert (row.value, row.lower, row.upper) == (2, 1, 7)
    declared = frame.with_columns(county_kind=pl.Series(["district", None]))
    assert plan.evaluate(declared, targets=name).row(name).value == Fraction(7, 2)


def test_a_city_of_an_autonomous_prefecture_is_no_district(plan: cp.Plan) -> None:
    """Digits 01–20 name a district in a city that has districts, and a county-level city in a prefecture."""
    names = ["social-workers-per-district-community", "social-workers-per-county-community"]
    places = [("411402001001", 2), ("411422001001", 3), ("652301001001", 5), ("652323001001", 8)]
    frame = pl.DataFrame(places, schema=["code", "social_workers"], orient="row")
    relation = duckdb.from_arrow(frame.to_arrow())
    objects = [cp.Community(code=code, social_workers=count) for code, count in places]
    for data in (objects, frame, frame.lazy(), frame.to_pandas(), frame.to_arrow(), relation):
        result = plan.evaluate(data, targets=names)
        assert [result.row(name).value for name in names] == [2, Fraction(16, 3)]


PLACES = [f"41{city:02}{county:02}00{town}201" for city in (14, 16) for county in (21, 22) for town in (1, 2)]
DIGITS = {"city": 4, "county": 6, "township": 9}


@pytest.mark.parametrize("crossed", [False, True], ids=["regions", "regions by year"])
@pytest.mark.parametrize("order", list(itertools.permutations(["city", "county", "township"])), ids=" ".join)
def test_a_frame_of_a_level_says_what_the_rows_say_whichever_is_asked_for_first(
    plan: cp.Plan, order: tuple[str, ...], crossed: bool
) -> None:
    """What is on a county's rolls, or its city's, is in no frame of a finer level and in all others."""
    heads = dict(zip(("411422", "4114", *PLACES[:5]), range(1, 8), strict=True))
    residents = {code: 1000 + 7 * at for at, code in enumerate(PLACES)}
    years = {"year": [2024, 2025]} if crossed else {}  # in the second, twice as many
    communities = pl.DataFrame({"code": residents.keys(), "residents": residents.values()})
    workforce = pl.DataFrame(
        {"region": [code.ljust(12, "0") for code in heads], "role": "social_worker", "headcount": heads.values()}
    )
    if crossed:
        communities, workforce = (frame.join(pl.DataFrame(years), how="cross") for frame in (communities, workforce))
        workforce = workforce.with_columns(pl.col("headcount") * (pl.col("year") - 2023))
    data = cp.Dataset(communities=communities, workforce=workforce)
    name = "social-workers-per-resident"
    result = plan.evaluate(data, by=["city", "county", "township", *years], targets=name)
    for level in order:
        expected = []
        for region in {code[: DIGITS[level]] for code in PLACES}:
            workers = sum(count for code, count in heads.items() if code.startswith(region))
            people = sum(count for code, count in residents.items() if code.startswith(region))
            for times, year in enumerate(years.get("year", [None]), start=1):
                expected.append((str(year), region.ljust(6, "0"), float(Fraction(1000 * times * workers, people))))
        rows = [row for row in result if row.level == level]
        assert sorted((str(row.period), row.region, float(row.value or 0)) for row in rows) == sorted(expected)
        frame = result.wide(level)
        periods = [str(period) for period in (frame["period"] if crossed else [None] * len(frame))]
        assert sorted(zip(periods, frame["region"], frame[f"{name}__value"], strict=True)) == sorted(expected)


def test_int32_columns_do_not_overflow(plan: cp.Plan) -> None:
    """Sums past 2^31 are right."""
    rows = 3000
    frame = pl.DataFrame(
        {
            "households": pl.Series([2**20] * rows, dtype=pl.Int32),
            "comprehensive_service_area": pl.Series([2**20] * rows, dtype=pl.Int32),
        }
    )
    for data in (frame, frame.to_pandas(), frame.to_arrow()):
        row = plan.evaluate(data, targets=AREA).row(AREA)
        assert row.denominator == rows * 2**20
        assert row.value == 100


def test_a_missing_part_is_bounded_by_its_whole_whatever_targets_are_chosen(plan: cp.Plan) -> None:
    """The gross floor area limits the area that is not told, also when no target asks for it."""
    columns = {"households": [100, 100], "comprehensive_service_area": [20.0, None], "gross_floor_area": [90, 60]}
    for data in (pl.DataFrame(columns), pd.DataFrame(columns)):
        row = plan.evaluate(data, targets=AREA).row(AREA)
        assert (row.value, row.lower, row.upper) == (20, 10, 40)
        row = plan.evaluate(
            data.drop("gross_floor_area") if isinstance(data, pl.DataFrame) else data.drop(columns="gross_floor_area"),
            targets=AREA,
        ).row(AREA)
        assert (row.value, row.lower, row.upper, row.reason) == (20, 10, None, "missing_data")


def test_an_empty_table_is_unknown(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """Not an exception."""
    for data in (frame.head(0), frame.head(0).to_pandas(), frame.head(0).to_arrow(), []):
        row = plan.evaluate(data, targets=AREA).row(AREA)
        assert (row.verdict, row.reason) == ("unknown", "nothing_in_scope")
        assert plan.evaluate(data, by="county", targets=AREA).rows == ()


def test_results_take_every_form(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """Dicts and JSON are exact, frames carry the nearest floats."""
    result = plan.evaluate(frame, by="county", targets=AREA)
    assert result.to_dicts()[0]["value"] == Fraction(61, 2)
    assert '"value": "30.5"' in result.to_json()
    polars, pandas = result.to_polars(), result.to_pandas()
    assert polars["value"].to_list() == pandas["value"].to_list() == [30.5, 230 / 7]
    assert list(polars.columns) == list(pandas.columns) == list(result.to_dicts()[0])
    assert pa.table(result)["verdict"].to_pylist() == ["met", "met"]
    assert pl.DataFrame(result).equals(polars)
    assert [row["region_name"] for row in result.to_dicts("en")] == ["Suixian", "Yongcheng"]
    assert result.to_pandas("en")["region_name"].to_list() == result.to_polars("en")["region_name"].to_list()
    assert len(result.failing()) == 0
    assert plan.evaluate(frame.head(0), by="county", targets=AREA).to_polars().columns == polars.columns


def test_html_escapes_what_the_data_say(plan: cp.Plan) -> None:
    """A region's name is text, never markup."""
    frame = pl.DataFrame(
        {"county": ["<script>alert(1)</script>"], "households": [1], "comprehensive_service_area": [1]}
    )
    html = plan.evaluate(frame, by="county", targets=AREA)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_judging_published_values(plan: cp.Plan) -> None:
    """The plan's own baselines: rows 1, 4 and 7 not met, row 2 met, six unknown with the reason."""
    result = plan.judge(plan.baselines(), targets="main")
    verdicts = {row.number: row.verdict.value for row in result}
    assert verdicts == {1: "not_met", 2: "met", 4: "not_met", 7: "not_met"} | dict.fromkeys(
        (3, 5, 6, 8, 9, 10), "unknown"
    )
    assert {row.reason for row in result if row.verdict == "unknown"} == {"no_value"}
    assert result.row(AREA).gap == 0


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("92.99999 %", "not_met"),
        ("93 %", "met"),
        (93, "met"),
        (0.93, "not_met"),
        ("0.93", "not_met"),
        (cp.quantity("930 ‰"), "met"),
        (None, "unknown"),
    ],
)
def test_a_published_value_may_have_any_form(plan: cp.Plan, value: object, verdict: str) -> None:
    """A bare number is in the indicator's own unit."""
    assert plan.judge({"rural-facility-coverage": value}).row("rural-facility-coverage").verdict == verdict


def test_faulty_published_values_are_told_together(plan: cp.Plan) -> None:
    """Each with its target."""
    with pytest.raises(cp.DataFaults) as caught:
        plan.judge({"rural-facility-coverage": "93 m²", "activity-area-share": "much", "no-such": 1})
    assert len(caught.value.faults) == 3


def test_a_published_value_is_not_lost_because_its_target_is_not_asked_for(plan: cp.Plan) -> None:
    """Each such value is named; None is no value, and an indicator is asked for with any of its targets."""
    rural, activity = "rural-facility-coverage", "activity-area-share"
    values = {rural: "92.1 %", activity: "61 %", "urban-facility-coverage": None, f"{AREA}@四(三)2": 31}
    with pytest.raises(cp.DataFaults) as caught:
        plan.judge(values, targets=[rural])
    assert [str(fault) for fault in caught.value.faults] == [
        f"{name}: a value is given, but targets= does not name it. Name it there, or leave targets= out."
        for name in (activity, f"{AREA}@四(三)2")
    ]
    with pytest.raises(cp.DataError, match=activity):
        plan.judge({activity: "61 %"}, targets=rural)
    assert [row.target for row in plan.judge({AREA: 31}, targets=f"{AREA}@四(三)2")] == [f"{AREA}@四(三)2"]
    assert plan.judge(values, targets=[*values]).row(activity).verdict == "met"
    with pytest.raises(cp.NotFoundError, match="no target 'rural'"):
        plan.judge({rural: 1}, targets="rural")


def test_a_tally_is_judged_like_the_data(plan: cp.Plan, frame: pl.DataFrame) -> None:
    """Two halves, tallied apart, make the whole."""
    whole = plan.evaluate(frame, by="county", targets=AREA)
    halves = [plan.tally(half, by="county", targets=AREA, complete=False) for half in (frame.head(3), frame.tail(1))]
    assert plan.evaluate(halves[0] + halves[1]).rows == whole.rows
    with pytest.raises(cp.NotFoundError, match="at least one"):
        plan.tally(frame, targets=[])


def test_cells_that_are_alike_may_be_written_in_different_units(plan: cp.Plan) -> None:
    """One comes out even in square metres, the other does not: whichever stands first, both are read as they are."""
    target = "facility-area-per-100-households"
    areas = [cp.quantity("0.0001 m²"), cp.quantity("0.00000015 亩")]
    assert areas[0] == areas[1]
    found = []
    for order in (areas, areas[::-1]):
        rows = [
            cp.Community(code=f"41142200120{number}", households=10, comprehensive_service_area=area)
            for number, area in enumerate(order, start=1)
        ]
        try:
            found.append(plan.evaluate(rows, targets=target).row(target).value)
        except cp.DataError as error:
            found.append(error.problem)
    assert found[0] == found[1]


def test_what_is_not_listed_is_zero_or_unknown_and_nothing_else() -> None:
    """A slip of the pen changes no verdict."""
    with pytest.raises(cp.DataError, match="unlisted: expected 'zero' or 'unknown', got 'zeros'"):
        cp.Dataset(communities=[], unlisted="zeros")  # type: ignore[arg-type]  # that is the test


def test_a_language_that_nothing_is_written_in_is_not_found(plan: cp.Plan) -> None:
    """Neither taken for English nor a key that is missing."""
    result = plan.judge({"rural-facility-coverage": "92.1 %"})
    (row, *_) = result.rows
    asks: list[Callable[[Any], Any]] = [
        result.to_json,
        result.to_html,
        result.to_columns,
        row.value_text,
        row.gap_text,
        plan.title.get,
        lambda lang: plan.formula("facility-area-per-100-households", lang),
        lambda lang: cp.quantity("30 m²/百户").text(lang),
    ]
    for ask in asks:
        with pytest.raises(cp.errors.NotFoundError, match="no language 'fr'"):
            ask("fr")
