"""Arrays: tables whose columns are numpy arrays, in as many pieces as the user's columns come in.

A cell that is missing has a mark beside it, whatever stands in its place. So no frame library's idea of null, NaN,
overflow or rounding takes part.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import narwhals as nw
import numpy as np

from community_plan.frames.bits import cut, marked, marks_at
from community_plan.frames.texts import Text, Words, text_of

__all__ = [
    "MANY_ROWS",
    "PIECE_ROWS",
    "Column",
    "Numbers",
    "Others",
    "Table",
    "chosen",
    "either",
    "keep_memory",
    "listed",
    "marks_of",
    "spacious",
    "stacked",
    "taken",
]

PIECE_ROWS = 2**12
"""Rows that the pieces of a table have on average at least; smaller ones are put together."""


@attrs.frozen(eq=False, slots=False)
class Numbers:
    """Whole numbers, doubles or truth values."""

    values: Any
    gone: Any = None
    """Marks of those that are missing: an array, or `Bits`; None if there is none."""

    @functools.cached_property
    def missing(self) -> Any:
        """Where one is missing, as an array; None if nowhere."""
        return marked(self.gone)

    def __len__(self) -> int:
        return len(self.values)

    def sliced(self, start: int, stop: int) -> Numbers:
        """Return some of the rows."""
        return Numbers(self.values[start:stop], cut(self.gone, start, stop))


@attrs.frozen(eq=False)
class Others:
    """A user's column of anything else."""

    series: nw.Series[Any]

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, rows: slice) -> Others:
        return self.sliced(rows.start, rows.stop)

    def sliced(self, start: int, stop: int) -> Others:
        """Return some of the rows."""
        return Others(self.series[start:stop])


Column = Numbers | Text | Others


