"""Arrays: the engine for every frame in memory, whatever library holds it.

The library hands over the memory of its columns, numpy works on it: what libraries' own expressions give differs where
cells are missing, where whole numbers are large and where masks are summed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import narwhals as nw
import numpy as np

from community_plan.entry import INT64_MAX, OVERFLOW_MEND
from community_plan.errors import SumOverflowError
from community_plan.frames.array_frames import VERDICT_WORDS, frame_like, read
from community_plan.frames.array_sums import sum_by_key, sum_up
from community_plan.frames.arrays import Column, Numbers, Others, Table, chosen, constant_text, listed, stacked, taken
from community_plan.frames.bits import marks_at, some_marked
from community_plan.frames.engine import Gaps, Grouped, Holes, Kind
from community_plan.frames.guards import check
from community_plan.frames.kernels import PUSH_BITS, Operation, Ref, Register
from community_plan.frames.outputs import holding, sound_columns, worked_out
from community_plan.frames.runs import ascend, ascending, ids_of, in_order, ranked
from community_plan.frames.texts import Text, Words, encoded, text_of
from community_plan.frames.traces import (
    AS_WHOLE,
    Cell,
    Num,
    Relation,
    Tracer,
    Txt,
    call,
)

__all__ = ["ArrayEngine", "open_arrays"]

T = TypeVar("T")
_PUSH = 1.5 * 2.0**52
_SAFE = 2.0**62
"""A sum of whole numbers ≥ 0 that is no larger as a double has not passed 64 bits."""
_SAMPLE = 1000
"""Rows that a guess rests on."""


@attrs.define
class ArrayEngine:
    """Expressions and verbs over arrays; a relation is a table of them with expressions over it."""

    user: nw.DataFrame[Any] | None = None
    """The user's columns."""
    read: Mapping[str, Kind] = attrs.field(factory=dict)
    """What they are."""
    wide: bool = False
    apart: bool = True
    reads_slowly: bool = False
    in_memory: bool = True
    looks: list[tuple[str, tuple[Any, ...], Any]] | None = None
    """What was asked of the data on entry, and what they said."""

    # -- expressions -------------------------------------------------------------------------------------

    def column(self, name: str) -> Cell:
        return Cell(None, name=name)

    def whole(self, value: int) -> Cell:
        return call(lambda tracer: tracer.as_number(value))

    def real(self, value: float) -> Cell:
        return call(lambda _: Num(np.float64(value)))

    def no_number(self) -> Cell:
        return call(lambda _: Num(np.float64(np.nan), np.bool_(True)))

    def verdict(self, met: Cell, not_met: Cell) -> Cell:
        return call(_verdict, met, not_met)

    def text(self, value: str) -> Cell:
        return call(lambda _: Txt(constant_text(value)))

    def truth(self, value: bool) -> Cell:
        return call(lambda _: Num(np.bool_(value)))

    def is_null(self, cell: Cell) -> Cell:
        return call(_is_null, cell)

    def fill(self, cell: Cell, value: int | str | bool) -> Cell:
        return call(functools.partial(_fill, value), cell)

    def choose(self, condition: Cell, then: Cell, otherwise: Cell) -> Cell:
        return call(_choose, condition, then, otherwise)

    def to_whole(self, cell: Cell) -> Cell:
        return call(_to_whole, cell)

    def to_number(self, cell: Cell) -> Cell:
        return call(lambda tracer, given: Num(tracer.doubles(given), given.missing), cell)

    def to_text(self, cell: Cell) -> Cell:
        return call(_to_text, cell)

    def widened(self, number: Cell) -> Cell:
        return call(lambda _, given: Num(given.value, given.missing, wide=True), number)

    def finite(self, cell: Cell) -> Cell:
        def finite(tracer: Tracer, given: Num) -> Num:
            return Num(tracer.holds(Num(tracer.emit(_FINITE, given.value), given.missing)))

        return call(finite, cell)

    def nearest(self, number: Cell) -> tuple[Cell, Cell]:
        # Next to 1.5 · 2^52 a double has no room for a fraction, and its lowest bits are the whole number.
        pushed = number + _PUSH

        def whole(tracer: Tracer, given: Num, before: Num) -> Num:
            return Num(tracer.emit(_WHOLE_BITS, given.value), given.missing, zeroed=before.zeroed)

        return pushed - _PUSH, call(whole, pushed, number)

    def absolute(self, number: Cell) -> Cell:
        return call(lambda tracer, given: Num(tracer.emit(_SIZE, given.value), given.missing), number)

    def quotient(self, number: Cell, divisor: int) -> Cell:
        return call(lambda t, given: Num(t.emit(_QUOTIENT, given.value, np.int64(divisor)), given.missing), number)

    def remainder(self, number: Cell, divisor: int) -> Cell:
        return number - self.quotient(number, divisor) * divisor

    def digits(self, cell: Cell, kind: Kind, places: int) -> tuple[Cell, Cell]:
        raise NotImplementedError  # decimals are read one by one

    def among(self, cell: Cell, words: Sequence[str]) -> Cell:
        return call(functools.partial(_among, tuple(words)), cell)

    def length(self, text: Cell) -> Cell:
        return call(_length, text)

    def other_spelling(self, text: Cell, number: Cell) -> Cell | None:  # noqa: ARG002  # as `Engine`
        return None

    def part(self, text: Cell, length: int) -> Cell:
        return self._changed(text, ("part", length), lambda word: word[:length])

    def joined(self, text: Cell, ending: str) -> Cell:
        return self._changed(text, ("joined", ending), lambda word: word + ending) if ending else text

    @staticmethod
    def _changed(text: Cell, key: Any, change: Callable[[str], str]) -> Cell:
        work = Operation(lambda given: Text(deferred=lambda: given.mapped(key, change)), "object", fills=False)
        return call(lambda tracer, given: Txt(tracer.emit(work, given.text), given.missing), text)

    def matches(self, text: Cell, pattern: str) -> Cell:
        if pattern == "[0-9]+":
            return call(lambda tracer, given: Num(tracer.emit(_ALL_DIGITS, given.text), given.missing), text)
        like = re.compile(pattern).fullmatch
        work = Operation(
            lambda given: given.words.truth(("like", pattern), lambda word: like(word) is not None)[given.places],
            "truth",
            fills=False,
        )
        return call(lambda tracer, given: Num(tracer.emit(work, given.text), given.missing), text)

    def after(self, keys: Sequence[tuple[Cell, bool]]) -> Cell:  # noqa: ARG002  # `Ascending` is seen to by the sums
        return self.truth(True)

    # -- relations ---------------------------------------------------------------------------------------

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
            seen = sorted({word for word in _sampled_texts(pieces) if word is not None})
            return self._looked("seen", (header,), seen)
        (column,) = worked_out(relation, [self.to_text(self.column(header))])
        assert isinstance(column, Text)
        used = np.bincount(np.atleast_1d(column.places) + np.int64(1), minlength=1)[1:]
        return [column.words.texts[place] for place in np.flatnonzero(used).tolist()]

    def listed(self, relation: Relation, header: str) -> list[Any]:
        return listed(relation.table.whole(header))

    def beside(self, relation: Relation, columns: Mapping[str, Sequence[int | None]]) -> Relation:
        table = relation.table
        more = {name: (_numbers_of(cells),) for name, cells in columns.items()}
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
        ranks = [ranked(made.whole(name)) for name in columns]
        keys = [part for values, gone in reversed(ranks) for part in (values, gone)]
        return self._over(made.taken(relation.names, np.lexsort(keys)))

    def rebased(self, relation: Relation) -> tuple[ArrayEngine, Relation]:
        return self, self._over(self._made(relation))

    def settled(self, relation: Relation) -> Relation:
        return relation

    def kept(self, relation: Relation, gap: Cell | None) -> tuple[ArrayEngine, Relation]:  # noqa: ARG002  # as `Engine`
        return self, self._over(self._made(relation))

    def handed_back(self, relation: Relation, *, under: Relation | None = None, suspects: Sequence[Any] = ()) -> Any:
        assert self.user is not None
        names = relation.names
        marked = not self.user.implementation.is_pandas_like()
        cells = [self.column(name) if marked or relation.plain(name) is not None else _with_nan(name) for name in names]
        columns = sound_columns(relation, cells, under or relation, suspects)
        return None if columns is None else frame_like(self.user, dict(zip(names, columns, strict=True)))

    def shares(self, other: Any) -> bool:
        return isinstance(other, ArrayEngine)


