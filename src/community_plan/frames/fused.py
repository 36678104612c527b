"""Fused: kernels whose steps are compiled into one loop, and what becomes of what they give.

Where llvmlite is installed, large tables are worked on so. What cannot be compiled (texts) is left to numpy, on a part
of the rows at a time; and so is a part whose rows are not as the compiled steps take them to be.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np

from community_plan.frames.arrays import Column, Table, marks_of, part_of
from community_plan.frames.bits import Bits
from community_plan.frames.engine import can_compile, cores_there
from community_plan.frames.instructions import Input, is_scalar, read_by
from community_plan.frames.kernels import DTYPES, Kernel, Register, Step

if TYPE_CHECKING:
    from community_plan.frames.compiler import Loop, Role

__all__ = [
    "Chunk",
    "Fused",
    "UnlikeTakenError",
    "chunks_of",
    "fused",
    "is_worth_compiling",
    "on_all_cores",
    "on_one_core",
    "pieces_of",
    "spans",
]

S = TypeVar("S")
T = TypeVar("T")
_CHUNK = 2**17
"""Rows that a core works on at a time, at most: for fewer, cores wait more often for each other."""
_LEAST = 2**14
"""Rows from which on another core is worth its beginning."""
_MANY = 2**20
"""Rows of a table for which a kernel is compiled at once."""
_OFTEN = 2**19
"""Rows of several tables for which it is: numpy takes about as long for them as compiling takes.

Thus one question to a nation's communities does not wait, and a second one does.
"""
_MOST_PARTS = 1000
"""Arguments that can be handed to a loop, about: ctypes has a limit."""
_STEP = 40
"""Rows that could be worked on in the time that numpy takes to begin a step."""


def is_worth_compiling(kernel: Kernel, rows: int) -> bool:
    """Say whether a kernel is to be compiled: it is asked for very many rows, or has been asked for many before."""
    before = kernel.asked
    kernel.asked += rows + _STEP * len(kernel.steps)
    fits = len(kernel.inputs) + 2 * len(kernel.outputs) < _MOST_PARTS
    many = rows >= _MANY or (before > 0 and kernel.asked >= _OFTEN)
    return many and rows > 0 and fits and can_compile()


def fused(kernel: Kernel, roles: Mapping[int, Role]) -> Fused:
    """Return a kernel fused for what becomes of its outputs; what was compiled for it is kept with it."""
    key = tuple(sorted(roles.items()))
    if key not in kernel.fused:
        kernel.fused[key] = Fused.of(
            kernel, {place: role for place, role in roles.items() if place not in kernel.fixed}
        )
    found: Fused = kernel.fused[key]
    return found


class UnlikeTakenError(Exception):
    """Rows are not as compiled steps take them to be; it never leaves this package."""


@attrs.frozen(eq=False)
class Chunk:
    """Some rows of a table, in which every part of a column is one array."""

    table: Table
    first: int
    """The table's row that its first one is."""
    stop: int
    arrays: dict[tuple[str, str], Any] = attrs.field(factory=dict, repr=False)
    """Parts of columns that have been asked for."""
    columns: dict[str, Column] = attrs.field(factory=dict, repr=False)
    """The columns that they are parts of."""
    rooms: list[Any] = attrs.field(factory=list, repr=False)
    """Memory that other chunks have let go of."""
    held: list[Any] = attrs.field(factory=list, repr=False)
    """Memory that it has taken from there, or anew."""

    def __len__(self) -> int:
        return self.stop - self.first

    def part(self, part: tuple[str, str]) -> Any:
        """Return a part of a column."""
        if part not in self.arrays:
            self.arrays[part] = part_of(self._column(part[0]), part[1], len(self))
        return self.arrays[part]

    def parts(self, wanted: Iterable[tuple[str, str]]) -> list[Any]:
        """Return parts of columns for a compiled loop."""
        from community_plan.frames.unpacking import unpacked

        parts = list(wanted)
        packed = {}
        for part in parts:
            if part[1] == "missing" and part not in self.arrays and len(self):
                marks = marks_of(self._column(part[0]))
                if isinstance(marks, Bits):
                    packed[part] = marks
        if packed:
            lines, room = unpacked(list(packed.values()), self.rooms)
            self.arrays.update(zip(packed, lines, strict=True))
            self.held.append(room)
        return [self.part(part) for part in parts]

    def _column(self, name: str) -> Column:
        if name not in self.columns:
            self.columns[name] = self.table.cut(name, self.first, self.stop)
        return self.columns[name]

    def forget(self) -> None:
        """Let go of the memory of its parts; the next chunk can have it."""
        self.arrays.clear()
        self.columns.clear()
        self.rooms.extend(self.held)
        self.held.clear()

    def picked(self, inputs: Mapping[tuple[str, str], int]) -> dict[int, Any]:
        """Return parts of columns by register."""
        return {number: self.part(part) for part, number in inputs.items()}


