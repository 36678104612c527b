"""Arrays: tables of numpy arrays, and expressions over them that are worked out piece by piece.

A number that is missing is 0 with a mark beside it; a double that is missing is NaN. So no frame library's idea of
null, NaN, overflow or rounding takes part.
"""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import attrs
import narwhals as nw
import numpy as np

from community_plan.frames.texts import Text, Words, paired, places_in, text_of

__all__ = [
    "Cell",
    "Column",
    "Numbers",
    "Others",
    "Relation",
    "Scope",
    "blended",
    "call",
    "choose",
    "chosen",
    "each",
    "holds",
    "listed",
    "pieces",
    "stacked",
    "taken",
]

T = TypeVar("T")
_PIECE = 2**17
"""Rows that are worked on at a time: what is made on the way stays near the processor."""


@attrs.frozen(eq=False)
class Numbers:
    """Whole numbers, doubles or truth values; one may stand for all rows."""

    values: Any
    missing: Any = None
    """Where one is missing; None if nowhere, and for doubles."""
    fresh: bool = False
    """Whether nobody else holds the values, so that what is made of them may take their place."""

    def sliced(self, start: int, stop: int) -> Numbers:
        """Return some of the rows."""
        return Numbers(self.values[start:stop], None if self.missing is None else self.missing[start:stop])


@attrs.frozen(eq=False)
class Others:
    """A user's column of anything else."""

    series: nw.Series[Any]

    def sliced(self, start: int, stop: int) -> Others:
        """Return some of the rows."""
        return Others(self.series[start:stop])


Column = Numbers | Text | Others


class Cell:
    """An expression, with Python's operators."""

    wide: bool
    """Whether it is worked out with room for more than 64 bits."""

    __slots__ = ("arguments", "lazy", "make", "name", "uses", "wide")

    def __init__(
        self,
        make: Callable[..., Any] | None,
        *arguments: Any,
        name: str | None = None,
        wide: bool = False,
        lazy: bool = False,
    ) -> None:
        self.make = make
        self.arguments = arguments
        self.lazy = lazy
        """Whether it works out its arguments itself."""
        self.name = name
        """Of a column."""
        self.wide = wide or any(isinstance(argument, Cell) and argument.wide for argument in arguments)
        self.uses = 0
        """By how many expressions it is read; what is read twice is kept."""
        for argument in arguments:
            if isinstance(argument, Cell):
                argument.uses += 1

    def __add__(self, other: Any) -> Cell:
        return Cell(_plus, self, other)

    def __sub__(self, other: Any) -> Cell:
        return Cell(functools.partial(_calculated, np.subtract), self, other)

    def __mul__(self, other: Any) -> Cell:
        return Cell(functools.partial(_calculated, np.multiply), self, other)

    def __truediv__(self, other: Any) -> Cell:
        return Cell(functools.partial(_calculated, np.true_divide), self, other)

    def __and__(self, other: Any) -> Cell:
        return Cell(_and, self, other)

    def __or__(self, other: Any) -> Cell:
        return Cell(_or, self, other)

    def __invert__(self) -> Cell:
        return Cell(_not, self)

    def __eq__(self, other: Any) -> Cell:  # type: ignore[override]  # an expression, as in every engine
        return _compared(operator.eq, self, other)

    def __ne__(self, other: Any) -> Cell:  # type: ignore[override]  # an expression, as in every engine
        return _compared(operator.ne, self, other)

    def __lt__(self, other: Any) -> Cell:
        return _compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Cell:
        return _compared(operator.le, self, other)

    def __gt__(self, other: Any) -> Cell:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Cell:
        return _compared(operator.ge, self, other)

    __hash__ = None  # type: ignore[assignment]  # what has no equality has no hash


def call(make: Callable[..., Any], *arguments: Any) -> Cell:
    """Return the expression of a function of columns."""
    return Cell(lambda _, *given: make(*given), *arguments)


def _compared(compare: Callable[[Any, Any], Any], left: Cell, right: Any) -> Cell:
    return Cell(functools.partial(_comparison, compare), left, right)


def _either(one: Any, other: Any) -> Any:
    """Return where one of two is missing."""
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _as_number(given: Any) -> Numbers:
    return given if isinstance(given, Numbers) else Numbers(given)


def _as_text(given: Any) -> Text:
    return given if isinstance(given, Text) else Text(np.int64(0), Words([given]))


def _size(values: Any) -> int:
    """Return the size of the largest of some whole numbers."""
    if isinstance(values, int):
        return abs(values)
    return max(abs(int(values.min(initial=0))), abs(int(values.max(initial=0))))


