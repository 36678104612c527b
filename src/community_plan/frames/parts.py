"""Parts: the small things that both ends of a frame's way need."""

from __future__ import annotations

from typing import Any

import narwhals as nw

__all__ = ["as_text", "constant", "flag", "integers", "label", "modulo"]


def flag(name: str) -> str:
    """Return the name of the column that says where a variable is known."""
    return f"{name}__known"


def label(name: str) -> str:
    """Return the name of a key column."""
    return f"{name}__label"


def as_text(header: str) -> nw.Expr:
    """Return a column as text."""
    return nw.col(header).cast(nw.String())


def constant(value: int, like: nw.Expr) -> nw.Expr:
    """Return a number for every row of a column: a literal alone would be one row, and cannot be summed."""
    return like.is_null().cast(nw.Int64()) * 0 + value


def modulo(number: nw.Expr, divisor: int) -> nw.Expr:
    """Return the remainder of a whole number ≥ 0; pandas has no % for Arrow integers."""
    return number - number // divisor * divisor


def integers(frame: nw.DataFrame[Any]) -> tuple[int, ...]:
    """Return the one row of a frame as Python integers."""
    return tuple(int(cell) for cell in frame.row(0))
