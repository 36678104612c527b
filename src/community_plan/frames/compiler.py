"""Compiler: steps of a kernel as machine code, all of them in one pass over the rows.

Steps over arrays write what they give into memory and read it again; compiled, what is made on the way stays in
registers, and several rows are worked on by one instruction. The steps are the same, and so is what they give.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs
import llvmlite.binding as llvm
import numpy as np

from community_plan.frames.kernels import PUSH_BITS, Kind, Ref, Register, Step

__all__ = ["MOST_ROWS", "Input", "Loop", "Output", "Role", "address_of", "compiled", "is_scalar", "read_by"]

Role = Literal["sum", "any", "join", "store", "mark"]
"""What becomes of an output: a sum for each run; whether it holds anywhere; all bits that any has; a cell for each row;
the rows where it holds."""


@attrs.frozen
class Input:
    """A part of a column: where its cells lie."""

    number: int
    """The register that it fills."""
    kind: Kind
    letter: str
    """Numpy's letter for the type of its cells."""
    stride: int
    """Bytes from one cell to the next."""


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

    def __call__(self, rows: Any, bounds: Any, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Run over the rows of some runs.

        Args:
            rows: The rows in their order, or None for all as they are.
            bounds: Where runs start, and where the last one ends.
            inputs: Where the cells of each part of a column begin.
            outputs: Where the memory of each output begins: for sums a cell in a line for each run; for those that are
                stored a cell for each row; for marks one more in front, which takes their number; else one cell.
        """
        index = None if rows is None else address_of(rows)
        self.call(len(bounds) - 1, address_of(bounds), index, *inputs, *outputs)


def address_of(array: Any) -> int:
    """Return where an array's cells are."""
    address: int = array.__array_interface__["data"][0]
    return address


def is_scalar(step: Step) -> bool:
    """Say whether a step can be compiled."""
    return step.work.scalar in _WRITERS and all(_kind(argument) != "object" for argument in read_by(step))


def read_by(step: Step) -> tuple[Ref, ...]:
    """Return the arguments that the compiled form of a step reads."""
    return step.arguments[: {"first_if": 2, "none_if": 1}.get(step.work.scalar or "")]


def _kinds(step: Step) -> list[Kind]:
    return [_kind(argument) for argument in read_by(step)]


def _kind(value: Ref) -> Kind:
    if isinstance(value, Register):
        return value.kind
    letters: dict[str, Kind] = {"i": "whole", "f": "double", "b": "truth"}
    array = np.asarray(value)
    if isinstance(value, np.uint64):
        return "bits"
    if array.dtype == np.int8:
        return "place"
    return letters.get(array.dtype.kind, "object")


# -- values -----------------------------------------------------------------------------------------------

_TYPES: Mapping[str, str] = {"whole": "i64", "bits": "i64", "double": "double", "truth": "i1", "place": "i8"}
_CELLS: Mapping[str, str] = {"whole": "i64", "bits": "i64", "double": "double", "truth": "i8", "place": "i8"}
"""How they lie in memory."""


def _constant(value: Any) -> str:
    kind = _kind(value)
    if kind == "double":
        return f"0x{struct.unpack('>Q', struct.pack('>d', float(value)))[0]:016X}"
    if kind == "truth":
        return "true" if value else "false"
    return str(int(value) - 2**64 if int(value) >= 2**63 else int(value))


@attrs.define
class _Writer:
    """Writes instructions for a row."""

    steps: Mapping[int, Step]
    inputs: Mapping[int, Input]
    lines: list[str] = attrs.field(factory=list)
    known: dict[tuple[int, str], str] = attrs.field(factory=dict)
    """By register and row: what holds its value."""
    taken: list[tuple[str, str]] = attrs.field(factory=list)
    """Truth values that have been taken for granted, by row."""
    count: int = 0

    def write(self, instruction: str) -> str:
        self.count += 1
        self.lines.append(f"  %v{self.count} = {instruction}")
        return f"%v{self.count}"

    def value(self, ref: Ref, row: str) -> str:
        """Return what holds a value in a row."""
        if not isinstance(ref, Register):
            return _constant(ref)
        stack = [ref.number]
        while stack:  # not by recursion: chains of steps may be long
            number = stack[-1]
            if (number, row) in self.known:
                stack.pop()
                continue
            if number in self.inputs:
                self.known[number, row] = self._loaded(self.inputs[number], row)
                continue
            step = self.steps[number]
            if step.work.scalar == "changed":
                self.known[number, row] = self._changed(step, row)
                continue
            read = read_by(step)
            waiting = [a.number for a in read if isinstance(a, Register) and (a.number, row) not in self.known]
            if waiting:
                stack += waiting
                continue
            cells = [self.known[a.number, row] if isinstance(a, Register) else _constant(a) for a in read]
            assert step.work.scalar is not None
            self.known[number, row] = _WRITERS[step.work.scalar](self, step.out.kind, _kinds(step), cells, row)
        return self.known[ref.number, row]

    def _changed(self, step: Step, row: str) -> str:
        (argument,) = step.arguments
        before = "%before"  # rows that are compared begin with the second one
        kind = _kind(argument)
        return _compare(self, "not_equal", kind, self.value(argument, row), self.value(argument, before))

    def _loaded(self, given: Input, row: str) -> str:
        letter = given.letter
        size = np.dtype(letter).itemsize
        cell = {"f": "float", "d": "double", "?": "i8"}.get(letter) or f"i{8 * size}"
        if given.stride % size == 0:
            place = row if given.stride == size else self.write(f"mul nsw i64 {row}, {given.stride // size}")
            where = self.write(f"getelementptr inbounds {cell}, ptr %in{given.number}, i64 {place}")
        else:
            place = self.write(f"mul nsw i64 {row}, {given.stride}")
            where = self.write(f"getelementptr inbounds i8, ptr %in{given.number}, i64 {place}")
        loaded = self.write(f"load {cell}, ptr {where}, align 1")
        if letter == "?":
            return self.write(f"icmp ne i8 {loaded}, 0")
        if letter == "f":
            return self.write(f"fpext float {loaded} to double")
        if letter == "d" or cell == _TYPES[given.kind]:
            return loaded
        return self.write(f"{'sext' if letter.islower() else 'zext'} {cell} {loaded} to {_TYPES[given.kind]}")

    def converted(self, value: str, kind: Kind, to: Kind) -> str:
        """Return a value as one of another kind."""
        if _TYPES[kind] == _TYPES[to]:
            return value
        if kind == "truth":
            if to == "double":
                return self.write(f"uitofp i1 {value} to double")
            return self.write(f"zext i1 {value} to {_TYPES[to]}")
        if to == "double":
            return self.write(f"{'uitofp' if kind == 'bits' else 'sitofp'} {_TYPES[kind]} {value} to double")
        if kind == "double":  # what has no whole number becomes the least one, as numpy has it on this kind of machine
            fits = self.write(f"fcmp olt double {value}, 0x43E0000000000000")
            some = self.write(f"fcmp oge double {value}, 0xC3E0000000000000")
            both = self.write(f"and i1 {fits}, {some}")
            safe = self.write(f"select i1 {both}, double {value}, double 0.0")
            whole = self.write(f"fptosi double {safe} to i64")
            return self.write(f"select i1 {both}, i64 {whole}, i64 {-(2**63)}")
        return self.write(f"sext i8 {value} to i64")  # a place


# -- what steps write -------------------------------------------------------------------------------------


def _common(writer: _Writer, kinds: Sequence[Kind], cells: Sequence[str]) -> tuple[Kind, list[str]]:
    """Return values as ones of one kind."""
    order: list[Kind] = ["truth", "place", "whole", "bits", "double"]
    kind = max(kinds, key=order.index)
    return kind, [writer.converted(cell, own, kind) for cell, own in zip(cells, kinds, strict=True)]


def _calculate(name: str, writer: _Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    one, other = (writer.converted(cell, kind, out) for cell, kind in zip(cells, kinds, strict=True))
    return writer.write(f"{'f' if out == 'double' else ''}{name} {_TYPES[out]} {one}, {other}")


_RELATIONS = {
    "equal": ("eq", "eq", "oeq"),
    "not_equal": ("ne", "ne", "une"),
    "less": ("slt", "ult", "olt"),
    "less_equal": ("sle", "ule", "ole"),
    "greater": ("sgt", "ugt", "ogt"),
    "greater_equal": ("sge", "uge", "oge"),
}


def _compare(writer: _Writer, name: str, kind: Kind, one: str, other: str) -> str:
    signed, unsigned, double = _RELATIONS[name]
    if kind == "double":
        return writer.write(f"fcmp {double} double {one}, {other}")
    relation = unsigned if kind in ("bits", "truth") else signed
    return writer.write(f"icmp {relation} {_TYPES[kind]} {one}, {other}")


def _compared(name: str, writer: _Writer, _: Kind, kinds: Sequence[Kind], cells: Sequence[str], __: str) -> str:
    kind, (one, other) = _common(writer, kinds, cells)
    return _compare(writer, name, kind, one, other)


def _bitwise(name: str, writer: _Writer, out: Kind, _: Sequence[Kind], cells: Sequence[str], __: str) -> str:
    return writer.write(f"{name} {_TYPES[out]} {cells[0]}, {cells[1]}")


def _opposite(writer: _Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    return writer.write(f"xor i1 {cells[0]}, true")


def _absolute(writer: _Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    return writer.write(f"call double @llvm.fabs.f64(double {cells[0]})")


def _finite(writer: _Writer, _: Kind, kinds: Sequence[Kind], cells: Sequence[str], __: str) -> str:
    value = writer.converted(cells[0], kinds[0], "double")
    size = writer.write(f"call double @llvm.fabs.f64(double {value})")
    return writer.write(f"fcmp olt double {size}, 0x7FF0000000000000")


def _no_number(writer: _Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    return writer.write(f"fcmp uno double {cells[0]}, {cells[0]}")


def _converted(writer: _Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    return writer.converted(cells[0], kinds[0], out)


def _select(writer: _Writer, out: Kind, asked: str, then: str, otherwise: str) -> str:
    return writer.write(f"select i1 {asked}, {_TYPES[out]} {then}, {_TYPES[out]} {otherwise}")


def _nothing(kind: Kind) -> str:
    return {"double": "0.0", "truth": "false"}.get(kind, "0")


def _zeroed(writer: _Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    value = writer.converted(cells[0], kinds[0], out)
    return _select(writer, out, cells[1], _nothing(out), value)


def _kept_or_zero(writer: _Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    value = writer.converted(cells[0], kinds[0], out)
    return _select(writer, out, cells[1], value, _nothing(out))


def _filled(writer: _Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    value, filling = (writer.converted(cells[at], kinds[at], out) for at in (0, 2))
    return _select(writer, out, cells[1], filling, value)


def _picked(writer: _Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    then, otherwise = (writer.converted(cells[at], kinds[at], out) for at in (1, 2))
    return _select(writer, out, cells[0], then, otherwise)


def _pushed_bits(writer: _Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    bits = writer.write(f"bitcast double {cells[0]} to i64")
    return writer.write(f"sub i64 {bits}, {PUSH_BITS}")


def _quotient(writer: _Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    one, other = cells
    towards_zero = writer.write(f"sdiv i64 {one}, {other}")
    rest = writer.write(f"srem i64 {one}, {other}")
    apart = writer.write(f"xor i64 {rest}, {other}")
    signs_differ = writer.write(f"icmp slt i64 {apart}, 0")
    some = writer.write(f"icmp ne i64 {rest}, 0")
    lower = writer.write(f"and i1 {signs_differ}, {some}")
    return writer.write(f"add i64 {towards_zero}, {writer.write(f'sext i1 {lower} to i64')}")


def _verdict(writer: _Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    yes = writer.write(f"zext i1 {cells[0]} to i8")
    no = writer.write(f"zext i1 {cells[1]} to i8")
    return writer.write(f"add i8 {yes}, {writer.write(f'shl i8 {no}, 1')}")


def _first_if(writer: _Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], row: str) -> str:
    writer.taken.append((cells[1], row))
    return writer.converted(cells[0], kinds[0], out)


def _none_if(writer: _Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], row: str) -> str:
    writer.taken.append((cells[0], row))
    return "false"


_Write = Callable[[_Writer, Kind, Sequence[Kind], Sequence[str], str], str]
_WRITERS: Mapping[str | None, _Write] = {
    "add": functools.partial(_calculate, "add"),
    "subtract": functools.partial(_calculate, "sub"),
    "multiply": functools.partial(_calculate, "mul"),
    "divide": functools.partial(_calculate, "div"),
    **{name: functools.partial(_compared, name) for name in _RELATIONS},
    "logical_or": functools.partial(_bitwise, "or"),
    "logical_and": functools.partial(_bitwise, "and"),
    "bitwise_or": functools.partial(_bitwise, "or"),
    "bitwise_and": functools.partial(_bitwise, "and"),
    "right_shift": functools.partial(_bitwise, "lshr"),
    "logical_not": _opposite,
    "absolute": _absolute,
    "isfinite": _finite,
    "isnan": _no_number,
    "converted": _converted,
    "zeroed": _zeroed,
    "kept_or_zero": _kept_or_zero,
    "filled": _filled,
    "picked": _picked,
    "pushed_bits": _pushed_bits,
    "quotient": _quotient,
    "verdict": _verdict,
    "first_if": _first_if,
    "none_if": _none_if,
    "changed": _converted,  # seen to by the writer, as it reads two rows
}


# -- loops ------------------------------------------------------------------------------------------------


def compiled(
    steps: Mapping[int, Step], inputs: Sequence[Input], outputs: Sequence[Output], *, width: int, indexed: bool
) -> tuple[Loop, bool]:
    """Return a loop that works outputs out, and whether something is taken for granted.

    If so a last output says whether it held not somewhere; then the others are worth nothing.

    Args:
        steps: By the register that they fill; all of them can be compiled.
        inputs: Parts of columns.
        outputs: What comes out. One that is marked looks at the row before, too; it stands alone.
        width: Cells in a line of sums.
        indexed: Whether rows are given by their numbers.
    """
    text, assumes = _text(steps, inputs, outputs, width=width, indexed=indexed)
    held, address = _machine_code(text)
    pointers = [ctypes.c_void_p] * (2 + len(inputs) + len(outputs) + assumes)
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, *pointers)(address)
    return Loop(call, held), assumes


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
    steps: Mapping[int, Step], inputs: Sequence[Input], outputs: Sequence[Output], *, width: int, indexed: bool
) -> tuple[str, bool]:
    writer = _Writer(steps, {each.number: each for each in inputs})
    row = "%at"
    if indexed:
        where = writer.write("getelementptr inbounds i64, ptr %rows, i64 %at")
        row = writer.write(f"load i64, ptr {where}, align 8")
    if any(output.role == "mark" for output in outputs):
        writer.lines.append("  %before = sub i64 %at, 1")
    made = [(_kind(output.value), writer.value(output.value, row), output.role) for output in outputs]
    frame = _Frame(width)
    taken = list(dict.fromkeys(writer.taken))
    if taken:
        odd = [writer.write(f"xor i1 {cell}, true") for cell, _ in taken]
        made.append(("truth", functools.reduce(lambda a, b: writer.write(f"or i1 {a}, {b}"), odd), "any"))
    counts = [place for place, (kind, _, role) in enumerate(made) if role == "sum" and kind == "truth"]
    for at in range(0, len(counts), _PACKED):
        _count(writer, frame, counts[at : at + _PACKED], made)
    for place, (kind, value, role) in enumerate(made):
        if role == "store":
            _store(writer, place, kind, value)
        elif role == "mark":
            _mark(writer, frame, place, value)
        elif role == "sum" and kind != "truth":
            _add(writer, frame, place, writer.converted(value, kind, "whole"))
        elif role != "sum":
            _join(writer, frame, place, kind if role == "any" else "whole", value)
    return _framed(writer, frame, inputs, len(made)), bool(taken)


def _store(writer: _Writer, place: int, kind: Kind, value: str) -> None:
    cell = _CELLS[kind]
    stored = writer.write(f"zext i1 {value} to i8") if kind == "truth" else value
    where = writer.write(f"getelementptr inbounds {cell}, ptr %out{place}, i64 %at")
    writer.lines.append(f"  store {cell} {stored}, ptr {where}, align 1")


def _mark(writer: _Writer, frame: _Frame, place: int, value: str) -> None:
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


def _add(writer: _Writer, frame: _Frame, place: int, value: str) -> None:
    frame.gather(f"{place}", "i64", "0", anew=True)
    writer.lines.append(f"  %next.{place} = add i64 %sum.{place}, {value}")
    frame.stores += _handed_over(place, f"%run.{place}")


def _count(writer: _Writer, frame: _Frame, places: Sequence[int], made: Sequence[tuple[Kind, str, Role]]) -> None:
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


def _join(writer: _Writer, frame: _Frame, place: int, kind: Kind, value: str) -> None:
    type_ = _TYPES[kind]
    frame.gather(f"{place}", type_, _nothing(kind), anew=False)
    writer.lines.append(f"  %next.{place} = or {type_} %sum.{place}, {value}")
    done = f"%run.{place}"
    if kind == "truth":
        frame.after_runs.append(f"  %done.{place} = zext i1 {done} to i64")
        done = f"%done.{place}"
    frame.after_runs.append(f"  store i64 {done}, ptr %out{place}, align 8")


def _framed(writer: _Writer, frame: _Frame, inputs: Sequence[Input], outputs: int) -> str:
    parameters = [
        "i64 %runs",
        "ptr noalias readonly %bounds",
        "ptr noalias readonly %rows",
        *(f"ptr noalias readonly %in{each.number}" for each in inputs),
        *(f"ptr noalias %out{place}" for place in range(outputs)),
    ]
    lines = [
        "declare double @llvm.fabs.f64(double)",
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
def _machine_code(text: str) -> tuple[Any, int]:
    """Return what owns the code, and where it is; what was compiled before is found again."""
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
