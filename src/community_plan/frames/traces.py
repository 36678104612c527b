"""Traces: expressions over tables of arrays, and what they say of a kind of table, written down as kernels.

An expression knows nothing of a table. Traced over one it becomes steps: which columns are whole numbers, which have
missing cells and which texts come as views is settled then, once, and not again for every block.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from community_plan.frames.arrays import Table, compared_texts
from community_plan.frames.kernels import Builder, Kind, Operation, Ref, Register
from community_plan.frames.texts import Text, Words, paired

__all__ = ["AS_DOUBLE", "AS_WHOLE", "Cell", "Num", "Relation", "Tracer", "Txt", "call", "kind_of"]


class Cell:
    """An expression, with Python's operators."""

    __slots__ = ("arguments", "make", "name")

    def __init__(self, make: Callable[..., Any] | None, *arguments: Any, name: str | None = None) -> None:
        self.make = make
        self.arguments = arguments
        self.name = name
        """Of a column."""

    @property
    def identity(self) -> int | str:
        """What tells it from other expressions, as long as it is there."""
        return id(self) if self.name is None else self.name

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
        return Cell(functools.partial(_compared, operator.eq), self, other)

    def __ne__(self, other: Any) -> Cell:  # type: ignore[override]  # an expression, as in every engine
        return Cell(functools.partial(_compared, operator.ne), self, other)

    def __lt__(self, other: Any) -> Cell:
        return Cell(functools.partial(_compared, operator.lt), self, other)

    def __le__(self, other: Any) -> Cell:
        return Cell(functools.partial(_compared, operator.le), self, other)

    def __gt__(self, other: Any) -> Cell:
        return Cell(functools.partial(_compared, operator.gt), self, other)

    def __ge__(self, other: Any) -> Cell:
        return Cell(functools.partial(_compared, operator.ge), self, other)

    __hash__ = object.__hash__  # what is equal is an expression; an expression is itself


def call(make: Callable[..., Any], *arguments: Any) -> Cell:
    """Return the expression of a function of traced columns."""
    return Cell(make, *arguments)


@attrs.frozen(eq=False)
class Num:
    """Whole numbers, doubles or truth values, while they are traced."""

    value: Ref
    missing: Ref = None
    """Where one is missing; None if nowhere."""
    wide: bool = False
    """Whether more than 64 bits may be needed from here on."""
    zeroed: bool = False
    """Whether 0 stands wherever one is missing."""

    @property
    def kind(self) -> Kind:
        """What it is."""
        return kind_of(self.value)


@attrs.frozen(eq=False)
class Txt:
    """Texts, while they are traced."""

    text: Ref
    """What holds them: a `Text`."""
    missing: Ref = None
    views: tuple[Ref, Ref] | None = None
    """Head and tail of their views, if they come as such."""
    places: Ref = None
    """Their places in a list of few words, if they have one."""
    words: Words | None = None
    """These words."""


def kind_of(value: Ref) -> Kind:
    """Return what a register, or one value for all rows, is."""
    if isinstance(value, Register):
        return value.kind
    letters: dict[str, Kind] = {"i": "whole", "u": "whole", "f": "double", "b": "truth"}
    return letters[np.asarray(value).dtype.kind]


@attrs.define(eq=False)
class Relation:
    """A table, or expressions over another relation."""

    columns: Mapping[str, Cell]
    under: Relation | Table
    passes: bool = False
    """Whether the other columns of that one are columns of this one, too."""
    _own: tuple[Any, ...] = attrs.field(
        default=attrs.Factory(lambda self: _own_identity(self), takes_self=True), repr=False
    )
    """What tells its expressions from those of others, whatever lies under them."""

    @property
    def table(self) -> Table:
        """The table at the bottom."""
        return self.under if isinstance(self.under, Table) else self.under.table

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.table.rows

    @property
    def names(self) -> list[str]:
        """All its columns."""
        more = self.under.columns if isinstance(self.under, Table) else self.under.names
        return list(dict.fromkeys([*(more if self.passes else ()), *self.columns]))

    def on(self, table: Table) -> Relation:
        """Return the same expressions over another table."""
        under = table if isinstance(self.under, Table) else self.under.on(table)
        return Relation(self.columns, under, self.passes, self._own)

    def plain(self, name: str) -> str | None:
        """Return the column of the table that a column is, if it is one as it is."""
        if name in self.columns:
            own = self.columns[name].name
            return None if own is None else _plain(self.under, own)
        return _plain(self.under, name)

    def read_by(self, cells: Iterable[Cell]) -> set[str]:
        """Return the columns of the table that some expressions read."""
        own = [self.columns.get(name, Cell(None, name=name)) for name in _names_in(cells)]
        return _names_in(own) if isinstance(self.under, Table) else self.under.read_by(own)

    def identity(self) -> tuple[Any, ...]:
        """Return what tells its expressions from others."""
        return self._own if isinstance(self.under, Table) else (self._own, *self.under.identity())


