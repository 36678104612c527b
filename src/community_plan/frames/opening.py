"""Opening: which engine takes a frame."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw

from community_plan.entry import Source, SourceColumn
from community_plan.errors import CommunityPlanError, MissingDependencyError
from community_plan.frames import native_entry
from community_plan.frames.engine import Engine
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
    columns over; everything else comes through narwhals into arrays in memory.

    Args:
        frame: The user's frame.
        source: What table it is.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        careful: Whether to count before believing what the first rows say of the others.
        faults: Collects what is wrong.

    Raises:
        MissingDependencyError: If the frame needs numpy and it is not installed.
    """
    headers = list(dict.fromkeys([*(column.header for column in columns.values()), *labels.values()]))
    engine, relation = _opened(frame, headers, careful=careful)
    return native_entry.enter(
        engine, relation, source, columns, labels=labels, unique=unique, careful=careful, faults=faults
    )


def _polars_is_there() -> bool:
    return importlib.util.find_spec("polars") is not None


def _opened(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], headers: Sequence[str], *, careful: bool
) -> tuple[Engine, Any]:
    implementation = frame.implementation
    data = nw.to_native(frame)
    if implementation.is_duckdb():
        from community_plan.frames.duckdb_engine import open_duckdb

        return open_duckdb(data, headers, careful=careful)
    if implementation.is_pyspark() or implementation.is_pyspark_connect():
        from community_plan.frames.spark_engine import open_spark

        return open_spark(data, headers, careful=careful)
    taken_over = implementation.is_pandas() or implementation.is_pyarrow()
    if implementation.is_polars() or (taken_over and _polars_is_there()):
        from community_plan.frames.polars_engine import open_polars

        found = open_polars(data, headers)
        if found is not None:
            return found
    if importlib.util.find_spec("numpy") is None:  # pyarrow may come without it
        raise MissingDependencyError("numpy", extra="pandas", purpose="evaluating a frame without polars")
    from community_plan.frames.narwhals_engine import open_narwhals

    return open_narwhals(frame, headers)
