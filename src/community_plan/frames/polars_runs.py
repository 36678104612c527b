"""Runs: where rows with equal keys stand together in a polars frame, and sums over them.

In a table in the order of its codes a region's rows stand together. A run then costs numpy a fraction of what
hashing costs; what stands apart all the same is added up in the end, so the order matters for speed alone.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import polars as pl

__all__ = ["Kept", "Places", "Runs", "array", "bytes_of"]

_SHORT = 40
"""Mean length of runs up to which sums so far, taken at their ends, cost less than a sum each."""
_ZERO, _ONE = pl.lit(0, dtype=pl.UInt8), pl.lit(1, dtype=pl.UInt8)


def bytes_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with its truth values as bytes of 0 or 1, which numpy reads without a copy.

    Choosing between two numbers costs a tenth of what casting bits to bytes costs.
    """
    truths = [name for name, dtype in frame.schema.items() if dtype == pl.Boolean]
    return frame.with_columns(pl.when(name).then(_ONE).otherwise(_ZERO).alias(name) for name in truths)


def array(series: pl.Series) -> Any:
    """Return a column without nulls as an array: whole numbers as they are, truth values as bytes."""
    if series.dtype == pl.Boolean:
        return (series.fill_null(False) if series.null_count() else series).to_numpy().view(np.uint8)
    return series.to_numpy()


@attrs.frozen(eq=False)
class Runs:
    """Where runs of rows start; each ends where the next one starts."""

    starts: Any
    rows: int
    longest: int
    """Length of the longest."""

    @classmethod
    def of(cls, starts: Any, rows: int) -> Runs:
        """Return runs with what is needed to add them up."""
        return cls(starts, rows, int(np.diff(starts, append=rows).max(initial=0)))

    def add_up(self, cells: Mapping[str, Any], out: Mapping[str, Any]) -> None:
        """Write the sum of each run of whole numbers, or of bytes of 0 or 1, for each of some columns."""
        if not len(self.starts):
            return
        if self.rows <= _SHORT * len(self.starts):
            ends = np.append(self.starts[1:], self.rows) - 1
            # Asked for once: memory that is asked for again and again costs more than the sums.
            upto, total = np.empty(self.rows, dtype=np.int64), np.empty(len(ends), dtype=np.int64)
            for name, column in cells.items():
                np.cumsum(column, dtype=np.int64, out=upto)
                np.take(upto, ends, out=total, mode="clip")  # none is out of range; to make sure would take a copy
                out[name][0] = total[0]
                np.subtract(total[1:], total[:-1], out=out[name][1:])
            return
        # In the smallest type that holds the longest run: bytes would be cast to a wider one block by block.
        narrow = next(size for size in (np.uint8, np.uint16, np.uint32) if self.longest <= np.iinfo(size).max)
        for name, column in cells.items():
            if column.dtype == np.uint8:
                out[name][:] = np.add.reduceat(column, self.starts, dtype=narrow)
            else:
                np.add.reduceat(column, self.starts, out=out[name])


@attrs.define(eq=False)
class Places:
    """The runs of a piece of a frame, with their keys."""

    runs: Runs
    labels: pl.DataFrame
    """Keys of each run."""
    gaps: tuple[Runs, Any] | None = None
    """The runs of the rows with missing cells, and the places of these among all runs, once they are found."""

    @classmethod
    def of(cls, frame: pl.DataFrame, keys: Sequence[str]) -> Places:
        """Find the runs of rows with equal keys."""
        changes = [pl.col(key).ne_missing(pl.col(key).shift(1)) for key in keys]
        change = functools.reduce(operator.or_, changes)
        starts = frame.select(((pl.int_range(pl.len()) == 0) | change).arg_true()).to_series()
        labels = frame.select(pl.col(key).gather(starts) for key in keys)
        return cls(Runs.of(starts.to_numpy(), frame.height), labels)

    @property
    def short(self) -> bool:
        """Whether runs are so short that hashing costs less."""
        return len(self.runs.starts) * 2 > self.runs.rows

    def gaps_at(self, rows: Any) -> tuple[Runs, Any]:
        """Return the runs that rows with missing cells make, and the places of these among all runs."""
        within = np.searchsorted(self.runs.starts, rows, side="right") - 1
        begins = np.flatnonzero(np.diff(within, prepend=-1))
        return Runs.of(begins, len(rows)), within[begins]


@attrs.frozen(eq=False)
class Kept:
    """What need be found only once of a frame that is kept."""

    few: pl.DataFrame
    """Its rows with missing cells."""
    rows: Any
    """Where they are."""
    places: dict[tuple[Any, ...], Places] = attrs.field(factory=dict)
    """First row of a piece and keys to the piece's runs."""

    @classmethod
    def of(cls, frame: pl.DataFrame, gap: pl.Expr | None) -> Kept:
        """Look for the rows in which a mask holds."""
        if gap is None:
            return cls(frame.clear(), np.zeros(0, dtype=np.int64))
        rows = frame.select(gap.fill_null(False).arg_true()).to_series()
        return cls(frame[rows], rows.to_numpy())

    def between(self, start: int, stop: int) -> tuple[pl.DataFrame, Any]:
        """Return the rows with missing cells of a piece, and where in it they are."""
        first, last = np.searchsorted(self.rows, [start, stop])
        return self.few[int(first) : int(last)], self.rows[first:last] - start
