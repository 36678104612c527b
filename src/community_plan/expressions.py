"""Expressions: the small language of whole numbers and truth values that every engine evaluates.

Columns hold integers without nulls; a column that may be missing has a flag beside it (`Known`). So no
engine's own idea of null, NaN or three-valued logic takes part. Constructors simplify, so a table without
missing cells costs no more than the sums it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import attrs

__all__ = [
    "FALSE",
    "TRUE",
    "ZERO",
    "Add",
    "And",
    "Bool",
    "Cmp",
    "Col",
    "Const",
    "In",
    "Int",
    "Known",
    "Lit",
    "Not",
    "Op",
    "Or",
    "Scale",
    "When",
    "add",
    "columns_of",
    "compare",
    "conjunction",
    "disjunction",
    "negation",
    "scale",
    "when",
]

Op = Literal[">=", ">", "<=", "<", "="]
"""A comparison of two whole numbers."""


@attrs.frozen(cache_hash=True)
class Lit:
    """A whole number."""

    value: int


@attrs.frozen(cache_hash=True)
class Col:
    """An integer column without nulls; 0 where the cell is missing."""

    name: str


@attrs.frozen(cache_hash=True)
class Add:
    """A sum within the row."""

    terms: tuple[Int, ...]


@attrs.frozen(cache_hash=True)
class Scale:
    """A whole multiple."""

    factor: int
    term: Int


@attrs.frozen(cache_hash=True)
class When:
    """A number where a condition holds, else 0."""

    condition: Bool
    term: Int


@attrs.frozen(cache_hash=True)
class Const:
    """True or false."""

    value: bool


@attrs.frozen(cache_hash=True)
class Known:
    """Whether the cell of a column is there."""

    name: str


@attrs.frozen(cache_hash=True)
class Cmp:
    """A comparison within the row."""

    left: Int
    op: Op
    right: Int


@attrs.frozen(cache_hash=True)
class In:
    """Whether a category column holds one of some numbers."""

    name: str
    values: tuple[int, ...]


@attrs.frozen(cache_hash=True)
class And:
    """All of some conditions."""

    parts: tuple[Bool, ...]


@attrs.frozen(cache_hash=True)
class Or:
    """One or more of some conditions."""

    parts: tuple[Bool, ...]


@attrs.frozen(cache_hash=True)
class Not:
    """The opposite."""

    part: Bool


Int = Lit | Col | Add | Scale | When
"""An expression with a whole number for each row."""
Bool = Const | Known | Cmp | In | And | Or | Not
"""An expression with a truth value for each row."""

TRUE = Const(True)
FALSE = Const(False)
ZERO = Lit(0)


def conjunction(parts: Iterable[Bool]) -> Bool:
    """Return `and` of the parts, simplified."""
    kept = _kept(parts, And, neutral=True)
    return FALSE if kept is None else TRUE if not kept else kept[0] if len(kept) == 1 else And(kept)


def disjunction(parts: Iterable[Bool]) -> Bool:
    """Return `or` of the parts, simplified."""
    kept = _kept(parts, Or, neutral=False)
    return TRUE if kept is None else FALSE if not kept else kept[0] if len(kept) == 1 else Or(kept)


def _kept(parts: Iterable[Bool], kind: type[And] | type[Or], *, neutral: bool) -> tuple[Bool, ...] | None:
    """Return the parts that decide, each once; None if one of them alone does, or a part and its opposite."""
    kept: dict[Bool, None] = {}
    opposites = []
    for part in _flat(parts, kind):
        if not isinstance(part, Const):
            kept[part] = None
            if isinstance(part, Not):
                opposites.append(part.part)
        elif part.value is not neutral:
            return None
    return None if any(part in kept for part in opposites) else tuple(kept)


def _flat(parts: Iterable[Bool], kind: type[And] | type[Or]) -> Iterator[Bool]:
    for part in parts:
        if isinstance(part, And | Or) and isinstance(part, kind):
            yield from part.parts
        else:
            yield part


def negation(part: Bool) -> Bool:
    """Return the opposite, simplified."""
    if isinstance(part, Const):
        return FALSE if part.value else TRUE
    return part.part if isinstance(part, Not) else Not(part)


def when(condition: Bool, term: Int) -> Int:
    """Return a number where a condition holds and 0 elsewhere, simplified."""
    if isinstance(condition, Const):
        return term if condition.value else ZERO
    if _is_zero(term):
        return term
    if isinstance(term, When):
        return when(conjunction((condition, term.condition)), term.term)
    return When(condition, term)


def _is_zero(term: Int) -> bool:
    return isinstance(term, Lit) and not term.value


def add(terms: Iterable[Int]) -> Int:
    """Return the sum of the terms, simplified."""
    kept = tuple(term for term in terms if not _is_zero(term))
    if all(isinstance(term, Lit) for term in kept):
        return Lit(sum(term.value for term in kept if isinstance(term, Lit)))
    return kept[0] if len(kept) == 1 else Add(kept)


def scale(factor: int, term: Int) -> Int:
    """Return a whole multiple, simplified."""
    if isinstance(term, Lit):
        return Lit(factor * term.value)
    return term if factor == 1 else ZERO if factor == 0 else Scale(factor, term)


def compare(left: Int, op: Op, right: Int) -> Bool:
    """Return a comparison, decided at once between two literals, and by its condition for one or nothing."""
    if isinstance(left, When) and isinstance(left.term, Lit) and isinstance(right, Lit):
        holds, fails = compare(left.term, op, right), compare(ZERO, op, right)
        return disjunction((conjunction((left.condition, holds)), conjunction((negation(left.condition), fails))))
    if isinstance(left, Lit) and isinstance(right, Lit):
        signs = {">=": left.value >= right.value, ">": left.value > right.value, "=": left.value == right.value}
        signs |= {"<=": left.value <= right.value, "<": left.value < right.value}
        return Const(signs[op])
    return Cmp(left, op, right)


def columns_of(node: Int | Bool) -> set[str]:
    """Return the names of the columns that an expression reads."""
    match node:
        case Col() | Known() | In():
            return {node.name}
        case Lit() | Const():
            return set()
        case Add():
            return set().union(*(columns_of(term) for term in node.terms))
        case Scale():
            return columns_of(node.term)
        case When():
            return columns_of(node.condition) | columns_of(node.term)
        case Cmp():
            return columns_of(node.left) | columns_of(node.right)
        case And() | Or():
            return set().union(*(columns_of(part) for part in node.parts))
        case Not():
            return columns_of(node.part)