def _names_in(cells: Iterable[Cell]) -> set[str]:
    """Return the columns that some expressions name; parts of expressions are commonly parts of many."""
    names: set[str] = set()
    stack, seen = list(cells), set[int]()
    while stack:
        cell = stack.pop()
        if id(cell) not in seen:
            seen.add(id(cell))
            names |= set() if cell.name is None else {cell.name}
            stack += [argument for argument in cell.arguments if isinstance(argument, Cell)]
    return names


def _own_identity(relation: Relation) -> tuple[Any, ...]:
    return tuple(relation.columns), tuple(cell.identity for cell in relation.columns.values()), relation.passes


def _plain(under: Relation | Table, name: str) -> str | None:
    return name if isinstance(under, Table) else under.plain(name)


@attrs.define(eq=False)
class Tracer:
    """Follows expressions down to a table and writes the steps that work them out."""

    builder: Builder = attrs.field(factory=Builder)
    found: dict[tuple[int, int], Any] = attrs.field(factory=dict)
    opposites: dict[int, Register] = attrs.field(factory=dict)

    def emit(self, operation: Operation, *arguments: Ref) -> Ref:
        """Write a step."""
        return self.builder.emit(operation, *arguments)

    def column(self, relation: Relation | Table, name: str) -> Num | Txt:
        """Return a column."""
        if isinstance(relation, Table):
            return self._given(relation, name)
        if name in relation.columns:
            found: Num | Txt = self.work(relation.under, relation.columns[name])
            return found
        return self.column(relation.under, name)

    def work(self, under: Relation | Table, cell: Any) -> Any:
        """Return what an expression gives over a relation."""
        if not isinstance(cell, Cell):
            return cell
        if cell.name is not None:
            return self.column(under, cell.name)
        key = (id(under), id(cell))
        if key not in self.found:
            assert cell.make is not None
            self.found[key] = cell.make(self, *(self.work(under, argument) for argument in cell.arguments))
        return self.found[key]

    def _given(self, table: Table, name: str) -> Num | Txt:
        shape = table.shape_of(name)
        read = functools.partial(self.builder.input, name)
        if shape[0] == "numbers":
            letter, gaps = shape[1:]
            missing = read("missing", "truth") if gaps else None
            dtype = np.dtype(letter)
            kind: Kind = "truth" if dtype.kind == "b" else "double" if dtype.kind == "f" else "whole"
            value: Ref = read("values", kind)
            if missing is not None:  # before anything else: what it gives may be the user's own memory
                value = self.emit(_ZEROED[kind], value, missing)
            if dtype not in (np.bool_, np.int64, np.float64):
                value = self.emit(AS_DOUBLE if kind == "double" else AS_WHOLE, value)
            return Num(value, missing, zeroed=True)
        if shape[0] == "text":
            views, gaps = shape[1:]
            missing = read("missing", "truth") if gaps else None
            parts = None
            if views:
                parts = (self.emit(_NEAR, read("head", "bits")), self.emit(_NEAR, read("tail", "bits")))
            return Txt(read("text", "object"), missing, parts)
        return Num(read("cells", "object"), read("missing", "truth"))

    # -- what operations have in common ---------------------------------------------------------------------

    def both(self, one: Ref, other: Ref) -> Ref:
        """Return where either holds; None is nowhere."""
        if one is None or other is None:
            return other if one is None else one
        return self.either(one, other)

    def either(self, one: Ref, other: Ref) -> Ref:
        """Return where either of two truth values is true."""
        for first, second in ((one, other), (other, one)):
            if not isinstance(first, Register):
                return np.bool_(True) if first else second
        return self.emit(_OR, one, other)

    def each(self, one: Ref, other: Ref) -> Ref:
        """Return where both of two truth values are true."""
        for first, second in ((one, other), (other, one)):
            if not isinstance(first, Register):
                return second if first else np.bool_(False)
        return self.emit(_AND, one, other)

    def without(self, one: Ref, other: Ref) -> Ref:
        """Return where the first of two truth values is true and the second is not."""
        if not isinstance(other, Register):
            return np.bool_(False) if other else one
        if not isinstance(one, Register):
            return self.opposite(other) if one else np.bool_(False)
        return self.emit(_UNLESS, one, other)

    def opposite(self, one: Ref) -> Ref:
        """Return where a truth value is false."""
        if not isinstance(one, Register):
            return np.bool_(not one)
        if one.number not in self.opposites:
            other = self.emit(_NOT, one)
            assert isinstance(other, Register)
            self.opposites |= {one.number: other, other.number: one}
        return self.opposites[one.number]

    def holds(self, truth: Num) -> Ref:
        """Return where a truth value is there and true."""
        return truth.value if truth.missing is None else self.without(truth.value, truth.missing)

    def is_word(self, text: Txt, word: str) -> Ref:
        """Return where a text is a word."""
        raw = word.encode()
        if text.places is not None:
            assert text.words is not None
            place = text.words.texts.index(word) if word in text.words.texts else -2
            return self.emit(_EQUAL, text.places, np.int8(place))
        if text.views is None or len(raw) > 12:
            return self.emit(_word_test(word), text.text)
        head, tail = np.frombuffer(len(raw).to_bytes(4, "little") + raw.ljust(12, b"\0"), dtype=np.uint64)
        return self.each(self.emit(_EQUAL, text.views[0], head), self.emit(_EQUAL, text.views[1], tail))

    def as_text(self, given: Any) -> Txt:
        """Return texts, or one for all rows."""
        if isinstance(given, Txt):
            return given
        return Txt(Text(np.int64(0), Words([given])))

    def as_number(self, given: Any) -> Num:
        """Return numbers, or one for all rows."""
        if isinstance(given, Num):
            return given
        types: dict[type, Any] = {bool: np.bool_, float: np.float64}
        if isinstance(given, int) and not isinstance(given, bool) and not -(2**63) <= given < 2**63:
            return Num(np.array(given, dtype=object)[()])
        return Num(types.get(type(given), np.int64)(given))

    def doubles(self, number: Num) -> Ref:
        """Return numbers as doubles."""
        if number.kind == "double":
            return number.value
        if number.kind == "object":
            return self.emit(_OBJECTS_AS_DOUBLE, number.value)
        return self.emit(AS_DOUBLE, number.value)


