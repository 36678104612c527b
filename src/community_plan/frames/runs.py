"""Runs: sums of arrays over rows with the same keys.

In a table in the order of its codes a region's rows stand together, and a run costs a fraction of what sorting costs.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from community_plan.frames.arrays import Cell, Column, Numbers, Relation, Scope, listed, stacked, taken
from community_plan.frames.engine import Grouped
from community_plan.frames.texts import Text

__all__ = ["Part", "ids_of", "ranked", "summable", "summed", "together", "total_of"]

_HALF = 2**31
"""Where a whole number is cut in two so that each half's sum fits 64 bits."""


class _Python(Sequence[Any]):
    """A column as Python values, made when they are read."""

    def __init__(self, column: Column) -> None:
        self._column = column

    @functools.cached_property
    def _cells(self) -> list[Any]:
        return listed(self._column)

    def __getitem__(self, place: Any) -> Any:
        return self._cells[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


def summable(column: Column) -> Any:
    """Return numbers, or truth values as bytes, 0 where one is missing."""
    assert isinstance(column, Numbers)
    values = column.values.view(np.uint8) if column.values.dtype == bool else column.values
    return values if column.missing is None else np.where(column.missing, 0, values)


def total_of(values: Any) -> Any:
    """Return the sum of numbers, or of truth values as bytes."""
    return np.array([np.count_nonzero(values) if values.dtype == np.uint8 else values.sum()], dtype=np.int64)


def ranked(column: Column) -> tuple[Any, Any]:
    """Return numbers in the order of a column's cells, and where one is missing."""
    if isinstance(column, Text):
        return column.words.order()[column.places], column.places < 0
    assert isinstance(column, Numbers)
    missing = np.zeros(len(column.values), dtype=bool) if column.missing is None else column.missing
    return column.values, missing


def ids_of(columns: Sequence[Column], rows: int) -> Any:
    """Return a whole number for each row, the same where all cells of two rows are."""
    found = np.zeros(rows, dtype=np.int64)
    for place, column in enumerate(columns):
        if isinstance(column, Text):
            ids = column.places + np.int64(1)
        else:
            assert isinstance(column, Numbers)
            ids = column.values.astype(np.int64)
            if column.missing is not None:  # missing cells are alike, and like no other
                ids = np.where(column.missing, ids.min(initial=0) - 1, ids)
        if not place:
            found = ids
            continue
        _, found = np.unique(found, return_inverse=True)
        other, ids = np.unique(ids, return_inverse=True)
        found = found * len(other) + ids
    return found


def _parted(values: Any) -> tuple[Any, Any]:
    """Return the upper and the lower halves of whole numbers."""
    whole = values.astype(np.int64)
    return whole // _HALF, whole % _HALF


Part = tuple[list[Column], list[Any]]
"""Keys, with their sums."""


@attrs.frozen(eq=False)
class _Few:
    """Numbers of some rows; those of all others are 0."""

    rows: Any
    values: Any

    def spread(self, rows: int) -> Any:
        """Return a number for every row."""
        found = np.zeros(rows, dtype=np.int64)
        found[self.rows] = self.values
        return found


def summed(
    scope: Scope,
    keys: Sequence[str],
    sums: Mapping[str, Cell | None],
    *,
    few: Scope | None = None,
    rows: Any = None,
    sparse: Collection[str] = (),
    wide: bool,
) -> Part:
    """Return the keys and the sums of each run of rows with equal keys, of each key where runs are short.

    Args:
        scope: The rows.
        keys: Names of the keys.
        sums: Names of the sums; None counts rows.
        few: The only rows that add to some of the sums.
        rows: Where they are.
        sparse: The names of those sums.
        wide: Whether to sum upper and lower halves apart.
    """
    arrays: list[Any] = []
    for name, cell in sums.items():
        if few is not None and name in sparse:
            values = summable(few.full(name))
            arrays += [_Few(rows, part) for part in (_parted(values) if wide else [values])]
            continue
        values = np.ones(scope.rows, dtype=np.uint8) if cell is None else summable(scope.full(name))
        arrays += _parted(values) if wide else [values]
    return _runs([scope.full(key) for key in keys], arrays, scope.rows)


def _runs(keys: list[Column], arrays: list[Any], rows: int) -> Part:
    """Sum arrays over runs of rows with equal keys.

    In a table in the order of its codes a region's rows stand together, and a run costs a fraction of what sorting
    costs.
    """
    if not rows:
        return [taken(key, np.zeros(0, dtype=np.int64)) for key in keys], [np.zeros(0, dtype=np.int64)] * len(arrays)
    if not keys:
        return [], [total_of(array.values if isinstance(array, _Few) else array) for array in arrays]
    starts = _changes(keys, rows)
    if len(starts) * 2 > rows:
        return _sorted(keys, arrays, rows)
    found = []
    for array in arrays:
        if not isinstance(array, _Few):
            found.append(np.add.reduceat(array, starts, dtype=np.int64))
            continue
        total = np.zeros(len(starts), dtype=np.int64)
        if len(array.rows):
            runs = np.searchsorted(starts, array.rows, side="right") - 1
            begins = np.flatnonzero(np.diff(runs, prepend=-1))
            total[runs[begins]] = np.add.reduceat(array.values, begins, dtype=np.int64)
        found.append(total)
    return [taken(key, starts) for key in keys], found


def _changes(keys: Sequence[Column], rows: int) -> Any:
    """Return the rows whose keys are not those of the row before."""
    change = np.zeros(rows, dtype=bool)
    change[:1] = True
    for key in keys:
        if isinstance(key, Text):
            change[1:] |= key.places[1:] != key.places[:-1]
            continue
        assert isinstance(key, Numbers)
        change[1:] |= key.values[1:] != key.values[:-1]
        if key.missing is not None:
            change[1:] |= key.missing[1:] != key.missing[:-1]
    return np.flatnonzero(change)


def _sorted(keys: list[Column], arrays: list[Any], rows: int) -> Part:
    """Sum arrays over rows with equal keys, wherever they stand."""
    ids = ids_of(keys, rows)
    least = ids.min()
    if int(ids.max()) - int(least) < 2**16:  # which numpy sorts by counting
        ids = (ids - least).astype(np.uint16)
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    full = (array.spread(rows) if isinstance(array, _Few) else array for array in arrays)
    return (
        [taken(key, order[starts]) for key in keys],
        [np.add.reduceat(array[order], starts, dtype=np.int64) for array in full],
    )


def _once(keys: list[Column], arrays: list[Any], rows: int) -> Part:
    """Add up what stands under one key."""
    if not keys:
        return [], [total_of(array) for array in arrays]
    if not rows:
        return keys, arrays
    starts = _changes(keys, rows)
    if len(starts) < rows:  # a region that was cut in two
        keys = [taken(key, starts) for key in keys]
        arrays = [np.add.reduceat(array, starts) for array in arrays]
    if len(np.unique(ids_of(keys, len(starts)))) < len(starts):
        return _sorted(keys, arrays, len(starts))
    return keys, arrays


def together(parts: Sequence[Part], keys: Sequence[str], sums: Mapping[str, Any], *, wide: bool) -> Grouped:
    """Add up the sums of pieces."""
    count = len(sums) * (2 if wide else 1)
    below = [stacked([part[0][place] for part in parts]) for place in range(len(keys))]
    arrays = [np.concatenate([part[1][place] for part in parts]) for place in range(count)]
    found, totals = _once(below, arrays, len(arrays[0]) if arrays else 0)
    labels = dict(zip(keys, found, strict=True))
    rows = len(totals[0]) if totals else 0
    if not wide:
        numbers = {name: Numbers(total) for name, total in zip(sums, totals, strict=True)}
        return Grouped(
            keys={key: _Python(column) for key, column in labels.items()},
            sums={name: _Python(column) for name, column in numbers.items()},
            frame=Relation(rows, {**labels, **numbers}),
        )
    whole = {
        name: [high * _HALF + low for high, low in zip(highs.tolist(), lows.tolist(), strict=True)]
        for name, highs, lows in zip(sums, totals[::2], totals[1::2], strict=True)
    }
    return Grouped(
        keys={key: _Python(column) for key, column in labels.items()},
        sums=whole,
        frame=Relation(rows, labels),
        wide=True,
    )
