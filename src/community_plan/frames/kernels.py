"""Kernels: steps over arrays, written once for a kind of table and run over its rows block by block.

What is made on the way stays near the processor: a block's arrays are small, and the next step finds them there. That
is several times as fast as a pass over a whole column for every step, which waits for memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np

__all__ = ["BLOCK", "DTYPES", "PUSH_BITS", "Builder", "Kernel", "Kind", "Operation", "Ref", "Register", "Step"]

PUSH_BITS = 0x4338_0000_0000_0000
"""The bits of 1.5 · 2^52: added to a double, it leaves the nearest whole number in the lowest bits."""
BLOCK = 2**14
"""Rows that are worked on at a time."""
Kind = Literal["whole", "double", "bits", "truth", "place", "object"]
"""What a register holds: 64-bit integers, doubles, unsigned 64-bit integers, truth values, places in a list of words
(one byte each), or anything else as it is."""
DTYPES: Mapping[Kind, Any] = {
    "whole": np.int64,
    "double": np.float64,
    "bits": np.uint64,
    "truth": np.bool_,
    "place": np.int8,
}
"""Numpy's types for their cells."""


@attrs.frozen(eq=False)
class Register:
    """What a step gives for the rows of a block."""

    number: int
    kind: Kind


Ref = Register | Any
"""A register, or one value for all rows."""


@attrs.frozen
class Operation:
    """What a step does."""

    work: Callable[..., Any]
    kind: Kind
    """What it gives."""
    fills: bool = True
    """Whether it takes `out=`, an array to write into that may be one of its own arguments."""
    scalar: str | None = None
    """What it does to the cells of one row, by the name that the compiler has for it; None if it takes arrays alone."""


@attrs.frozen(eq=False)
class Step:
    """A step: what it does, to what, and the register that it fills."""

    work: Operation
    arguments: tuple[Ref, ...]
    out: Register


@attrs.define(eq=False)
class Builder:
    """Writes steps down; what was written before is not written again."""

    steps: dict[int, Step] = attrs.field(factory=dict)
    """By the number of the register that they fill."""
    inputs: dict[tuple[str, str], Register] = attrs.field(factory=dict)
    """Parts of columns."""
    seen: dict[Any, Ref] = attrs.field(factory=dict)
    count: int = 0

    def register(self, kind: Kind) -> Register:
        """Return a new register."""
        self.count += 1
        return Register(self.count - 1, kind)

    def input(self, name: str, part: str, kind: Kind) -> Register:
        """Return the register of a part of a column."""
        if (name, part) not in self.inputs:
            self.inputs[name, part] = self.register(kind)
        return self.inputs[name, part]

    def emit(self, operation: Operation, *arguments: Ref) -> Ref:
        """Write a step; one over values that stand for all rows is done at once."""
        if not any(isinstance(argument, Register) for argument in arguments):
            with np.errstate(all="ignore"):
                found = operation.work(*arguments)
            # A choice between two values is an array without dimensions, which is no value.
            return found[()] if isinstance(found, np.ndarray) else found
        key = (operation, *(a.number if isinstance(a, Register) else (type(a), _plain(a)) for a in arguments))
        if key not in self.seen:
            out = self.register(operation.kind)
            self.steps[out.number] = Step(operation, arguments, out)
            self.seen[key] = out
        return self.seen[key]

    def kernel(self, outputs: Sequence[Ref]) -> Kernel:
        """Return what works out some registers, each handed over as soon as it is there."""
        ordered: list[Step | int] = []
        done: set[int] = set()
        for place, output in enumerate(outputs):
            if isinstance(output, Register):
                ordered += self._before(output, done)
                ordered.append(place)
        last: dict[int, int] = {}
        for at, item in enumerate(ordered):
            read = item.arguments if isinstance(item, Step) else (outputs[item],)
            last |= {argument.number: at for argument in read if isinstance(argument, Register)}
        return _placed(ordered, outputs, self.inputs, last, self.count)

    def _before(self, output: Register, done: set[int]) -> Iterator[Step]:
        stack = [output.number]
        while stack:
            number = stack[-1]
            if number in done or number not in self.steps:
                stack.pop()
                continue
            step = self.steps[number]
            waiting = [
                a.number
                for a in step.arguments
                if isinstance(a, Register) and a.number in self.steps and a.number not in done
            ]
            if waiting:
                stack += reversed(waiting)
                continue
            done.add(number)
            stack.pop()
            yield step


def _plain(value: Any) -> Any:
    """Return what tells a value that stands for all rows from others."""
    return (value.dtype.char, value.item()) if isinstance(value, np.generic) else value