@attrs.define(eq=False)
class Table:
    """Columns of one length, each in pieces."""

    rows: int
    columns: Mapping[str, Sequence[Column]]
    _whole: dict[str, Column] = attrs.field(factory=dict, init=False)
    _ends: dict[str, list[int]] = attrs.field(factory=dict, init=False)
    """Where the pieces of a column end."""

    @classmethod
    def of(cls, rows: int, columns: Mapping[str, Column]) -> Table:
        """Return a table of columns in one piece."""
        return cls(rows, {name: (column,) for name, column in columns.items()})

    @classmethod
    def pieced(cls, rows: int, columns: Mapping[str, Sequence[Column]]) -> Table:
        """Return a table of a user's columns; where they come in very many pieces, these are put together."""
        table = cls(rows, columns)
        few = max(1, rows // PIECE_ROWS)
        if all(len(pieces) <= few for pieces in columns.values()) and len(table.cuts(columns)) <= few + 2:
            return table
        return cls(rows, {name: (table.whole(name),) for name in columns})

    def whole(self, name: str) -> Column:
        """Return a column in one piece."""
        if name not in self._whole:
            self._whole[name] = stacked(self.columns[name])
        return self._whole[name]

    def cuts(self, names: Sequence[str] | Mapping[str, Any]) -> list[int]:
        """Return the rows where pieces of some columns begin, and the number of rows."""
        found = {0, self.rows}
        for name in names:
            begin = 0
            for piece in self.columns[name]:
                begin += len(piece)
                found.add(begin)
        return sorted(found)

    @functools.cached_property
    def shape(self) -> tuple[Any, ...]:
        """What kernels for this table rest on: what its columns are, and which have missing cells."""
        return tuple((name, _shape(pieces)) for name, pieces in self.columns.items())

    def shape_of(self, name: str) -> tuple[Any, ...]:
        """Return what a column is."""
        return _shape(self.columns[name])

    def cut(self, name: str, start: int, stop: int) -> Column:
        """Return some rows of one piece of a column."""
        if name not in self._ends:
            self._ends[name] = list(itertools.accumulate(map(len, self.columns[name])))
        ends = self._ends[name]
        at = bisect.bisect_right(ends, start)
        begin = ends[at - 1] if at else 0
        return self.columns[name][at].sliced(start - begin, stop - begin)

    def parts(
        self, wanted: Sequence[tuple[str, str]], start: int, stop: int
    ) -> Iterator[tuple[int, int, dict[tuple[str, str], Any]]]:
        """Give pieces of rows in which every wanted part of a column is one array."""
        names = dict.fromkeys(name for name, _ in wanted)
        cuts = self.cuts(names)
        places = dict.fromkeys(names, (0, 0))
        for first, end in itertools.pairwise(cuts):
            low, high = max(first, start), min(end, stop)
            here: dict[str, Column] = {}
            for name in names:
                at, begin = places[name]
                while begin + len(self.columns[name][at]) <= first and begin + len(self.columns[name][at]) < end:
                    begin += len(self.columns[name][at])
                    at += 1
                places[name] = (at, begin)
                here[name] = self.columns[name][at].sliced(low - begin, high - begin) if low < high else _NOTHING
            if low < high:
                yield low, high, {(name, part): part_of(here[name], part, high - low) for name, part in wanted}

    def taken(self, names: Iterable[str], rows: Any) -> Table:
        """Return some rows of some columns, in ascending order."""
        return Table.of(len(rows), {name: self.picked(name, rows) for name in names})

    def picked(self, name: str, rows: Any) -> Column:
        """Return some rows of a column; of one in several pieces in ascending order."""
        pieces = self.columns[name]
        if len(pieces) == 1:
            return taken(pieces[0], rows)
        ends = np.cumsum([len(piece) for piece in pieces])
        cuts = np.searchsorted(rows, [0, *ends])
        found = [
            taken(piece, rows[low:high] - begin)
            for piece, begin, low, high in zip(pieces, [0, *ends], cuts, cuts[1:], strict=False)
            if low < high
        ]
        return stacked(found) if found else taken(pieces[0], rows)


_NOTHING = Numbers(np.zeros(0, np.int64))


def _shape(pieces: Sequence[Column]) -> tuple[Any, ...]:
    first = pieces[0]
    if isinstance(first, Numbers):
        types = {piece.values.dtype.char for piece in pieces if isinstance(piece, Numbers)}
        gaps = any(isinstance(piece, Numbers) and piece.gone is not None for piece in pieces)
        return ("numbers", max(types), gaps)
    if isinstance(first, Text):
        texts = [piece for piece in pieces if isinstance(piece, Text)]
        return ("text", all(text.has_views for text in texts), any(text.gaps for text in texts))
    return ("other",)


def marks_of(column: Column) -> Any:
    """Return the marks of missing cells as they come: an array, or `Bits`; None if there is none so far."""
    if isinstance(column, Numbers):
        return column.gone
    return column.marks() if isinstance(column, Text) else None


def part_of(column: Column, part: str, rows: int) -> Any:
    """Return a part of a column as an array."""
    if isinstance(column, Numbers):
        if part == "values":
            return column.values
        return np.zeros(rows, bool) if column.missing is None else column.missing
    if isinstance(column, Text):
        if part == "text":
            return column
        if part == "missing":
            gone = column.missing()
            return np.zeros(rows, bool) if gone is None else gone
        assert column.views is not None
        return column.views[:, 0 if part == "head" else 1]
    return column if part == "cells" else column.series.is_null().to_numpy()


def either(one: Any, other: Any) -> Any:
    """Return where one of two is missing."""
    if one is None or other is None:
        return other if one is None else one
    return one | other


def chosen(asked: Any, then: Column, otherwise: Column) -> Column:
    """Return one of two columns in each row."""
    if isinstance(then, Text):
        assert isinstance(otherwise, Text)
        words, moved = Words([*then.words.texts, *otherwise.words.texts]).mapped("", str)
        width = len(then.words.texts)
        first, second = np.append(moved[:width], -1), moved[width:]
        return Text(np.where(asked, first[then.places], second[otherwise.places]), words)
    assert isinstance(then, Numbers)
    assert isinstance(otherwise, Numbers)
    values = np.where(asked, then.values, otherwise.values)
    gone = np.where(asked, *(np.bool_(False) if one.missing is None else one.missing for one in (then, otherwise)))
    return Numbers(values, gone if np.any(gone) else None)


def listed(column: Column) -> list[Any]:
    """Return a column as Python values, None where one is missing."""
    if isinstance(column, Text):
        return column.listed()
    if isinstance(column, Others):
        gone = column.series.is_null().to_list()
        return [None if lost else cell for cell, lost in zip(column.series.to_list(), gone, strict=True)]
    gone = column.missing
    if column.values.dtype.kind == "f":
        gone = either(gone, np.isnan(column.values))
    if gone is None:
        cells: list[Any] = column.values.tolist()
        return cells
    return [None if lost else cell for cell, lost in zip(column.values.tolist(), gone.tolist(), strict=True)]


def taken(column: Column, rows: Any) -> Column:
    """Return some rows of a column; a row of -1 is missing."""
    if isinstance(column, Text):
        return column.taken(rows)
    if isinstance(column, Others):
        return Others(column.series[rows])
    gone = rows < 0
    if not len(column.values):
        return Numbers(np.zeros(len(rows), dtype=column.values.dtype), gone)
    missing = None if column.gone is None else marks_at(column.gone, rows)
    return Numbers(column.values[rows], either(missing, gone if gone.any() else None))


def stacked(parts: Sequence[Column]) -> Column:
    """Put parts of a column below each other."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, Text):
        return Text.stacked([part for part in parts if isinstance(part, Text)])
    if isinstance(first, Others):
        return Others(
            nw.concat([part.series.to_frame() for part in parts if isinstance(part, Others)])[first.series.name]
        )
    numbers = [part for part in parts if isinstance(part, Numbers)]
    missing = None
    if any(part.gone is not None for part in numbers):
        missing = np.concatenate(
            [np.zeros(len(part.values), dtype=bool) if part.missing is None else part.missing for part in numbers]
        )
    return Numbers(np.concatenate([part.values for part in numbers]), missing)


def compared_texts(compare: Any, left: Text, right: Text) -> Any:
    """Return whether texts compare so, row by row; what is missing compares somehow."""
    if compare in (operator.eq, operator.ne):
        one, other = left.places, right.places_in(left.words)
    else:
        both = Words([*left.words.texts, *right.words.texts])
        distinct, moved = both.mapped("", str)
        ranks = distinct.order()[moved]
        one, other = ranks[left.places], ranks[np.where(right.places < 0, -1, right.places + len(left.words.texts))]
    return compare(one, other)


def constant_text(value: str) -> Text:
    """Return a text that stands for all rows."""
    return text_of([value]).at_every_row()


@functools.cache
def keep_memory() -> None:
    """Have the C library keep memory that is let go of, to be had again, rather than give it back to the system.

    What comes anew from the system comes page by page, which takes longer than to fill it. glibc keeps blocks up to the
    size of the largest one that was let go of, if that was at most 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`). Nothing is
    written to this one, so that it takes no memory; other C libraries do not mind it.
    """
    np.empty(2**25 - 2**16, np.uint8)


MANY_ROWS = 2**20
"""Rows from which what a column takes counts for more than what a call costs."""
_PAGE = 2**21
"""Bytes of the large pages that systems hand memory over in."""


def spacious(lines: int, rows: int, type_: Any) -> Any:
    """Return lines of cells that begin with a large page: to be handed small ones takes longer than to fill them."""
    size = lines * rows * np.dtype(type_).itemsize
    if size < _PAGE:
        return np.empty((lines, rows), type_)
    memory = np.empty(size + 2 * _PAGE, np.uint8)  # what is not written to is never handed over
    start = -memory.ctypes.data % _PAGE
    return memory[start : start + size].view(type_).reshape(lines, rows)