def _calculated(work: np.ufunc, scope: Scope, left: Any, right: Any) -> Numbers:
    one, other = _as_number(left), _as_number(right)
    first, second = one.values, other.values
    if scope.wide and work is not np.true_divide and "f" not in _letters(first, second):
        one_size, other_size = _size(first), _size(second)
        most = one_size * other_size if work is np.multiply else one_size + other_size
        if max(most, other_size) >= 2**63:
            first = np.asarray(first, dtype=object)
    place = first if one.fresh and np.ndim(first) and np.result_type(first, second) == first.dtype else None
    with np.errstate(all="ignore"):  # a division by 0 gives no value, and is not taken for one
        return Numbers(work(first, second, out=place), _either(one.missing, other.missing), fresh=True)


def _letters(*values: Any) -> set[str]:
    return {np.asarray(value).dtype.kind for value in values}


def _plus(scope: Scope, left: Any, right: Any) -> Column:
    if isinstance(left, Text) or isinstance(right, Text):
        return paired(_as_text(left), _as_text(right), operator.add)
    return _calculated(np.add, scope, left, right)


def _comparison(compare: Callable[[Any, Any], Any], _: Scope, left: Any, right: Any) -> Numbers:
    if isinstance(left, Text) or isinstance(right, Text):
        return _text_comparison(compare, _as_text(left), _as_text(right))
    one, other = _as_number(left), _as_number(right)
    found = np.asarray(compare(one.values, other.values))  # of objects, if it took more than 64 bits
    return Numbers(found if found.dtype == np.bool_ else found.astype(bool), _either(one.missing, other.missing))


def _text_comparison(compare: Callable[[Any, Any], Any], left: Text, right: Text) -> Numbers:
    if compare in (operator.eq, operator.ne):
        one, other = left.places, places_in(right.words, left.words)[right.places]
    else:
        both = Words([*left.words.texts, *right.words.texts])
        distinct, moved = both.mapped("", str)
        ranks = distinct.order()[moved]
        one, other = ranks[left.places], ranks[np.where(right.places < 0, -1, right.places + len(left.words.texts))]
    return Numbers(compare(one, other), _either(left.missing(), right.missing()))


def _and(_: Scope, left: Numbers, right: Any) -> Numbers:
    other = _as_number(right)
    found = left.values & other.values
    if left.missing is None and other.missing is None:
        return Numbers(found)
    no = _surely(left, of=False) | _surely(other, of=False)
    return Numbers(found & ~no, _either(left.missing, other.missing) & ~no)


def _or(_: Scope, left: Numbers, right: Any) -> Numbers:
    other = _as_number(right)
    found = left.values | other.values
    if left.missing is None and other.missing is None:
        return Numbers(found)
    yes = _surely(left, of=True) | _surely(other, of=True)
    return Numbers(found | yes, _either(left.missing, other.missing) & ~yes)


def _not(_: Scope, cell: Numbers) -> Numbers:
    return Numbers(~cell.values, cell.missing)


def choose(scope: Scope, condition: Cell, then: Cell, otherwise: Cell) -> Column:
    """Return one of two columns in each row; one that is chosen nowhere is not worked out."""
    asked = holds(scope.work(condition))
    if asked.all():
        found: Column = scope.work(then)
        return found
    return chosen(asked, scope.work(then), scope.work(otherwise)) if asked.any() else scope.work(otherwise)


def holds(condition: Numbers) -> Any:
    """Return where a condition holds."""
    return condition.values if condition.missing is None else condition.values & ~condition.missing


def chosen(asked: Any, then: Column, otherwise: Column) -> Column:
    """Return one of two columns in each row."""
    if isinstance(then, Text):
        assert isinstance(otherwise, Text)
        words, moved = Words([*then.words.texts, *otherwise.words.texts]).mapped("", str)
        width = len(then.words.texts)
        first, second = np.append(moved[:width], -1), moved[width:]
        return Text(blended(asked, first[then.places], second[otherwise.places]), words)
    assert isinstance(then, Numbers)
    assert isinstance(otherwise, Numbers)
    values = blended(asked, then.values, otherwise.values)
    if then.missing is None and otherwise.missing is None:
        return Numbers(values)
    gone = blended(asked, *(np.bool_(False) if one.missing is None else one.missing for one in (then, otherwise)))
    return Numbers(values, gone if gone.any() else None)


