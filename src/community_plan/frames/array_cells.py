"""Array cells: the expressions of the engine for arrays, and what each becomes when it is traced."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np

from community_plan.frames.array_frames import VERDICT_WORDS
from community_plan.frames.arrays import Column, Others, chosen, constant_text, listed
from community_plan.frames.engine import Kind
from community_plan.frames.kernels import PUSH_BITS, Operation, Ref, Register
from community_plan.frames.texts import Text, Words, encoded, text_of
from community_plan.frames.traces import AS_WHOLE, Cell, Num, Tracer, Txt, call

__all__ = ["ArrayCells", "with_nan"]

_PUSH = 1.5 * 2.0**52


class ArrayCells:
    """Expressions over arrays."""

    __slots__ = ()

    def column(self, name: str) -> Cell:
        return Cell(None, name=name)

    def whole(self, value: int) -> Cell:
        return call(lambda tracer: tracer.as_number(value))

    def real(self, value: float) -> Cell:
        return call(lambda _: Num(np.float64(value)))

    def no_number(self) -> Cell:
        return call(lambda _: Num(np.float64(np.nan), np.bool_(True)))

    def no_whole(self) -> Cell:
        return call(lambda _: Num(np.int64(0), np.bool_(True)))

    def verdict(self, met: Cell, not_met: Cell) -> Cell:
        return call(_verdict, met, not_met)

    def text(self, value: str) -> Cell:
        return call(lambda _: Txt(constant_text(value)))

    def truth(self, value: bool) -> Cell:
        return call(lambda _: Num(np.bool_(value)))

    def is_null(self, cell: Cell) -> Cell:
        return call(_is_null, cell)

    def fill(self, cell: Cell, value: int | str | bool) -> Cell:
        return call(functools.partial(_fill, value), cell)

    def choose(self, condition: Cell, then: Cell, otherwise: Cell) -> Cell:
        return call(_choose, condition, then, otherwise)

    def to_whole(self, cell: Cell) -> Cell:
        return call(_to_whole, cell)

    def to_number(self, cell: Cell) -> Cell:
        return call(lambda tracer, given: Num(tracer.doubles(given), given.missing), cell)

    def to_text(self, cell: Cell) -> Cell:
        return call(_to_text, cell)

    def widened(self, number: Cell) -> Cell:
        return call(lambda _, given: Num(given.value, given.missing, wide=True), number)

    def finite(self, cell: Cell) -> Cell:
        def finite(tracer: Tracer, given: Num) -> Num:
            return Num(tracer.holds(Num(tracer.emit(_FINITE, given.value), given.missing)))

        return call(finite, cell)

    def nearest(self, number: Cell) -> tuple[Cell, Cell]:
        # Next to 1.5 · 2^52 a double has no room for a fraction, and its lowest bits are the whole number.
        pushed = number + _PUSH

        def whole(tracer: Tracer, given: Num, before: Num) -> Num:
            return Num(tracer.emit(_WHOLE_BITS, given.value), given.missing, zeroed=before.zeroed)

        return pushed - _PUSH, call(whole, pushed, number)

    def absolute(self, number: Cell) -> Cell:
        return call(lambda tracer, given: Num(tracer.emit(_SIZE, given.value), given.missing), number)

    def quotient(self, number: Cell, divisor: int) -> Cell:
        return call(lambda t, given: Num(t.emit(_QUOTIENT, given.value, np.int64(divisor)), given.missing), number)

    def remainder(self, number: Cell, divisor: int) -> Cell:
        return number - self.quotient(number, divisor) * divisor

    def digits(self, cell: Cell, kind: Kind, places: int) -> tuple[Cell, Cell]:
        raise NotImplementedError  # decimals are read one by one

    def among(self, cell: Cell, words: Sequence[str]) -> Cell:
        return call(functools.partial(_among, tuple(words)), cell)

    def length(self, text: Cell) -> Cell:
        return call(_length, text)

    def other_spelling(self, text: Cell, number: Cell) -> Cell | None:  # noqa: ARG002  # as `Engine`
        return None

    def part(self, text: Cell, length: int) -> Cell:
        return self._changed(text, ("part", length), lambda word: word[:length])

    def joined(self, text: Cell, ending: str) -> Cell:
        return self._changed(text, ("joined", ending), lambda word: word + ending) if ending else text

    @staticmethod
    def _changed(text: Cell, key: Any, change: Callable[[str], str]) -> Cell:
        work = Operation(lambda given: Text(deferred=lambda: given.mapped(key, change)), "object", fills=False)
        return call(lambda tracer, given: Txt(tracer.emit(work, given.text), given.missing), text)

    def matches(self, text: Cell, pattern: str) -> Cell:
        if pattern == "[0-9]+":
            return call(lambda tracer, given: Num(tracer.emit(_ALL_DIGITS, given.text), given.missing), text)
        like = re.compile(pattern).fullmatch
        work = Operation(
            lambda given: given.words.truth(("like", pattern), lambda word: like(word) is not None)[given.places],
            "truth",
            fills=False,
        )
        return call(lambda tracer, given: Num(tracer.emit(work, given.text), given.missing), text)

    def after(self, keys: Sequence[tuple[Cell, bool]]) -> Cell:  # noqa: ARG002  # `Ascending` is seen to by the sums
        return self.truth(True)


def _bits_as_whole(pushed: Any, out: Any = None) -> Any:
    return np.subtract(np.asarray(pushed).view(np.int64), PUSH_BITS, out=out)


def _filled(values: Any, missing: Any, value: Any, out: Any = None) -> Any:
    if out is None:
        return np.where(missing, value, values)
    if out is not values:
        np.copyto(out, values)
    out[missing.nonzero()] = value  # few are missing: quicker than a choice in every row
    return out


@functools.lru_cache(maxsize=1024)
def with_nan(name: str) -> Cell:
    """Return a column in which NaN stands where a double is missing, as pandas has it."""

    def filled(tracer: Tracer, given: Num | Txt) -> Num | Txt:
        if isinstance(given, Txt) or given.kind != "double" or given.missing is None:
            return given
        if not isinstance(given.missing, Register):
            return Num(np.float64(np.nan)) if given.missing else Num(given.value)
        return Num(tracer.emit(_FILLED["double"], given.value, given.missing, np.float64(np.nan)))

    return call(filled, Cell(None, name=name))


def _kept_or_zero(values: Any, asked: Any, out: Any = None) -> Any:
    return np.multiply(values, asked, out=out)


def _picked(asked: Any, then: Any, otherwise: Any, out: Any = None) -> Any:
    made = np.where(asked, then, otherwise)
    if out is None:
        return made
    np.copyto(out, made)
    return out


_FINITE = Operation(np.isfinite, "truth", scalar="isfinite")
_NO_NUMBER = Operation(np.isnan, "truth", scalar="isnan")
_WHOLE_BITS = Operation(_bits_as_whole, "whole", scalar="pushed_bits")
_SIZE = Operation(np.absolute, "double", scalar="absolute")
_QUOTIENT = Operation(np.floor_divide, "whole", scalar="quotient")
_FILLED = {kind: Operation(_filled, kind, scalar="filled") for kind in ("whole", "double")}
_OR_ZERO = Operation(_kept_or_zero, "whole", scalar="kept_or_zero")
_PICKED = {kind: Operation(_picked, kind, scalar="picked") for kind in ("whole", "double", "truth")}
_PICKED_OBJECTS = Operation(np.where, "object", fills=False)
_FILLED_TEXT = Operation(
    lambda given, value: given if given.missing() is None else chosen(given.places >= 0, given, value),
    "object",
    fills=False,
)


def _chosen_text(asked: Any, then: Text, otherwise: Text) -> Column:
    if np.all(asked):
        return then
    return chosen(asked, then, otherwise) if np.any(asked) else otherwise


_CHOSEN_TEXT = Operation(_chosen_text, "object", fills=False)
"""What is chosen nowhere is not looked at."""


def _is_null(tracer: Tracer, given: Num | Txt) -> Num:
    missing = np.bool_(False) if given.missing is None else given.missing
    if isinstance(given, Num) and given.kind == "double" and given.missing is None:  # some libraries have no marks
        missing = tracer.either(missing, tracer.emit(_NO_NUMBER, given.value))
    return Num(missing)


def _verdict(tracer: Tracer, met: Num, not_met: Num) -> Txt:
    yes = tracer.holds(met)
    no = tracer.without(tracer.holds(not_met), yes)
    places = tracer.emit(_VERDICT, yes, no)
    return Txt(None, places=places, words=VERDICT_WORDS)


def _verdict_places(yes: Any, no: Any, out: Any = None) -> Any:
    """Return 1 where the first holds, 2 where the second does, else 0."""
    ones, twos = np.asarray(yes).view(np.int8), np.asarray(no).view(np.int8)
    return np.add(ones, twos + twos, out=out)  # in one step, as `out` may be the memory of either


_VERDICT = Operation(_verdict_places, "place", scalar="verdict")


def _fill(value: int | str | bool, tracer: Tracer, given: Num | Txt) -> Num | Txt:
    if given.missing is None:
        return given
    if isinstance(given, Txt):
        return Txt(tracer.emit(_FILLED_TEXT, given.text, constant_text(str(value))))
    if isinstance(value, bool):
        truth = tracer.either(given.value, given.missing) if value else tracer.holds(given)
        return Num(truth)
    if given.kind == "object":
        return Num(tracer.emit(_PICKED_OBJECTS, given.missing, np.int64(value), given.value))
    if given.zeroed and not value:
        return Num(given.value)
    plain = np.float64(value) if given.kind == "double" else np.int64(value)
    return Num(tracer.emit(_FILLED[given.kind], given.value, given.missing, plain))


def _choose(tracer: Tracer, condition: Num, then: Any, otherwise: Any) -> Num | Txt:
    asked = tracer.holds(condition)
    if isinstance(then, Txt) or isinstance(otherwise, Txt):
        first, second = tracer.as_text(then), tracer.as_text(otherwise)
        return Txt(tracer.emit(_CHOSEN_TEXT, asked, first.text, second.text), _gone(tracer, asked, first, second))
    one, other = tracer.as_number(then), tracer.as_number(otherwise)
    missing = _gone(tracer, asked, one, other)
    wide = one.wide or other.wide
    return Num(_either_of(tracer, asked, one, other), missing, wide=wide)


def _gone(tracer: Tracer, asked: Ref, then: Num | Txt, otherwise: Num | Txt) -> Ref:
    """Return where what is chosen is missing."""
    if then.missing is None and otherwise.missing is None:
        return None
    one = np.bool_(False) if then.missing is None else tracer.each(asked, then.missing)
    other = np.bool_(False) if otherwise.missing is None else tracer.without(otherwise.missing, asked)
    return tracer.either(one, other)


def _either_of(tracer: Tracer, asked: Ref, one: Num, other: Num) -> Ref:
    kinds = {one.kind, other.kind}
    if kinds == {"truth"}:
        return tracer.either(tracer.each(asked, one.value), tracer.without(other.value, asked))
    if "object" in kinds:
        return tracer.emit(_PICKED_OBJECTS, asked, one.value, other.value)
    if "double" in kinds and not isinstance(other.missing, Register) and other.missing:
        return tracer.doubles(one)  # whatever stands where one is missing
    if "double" in kinds:
        return tracer.emit(_PICKED["double"], asked, tracer.doubles(one), tracer.doubles(other))
    if isinstance(other.value, np.integer) and not other.value:
        return tracer.emit(_OR_ZERO, one.value, asked)
    return tracer.emit(_PICKED["whole"], asked, one.value, other.value)


def _to_whole(tracer: Tracer, given: Num | Txt) -> Num:
    if isinstance(given, Num):
        if given.kind == "object":  # cells that are read one by one
            return given
        return given if given.kind == "whole" else Num(tracer.emit(AS_WHOLE, given.value), given.missing)
    if given.views is None:
        missing = tracer.both(given.missing, tracer.emit(_UNREAD, given.text))
        return Num(tracer.emit(_READ, given.text), missing)
    values, digits = _twelve_digits(tracer, *given.views)
    made = tracer.emit(_READ_MORE, values, digits, given.text)
    return Num(made, tracer.both(given.missing, tracer.emit(_UNREAD_MORE, digits, given.text)))


def _twelve_digits(tracer: Tracer, head: Ref, tail: Ref) -> tuple[Ref, Ref]:
    """Return what texts of twelve digits say, and which texts are such.

    All digits of a view are read at once: those side by side make numbers of two digits, of four, of eight.
    """

    def step(work: np.ufunc, one: Ref, other: int | Ref) -> Ref:
        value = np.uint64(other) if isinstance(other, int) else other
        return tracer.emit(_BITS[work], one, value)

    def joined(number: Ref, factor: int, width: int, mask: int) -> Ref:
        moved = step(np.right_shift, number, width)
        return step(np.bitwise_and, step(np.add, step(np.multiply, number, factor), moved), mask)

    first = step(np.subtract, head, 0x30303030_0000000C)  # four digits, and the length
    rest = step(np.subtract, tail, 0x30303030_30303030)
    # What is below a digit wraps round to something large; what is above one is so after an addition.
    odd_head = step(np.bitwise_or, first, step(np.add, first, 0x76767676_00000000))
    odd_tail = step(np.bitwise_or, rest, step(np.add, rest, 0x76767676_76767676))
    odd = step(
        np.bitwise_or,
        step(np.bitwise_and, odd_head, 0x80808080_FFFFFFFF),
        step(np.bitwise_and, odd_tail, 0x80808080_80808080),
    )
    digits = tracer.emit(_NOTHING, odd, np.uint64(0))
    four = step(np.right_shift, first, 32)
    four = joined(joined(four, 10, 8, 0x00FF00FF), 100, 16, 0xFFFF)
    eight = joined(joined(rest, 10, 8, 0x00FF00FF_00FF00FF), 100, 16, 0x0000FFFF_0000FFFF)
    eight = joined(eight, 10_000, 32, 0xFFFFFFFF)
    return step(np.add, step(np.multiply, four, 10**8), eight), digits


_BITS: Mapping[np.ufunc, Operation] = {
    work: Operation(work, "bits", scalar=work.__name__)
    for work in (np.add, np.subtract, np.multiply, np.right_shift, np.bitwise_and, np.bitwise_or)
}
_NOTHING = Operation(np.equal, "truth", scalar="equal")


def _read_more(values: Any, digits: Any, text: Text, out: Any = None) -> Any:
    """Return numbers of twelve digits where texts are such, else what each text says."""
    if digits.all():
        np.copyto(out, values.view(np.int64))
    else:
        np.copyto(out, np.where(digits, values.view(np.int64), text.numbers()[0]))
    return out


_READ = Operation(lambda text: text.numbers()[0], "whole", fills=False)
_UNREAD = Operation(lambda text: text.numbers()[1], "truth", fills=False)
_READ_MORE = Operation(_read_more, "whole", scalar="first_if")
_UNREAD_MORE = Operation(
    lambda digits, text: np.bool_(False) if digits.all() else text.numbers()[1] & ~digits,
    "truth",
    fills=False,
    scalar="none_if",
)


def _to_text(tracer: Tracer, given: Num | Txt) -> Txt:
    if isinstance(given, Txt):
        return given
    missing = np.bool_(False) if given.missing is None else given.missing
    return Txt(tracer.emit(_WRITTEN, given.value, missing), given.missing)


def _written(values: Any, missing: Any) -> Text:
    """Return a column as text, as polars writes it."""
    if isinstance(values, Others):
        if values.series.dtype.is_temporal():
            return encoded(values.series.cast(nw.String()))
        return text_of([None if cell is None else str(cell) for cell in listed(values)])
    distinct, inverse = np.unique(values, return_inverse=True)
    if distinct.dtype == bool:
        texts = ["true" if value else "false" for value in distinct.tolist()]
    else:
        texts = [str(value) for value in distinct.tolist()]
    places = inverse.reshape(np.shape(values)).astype(np.int64)
    return Text(np.where(missing, -1, places) if np.any(missing) else places, Words(texts))


_WRITTEN = Operation(_written, "object", fills=False)


def _among(words: tuple[str, ...], tracer: Tracer, given: Txt) -> Num:
    found: Ref = np.bool_(False)
    for word in words:
        found = tracer.either(found, tracer.is_word(given, word))
    return Num(found, given.missing)


def _all_digits(text: Text) -> Any:
    """Return which texts are digits and nothing else."""
    views = text.views
    if views is not None:
        length = views[:, 0] & np.uint64(0xFFFFFFFF)
        if length.max(initial=0) <= 12:
            cells = np.ascontiguousarray(views).view(np.uint8).reshape(-1, 16)[:, 4:] - np.uint8(ord("0"))
            return (np.count_nonzero(cells <= 9, axis=1) == length) & (length > 0)
    return text.words.truth("digits", lambda word: re.fullmatch("[0-9]+", word) is not None)[text.places]


_ALL_DIGITS = Operation(_all_digits, "truth", fills=False)


def _length(tracer: Tracer, given: Txt) -> Num:
    if given.views is None:
        return Num(tracer.emit(_LENGTHS, given.text), given.missing)
    low = tracer.emit(_BITS[np.bitwise_and], given.views[0], np.uint64(0xFFFFFFFF))
    return Num(tracer.emit(AS_WHOLE, low), given.missing)


_LENGTHS = Operation(lambda text: text.lengths(), "whole", fills=False)
