"""DuckDB and Spark: the same answers, without a row leaving the engine."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import community_plan as cp
from community_plan import errors
from community_plan.frames import native
from community_plan.frames.duckdb_engine import DuckDBEngine
from community_plan.frames.sql import decoded, encoded, literal
from community_plan.frames.sql_engine import SqlEngine
from renderings import by_sql
from sql_tables import AREA, CON, MORE, Make, fault, many, same, to_duckdb, to_spark

ENGINES = ("duckdb", "duckdb by sql", "spark", "spark ansi")


def making(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Give what makes tables of an engine, as long as it is to be had."""
    if request.param == "duckdb":
        yield to_duckdb
    elif request.param == "duckdb by sql":
        with by_sql():
            yield to_duckdb
    else:
        session, ansi = request.getfixturevalue("spark"), request.param == "spark ansi"
        yield lambda frame: to_spark(session, frame, ansi=ansi)


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make tables of each engine."""
    yield from making(request)


@pytest.fixture(params=ENGINES[1:])
def make_for_sql(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make tables of each engine that adds up itself."""
    yield from making(request)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each query has brought to Python."""
    counts: list[int] = []

    def spy(kind: type[SqlEngine], name: str) -> None:
        fetch = getattr(kind, name)

        def count(self: SqlEngine, relation: Any) -> Any:
            rows = fetch(self, relation)
            counts.append(len(rows))
            return rows

        monkeypatch.setattr(kind, name, count)

    spy(DuckDBEngine, "fetch")
    spy(DuckDBEngine, "fetch_frame")
    if shutil.which("java") is not None:
        from community_plan.frames.spark_engine import SparkEngine

        spy(SparkEngine, "fetch")
        spy(SparkEngine, "fetch_frame")
    return counts


# -- the same answers --------------------------------------------------------------------------------------


def test_townships_have_a_table_of_their_own(plan: cp.Plan, make: Make) -> None:
    """Their codes have 9 digits, filled up with zeros or not."""
    frame = pl.DataFrame(
        {
            "code": ["411422001", "411422101000", "411481201"],
            "elderly_care_centre_count": [1, 0, None],
            "social_work_station_count": pl.Series([1, 1, 0], dtype=pl.Int16),
        }
    )
    targets = [
        target.id
        for target in plan.targets.values()
        if plan.variables.table_of(cp.measures.variables_of(plan.measure_of(target))) == "townships"
    ]
    communities = pl.DataFrame({"code": ["411422001201"], "households": [1]})

    def evaluate(kind: Make) -> cp.Result:
        data = cp.Dataset(communities=kind(communities), townships=kind(frame))
        return plan.evaluate(data, by=["county", "township"], targets=targets)

    assert targets
    assert evaluate(make).rows == evaluate(lambda table: table).rows


@pytest.mark.parametrize(
    "area",
    [
        pl.Series([1.5, None, float("nan"), float("inf"), float("-inf"), -0.0, 0.3]),
        pl.Series([0.1 + 0.2, 89.9999, 1e-5 * 0, 2.0**30, 0.0001, 0.00005 * 2, None]),
        pl.Series([1.1, 2.2, 3.3, None, 1677.7215, 0.0, 4.5], dtype=pl.Float32),
        pl.Series([Decimal("1.5"), None, Decimal("0.0001"), Decimal(0), Decimal(7), Decimal(8), Decimal("0.3")]),
        pl.Series([1, None, 3, 4, 5, 6, 7], dtype=pl.Int8),
        pl.Series([None] * 7, dtype=pl.Null),
        pl.Series([None] * 7, dtype=pl.String),
    ],
    ids=["odd", "near", "float32", "decimal", "int8", "null", "empty text"],
)
def test_cells_mean_the_same_whatever_their_type(plan: cp.Plan, make: Make, area: pl.Series) -> None:
    """NaN and infinities are missing, −0.0 is 0, and 0.1 + 0.2 is 0.3."""
    same(plan, make, many(7, comprehensive_service_area=area), by="community")


def test_a_unit_that_does_not_come_out_even_is_rounded_and_noted(plan: cp.Plan, make: Make) -> None:
    """One 亩 is 2000/3 m²."""
    result = same(plan, make, many(30), units={"comprehensive_service_area": "亩"})
    assert [note.code for note in result.notes] == ["rounded"]


def test_narrow_columns_have_wide_sums(plan: cp.Plan, make: Make) -> None:
    """Households of 32 bits whose sum passes 2^31."""
    households = pl.lit(2_000_000, dtype=pl.Int32)
    row = same(plan, make, many(3000, households=households)).row(AREA)
    assert row.denominator == 6_000_000_000


def test_a_large_cell_is_no_overflow_but_a_large_sum_is(plan: cp.Plan, make: Make) -> None:
    """2^63 quanta are too many on every engine."""
    most = 2.0**50 / 10_000
    one = pl.when(pl.int_range(pl.len()) == 4).then(most).otherwise(1.0)
    row = plan.evaluate(make(many(9000, comprehensive_service_area=one)), targets=AREA).row(AREA)
    assert row.numerator == Fraction(2**50, 10_000) + 8999
    assert fault(plan, make(many(9000, comprehensive_service_area=pl.lit(most))), errors.SumOverflowError)


def test_more_rows_than_were_reckoned_with_are_counted(
    plan: cp.Plan, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anyone believes that their sums fit 64 bits."""
    monkeypatch.setattr(native, "MOST_ROWS", 100)
    same(plan, make, many(300), by="county")


