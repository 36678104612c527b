"""Memory: tables of whole numbers as they were written for a kind of frame, without its data.

Which expressions make whole numbers of a frame follows from its columns and from what a look at some of its rows says.
Where another frame has the same columns, and says the same, they are taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from community_plan.frames.array_engine import ArrayEngine
from community_plan.frames.arrays import Table
from community_plan.frames.engine import Kind
from community_plan.frames.native import NativeTable
from community_plan.frames.traces import Relation

__all__ = ["recall", "remember"]

_MOST = 8
"""Kinds of tables that are kept for one question."""
_NOTHING = Table(0, {})


@attrs.frozen(eq=False)
class _Written:
    """A table without data."""

    headers: tuple[str, ...]
    read: Mapping[str, Kind]
    looks: tuple[tuple[str, tuple[Any, ...], Any], ...]
    """What the table rests on."""
    table: NativeTable
    told: Any


def remember(memory: dict[Any, Any], key: Any, table: Any, told: Any) -> None:
    """Keep how a table was written, if it was written for arrays and there is nothing to be said of its data."""
    if not isinstance(table, NativeTable) or not isinstance(table.engine, ArrayEngine) or table.notes:
        return
    engine, relation = table.engine, table.relation
    if engine.looks is None or relation.table.columns.keys() - engine.read.keys():
        return  # some columns were read one by one
    blank = attrs.evolve(
        table,
        engine=ArrayEngine(),
        relation=relation.on(_NOTHING),
        found_notes=[],
        written={},
    )
    written = _Written(tuple(relation.table.columns), dict(engine.read), tuple(engine.looks), blank, told)
    kept = memory.setdefault(key, [])
    kept.insert(0, written)
    del kept[_MOST:]


def recall(
    memory: Mapping[Any, Any], key: Any, opened: Callable[[Sequence[str]], tuple[ArrayEngine, Relation]]
) -> tuple[NativeTable, Any] | None:
    """Return a table for a frame as it was written for another of its kind, with what was told of that.

    Args:
        memory: Where tables are remembered.
        key: The question.
        opened: Opens some columns of the frame.
    """
    there: dict[tuple[str, ...], tuple[ArrayEngine, Relation]] = {}
    for written in memory.get(key, ()):
        if written.headers not in there:
            there[written.headers] = opened(written.headers)
        engine, relation = there[written.headers]
        if engine.read == written.read and engine.recalls(relation, written.looks):
            blank = written.table
            table = attrs.evolve(blank, engine=engine, relation=blank.relation.on(relation.table), found_notes=[])
            if table.alike and engine.repeats(table.relation, table.alike):
                return None
            return table, written.told
    return None
