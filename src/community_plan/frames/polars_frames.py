"""Polars frames: what goes in and out of polars, and how it says what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import polars as pl

from community_plan.errors import DataError
from community_plan.frames.engine import Kind

__all__ = ["as_it_is", "back_to", "collected", "kind_of", "scan_csv", "scan_parquet", "taken_over", "told"]

T = TypeVar("T")


def kind_of(dtype: pl.DataType) -> Kind:
    """Return what the cells of a column of polars are."""
    shown = str(dtype)
    if dtype.is_integer():
        return Kind("integer", shown, long=dtype == pl.Int64)
    if dtype.is_float():
        return Kind("float" if dtype == pl.Float64 else "float32", shown)
    if isinstance(dtype, pl.Decimal):
        return Kind("decimal", shown, scale=dtype.scale)
    if isinstance(dtype, pl.Enum):
        return Kind("text", shown, words=tuple(dtype.categories.to_list()))
    if isinstance(dtype, pl.String | pl.Categorical):
        return Kind("text", shown)
    if isinstance(dtype, pl.Boolean):
        return Kind("boolean", shown)
    return Kind("nothing" if isinstance(dtype, pl.Null) else "other", shown)


def as_it_is(relation: pl.LazyFrame) -> pl.LazyFrame:
    """Return a query to a user who gave one."""
    return relation


def back_to(data: Any) -> Callable[[pl.LazyFrame], Any]:
    """Return what turns a query into a frame of the user's own kind."""
    if isinstance(data, pl.DataFrame):
        return collected
    if type(data).__module__.startswith("pyarrow"):
        return lambda relation: collected(relation).to_arrow()
    return lambda relation: collected(relation).to_pandas()


def taken_over(data: Any, headers: Sequence[str]) -> pl.DataFrame | None:
    """Convert columns of pandas or pyarrow, without a copy where that can be."""
    import pyarrow as pa

    try:
        if isinstance(data, pa.Table):
            frame = pl.from_arrow(data.select(list(headers)))
            assert isinstance(frame, pl.DataFrame)
            return frame
        if any(data[header].dtype == object and not _all_text(data[header]) for header in headers):
            return None  # cells of several kinds are read one by one
        return pl.from_pandas(data[list(headers)])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError):
        return None


def _all_text(series: Any) -> bool:
    return bool(series.map(type).isin([str, type(None)]).all())


def scan_parquet(paths: Sequence[str]) -> pl.LazyFrame:
    """Return parquet files as one lazy frame; nothing but their schema is read."""
    relation = pl.scan_parquet(list(paths), glob=False)
    told(relation.collect_schema)
    return relation


def scan_csv(paths: Sequence[str], headers: Sequence[str]) -> pl.LazyFrame:
    """Return CSV files as one lazy frame of texts without surrounding spaces; cells that are not there are null.

    Args:
        paths: The files.
        headers: What their columns are to be called, all different.
    """
    own = told(pl.scan_csv(paths[0], infer_schema=False, glob=False).collect_schema).names()  # unlike ones of no name
    relation = pl.scan_csv(list(paths), schema=dict.fromkeys(own, pl.String), empty_string_is_null=False, glob=False)
    relation = relation.rename(dict(zip(own, headers, strict=True)))
    first, last = pl.col(headers[0]), pl.col(headers[-1])
    if len(headers) > 1:  # an empty line
        relation = relation.filter(~((first.is_null() | (first == "")) & last.is_null()))
    return relation.with_columns(pl.all().str.strip_chars())


def collected(plan: pl.LazyFrame) -> pl.DataFrame:
    """Run a query."""
    return told(plan.collect)


def told(run: Callable[[], T]) -> T:
    """Run a query; what goes wrong in the engine is an error of the data."""
    try:
        return run()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"the data cannot be read: {str(error).splitlines()[0]}") from error
