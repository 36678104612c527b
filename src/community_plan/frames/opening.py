"""Opening: which engine takes a frame."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw

from community_plan.entry import Source, SourceColumn
from community_plan.errors import CommunityPlanError
from community_plan.frames import entry, native_entry
from community_plan.frames.engine import Engine
from community_plan.frames.table import collect
from community_plan.grouping import Table

__all__ = ["enter"]


def enter(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any],
    source: Source,
    columns: Mapping[str, SourceColumn],
    *,
    labels: Mapping[str, str],
    unique: Sequence[str],
    careful: bool,
    faults: list[CommunityPlanError],
) -> Table:
    """Turn a frame of any engine into whole numbers.

    polars evaluates its own frames, and those of pandas and pyarrow where it is installed and can take their
    columns over; everything else goes through narwhals in memory.

    Args:
        frame: The user's frame.
        source: What table it is.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        careful: Whether to count before believing what the first rows say of the others.
        faults: Collects what is wrong.
    """
    headers = list(dict.fromkeys([*(column.header for column in columns.values()), *labels.values()]))
    found = _native(frame, headers, careful=careful)
    if found is None:
        return entry.enter(collect(frame, headers), source, columns, labels=labels, unique=unique, faults=faults)
    engine, relation = found
    return native_entry.enter(
        engine, relation, source, columns, labels=labels, unique=unique, careful=careful, faults=faults
    )


def _native(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], headers: Sequence[str], *, careful: bool
) -> tuple[Engine, Any] | None:
    implementation = frame.implementation
    data = nw.to_native(frame)
    if implementation.is_polars() or (
        (implementation.is_pandas() or implementation.is_pyarrow()) and importlib.util.find_spec("polars") is not None
    ):
        from community_plan.frames.polars_engine import open_polars

        return open_polars(data, headers)
    if implementation.is_duckdb():
        from community_plan.frames.duckdb_engine import open_duckdb

        return open_duckdb(data, headers, careful=careful)
    if implementation.is_pyspark() or implementation.is_pyspark_connect():
        from community_plan.frames.spark_engine import open_spark

        return open_spark(data, headers, careful=careful)
    return None