@pytest.mark.parametrize("without", [False, True], ids=["with polars", "without polars"])
def test_rows_with_gaps_that_are_kept_apart_are_added_to_their_regions(
    plan: cp.Plan, make_for_sql: Make, fetched: list[int], monkeypatch: pytest.MonkeyPatch, without: bool
) -> None:
    """In regions of which every row, some and none have gaps."""
    number = pl.int_range(900, dtype=pl.Int64)
    gaps = pl.when((number < 199) | (number % 7 == 3) & (number < 600))
    frame = many(900, households=gaps.then(None).otherwise(number % 900 + 100))
    frame = frame.with_columns(comprehensive_service_area=pl.when(number % 5 > 0).then("comprehensive_service_area"))
    expected = {by: plan.evaluate(frame, by=by, targets=AREA).rows for by in (None, "county", "township")}
    data = make_for_sql(frame)
    if without:
        find = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "polars" else find(name))
    ready = plan.prepare(data, targets=AREA)
    for by, rows in expected.items():
        fetched.clear()
        assert plan.evaluate(ready, by=by).rows == rows
        # A region with gaps comes in two rows; townships are small, and come in one.
        found = sum(fetched) if by is None else max(fetched)
        assert found == len(rows) if by == "township" else found > len(rows)
        assert any(row.reporting_share < 1 for row in rows)


def test_what_is_prepared_stays_in_its_engine(plan: cp.Plan, make: Make) -> None:
    """Read once and kept there; what is asked of it is what is asked of the table."""
    table = make(many(300))
    ready = plan.prepare(table, targets=AREA)
    for by in (None, "county", "community"):
        assert plan.evaluate(ready, by=by) == plan.evaluate(table, by=by, targets=AREA)
    fault(plan, make(many(300, households=pl.lit(-1))), errors.CellError)
    with pytest.raises(errors.CellError):
        plan.prepare(make(many(300, households=pl.lit(-1))), targets=AREA)


@pytest.mark.parametrize("cell", [float("nan"), float("inf"), 1e300, -1.0], ids=str)
def test_what_the_first_rows_do_not_show_is_found_when_data_are_prepared(
    plan: cp.Plan, make: Make, cell: float
) -> None:
    """Whether it is a fault or merely a cell that is missing."""
    late = pl.when(pl.int_range(pl.len()) == 1500).then(cell).otherwise("comprehensive_service_area")
    data = make(many(1600).with_columns(comprehensive_service_area=late))

    def outcome(ask: Callable[[], cp.Result]) -> Any:
        try:
            return ask().rows
        except errors.CellError as error:
            return str(error)

    expected = outcome(lambda: plan.evaluate(data, targets=AREA))
    assert isinstance(expected, str) == (cell in (1e300, -1.0))
    assert outcome(lambda: plan.evaluate(plan.prepare(data, targets=AREA))) == expected


def test_sums_of_prepared_data_that_pass_64_bits_are_refused(plan: cp.Plan, make: Make) -> None:
    """Ten thousand of the largest amounts; those of a township fit."""
    ready = plan.prepare(make(many(10_000, households=pl.lit(2**50))), targets=AREA)
    expected = plan.evaluate(many(10_000, households=pl.lit(2**50)), by="township", targets=AREA)
    assert plan.evaluate(ready, by="township").rows == expected.rows
    with pytest.raises(errors.SumOverflowError):
        plan.evaluate(ready)