def _copied(cells: Any, out: Any = None) -> Any:
    if out is None:
        return cells
    np.copyto(out, cells, casting="unsafe")
    return out


def _as_doubles(cells: Any, out: Any = None) -> Any:
    return np.float64(cells) if out is None else _copied(cells, out)


def _as_wholes(cells: Any, out: Any = None) -> Any:
    return np.int64(cells) if out is None else _copied(cells, out)


def _zeroed(values: Any, missing: Any) -> Any:
    """Return numbers with 0 wherever one is missing; as libraries commonly leave it so, nothing is copied then."""
    lost = missing.nonzero()
    if values[lost].any():
        values = values.copy()
        values[lost] = 0
    return values


_ZEROED: Mapping[Kind, Operation] = {
    kind: Operation(_zeroed, kind, fills=False, scalar="zeroed") for kind in ("whole", "double", "truth")
}
AS_DOUBLE = Operation(_as_doubles, "double", scalar="converted")
AS_WHOLE = Operation(_as_wholes, "whole", scalar="converted")
_OBJECTS_AS_DOUBLE = Operation(lambda cells: np.asarray(cells, dtype=np.float64), "double", fills=False)
_NEAR = Operation(_copied, "bits", scalar="converted")
"""Cells side by side: those of views stand apart, and are read more than once."""
_OR = Operation(np.logical_or, "truth", scalar="logical_or")
_AND = Operation(np.logical_and, "truth", scalar="logical_and")
_UNLESS = Operation(np.greater, "truth", scalar="greater")
_NOT = Operation(np.logical_not, "truth", scalar="logical_not")
_EQUAL = Operation(np.equal, "truth", scalar="equal")


@functools.lru_cache(maxsize=1024)
def _word_test(word: str) -> Operation:
    def test(text: Text) -> Any:
        place = text.words.once("known", lambda: {each: at for at, each in enumerate(text.words.texts)}).get(word, -2)
        return text.places == place

    return Operation(test, "truth", fills=False)


@functools.cache
def _arithmetic(work: np.ufunc, kind: Kind) -> Operation:
    return Operation(work, kind, scalar=work.__name__)


def _calculated(work: np.ufunc, tracer: Tracer, left: Any, right: Any) -> Num:
    one, other = tracer.as_number(left), tracer.as_number(right)
    missing = tracer.both(one.missing, other.missing)
    kinds = {one.kind, other.kind}
    wide = one.wide or other.wide
    if work is np.true_divide:
        return Num(tracer.emit(_arithmetic(work, "double"), tracer.doubles(one), tracer.doubles(other)), missing)
    if "double" in kinds:
        made = tracer.emit(_arithmetic(work, "double"), tracer.doubles(one), tracer.doubles(other))
        return Num(made, missing, zeroed=work is np.multiply and one.zeroed and other.missing is None)
    if wide:
        return Num(tracer.emit(_wide(work), one.value, other.value), missing, wide=True)
    cells = [tracer.emit(AS_WHOLE, n.value) if n.kind == "truth" else n.value for n in (one, other)]
    return Num(tracer.emit(_arithmetic(work, "whole"), *cells), missing)


