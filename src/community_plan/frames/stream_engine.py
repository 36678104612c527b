"""Streams: the engine for tables whose rows another engine hands over batch by batch, to be added up as they pass.

On few cores loops over arrays add up faster than engines that speak SQL. The first batch, the last one and the next are
here, and of all others their sums. What a look at the first batch says is taken for granted, as everywhere;
whatever else is asked of the rows, or is wrong with one of them, is a `Misread`, and the engine that has them is asked
instead. It is asked, too, whether a code stands twice, if codes come in no order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NoReturn

import attrs
import numpy as np

from community_plan.frames.array_engine import ArrayEngine
from community_plan.frames.array_sums import sum_by_key
from community_plan.frames.arrays import Column, Table, keep_memory, spacious, stacked, taken
from community_plan.frames.batches import Batches, detached
from community_plan.frames.engine import MOST_ROWS, Gaps, Grouped, Holes, Kind, Reader
from community_plan.frames.fused import on_one_core
from community_plan.frames.guards import Before, cells_of
from community_plan.frames.installed import some_frame
from community_plan.frames.keyed import groups_of, put_together
from community_plan.frames.runs import ascend, first_rows, grouped, ids_of, numbered
from community_plan.frames.traces import Cell, Relation
from community_plan.grouping import Misread

__all__ = ["StreamEngine", "open_stream", "to_be_streamed"]

_BATCH = 2**18
"""Rows that are handed over at a time, at most: of fewer, beginning to add up costs more than adding up."""


@attrs.define
class StreamEngine(ArrayEngine):
    """Verbs over rows that pass; the table of a relation is the first batch of them."""

    reader: Reader | None = None
    reading: tuple[frozenset[str], Generator[Table]] | None = None
    """Columns, and what comes after their first batch, as long as nobody has taken it."""
    in_memory: bool = False
    codes: str | None = None
    """The column of codes, of which none may stand twice, if they stand in no order."""

    def rows(self, relation: Relation) -> int | None:  # noqa: ARG002  # as `Engine`
        return None

    def holes(self, relation: Relation, headers: Sequence[str]) -> dict[str, Holes]:
        found = super().holes(relation, headers)
        # A cell that is missing in a later batch is no reason to begin anew.
        return {h: hole if self.read[h].name == "text" else hole or "null" for h, hole in found.items()}

    def words(self, relation: Relation, header: str, *, every: bool, likely: Sequence[str] = ()) -> list[str]:
        if every:
            raise Misread(relation.rows)
        return super().words(relation, header, every=every, likely=likely)

    def check_and_group(
        self,
        relation: Relation,
        suspects: Sequence[Any],
        stage: Mapping[str, Cell],
        keys: Sequence[str],
        sums: Mapping[str, Cell | None],
        *,
        gaps: Gaps | None,
        wide: bool,
    ) -> Grouped:
        if wide:
            raise Misread
        parts: list[_Part] = []
        before: Before = {}
        rows = 0
        # A row may miss a cell of a column that no sum reads otherwise.
        read = [*cells_of(suspects), *stage.values(), *(() if gaps is None else (gaps.mask,))]
        with contextlib.closing(self._tables(relation, read)) as tables:
            for table in tables:
                here = relation.on(table)
                staged = self.select(here, stage)
                with on_one_core():
                    found = sum_by_key(here, suspects, staged, keys, sums, gaps=gaps, wide=False, before=before)
                rows += table.rows
                if found is None or rows > MOST_ROWS:  # the sums of so many may not fit 64 bits
                    raise Misread(rows)
                parts.append(_Part.of(found, keys, list(sums)))
        if self.codes is not None:  # to the engine, which can be asked something again
            assert self.reader is not None
            if self.reader.alike(self.codes) != (rows, 0):
                raise Misread(rows)
            self.codes = None
        return _together(parts, keys, list(sums))

    def group(self, relation: Relation, keys: Sequence[str], sums: Mapping[str, Cell | None], *, wide: bool) -> Grouped:
        stage = {name: self.column(name) for name in relation.names}
        return self.check_and_group(relation, (), stage, keys, sums, gaps=None, wide=wide)

    def _tables(self, relation: Relation, cells: Sequence[Cell]) -> Generator[Table]:
        """Give the batches of the columns that some expressions read."""
        wanted = sorted(relation.read_by(cells))
        if self.reading is not None:
            (headers, rest), self.reading = self.reading, None
            with contextlib.closing(rest):
                if headers.issuperset(wanted):
                    yield relation.table
                    yield from rest
                    return
        assert self.reader is not None
        _, tables = _read(self.reader, wanted or list(relation.table.columns)[:1])  # rows are counted all the same
        with contextlib.closing(tables):
            yield from tables

    def over(self, frame: Table) -> tuple[ArrayEngine, Relation]:
        return ArrayEngine(some_frame()).over(frame)

    def shares(self, other: Any) -> bool:  # noqa: ARG002  # as `Engine`
        return False

    def repeats(self, relation: Relation, keys: Mapping[str, Cell]) -> int:
        """Note where codes stand of which none may do so twice: the engine is asked when all rows have passed."""
        headers = relation.read_by(list(keys.values()))
        if len(keys) > 1 or len(headers) > 1:
            raise Misread(relation.rows)
        (self.codes,) = headers
        return 0

    # -- what takes rows that have passed ------------------------------------------------------------------

    def _cannot(self, *given: Any, **_: Any) -> NoReturn:
        raise Misread(given[0].rows)

    one_row = cells = where = distinct = repeated = first = listed = beside = _cannot
    join = union = from_cells = ordered = rebased = kept = handed_back = grouped_relation = is_sound = _cannot


def open_stream(reader: Reader, headers: Sequence[str], held: contextlib.ExitStack) -> tuple[StreamEngine, Relation]:
    """Return some columns for this engine, the first rows of them read.

    Args:
        reader: Reads them.
        headers: The columns.
        held: Closes what has been opened here.

    Raises:
        Misread: If rows cannot be read as arrays.
    """
    keep_memory()
    kinds, tables = _read(reader, headers)
    held.callback(tables.close)
    first = next(tables)
    engine = StreamEngine(read=kinds, reader=reader, reading=(frozenset(headers), tables))
    return engine, Relation({}, first, passes=True)


def to_be_streamed(reader: Reader, headers: Sequence[str]) -> tuple[StreamEngine, Relation]:
    """Return columns for this engine, of which nothing has been read so far."""
    keep_memory()
    return StreamEngine(reader=reader), Relation({}, Table(0, dict.fromkeys(headers, ())), passes=True)


def _read(reader: Reader, headers: Sequence[str]) -> tuple[Mapping[str, Kind], Generator[Table]]:
    """Return what columns are, and their rows in tables; at least one, which may have no rows."""
    reading = reader(headers, _BATCH)
    with contextlib.ExitStack() as failing:
        failing.callback(reading.close)
        found = Batches.of(headers, reading.schema)
        failing.pop_all()

    def tables() -> Generator[Table]:
        batches = iter(reading)
        with contextlib.closing(reading):
            first = next(batches, None)
            yield found.empty() if first is None else found.table(first)
            yield from map(found.table, batches)

    return found.kinds, tables()


@attrs.frozen(eq=False)
class _Part:
    """The sums of a batch, without its rows."""

    labels: Mapping[str, Column]
    """The keys of its groups, all of them different."""
    sums: Sequence[Any]
    """A line for each sum, with a cell for each group."""

    @classmethod
    def of(cls, found: Grouped, keys: Sequence[str], names: Sequence[str]) -> _Part:
        if not keys:
            return cls({}, [np.array(found.sums[name], np.int64) for name in names])
        labels = {key: detached(found.frame.whole(key)) for key in keys}
        return cls(labels, [found.frame.whole(name).values for name in names])


def _together(parts: list[_Part], keys: Sequence[str], names: Sequence[str]) -> Grouped:
    """Add up the sums of batches by key; each part is let go of as soon as it is counted."""
    if not keys:
        totals = [sum(int(cells[0]) for cells in line) for line in zip(*(part.sums for part in parts), strict=True)]
        return Grouped({}, {name: [total] for name, total in zip(names, totals, strict=True)})
    labels = {key: stacked([part.labels[key] for part in parts]) for key in keys}
    count = len(labels[keys[0]])
    parts.reverse()
    firsts, group = groups_of(labels, count)
    if not ascend([taken(label, firsts) for label in labels.values()]):
        return _scattered(parts, labels, names)
    totals = spacious(len(names), len(firsts), np.int64)
    begin = filled = 0
    while parts:
        part = parts.pop()
        rows = len(part.labels[keys[0]])
        if not rows:
            continue
        # The keys of a part are all different, so that its groups follow each other.
        first, end = int(group[begin]), int(group[begin + rows - 1]) + 1
        shared = filled - first  # 1 if the last group of the part before goes on
        for line, cells in zip(totals, part.sums, strict=True):
            line[filled:end] = cells[shared:]
            if shared:
                line[first] += cells[0]
        begin, filled = begin + rows, end
    return put_together(labels, firsts, count, totals, names)


def _scattered(parts: list[_Part], labels: Mapping[str, Column], names: Sequence[str]) -> Grouped:
    """Add up the sums of batches, last ones first, that have the same keys in any order."""
    ids = ids_of(list(labels.values()), len(next(iter(labels.values()))))
    group, count = numbered(ids)
    firsts = first_rows(group, count)
    totals = spacious(len(names), count, np.int64)
    totals[:] = 0
    begin = 0
    while parts:
        part = parts.pop()
        end = begin + len(next(iter(part.labels.values())))
        for line, cells in zip(totals, part.sums, strict=True):
            line[group[begin:end]] += cells  # the keys of a part are all different
        begin = end
    return grouped({key: taken(label, firsts) for key, label in labels.items()}, totals, names)
