"""Arrow: the memory of a column of any library that speaks Arrow, looked at without a copy.

nanoarrow reads the structures that libraries hand over (the PyCapsule interface); numpy looks at their buffers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import nanoarrow as na
import numpy as np

from community_plan.frames.bits import Bits

__all__ = ["ArrowViews", "Chunk", "chunks_of", "columns_of", "from_buffers", "from_views", "marks_of"]

_NUMBERS = {
    "c": np.int8, "s": np.int16, "i": np.int32, "l": np.int64,
    "C": np.uint8, "S": np.uint16, "I": np.uint32, "L": np.uint64,
    "f": np.float32, "g": np.float64,
}  # fmt: skip
"""Arrow's letters for numbers."""

Chunk = tuple[Any, Any]
"""The cells of a piece of a column, and marks of those that are missing (`Bits`; None if there is none).

Texts are views: two 64-bit numbers each, the length with the first four bytes and, where there are at most twelve, the
other eight.
"""


def chunks_of(data: Any) -> Iterator[Chunk] | None:
    """Return the pieces of a column; None if it is of a type that is not looked at.

    Args:
        data: What has `__arrow_c_stream__`.
    """
    stream = na.c_array_stream(data)
    letter = stream.get_schema().format
    if letter not in _NUMBERS and letter not in ("b", "vu"):
        return None
    return (_chunk(array.view(), letter) for array in stream)


def columns_of(table: Any) -> list[list[Chunk]]:
    """Return the pieces of each column of a table of numbers, truth values and views of texts.

    Args:
        table: What has `__arrow_c_stream__`, and no row that is missing as a whole.
    """
    stream = na.c_array_stream(table)
    letters = [column.format for column in stream.get_schema().children]
    pieces = list(stream)  # a view of a whole piece would not keep the memory of its columns
    return [[_chunk(piece.child(place).view(), letter) for piece in pieces] for place, letter in enumerate(letters)]


def _chunk(array: Any, letter: str) -> Chunk:
    first, rows = array.offset, array.length
    missing = None
    if array.null_count:
        missing = Bits(np.frombuffer(array.buffer(0), dtype=np.uint8), first, rows)
    if letter == "b":
        return Bits(np.frombuffer(array.buffer(1), dtype=np.uint8) if rows else _NO_BYTES, first, rows).there(), missing
    memory = array.buffer(1)
    if letter == "vu":
        cells = np.frombuffer(memory, dtype=np.uint64) if rows else np.zeros(0, np.uint64)
        return cells.reshape(-1, 2)[first : first + rows], missing
    cells = np.frombuffer(memory, dtype=_NUMBERS[letter]) if rows else np.zeros(0, _NUMBERS[letter])
    return cells[first : first + rows], missing


_NO_BYTES = np.zeros(0, np.uint8)


def marks_of(array: Any) -> Any:
    """Return the marks of cells of one of pyarrow's arrays that are missing; None if there is none."""
    return Bits(np.frombuffer(array.buffers()[0], np.uint8), array.offset, len(array)) if array.null_count else None


@attrs.frozen(eq=False)
class ArrowViews:
    """The views of one of pyarrow's arrays of texts: made when somebody asks for some, on the core that asks."""

    array: Any

    def __len__(self) -> int:
        return len(self.array)

    def cut(self, start: int, stop: int) -> Any:
        """Return those of some rows in a row."""
        return _views_of(self.array.slice(start, stop - start))

    def at(self, rows: Any) -> Any:
        """Return those of some rows."""
        if str(self.array.type) == "string_view":  # which pyarrow takes nothing from, and which costs nothing to read
            return np.take(_views_of(self.array), rows, axis=0)
        return _views_of(self.array.take(rows))


def _views_of(array: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(array):
        return np.zeros((0, 2), np.uint64)
    views = pc.cast(array, pa.string_view())
    # Read where it is: handing over short texts alone, as it casts them, crashes pyarrow before version 25.
    cells = np.frombuffer(views.buffers()[1], dtype=np.uint64).reshape(-1, 2)
    return cells[views.offset : views.offset + len(views)]


def from_buffers(values: Any, missing: Any) -> Any:
    """Return doubles as what libraries take over without a copy."""
    return na.c_array_from_buffers(na.float64(), len(values), [_packed(missing), values], null_count=-1)


def from_views(views: Any, missing: Any) -> Any:
    """Return texts of at most twelve bytes, which their views hold whole, as what libraries take over."""
    return na.c_array_from_buffers(na.string_view(), len(views), [_packed(missing), views], null_count=-1)


def _packed(missing: Any) -> Any:
    """Return marks of missing cells, an array or `Bits`, as Arrow has them."""
    if missing is None:
        return None
    if isinstance(missing, Bits) and not missing.first:
        return missing.memory
    return np.packbits(missing.there() if isinstance(missing, Bits) else ~missing, bitorder="little")
