"""Sums: features taken apart into the few sums that an engine has to add up, and put together again.

A feature such as “rural and without a facility” is what is rural less what is rural with one, and “households
where the area is known” are all households less those where it is missing. Taken apart in this way, features
share most of their parts; an engine adds up each part once and whole-number arithmetic on the small result does
the rest. Parts about missing cells are *sparse*: only rows that miss something have anything to add to them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

import attrs

from community_plan.expressions import (
    ZERO,
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
    conjunction,
    when,
)

__all__ = ["Basis"]

_MOST = 16
"""Parts of one feature from which on it is left whole."""


@functools.lru_cache(maxsize=256)
def _take_apart(features: tuple[Int, ...], sizes: tuple[tuple[str, int], ...]) -> Basis:
    expand = _Expander(dict(sizes))
    places: dict[Int, int] = {}
    recipes = []
    for feature in features:
        found: dict[int, int] = {}
        for (conditions, base), factor in expand.number(feature).items():
            part = when(conjunction(sorted(conditions, key=repr)), base)
            if part != ZERO and factor:
                place = places.setdefault(part, len(places))
                found[place] = found.get(place, 0) + factor
        recipes.append(tuple((place, factor) for place, factor in found.items() if factor))
    return Basis(tuple(places), tuple(recipes))


_Parts = dict[tuple[frozenset[Bool], Int], int]


@attrs.frozen
class Basis:
    """Distinct parts, and every feature as a sum of whole multiples of them."""

    parts: tuple[Int, ...]
    """What is to be summed: a column or 1, where some conditions hold."""
    recipes: tuple[tuple[tuple[int, int], ...], ...]
    """For each feature, pairs of a part's position and its factor."""

    @classmethod
    def of(cls, features: Iterable[Int], sizes: Mapping[str, int] | None = None) -> Basis:
        """Take features apart.

        Args:
            features: The features.
            sizes: Categories that are known in every row, with the number of values that they have.
        """
        return _take_apart(tuple(features), tuple(sorted((sizes or {}).items())))

    @functools.cached_property
    def sparse(self) -> frozenset[int]:
        """Positions of the parts that only rows with missing cells add to."""
        return frozenset(place for place, part in enumerate(self.parts) if _is_sparse(part))

    def features(self, sums: Sequence[int]) -> tuple[int, ...]:
        """Return the sums of the features from those of the parts."""
        return tuple(sum(sums[place] * factor for place, factor in recipe) for recipe in self.recipes)


@attrs.define
class _Expander:
    """Multiplies out conditions and sums, as long as that stays small."""

    sizes: dict[str, int]

    def number(self, node: Int) -> _Parts:
        match node:
            case Lit():
                return {(frozenset(), Lit(1)): node.value} if node.value else {}
            case Col():
                return {(frozenset(), node): 1}
            case Scale():
                return {part: factor * node.factor for part, factor in self.number(node.term).items()}
            case Add():
                return _plus(self.number(term) for term in node.terms)
            case When():
                terms, truths = self.number(node.term), self.truth(node.condition)
                if len(terms) * len(truths) > _MOST:
                    return (
                        {(frozenset({node.condition}), base): f for (_, base), f in terms.items()}
                        if all(not conditions for conditions, _ in terms)
                        else {(frozenset(), node): 1}
                    )
                return _plus(
                    {(conditions | more, base): factor * sign}
                    for (conditions, base), factor in terms.items()
                    for more, sign in truths.items()
                    if not _is_nothing(conditions | more, base)
                )

    def truth(self, node: Bool) -> dict[frozenset[Bool], int]:
        """Return a condition as a sum of products of conditions that are not negated."""
        match node:
            case Const():
                return {frozenset(): 1} if node.value else {}
            case Not():
                inner = {conditions: -sign for conditions, sign in self.truth(node.part).items()}
                inner[frozenset()] = inner.get(frozenset(), 0) + 1
                found = {conditions: sign for conditions, sign in inner.items() if sign}
                return found if len(found) <= _MOST else {frozenset({node}): 1}
            case And():
                product: dict[frozenset[Bool], int] = {frozenset(): 1}
                for part in node.parts:
                    factors = self.truth(part)
                    if len(product) * len(factors) > _MOST:
                        return {frozenset({node}): 1}
                    grown: dict[frozenset[Bool], int] = {}
                    for one, sign in product.items():
                        for other, another in factors.items():
                            grown[one | other] = grown.get(one | other, 0) + sign * another
                    product = {conditions: sign for conditions, sign in grown.items() if sign}
                return product
            case In() if len(node.values) * 2 >= self.sizes.get(node.name, 10**9) and 0 not in node.values:
                rest = tuple(value for value in range(self.sizes[node.name]) if value not in node.values)
                return {frozenset(): 1, frozenset({In(node.name, rest)}): -1} if rest else {frozenset(): 1}
            case Known():
                return {frozenset(): 1, frozenset({Not(node)}): -1}
            case In() | Cmp() | Or():
                return {frozenset({node}): 1}


def _plus(parts: Iterable[_Parts]) -> _Parts:
    total: _Parts = {}
    for some in parts:
        for part, factor in some.items():
            total[part] = total.get(part, 0) + factor
    return {part: factor for part, factor in total.items() if factor}


def _is_nothing(conditions: frozenset[Bool], base: Int) -> bool:
    """Say whether a part adds nothing: a missing cell is 0, reaches nothing above 0 and is of no category."""
    missing = {part.part.name for part in conditions if isinstance(part, Not) and isinstance(part.part, Known)}
    if not missing:
        return False
    told = {base.name} if isinstance(base, Col) else set()
    for condition in conditions:
        match condition:
            case Cmp(Col(name), (">=" | ">") as op, Lit(value)) if value > 0 or (op == ">" and value == 0):
                told.add(name)
            case In(name, _):
                told.add(name)
            case _:
                pass
    return bool(missing & told)


def _is_sparse(part: Int) -> bool:
    if not isinstance(part, When):
        return False
    conditions = part.condition.parts if isinstance(part.condition, And) else (part.condition,)
    return any(isinstance(each, Not) and isinstance(each.part, Known) for each in conditions)
