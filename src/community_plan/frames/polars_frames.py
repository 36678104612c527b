"""Polars frames: what goes in and out of polars, and how it says what goes wrong."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, TypeVar

import polars as pl

from community_plan.entry import Source
from community_plan.errors import ColumnTypeError, CommunityPlanError, DataError, Place
from community_plan.frames.engine import Kind

__all__ = ["as_it_is", "back_to", "collected", "kind_of", "scan_csv", "scan_parquet", "taken_over", "told", "uneven"]

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
    """Return parquet files as one lazy frame; nothing but their schemas is read.

    Files may have their columns in any order and keep numbers and texts as they like. A column that they have not all,
    or of types that do not go together, is no matter as long as nobody asks for it; `uneven` tells.
    """
    schemas = [_schema(path) for path in paths]
    if all(schema == schemas[0] for schema in schemas):
        return pl.scan_parquet(list(paths), glob=False)
    names = list(dict.fromkeys(name for schema in schemas for name in schema))
    types = {name: _common({schema.get(name) for schema in schemas}) for name in names}
    files = list(zip(paths, schemas, strict=True))
    odd = {name: _odd([(path, schema.get(name)) for path, schema in files]) for name in names if types[name] is None}

    def cell(name: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        common = types[name]
        return (odd[name] if common is None else _cast(pl.col(name), schema[name], common)).alias(name)

    return pl.concat(
        [
            pl.scan_parquet([path for path, _ in alike], glob=False).select(cell(name, schema) for name in names)
            for schema, alike in itertools.groupby(files, key=operator.itemgetter(1))
        ]
    )


def _schema(path: str) -> dict[str, pl.DataType]:
    try:
        return dict(told(pl.scan_parquet(path, glob=False).collect_schema))
    except DataError as error:
        raise error.at(Place(file=path)) from error.__cause__


_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_ODD = "\x00"
"""Begins the names of the fields that stand for a column of many types: each says a type, and the first file of it."""


def _common(types: Set[pl.DataType | None]) -> pl.DataType | None:
    """Return the type that holds all cells of columns of some types as they are, if there is one."""
    if None in types:  # a file without the column
        return None
    told = {type_ for type_ in types if type_ is not None and not isinstance(type_, pl.Null)}
    if len(told) < 2:
        return next(iter(told), pl.Null())
    if all(isinstance(type_, _TEXTS) for type_ in told):
        return pl.String()
    if all(type_.is_integer() for type_ in told):
        return pl.Int128() if any(type_ in (pl.UInt64, pl.Int128, pl.UInt128) for type_ in told) else pl.Int64()
    if all(type_.is_integer() or type_.is_float() for type_ in told):
        return pl.Float64()
    if all(type_.is_integer() or type_.is_decimal() for type_ in told):
        return pl.Decimal(38, max(type_.scale for type_ in told if isinstance(type_, pl.Decimal)))
    return None


def _cast(cell: pl.Expr, type_: pl.DataType, common: pl.DataType) -> pl.Expr:
    if type_ == common:
        return cell
    if common == pl.Float64 and type_.is_float():
        return cell.cast(pl.String).cast(pl.Float64)  # a float of fewer bits is the decimal that it lies next to
    if common == pl.Float64 and type_.is_integer():
        return cell.cast(pl.Decimal(15, 0)).cast(pl.Float64)  # what does not fit a double is an error, and not rounded
    return cell.cast(common)


def _odd(files: Sequence[tuple[str, pl.DataType | None]]) -> pl.Expr:
    """Return what stands for a column that files do not have alike."""
    first: dict[str, str] = {}
    for path, type_ in files:
        first.setdefault("no such column" if type_ is None else str(type_), path)
    return pl.struct(pl.lit(None).alias(f"{_ODD}{kind} in {path}") for kind, path in first.items())


def uneven(data: pl.LazyFrame, headers: Sequence[str], source: Source) -> list[CommunityPlanError]:
    """Return a fault for each needed column that the files of a pattern do not have alike."""
    schema = told(data.collect_schema)
    return [
        ColumnTypeError(
            f"expected columns of one type, got {', '.join(field.name.removeprefix(_ODD) for field in type_.fields)}",
            place=source.place(column=header),
            mend="write the column in the same way into every file of the pattern",
        )
        for header in headers
        if isinstance(type_ := schema[header], pl.Struct) and type_.fields and type_.fields[0].name.startswith(_ODD)
    ]


def scan_csv(paths: Sequence[str], headers: Sequence[str], ends: Mapping[str, int]) -> pl.LazyFrame:
    """Return CSV files as one lazy frame of texts without surrounding spaces.

    Args:
        paths: The files. Each of their lines has a cell for each header; polars takes those that lack for empty ones.
        headers: What their columns are to be called, all different.
        ends: How many rows are read of files in which empty lines follow the last one.
    """
    own = told(pl.scan_csv(paths[0], infer_schema=False, glob=False).collect_schema).names()  # unlike ones of no name
    schema = dict.fromkeys(own, pl.String)

    def scan(files: Any, rows: int | None = None) -> pl.LazyFrame:
        return pl.scan_csv(files, schema=schema, empty_string_is_null=False, glob=False, n_rows=rows)

    relation = pl.concat([scan(path, ends.get(path)) for path in paths]) if ends else scan(list(paths))
    return relation.rename(dict(zip(own, headers, strict=True))).with_columns(pl.all().str.strip_chars())


def collected(plan: pl.LazyFrame) -> pl.DataFrame:
    """Run a query."""
    return told(plan.collect)


def told(run: Callable[[], T]) -> T:
    """Run a query; what goes wrong in the engine is an error of the data."""
    try:
        return run()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"the data cannot be read: {str(error).splitlines()[0]}") from error
