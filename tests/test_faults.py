"""What is said when the data are wrong: what, where, how to mend it — all at once."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import community_plan as cp
from community_plan import errors, tables
from community_plan.frames import opening
from community_plan.verdicts import Reason

AREA = "facility-area-per-100-households"
CON = duckdb.connect()
GOOD = {
    "code": ["411422001201", "411422001202", "411422001203"],
    "households": [100, 200, 300],
    "comprehensive_service_area": [30.0, 60.0, 90.0],
}


def as_csv(columns: dict[str, list[Any]], folder: Path) -> Path:
    """Write a table as a user would save it."""
    path = folder / "communities.csv"
    lines = [",".join(columns)] + [
        ",".join("" if c is None else str(c) for c in row) for row in zip(*columns.values(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


FORMS: dict[str, Callable[[dict[str, list[Any]], Path], Any]] = {
    "csv": as_csv,
    "polars": lambda columns, _: pl.DataFrame(columns, strict=False),
    "pandas": lambda columns, _: pd.DataFrame(columns),
    "pyarrow": lambda columns, _: pa.table(columns),
    "duckdb": lambda columns, _: CON.from_arrow(pa.table(columns)),
    "pandas alone": lambda columns, _: pd.DataFrame(columns),
    "pyarrow alone": lambda columns, _: pa.table(columns),
}


@pytest.fixture(params=FORMS)
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make a table of each form, with some columns changed; alone is without polars."""
    if request.param.endswith("alone"):
        monkeypatch.setattr(opening, "_polars_is_there", lambda: False)

    def build(**changed: list[Any] | None) -> Any:
        columns = {name: cells for name, cells in {**GOOD, **changed}.items() if cells is not None}
        return FORMS[request.param](columns, tmp_path)

    return build


def fault(plan: cp.Plan, data: Any, kind: type[Exception], **options: Any) -> Any:
    """Evaluate and return the one fault."""
    with pytest.raises(kind) as caught:
        plan.evaluate(data, targets=options.pop("targets", AREA), **options)
    assert isinstance(caught.value, errors.CommunityPlanError)
    return caught.value