# -- what expressions write -------------------------------------------------------------------------------


def _bits_as_whole(pushed: Any, out: Any = None) -> Any:
    return np.subtract(np.asarray(pushed).view(np.int64), PUSH_BITS, out=out)


def _filled(values: Any, missing: Any, value: Any, out: Any = None) -> Any:
    if out is None:
        return np.where(missing, value, values)
    if out is not values:
        np.copyto(out, values)
    out[missing.nonzero()] = value  # few are missing: quicker than a choice in every row
    return out


@functools.lru_cache(maxsize=1024)
def _with_nan(name: str) -> Cell:
    """Return a column in which NaN stands where a double is missing, as pandas has it."""

    def filled(tracer: Tracer, given: Num | Txt) -> Num | Txt:
        if isinstance(given, Txt) or given.kind != "double" or given.missing is None:
            return given
        return Num(tracer.emit(_FILLED["double"], given.value, given.missing, np.float64(np.nan)))

    return call(filled, Cell(None, name=name))


def _kept_or_zero(values: Any, asked: Any, out: Any = None) -> Any:
    return np.multiply(values, asked, out=out)


def _picked(asked: Any, then: Any, otherwise: Any, out: Any = None) -> Any:
    made = np.where(asked, then, otherwise)
    if out is None:
        return made
    np.copyto(out, made)
    return out