def blended(asked: Any, then: Any, otherwise: Any) -> Any:
    """Return one of two numbers in each row, by arithmetic on bits: a branch for each row costs ten times as much."""
    first, second = np.asarray(then), np.asarray(otherwise)
    if first.dtype == bool and second.dtype == bool:
        return (first & asked) | (second & ~asked)
    if first.dtype != second.dtype or first.dtype.itemsize != 8 or first.dtype == object:
        return np.where(asked, first, second)
    kept = first.view(np.int64) * asked
    if not (second.ndim == 0 and second.view(np.int64) == 0):
        kept = kept + second.view(np.int64) * ~asked
    return kept.view(first.dtype)


def _surely(truth: Numbers, *, of: bool) -> Any:
    """Return where a truth value is there and is this one."""
    values = truth.values if of else ~truth.values
    return values if truth.missing is None else values & ~truth.missing


def listed(column: Column) -> list[Any]:
    """Return a column as Python values, None where one is missing."""
    if isinstance(column, Text):
        return column.listed()
    if isinstance(column, Others):
        gone = column.series.is_null().to_list()
        return [None if lost else cell for cell, lost in zip(column.series.to_list(), gone, strict=True)]
    gone = np.isnan(column.values) if column.values.dtype.kind == "f" else column.missing
    if gone is None:
        cells: list[Any] = column.values.tolist()
        return cells
    return [None if lost else cell for cell, lost in zip(column.values.tolist(), gone.tolist(), strict=True)]


def taken(column: Column, rows: Any) -> Column:
    """Return some rows of a column; a row of -1 is missing."""
    if isinstance(column, Text):
        return Text(np.where(rows < 0, -1, column.places[rows]) if len(column.places) else rows, column.words)
    if isinstance(column, Others):
        return Others(column.series[rows])
    gone = rows < 0
    if not len(column.values):
        return Numbers(np.zeros(len(rows), dtype=column.values.dtype), gone)
    missing = None if column.missing is None else column.missing[rows]
    return Numbers(column.values[rows], _either(missing, gone if gone.any() else None))


def stacked(parts: Sequence[Column]) -> Column:
    """Put parts of a column below each other."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, Text):
        texts = [part for part in parts if isinstance(part, Text)]
        if all(text.words is first.words for text in texts):
            return Text(np.concatenate([text.places for text in texts]), first.words)
        listing = [word for text in texts for word in text.words.texts]
        words, moved = Words(listing).mapped("", str)
        found, begin = [], 0
        for text in texts:
            end = begin + len(text.words.texts)
            found.append(np.append(moved[begin:end], -1)[text.places])
            begin = end
        return Text(np.concatenate(found), words)
    if isinstance(first, Others):
        return Others(
            nw.concat([part.series.to_frame() for part in parts if isinstance(part, Others)])[first.series.name]
        )
    numbers = [part for part in parts if isinstance(part, Numbers)]
    missing = None
    if any(part.missing is not None for part in numbers):
        missing = np.concatenate(
            [np.zeros(len(part.values), dtype=bool) if part.missing is None else part.missing for part in numbers]
        )
    return Numbers(np.concatenate([part.values for part in numbers]), missing)


def _held(column: Any) -> Any:
    """Return a column that is read more than once."""
    return Numbers(column.values, column.missing) if isinstance(column, Numbers) and column.fresh else column


def _in_full(column: Column, rows: int) -> Column:
    """Return a column with a cell for every row."""
    if isinstance(column, Text):
        return column if column.column or np.ndim(column.places) else Text(np.full(rows, column.places), column.words)
    if isinstance(column, Others) or np.ndim(column.values):
        return column
    missing = None if column.missing is None else np.full(rows, column.missing)
    values = np.asarray(column.values)
    return Numbers(np.full(rows, values, dtype=np.int64 if values.dtype.kind == "i" else values.dtype), missing)


@attrs.define(eq=False)
class Relation:
    """A table: columns, or expressions over another table's."""

    rows: int
    columns: Mapping[str, Any]
    parent: Relation | None = None
    """The table that the expressions are over."""
    passes: bool = False
    """Whether that one's other columns are columns of this one, too."""
    kept: dict[tuple[int, int], Scope] | None = None
    """Pieces whose columns are kept for the next query, if they are."""

    @property
    def names(self) -> list[str]:
        """All its columns."""
        more = self.parent.names if self.parent is not None and self.passes else []
        return list(dict.fromkeys([*more, *self.columns]))

    def column(self, name: str) -> Column | None:
        """Return a column that is there without any work."""
        if self.parent is None:
            found: Column = self.columns[name]
            return found
        if name not in self.columns:
            return self.parent.column(name) if self.passes else None
        cell = self.columns[name]
        return self.parent.column(cell.name) if cell.name is not None else None

    def scope(self, start: int = 0, stop: int | None = None) -> Scope:
        """Return some rows, or all."""
        found = Scope(self, start, self.rows if stop is None else stop)
        return found if self.kept is None else self.kept.setdefault((found.start, found.stop), found)

    def worked_out(self) -> Relation:
        """Return the table with its columns worked out."""
        if self.parent is None:
            return self
        ready = {name: self.column(name) for name in self.names}
        wanted = [name for name, column in ready.items() if column is None]
        parts = each(self, lambda piece: {name: piece.full(name) for name in wanted}) if wanted else []
        made = {name: stacked([part[name] for part in parts]) for name in wanted}
        return Relation(self.rows, {name: made[name] if column is None else column for name, column in ready.items()})


