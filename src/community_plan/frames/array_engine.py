"""Arrays: the engine for every frame in memory, whatever library holds it.

The library hands over the memory of its columns, numpy works on it: what libraries' own expressions give differs where
cells are missing, where whole numbers are large and where masks are summed.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import attrs
import narwhals as nw
import numpy as np

from community_plan.entry import INT64_MAX, OVERFLOW_MEND
from community_plan.errors import SumOverflowError
from community_plan.frames.array_cells import ArrayCells, with_nan
from community_plan.frames.array_frames import frame_like, read_all
from community_plan.frames.array_sums import sum_by_key, sum_up
from community_plan.frames.arrays import Column, Numbers, Others, Table, keep_memory, listed, stacked, taken
from community_plan.frames.bits import marks_at, some_marked
from community_plan.frames.engine import Gaps, Grouped, Holes, Kind
from community_plan.frames.guards import check
from community_plan.frames.outputs import holding, sound_columns, worked_out
from community_plan.frames.runs import ascend, ascending, ids_of, in_order, ranked, sort_keys
from community_plan.frames.texts import Text, text_of
from community_plan.frames.traces import Cell, Relation

__all__ = ["ArrayEngine", "open_arrays"]

T = TypeVar("T")
_SAFE = 2.0**62
"""A sum of whole numbers ≥ 0 that is no larger as a double has not passed 64 bits."""
_SAMPLE = 1000
"""Rows that a guess rests on."""


@attrs.define
class ArrayEngine(ArrayCells):
    """Verbs over arrays; a relation is a table of them with expressions over it."""

    user: nw.DataFrame[Any] | None = None
    """The user's columns."""
    read: Mapping[str, Kind] = attrs.field(factory=dict)
    """What they are."""
    wide: bool = False
    apart: bool = True
    reads_slowly: bool = False
    fills: bool = False
    in_memory: bool = True
    looks: list[tuple[str, tuple[Any, ...], Any]] | None = None
    """What was asked of the data on entry, and what they said."""

    def kinds(self, relation: Relation) -> dict[str, Kind]:  # noqa: ARG002  # as `Engine`
        return dict(self.read)

    def rows(self, relation: Relation) -> int | None:
        return self._looked("rows", (), 2 ** (relation.rows - 1).bit_length() if relation.rows > 1 else 1)

    def _looked(self, question: str, about: tuple[Any, ...], answer: T) -> T:
        """Write down what a look at the data said, if someone wants to know what an entry rests on."""
        if self.looks is not None and (question, about, answer) not in self.looks:
            self.looks.append((question, about, answer))
        return answer

    def holes(self, relation: Relation, headers: Sequence[str]) -> dict[str, Holes]:
        table = relation.table
        found = {header: _hole(table.columns[header], table.rows) for header in headers}
        return self._looked("holes", (tuple(headers),), found)

    def words(
        self,
        relation: Relation,
        header: str,
        *,
        every: bool,
        likely: Sequence[str] = (),  # noqa: ARG002  # as `Engine`
    ) -> list[str]:
        pieces = relation.table.columns[header]
        if not every and all(isinstance(piece, Text) for piece in pieces):
            seen = sorted(_sampled_words(pieces))
            return self._looked("seen", (header,), seen)
        (column,) = worked_out(relation, [self.to_text(self.column(header))])
        assert isinstance(column, Text)
        used = np.bincount(np.atleast_1d(column.places) + np.int64(1), minlength=1)[1:]
        return [column.words.texts[place] for place in np.flatnonzero(used).tolist()]

    def listed(self, relation: Relation, header: str) -> list[Any]:
        return listed(relation.table.whole(header))

    def beside(
        self, relation: Relation, columns: Mapping[str, Sequence[Any]], *, texts: Sequence[str] = ()
    ) -> Relation:
        table = relation.table
        more = {name: (text_of(cells) if name in texts else _numbers_of(cells),) for name, cells in columns.items()}
        return relation.on(Table(table.rows, {**table.columns, **more}))

    def select(self, relation: Relation, columns: Mapping[str, Cell]) -> Relation:
        return Relation(dict(columns), relation)

    def extend(self, relation: Relation, columns: Mapping[str, Cell]) -> Relation:
        return Relation(dict(columns), relation, passes=True) if columns else relation

    def _made(self, relation: Relation, names: Sequence[str] | None = None) -> Table:
        """Return a relation with its columns worked out."""
        wanted = relation.names if names is None else list(names)
        columns = worked_out(relation, [self.column(name) for name in wanted])
        return Table.of(relation.rows, dict(zip(wanted, columns, strict=True)))

    def _over(self, table: Table) -> Relation:
        return Relation({}, table, passes=True)

    def cells(self, relation: Relation, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        made = self._made(relation, columns)
        return list(zip(*(listed(made.whole(name)) for name in columns), strict=True))

    def where(self, relation: Relation, condition: Cell) -> Relation:
        rows = np.flatnonzero(holding(relation, condition))
        return self._over(self._made(relation).taken(relation.names, rows))

    def one_row(
        self, relation: Relation, columns: Mapping[str, Cell | None], *, most: Sequence[str] = ()
    ) -> dict[str, int]:
        return sum_up(relation, columns, most)

    def group(self, relation: Relation, keys: Sequence[str], sums: Mapping[str, Cell | None], *, wide: bool) -> Grouped:
        found = sum_by_key(relation, (), relation, keys, sums, gaps=None, wide=wide)
        assert found is not None
        return found

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
    ) -> Grouped | None:
        return sum_by_key(relation, suspects, self.select(relation, stage), keys, sums, gaps=gaps, wide=wide)

    def is_sound(self, relation: Relation, suspects: Sequence[Any]) -> bool:
        return check(relation, suspects)

    def grouped_relation(
        self, relation: Relation, keys: Sequence[str], sums: Mapping[str, Cell | None], *, most: int | None = None
    ) -> Relation:
        summed = {name: cell for name, cell in sums.items() if cell is not None}
        columns = worked_out(relation, [*(self.column(key) for key in keys), *summed.values()])
        made = dict(zip([*keys, *summed], columns, strict=True))
        large = float(INT64_MAX if most is None else most * relation.rows)
        if large > _SAFE:
            large = max((float(_doubles(made[name]).sum()) for name in summed), default=0.0)
        again = {name: None if cell is None else self.column(name) for name, cell in sums.items()}
        grouped = self.group(self._over(Table.of(relation.rows, made)), keys, again, wide=large > _SAFE)
        if not grouped.wide:
            return self._over(grouped.frame if grouped.frame is not None else _one_line(grouped.sums))
        if any(total > INT64_MAX for totals in grouped.sums.values() for total in totals):
            raise SumOverflowError("a sum passes 2^63 quanta", mend=OVERFLOW_MEND)
        keyed = {} if grouped.frame is None else grouped.frame.columns
        totals = {name: (_numbers_of(cells),) for name, cells in grouped.sums.items()}
        return self._over(Table(len(next(iter(grouped.sums.values()))), {**keyed, **totals}))

    def distinct(self, relation: Relation, columns: Mapping[str, Cell]) -> list[tuple[Any, ...]]:
        made = self._made(self.select(relation, columns))
        _, firsts = np.unique(ids_of([made.whole(name) for name in columns], made.rows), return_index=True)
        return self.cells(self._over(made.taken(list(columns), firsts)), list(columns))

    def seen(self, relation: Relation, header: str) -> list[str]:
        """Return the distinct texts of some rows of a column."""
        return self.words(relation, header, every=False)

    def recalls(self, relation: Relation, looks: Sequence[tuple[str, tuple[Any, ...], Any]]) -> bool:
        """Say whether looks at another table say what they said of the first one."""
        return all(getattr(self, question)(relation, *about) == answer for question, about, answer in looks)

    def begins(self, relation: Relation, header: str) -> bool:
        return self._looked("begins", (header,), self._begins(relation, header))

    def _begins(self, relation: Relation, header: str) -> bool:
        pieces = relation.table.columns[header]
        if any(isinstance(piece, Others) for piece in pieces):
            return False
        column = stacked([taken(piece, _sample(len(piece), relation.rows)) for piece in pieces])
        parts = in_order(column)
        if parts is None:
            ranks, gone = ranked(column)
            return not gone.any() and ascending([ranks], strictly=False)
        return ascending(parts, strictly=False)

    def repeats(self, relation: Relation, keys: Mapping[str, Cell]) -> int:
        ids = np.sort(self._keyed(relation, keys)[1])
        return int(np.count_nonzero(ids[1:] == ids[:-1]))

    def _keyed(self, relation: Relation, keys: Mapping[str, Cell]) -> tuple[Any, Any]:
        """Return the rows that have a first key, and what tells their keys apart."""
        columns = worked_out(relation, list(keys.values()))
        rows = np.flatnonzero(~ranked(columns[0])[1])
        return rows, ids_of(columns, relation.rows)[rows]

    def repeated(self, relation: Relation, keys: Mapping[str, Cell]) -> tuple[int, int | None, int | None]:
        rows, ids = self._keyed(relation, keys)
        _, firsts, inverse = np.unique(ids, return_index=True, return_inverse=True)
        earlier = firsts[inverse]
        again = int(np.flatnonzero(earlier != np.arange(len(ids)))[0])
        row, first = int(rows[again]), int(rows[earlier[again]])
        (code,) = worked_out(relation, [keys["k0"]])
        return int(listed(code.sliced(row, row + 1))[0]), row + 1, first + 1

    def first(
        self, relation: Relation, mask: Cell, columns: Mapping[str, Cell], most: int
    ) -> list[tuple[int | None, ...]]:
        rows = np.flatnonzero(holding(relation, mask))[:most]
        made = worked_out(relation, list(columns.values()))
        cells = [listed(taken(column, rows)) for column in made]
        return [(row + 1, *some) for row, *some in zip(rows.tolist(), *cells, strict=True)]

    def join(self, left: Relation, right: Relation, on: Sequence[str], add: Sequence[str]) -> Relation:
        ours, theirs = self._made(left), self._made(right)
        both = [stacked([ours.whole(name), theirs.whole(name)]) for name in on]
        ids = ids_of(both, ours.rows + theirs.rows)
        gone = functools.reduce(np.logical_or, (ranked(column)[1] for column in both))
        theirs_rows = np.flatnonzero(~gone[ours.rows :])
        known, firsts = np.unique(ids[ours.rows :][theirs_rows], return_index=True)
        rows = np.full(ours.rows, -1, dtype=np.int64)
        if len(known):
            places = np.minimum(np.searchsorted(known, ids[: ours.rows]), len(known) - 1)
            hits = (known[places] == ids[: ours.rows]) & ~gone[: ours.rows]
            rows = np.where(hits, theirs_rows[firsts[places]], -1)
        added = {name: (taken(theirs.whole(name), rows),) for name in add}
        return self._over(Table(ours.rows, {**ours.columns, **added}))

    def union(self, relation: Relation, columns: Mapping[str, Sequence[Any]]) -> Relation:
        above = self._made(relation)
        more = len(next(iter(columns.values()), ()))

        def below(name: str, column: Column) -> Column:
            if isinstance(column, Text):
                return text_of(columns[name])
            assert isinstance(column, Numbers)
            return _numbers_of(columns[name], truth=column.values.dtype == bool)

        both = {name: stacked([column := above.whole(name), below(name, column)]) for name in above.columns}
        return self._over(Table.of(above.rows + more, both))

    def from_cells(
        self,
        like: Relation,  # noqa: ARG002  # as `Engine`
        columns: Mapping[str, Sequence[Any]],
        *,
        texts: Sequence[str],
    ) -> Relation:
        rows = len(next(iter(columns.values()), ()))
        made: dict[str, Column] = {
            name: text_of(cells) if name in texts else _numbers_of(cells) for name, cells in columns.items()
        }
        return self._over(Table.of(rows, made))

    def over(self, frame: Table) -> tuple[ArrayEngine, Relation]:
        return self, self._over(frame)

    def ordered(self, relation: Relation, columns: Sequence[str]) -> Relation:
        made = self._made(relation)
        if not made.rows:
            return self._over(made)
        if ascend([made.whole(name) for name in columns]):
            return self._over(made)
        keys = [part for name in columns for part in sort_keys(made.whole(name))]
        return self._over(made.taken(relation.names, np.lexsort(keys[::-1])))

    def rebased(self, relation: Relation) -> tuple[ArrayEngine, Relation]:
        return self, self._over(self._made(relation))

    def streamed(self, relation: Relation) -> None:  # noqa: ARG002  # as `Engine`
        return None

    def settled(self, relation: Relation) -> Relation:
        return relation

    def kept(self, relation: Relation, gap: Cell | None) -> tuple[ArrayEngine, Relation]:  # noqa: ARG002  # as `Engine`
        return self, self._over(self._made(relation))

    def handed_back(self, relation: Relation, *, under: Relation | None = None, suspects: Sequence[Any] = ()) -> Any:
        assert self.user is not None
        names = relation.names
        marked = not self.user.implementation.is_pandas_like()
        cells = [self.column(name) if marked or relation.plain(name) is not None else with_nan(name) for name in names]
        found = sound_columns(relation, cells, under or relation, suspects)
        if found is None:
            return None
        columns = dict(zip(names, found, strict=True))
        del found  # each column is let go of as soon as the library has it
        return frame_like(self.user, columns)

    def shares(self, other: Any) -> bool:
        return isinstance(other, ArrayEngine)