def test_what_the_first_rows_do_not_show_is_found_all_the_same(plan: cp.Plan, make: Make) -> None:
    """A hole, another word or a finer number far down the table."""
    late = pl.int_range(pl.len()) == 2500
    hole = pl.when(~late).then(pl.col("households"))
    assert same(plan, make, many(3000, households=hole)).row(AREA).reporting_share == Fraction(2999, 3000)
    nan = pl.when(late).then(float("nan")).otherwise(pl.col("comprehensive_service_area"))
    same(plan, make, many(3000, comprehensive_service_area=nan), by="county")
    setting = pl.when(late).then(pl.lit("村委会")).when(pl.int_range(pl.len()) == 2600).then(pl.lit(" R ural"))
    words = many(3000, comprehensive_service_count=pl.lit(1), setting=setting.otherwise(pl.lit("urban")))
    same(plan, make, words, targets=["rural-facility-coverage", "urban-facility-coverage"])
    fine = pl.when(late).then(30.00001).otherwise(pl.col("comprehensive_service_area"))
    error = fault(plan, make(many(3000, comprehensive_service_area=fine)), errors.CellError)
    assert (error.count, error.place.column) == (1, "comprehensive_service_area")


def test_the_order_of_the_rows_is_of_no_consequence(plan: cp.Plan, make: Make) -> None:
    """Not for the sums, nor for finding a code that stands twice."""
    frame = many(3000)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=4)
    assert plan.evaluate(make(shuffled), by="county", targets=AREA).rows == same(plan, make, frame, by="county").rows
    twice = fault(plan, make(pl.concat([shuffled, shuffled.head(2)])), errors.DuplicateCodeError)
    assert "(2 such rows)" in str(twice)


def test_a_panel_of_years_has_a_code_once_a_year(plan: cp.Plan, make: Make) -> None:
    """In any order of years and codes."""
    years = pl.concat([many(50).with_columns(year=pl.lit(year, dtype=pl.Int16)) for year in (2024, 2023)])
    same(plan, make, years, by=["county", "year"])
    same(plan, make, years.sort("code", "year"), by=["year"])
    assert fault(plan, make(years), errors.DuplicateCodeError, by="county")
    assert fault(plan, make(pl.concat([years, years.tail(1)])), errors.DuplicateCodeError, by="year")


def test_regions_can_be_columns_of_the_table(plan: cp.Plan, make: Make) -> None:
    """Names, numbers, truth values; with holes that the code fills."""
    frame = many(
        40,
        county=pl.Series(["睢县", None] * 20),
        township=pl.Series([1, 2] * 20, dtype=pl.Int32),
        pilot=pl.Series([True, None, False, True] * 10),
        kind=pl.Series(["a", "", None, "b"] * 10),
    )
    same(plan, make, frame, by=["county", "township", "pilot", "kind"])
    same(plan, make, frame.with_columns(county=pl.lit("睢县")), by=["city", "county"])
    empty = frame.drop("code").with_columns(county=pl.Series(["睢县", ""] * 20))
    assert fault(plan, make(empty), errors.CellError, by="county").count == 20


def test_headers_may_hold_anything(plan: cp.Plan, make: Make) -> None:
    """Capitals, dots, quotes, brackets; internal names are no trap either."""
    frame = many(
        20,
        **{
            "户数": pl.col("households"),
            "a.b": pl.Series(["x", "y"] * 10),
            'q"`u$o{t}e\\': pl.Series(["1", "2", "3", "4"] * 5),
            "code__number": pl.lit("no number"),
            "households__whole": pl.lit("neither"),
            "F0": pl.lit(7),
            "bad__": pl.lit(True),
        },
    ).rename({"code": "Code", "comprehensive_service_area": "comprehensive_service_area (m2)"})
    frame = frame.drop("households")
    same(plan, make, frame, by=["county", "a.b", 'q"`u$o{t}e\\', "F0", "bad__"])


def test_headers_that_differ_by_case_are_two_columns(plan: cp.Plan, spark: Any) -> None:
    """DuckDB and Spark ignore case."""
    select = (
        "SELECT '411422001201' AS code, 100 AS households, 30 AS comprehensive_service_area, 'x' AS Team, 'y' AS team"
    )
    for data in (CON.sql(select), spark.sql(select)):
        (row,) = plan.evaluate(data, by=["team", "Team"], targets=AREA)
        assert row.columns == {"team": "y", "Team": "x"}
        (row,) = plan.evaluate(data, targets=AREA)  # here nobody asks for them
        assert row.value == 30


