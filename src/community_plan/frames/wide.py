"""Wide: a frame with a value and a verdict for every target in every row."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from community_plan.entry import INT64_MAX
from community_plan.expressions import Int, Lit, When, columns_of
from community_plan.frames.engine import Engine
from community_plan.frames.stage import Readable, Stage
from community_plan.judging import Judged

__all__ = ["Judging", "Numbers", "Outputs", "Plain", "outputs_of", "select_outputs", "wide"]


class Judging(Protocol):
    """Gives what targets make of a row from an expression for each of a program's features."""

    def __call__(self, features: tuple[Int, ...]) -> tuple[tuple[str, Judged], ...]:
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
    return select_outputs(table, keys, outputs_of(table, tuple(keys), judgements))


Outputs = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The columns that outputs read, as expressions over a table, and the outputs over these columns."""


def outputs_of(table: Numbers, keys: tuple[str, ...], judgements: Sequence[tuple[str, Judged]]) -> Outputs:
    """Write the value and the verdict of every target."""
    if isinstance(table, Plain):  # the same for every frame of these columns, and worth keeping
        return table.numbers, _outputs(type(table.engine), keys, tuple(judgements), table.limit)
    stage = _stage(table, judgements)
    outputs = _written(stage, keys, judgements)
    return stage.columns, outputs


def select_outputs(table: Numbers, keys: Mapping[str, Any], outputs: Outputs) -> Any:
    """Return a relation of what was written for a table."""
    read, columns = outputs
    said = {_key(place): cell for place, cell in enumerate(keys.values())}
    return table.engine.select(table.engine.select(table.relation, {**read, **said}), columns)


def _key(place: int) -> str:
    """Return what a key is called beside the columns that outputs read: users call theirs as they like."""
    return f"key{place}__"


def _stage(table: Numbers, judgements: Sequence[tuple[str, Judged]]) -> Stage:
    return Stage(table, {name: table.largest.get(name, table.limit) for name in _names(judgements)})


def _names(judgements: Sequence[tuple[str, Judged]]) -> set[str]:
    """Return the columns that judgements read."""
    return {
        name
        for _, judged in judgements
        for node in (judged.there, judged.above, judged.below, judged.met, judged.not_met)
        for name in columns_of(node)
    }


@functools.lru_cache(maxsize=64)
def _outputs(
    kind: type[Engine], keys: tuple[str, ...], judgements: tuple[tuple[str, Judged], ...], limit: int
) -> dict[str, Any]:
    engine = kind()
    numbers = {name: engine.column(name) for name in _names(judgements)}
    table = Plain(engine=engine, relation=None, numbers=numbers, limit=limit)
    return _written(_stage(table, judgements), keys, judgements)


def _written(stage: Stage, keys: tuple[str, ...], judgements: Sequence[tuple[str, Judged]]) -> dict[str, Any]:
    engine = stage.table.engine
    columns: dict[str, Any] = {name: engine.column(_key(place)) for place, name in enumerate(keys)}
    for target, judged in judgements:
        there = stage.truth(judged.there)
        match judged.above, judged.below:
            case When(condition, Lit(many)), Lit(one):
                some = engine.real(float(judged.factor * many / one))
                value = engine.choose(stage.truth(condition), some, engine.real(0.0))
            case _:
                value = _ratio(stage, judged)
        columns[f"{target}__value"] = engine.choose(there, value, engine.no_number())
        columns[f"{target}__verdict"] = engine.verdict(stage.truth(judged.met), stage.truth(judged.not_met))
    return columns


def _ratio(stage: Stage, judged: Judged) -> Any:
    engine = stage.table.engine
    above = _times(engine.to_number(stage.number(judged.above)), judged.factor.numerator)
    below = engine.to_number(stage.number(judged.below))
    if isinstance(judged.below, Lit):  # a column, as every engine divides by a column in the same way
        below = above * 0.0 + float(judged.below.value)
    return above / _times(below, judged.factor.denominator)


def _times(number: Any, factor: int) -> Any:
    return number if factor == 1 else number * float(factor)