def _placed(
    ordered: Sequence[Step | int],
    outputs: Sequence[Ref],
    inputs: Mapping[tuple[str, str], Register],
    last: Mapping[int, int],
    count: int,
) -> Kernel:
    """Give every step a buffer, one that nobody reads any more where there is one."""
    free: dict[int, list[int]] = {1: [], 8: []}
    buffers: list[int] = []
    held: dict[int, int] = {}
    constants: list[Any] = []
    code: list[tuple[Any, tuple[int, ...], int, Any]] = []
    for at, item in enumerate(ordered):
        if not isinstance(item, Step):
            code.append((None, (outputs[item].number,), item, None))
            _let_go([outputs[item]], at, last, held, buffers, free)
            continue
        places = []
        for argument in item.arguments:
            if isinstance(argument, Register):
                places.append(argument.number)
            else:
                places.append(count + len(constants))
                constants.append(argument)
        _let_go(item.arguments, at, last, held, buffers, free)
        buffer = None
        if item.work.fills:
            dtype = np.dtype(DTYPES[item.out.kind])
            if free[dtype.itemsize]:
                number = free[dtype.itemsize].pop()
            else:
                number = len(buffers)
                buffers.append(dtype.itemsize)
            held[item.out.number] = number
            buffer = (number, item.out.kind)
        code.append((item.work.work, tuple(places), item.out.number, buffer))
    return Kernel(
        code=tuple(code),
        buffers=tuple(buffers),
        constants=tuple(constants),
        inputs={part: register.number for part, register in inputs.items() if register.number in last},
        fixed={place: output for place, output in enumerate(outputs) if not isinstance(output, Register)},
        registers=count,
        steps={item.out.number: item for item in ordered if isinstance(item, Step)},
        outputs=tuple(outputs),
        kinds={part: register.kind for part, register in inputs.items() if register.number in last},
    )


def _let_go(
    arguments: Sequence[Ref],
    at: int,
    last: Mapping[int, int],
    held: dict[int, int],
    buffers: Sequence[int],
    free: Mapping[int, list[int]],
) -> None:
    for argument in arguments:
        if isinstance(argument, Register) and last[argument.number] == at and argument.number in held:
            number = held.pop(argument.number)
            free[buffers[number]].append(number)


@attrs.define(kw_only=True, eq=False)
class Kernel:
    """Steps in order, with the buffers that they write into."""

    code: tuple[tuple[Any, tuple[int, ...], int, Any], ...]
    """Function, arguments, register and buffer of each step; without a function an output is handed over."""
    buffers: tuple[int, ...]
    """Bytes of a buffer's cells."""
    constants: tuple[Any, ...]
    inputs: Mapping[tuple[str, str], int]
    """The parts of columns that are read, with their registers."""
    fixed: Mapping[int, Any]
    """Outputs that are one value for all rows."""
    registers: int
    steps: Mapping[int, Step]
    """The same steps by the register that they fill."""
    outputs: tuple[Ref, ...]
    kinds: Mapping[tuple[str, str], Kind]
    """What the parts of columns are."""
    asked: int = attrs.field(default=0, repr=False)
    """Rows that it has been asked for in all."""
    fused: dict[Any, Any] = attrs.field(factory=dict, repr=False)
    """What was compiled for it."""

    def over(
        self,
        start: int,
        stop: int,
        parts: Callable[[int, int], Iterator[tuple[int, int, Mapping[tuple[str, str], Any]]]],
        sink: Callable[[int, int], Callable[[int, Any], None]],
    ) -> None:
        """Run over some rows.

        Args:
            start: The first row.
            stop: The row after the last.
            parts: Gives pieces of rows, and the parts of columns in each.
            sink: Gives for the rows of a block what takes an output by its place.
        """
        size = min(BLOCK, max(stop - start, 1))
        memory = [np.empty(size, np.int64 if width == 8 else np.int8) for width in self.buffers]
        full = {
            buffer: memory[buffer[0]].view(DTYPES[buffer[1]]) for _, _, _, buffer in self.code if buffer is not None
        }
        given: list[Any] = [None] * self.registers + list(self.constants)
        with np.errstate(all="ignore"):  # a division by 0 gives no value, and is not taken for one
            for first, end, columns in parts(start, stop):
                for low in range(first, end, size):
                    high = min(low + size, end)
                    for part, register in self.inputs.items():
                        given[register] = columns[part][low - first : high - first]
                    out = full if high - low == size else {key: array[: high - low] for key, array in full.items()}
                    self._run(given, out, sink(low, high))

    def _run(self, given: list[Any], out: Mapping[Any, Any], take: Callable[[int, Any], None]) -> None:
        for work, arguments, register, buffer in self.code:
            if work is None:
                take(register, given[arguments[0]])
            elif buffer is None:
                given[register] = work(*[given[argument] for argument in arguments])
            elif len(arguments) == 2:
                one, other = arguments
                given[register] = work(given[one], given[other], out=out[buffer])
            else:
                given[register] = work(*[given[argument] for argument in arguments], out=out[buffer])