def test_a_category_of_truth_values_or_numbers_is_read_as_text(plan: cp.Plan, make: Make) -> None:
    """As on every engine."""
    frame = many(4, comprehensive_service_count=pl.lit(1), setting=pl.Series([True, False, True, None]))
    for data in (make(frame), frame):
        error = fault(plan, data, errors.CellError, targets="rural-facility-coverage")
        assert error.count == 3
        assert "got true" in str(error).lower()


# -- what is wrong -----------------------------------------------------------------------------------------


def test_faults_are_counted_in_the_engine(plan: cp.Plan, make: Make, fetched: list[int]) -> None:
    """With the cell; with the rows where they have numbers."""
    third = pl.int_range(pl.len()) % 3 == 0
    data = make(
        many(
            3000,
            households=pl.when(third).then(-1).otherwise(pl.col("households")),
            comprehensive_service_area=pl.when(third).then(30.123456).otherwise(1.0),
            code=pl.when(third).then(pl.lit("4114220012e2")).otherwise(pl.col("code")),
        )
    )
    faults = fault(plan, data, errors.DataFaults).faults
    assert [type(each) for each in faults] == [errors.CellError] * 3
    assert [each.count for each in faults] == [1000] * 3
    texts = [str(each) for each in faults]
    for text, said in zip(texts, ("got -1", "got 30.123456", "community code, got '4114220012e2'"), strict=True):
        assert said in text
        assert "(and so in 1000 rows" in text
        assert "None" not in text
    assert max(fetched) <= 5
    if isinstance(data, duckdb.DuckDBPyRelation):
        assert faults[0].place.row == 1
        assert "1, 4, 7, 10, 13 …" in texts[0]


def test_a_duplicate_is_told_with_its_code(plan: cp.Plan, make: Make) -> None:
    """And with both rows where they have numbers."""
    data = make(pl.concat([many(30), many(30).slice(7, 1)]))
    error = fault(plan, data, errors.DuplicateCodeError)
    assert "411422100208" in str(error)
    assert "None" not in str(error)
    if isinstance(data, duckdb.DuckDBPyRelation):
        assert error.place.row == 31
        assert "stands on row 8 already" in str(error)


def test_types_that_are_no_numbers_are_refused(plan: cp.Plan, make: Make) -> None:
    """Digits as text, truth values, dates; codes as doubles."""
    for cells in (["1", "2", "3"], [True, False, True], pl.Series([1, 2, 3]).cast(pl.Date)):
        error = fault(plan, make(many(3, households=pl.Series(cells))), errors.ColumnTypeError)
        assert error.place.column == "households"
    error = fault(plan, make(many(3, code=pl.col("code").cast(pl.Float64))), errors.ColumnTypeError)
    assert "as text" in str(error)
    same(plan, make, many(3, code=pl.col("code").cast(pl.Int64)), by="county")


def test_codes_have_one_spelling(plan: cp.Plan, make: Make) -> None:
    """Engines read 12e2, +1 and spaces around a number."""
    codes = ["4114220012e2", "4114220012E2", "+11422001201", " 11422001201", "11422001201.", "411422001000", "", None]
    error = fault(plan, make(many(8, code=pl.Series(codes))), errors.CellError)
    assert (error.count, error.place.column) == (8, "code")
    assert fault(plan, make(many(1, code=pl.Series(codes[:1]))), errors.CellError)


def test_words_that_are_no_category_are_told(plan: cp.Plan, make: Make) -> None:
    """All that are, in any spelling, are taken; so are those that mean nothing."""
    words = ["urban", "suburb", "农村", "", "——", "RURAL", None]
    frame = many(7, comprehensive_service_count=pl.lit(1), setting=pl.Series(words))
    error = fault(plan, make(frame), errors.CellError, targets="rural-facility-coverage")
    assert (error.count, error.place.column) == (1, "setting")
    assert "got 'suburb'" in str(error)
    same(plan, make, frame.filter(pl.col("setting").ne_missing("suburb")), targets="rural-facility-coverage")


def test_rows_of_totals_are_told(plan: cp.Plan, make: Make) -> None:
    """By their names, where no code shows what a row is."""
    names = pl.Series(["睢县", "合\u3000计", "宁陵县", "Total"])
    data = make(many(4).select(pl.exclude("code"), county=names))
    error = fault(plan, data, errors.CellError)
    assert (error.count, error.place.column) == (2, "county")


