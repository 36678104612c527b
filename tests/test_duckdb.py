"""DuckDB: what it alone has, and what may become of its connections."""

from __future__ import annotations

import contextlib
import gc
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import community_plan as cp
from community_plan import errors
from community_plan.frames import duckdb_engine
from property.test_engines import LEVELS, numbers, objects, polars_frame
from renderings import by_sql
from sql_tables import AREA, CON, MORE, OTHER, fault, many, of_registers, registered, to_duckdb
from strategies import Row, registers, wide_tables


@MORE
@given(wide_tables(size=60), LEVELS, st.sampled_from(["int32", "decimal", "nan", "enum"]))
def test_duckdb_gives_the_rows_of_typed_objects(rows: list[Row], by: Any, form: str) -> None:
    """Whatever types its columns have."""
    plan = cp.load_plan("shangqiu-14fyp")
    columns = numbers(rows, list(rows[0]))
    frame = polars_frame(columns)
    floats = pl.selectors.float()
    words = pl.col("setting", "county_kind")
    data = to_duckdb(
        {
            "int32": frame,
            "decimal": frame.with_columns(floats.cast(pl.Decimal(20, 6)).cast(pl.Decimal(38, 18))),
            "nan": frame.with_columns(floats.fill_null(float("nan"))),
            "enum": frame.with_columns(words.cast(pl.Enum(["urban", "rural", "district", "county", "county_city"]))),
        }[form]
    )
    assert (
        plan.evaluate(data, by=by, targets="main").rows
        == plan.evaluate(objects(columns, cp.Community), by=by, targets="main").rows
    )


@MORE
@given(registers(size=20), LEVELS, st.sampled_from(["zero", "unknown"]), st.integers(0, 3))
def test_registers_are_joined_in_duckdb(tables: tuple[list[Row], ...], by: Any, unlisted: Any, mixed: int) -> None:
    """Also with registers of another connection, another engine or objects."""
    plan = cp.load_plan("shangqiu-14fyp")
    frames, typed = of_registers(tables)
    parts = [to_duckdb(frame) for frame in frames]
    if mixed:
        parts[1] = [None, to_duckdb(frames[1], OTHER), frames[1], typed[1]][mixed]
    result = plan.evaluate(registered(parts, unlisted), by=by, targets="main")
    assert result.rows == plan.evaluate(registered(typed, unlisted), by=by, targets="main").rows


def test_prepared_tables_outlive_what_they_were_read_from_and_leave_nothing_behind(plan: cp.Plan) -> None:
    """The table may be dropped; what was kept of it is gone when nobody holds it any more."""
    con = duckdb.connect()
    frame = many(300).with_columns(households=pl.when(pl.col("households") % 7 > 0).then("households"))
    con.from_arrow(frame.to_arrow()).create("mine")
    ready = plan.prepare(con.sql("FROM mine"), targets=AREA)
    con.execute("DROP TABLE mine")
    assert plan.evaluate(ready, by="township").rows == plan.evaluate(frame, by="township", targets=AREA).rows
    kept = "SELECT count(*) FROM duckdb_tables()"
    assert con.sql(kept).fetchall() == [(2,)]  # all rows, and those with gaps
    del ready
    gc.collect()
    assert con.sql(kept).fetchall() == [(0,)]


def test_prepared_tables_that_could_not_be_dropped_are_dropped_later(plan: cp.Plan) -> None:
    """A connection with a result that is not read to its end does nothing else."""
    con = duckdb.connect()
    kept = "SELECT count(*) FROM duckdb_tables()"
    data = con.from_arrow(many(300).to_arrow())
    ready = plan.prepare(data, targets=AREA)
    con.execute("SELECT unnest(range(100000))").fetchone()
    del ready
    gc.collect()
    con.fetchall()
    assert con.sql(kept).fetchall() != [(0,)]
    plan.evaluate(data, targets=AREA)
    assert con.sql(kept).fetchall() == [(0,)]
    ready = plan.prepare(data, targets=AREA)
    con.execute("SELECT unnest(range(100000))").fetchone()
    del ready
    gc.collect()
    con.close()
    plan.evaluate(to_duckdb(many(300)), targets=AREA)  # what a closed connection had is gone, and no longer asked for
    assert not duckdb_engine._to_be_dropped


def test_numbers_of_more_than_64_bits_are_too_large_and_not_missing(plan: cp.Plan) -> None:
    """DuckDB has integers of 128 bits."""
    for number in ("18446744073709551615::UBIGINT", "(-170141183460469231731687303715884105727)::HUGEINT"):
        data = CON.sql(f"SELECT '411422001201' AS code, {number} AS households, 1 AS comprehensive_service_area")
        assert fault(plan, data, errors.CellError).place.column == "households"
    small = CON.sql("SELECT '411422001201' AS code, 100::HUGEINT AS households, 30 AS comprehensive_service_area")
    assert plan.evaluate(small, targets=AREA).row(AREA).value == 30


@pytest.mark.parametrize("way", ["streamed", "by sql"])
def test_data_of_a_closed_connection_or_a_dropped_table_are_told(plan: cp.Plan, way: str) -> None:
    """Prepared data, too, go with their connection."""
    con = duckdb.connect()
    con.from_arrow(many(300).to_arrow()).create("mine")
    data = con.table("mine")
    with by_sql() if way == "by sql" else contextlib.nullcontext():
        ready = plan.prepare(data, targets=AREA)
        con.execute("DROP TABLE mine")
        assert "no longer there" in str(fault(plan, data, errors.DataError, by="county"))
        con.close()
        for given in (data, ready):
            for by in ("county", "community"):
                assert "over a connection that is open" in str(fault(plan, given, errors.DataError, by=by))
        with pytest.raises(errors.DataError, match="closed"):
            plan.prepare(data, targets=AREA)


def test_what_can_be_read_only_once_is_not_taken_for_less(plan: cp.Plan) -> None:
    """A stream is at its end after the first look."""
    table = many(500).to_arrow()
    stream = CON.from_arrow(pa.RecordBatchReader.from_batches(table.schema, table.to_batches()))
    with by_sql():
        assert "read" in str(fault(plan, stream, errors.DataError))


def test_nothing_is_left_in_the_users_connection(plan: cp.Plan) -> None:
    """No view, no table, and no setting is changed."""
    con = duckdb.connect()
    data = to_duckdb(many(500), con)
    other = to_duckdb(many(500).select(community="code", kind=pl.lit("comprehensive_service")), con)
    dataset = cp.Dataset(communities=data.project("code, households"), facilities=other)
    plan.evaluate(dataset, targets="rural-facility-coverage")
    assert con.sql("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall() == [(0,)]
    assert con.sql("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
