"""Outputs: expressions over a table of arrays as columns."""

from __future__ import annotations

import contextlib
import mmap
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from community_plan.frames.arrays import MANY_ROWS, Column, Numbers, Others, spacious
from community_plan.frames.bits import Bits, some_marked
from community_plan.frames.fused import Chunk, chunks_of, fused, is_worth_compiling, on_all_cores
from community_plan.frames.guards import Guard, Unsound, Watch, cells_of, tests_of
from community_plan.frames.kernels import DTYPES, Kernel, Ref
from community_plan.frames.texts import Text, Words
from community_plan.frames.traces import Cell, Num, Relation, Tracer
from community_plan.frames.written import kernel_for, run

if TYPE_CHECKING:
    from community_plan.frames.compiler import Role

__all__ = ["holding", "sound_columns", "worked_out"]


def holding(relation: Relation, condition: Cell) -> Any:
    """Return where a condition holds."""
    (found,) = worked_out(relation, [condition])
    assert isinstance(found, Numbers)
    return found.values if found.missing is None else found.values & ~found.missing


def worked_out(relation: Relation, cells: Sequence[Cell]) -> list[Column]:
    """Return expressions as columns."""
    found = sound_columns(relation, cells, relation, ())
    assert found is not None
    return found


def sound_columns(
    relation: Relation, cells: Sequence[Cell], under: Relation, suspects: Sequence[Any]
) -> list[Column] | None:
    """Return expressions as columns; None if a suspect holds in a row.

    Args:
        relation: What the expressions are over.
        cells: The expressions.
        under: What suspects are over.
        suspects: What must hold in no row.
    """
    table = relation.table
    plain = [relation.plain(cell.name) if cell.name is not None else None for cell in cells]
    wanted = [cell for cell, name in zip(cells, plain, strict=True) if name is None]
    made: list[Column] = []
    if wanted or suspects:
        asked = ("columns", under.identity() if suspects else (), tests_of(suspects))
        kernel, (outputs, guard) = kernel_for(
            relation,
            [*wanted, *cells_of(suspects)],
            asked,
            lambda tracer: _write(tracer, relation, wanted, under, suspects),
        )
        chunks = None
        if is_worth_compiling(kernel, table.rows):
            chunks = chunks_of(table, list(kernel.inputs))
        rooms = _rooms_for(outputs, table.rows, packed=chunks is not None and _can_pack(chunks, table.rows))
        takers = {place: room for output, room in zip(outputs, rooms, strict=True) for place in output.places}
        watch, first_test = guard.watch(), sum(len(output.places) for output in outputs)

        def sink(start: int, stop: int) -> Callable[[int, Any], None]:
            def take(place: int, made: Any) -> None:
                if place < first_test:
                    takers[place].take(place, start, stop, made)
                else:
                    watch.look(place - first_test, start, made)

            return take

        try:
            if table.rows:
                for place, value in kernel.fixed.items():
                    sink(0, table.rows)(place, value)
            if chunks is None:
                run(kernel, table, sink)
            else:
                _run_compiled(kernel, chunks, takers, guard, watch)
            watch.close()
        except Unsound:
            return None
        made = [room.column() for room in rooms]
    found = iter(made)
    return [next(found) if name is None else table.whole(name) for name in plain]


def _can_pack(chunks: Sequence[Chunk], rows: int) -> bool:
    """Say whether marks are packed chunk by chunk: of many rows they take less, and no two chunks share a byte."""
    return rows >= MANY_ROWS and all(chunk.first % 8 == 0 for chunk in chunks)


def _run_compiled(
    kernel: Kernel, chunks: Sequence[Chunk], takers: Mapping[int, _Room], guard: Guard, watch: Watch
) -> None:
    roles: list[Role] = ["store" for _ in takers]
    loop = fused(kernel, dict(enumerate([*roles, *guard.roles])))

    def work(chunk: Chunk) -> None:
        start, stop = chunk.first, chunk.stop
        rooms = {place: room.part(place, start, stop) for place, room in takers.items()}
        made = loop.run(chunk, rooms={place: room for place, room in rooms.items() if room is not None})
        for place, room in rooms.items():
            if room is None and place in made:
                takers[place].take(place, start, stop, made[place])
        watch.look_at(len(takers), start, made)
        chunk.forget()

    on_all_cores(work, chunks, chunks[-1].stop)


@attrs.frozen(eq=False)
class _Output:
    """What a traced expression is, and where its parts come out."""

    kind: str
    places: tuple[int, ...]
    """Of its values, and of where one is missing if one may be."""
    words: Words | None = None


