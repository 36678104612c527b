"""Narwhals frames: columns of the users' frames read into arrays, and arrays given back as such frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np

from community_plan.entry import INT64_MAX
from community_plan.frames.arrays import Numbers, Others, listed
from community_plan.frames.engine import VERDICTS, Kind
from community_plan.frames.texts import Text, TextColumn, Words

__all__ = ["VERDICT_WORDS", "frame_like", "read"]

VERDICT_WORDS = Words(VERDICTS)


def read(series: nw.Series[Any]) -> tuple[Kind, Any]:
    """Return what a column is, and the column."""
    dtype = series.dtype
    shown = str(dtype)
    if series.implementation.is_pandas_like() and str(series.to_native().dtype) == "object":
        return _read_objects(series)
    gaps = series.null_count()
    if dtype.is_integer():
        values = (series.fill_null(0) if gaps else series).to_numpy()
        if values.dtype == np.uint64 and values.max(initial=0) > INT64_MAX:
            return Kind("objects", shown), Others(series)
        numbers = np.ascontiguousarray(values, dtype=np.int64)
        return Kind("integer", shown, long=True), Numbers(numbers, series.is_null().to_numpy() if gaps else None)
    if dtype.is_float():
        doubles = np.ascontiguousarray(series.to_numpy(), dtype=np.float64)
        return Kind("float32" if isinstance(dtype, nw.Float32) else "float", shown), Numbers(doubles)
    if isinstance(dtype, nw.Boolean):
        truths = np.ascontiguousarray((series.fill_null(False) if gaps else series).to_numpy(), dtype=bool)
        return Kind("boolean", shown), Numbers(truths, series.is_null().to_numpy() if gaps else None)
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum):
        return Kind("text", shown), Text(column=TextColumn(series), stop=len(series))
    if gaps == len(series):
        return Kind("nothing", shown), Others(series)
    return Kind("objects" if isinstance(dtype, nw.Object | nw.Decimal) else "other", shown), Others(series)


def _read_objects(series: nw.Series[Any]) -> tuple[Kind, Any]:
    """Return what the cells of a column of Python objects are: narwhals looks at the first of them only."""
    kinds = set(map(type, series.filter(~series.is_null()).to_list()))
    if not kinds:
        return Kind("nothing", "Object"), Others(series)
    if kinds == {str}:
        return Kind("text", "String"), Text(column=TextColumn(series), stop=len(series))
    return Kind("objects", "Object"), Others(series)


def frame_like(user: nw.DataFrame[Any], columns: Mapping[str, Any]) -> Any:
    """Return columns as a frame of the user's own library."""
    library: Any = user.implementation.to_native_namespace()
    if user.implementation.is_pandas_like():
        return library.DataFrame({name: _for_pandas(library, column) for name, column in columns.items()})
    if user.implementation.is_pyarrow():
        return library.table({name: _for_pyarrow(library, column) for name, column in columns.items()})
    return nw.from_dict({n: listed(column) for n, column in columns.items()}, backend=user.implementation).to_native()


def _for_pandas(pandas: Any, column: Any) -> Any:
    if isinstance(column, Text):
        if column.column is not None:
            return column.column.series[column.start : column.stop].to_native().reset_index(drop=True)
        if column.words is VERDICT_WORDS:
            return pandas.Categorical.from_codes(column.places, column.words.texts)
        texts = np.array([*column.words.texts, None], dtype=object)
        return pandas.Series(texts[column.places])
    return column.values if column.missing is None else pandas.array(listed(column))


def _for_pyarrow(pyarrow: Any, column: Any) -> Any:
    if isinstance(column, Text):
        if column.column is not None:
            return column.column.series[column.start : column.stop].to_native()
        gone = column.places < 0
        made = pyarrow.DictionaryArray.from_arrays(
            pyarrow.array(column.places.astype(np.int32), mask=gone),
            pyarrow.array(column.words.texts, pyarrow.string()),
        )
        return made if column.words is VERDICT_WORDS else made.cast(pyarrow.string())
    gone = np.isnan(column.values) if column.values.dtype.kind == "f" else column.missing
    return pyarrow.array(column.values, mask=gone)