def test_a_table_that_cannot_be_read_is_an_error_of_the_data(plan: cp.Plan, spark: Any) -> None:
    """Whatever the engine calls it."""
    spark.conf.set("spark.sql.ansi.enabled", "true")
    select = "SELECT '411422001201' AS code, CAST(a AS INT) AS households, 30 AS comprehensive_service_area FROM "
    broken = CON.sql(f"{select} (VALUES ('x')) AS t(a)")
    assert "cannot be read" in str(fault(plan, broken, errors.DataError))
    broken = spark.sql(f"{select} VALUES ('x') AS t(a)")
    assert "cannot be read" in str(fault(plan, broken, errors.DataError))


def test_a_column_that_is_needed_stands_in_a_table_once(plan: cp.Plan, make: Make) -> None:
    """Which of two is meant, nobody knows; columns that nobody reads may be called alike."""
    frame = many(300)
    expected = plan.evaluate(frame, by="county", targets=AREA).rows

    def again(*columns: str) -> Any:
        data = make(frame)
        wanted = [*frame.columns, *(f"1 AS {name}" for name in columns)]
        return data.selectExpr(*wanted) if hasattr(data, "selectExpr") else data.project(", ".join(wanted))

    error = fault(plan, again("households"), errors.AmbiguousColumnError)
    assert error.mend == "drop or rename one of them"
    assert fault(plan, again("grid", "grid"), errors.AmbiguousColumnError, by="grid").place.column == "grid"
    for _ in range(2):  # as it is remembered, too
        assert plan.evaluate(again("grid", "grid"), by="county", targets=AREA).rows == expected


# -- nothing leaves the engine, nothing stays behind -------------------------------------------------------


def test_only_sums_leave_the_engine(plan: cp.Plan, make_for_sql: Make, fetched: list[int]) -> None:
    """One row for each region, however many rows there are."""
    data = make_for_sql(many(5000))
    plan.evaluate(data, targets=AREA)
    assert max(fetched) == 1
    fetched.clear()
    assert len(plan.evaluate(data, by="township", targets=AREA).rows) == max(fetched) == 26


def test_registers_do_not_leave_the_engine(plan: cp.Plan, make: Make, fetched: list[int]) -> None:
    """A row of a register is joined where it is."""
    communities = many(2000).select("code", "households")
    facilities = many(2000).select(
        community="code", kind=pl.lit("comprehensive_service"), floor_area="comprehensive_service_area"
    )
    data = cp.Dataset(communities=make(communities), facilities=make(facilities))
    (row,) = plan.evaluate(data, by="county", targets=AREA)
    assert max(fetched) == 1
    expected = plan.evaluate(cp.Dataset(communities=communities, facilities=facilities), by="county", targets=AREA)
    assert (row,) == expected.rows


def test_the_rows_of_communities_stay_lazy(plan: cp.Plan, make: Make, fetched: list[int]) -> None:
    """`wide` gives what the engine calls a table."""
    frame = many(300, setting=pl.Series(["urban", None, "农村"] * 100), comprehensive_service_count=pl.lit(1))
    targets = [AREA, "rural-facility-coverage"]
    data = make(frame)
    wide = plan.evaluate(data, by="community", targets=targets).wide("community")
    assert max(fetched) <= 1
    assert type(wide) is type(data)
    expected = plan.evaluate(frame, by="community", targets=targets).wide("community")
    found = wide.fetchall() if isinstance(wide, duckdb.DuckDBPyRelation) else [tuple(row) for row in wide.collect()]
    assert list(wide.columns) == expected.columns
    assert sorted(found) == sorted(expected.rows())


# -- the SQL itself ----------------------------------------------------------------------------------------


@MORE
@given(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_literals_are_read_as_they_are_meant(spark: Any, text: str, whole: int, real: float) -> None:
    """Quotes, backslashes and control characters on every engine."""
    values = (text, whole, real, text == "")
    cells = [f"{literal(value)} AS c{place}" for place, value in enumerate(values)]
    assert CON.sql("SELECT 1").project(", ".join(cells)).fetchall() == [values]
    assert [tuple(row) for row in spark.range(1).selectExpr(*cells).collect()] == [values]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), min_size=2, max_size=6, unique=True))
def test_names_stay_apart_without_case(names: list[str]) -> None:
    """And can be read back."""
    assert [decoded(encoded(name)) for name in names] == names
    assert len({encoded(name).lower() for name in names}) == len(names)
