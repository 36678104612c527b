"""Runs: sums of arrays over rows with the same keys.

In a table in the order of its codes a region's rows stand together, and a run costs a fraction of what sorting costs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from community_plan.frames.arrays import Column, Numbers, Table, listed, spacious, taken
from community_plan.frames.bits import some_marked
from community_plan.frames.engine import Grouped
from community_plan.frames.texts import Text, whole_views

__all__ = [
    "alike",
    "ascend",
    "ascending",
    "changes_of",
    "first_rows",
    "grouped",
    "ids_of",
    "in_order",
    "numbered",
    "parted",
    "ranked",
    "run_starts",
    "short_runs",
    "sort_keys",
    "summed",
    "together",
    "total_of",
]

_HALF = 2**31
"""Where a whole number is cut in two so that each half's sum fits 64 bits."""
_SHORT = 4
"""Mean length of runs up to which sums so far, taken at their ends, cost less than a sum each."""
_MIX = tuple(np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
"""Odd numbers that spread what they are multiplied with over all bits."""
_LENGTH = np.uint64(0xFFFFFFFF)
"""The bits of a view that say how long its text is."""
_LONGEST = 255
"""Rows of a run whose truth values are counted in a byte."""


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


def ranked(column: Column) -> tuple[Any, Any]:
    """Return numbers in the order of a column's cells, and where one is missing."""
    if isinstance(column, Text):
        return column.words.order()[column.places], column.places < 0
    assert isinstance(column, Numbers)
    missing = np.zeros(len(column.values), dtype=bool) if column.missing is None else column.missing
    return column.values, missing


def sort_keys(column: Column) -> list[Any]:
    """Return numbers by which a column's cells are sorted, the first one first; missing cells come last."""
    parts = in_order(column)
    if parts is None:
        values, gone = ranked(column)
        return [gone, values]
    return [*parts, column.views[:, 0] & _LENGTH] if isinstance(column, Text) else parts  # "a" before "a\0"


def ids_of(columns: Sequence[Column], rows: int) -> Any:
    """Return a whole number for each row, the same where all cells of two rows are."""
    parts = [part for column in columns for part in _whole_parts(column)] or [np.zeros(rows, np.int64)]
    return functools.reduce(lambda ids, part: alike(ids.view(np.uint64), part.view(np.uint64)), parts)


def _whole_parts(column: Column) -> list[Any]:
    """Return whole numbers of 64 bits that tell a column's cells apart."""
    if isinstance(column, Text):
        gone = column.missing()
        views = whole_views(column.views, gone) if column.has_views else None
        if views is None:
            return [column.places + np.int64(1)]
        parts = [np.ascontiguousarray(half) for half in views.T]
        return parts if gone is None else [*parts, gone.astype(np.int64)]
    assert isinstance(column, Numbers)
    ids = column.values.astype(np.int64)
    if column.missing is None:
        return [ids]
    return [np.where(column.missing, 0, ids), column.missing.astype(np.int64)]  # missing cells are alike


def _is_short(text: Text) -> bool:
    """Say whether views hold the texts whole."""
    return text.has_views and int((text.views[:, 0] & _LENGTH).max(initial=0)) <= 12


def alike(one: Any, other: Any, bits: int | None = None) -> Any:
    """Return for each row the number of a row with the same two numbers: of all that have them, the same row.

    Args:
        one: 64-bit numbers without a sign.
        other: As many more.
        bits: Bits of the table in which rows look for each other; None for what there are rows for.
    """
    wide = bits or max(8, len(one).bit_length() + 1)
    mixed = one * _MIX[0] + other * _MIX[1]
    mixed ^= mixed >> np.uint64(32)
    places = ((mixed * _MIX[2]) >> np.uint64(64 - wide)).astype(np.int64)
    rows = np.arange(len(one))
    table = np.empty(2**wide, np.int64)
    table[places] = rows  # one of those with the same place stays
    found = table[places]
    unlike = np.flatnonzero((one[found] != one) | (other[found] != other))
    if len(unlike):  # none of them is like those that stayed
        found[unlike] = unlike[alike(one[unlike] ^ _MIX[2], other[unlike] * _MIX[0], bits)]
    return found


def numbered(ids: Any) -> tuple[Any, int]:
    """Return whole numbers as 0, 1, 2, … where they are the same, and how many different ones there are."""
    least, most = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
    if most - least >= 2**16 + 2 * len(ids):  # too far apart to be looked up
        ids, least, most = alike(ids.view(np.uint64), np.zeros(len(ids), np.uint64)), 0, len(ids) - 1
    places = ids - least
    there = np.zeros(most - least + 1, bool)
    there[places] = True
    return (np.cumsum(there) - 1)[places], int(np.count_nonzero(there))


def first_rows(numbers: Any, count: int) -> Any:
    """Return the first row of each number; there is one from nought on for each."""
    firsts = np.empty(count, np.int64)
    firsts[numbers[::-1]] = np.arange(len(numbers))[::-1]  # the last one written stays
    return firsts


def parted(values: Any) -> tuple[Any, Any]:
    """Return the upper and the lower halves of whole numbers."""
    whole = values.astype(np.int64)
    return whole // _HALF, whole % _HALF


def run_starts(changes: Any, rows: int) -> Any:
    """Return where runs start: at the first row, where something changes, and so that none is too long for a byte."""
    found = np.flatnonzero(changes) if changes is not None else np.zeros(0, np.int64)
    starts = found if len(found) and not found[0] else np.concatenate([[0], found])
    lengths = np.diff(starts, append=rows)
    if lengths.max(initial=0) <= _LONGEST:
        return starts
    return np.union1d(starts, np.arange(0, rows, _LONGEST))


def short_runs(starts: Any, rows: int) -> bool:
    """Say whether runs are so short that sorting costs less."""
    return len(starts) * 2 > rows + 2


def summed(values: Any, starts: Any, out: Any) -> None:
    """Write the sum of each run of whole numbers or truth values; a run of truth values has at most 255."""
    if len(starts) * _SHORT >= len(values):
        upto = np.cumsum(values, dtype=np.int64)
        ends = upto[np.append(starts[1:], len(values)) - 1]
        out[0] = ends[0]
        np.subtract(ends[1:], ends[:-1], out=out[1:])
    elif values.dtype == np.bool_:
        out[:] = np.add.reduceat(values.view(np.uint8), starts, dtype=np.uint8)
    else:
        np.add.reduceat(values, starts, out=out)


def total_of(values: Any, rows: int) -> int:
    """Return the sum of numbers or truth values; one may stand for all rows."""
    if not np.ndim(values):
        return int(values) * rows
    return int(np.count_nonzero(values) if values.dtype == np.bool_ else np.add.reduce(values))


def grouped(keys: Mapping[str, Column], totals: Any, names: Sequence[str]) -> Grouped:
    """Put the sums of runs together, by key.

    Args:
        keys: The keys of each run.
        totals: Sums of runs: a line for each name.
        names: Names of the sums.
    """
    labels, count = list(keys.values()), totals.shape[1]
    if count > 1 and not ascend(labels):
        ids = ids_of(labels, count)
        order = np.argsort(ids, kind="stable")
        ordered = ids[order]
        firsts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        if len(firsts) < count:  # regions that do not stand together
            labels = [taken(label, order[firsts]) for label in labels]
            merged = spacious(len(totals), len(firsts), np.int64)
            for total, line in zip(totals, merged, strict=True):  # one by one, as a line stays near the core
                np.add.reduceat(total[order], firsts, out=line)
            totals = merged
    return _given(dict(zip(keys, labels, strict=True)), totals, names)


def _given(labels: Mapping[str, Column], totals: Any, names: Sequence[str]) -> Grouped:
    numbers = {name: Numbers(total) for name, total in zip(names, totals, strict=True)}
    return Grouped(
        keys={key: _Python(column) for key, column in labels.items()},
        sums={name: _Python(column) for name, column in numbers.items()},
        frame=Table.of(totals.shape[1], {**labels, **numbers}),
        most=int(totals.max(initial=0)),
    )


def together(found: Grouped, names: Sequence[str]) -> Grouped:
    """Put sums of upper and lower halves together, as Python's whole numbers."""
    sums = {
        name: [high * _HALF + low for high, low in zip(found.sums[f"{name}^"], found.sums[name], strict=True)]
        for name in names
    }
    columns = {} if found.frame is None else {key: found.frame.columns[key] for key in found.keys}
    frame = None if found.frame is None else Table(found.frame.rows, columns)
    return Grouped(keys=found.keys, sums=sums, frame=frame, wide=True)


def changes_of(keys: Sequence[Column], rows: int) -> Any:
    """Return the rows whose keys are not those of the row before; of long texts perhaps some more."""
    change = np.zeros(rows, dtype=bool)
    change[:1] = True
    for key in keys:
        for values in _told_apart(key):
            change[1:] |= values[1:] != values[:-1]
    return np.flatnonzero(change)


def _told_apart(key: Column) -> list[Any]:
    """Return arrays that differ where cells do."""
    if isinstance(key, Text):
        if key.views is None:
            return [key.places]
        gone = key.missing()
        return [key.views[:, 0], key.views[:, 1], *([] if gone is None else [gone])]
    values, gone = ranked(key)
    return [values, gone] if gone.any() else [values]


def ascend(keys: Sequence[Column]) -> bool:
    """Say whether keys are strictly ascending, as far as that is seen at once."""
    parts = [in_order(key) for key in keys]
    return None not in parts and ascending([cells for part in parts if part is not None for cells in part])


def ascending(parts: Sequence[Any], *, strictly: bool = True) -> bool:
    """Say whether numbers are ascending; those of a later array count where those of the earlier ones are the same."""
    later: Any = np.bool_(False)
    same: Any = np.bool_(True)
    for cells in parts:
        later = later | (same & (cells[1:] > cells[:-1]))
        same = same & (cells[1:] == cells[:-1])
    return bool(np.all(later if strictly else later | same))


def in_order(key: Column) -> list[Any] | None:
    """Return numbers that are in the order of a column's cells, if there are such without looking for words."""
    if isinstance(key, Numbers):
        return None if some_marked(key.gone) else [key.values]
    if not isinstance(key, Text) or not _is_short(key) or key.missing() is not None:
        return None
    # The first bytes of a text count most.
    return [(key.views[:, 0] >> np.uint64(32)).astype(np.uint32).byteswap(), key.views[:, 1].byteswap()]