def pieces_of(table: Table, wanted: Sequence[tuple[str, str]]) -> list[Chunk]:
    """Return all rows of a table in chunks as large as they can be."""
    cuts = table.cuts(dict.fromkeys(name for name, _ in wanted))
    return [Chunk(table, first, stop) for first, stop in itertools.pairwise(cuts)]


def chunks_of(table: Table, wanted: Sequence[tuple[str, str]]) -> list[Chunk]:
    """Return all rows of a table in chunks, each for one core."""
    rooms: list[Any] = []
    return [
        Chunk(table, whole.first + low, whole.first + high, rooms=rooms)
        for whole in pieces_of(table, wanted)
        for low, high in spans(len(whole), table.rows)
    ]


def spans(rows: int, total: int) -> list[tuple[int, int]]:
    """Cut rows of a table into spans of about one size, of which each core has as many as the others.

    Each begins with a byte of marks of its own.

    Args:
        rows: Rows to cut.
        total: Rows of the table, which may come in several pieces.
    """
    cores = _cores_for(total)
    many = cores * -(-total // (cores * _CHUNK))
    parts = max(1, min(rows // 8, round(rows * many / max(total, 1))))
    cuts = [rows * part // parts // 8 * 8 for part in range(parts)]
    return list(itertools.pairwise([*cuts, rows]))


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """Leave the other cores to whoever makes the rows that are worked on."""
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


def _cores_for(rows: int) -> int:
    return 1 if _ALONE.get() else min(cores_there(), 1 + rows // _LEAST)


def on_all_cores(work: Callable[[S], T], items: Sequence[S], rows: int) -> list[T]:
    """Do some work for each item, and return what it gives in their order; for few rows one core is quickest."""
    if min(len(items), _cores_for(rows)) < 2:
        return [work(item) for item in items]
    return list(_workers(os.getpid()).map(work, items))


@functools.cache
def _workers(process: int) -> ThreadPoolExecutor:  # noqa: ARG001  # a process that was forked has no threads
    """Return threads that are there for all calls: to start them takes longer than much of what they do."""
    return ThreadPoolExecutor(cores_there(), thread_name_prefix="community_plan")


@attrs.define(eq=False)
class Fused:
    """A kernel, cut into what is compiled and what numpy does afterwards."""

    kernel: Kernel
    roles: Mapping[int, Role]
    """What becomes of each output that is not one value for all rows."""
    direct: tuple[int, ...]
    """Outputs of the loop."""
    handed: tuple[Register, ...]
    """What the loop stores for the steps afterwards."""
    after: tuple[Step, ...]
    """Steps that take arrays alone, and those that rest on them."""
    parts: Mapping[tuple[str, str], int]
    """The parts of columns that the loop reads."""
    later_parts: Mapping[tuple[str, str], int]
    """Those that the steps afterwards read, or that are handed over as they are."""
    late: tuple[int, ...]
    """Outputs that come from there."""
    lines: Mapping[int, int]
    """Outputs that are summed, with their places in a line."""
    loops: dict[Any, tuple[Loop, bool]] = attrs.field(factory=dict)
    lock: Any = attrs.field(factory=threading.Lock, repr=False)

    @classmethod
    def of(cls, kernel: Kernel, roles: Mapping[int, Role]) -> Fused:
        """Cut a kernel."""
        given = {number: part for part, number in kernel.inputs.items()}
        objects = {number for number, part in given.items() if part[1] in ("text", "cells")}
        wanted = {place: output for place, output in enumerate(kernel.outputs) if place in roles}

        def compiled(*, changes: bool) -> set[int]:
            inside = {number for number in given if number not in objects}
            for number, step in kernel.steps.items():  # a step stands behind those it rests on
                numbers = [a.number for a in read_by(step) if isinstance(a, Register)]
                if is_scalar(step) and inside.issuperset(numbers) and (changes or step.work.scalar != "changed"):
                    inside.add(number)
            return inside

        inside = compiled(changes=True)
        if any(role == "mark" and wanted[place].number not in inside for place, role in roles.items()):
            inside = compiled(changes=False)  # a loop that only hands rows over does not look at the row before
        direct = tuple(place for place, output in wanted.items() if output.number in inside)
        late = _needed([output for place, output in wanted.items() if place not in direct], kernel.steps, inside)
        handed = {
            argument.number: argument
            for step in late
            for argument in step.arguments
            if isinstance(argument, Register) and argument.number in inside and argument.number not in given
        }
        read = _read([*(wanted[place] for place in direct), *handed.values()], kernel.steps)
        parts = {part: number for part, number in kernel.inputs.items() if number in read}
        plain = {a.number for step in late for a in step.arguments if isinstance(a, Register)}
        plain |= {output.number for place, output in wanted.items() if place not in direct}
        later = {part: number for part, number in kernel.inputs.items() if number in plain}
        summed = [place for place, role in roles.items() if role == "sum"]
        lines = {place: line for line, place in enumerate(summed)}
        rest = tuple(place for place in wanted if place not in direct)
        return cls(kernel, roles, direct, tuple(handed.values()), tuple(late), parts, later, rest, lines)

    def marks(self, chunk: Chunk) -> Any:
        """Return the rows where the one output holds, which has the role of a mark; never the first one."""
        first = 1 if self.direct else 0  # what is handed over begins with the first row
        return self.run(chunk, np.array([first, len(chunk)], np.int64))[0]

    def run(
        self,
        chunk: Chunk,
        bounds: Any = None,
        *,
        groups: Any = None,
        sums: Any = None,
        rooms: Mapping[int, Any] | None = None,
    ) -> dict[int, Any]:
        """Work the outputs out for some rows.

        Args:
            chunk: The rows.
            bounds: Where runs start, and where the last one ends; None for one run of all rows.
            groups: The number of each row's group; None for sums of runs.
            sums: Takes sums: for each run a line, with a cell for each output that is summed, in their order. The lines
                of groups are added to.
            rooms: Where outputs that are stored are written to.

        Returns:
            What each output that is not summed comes to.
        """
        from community_plan.frames.compiler import MOST_ROWS, address_of

        if bounds is None:
            bounds = np.array([0, len(chunk)], np.int64)
        count = int(bounds[-1])
        assert sums is None or count < MOST_ROWS
        arrays = chunk.parts(self.parts)
        loop, assumes = self._loop(arrays, spread=groups is not None)
        made: dict[int, Any] = {}
        outputs = []
        small = np.zeros(len(self.direct) + 1, np.int64)  # what takes one cell
        small_at, sums_at = address_of(small), address_of(sums) if sums is not None else 0
        for number, place in enumerate(self.direct):
            role = self.roles[place]
            if role == "sum":
                outputs.append(sums_at + 8 * self.lines[place])
            elif role in ("any", "join"):
                outputs.append(small_at + 8 * number)
            else:
                cells = (rooms or {}).get(place)
                if cells is None:
                    cells = np.empty(
                        count + (role == "mark"),
                        DTYPES[self.kernel.outputs[place].kind if role == "store" else "whole"],
                    )
                made[place] = cells
                outputs.append(address_of(cells))
        held = [np.empty(count, DTYPES[register.kind]) for register in self.handed]
        outputs += map(address_of, held)
        if assumes:
            outputs.append(small_at + 8 * len(self.direct))
        loop(groups, bounds, [address_of(array) for array in arrays], outputs)
        if small[-1]:
            if groups is not None:
                raise UnlikeTakenError
            made = {}
            steps = tuple(self.kernel.steps.values())
            self._finish(chunk.picked(self.kernel.inputs), steps, self.roles, made, bounds, None, sums, rooms or {})
            return made
        for number, place in enumerate(self.direct):
            if self.roles[place] == "mark":
                made[place] = made[place][1 : made[place][0] + 1]
            elif self.roles[place] == "any":
                made[place] = bool(small[number])
            elif self.roles[place] == "join":
                made[place] = int(small[number])
        if self.late:
            given = dict(zip((register.number for register in self.handed), held, strict=True))
            given |= chunk.picked(self.later_parts)
            self._finish(given, self.after, self.late, made, bounds, groups, sums, rooms or {})
        return made

    def _loop(self, arrays: Sequence[Any], *, spread: bool) -> tuple[Loop, bool]:
        """Return the loop for columns that lie in memory as these do."""
        from community_plan.frames.compiler import Output, compiled

        shapes = [(array.dtype.char, array.strides[0]) for array in arrays]
        key = (tuple(shapes), spread)
        with self.lock:
            if key not in self.loops:
                inputs = [
                    Input(number, self.kernel.kinds[part], letter, stride)
                    for (part, number), (letter, stride) in zip(self.parts.items(), shapes, strict=True)
                ]
                outputs = [Output(self.kernel.outputs[place], self.roles[place]) for place in self.direct]
                outputs += [Output(register, "store") for register in self.handed]
                self.loops[key] = compiled(self.kernel.steps, inputs, outputs, width=len(self.lines), spread=spread)
            return self.loops[key]

    def _finish(
        self,
        given: dict[int, Any],
        steps: Sequence[Step],
        places: Iterable[int],
        made: dict[int, Any],
        bounds: Any,
        groups: Any,
        sums: Any,
        rooms: Mapping[int, Any],
    ) -> None:
        """Do steps by numpy, and with outputs what the loop does with its own."""
        with np.errstate(all="ignore"):
            for step in steps:
                cells = [given[a.number] if isinstance(a, Register) else a for a in step.arguments]
                out = {"out": np.empty(int(bounds[-1]), DTYPES[step.out.kind])} if step.work.fills else {}
                given[step.out.number] = step.work.work(*cells, **out)
        for place in places:
            cells, role = given[self.kernel.outputs[place].number], self.roles[place]
            if role == "sum" and groups is not None:
                np.add.at(sums[:, self.lines[place]], groups, cells)
            elif role == "sum":
                np.add.reduceat(np.asarray(cells, np.int64), bounds[:-1], out=sums[:, self.lines[place]])
            elif role == "any":
                made[place] = np.any(cells)
            elif role == "join":
                made[place] = np.bitwise_or.reduce(cells)
            elif role == "mark":
                made[place] = np.flatnonzero(cells)
            elif place in rooms:
                rooms[place][:] = cells
                made[place] = rooms[place]
            else:
                made[place] = cells


def _needed(outputs: Sequence[Register], steps: Mapping[int, Step], inside: set[int]) -> list[Step]:
    """Return the steps that are left for outputs, in order."""
    numbers: set[int] = set()
    stack = [output.number for output in outputs]
    while stack:
        number = stack.pop()
        if number in inside or number in numbers or number not in steps:
            continue
        numbers.add(number)
        stack += [a.number for a in steps[number].arguments if isinstance(a, Register)]
    return [step for number, step in steps.items() if number in numbers]


def _read(registers: Sequence[Register], steps: Mapping[int, Step]) -> set[int]:
    """Return all registers that some rest on, with themselves."""
    found: set[int] = set()
    stack = [register.number for register in registers]
    while stack:
        number = stack.pop()
        if number not in found:
            found.add(number)
            if number in steps:
                stack += [a.number for a in read_by(steps[number]) if isinstance(a, Register)]
    return found