_FINITE = Operation(np.isfinite, "truth", scalar="isfinite")
_NO_NUMBER = Operation(np.isnan, "truth", scalar="isnan")
_WHOLE_BITS = Operation(_bits_as_whole, "whole", scalar="pushed_bits")
_SIZE = Operation(np.absolute, "double", scalar="absolute")
_QUOTIENT = Operation(np.floor_divide, "whole", scalar="quotient")
_FILLED = {kind: Operation(_filled, kind, scalar="filled") for kind in ("whole", "double")}
_OR_ZERO = Operation(_kept_or_zero, "whole", scalar="kept_or_zero")
_PICKED = {kind: Operation(_picked, kind, scalar="picked") for kind in ("whole", "double", "truth")}
_PICKED_OBJECTS = Operation(np.where, "object", fills=False)
_FILLED_TEXT = Operation(
    lambda given, value: given if given.missing() is None else chosen(given.places >= 0, given, value),
    "object",
    fills=False,
)


def _chosen_text(asked: Any, then: Text, otherwise: Text) -> Column:
    if np.all(asked):
        return then
    return chosen(asked, then, otherwise) if np.any(asked) else otherwise


_CHOSEN_TEXT = Operation(_chosen_text, "object", fills=False)
"""What is chosen nowhere is not looked at."""


def _is_null(tracer: Tracer, given: Num | Txt) -> Num:
    missing = np.bool_(False) if given.missing is None else given.missing
    if isinstance(given, Num) and given.kind == "double" and given.missing is None:  # some libraries have no marks
        missing = tracer.either(missing, tracer.emit(_NO_NUMBER, given.value))
    return Num(missing)


def _verdict(tracer: Tracer, met: Num, not_met: Num) -> Txt:
    yes = tracer.holds(met)
    no = tracer.without(tracer.holds(not_met), yes)
    places = tracer.emit(_VERDICT, yes, no)
    return Txt(None, places=places, words=VERDICT_WORDS)


def _verdict_places(yes: Any, no: Any, out: Any = None) -> Any:
    """Return 1 where the first holds, 2 where the second does, else 0."""
    ones, twos = np.asarray(yes).view(np.int8), np.asarray(no).view(np.int8)
    return np.add(ones, twos + twos, out=out)  # in one step, as `out` may be the memory of either


_VERDICT = Operation(_verdict_places, "place", scalar="verdict")


def _fill(value: int | str | bool, tracer: Tracer, given: Num | Txt) -> Num | Txt:
    if given.missing is None:
        return given
    if isinstance(given, Txt):
        return Txt(tracer.emit(_FILLED_TEXT, given.text, constant_text(str(value))))
    if isinstance(value, bool):
        truth = tracer.either(given.value, given.missing) if value else tracer.holds(given)
        return Num(truth)
    if given.kind == "object":
        return Num(tracer.emit(_PICKED_OBJECTS, given.missing, np.int64(value), given.value))
    if given.zeroed and not value:
        return Num(given.value)
    plain = np.float64(value) if given.kind == "double" else np.int64(value)
    return Num(tracer.emit(_FILLED[given.kind], given.value, given.missing, plain))


