"""Compiler: steps of a kernel as machine code, all of them in one pass over the rows.

Steps over arrays write what they give into memory and read it again; compiled, what is made on the way stays in
registers, and several rows are worked on by one instruction. The steps are the same, and so is what they give.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs
import llvmlite.binding as llvm

from community_plan.frames.instructions import CELLS, TYPES, Input, Writer, kind_of, nothing
from community_plan.frames.kernels import Kind, Ref, Step

__all__ = ["MOST_ROWS", "Loop", "Output", "Role", "address_of", "compiled", "machine_code"]

Role = Literal["sum", "any", "join", "store", "mark"]
"""What becomes of an output: a sum for each run or group; whether it holds anywhere; all bits that any has; a cell for
each row; the rows where it holds."""


@attrs.frozen
class Output:
    """What comes out."""

    value: Ref
    role: Role


@attrs.frozen(eq=False)
class Loop:
    """A compiled loop."""

    call: Callable[..., None]
    held: Any = attrs.field(repr=False)
    """What owns its code."""

    def __call__(self, groups: Any, bounds: Any, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Run over the rows of some runs.

        Args:
            groups: The number of each row's group, or None for sums of runs.
            bounds: Where runs start, and where the last one ends.
            inputs: Where the cells of each part of a column begin.
            outputs: Where the memory of each output begins: for sums a cell in a line for each run or group; for those
                that are stored a cell for each row; for marks one more in front, which takes their number; else one
                cell.
        """
        numbers = None if groups is None else address_of(groups)
        self.call(len(bounds) - 1, address_of(bounds), numbers, *inputs, *outputs)


def address_of(array: Any) -> int:
    """Return where an array's cells are."""
    address: int = array.__array_interface__["data"][0]
    return address


def compiled(
    steps: Mapping[int, Step], inputs: Sequence[Input], outputs: Sequence[Output], *, width: int, spread: bool
) -> tuple[Loop, bool]:
    """Return a loop that works outputs out, and whether something is taken for granted.

    If so a last output says whether it held not somewhere; then the others are worth nothing.

    Args:
        steps: By the register that they fill; all of them can be compiled.
        inputs: Parts of columns.
        outputs: What comes out. One that is marked looks at the row before, too; it stands alone.
        width: Cells in a line of sums.
        spread: Whether each row is added to the line of its group, and not to that of its run.
    """
    text, assumes = _text(steps, inputs, outputs, width=width, spread=spread)
    held, address = machine_code(text)
    pointers = [ctypes.c_void_p] * (2 + len(inputs) + len(outputs) + assumes)
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, *pointers)(address)
    return Loop(call, held), assumes


_AHEAD = 4
"""Rows ahead of which lines of groups are brought near."""
_NEAR = 64
"""Bytes of memory that are brought near at once."""
_PACKED = 3
"""Counts that are kept in one number."""
_ROOM = 64 // _PACKED
"""Bits that each has."""
MOST_ROWS = 2**_ROOM
"""Rows of a run have to be fewer, so that a count of them has room."""


@attrs.define
class _Frame:
    """What stands around the instructions for a row: a loop over rows inside one over runs."""

    width: int
    """Cells in a line of sums, one for each run."""
    before_runs: list[str] = attrs.field(factory=list)
    """What goes from run to run."""
    before_rows: list[str] = attrs.field(factory=list)
    """What goes from row to row."""
    after_rows: list[str] = attrs.field(factory=list)
    """What a run has come to."""
    stores: list[str] = attrs.field(factory=list)
    """What is done with it."""
    after_runs: list[str] = attrs.field(factory=list)

    def gather(self, name: str, type_: str, start: str, *, anew: bool) -> None:
        """Let a value go from row to row; a run begins with `start` anew, or with what the run before came to."""
        first = start if anew else f"%all.{name}"
        self.before_rows.append(f"  %sum.{name} = phi {type_} [ {first}, %run ], [ %next.{name}, %row ]")
        self.after_rows.append(f"  %run.{name} = phi {type_} [ {first}, %run ], [ %next.{name}, %row ]")
        if not anew:
            self.before_runs.append(f"  {first} = phi {type_} [ {start}, %entry ], [ %run.{name}, %close ]")


