"""Batches: pyarrow's record batches, all of one schema, looked at as tables of arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import narwhals as nw
import numpy as np

from community_plan.entry import INT64_MAX
from community_plan.frames.arrays import Column, Numbers, Table
from community_plan.frames.arrow import ArrowViews, marks_of
from community_plan.frames.bits import Bits
from community_plan.frames.engine import Kind
from community_plan.frames.texts import Text, TextColumn
from community_plan.grouping import Misread

__all__ = ["Batches", "detached"]

_WHOLE = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)


@attrs.frozen(eq=False)
class Batches:
    """What the columns of batches are, and how each is looked at."""

    kinds: Mapping[str, Kind]
    _schema: Any
    _looks: Sequence[Callable[[Any], Column]]

    @classmethod
    def of(cls, headers: Sequence[str], schema: Any) -> Batches:
        """Return how batches are looked at.

        Args:
            headers: What their columns are called, whatever the schema says.
            schema: The schema.

        Raises:
            Misread: If cells of a column have to be read one by one.
        """
        kinds, looks = {}, []
        for header, field in zip(headers, schema, strict=True):
            shown = str(field.type)
            if shown in _KINDS:
                kind, look = _KINDS[shown]
            elif shown.startswith("dictionary<values=string"):
                kind, look = "text", _words
            else:
                raise Misread
            kinds[header] = Kind(kind, shown, long=kind == "integer")
            looks.append(look)
        return cls(kinds, schema, looks)

    def table(self, batch: Any) -> Table:
        """Return a batch as a table; numbers have marks whether one is missing or not.

        What is written for one table thus fits all of a schema.

        Raises:
            Misread: If a whole number is too large for an array.
        """
        looks = zip(self.kinds, self._looks, batch.columns, strict=True)
        return Table(len(batch), {name: [look(array)] for name, look, array in looks})

    def empty(self) -> Table:
        """Return a table of no rows."""
        import pyarrow as pa

        return self.table(pa.RecordBatch.from_arrays([pa.array([], f.type) for f in self._schema], schema=self._schema))


def _marks(array: Any) -> Bits:
    memory, rows = array.buffers()[0], len(array)
    if memory is None:
        return Bits(np.full(rows // 8 + 1, 255, np.uint8), 0, rows)
    return Bits(np.frombuffer(memory, np.uint8), array.offset, rows)


def _numbers(type_: Any, array: Any) -> Numbers:
    first, rows = array.offset, len(array)
    cells = np.frombuffer(array.buffers()[1], type_)[first : first + rows] if rows else np.zeros(0, type_)
    found = Numbers(cells, _marks(array))
    if type_ is np.uint64 and cells[~found.missing].max(initial=0) > INT64_MAX:
        raise Misread
    return found


def _truths(array: Any) -> Numbers:
    rows = len(array)
    bits = np.frombuffer(array.buffers()[1], np.uint8) if rows else np.zeros(0, np.uint8)
    return Numbers(Bits(bits, array.offset, rows).there(), _marks(array))


def _texts(array: Any) -> Text:
    series = functools.partial(_series, array)
    return Text(column=TextColumn(series, marks_of(array), ArrowViews(array)), stop=len(array))


def _words(array: Any) -> Text:
    import pyarrow as pa

    return _texts(array.cast(pa.string()))


def _series(array: Any) -> nw.Series[Any]:
    import pyarrow as pa

    if str(array.type) == "string_view":  # which pyarrow takes no rows from
        array = array.cast(pa.large_string())
    return nw.from_native(pa.chunked_array([array]), series_only=True)


def detached(column: Column) -> Column:
    """Return some rows that were taken from a batch, in memory of their own.

    Texts would hold the column that they were taken from, and that the memory of the whole batch.
    """
    if not isinstance(column, Text):
        return column
    if column.column is None:
        return Text(column.places, column.words)
    array = column.own().to_arrow()
    return _texts(array.combine_chunks() if hasattr(array, "combine_chunks") else array)


_KINDS: Mapping[str, tuple[Any, Callable[[Any], Column]]] = {
    **{np.dtype(type_).name: ("integer", functools.partial(_numbers, type_)) for type_ in _WHOLE},
    "float": ("float32", functools.partial(_numbers, np.float32)),
    "double": ("float", functools.partial(_numbers, np.float64)),
    "bool": ("boolean", _truths),
    **dict.fromkeys(("string", "large_string", "string_view"), ("text", _texts)),
}
"""Arrow's words for types with what they are."""
