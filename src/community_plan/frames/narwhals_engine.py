"""Narwhals: the engine for every other frame that narwhals knows, in memory.

narwhals hands over the columns, numpy works on them: what narwhals' own expressions give differs by library where
cells are missing, where whole numbers are large and where masks are summed.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import narwhals as nw
import numpy as np

from community_plan.entry import INT64_MAX, OVERFLOW_MEND
from community_plan.errors import SumOverflowError
from community_plan.frames.arrays import (
    Cell,
    Column,
    Numbers,
    Others,
    Relation,
    Scope,
    blended,
    call,
    choose,
    chosen,
    each,
    holds,
    listed,
    pieces,
    stacked,
    taken,
)
from community_plan.frames.engine import Ascending, Gaps, Grouped, Holes, Kind, Within
from community_plan.frames.narwhals_frames import VERDICT_WORDS, frame_like, read
from community_plan.frames.runs import Part, ids_of, ranked, summable, summed, together, total_of
from community_plan.frames.texts import Text, Words, encoded, text_of

__all__ = ["NarwhalsEngine", "open_narwhals"]

_PUSH = 1.5 * 2.0**52
_PUSH_BITS = 0x4338_0000_0000_0000
_SAFE = 2.0**62
"""A sum of whole numbers ≥ 0 that is no larger as a double has not passed 64 bits."""
_SAMPLE = 1000
"""Rows that show whether a column is in order."""


@attrs.define
class NarwhalsEngine:
    """Expressions and verbs over arrays; a relation is a table of them."""

    user: nw.DataFrame[Any] | None = None
    """The user's columns."""
    read: Mapping[str, Kind] = attrs.field(factory=dict)
    """What they are."""
    wide: bool = False
    apart: bool = True
    reads_slowly: bool = False

    # -- expressions -------------------------------------------------------------------------------------

    def column(self, name: str) -> Cell:
        return Cell(None, name=name)

    def whole(self, value: int) -> Cell:
        return call(lambda: Numbers(value))

    def real(self, value: float) -> Cell:
        return call(lambda: Numbers(np.float64(value)))

    def no_number(self) -> Cell:
        return self.real(np.nan)

    def verdict(self, met: Cell, not_met: Cell) -> Cell:
        def word(yes: Numbers, no: Numbers) -> Text:
            first, second = holds(yes), holds(no)
            return Text(np.asarray(first, np.int8) + np.int8(2) * np.asarray(second & ~first, np.int8), VERDICT_WORDS)

        return call(word, met, not_met)

    def text(self, value: str) -> Cell:
        return call(lambda: Text(np.int64(0), Words([value])))

    def truth(self, value: bool) -> Cell:
        return call(lambda: Numbers(np.bool_(value)))

    def is_null(self, cell: Cell) -> Cell:
        return call(lambda given: Numbers(_null(given)), cell)

    def fill(self, cell: Cell, value: int | str | bool) -> Cell:
        def filled(given: Column) -> Column:
            if isinstance(given, Text):
                assert isinstance(value, str)
                return given if given.missing() is None else chosen(given.places >= 0, given, self.literal(value))
            return chosen(~_null(given), given, Numbers(np.bool_(value) if isinstance(value, bool) else value))

        return call(filled, cell)

    @staticmethod
    def literal(value: str) -> Text:
        return Text(np.int64(0), Words([value]))

    def choose(self, condition: Cell, then: Cell, otherwise: Cell) -> Cell:
        return Cell(choose, condition, then, otherwise, lazy=True)

    def to_whole(self, cell: Cell) -> Cell:
        def whole(given: Column) -> Numbers:
            if isinstance(given, Text):
                values, missing = given.numbers()
                return Numbers(values, missing)
            assert isinstance(given, Numbers)
            with np.errstate(invalid="ignore"):
                return Numbers(np.asarray(given.values).astype(np.int64), given.missing)

        return call(whole, cell)

    def to_number(self, cell: Cell) -> Cell:
        def number(given: Numbers) -> Numbers:
            values = np.asarray(given.values, dtype=np.float64)
            return Numbers(values if given.missing is None else blended(~given.missing, values, np.float64(np.nan)))

        return call(number, cell)

    def to_text(self, cell: Cell) -> Cell:
        return call(_written, cell)

    def widened(self, number: Cell) -> Cell:
        return Cell(lambda _, given: given, number, wide=True)

    def finite(self, cell: Cell) -> Cell:
        return call(lambda given: Numbers(np.isfinite(given.values)), cell)

    def nearest(self, number: Cell) -> tuple[Cell, Cell]:
        # Next to 1.5 · 2^52 a double has no room for a fraction, and its lowest bits are the whole number.
        def near(given: Numbers) -> tuple[Any, Any]:
            pushed = np.asarray(given.values + _PUSH)
            whole = pushed.view(np.int64) - _PUSH_BITS
            return np.subtract(pushed, _PUSH, out=pushed), whole

        both = call(near, number)
        return call(lambda pair: Numbers(pair[0]), both), call(lambda pair: Numbers(pair[1]), both)

    def absolute(self, number: Cell) -> Cell:
        def size(given: Numbers) -> Numbers:
            place = given.values if given.fresh and np.ndim(given.values) else None
            return Numbers(np.abs(given.values, out=place), given.missing, fresh=True)

        return call(size, number)

    def quotient(self, number: Cell, divisor: int) -> Cell:
        return call(lambda given: Numbers(given.values // divisor, given.missing), number)

    def remainder(self, number: Cell, divisor: int) -> Cell:
        return call(lambda given: Numbers(given.values % divisor, given.missing), number)

    def digits(self, cell: Cell, kind: Kind, places: int) -> tuple[Cell, Cell]:
        raise NotImplementedError  # decimals are read one by one

    def among(self, cell: Cell, words: Sequence[str]) -> Cell:
        wanted = frozenset(words)
        return self._asked(cell, ("in", wanted), wanted.__contains__)

    def length(self, text: Cell) -> Cell:
        return call(lambda given: Numbers(given.lengths(), given.missing()), text)

    def other_spelling(self, text: Cell, number: Cell) -> Cell | None:  # noqa: ARG002  # as `Engine`
        return None

    def part(self, text: Cell, length: int) -> Cell:
        return call(lambda given: given.mapped(("part", length), lambda word: word[:length]), text)

    def joined(self, text: Cell, ending: str) -> Cell:
        if not ending:
            return text
        return call(lambda given: given.mapped(("joined", ending), lambda word: word + ending), text)

    def matches(self, text: Cell, pattern: str) -> Cell:
        like = re.compile(pattern).fullmatch
        return self._asked(text, ("like", pattern), lambda word: like(word) is not None)

    @staticmethod
    def _asked(text: Cell, key: Any, test: Callable[[str], bool]) -> Cell:
        def found(given: Text) -> Numbers:
            table = given.words.truth(key, test)
            places = np.flatnonzero(table)
            if len(places) > 1:
                return Numbers(table[given.places], given.missing())
            return Numbers(given.places == places[0] if len(places) else np.bool_(False), given.missing())

        return call(found, text)

    def after(self, keys: Sequence[tuple[Cell, bool]]) -> Cell:
        def later(scope: Scope, *_: Any) -> Numbers:
            found = np.zeros(scope.rows, dtype=bool)
            same = np.ones(scope.rows, dtype=bool)
            for place, (key, _number) in enumerate(keys):
                (here, gone), (before, unknown) = map(ranked, scope.row_before(key))
                if not place and not scope.start:
                    found[:1] = ~gone[:1]  # the first row comes after nothing
                found |= same & (here > before) & ~gone & ~unknown
                same &= (here == before) & ~gone & ~unknown
            return Numbers(found)

        return Cell(later)

    # -- relations ---------------------------------------------------------------------------------------

    def kinds(self, relation: Relation) -> dict[str, Kind]:  # noqa: ARG002  # as `Engine`
        return dict(self.read)

    def rows(self, relation: Relation) -> int | None:
        return relation.rows

    def holes(self, relation: Relation, headers: Sequence[str]) -> dict[str, Holes]:
        def hole(column: Any) -> Holes:
            if isinstance(column, Numbers):
                if column.values.dtype.kind == "f":
                    return "" if np.isfinite(column.values).all() else "nan"
                return "" if column.missing is None else "null"
            if isinstance(column, Text):
                return "null" if np.any(_null(column)) else ""
            return "null" if column.series.null_count() else ""

        return {header: hole(relation.columns[header]) for header in headers}

    def words(
        self,
        relation: Relation,
        header: str,
        *,
        every: bool,  # noqa: ARG002  # all are known
        likely: Sequence[str] = (),  # noqa: ARG002
    ) -> list[str]:
        text = Scope(relation).work(self.to_text(self.column(header)))
        assert isinstance(text, Text)
        if text.column is not None:
            return list(text.words.texts)
        used = np.bincount(text.places + np.int64(1), minlength=1)[1:]
        return [text.words.texts[place] for place in np.flatnonzero(used).tolist()]

    def listed(self, relation: Relation, header: str) -> list[Any]:
        return listed(Scope(relation).full(header))

    def beside(self, relation: Relation, columns: Mapping[str, Sequence[int | None]]) -> Relation:
        return Relation(
            relation.rows,
            {
                **{name: relation.columns[name] for name in relation.columns},
                **{name: _numbers_of(cells) for name, cells in columns.items()},
            },
        )

    def select(self, relation: Relation, columns: Mapping[str, Cell]) -> Relation:
        return Relation(relation.rows, dict(columns), relation)

    def extend(self, relation: Relation, columns: Mapping[str, Cell]) -> Relation:
        return Relation(relation.rows, dict(columns), relation, passes=True) if columns else relation

    def cells(self, relation: Relation, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        made = relation.worked_out()
        return list(zip(*(listed(made.columns[name]) for name in columns), strict=True))

    def where(self, relation: Relation, condition: Cell) -> Relation:
        rows = np.flatnonzero(np.concatenate([self._mask(piece, condition) for piece in pieces(relation)]))
        return _some_rows(relation.worked_out(), rows)

    @staticmethod
    def _mask(scope: Scope, condition: Cell) -> Any:
        """Return in which rows a condition holds."""
        found = holds(scope.work(condition))
        return found if np.ndim(found) else np.full(scope.rows, found)

    def _any(self, scope: Scope, suspects: Sequence[Any]) -> bool:
        """Say whether one of some suspects holds in a row."""
        for suspect in suspects:
            if isinstance(suspect, Within):
                values = scope.full_of(suspect.cell).values
                if values.min(initial=0) < 0 or values.max(initial=0) > suspect.limit:
                    return True
            elif self._mask(scope, ~self.after(suspect.keys) if isinstance(suspect, Ascending) else suspect).any():
                return True
        return False

    def one_row(
        self, relation: Relation, columns: Mapping[str, Cell | None], *, most: Sequence[str] = ()
    ) -> dict[str, int]:
        found = dict.fromkeys(columns, 0)
        stage = self.select(relation, {name: cell for name, cell in columns.items() if cell is not None})
        for piece in pieces(stage):
            for name, cell in columns.items():
                if cell is None:
                    found[name] += piece.rows
                    continue
                values = summable(piece.full(name))
                if name in most:
                    found[name] = max(found[name], int(values.max(initial=0)))
                else:
                    found[name] += int(total_of(values)[0])
        return found

    def group(self, relation: Relation, keys: Sequence[str], sums: Mapping[str, Cell | None], *, wide: bool) -> Grouped:
        chosen = self._to_sum(relation, keys, sums)
        return together(each(chosen, lambda piece: summed(piece, keys, sums, wide=wide)), keys, sums, wide=wide)

    def _to_sum(self, relation: Relation, keys: Sequence[str], sums: Mapping[str, Cell | None]) -> Relation:
        cells = {name: cell for name, cell in sums.items() if cell is not None}
        return self.select(relation, {**{key: self.column(key) for key in keys}, **cells})

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
        staged = self.select(relation, stage)
        chosen = self._to_sum(staged, keys, sums)

        def worked(piece: Scope) -> Part | None:
            table = piece.under.under
            if self._any(table, suspects):
                return None
            if gaps is None:
                return summed(piece, keys, sums, wide=wide)
            rows = np.flatnonzero(self._mask(table, gaps.mask))
            few = Scope(chosen, 0, len(rows)).onto(Scope(staged, 0, len(rows)).onto(table.only(rows)))
            return summed(piece, keys, sums, few=few, rows=rows, sparse=gaps.names, wide=wide)

        parts = each(chosen, worked)
        sound = [part for part in parts if part is not None]
        return together(sound, keys, sums, wide=wide) if len(sound) == len(parts) else None

    def is_sound(self, relation: Relation, suspects: Sequence[Any]) -> bool:
        return not any(each(relation, lambda piece: self._any(piece, suspects)))

    def grouped_relation(self, relation: Relation, keys: Sequence[str], sums: Mapping[str, Cell | None]) -> Relation:
        made = self._to_sum(relation, keys, sums).worked_out()
        most = max(
            (float(summable(made.columns[n]).sum(dtype=np.float64)) for n in sums if n in made.columns), default=0
        )
        grouped = self.group(
            made, keys, {name: self._again(name, cell) for name, cell in sums.items()}, wide=most > _SAFE
        )
        if not grouped.wide:
            found: Relation = grouped.frame
            return found
        if any(total > INT64_MAX for totals in grouped.sums.values() for total in totals):
            raise SumOverflowError("a sum passes 2^63 quanta", mend=OVERFLOW_MEND)
        keyed: Relation = grouped.frame
        return Relation(keyed.rows, {**keyed.columns, **{n: _numbers_of(totals) for n, totals in grouped.sums.items()}})

    def _again(self, name: str, cell: Cell | None) -> Cell | None:
        return None if cell is None else self.column(name)

    def distinct(self, relation: Relation, columns: Mapping[str, Cell]) -> list[tuple[Any, ...]]:
        made = self.select(relation, columns).worked_out()
        _, firsts = np.unique(ids_of(list(made.columns.values()), made.rows), return_index=True)
        return self.cells(_some_rows(made, firsts), list(columns))

    def begins(self, relation: Relation, header: str) -> bool:
        column = Scope(relation).column(header)
        if isinstance(column, Others):
            return False
        rows = np.arange(0, relation.rows, max(1, relation.rows // _SAMPLE))
        if isinstance(column, Text) and column.column is not None and column.column.digits is not None:
            column = Numbers(column.column.digits)  # without looking for words
        values, gone = ranked(taken(column, rows))
        return not gone.any() and bool((np.diff(values) >= 0).all())

    def repeats(self, relation: Relation, keys: Mapping[str, Cell]) -> int:
        ids = self._keyed(relation, keys)[1]
        return len(ids) - len(np.unique(ids))

    def _keyed(self, relation: Relation, keys: Mapping[str, Cell]) -> tuple[Any, Any]:
        """Return the rows that have a first key, and what tells their keys apart."""
        made = self.select(relation, keys).worked_out()
        rows = np.flatnonzero(~ranked(made.columns["k0"])[1])
        return rows, ids_of(list(made.columns.values()), made.rows)[rows]

    def repeated(self, relation: Relation, keys: Mapping[str, Cell]) -> tuple[int, int | None, int | None]:
        rows, ids = self._keyed(relation, keys)
        _, firsts, inverse = np.unique(ids, return_index=True, return_inverse=True)
        earlier = firsts[inverse]
        again = int(np.flatnonzero(earlier != np.arange(len(ids)))[0])
        row, first = int(rows[again]), int(rows[earlier[again]])
        code = Scope(relation, row, row + 1).work(keys["k0"])
        return int(code.values[0]), row + 1, first + 1

    def first(
        self, relation: Relation, mask: Cell, columns: Mapping[str, Cell], most: int
    ) -> list[tuple[int | None, ...]]:
        found: list[tuple[Any, ...]] = []
        chosen = self.select(relation, columns)
        for piece in pieces(relation):
            for row in np.flatnonzero(self._mask(piece, mask))[: most - len(found)].tolist():
                one = Scope(chosen, piece.start + row, piece.start + row + 1)
                found.append((piece.start + row + 1, *(listed(one.full(name))[0] for name in columns)))
            if len(found) == most:
                break
        return found

    def join(self, left: Relation, right: Relation, on: Sequence[str], add: Sequence[str]) -> Relation:
        ours, theirs = left.worked_out(), right.worked_out()
        both = [stacked([ours.columns[name], theirs.columns[name]]) for name in on]
        ids = ids_of(both, ours.rows + theirs.rows)
        gone = functools.reduce(operator.or_, (ranked(column)[1] for column in both))
        theirs_rows = np.flatnonzero(~gone[ours.rows :])
        known, firsts = np.unique(ids[ours.rows :][theirs_rows], return_index=True)
        rows = np.full(ours.rows, -1, dtype=np.int64)
        if len(known):
            places = np.minimum(np.searchsorted(known, ids[: ours.rows]), len(known) - 1)
            hits = (known[places] == ids[: ours.rows]) & ~gone[: ours.rows]
            rows = np.where(hits, theirs_rows[firsts[places]], -1)
        return Relation(ours.rows, {**ours.columns, **{name: taken(theirs.columns[name], rows) for name in add}})

    def union(self, relation: Relation, columns: Mapping[str, Sequence[Any]]) -> Relation:
        above = relation.worked_out()
        more = len(next(iter(columns.values()), ()))

        def below(name: str) -> Column:
            if isinstance(above.columns[name], Text):
                return text_of(columns[name])
            return _numbers_of(columns[name], truth=above.columns[name].values.dtype == bool)

        return Relation(
            above.rows + more, {name: stacked([column, below(name)]) for name, column in above.columns.items()}
        )

    def from_cells(
        self,
        like: Relation,  # noqa: ARG002  # as `Engine`
        columns: Mapping[str, Sequence[Any]],
        *,
        texts: Sequence[str],
    ) -> Relation:
        rows = len(next(iter(columns.values()), ()))
        return Relation(
            rows, {name: text_of(cells) if name in texts else _numbers_of(cells) for name, cells in columns.items()}
        )

    def over(self, frame: Relation) -> tuple[NarwhalsEngine, Relation]:
        return self, frame

    def ordered(self, relation: Relation, columns: Sequence[str]) -> Relation:
        made = relation.worked_out()
        ranks = [ranked(made.columns[name]) for name in columns]
        keys = [part for values, gone in reversed(ranks) for part in (values, gone)]
        return _some_rows(made, np.lexsort(keys)) if made.rows else made

    def rebased(self, relation: Relation) -> tuple[NarwhalsEngine, Relation]:
        return self, relation.worked_out()

    def settled(self, relation: Relation) -> Relation:
        return attrs.evolve(relation, kept={})

    def handed_back(self, relation: Relation) -> Any:
        assert self.user is not None
        return frame_like(self.user, relation.worked_out().columns)

    def shares(self, other: Any) -> bool:
        return isinstance(other, NarwhalsEngine)


def _null(column: Column) -> Any:
    """Return where a column is missing."""
    if isinstance(column, Numbers):
        if column.missing is not None:
            return column.missing
        values = np.asarray(column.values)
        return np.isnan(values) if values.dtype.kind == "f" else np.bool_(False)
    if isinstance(column, Text):
        missing = column.missing()
        return np.bool_(False) if missing is None else missing
    return column.series.is_null().to_numpy()


def _written(column: Column) -> Text:
    """Return a column as text, as polars writes it."""
    if isinstance(column, Text):
        return column
    if isinstance(column, Others):
        if column.series.dtype.is_temporal():
            return encoded(column.series.cast(nw.String()))
        return text_of([None if cell is None else str(cell) for cell in listed(column)])
    values, inverse = np.unique(column.values, return_inverse=True)
    if values.dtype == bool:
        texts = ["true" if value else "false" for value in values.tolist()]
    else:
        texts = [str(value) for value in values.tolist()]
    places = inverse.reshape(np.shape(column.values)).astype(np.int64)
    gone = _null(column)
    return Text(np.where(gone, -1, places) if np.any(gone) else places, Words(texts))


def _numbers_of(cells: Sequence[Any], *, truth: bool = False) -> Numbers:
    """Return Python values as numbers."""
    missing = np.array([cell is None for cell in cells], dtype=bool)
    values = np.array([0 if cell is None else cell for cell in cells], dtype=bool if truth else np.int64)
    return Numbers(values, missing if missing.any() else None)


def _some_rows(relation: Relation, rows: Any) -> Relation:
    return Relation(len(rows), {name: taken(column, rows) for name, column in relation.columns.items()})


def open_narwhals(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], headers: Sequence[str]
) -> tuple[NarwhalsEngine, Relation]:
    """Return some columns of a frame for this engine; of a lazy one, such as Dask's or Ibis', these are collected."""
    chosen = frame.select(*dict.fromkeys(headers))
    user = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    found = {header: read(user.get_column(header)) for header in user.columns}
    engine = NarwhalsEngine(user, {header: kind for header, (kind, _) in found.items()})
    return engine, Relation(len(user), {header: column for header, (_, column) in found.items()})
