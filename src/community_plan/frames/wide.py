"""Wide: a frame with a value and a verdict for every target in every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from community_plan.entry import INT64_MAX
from community_plan.expressions import Int, Lit, columns_of
from community_plan.frames.engine import Engine
from community_plan.frames.stage import Readable, Stage, largest_side
from community_plan.judging import Judged

__all__ = ["Judging", "Numbers", "Plain", "wide"]


class Judging(Protocol):
    """Gives what targets make of a row from an expression for each of a program's features."""

    def __call__(self, features: Sequence[Int]) -> Sequence[tuple[str, Judged]]:
        """Return target ids with their judgements."""
        ...


class Numbers(Readable, Protocol):
    """A table whose rows can be judged."""

    @property
    def relation(self) -> Any:
        """The engine's relation."""
        ...

    @property
    def largest(self) -> Mapping[str, int]:
        """Largest number of each variable, where it has been counted."""
        ...

    @property
    def limit(self) -> int:
        """What no other number exceeds."""
        ...


@attrs.frozen(kw_only=True)
class Plain:
    """A relation of whole numbers without missing cells."""

    engine: Engine
    relation: Any
    numbers: Mapping[str, Any]
    limit: int = INT64_MAX
    largest: Mapping[str, int] = attrs.field(factory=dict)
    flags: Mapping[str, Any] = attrs.field(factory=dict)
    members: Mapping[str, Callable[[Sequence[int]], Any]] = attrs.field(factory=dict)


def wide(table: Numbers, keys: Mapping[str, Any], judgements: Sequence[tuple[str, Judged]]) -> Any:
    """Return a relation with the value and the verdict of every target in every row.

    Args:
        table: The rows.
        keys: Columns that say what a row is about.
        judgements: Target ids with what they make of a row, over the table's variables.
    """
    engine = table.engine
    nodes = [node for _, judged in judgements for node in (judged.there, judged.met, judged.not_met)]
    names = {name for node in nodes for name in columns_of(node)}
    bounds = {name: table.largest.get(name, table.limit) for name in names}
    stage = Stage(table, max((largest_side(node, bounds) for node in nodes), default=0) > INT64_MAX)
    columns: dict[str, Any] = {name: engine.column(name) for name in keys}
    for target, judged in judgements:
        above = _times(engine.to_number(stage.number(judged.above)), judged.factor.numerator)
        below = engine.to_number(stage.number(judged.below))
        if isinstance(judged.below, Lit):  # a column, as every engine divides by a column in the same way
            below = above * 0.0 + float(judged.below.value)
        value = above / _times(below, judged.factor.denominator)
        columns[f"{target}__value"] = engine.choose(stage.truth(judged.there), value, engine.no_number())
        columns[f"{target}__verdict"] = engine.verdict(stage.truth(judged.met), stage.truth(judged.not_met))
    return engine.select(engine.select(table.relation, {**stage.columns, **keys}), columns)


def _times(number: Any, factor: int) -> Any:
    return number if factor == 1 else number * float(factor)