def test_the_table_is_good_before_it_is_spoilt(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """So that every fault below is the one that was made."""
    assert plan.evaluate(make(), targets=AREA).row(AREA).value == 30


def test_a_wrong_dimension_names_column_both_units_and_the_fix(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """Households are not measured in square metres."""
    error = fault(plan, make(), errors.DimensionError, units={"households": "m²"})
    assert (error.place.column, error.expected, error.got) == ("households", "户", "m²")
    assert "Give 'households' in 户" in str(error)


def test_an_unknown_unit_names_column_and_nearest_unit(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """A slip is mended at a glance."""
    error = fault(plan, make(), errors.UnknownUnitError, units={"households": "百护"})
    assert error.place.column == "households"
    assert "百户" in error.suggestions


def test_what_stands_in_brackets_after_a_header_is_a_unit_or_a_fault_of_that_column(
    plan: cp.Plan, make: Callable[..., Any]
) -> None:
    """The column is there, so none is said to be missing."""
    changed = {"comprehensive_service_area": None, "综合服务设施面积(含在建)": [30.0, 60.0, 90.0]}
    error = fault(plan, make(**changed), errors.UnknownUnitError)
    assert (error.place.column, error.unit) == ("综合服务设施面积(含在建)", "含在建")
    assert "in m² or a unit that converts to it" in str(error)


def test_brackets_after_a_header_that_no_target_reads_are_no_fault(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """A column too many does no harm, and what has no unit is another column with brackets than without."""
    data = make(**{"常住人口(2024年)": [1, 2, 3], "名称(曾用名)": ["甲", "乙", "丙"]})
    assert plan.evaluate(data, targets=AREA, by="community").rows[0].region_name.zh == "411422001201"
    coded = make(code=None, **{"代码(原)": GOOD["code"]})
    assert "headed 'code'" in str(fault(plan, coded, errors.MissingColumnError, by="county"))


def test_a_header_and_a_call_that_name_two_units(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """Neither wins in silence; where both say the same there is no fault."""
    changed = {"comprehensive_service_area": None, "综合服务设施面积(公顷)": [0.003, 0.006, 0.009]}
    for key in ("comprehensive_service_area", "综合服务设施面积(公顷)"):
        assert plan.evaluate(make(**changed), targets=AREA, units={key: "公顷"}).row(AREA).value == 30
        error = fault(plan, make(**changed), errors.AmbiguousColumnError, units={key: "亩"})
        assert error.place.column == "综合服务设施面积(公顷)"
        assert "the header says 公顷, the call says 亩" in str(error)


def test_a_unit_for_a_column_that_is_not_there(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """It would otherwise be lost in silence."""
    error = fault(plan, make(), errors.MissingColumnError, units={"household": "百户"})
    assert "did you mean 'households'" in str(error)


def test_a_unit_may_be_given_for_a_column_that_no_target_reads(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """By its header or by what it stands for; if it is not there, it is not called its own nearest."""
    for header in ("gross_floor_area", "建筑面积"):
        data = make(**{header: [100.0, 200.0, 300.0]})
        for name in ("gross_floor_area", header):
            assert plan.evaluate(data, targets=AREA, units={name: "亩"}).row(AREA).value == 30
    error = fault(plan, make(), errors.MissingColumnError, units={"gross_floor_area": "亩"})
    assert "a unit is given for 'gross_floor_area', but no such column is used" in str(error)
    assert "did you mean" not in str(error)


def test_a_negative_amount_names_row_and_column(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """An area below zero is nobody's."""
    error = fault(plan, make(comprehensive_service_area=[30.0, -60.0, 90.0]), errors.CellError)
    assert (error.place.row, error.place.column, error.count) == (2, "comprehensive_service_area", 1)
    assert "expected 0 or more, got -60" in str(error)
    assert str(error).endswith("Correct the cell, or leave it empty if the value is not known.")


def test_the_dust_of_a_float_is_no_negative_amount(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """0.1 + 0.2 − 0.3 leaves some above 0, and 0.3 − 0.1 − 0.2 below."""
    dust = make(comprehensive_service_area=[30.0, 60.0, 0.3 - 0.1 - 0.2])
    if isinstance(dust, Path):  # a text means what it says
        assert "expected 0 or more" in str(fault(plan, dust, errors.CellError))
    else:
        assert plan.evaluate(dust, targets=AREA).row(AREA).value == 15
        beside = make(comprehensive_service_area=[30.0, 60.0, 0.3 - 0.1 - 0.2], households=[100, -1, 300])
        assert fault(plan, beside, errors.CellError).place.column == "households"
    error = fault(plan, make(comprehensive_service_area=[30.0, 60.0, -0.00001]), errors.CellError)
    assert "expected 0 or more" in str(error)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("type_", [pl.UInt64, pl.Int128])
def test_a_number_beyond_64_bits_is_a_fault_and_not_a_missing_cell(plan: cp.Plan, type_: Any, lazy: bool) -> None:
    """Engines make nulls of what does not fit."""
    frame = pl.DataFrame({**GOOD, "households": pl.Series([100, None, 2**63 + 5], dtype=type_)})
    error = fault(plan, frame.lazy() if lazy else frame, errors.CellError)
    assert (error.place.column, error.count) == ("households", 1)
    assert "got 9223372036854775813" in str(error)


def test_more_digits_than_the_quantum_holds_are_a_fault_not_a_rounding(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """29.99996 is not 30."""
    error = fault(plan, make(comprehensive_service_area=[30.0, 60.0, 89.99996]), errors.CellError)
    assert (error.place.row, error.place.column) == (3, "comprehensive_service_area")
    assert "0.0001 m²" in str(error)
    error = fault(plan, make(households=[100.5, 200, 300]), errors.CellError)
    assert "a whole number" in str(error)


def test_an_amount_beyond_reason_is_a_fault(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """No sum can overflow unnoticed."""
    error = fault(plan, make(households=[100, 2**51, 300]), errors.CellError)
    assert error.place.row == 2


def test_one_place_is_a_table_of_one_row(plan: cp.Plan) -> None:
    """By itself, in a list, or out of a generator."""
    place = cp.Community(code="411422001201", households=100, comprehensive_service_area=30)
    for data in (place, [place], (place,), iter([place])):
        assert plan.evaluate(data, targets=AREA).row(AREA).value == 30


@pytest.mark.parametrize("form", [f for f in FORMS if f not in ("csv", "duckdb")])
def test_a_table_without_a_row_needs_no_types(plan: cp.Plan, form: str, tmp_path: Path) -> None:
    """Whatever a library makes of columns that hold nothing."""
    empty = FORMS[form]({name: [] for name in GOOD}, tmp_path)
    assert plan.evaluate(empty, by="county", targets=AREA).rows == ()
    assert plan.evaluate(empty, targets=AREA).row(AREA).reason is Reason.NOTHING_IN_SCOPE


def test_a_file_without_a_row_has_its_columns(plan: cp.Plan, tmp_path: Path) -> None:
    """A level that it has needs no codes, which typed objects without that level do."""
    empty = as_csv({"county": [], "households": [], "comprehensive_service_area": []}, tmp_path)
    assert plan.evaluate(empty, by="county", targets=AREA).rows == ()


def test_codes_that_are_all_missing_are_told_by_row(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """A column of nothing has no type; it is no reason to give up on the table."""
    error = fault(plan, make(code=[None, None, None]), errors.CellError)
    assert error.count == 3
    assert "12-digit" in str(error)


def test_a_missing_column_names_the_targets_that_need_it(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """And the column that looks like it."""
    error = fault(plan, make(households=None, househlds=[1, 2, 3]), errors.MissingColumnError)
    assert "'households' or '户数'" in str(error)
    assert AREA in str(error)
    assert "did you mean 'househlds'" in str(error)
    error = fault(plan, make(households=None, 总户=[1, 2, 3]), errors.MissingColumnError)
    assert "did you mean '总户'" in str(error)


@pytest.mark.parametrize("word", ["合计", "小 计", "总  计", "合计：", "全市", "全县合计", "Grand total"])
@pytest.mark.parametrize("by", [None, "county"])
def test_a_row_of_totals_is_no_place(plan: cp.Plan, make: Callable[..., Any], word: str, by: str | None) -> None:
    """Where no code shows it, the name does: what the row adds up would be counted twice."""
    data = make(code=None, county=["睢县", "宁陵县", word])
    error = fault(plan, data, errors.CellError, by=by)
    assert (error.place.column, error.place.row) == ("county", 3)
    assert word in str(error)
    assert "leave out rows of totals" in str(error).lower()
    names = make(code=None, county=["合水县", "全州县", "总部"])  # places, two of them real ones
    assert len(plan.evaluate(names, by="county", targets=AREA).rows) == 3


@pytest.mark.parametrize("by", [None, "grid"])
def test_a_row_that_nothing_names_is_no_place(plan: cp.Plan, make: Callable[..., Any], by: str | None) -> None:
    """As where the word for a total stands in a column of numbers beside the names, or a note under the table."""
    grid = ["1", "2", "合计"]
    data = make(code=None, grid=grid, 县=["睢县", None, None], name=["甲", "乙", None])
    error = fault(plan, data, errors.CellError, by=by)
    assert (error.place.column, error.place.row) == ("县", 3)
    assert "expected the name of one place, got none. Fill in a name, or leave out" in str(error)
    for names in (
        {"县": ["睢县", None, "永城市"], "name": ["甲", "乙", None]},
        {},
    ):  # a name is enough, as is no column
        assert plan.evaluate(make(code=None, grid=grid, **names), targets=AREA).row(AREA).value == 30


def test_a_duplicate_code_names_both_rows(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """One community counts once."""
    error = fault(plan, make(code=["411422001201", "411422001202", "411422001201"]), errors.DuplicateCodeError)
    assert error.place.row == 3
    assert "stands on row 1 already" in str(error)
    assert "group by the column of the year" in str(error)  # however it is headed


@pytest.mark.parametrize("way", ["prepared", "tallied", "beside a register", "beside people of the county"])
def test_a_code_that_stands_twice_in_a_row_is_found_on_every_way(
    plan: cp.Plan, make: Callable[..., Any], way: str
) -> None:
    """Rows in the order of their codes show it at a glance: but somebody has to look."""
    table = make(code=["411422001201", "411422001201", "411422001203"])
    region = "411422" if way.endswith("county") else "411422001203"
    register = cp.Dataset(
        communities=make(code=["411422001201", "411422001201", "411422001203"], urban_residents=[100, 100, 100]),
        workforce=[cp.Workforce(region=region, role="community_worker", headcount=1)],
    )
    workers = "community-workers-per-10000-urban-residents"
    ask: dict[str, Callable[[], Any]] = {
        "prepared": lambda: plan.prepare(table, targets=AREA),
        "tallied": lambda: plan.tally(table, targets=AREA),
    }
    with pytest.raises(errors.DuplicateCodeError) as caught:
        ask.get(way, lambda: plan.evaluate(register, targets=workers))()
    assert caught.value.place.row == 2


def test_a_code_of_eleven_digits_is_a_fault(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """Spreadsheets eat digits."""
    error = fault(plan, make(code=["411422001201", "41142200120", "411422001203"]), errors.CellError)
    assert error.place.row == 2
    assert "12-digit" in str(error)


@pytest.mark.parametrize("form", [pl.DataFrame, pl.LazyFrame, pl.DataFrame.to_pandas, "objects"])
def test_no_register_makes_a_part_larger_than_its_whole(plan: cp.Plan, form: Any) -> None:
    """A shop of 500 m² stands in no community of 100 m²: else its share would be above what it can be at most."""
    if form == "objects":
        communities: Any = [cp.Community(code="411422001201", gross_floor_area="100 m²")]
    else:
        communities = form(pl.DataFrame({"code": ["411422001201"], "gross_floor_area": [100.0]}))
    shops = [cp.Facility(community="411422001201", kind="commercial", floor_area=f"{area} m²") for area in (60, 500)]
    target = "commercial-and-service-area-share"
    with pytest.raises(
        cp.DataError, match=r"column 'commercial_area': .* 'gross_floor_area', got more .* 411422001201"
    ):
        plan.evaluate(cp.Dataset(communities=communities, facilities=shops), targets=target)
    row = plan.evaluate(cp.Dataset(communities=communities, facilities=shops[:1]), targets=target).rows[0]
    assert row.value == 60


def test_a_part_larger_than_its_whole_is_a_fault(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """The activity area lies within the facility."""
    data = make(activity_area=[20.0, 61.0, 80.0])
    error = fault(plan, data, errors.CellError, targets="activity-area-share")
    assert (error.place.row, error.place.column) == (2, "activity_area")
    assert "'comprehensive_service_area'" in str(error)


def test_a_word_that_is_no_category_is_a_fault(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """“suburb” is neither urban nor rural."""
    data = make(setting=["urban", "suburb", "农村"], comprehensive_service_count=[1, 1, 1])
    error = fault(plan, data, errors.CellError, targets="rural-facility-coverage")
    assert error.place.row == 2
    assert "urban (城市), rural (农村), got 'suburb'" in str(error)
    assert str(error).endswith("Use one of the listed words, or leave the cell empty if it is not known.")


def test_two_columns_for_one_variable_are_a_fault(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """Which of them counts is not guessed."""
    error = fault(plan, make(户数=[1, 2, 3]), errors.AmbiguousColumnError)
    assert "'households' and '户数'" in str(error)


UNITS: list[Any] = ["百户", ["households"], {"households": 5}, {"households": None}, {5: "户"}]


@pytest.mark.parametrize("form", ["objects", "csv", "polars", "pandas", "pyarrow"])
def test_a_township_has_a_code_of_its_own(plan: cp.Plan, form: str, tmp_path: Path) -> None:
    """Of nine digits, which three zeros may follow: not that of its county, nor of one of its communities."""

    def regions(*codes: str) -> list[str]:
        townships = (
            [cp.Township(code=code, elderly_care_centre_count=1) for code in codes]
            if form == "objects"
            else FORMS[form]({"code": [*codes], "elderly_care_centre_count": [1] * len(codes)}, tmp_path)
        )
        data = cp.Dataset(communities=pl.DataFrame(GOOD), townships=townships)
        target = "elderly-care-centre-per-subdistrict"
        return [row.region for row in plan.evaluate(data, targets=target, by="township").rows]

    assert regions("411402001", "411402002000") == ["411402001", "411402002"]
    for code in ("411402", "411402000", "411402000000", "411402001001", "4114020010", "41140200", "011402001"):
        with pytest.raises(errors.CommunityPlanError, match=f"expected a township code of 9 digits, got '{code}'"):
            regions(code)


@pytest.mark.parametrize("units", UNITS, ids=repr)
def test_units_are_columns_with_their_units(plan: cp.Plan, units: Any) -> None:
    """A unit alone belongs to no column."""
    error = fault(plan, pl.DataFrame(GOOD), errors.DataError, units=units)
    assert "units={'households': '百户'}" in str(error)


def test_a_moment_of_a_day_is_that_day(plan: cp.Plan) -> None:
    """Whoever gives the hour as well asks for no other period."""
    frame = pl.DataFrame(GOOD)
    for moment in (dt.date(2025, 12, 31), dt.datetime(2025, 12, 31, 3), pd.Timestamp("2025-12-31T03:00")):
        result = plan.evaluate(frame, targets=AREA, as_of=moment)
        assert (result.row(AREA).period, result.as_of) == ("2025-12-31", dt.date(2025, 12, 31))


def test_a_by_that_is_neither_level_nor_column(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """A slip in by= does not give one big region."""
    error = fault(plan, make(), errors.MissingColumnError, by="conty")
    assert "did you mean 'county'" in str(error)


def test_communities_are_told_apart_by_their_codes(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """Names do not do it: there are many of one name."""
    data = make(code=None, name=["甲", "乙", "丙"])
    error = fault(plan, data, errors.MissingColumnError, by="community")
    assert "expected a column headed 'code' or '统计用区划代码', needed by by=community" in str(error)


def test_unknown_names_are_told_before_the_data_are_read(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """Of targets and readings."""
    fault(plan, make(), errors.NotFoundError, targets="facility-area")
    fault(plan, make(), errors.NotFoundError, reading={"A77": "as-printed"})
    fault(plan, make(), errors.DataError, as_of="yesterday")


def test_several_faults_come_together(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """A planner mends a workbook once."""
    data = make(
        households=[-1, 200, 300],
        comprehensive_service_area=[30.0, -2.0, 90.123456],
        code=["x", "411422001202", "411422001202"],
    )
    error = fault(plan, data, errors.DataFaults)
    assert isinstance(error, errors.DataError)
    assert len(error.faults) == 5
    text = str(error)
    for words in (
        "'households'",
        "'comprehensive_service_area'",
        "4 decimal places",
        "'code'",
        "stands on row 2 already",
    ):
        assert words in text
    with pytest.raises(ExceptionGroup):
        plan.evaluate(data, targets=AREA)


def test_digits_as_text_in_a_frame_are_not_numbers(plan: cp.Plan) -> None:
    """In a frame a column has a type; in a CSV file everything is text."""
    for frame in (
        pl.DataFrame({**GOOD, "households": ["1", "2", "3"]}),
        pd.DataFrame({**GOOD, "households": ["1", "2", "3"]}),
    ):
        error = fault(plan, frame, errors.ColumnTypeError)
        assert error.place.column == "households"
        assert "not taken for numbers" in str(error)


LABELS: list[Any] = [5, float("nan"), dt.date(2020, 1, 1), pd.Timestamp("2020-01-01"), None, b"x", True, ("a", "b")]


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("label", LABELS, ids=repr)
def test_a_column_whose_label_is_no_text_is_not_recognised(
    plan: cp.Plan, monkeypatch: pytest.MonkeyPatch, label: Any, alone: bool
) -> None:
    """It breaks nothing, and what is missing beside it is told as ever."""
    monkeypatch.setattr(opening, "_polars_is_there", lambda: not alone)
    frame = pd.DataFrame({**GOOD, "more": 1})
    frame.columns = pd.Index([*GOOD, label], dtype=object, tupleize_cols=False)
    assert plan.evaluate(frame, targets=AREA).row(AREA).value == 30
    assert len(plan.evaluate(frame, targets=AREA, by="community").wide("community")) == 3
    error = fault(plan, frame.drop(columns="households"), errors.MissingColumnError)
    assert "'households' or '户数'" in str(error)


@pytest.mark.parametrize("form", ["pandas", "pandas alone", "polars", "lazy", "pyarrow", "duckdb"])
def test_yes_and_no_as_floats_are_refused_until_they_are_whole_numbers(
    plan: cp.Plan, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Pandas makes floats of 1 and 0 with a blank between them; the error says what to do, and it helps."""
    monkeypatch.setattr(opening, "_polars_is_there", lambda: form != "pandas alone")
    forms: dict[str, Callable[[pd.DataFrame], Any]] = {
        "polars": pl.from_pandas,
        "lazy": lambda frame: pl.from_pandas(frame).lazy(),
        "pyarrow": pa.Table.from_pandas,
        "duckdb": lambda frame: CON.from_arrow(pa.Table.from_pandas(frame)),
    }
    made = forms.get(form, lambda frame: frame)
    frame = pd.DataFrame({"code": GOOD["code"], "agency_service": [1, None, 0]})
    error = fault(plan, made(frame), errors.ColumnTypeError, targets="agency-service-coverage")
    assert error.place.column == "agency_service"
    assert "Cast 'agency_service' to whole numbers (Int64)" in str(error)
    mended = frame.astype({"agency_service": "Int64"})
    assert plan.evaluate(made(mended), targets="agency-service-coverage").rows[0].value == 50


def test_codes_as_floats_are_refused(plan: cp.Plan) -> None:
    """Twelve digits in a float look right until they are not."""
    frame = pl.DataFrame({**GOOD, "code": [411422001201.0, 411422001202.0, 411422001203.0]})
    assert "as text" in str(fault(plan, frame, errors.ColumnTypeError))
    whole = pl.DataFrame({**GOOD, "code": [411422001201, 411422001202, 411422001203]})
    assert plan.evaluate(whole, by="county", targets=AREA).rows[0].region == "411422"


def test_a_sum_past_64_bits_is_an_error_on_every_engine(plan: cp.Plan, make: Callable[..., Any]) -> None:
    """Never a wrapped number."""
    most = 2.0**50 / 10_000
    rows = 9000
    columns: dict[str, list[Any]] = {
        "code": [f"411422{100 + n // 199:03d}{201 + n % 199}" for n in range(rows)],
        "households": [1] * rows,
        "comprehensive_service_area": [most] * rows,
    }
    assert fault(plan, make(**columns), errors.SumOverflowError)
    # One such cell among many is no overflow, on any engine.
    columns["comprehensive_service_area"] = [most, *[1.0] * (rows - 1)]
    row = plan.evaluate(make(**columns), targets=AREA).row(AREA)
    assert row.numerator == Fraction(2**50, 10_000) + rows - 1


CSV_FAULTS = {
    "empty": (b"", "expected a line of headers"),
    "no headers": (b"\ncode,households\n411422001201,1\n", "empty first line.*Delete the empty lines above"),
    "unnamed": (b"code,,households,\n411422001201,x,1,y\n", "columns 2, 4 have cells but no header.*Give each"),
    "ragged": (b"code,households\n411422001201,1,2\n", "expected 2 cells, got 3"),
    "a title alone": ("社区统计表\ncode,households\n411422001201,1\n".encode(), "got 2.*a title .* has no place"),
    "twice": (b"code,code\n1,2\n", r"two columns are headed 'code'\. Drop or rename one of them"),
    "binary": (bytes(range(256)), "no readable CSV|expected UTF-8|two columns|expected a line"),
    "workbook": (b"PK\x03\x04\x14\x00\x06\x00", r"got a workbook or a packed file\. Save the table as CSV"),
    "utf-16 without a mark": ("code,households\n".encode("utf-16-le"), r"expected UTF-8.*Save it|and save it as UTF-8"),
    **{
        f"cut off by {lost}": (f"code,社区\n411422001201,{end}".encode()[:-lost], "UTF-8.*See that the file is whole")
        for end, lost in (("睢县", 1), ("睢县", 2), ("𠮷", 3))
    },
    "semicolons": (b"code;households\n411422001201;1\n", r"commas between them, got semicolons\. Save the table"),
    "tabs": (b"code\thouseholds\n411422001201\t1\n", "got tabs"),
    "a title": ("社区统计表,,\ncode,households,x\n".encode(), "a title above the headers has no place in the file"),
    "half a sign": (b"\xff\xfe" + "code".encode("utf-16-le") + b"\0", "no readable CSV: .*truncated data"),
    "an open quote": (b'code,"households\n411422001201,1\n', "no readable CSV: unexpected end of data"),
    # Big5 read as GB18030 shows characters of the private-use area.
    "big5": ("code,社區名稱\n".encode("big5"), "expected UTF-8 or GB18030"),
}


def test_a_workbook_in_a_folder_is_told(plan: cp.Plan, tmp_path: Path) -> None:
    """It is not read, and its register would count as none; beside a file that is read it may lie."""
    communities = as_csv(GOOD, tmp_path)
    (tmp_path / "communities.xlsx").touch()
    plan.evaluate(tmp_path, targets=AREA)
    (tmp_path / "facilities.XLSX").touch()
    error = fault(plan, tmp_path, errors.DataError)
    assert "expected a file facilities.csv or facilities.parquet, got facilities.XLSX. Save the table as CSV" in str(
        error
    )
    communities.unlink()
    group = fault(plan, tmp_path, errors.DataFaults)
    assert [str(each).partition(", got ")[2].partition(".")[0] for each in group.faults] == [
        "communities",
        "facilities",
    ]


def test_a_file_in_a_folder_is_known_in_upper_case(plan: cp.Plan, tmp_path: Path) -> None:
    """Else a register would count as none because of a letter."""
    as_csv(GOOD, tmp_path).rename(tmp_path / "Communities.CSV")
    assert plan.evaluate(tmp_path, targets=AREA).row(AREA).value == 30
    (tmp_path / "Facilities.csv").write_text("community,kind\n", "utf-8")
    assert "follows from the facilities table" in str(fault(plan, tmp_path, errors.DataFaults))


def test_a_path_that_is_no_file_says_what_it_is(plan: cp.Plan, tmp_path: Path) -> None:
    """It is there, and no table."""
    assert "expected a file, got a folder" in str(fault(plan, cp.Dataset(communities=tmp_path), errors.DataError))
    assert "expected a file, got a pipe or device" in str(fault(plan, os.devnull, errors.DataError))
    (tmp_path / "data.xlsx").touch()
    assert "got 'data.xlsx'. Save the table as CSV" in str(fault(plan, tmp_path / "data.xlsx", errors.DataError))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("kind", CSV_FAULTS)
def test_a_file_that_is_no_table_says_so(
    plan: cp.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, large: bool
) -> None:
    """With the file's name."""
    monkeypatch.setattr(tables, "_LARGE", 0 if large else 2**25)
    content, says = CSV_FAULTS[kind]
    path = tmp_path / "communities.csv"
    path.write_bytes(content)
    with pytest.raises(errors.DataError, match=says) as caught:
        plan.evaluate(path, targets=AREA)
    assert str(path) in str(caught.value)


def test_what_is_no_data_says_what_is(plan: cp.Plan, tmp_path: Path) -> None:
    """A typed error that names the place, never an AttributeError from the depths."""
    place = cp.Community(code="411422001201")
    (tmp_path / "communities.txt").touch()
    (tmp_path / "communities.csv").mkdir()
    for data, said in (
        (3, "table communities: expected a frame, a path or Community objects, got int. Pass a "),
        ({"households": [1]}, "table communities: expected a frame, a path or Community objects, got dict. Pass a "),
        ([place, 2], "table communities, row 2: expected Community objects, got int"),
        (cp.Dataset(communities=place, workforce=[3]), "table workforce, row 1: expected Workforce objects, got int"),
        (None, "expected a communities table, got none. Pass a "),
        (tmp_path, f"{tmp_path}: expected a file communities.csv or communities.parquet, got none. `community-plan "),
        (tmp_path / "no.csv", f"{tmp_path / 'no.csv'}: no such file"),
        (tmp_path / "*.tx?", f"{tmp_path / '*.tx?'}: expected a file that ends in .csv or .parquet, got "),
    ):
        assert str(fault(plan, data, errors.DataError)).startswith(said)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 nonsense")
    with pytest.raises(errors.DataError, match="parquet"):
        plan.evaluate(broken, targets=AREA)


@pytest.mark.parametrize(
    "text", ["", "  ", "code,households\n411422001201,1\n", "code,households\n" + "411422001201,1\n" * 999, "x" * 5000]
)
def test_a_text_that_is_no_path_says_that_a_path_is_expected(
    plan: cp.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """The table itself is none, and no text is not the folder that one happens to be in."""
    as_csv(GOOD, tmp_path)
    monkeypatch.chdir(tmp_path)
    for data in (text, cp.Dataset(communities=pl.DataFrame(GOOD), facilities=text)):
        error = fault(plan, data, errors.DataError)
        assert "expected the path of a file or folder, got" in str(error)
        assert len(str(error)) < 200
    with pytest.raises(errors.DataError, match="expected the path"):
        plan.ledger(text, period="2025")


@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_may_not_be_read_is_named(
    plan: cp.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """By an error of the data, and not by one of the operating system."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    path = as_csv(GOOD, tmp_path)
    monkeypatch.setattr(tables, "_LARGE", 0 if large else 2**25)
    monkeypatch.setattr(Path, "open" if large else "read_bytes", refuse)
    error = fault(plan, path, errors.DataError)
    assert error.place.file == str(path)
    assert "Permission denied" in str(error)


def test_registers_must_fit_the_communities(plan: cp.Plan) -> None:
    """A facility of a community that is not there is lost by nobody."""
    place = cp.Community(code="411422001201", households=100)
    stranger = cp.Facility(community="411422001202", kind="comprehensive_service", floor_area=5)
    with pytest.raises(errors.DataError, match="'411422001202'"):
        plan.evaluate(cp.Dataset(communities=[place], facilities=[stranger]), targets=AREA)
    headed = pl.DataFrame({"社区代码": ["411422001202"], "kind": ["comprehensive_service"], "floor_area": [5]})
    error = fault(plan, cp.Dataset(communities=[place], facilities=headed), errors.DataError)
    assert error.place.column == "社区代码"
    twice = cp.Community(code="411422001201", households=100, comprehensive_service_area=3)
    own = cp.Facility(community="411422001201", kind="comprehensive_service", floor_area=5)
    frame = pl.DataFrame({"code": [twice.code], "households": [100], "comprehensive_service_area": [3]})
    with pytest.raises(errors.AmbiguousColumnError, match="follows from the facilities table"):
        plan.evaluate(cp.Dataset(communities=frame, facilities=[own]), targets=AREA)


def test_errors_survive_pickling(plan: cp.Plan) -> None:
    """They come back from other processes as they were."""
    import pickle

    with pytest.raises(errors.DataFaults) as caught:
        plan.evaluate(
            pl.DataFrame({"code": ["x"], "households": [-1], "comprehensive_service_area": [1]}), targets=AREA
        )
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert len(again.faults) == len(caught.value.faults)