def _sample(rows: int, every: int) -> Any:
    """Return some of the rows of a piece of a table."""
    return np.arange(0, rows, max(1, every // _SAMPLE))


def _sampled_words(pieces: Sequence[Column]) -> set[str]:
    rows = sum(map(len, pieces))
    found: set[str] = set()
    for piece in pieces:
        assert isinstance(piece, Text)
        found |= piece.taken(_sample(len(piece), rows)).distinct()
    return found


def _hole(pieces: Sequence[Column], rows: int) -> Holes:
    gaps = False
    for piece in pieces:
        if isinstance(piece, Others):
            gaps = gaps or piece.series.null_count() > 0
            continue
        gone = piece.gone if isinstance(piece, Numbers) else piece.marks()
        gaps = gaps or some_marked(gone)
        if isinstance(piece, Numbers) and piece.values.dtype.kind == "f":
            some = _sample(len(piece), rows)
            strange = ~np.isfinite(piece.values[some])
            if (strange if gone is None else strange & ~marks_at(gone, some)).any():
                return "nan"
    return "null" if gaps else ""


def _doubles(column: Column) -> Any:
    assert isinstance(column, Numbers)
    cells = np.asarray(column.values, dtype=np.float64)
    return cells if column.missing is None else np.where(column.missing, 0.0, cells)


def _one_line(sums: Mapping[str, Sequence[int]]) -> Table:
    return Table.of(1, {name: _numbers_of(cells) for name, cells in sums.items()})


def _numbers_of(cells: Sequence[Any], *, truth: bool = False) -> Numbers:
    """Return Python values as numbers."""
    missing = np.array([cell is None for cell in cells], dtype=bool)
    values = np.array([0 if cell is None else cell for cell in cells], dtype=bool if truth else np.int64)
    return Numbers(values, missing if missing.any() else None)


def open_arrays(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], headers: Sequence[str]) -> tuple[ArrayEngine, Relation]:
    """Return some columns of a frame for this engine; of a lazy one, such as Dask's, these are collected."""
    keep_memory()
    chosen_headers = dict.fromkeys(headers)
    user = frame.select(*chosen_headers).collect() if isinstance(frame, nw.LazyFrame) else frame
    found = read_all(user, chosen_headers)
    engine = ArrayEngine(user, {header: kind for header, (kind, _) in found.items()})
    table = Table.pieced(len(user), {header: pieces for header, (_, pieces) in found.items()})
    return engine, Relation({}, table, passes=True)
