"""Loop sums: what a large table of arrays adds up to, by key, in compiled loops."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from community_plan.frames.arrays import Column, spacious, taken
from community_plan.frames.engine import Grouped
from community_plan.frames.fused import Chunk, chunks_of, fused, is_worth_compiling, on_all_cores, on_one_core
from community_plan.frames.guards import Guard, cells_of, tests_of
from community_plan.frames.kernels import Kernel, Ref
from community_plan.frames.keyed import Asked, ShortRuns, groups_of, put_together
from community_plan.frames.runs import first_rows, grouped, short_runs
from community_plan.frames.traces import Tracer
from community_plan.frames.written import kernel_for

if TYPE_CHECKING:
    from community_plan.frames.compiler import Role

__all__ = ["LoopSums"]

_FEW = 8
"""Rows of a group from which on each core has lines of its own to add them to."""
_BLOCK = 512
"""Groups that are written at a time: their sums stay near the core while it turns lines into columns."""


@attrs.define(eq=False)
class LoopSums:
    """Sums by key, worked out by loops: one finds the runs, one adds up and looks at suspects."""

    asked: Asked
    main: Kernel
    """Sums, and behind them suspects."""
    guard: Guard
    roles: Mapping[int, Role]
    heads: Kernel
    """Where keys change."""

    @classmethod
    def of(cls, asked: Asked) -> LoopSums | None:
        """Return what adds up, if the table is so large that compiling is worth it."""
        if asked.wide:
            return None
        counted = tuple((name, cell is None) for name, cell in asked.sums.items())
        main, guard = kernel_for(
            asked.staged,
            [*cells_of(asked.suspects), *asked.cells(list(asked.sums))],
            ("loop", counted, tests_of(asked.suspects)),
            lambda tracer: _write(asked, tracer),
        )
        if not is_worth_compiling(main, asked.staged.rows):
            return None
        roles: list[Role] = ["sum" for _ in asked.sums]
        return cls(asked, main, guard, dict(enumerate([*roles, *guard.roles])), asked.heads())

    def run(self) -> Grouped:
        """Add up rows that stand together.

        Raises:
            ShortRuns: If rows with the same keys are not side by side.
            Unsound: If a suspect holds in a row.
        """
        asked, table, names = self.asked, self.asked.staged.table, list(self.asked.sums)
        wanted = list(dict.fromkeys(part for each in (self.main, self.heads) for part in each.inputs))
        chunks = chunks_of(table, wanted)
        heads = on_all_cores(self._heads, chunks, table.rows)
        starts = np.concatenate([each + chunk.first for each, chunk in zip(heads, chunks, strict=True)])
        labels = asked.labels(starts)
        firsts, group = groups_of(labels, len(starts))
        totals = spacious(len(names), len(firsts), np.int64)
        ends = np.cumsum([len(each) for each in heads])
        totals[:, group[np.concatenate([[0], ends - 1, ends[:-1]])]] = 0  # chunks add to what they share
        for place, value in self.main.fixed.items():
            if place < len(names):
                lengths = np.diff(starts, append=table.rows)
                totals[place] = np.add.reduceat(lengths, firsts) * int(value)
        self._add_up(chunks, heads, group, totals)
        if asked.keys:
            return put_together(labels, firsts, len(starts), totals, names)
        return Grouped({}, {name: [int(total[0])] for name, total in zip(names, totals, strict=True)})

    def by_id(self, keys: Mapping[str, Column], group: Any, count: int) -> Grouped:
        """Add up rows wherever they stand; suspects are not looked at.

        Args:
            keys: The keys of all rows.
            group: The number of each row's group.
            count: How many groups there are.

        Raises:
            UnlikeTakenError: If rows are not as compiled steps take them to be.
        """
        table, names = self.asked.staged.table, list(self.asked.sums)
        totals = spacious(len(names), count, np.int64)
        lines = [place for place in range(len(names)) if place not in self.main.fixed]
        rooms: list[Any] = []
        lock = threading.Lock()

        def work(chunk: Chunk) -> None:
            with lock:
                room = rooms.pop() if rooms else None
            if room is None:
                room = spacious(count, len(lines), np.int64)
                room[:] = 0
            fused(self.main, self.roles).run(chunk, groups=group[chunk.first : chunk.stop], sums=room)
            rooms.append(room)
            chunk.forget()

        with on_one_core() if count * _FEW > table.rows else contextlib.nullcontext():
            on_all_cores(work, chunks_of(table, list(self.main.inputs)), table.rows)
        for low in range(0, count, _BLOCK):
            totals[lines, low : low + _BLOCK] = sum(room[low : low + _BLOCK] for room in rooms).T
        for place, value in self.main.fixed.items():
            totals[place] = np.bincount(group) * int(value)
        return grouped({key: taken(column, first_rows(group, count)) for key, column in keys.items()}, totals, names)

    def _heads(self, chunk: Chunk) -> Any:
        """Return where runs begin in a chunk."""
        starts = np.zeros(1, np.int64)
        if self.asked.keys and 0 not in self.heads.fixed:
            starts = np.append(starts, fused(self.heads, {0: "mark"}).marks(chunk))
            if short_runs(starts, len(chunk)) and len(chunk) > 1:
                raise ShortRuns
        return starts

    def _add_up(self, chunks: Sequence[Chunk], heads: Sequence[Any], group: Any, totals: Any) -> None:
        """Add the sums of all runs to those of their groups."""
        watch = self.guard.watch(self.asked.before)
        first_test = len(self.asked.sums)
        for place, value in self.main.fixed.items():
            if place >= first_test:
                watch.look(place - first_test, 0, value)
        lines = [place for place in range(first_test) if place not in self.main.fixed]
        most = max(len(each) for each in heads)
        begins = [0, *itertools.accumulate(len(each) for each in heads)]
        rooms: list[Any] = []
        lock = threading.Lock()

        def work(number: int) -> None:
            chunk, runs, begin = chunks[number], len(heads[number]), begins[number]
            with lock:
                room = rooms.pop() if rooms else np.empty((most, len(lines)), np.int64)  # new memory costs time
            bounds = np.append(heads[number], len(chunk))
            made = fused(self.main, self.roles).run(chunk, bounds, sums=room[:runs])
            watch.look_at(first_test, chunk.first, made)
            _add(totals, lines, group[begin : begin + runs], room[:runs], lock)
            rooms.append(room)
            chunk.forget()

        on_all_cores(work, range(len(chunks)), self.asked.staged.rows)
        watch.close()


def _add(totals: Any, lines: Sequence[int], group: Any, sums: Any, lock: threading.Lock) -> None:
    """Add sums of a chunk's runs to those of their groups; the first and the last group may go on in other chunks."""
    firsts = np.flatnonzero(np.diff(group, prepend=-1))
    if len(firsts) < len(group):  # runs of one group
        sums, group = np.add.reduceat(sums, firsts, axis=0), group[firsts]
    begin, end = int(group[0]), int(group[-1]) + 1
    together = slice(lines[0], lines[-1] + 1) if lines and lines[-1] - lines[0] + 1 == len(lines) else lines
    for low in range(1, end - begin - 1, _BLOCK):
        high = min(low + _BLOCK, end - begin - 1)
        totals[together, begin + low : begin + high] = sums[low:high].T
    with lock:
        totals[lines, begin] += sums[0]
        if len(group) > 1:
            totals[lines, end - 1] += sums[-1]


def _write(asked: Asked, tracer: Tracer) -> tuple[list[Ref], Guard]:
    outputs = asked.outputs(tracer, asked.staged, list(asked.sums))
    guard = Guard.of(tracer, asked.relation, asked.suspects)
    return [*outputs, *guard.outputs], guard
