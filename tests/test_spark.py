"""Spark: what it alone has, and how it plans what is asked."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import polars as pl
import pytest
from bench import library
from bench.data import Spec, table
from hypothesis import given
from hypothesis import strategies as st

import community_plan as cp
from community_plan.frames import native
from property.test_engines import LEVELS, numbers, objects, polars_frame
from sql_tables import AREA, FEW, many, of_registers, registered, to_duckdb, to_spark
from strategies import Row, registers, wide_tables


@FEW
@given(wide_tables(size=60), LEVELS, st.booleans(), st.booleans())
def test_spark_gives_the_rows_of_typed_objects(spark: Any, rows: list[Row], by: Any, ansi: bool, decimal: bool) -> None:
    """Whether its arithmetic raises or wraps."""
    plan = cp.load_plan("shangqiu-14fyp")
    columns = numbers(rows, list(rows[0]))
    frame = polars_frame(columns)
    if decimal:
        frame = frame.with_columns(pl.selectors.float().cast(pl.Decimal(20, 6)).cast(pl.Decimal(38, 18)))
    data = to_spark(spark, frame, ansi=ansi)
    assert (
        plan.evaluate(data, by=by, targets="main").rows
        == plan.evaluate(objects(columns, cp.Community), by=by, targets="main").rows
    )


@FEW
@given(registers(size=20), LEVELS, st.sampled_from(["zero", "unknown"]), st.integers(0, 2))
def test_registers_are_joined_in_spark(
    spark: Any, tables: tuple[list[Row], ...], by: Any, unlisted: Any, mixed: int
) -> None:
    """Also with registers of another engine or objects."""
    plan = cp.load_plan("shangqiu-14fyp")
    frames, typed = of_registers(tables)
    parts = [to_spark(spark, frame, ansi=False) for frame in frames]
    if mixed:
        parts[2] = [None, to_duckdb(frames[2]), typed[2]][mixed]
    result = plan.evaluate(registered(parts, unlisted), by=by, targets="main")
    assert result.rows == plan.evaluate(registered(typed, unlisted), by=by, targets="main").rows


STOPPED = """
from pyspark.sql import SparkSession
import community_plan as cp

plan = cp.load_plan("shangqiu-14fyp")
name = "facility-area-per-100-households"
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
session = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
cells = [("411422001201", 100, 30.0), ("411422001202", None, 60.0)]
data = session.createDataFrame(cells, "code string, households int, comprehensive_service_area double")
ready = plan.prepare(data, targets=name)
session.stop()
for ask in (lambda: plan.evaluate(data, targets=name, by="county"), lambda: plan.evaluate(ready, by="county"),
            lambda: plan.evaluate(data, targets=name, by="community"), lambda: plan.prepare(data, targets=name)):
    try:
        ask()
    except cp.errors.DataError as error:
        print(error)
"""


def test_data_of_a_stopped_spark_session_are_told(spark: Any) -> None:
    """In a process of its own, as the session of the other tests goes on."""
    found = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, check=True)
    assert [line.count("in a session that runs") for line in found.stdout.splitlines()] == [1] * 4


def test_the_users_cache_stays(plan: cp.Plan, spark: Any) -> None:
    """`spark.sql` with a data frame in its text would drop it."""
    data = to_spark(spark, many(500), ansi=False).cache()
    plan.evaluate(data, by="county", targets=AREA)
    assert data.storageLevel.useMemory
    assert spark.catalog.listTables() == []
    data.unpersist()


def test_spark_compiles_what_many_targets_take(plan: cp.Plan, spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not compile operators of more than 100 columns, nor HotSpot methods of more than 8,000 bytes."""
    from community_plan.frames.spark_engine import SparkEngine

    frame = pl.DataFrame(pl.from_arrow(table(Spec(communities=900, wide=True))))
    every = library.every_target()
    assert len(every) > 30
    queries: list[Any] = []
    run = SparkEngine._run
    monkeypatch.setattr(SparkEngine, "_run", lambda self, query, how: queries.append(query) or run(self, query, how))
    for by in (None, "county"):
        expected = plan.evaluate(frame, by=by, targets=every)
        assert plan.evaluate(to_spark(spark, frame, ansi=True), by=by, targets=every).rows == expected.rows
    debug = spark._jvm.org.apache.spark.sql.execution.debug.package
    for query in queries:
        planned = query._jdf.queryExecution().executedPlan()
        sums = [line.lstrip(" :+-") for line in planned.toString().splitlines() if "HashAggregate(" in line]
        assert sums
        assert all(line.startswith("*(") for line in sums), sums
        assert max(map(int, re.findall(r"maxMethodCodeSize:(\d+)", debug.codegenString(planned)))) < 8000
    assert len(queries) > 4  # passes over all rows, where nothing keeps them apart


def test_sums_of_several_passes_may_need_more_than_64_bits(
    plan: cp.Plan, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come together by region all the same."""
    frame = pl.DataFrame(pl.from_arrow(table(Spec(communities=300, wide=True))))
    every = library.every_target()
    expected = plan.evaluate(frame, by="county", targets=every).rows
    monkeypatch.setattr(native, "MOST_ROWS", 100)
    assert plan.evaluate(to_spark(spark, frame, ansi=False), by="county", targets=every).rows == expected
