"""Guards: what must hold in no row of a table, looked at while something else is worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from community_plan.frames.arrays import Table
from community_plan.frames.engine import Ascending, Within
from community_plan.frames.fused import chunks_of, fused, is_worth_compiling, on_all_cores
from community_plan.frames.kernels import Operation, Ref
from community_plan.frames.texts import Text
from community_plan.frames.traces import Cell, Num, Relation, Tracer
from community_plan.frames.written import kernel_for, run

if TYPE_CHECKING:
    from community_plan.frames.compiler import Role

__all__ = ["Before", "Guard", "Unsound", "Watch", "cells_of", "check", "tests_of"]


Before = dict[int, Any]
"""Test to the keys of the last row that it has seen."""


class Unsound(Exception):  # noqa: N818  # no error: it never leaves this package
    """A suspect holds in a row."""


@attrs.define(eq=False)
class Guard:
    """Suspects, traced: conditions that hold in no row, limits and orders that are kept in all of them."""

    outputs: list[Ref] = attrs.field(factory=list)
    tests: Sequence[Any] = ()
    """For each output what is looked for, as `tests_of` says it."""

    @classmethod
    def of(cls, tracer: Tracer, relation: Relation | Table, suspects: Sequence[Any]) -> Guard:
        """Trace suspects over a relation."""
        guard = cls(tests=tests_of(suspects))
        for suspect in suspects:
            if isinstance(suspect, Within):
                guard.outputs.append(tracer.work(relation, suspect.cell).value)
            elif isinstance(suspect, Ascending):
                keys = [tracer.work(relation, key) for key, _ in suspect.keys]
                parts = [
                    part for key in keys for part in (key.value if isinstance(key, Num) else key.text, key.missing)
                ]
                guard.outputs.append(tracer.emit(_PACKED, *(np.bool_(False) if p is None else p for p in parts)))
            else:
                guard.outputs.append(tracer.holds(tracer.work(relation, suspect)))
        return guard

    @property
    def roles(self) -> list[Role]:
        """What becomes of the outputs where they are compiled."""
        return ["any" if test is None else "join" if isinstance(test, int) else "store" for test in self.tests]

    def watch(self, before: Before | None = None) -> Watch:
        """Return what looks at the outputs of one run over a table.

        Args:
            before: The last keys of the rows before this table's, if there are such; takes those of its own last row.
        """
        return Watch(self.tests, {} if before is None else before)


_PACKED = Operation(lambda *parts: parts, "object", fills=False)


@attrs.define(eq=False)
class Watch:
    """Looks at the outputs of a guard, block by block."""

    tests: Sequence[Any]
    before: Before
    edges: dict[tuple[int, int], tuple[Any, Any]] = attrs.field(factory=dict)
    """Test and first row to the keys of a block's first and last row."""

    def look(self, place: int, start: int, made: Any) -> None:
        """Look at an output for the rows of a block.

        Raises:
            Unsound: If a suspect holds.
        """
        test = self.tests[place]
        if test is None:
            if made if isinstance(made, bool) else np.any(made):
                raise Unsound
        elif isinstance(test, int):
            # Or-ed together, whole numbers show a sign bit or a high bit as soon as one of them has it.
            joined = int(np.bitwise_or.reduce(made) if np.ndim(made) else made)
            if joined < 0 or joined > 2 ** ((test + 1).bit_length() - 1) - 1:
                raise Unsound
        else:
            self._look_at_order(place, start, made)

    def look_at(self, first_test: int, start: int, made: Mapping[int, Any]) -> None:
        """Look at all outputs from some place on.

        Raises:
            Unsound: If a suspect holds.
        """
        for place, found in made.items():
            if place >= first_test:
                self.look(place - first_test, start, found)

    def _look_at_order(self, place: int, start: int, parts: Sequence[Any]) -> None:
        keys, gone = parts[::2], parts[1::2]
        if any(np.any(lost) for lost in gone):
            raise Unsound
        places = [np.asarray(key.places if isinstance(key, Text) else key) for key in keys]
        rows = max((len(cells) for cells in places if cells.ndim), default=1)
        places = [np.broadcast_to(cells, rows) for cells in places]  # one may stand for all rows
        cells = [key.words.order()[at] if isinstance(key, Text) else at for key, at in zip(keys, places, strict=True)]
        later = np.zeros(max(len(cells[0]) - 1, 0), bool)
        same = ~later
        for cell in cells:
            later |= same & (cell[1:] > cell[:-1])
            same &= cell[1:] == cell[:-1]
        if not later.all():
            raise Unsound
        if len(cells[0]):
            ends = [
                [
                    key.words.texts[cells[at]] if isinstance(key, Text) else cells[at].item()
                    for key, cells in zip(keys, places, strict=True)
                ]
                for at in (0, -1)
            ]
            self.edges[place, start] = (tuple(ends[0]), tuple(ends[1]))

    def close(self) -> None:
        """Compare the last row of each block with the first of the next.

        Raises:
            Unsound: If they are not in order.
        """
        for place, start in sorted(self.edges):
            first, last = self.edges[place, start]
            if place in self.before and not self.before[place] < first:
                raise Unsound
            self.before[place] = last


def check(relation: Relation, suspects: Sequence[Any], before: Before | None = None) -> bool:
    """Say whether no suspect holds in any row; see `Guard.watch`."""
    cells = cells_of(suspects)

    def write(tracer: Tracer) -> tuple[list[Ref], Guard]:
        guard = Guard.of(tracer, relation, suspects)
        return guard.outputs, guard

    kernel, guard = kernel_for(relation, cells, ("check", tests_of(suspects)), write)
    watch = guard.watch(before)
    table = relation.table
    try:
        for place, value in kernel.fixed.items():
            if table.rows:
                watch.look(place, 0, value)
        if is_worth_compiling(kernel, table.rows):
            loop = fused(kernel, dict(enumerate(guard.roles)))
            chunks = chunks_of(table, list(kernel.inputs))
            on_all_cores(lambda chunk: watch.look_at(0, chunk.first, loop.run(chunk)), chunks, table.rows)
        else:
            run(kernel, table, lambda start, _: lambda place, made: watch.look(place, start, made))
        watch.close()
    except Unsound:
        return False
    return True


def cells_of(suspects: Sequence[Any]) -> list[Cell]:
    """Return the expressions of suspects."""
    found: list[Cell] = []
    for suspect in suspects:
        if isinstance(suspect, Within):
            found.append(suspect.cell)
        elif isinstance(suspect, Ascending):
            found += [key for key, _ in suspect.keys]
        else:
            found.append(suspect)
    return found


def tests_of(suspects: Sequence[Any]) -> tuple[Any, ...]:
    """Return what is looked for in each: a limit, the kinds of ordered keys, or None for a condition."""
    return tuple(
        suspect.limit
        if isinstance(suspect, Within)
        else len(suspect.keys) * ("key",)
        if isinstance(suspect, Ascending)
        else None
        for suspect in suspects
    )