def _choose(tracer: Tracer, condition: Num, then: Any, otherwise: Any) -> Num | Txt:
    asked = tracer.holds(condition)
    if isinstance(then, Txt) or isinstance(otherwise, Txt):
        first, second = tracer.as_text(then), tracer.as_text(otherwise)
        return Txt(tracer.emit(_CHOSEN_TEXT, asked, first.text, second.text), _gone(tracer, asked, first, second))
    one, other = tracer.as_number(then), tracer.as_number(otherwise)
    missing = _gone(tracer, asked, one, other)
    wide = one.wide or other.wide
    return Num(_either_of(tracer, asked, one, other), missing, wide=wide)


def _gone(tracer: Tracer, asked: Ref, then: Num | Txt, otherwise: Num | Txt) -> Ref:
    """Return where what is chosen is missing."""
    if then.missing is None and otherwise.missing is None:
        return None
    one = np.bool_(False) if then.missing is None else tracer.each(asked, then.missing)
    other = np.bool_(False) if otherwise.missing is None else tracer.without(otherwise.missing, asked)
    return tracer.either(one, other)


def _either_of(tracer: Tracer, asked: Ref, one: Num, other: Num) -> Ref:
    kinds = {one.kind, other.kind}
    if kinds == {"truth"}:
        return tracer.either(tracer.each(asked, one.value), tracer.without(other.value, asked))
    if "object" in kinds:
        return tracer.emit(_PICKED_OBJECTS, asked, one.value, other.value)
    if "double" in kinds and not isinstance(other.missing, Register) and other.missing:
        return tracer.doubles(one)  # whatever stands where one is missing
    if "double" in kinds:
        return tracer.emit(_PICKED["double"], asked, tracer.doubles(one), tracer.doubles(other))
    if isinstance(other.value, np.integer) and not other.value:
        return tracer.emit(_OR_ZERO, one.value, asked)
    return tracer.emit(_PICKED["whole"], asked, one.value, other.value)


def _to_whole(tracer: Tracer, given: Num | Txt) -> Num:
    if isinstance(given, Num):
        if given.kind == "object":  # cells that are read one by one
            return given
        return given if given.kind == "whole" else Num(tracer.emit(AS_WHOLE, given.value), given.missing)
    if given.views is None:
        missing = tracer.both(given.missing, tracer.emit(_UNREAD, given.text))
        return Num(tracer.emit(_READ, given.text), missing)
    values, digits = _twelve_digits(tracer, *given.views)
    made = tracer.emit(_READ_MORE, values, digits, given.text)
    return Num(made, tracer.both(given.missing, tracer.emit(_UNREAD_MORE, digits, given.text)))


def _twelve_digits(tracer: Tracer, head: Ref, tail: Ref) -> tuple[Ref, Ref]:
    """Return what texts of twelve digits say, and which texts are such.

    All digits of a view are read at once: those side by side make numbers of two digits, of four, of eight.
    """

    def step(work: np.ufunc, one: Ref, other: int | Ref) -> Ref:
        value = np.uint64(other) if isinstance(other, int) else other
        return tracer.emit(_BITS[work], one, value)

    def joined(number: Ref, factor: int, width: int, mask: int) -> Ref:
        moved = step(np.right_shift, number, width)
        return step(np.bitwise_and, step(np.add, step(np.multiply, number, factor), moved), mask)

    first = step(np.subtract, head, 0x30303030_0000000C)  # four digits, and the length
    rest = step(np.subtract, tail, 0x30303030_30303030)
    # What is below a digit wraps round to something large; what is above one is so after an addition.
    odd_head = step(np.bitwise_or, first, step(np.add, first, 0x76767676_00000000))
    odd_tail = step(np.bitwise_or, rest, step(np.add, rest, 0x76767676_76767676))
    odd = step(
        np.bitwise_or,
        step(np.bitwise_and, odd_head, 0x80808080_FFFFFFFF),
        step(np.bitwise_and, odd_tail, 0x80808080_80808080),
    )
    digits = tracer.emit(_NOTHING, odd, np.uint64(0))
    four = step(np.right_shift, first, 32)
    four = joined(joined(four, 10, 8, 0x00FF00FF), 100, 16, 0xFFFF)
    eight = joined(joined(rest, 10, 8, 0x00FF00FF_00FF00FF), 100, 16, 0x0000FFFF_0000FFFF)
    eight = joined(eight, 10_000, 32, 0xFFFFFFFF)
    return step(np.add, step(np.multiply, four, 10**8), eight), digits