def _write(
    tracer: Tracer, relation: Relation, cells: Sequence[Cell], under: Relation, suspects: Sequence[Any]
) -> tuple[list[Ref], tuple[list[_Output], Guard]]:
    registers: list[Ref] = []
    outputs = []
    for cell in cells:
        found = tracer.work(relation, cell)
        at = len(registers)
        if isinstance(found, Num):
            registers.append(found.value)
            kind: str = found.kind
            if found.missing is not None:
                registers.append(found.missing)
        else:
            registers.append(found.text if found.places is None else found.places)
            kind = "text" if found.places is None else "place"
        outputs.append(_Output(kind, tuple(range(at, len(registers))), getattr(found, "words", None)))
    guard = Guard.of(tracer, under, suspects)
    return [*registers, *guard.outputs], (outputs, guard)


@attrs.frozen(eq=False)
class _Room:
    """Takes the blocks of an output."""

    output: _Output
    rows: int
    values: Any
    """Room for every row; None where blocks are put together in the end."""
    gone: Any
    """Marks of the rows where one is missing: an array, or `Bits`; None if there is none."""
    blocks: list[tuple[int, Any]] = attrs.field(factory=list)

    def part(self, place: int, start: int, stop: int) -> Any:
        """Return room for a part of an output; None where blocks are put together in the end."""
        array = self.gone if place != self.output.places[0] else self.values
        return None if array is None or isinstance(array, Bits) else array[start:stop]

    def take(self, place: int, start: int, stop: int, made: Any) -> None:
        """Keep a part of an output for some rows."""
        if place != self.output.places[0]:
            self._mark(start, stop, made)
        elif self.values is not None:
            self.values[start:stop] = made
        else:
            self.blocks.append((start, _kept(made, stop - start)))

    def _mark(self, start: int, stop: int, made: Any) -> None:
        if isinstance(self.gone, Bits):
            lost = np.broadcast_to(made, stop - start)
            self.gone.memory[start // 8 : (stop + 7) // 8] = np.packbits(~lost, bitorder="little")
        else:
            self.gone[start:stop] = made

    def column(self) -> Column:
        """Return the whole output."""
        gone = self.gone if some_marked(self.gone) else None
        if self.output.kind == "place":
            return Text(self.values, self.output.words)
        if self.values is not None:
            return Numbers(self.values, gone)
        pieces = [piece for _, piece in sorted(self.blocks, key=operator.itemgetter(0))]
        if not pieces:
            return (
                Text(np.zeros(0, np.int64), Words([])) if self.output.kind == "text" else Numbers(np.zeros(0, object))
            )
        if isinstance(pieces[0], Text):
            return Text.stacked(pieces)
        if isinstance(pieces[0], Others):
            raise TypeError("cells of this type are not worked out")
        return Numbers(np.concatenate(pieces), gone)


def _rooms_for(outputs: Sequence[_Output], rows: int, *, packed: bool) -> list[_Room]:
    """Return room for outputs.

    Cells of a byte share their pages, as each alone would leave most of one empty; those of many rows do not, so that
    each goes back to the system as soon as nobody needs it.
    """
    types = {output: DTYPES.get(output.kind) for output in outputs}  # type: ignore[call-overload]  # other kinds have no type
    small = [output for output in outputs if types[output] in (np.bool_, np.int8)]
    gappy = [output for output in outputs if len(output.places) > 1]
    values = dict(zip(small, _lines(len(small), rows, np.int8), strict=True))
    marks = [_bits(rows) for _ in gappy] if packed else _lines(len(gappy), rows, np.bool_)
    gone = dict(zip(gappy, marks, strict=True))

    def room(output: _Output) -> Any:
        if output in values:
            return values[output].view(types[output])
        return None if types[output] is None else spacious(1, rows, types[output])[0]

    return [_Room(output, rows, room(output), gone.get(output)) for output in outputs]


def _bits(rows: int) -> Bits:
    return Bits(np.empty((rows + 7) // 8, np.uint8), 0, rows)


def _lines(lines: int, rows: int, type_: Any) -> Sequence[Any]:
    """Return memory for lines of cells of a byte."""
    if rows < MANY_ROWS:
        found: Sequence[Any] = spacious(lines, rows, type_)
        return found
    return [np.frombuffer(_mapped(rows), type_) for _ in range(lines)]


def _mapped(size: int) -> mmap.mmap:
    """Return memory of its own, in large pages where the system has them: handing over small ones takes longer."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return mmap.mmap(-1, size)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE)  # shared memory, the default, comes in small pages
    with contextlib.suppress(OSError):  # a system without large pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _kept(made: Any, rows: int) -> Any:
    """Return what a step gave, apart from the memory that the next block is written into."""
    if isinstance(made, Text):
        if made.column is not None:
            return made
        return Text(np.array(np.broadcast_to(made.places, rows)), made.words)
    return made if isinstance(made, Others) else np.array(np.broadcast_to(made, rows))
