"""Stage: the columns that expressions read, and the expressions written over them for an engine."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from community_plan.entry import INT64_MAX
from community_plan.expressions import (
    Add,
    And,
    Bool,
    Cmp,
    Col,
    Const,
    In,
    Int,
    Known,
    Lit,
    Not,
    Or,
    Scale,
    When,
)
from community_plan.frames.engine import Engine
from community_plan.frames.parts import flag
from community_plan.regions import LEVELS

__all__ = ["Readable", "Stage"]


class Readable(Protocol):
    """What expressions read: numbers, flags and categories of a table, as expressions of its engine."""

    @property
    def engine(self) -> Engine:
        """The engine."""
        ...

    @property
    def numbers(self) -> Mapping[str, Any]:
        """Variable to whole number, 0 where missing."""
        ...

    @property
    def flags(self) -> Mapping[str, Any]:
        """Variable to whether it is known, for those with missing cells."""
        ...

    @property
    def members(self) -> Mapping[str, Callable[[Sequence[int]], Any]]:
        """Category to the test for some of its values."""
        ...


def _most(node: Int, largest: Mapping[str, int]) -> int:
    """Return what a number does not exceed."""
    match node:
        case Lit():
            return abs(node.value)
        case Col():
            return largest[node.name]
        case Add():
            return sum(_most(term, largest) for term in node.terms)
        case Scale():
            return abs(node.factor) * _most(node.term, largest)
        case When():
            return _most(node.term, largest)


@attrs.define
class Stage:
    """Collects the columns that expressions read, and writes the expressions over them."""

    table: Readable
    bounds: Mapping[str, int]
    """What the columns do not exceed: a comparison whose sides might pass 64 bits gets more."""
    columns: dict[str, Any] = attrs.field(factory=dict)

    def read(self, name: str, cell: Any, nothing: int | bool) -> Any:
        """Return a column of the stage, worked out by an expression over the table; what stands for a missing cell."""
        engine = self.table.engine
        if name not in self.columns:
            self.columns[name] = engine.fill(cell, nothing) if engine.fills else cell
        return engine.column(name)

    def sum_of(self, node: Int) -> Any:
        """Return what is summed: None counts rows."""
        match node:
            case Lit(1):
                return None
            case When(condition, Lit(1)):
                return self.truth(condition)
            case _:
                return self.number(node)

    def number(self, node: Int, *, wide: bool = False) -> Any:
        """Return a number for each row; a wide one has room for more than 64 bits from its columns on."""
        engine = self.table.engine
        match node:
            case Lit():
                return engine.whole(node.value)
            case Col():
                cell = self.read(node.name, self.table.numbers[node.name], 0)
                return engine.widened(cell) if wide else cell
            case Add():
                return functools.reduce(operator.add, (self.number(term, wide=wide) for term in node.terms))
            case Scale():
                return self.number(node.term, wide=wide) * node.factor
            case When():
                number = self.number(node.term, wide=wide)
                return engine.choose(self.truth(node.condition), number, engine.whole(0))

    def truth(self, node: Bool) -> Any:
        """Return a truth value for each row."""
        table = self.table
        match node:
            case Const():
                return table.engine.truth(node.value)
            case Known():
                if node.name not in table.flags:
                    return table.engine.truth(True)
                return self.read(flag(node.name), table.flags[node.name], False)
            case In():
                if node.name in LEVELS:
                    self.read(node.name, table.numbers[node.name], 0)
                    return table.members[node.name](node.values)
                name = f"{node.name}__in_{'_'.join(map(str, node.values))}"
                return self.read(name, table.members[node.name](node.values), False)
            case Cmp():
                wide = max(_most(node.left, self.bounds), _most(node.right, self.bounds)) > INT64_MAX
                left, right = (self.number(side, wide=wide) for side in (node.left, node.right))
                return _OPERATORS[node.op](left, right)
            case And():
                return functools.reduce(operator.and_, map(self.truth, node.parts))
            case Or():
                return functools.reduce(operator.or_, map(self.truth, node.parts))
            case Not():
                return ~self.truth(node.part)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
}