@functools.cache
def _wide(work: np.ufunc) -> Operation:
    """Return arithmetic that takes more than 64 bits where whole numbers need them."""

    def calculated(first: Any, second: Any) -> Any:
        one, other = _size(first), _size(second)
        most = one * other if work is np.multiply else one + other
        if max(most, other) >= 2**63:
            first = np.asarray(first, dtype=object)
        return work(first, second)

    return Operation(calculated, "object", fills=False)


def _size(values: Any) -> int:
    """Return the size of the largest of some whole numbers."""
    cells = np.asarray(values)
    return max(abs(int(cells.min(initial=0))), abs(int(cells.max(initial=0))))


@functools.cache
def _joined_texts() -> Operation:
    return Operation(lambda one, other: Text(deferred=lambda: paired(one, other, operator.add)), "object", fills=False)


def _plus(tracer: Tracer, left: Any, right: Any) -> Num | Txt:
    if isinstance(left, Txt) or isinstance(right, Txt):
        one, other = tracer.as_text(left), tracer.as_text(right)
        return Txt(tracer.emit(_joined_texts(), one.text, other.text), tracer.both(one.missing, other.missing))
    return _calculated(np.add, tracer, left, right)


_COMPARISONS: Mapping[Any, Operation] = {
    operator.eq: _EQUAL,
    operator.ne: Operation(np.not_equal, "truth", scalar="not_equal"),
    operator.lt: Operation(np.less, "truth", scalar="less"),
    operator.le: Operation(np.less_equal, "truth", scalar="less_equal"),
    operator.gt: Operation(np.greater, "truth", scalar="greater"),
    operator.ge: Operation(np.greater_equal, "truth", scalar="greater_equal"),
}


@functools.cache
def _compared_objects(compare: Any) -> Operation:
    return Operation(lambda one, other: np.asarray(compare(one, other)).astype(bool), "truth", fills=False)


@functools.cache
def _compared_texts(compare: Any) -> Operation:
    return Operation(functools.partial(compared_texts, compare), "truth", fills=False)


def _compared(compare: Any, tracer: Tracer, left: Any, right: Any) -> Num:
    if isinstance(left, Txt) or isinstance(right, Txt):
        one, other = tracer.as_text(left), tracer.as_text(right)
        missing = tracer.both(one.missing, other.missing)
        if isinstance(right, str) and compare in (operator.eq, operator.ne):
            same = tracer.is_word(one, right)
            return Num(same if compare is operator.eq else tracer.opposite(same), missing)
        return Num(tracer.emit(_compared_texts(compare), one.text, other.text), missing)
    first, second = tracer.as_number(left), tracer.as_number(right)
    missing = tracer.both(first.missing, second.missing)
    if "object" in (first.kind, second.kind):
        return Num(tracer.emit(_compared_objects(compare), first.value, second.value), missing)
    cells = [first.value, second.value]
    if {first.kind, second.kind} == {"double", "whole"}:
        cells = [tracer.doubles(first), tracer.doubles(second)]
    return Num(tracer.emit(_COMPARISONS[compare], *cells), missing)


def _and(tracer: Tracer, left: Num, right: Any) -> Num:
    other = tracer.as_number(right)
    found = tracer.each(left.value, other.value)
    if left.missing is None and other.missing is None:
        return Num(found)
    no = tracer.either(_surely_not(tracer, left), _surely_not(tracer, other))
    return Num(tracer.without(found, no), tracer.without(tracer.both(left.missing, other.missing), no))


def _or(tracer: Tracer, left: Num, right: Any) -> Num:
    other = tracer.as_number(right)
    if left.missing is None and other.missing is None:
        return Num(tracer.either(left.value, other.value))
    yes = tracer.either(tracer.holds(left), tracer.holds(other))
    return Num(yes, tracer.without(tracer.both(left.missing, other.missing), yes))


def _not(tracer: Tracer, truth: Num) -> Num:
    return Num(tracer.opposite(truth.value), truth.missing)


def _surely_not(tracer: Tracer, truth: Num) -> Ref:
    no = tracer.opposite(truth.value)
    return no if truth.missing is None else tracer.without(no, truth.missing)