def pieces(relation: Relation, size: int = _PIECE) -> Iterator[Scope]:
    """Cut a table into pieces."""
    for start in range(0, max(relation.rows, 1), size):
        yield relation.scope(start, min(start + size, relation.rows))


def each(relation: Relation, work: Callable[[Scope], T]) -> list[T]:
    """Return what is made of each piece of a table; numpy lets go of the interpreter while it works."""

    def worked(piece: Scope) -> T:
        found = work(piece)
        piece.forget()
        return found

    workers = os.cpu_count() or 1
    if relation.rows <= _PIECE or workers == 1:
        return [worked(piece) for piece in pieces(relation)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(worked, pieces(relation)))


class Scope:
    """Some rows of a table, in which expressions over it are worked out."""

    def __init__(self, relation: Relation, start: int = 0, stop: int | None = None) -> None:
        self.relation = relation
        self.start = start
        self.stop = relation.rows if stop is None else stop
        self.rows = self.stop - start
        self.wide = False
        self._columns: dict[str, Column] = {}
        self._kept: dict[tuple[int, bool], Any] = {}
        self._under: Scope | None = None
        self._from: Scope | None = None
        self._only: Any = None

    def only(self, rows: Any) -> Scope:
        """Return some of the rows as a scope of their own."""
        found = Scope(Relation(len(rows), {}))
        found._from, found._only = self, rows
        return found

    def onto(self, under: Scope) -> Scope:
        """Take other rows for those that the expressions are over."""
        self._under = under
        return self

    @property
    def under(self) -> Scope:
        """The same rows of the table that this one's expressions are over."""
        if self._under is None:
            assert self.relation.parent is not None
            self._under = self.relation.parent.scope(self.start, self.stop)
        return self._under

    def column(self, name: str) -> Column:
        """Return a column; one cell may stand for all rows."""
        if name not in self._columns:
            relation = self.relation
            if self._from is not None:
                found: Column = taken(self._from.full(name), self._only)
            elif relation.parent is None:
                found = relation.columns[name].sliced(self.start, self.stop)
            elif name in relation.columns:
                found = self.under.work(relation.columns[name])
            else:
                found = self.under.column(name)
            self._columns[name] = _held(found)
        return self._columns[name]

    def full(self, name: str) -> Column:
        """Return a column with a cell for every row."""
        return _in_full(self.column(name), self.rows)

    def full_of(self, cell: Cell) -> Any:
        """Work out an expression for every row."""
        return _in_full(self.work(cell), self.rows)

    def work(self, cell: Any) -> Any:
        """Work out an expression."""
        if not isinstance(cell, Cell):
            return cell
        if cell.name is not None:
            return self.column(cell.name)
        key = (id(cell), self.wide)
        if key in self._kept:
            return self._kept[key]
        outer, self.wide = self.wide, self.wide or cell.wide
        assert cell.make is not None
        found = cell.make(self, *(cell.arguments if cell.lazy else map(self.work, cell.arguments)))
        self.wide = outer
        if cell.uses > 1:
            found = self._kept[key] = _held(found)
        return found

    def forget(self) -> None:
        """Let go of what was kept on the way; columns stay."""
        self._kept.clear()
        if self._under is not None:
            self._under.forget()

    def row_before(self, cell: Cell) -> tuple[Column, Column]:
        """Return an expression, and what it is in the row before each; missing before the first."""
        here = _in_full(self.work(cell), self.rows)
        if self.start:
            first = _in_full(Scope(self.relation, self.start - 1, self.start).work(cell), 1)
        else:
            first = text_of([None]) if isinstance(here, Text) else Numbers(np.zeros(1, np.int64), np.ones(1, bool))
        both = stacked([first, here])
        return both.sliced(1, self.rows + 1), both.sliced(0, self.rows)