def _text(
    steps: Mapping[int, Step], inputs: Sequence[Input], outputs: Sequence[Output], *, width: int, spread: bool
) -> tuple[str, bool]:
    writer = Writer(steps, {each.number: each for each in inputs})
    if any(output.role == "mark" for output in outputs):
        writer.lines.append("  %before = sub i64 %at, 1")
    made = [(kind_of(output.value), writer.value(output.value, "%at"), output.role) for output in outputs]
    frame = _Frame(width)
    taken = list(dict.fromkeys(writer.taken))
    if taken:
        odd = [writer.write(f"xor i1 {cell}, true") for cell, _ in taken]
        made.append(("truth", functools.reduce(lambda a, b: writer.write(f"or i1 {a}, {b}"), odd), "any"))
    counts = [place for place, (kind, _, role) in enumerate(made) if role == "sum" and kind == "truth" and not spread]
    for at in range(0, len(counts), _PACKED):
        _count(writer, frame, counts[at : at + _PACKED], made)
    if spread:
        sums = [(place, kind, value) for place, (kind, value, role) in enumerate(made) if role == "sum"]
        _spread(writer, width, sums)
    for place, (kind, value, role) in enumerate(made):
        if role == "store":
            _store(writer, place, kind, value)
        elif role == "mark":
            _mark(writer, frame, place, value)
        elif role == "sum" and kind != "truth" and not spread:
            _add(writer, frame, place, writer.converted(value, kind, "whole"))
        elif role != "sum":
            _join(writer, frame, place, kind if role == "any" else "whole", value)
    return _framed(writer, frame, inputs, len(made)), bool(taken)


def _store(writer: Writer, place: int, kind: Kind, value: str) -> None:
    cell = CELLS[kind]
    stored = writer.write(f"zext i1 {value} to i8") if kind == "truth" else value
    where = writer.write(f"getelementptr inbounds {cell}, ptr %out{place}, i64 %at")
    writer.lines.append(f"  store {cell} {stored}, ptr {where}, align 1")


def _mark(writer: Writer, frame: _Frame, place: int, value: str) -> None:
    """Write down every row, over the last one if that did not count."""
    name = f"mark{place}"
    frame.gather(name, "i64", "1", anew=False)
    where = writer.write(f"getelementptr inbounds i64, ptr %out{place}, i64 %sum.{name}")
    one = writer.write(f"zext i1 {value} to i64")
    writer.lines += [
        f"  store i64 %at, ptr {where}, align 8",
        f"  %next.{name} = add i64 %sum.{name}, {one}",
    ]
    frame.after_runs += [
        f"  %done.{name} = sub i64 %run.{name}, 1",
        f"  store i64 %done.{name}, ptr %out{place}, align 8",
    ]


def _add(writer: Writer, frame: _Frame, place: int, value: str) -> None:
    frame.gather(f"{place}", "i64", "0", anew=True)
    writer.lines.append(f"  %next.{place} = add i64 %sum.{place}, {value}")
    frame.stores += _handed_over(place, f"%run.{place}")


