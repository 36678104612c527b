"""Instructions: what the steps of a kernel do to one row, in the language of LLVM.

The steps are the same as over arrays, and so is what they give.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from community_plan.frames.kernels import PUSH_BITS, Kind, Ref, Register, Step

__all__ = ["CELLS", "TYPES", "WRITERS", "Input", "Writer", "is_scalar", "kind_of", "nothing", "read_by"]


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


def is_scalar(step: Step) -> bool:
    """Say whether a step can be compiled."""
    return step.work.scalar in WRITERS and all(kind_of(argument) != "object" for argument in read_by(step))


def read_by(step: Step) -> tuple[Ref, ...]:
    """Return the arguments that the compiled form of a step reads."""
    return step.arguments[: {"first_if": 2, "none_if": 1}.get(step.work.scalar or "")]


def _kinds(step: Step) -> list[Kind]:
    return [kind_of(argument) for argument in read_by(step)]


def kind_of(value: Ref) -> Kind:
    """Return what a register or a constant is."""
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

TYPES: Mapping[str, str] = {"whole": "i64", "bits": "i64", "double": "double", "truth": "i1", "place": "i8"}
CELLS: Mapping[str, str] = {"whole": "i64", "bits": "i64", "double": "double", "truth": "i8", "place": "i8"}
"""How they lie in memory."""


def _constant(value: Any) -> str:
    kind = kind_of(value)
    if kind == "double":
        return f"0x{struct.unpack('>Q', struct.pack('>d', float(value)))[0]:016X}"
    if kind == "truth":
        return "true" if value else "false"
    return str(int(value) - 2**64 if int(value) >= 2**63 else int(value))


@attrs.define
class Writer:
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
        """Write an instruction, and return what holds what it gives."""
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
            self.known[number, row] = WRITERS[step.work.scalar](self, step.out.kind, _kinds(step), cells, row)
        return self.known[ref.number, row]

    def _changed(self, step: Step, row: str) -> str:
        (argument,) = step.arguments
        before = "%before"  # rows that are compared begin with the second one
        kind = kind_of(argument)
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
        if letter == "d" or cell == TYPES[given.kind]:
            return loaded
        return self.write(f"{'sext' if letter.islower() else 'zext'} {cell} {loaded} to {TYPES[given.kind]}")

    def converted(self, value: str, kind: Kind, to: Kind) -> str:
        """Return a value as one of another kind."""
        if TYPES[kind] == TYPES[to]:
            return value
        if kind == "truth":
            if to == "double":
                return self.write(f"uitofp i1 {value} to double")
            return self.write(f"zext i1 {value} to {TYPES[to]}")
        if to == "double":
            return self.write(f"{'uitofp' if kind == 'bits' else 'sitofp'} {TYPES[kind]} {value} to double")
        if kind == "double":  # what has no whole number becomes the least one, as numpy has it on this kind of machine
            fits = self.write(f"fcmp olt double {value}, 0x43E0000000000000")
            some = self.write(f"fcmp oge double {value}, 0xC3E0000000000000")
            both = self.write(f"and i1 {fits}, {some}")
            safe = self.write(f"select i1 {both}, double {value}, double 0.0")
            whole = self.write(f"fptosi double {safe} to i64")
            return self.write(f"select i1 {both}, i64 {whole}, i64 {-(2**63)}")
        return self.write(f"sext i8 {value} to i64")  # a place


# -- what steps write -------------------------------------------------------------------------------------


def _common(writer: Writer, kinds: Sequence[Kind], cells: Sequence[str]) -> tuple[Kind, list[str]]:
    """Return values as ones of one kind."""
    order: list[Kind] = ["truth", "place", "whole", "bits", "double"]
    kind = max(kinds, key=order.index)
    return kind, [writer.converted(cell, own, kind) for cell, own in zip(cells, kinds, strict=True)]


def _calculate(name: str, writer: Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    one, other = (writer.converted(cell, kind, out) for cell, kind in zip(cells, kinds, strict=True))
    return writer.write(f"{'f' if out == 'double' else ''}{name} {TYPES[out]} {one}, {other}")


_RELATIONS = {
    "equal": ("eq", "eq", "oeq"),
    "not_equal": ("ne", "ne", "une"),
    "less": ("slt", "ult", "olt"),
    "less_equal": ("sle", "ule", "ole"),
    "greater": ("sgt", "ugt", "ogt"),
    "greater_equal": ("sge", "uge", "oge"),
}


def _compare(writer: Writer, name: str, kind: Kind, one: str, other: str) -> str:
    signed, unsigned, double = _RELATIONS[name]
    if kind == "double":
        return writer.write(f"fcmp {double} double {one}, {other}")
    relation = unsigned if kind in ("bits", "truth") else signed
    return writer.write(f"icmp {relation} {TYPES[kind]} {one}, {other}")


def _compared(name: str, writer: Writer, _: Kind, kinds: Sequence[Kind], cells: Sequence[str], __: str) -> str:
    kind, (one, other) = _common(writer, kinds, cells)
    return _compare(writer, name, kind, one, other)


def _bitwise(name: str, writer: Writer, out: Kind, _: Sequence[Kind], cells: Sequence[str], __: str) -> str:
    return writer.write(f"{name} {TYPES[out]} {cells[0]}, {cells[1]}")


def _opposite(writer: Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    return writer.write(f"xor i1 {cells[0]}, true")


def _absolute(writer: Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    return writer.write(f"call double @llvm.fabs.f64(double {cells[0]})")


def _finite(writer: Writer, _: Kind, kinds: Sequence[Kind], cells: Sequence[str], __: str) -> str:
    value = writer.converted(cells[0], kinds[0], "double")
    size = writer.write(f"call double @llvm.fabs.f64(double {value})")
    return writer.write(f"fcmp olt double {size}, 0x7FF0000000000000")


def _no_number(writer: Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    return writer.write(f"fcmp uno double {cells[0]}, {cells[0]}")


def _converted(writer: Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    return writer.converted(cells[0], kinds[0], out)


def _select(writer: Writer, out: Kind, asked: str, then: str, otherwise: str) -> str:
    return writer.write(f"select i1 {asked}, {TYPES[out]} {then}, {TYPES[out]} {otherwise}")


def nothing(kind: Kind) -> str:
    """Return the zero of a kind."""
    return {"double": "0.0", "truth": "false"}.get(kind, "0")


def _zeroed(writer: Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    value = writer.converted(cells[0], kinds[0], out)
    return _select(writer, out, cells[1], nothing(out), value)


def _kept_or_zero(writer: Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    value = writer.converted(cells[0], kinds[0], out)
    return _select(writer, out, cells[1], value, nothing(out))


def _filled(writer: Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    value, filling = (writer.converted(cells[at], kinds[at], out) for at in (0, 2))
    return _select(writer, out, cells[1], filling, value)


def _picked(writer: Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], _: str) -> str:
    then, otherwise = (writer.converted(cells[at], kinds[at], out) for at in (1, 2))
    return _select(writer, out, cells[0], then, otherwise)


def _pushed_bits(writer: Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    bits = writer.write(f"bitcast double {cells[0]} to i64")
    return writer.write(f"sub i64 {bits}, {PUSH_BITS}")


def _quotient(writer: Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    one, other = cells
    towards_zero = writer.write(f"sdiv i64 {one}, {other}")
    rest = writer.write(f"srem i64 {one}, {other}")
    apart = writer.write(f"xor i64 {rest}, {other}")
    signs_differ = writer.write(f"icmp slt i64 {apart}, 0")
    some = writer.write(f"icmp ne i64 {rest}, 0")
    lower = writer.write(f"and i1 {signs_differ}, {some}")
    return writer.write(f"add i64 {towards_zero}, {writer.write(f'sext i1 {lower} to i64')}")


def _verdict(writer: Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], ___: str) -> str:
    yes = writer.write(f"zext i1 {cells[0]} to i8")
    no = writer.write(f"zext i1 {cells[1]} to i8")
    return writer.write(f"add i8 {yes}, {writer.write(f'shl i8 {no}, 1')}")


def _first_if(writer: Writer, out: Kind, kinds: Sequence[Kind], cells: Sequence[str], row: str) -> str:
    writer.taken.append((cells[1], row))
    return writer.converted(cells[0], kinds[0], out)


def _none_if(writer: Writer, _: Kind, __: Sequence[Kind], cells: Sequence[str], row: str) -> str:
    writer.taken.append((cells[0], row))
    return "false"


_Write = Callable[[Writer, Kind, Sequence[Kind], Sequence[str], str], str]
WRITERS: Mapping[str | None, _Write] = {
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
