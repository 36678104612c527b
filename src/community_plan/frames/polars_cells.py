"""Polars cells: the expressions of the engine for polars."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import attrs
import polars as pl

from community_plan.frames.engine import BEYOND, VERDICTS, Kind
from community_plan.frames.kernels import PUSH_BITS

__all__ = ["PolarsCells"]

_VERDICTS = pl.Enum(VERDICTS)
_PUSH = 1.5 * 2.0**52


@attrs.define
class PolarsCells:
    """Expressions of polars."""

    large: frozenset[str] = frozenset()
    """Columns of whole numbers that may not fit 64 bits."""

    def column(self, name: str) -> pl.Expr:
        return pl.col(name)

    def whole(self, value: int) -> pl.Expr:
        return _whole(value)

    def real(self, value: float) -> pl.Expr:
        return pl.lit(value, dtype=pl.Float64)

    def no_number(self) -> pl.Expr:
        return pl.lit(None, dtype=pl.Float64)

    def no_whole(self) -> pl.Expr:
        return pl.lit(None, dtype=pl.Int64)

    def verdict(self, met: pl.Expr, not_met: pl.Expr) -> pl.Expr:
        yes, no, open_ = (pl.lit(word, dtype=_VERDICTS) for word in ("met", "not_met", "unknown"))
        return pl.when(met).then(yes).when(not_met).then(no).otherwise(open_)

    def text(self, value: str) -> pl.Expr:
        return pl.lit(value)

    def truth(self, value: bool) -> pl.Expr:
        return _truth(value)

    def is_null(self, cell: pl.Expr) -> pl.Expr:
        return cell.is_null()

    def fill(self, cell: pl.Expr, value: int | str | bool) -> pl.Expr:
        return cell.fill_null(pl.lit(value))

    def choose(self, condition: pl.Expr, then: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
        return pl.when(condition).then(then).otherwise(otherwise)

    def to_whole(self, cell: pl.Expr) -> pl.Expr:
        whole = cell.cast(pl.Int64, strict=False)
        if self.large.isdisjoint(cell.meta.root_names()):
            return whole
        beyond = pl.when(cell < 0).then(-BEYOND).otherwise(BEYOND)  # what does not fit is large and not missing
        return pl.when(whole.is_null() & cell.is_not_null()).then(beyond).otherwise(whole)

    def to_number(self, cell: pl.Expr) -> pl.Expr:
        return cell.cast(pl.Float64)

    def to_text(self, cell: pl.Expr) -> pl.Expr:
        return cell.cast(pl.String)

    def widened(self, number: pl.Expr) -> pl.Expr:
        return number.cast(pl.Int128)

    def finite(self, cell: pl.Expr) -> pl.Expr:
        return cell.is_finite().fill_null(False)

    def nearest(self, number: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        # Next to 1.5 · 2^52 a double has no room for a fraction, and its lowest bits are the whole number: three
        # times as fast as rounding and casting.
        pushed = number + _PUSH
        return pushed - _PUSH, pushed.reinterpret(dtype=pl.Int64) - PUSH_BITS

    def absolute(self, number: pl.Expr) -> pl.Expr:
        return number.abs()

    def quotient(self, number: pl.Expr, divisor: int) -> pl.Expr:
        return number // divisor

    def remainder(self, number: pl.Expr, divisor: int) -> pl.Expr:
        return number % divisor

    def digits(self, cell: pl.Expr, kind: Kind, places: int) -> tuple[pl.Expr, pl.Expr]:
        kept = cell.cast(pl.Decimal(18, places), strict=False)
        whole = (kept * 10**places).cast(pl.Int64, strict=False)
        fitted = pl.when(cell < 0).then(-1).when(whole.is_null() & cell.is_not_null()).then(2**62).otherwise(whole)
        if kind.scale <= places:
            return fitted, pl.lit(False)
        more = kept.cast(pl.Decimal(38, kind.scale), strict=False) != cell
        return fitted, more.fill_null(cell.is_not_null())

    def among(self, cell: pl.Expr, words: Sequence[str]) -> pl.Expr:
        if not words:
            return cell.is_null() & False
        if len(words) <= 4:  # faster than a set
            return functools.reduce(operator.or_, (cell == word for word in words))
        return cell.is_in(list(words))

    def length(self, text: pl.Expr) -> pl.Expr:
        return text.str.len_bytes()

    def other_spelling(self, text: pl.Expr, number: pl.Expr) -> pl.Expr | None:  # noqa: ARG002  # as `Engine`
        return None

    def part(self, text: pl.Expr, length: int) -> pl.Expr:
        return text.str.slice(0, length)

    def joined(self, text: pl.Expr, ending: str) -> pl.Expr:
        return text + pl.lit(ending) if ending else text

    def matches(self, text: pl.Expr, pattern: str) -> pl.Expr:
        return text.str.contains(f"^(?:{pattern})$")

    def after(self, keys: Sequence[tuple[pl.Expr, bool]]) -> pl.Expr:
        (key, number), *rest = keys
        before = key.shift(1, fill_value=-1 if number else "")
        later: pl.Expr = key > before
        return later | ((key == before) & self.after(rest)) if rest else later


@functools.cache
def _whole(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.Int64)


@functools.cache
def _truth(value: bool) -> pl.Expr:
    return pl.lit(value)