def _spread(writer: Writer, width: int, sums: Sequence[tuple[int, Kind, str]]) -> None:
    """Add a row to the line of its group, and have the line of a later row brought near."""
    begin = _line(writer, "%at", width)
    for place, kind, value in sums:
        cell = writer.write(f"getelementptr inbounds i64, ptr %out{place}, i64 {begin}")
        before = writer.write(f"load i64, ptr {cell}, align 8")
        after = writer.write(f"add i64 {before}, {writer.converted(value, kind, 'whole')}")
        writer.lines.append(f"  store i64 {after}, ptr {cell}, align 8")
    later = writer.write(f"add nuw nsw i64 %at, {_AHEAD}")
    there = writer.write(f"icmp slt i64 {later}, %end")
    begin = _line(writer, writer.write(f"select i1 {there}, i64 {later}, i64 %at"), width)
    for place, *_ in sums[:: _NEAR // 8]:
        cell = writer.write(f"getelementptr inbounds i64, ptr %out{place}, i64 {begin}")
        writer.lines.append(f"  call void @llvm.prefetch.p0(ptr {cell}, i32 1, i32 3, i32 1)")


def _line(writer: Writer, row: str, width: int) -> str:
    """Return where the line of a row's group begins."""
    where = writer.write(f"getelementptr inbounds i64, ptr %groups, i64 {row}")
    group = writer.write(f"load i64, ptr {where}, align 8")
    return writer.write(f"mul nuw nsw i64 {group}, {width}")


def _count(writer: Writer, frame: _Frame, places: Sequence[int], made: Sequence[tuple[Kind, str, Role]]) -> None:
    """Count in several outputs at once: so many sums find no room in registers, and go to memory and back."""
    name = f"count{places[0]}"
    frame.gather(name, "i64", "0", anew=True)
    ones = [
        writer.write(f"select i1 {made[place][1]}, i64 {1 << (_ROOM * number)}, i64 0")
        for number, place in enumerate(places)
    ]
    packed = functools.reduce(lambda a, b: writer.write(f"or i64 {a}, {b}"), ones)
    writer.lines.append(f"  %next.{name} = add i64 %sum.{name}, {packed}")
    for number, place in enumerate(places):
        frame.stores += [
            f"  %high.{place} = lshr i64 %run.{name}, {_ROOM * number}",
            f"  %own.{place} = and i64 %high.{place}, {(1 << _ROOM) - 1}",
            *_handed_over(place, f"%own.{place}"),
        ]


def _handed_over(place: int, value: str) -> list[str]:
    return [
        f"  %to.{place} = getelementptr inbounds i64, ptr %out{place}, i64 %cells_before",
        f"  store i64 {value}, ptr %to.{place}, align 8",
    ]


def _join(writer: Writer, frame: _Frame, place: int, kind: Kind, value: str) -> None:
    type_ = TYPES[kind]
    frame.gather(f"{place}", type_, nothing(kind), anew=False)
    writer.lines.append(f"  %next.{place} = or {type_} %sum.{place}, {value}")
    done = f"%run.{place}"
    if kind == "truth":
        frame.after_runs.append(f"  %done.{place} = zext i1 {done} to i64")
        done = f"%done.{place}"
    frame.after_runs.append(f"  store i64 {done}, ptr %out{place}, align 8")


def _framed(writer: Writer, frame: _Frame, inputs: Sequence[Input], outputs: int) -> str:
    parameters = [
        "i64 %runs",
        "ptr noalias readonly %bounds",
        "ptr noalias readonly %groups",
        *(f"ptr noalias readonly %in{each.number}" for each in inputs),
        *(f"ptr noalias %out{place}" for place in range(outputs)),
    ]
    lines = [
        "declare double @llvm.fabs.f64(double)",
        "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)",
        f"define void @loop({', '.join(parameters)}) nounwind {{",
        "entry:",
        "  br label %run",
        "run:",
        "  %number = phi i64 [ 0, %entry ], [ %following, %close ]",
        *frame.before_runs,
        "  %first_at = getelementptr inbounds i64, ptr %bounds, i64 %number",
        "  %first = load i64, ptr %first_at, align 8",
        "  %following = add nuw nsw i64 %number, 1",
        "  %end_at = getelementptr inbounds i64, ptr %bounds, i64 %following",
        "  %end = load i64, ptr %end_at, align 8",
        "  %some = icmp slt i64 %first, %end",
        "  br i1 %some, label %row, label %close",
        "row:",
        "  %at = phi i64 [ %first, %run ], [ %later, %row ]",
        *frame.before_rows,
        *writer.lines,
        "  %later = add nuw nsw i64 %at, 1",
        "  %more = icmp slt i64 %later, %end",
        "  br i1 %more, label %row, label %close",
        "close:",
        *frame.after_rows,
        f"  %cells_before = mul nuw nsw i64 %number, {frame.width}",
        *frame.stores,
        "  %last = icmp eq i64 %following, %runs",
        "  br i1 %last, label %done, label %run",
        "done:",
        *frame.after_runs,
        "  ret void",
        "}",
    ]
    return "\n".join(lines)


_LOCK = threading.Lock()


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _features() -> str:
    try:
        found: str = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # it does not know this kind of processor
        return ""
    return found


@functools.lru_cache(maxsize=256)
def machine_code(text: str) -> tuple[Any, int]:
    """Return what owns the code of a function `loop`, and where it is; what was compiled before is found again."""
    with _LOCK:
        machine = _target().create_target_machine(  # one each, as what runs the code takes it over
            cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, jit=True
        )
        module = llvm.parse_assembly(text)
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        tuning = llvm.create_pipeline_tuning_options(speed_level=2)
        tuning.loop_vectorization = True
        passes = llvm.create_pass_builder(machine, tuning)
        passes.getModulePassManager().run(module, passes)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        return engine, engine.get_function_address("loop")
