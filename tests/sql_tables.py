"""What the tests of the SQL engines share: tables of each of them, and what is seen of the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, settings

import community_plan as cp
from community_plan import errors
from property.test_engines import columns_of, polars_frame, typed_registers
from strategies import Row

AREA = "facility-area-per-100-households"
CON, OTHER = duckdb.connect(), duckdb.connect()
Make = Callable[..., Any]
"""Makes a table of an engine from a polars frame."""
FEW = settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
MORE = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def to_duckdb(frame: pl.DataFrame, con: duckdb.DuckDBPyConnection = CON) -> duckdb.DuckDBPyRelation:
    """Make a relation, which reads the frame's memory."""
    return con.from_arrow(frame.to_arrow())


def set_ansi(session: Any, *, ansi: bool) -> None:
    """Have Spark's arithmetic raise and its queries compiled, as standard SQL has it; or wrap, and be interpreted."""
    session.conf.set("spark.sql.ansi.enabled", str(ansi).lower())
    # Compiling takes longer than everything else here.
    session.conf.set("spark.sql.codegen.wholeStage", str(ansi).lower())
    session.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if ansi else "NO_CODEGEN")


def to_spark(session: Any, frame: pl.DataFrame, *, ansi: bool) -> Any:
    """Make a data frame of a session whose arithmetic raises or wraps."""
    set_ansi(session, ansi=ansi)
    return session.createDataFrame(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))


def many(rows: int, **columns: Any) -> pl.DataFrame:
    """Return good communities in the order of their codes, with some columns changed."""
    number = pl.int_range(rows, dtype=pl.Int64)
    base = pl.select(
        code=(411_422_100_201 + number // 199 * 1000 + number % 199).cast(pl.String),
        households=number % 900 + 100,
        comprehensive_service_area=(number % 700).cast(pl.Float64) / 4,
    )
    return base.with_columns(**columns)


def same(plan: cp.Plan, make: Make, frame: pl.DataFrame, **options: Any) -> cp.Result:
    """Evaluate on an engine and see that polars says the same."""
    options = {"targets": AREA} | options
    result, expected = plan.evaluate(make(frame), **options), plan.evaluate(frame, **options)
    assert result.rows == expected.rows
    assert result.notes == expected.notes
    return result


def fault(plan: cp.Plan, data: Any, kind: type[Exception], **options: Any) -> Any:
    """Evaluate and return the one fault."""
    with pytest.raises(kind) as caught:
        plan.evaluate(data, **{"targets": AREA, **options})
    assert isinstance(caught.value, errors.CommunityPlanError)
    return caught.value


def of_registers(tables: tuple[list[Row], ...]) -> tuple[list[Any], list[list[Any]]]:
    """Return the tables of a dataset as frames and as typed objects."""
    columns = columns_of(tables)
    return [polars_frame(c) for c in columns], typed_registers(columns)


def registered(parts: list[Any], unlisted: Literal["zero", "unknown"]) -> cp.Dataset:
    """Return a dataset of communities, facilities and workforce."""
    return cp.Dataset(communities=parts[0], facilities=parts[1], workforce=parts[2], unlisted=unlisted)