_BITS: Mapping[np.ufunc, Operation] = {
    work: Operation(work, "bits", scalar=work.__name__)
    for work in (np.add, np.subtract, np.multiply, np.right_shift, np.bitwise_and, np.bitwise_or)
}
_NOTHING = Operation(np.equal, "truth", scalar="equal")


def _read_more(values: Any, digits: Any, text: Text, out: Any = None) -> Any:
    """Return numbers of twelve digits where texts are such, else what each text says."""
    if digits.all():
        np.copyto(out, values.view(np.int64))
    else:
        np.copyto(out, np.where(digits, values.view(np.int64), text.numbers()[0]))
    return out


_READ = Operation(lambda text: text.numbers()[0], "whole", fills=False)
_UNREAD = Operation(lambda text: text.numbers()[1], "truth", fills=False)
_READ_MORE = Operation(_read_more, "whole", scalar="first_if")
_UNREAD_MORE = Operation(
    lambda digits, text: np.bool_(False) if digits.all() else text.numbers()[1] & ~digits,
    "truth",
    fills=False,
    scalar="none_if",
)


def _to_text(tracer: Tracer, given: Num | Txt) -> Txt:
    if isinstance(given, Txt):
        return given
    missing = np.bool_(False) if given.missing is None else given.missing
    return Txt(tracer.emit(_WRITTEN, given.value, missing), given.missing)


def _written(values: Any, missing: Any) -> Text:
    """Return a column as text, as polars writes it."""
    if isinstance(values, Others):
        if values.series.dtype.is_temporal():
            return encoded(values.series.cast(nw.String()))
        return text_of([None if cell is None else str(cell) for cell in listed(values)])
    distinct, inverse = np.unique(values, return_inverse=True)
    if distinct.dtype == bool:
        texts = ["true" if value else "false" for value in distinct.tolist()]
    else:
        texts = [str(value) for value in distinct.tolist()]
    places = inverse.reshape(np.shape(values)).astype(np.int64)
    return Text(np.where(missing, -1, places) if np.any(missing) else places, Words(texts))


_WRITTEN = Operation(_written, "object", fills=False)


def _among(words: tuple[str, ...], tracer: Tracer, given: Txt) -> Num:
    found: Ref = np.bool_(False)
    for word in words:
        found = tracer.either(found, tracer.is_word(given, word))
    return Num(found, given.missing)


def _all_digits(text: Text) -> Any:
    """Return which texts are digits and nothing else."""
    views = text.views
    if views is not None:
        length = views[:, 0] & np.uint64(0xFFFFFFFF)
        if length.max(initial=0) <= 12:
            cells = np.ascontiguousarray(views).view(np.uint8).reshape(-1, 16)[:, 4:] - np.uint8(ord("0"))
            return (np.count_nonzero(cells <= 9, axis=1) == length) & (length > 0)
    return text.words.truth("digits", lambda word: re.fullmatch("[0-9]+", word) is not None)[text.places]


_ALL_DIGITS = Operation(_all_digits, "truth", fills=False)


def _length(tracer: Tracer, given: Txt) -> Num:
    if given.views is None:
        return Num(tracer.emit(_LENGTHS, given.text), given.missing)
    low = tracer.emit(_BITS[np.bitwise_and], given.views[0], np.uint64(0xFFFFFFFF))
    return Num(tracer.emit(AS_WHOLE, low), given.missing)


_LENGTHS = Operation(lambda text: text.lengths(), "whole", fills=False)


# -- looks at a table -------------------------------------------------------------------------------------


def _sample(rows: int, every: int) -> Any:
    """Return some of the rows of a piece of a table."""
    return np.arange(0, rows, max(1, every // _SAMPLE))


def _sampled_texts(pieces: Sequence[Column]) -> list[str | None]:
    rows = sum(map(len, pieces))
    found: list[str | None] = []
    for piece in pieces:
        assert isinstance(piece, Text)
        found += piece.taken(_sample(len(piece), rows)).listed()
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
    """Return some columns of a frame for this engine; of a lazy one, such as Dask's or Ibis', these are collected."""
    chosen_headers = dict.fromkeys(headers)
    user = frame.select(*chosen_headers).collect() if isinstance(frame, nw.LazyFrame) else frame
    found = {header: read(user.get_column(header)) for header in chosen_headers}
    engine = ArrayEngine(user, {header: kind for header, (kind, _) in found.items()})
    table = Table.pieced(len(user), {header: pieces for header, (_, pieces) in found.items()})
    return engine, Relation({}, table, passes=True)
