"""SQL: expressions as text that every engine reads alike, and names that none confuses with another."""

from __future__ import annotations

import re
from typing import Any

import attrs

__all__ = ["AND", "ATOM", "COMPARE", "NOT", "OR", "PLUS", "TIMES", "Sql", "decoded", "encoded", "joined", "literal"]

ATOM, TIMES, PLUS, COMPARE, NOT, AND, OR = range(7)
"""How loosely operators bind."""
_SPECIAL = re.compile(r"([\x00-\x1f\x7f'\\])")
_PLAIN = re.compile(r"""[^A-Z"`\x00-\x1f]+""")


@attrs.frozen(eq=False)
class Sql:
    """An expression as SQL text, with Python's operators."""

    text: str
    rank: int = ATOM
    """How loosely its outermost operator binds."""
    truth: bool | None = False
    """Whether it is a truth value, if that is known."""
    type: str = ""
    """The engine's word for the type of a column that a user gave."""

    def __str__(self) -> str:
        return self.text

    def within(self, rank: int) -> str:
        """Return the text for use beside an operator of a rank."""
        return self.text if self.rank <= rank else f"({self.text})"

    def __add__(self, other: Any) -> Sql:
        return joined(self, "+", other, PLUS)

    def __radd__(self, other: Any) -> Sql:
        return joined(literal(other), "+", self, PLUS)

    def __sub__(self, other: Any) -> Sql:
        return joined(self, "-", other, PLUS)

    def __rsub__(self, other: Any) -> Sql:
        return joined(literal(other), "-", self, PLUS)

    def __mul__(self, other: Any) -> Sql:
        return joined(self, "*", other, TIMES)

    def __rmul__(self, other: Any) -> Sql:
        return joined(literal(other), "*", self, TIMES)

    def __truediv__(self, other: Any) -> Sql:
        return joined(self, "/", other, TIMES)

    def __neg__(self) -> Sql:
        return joined(Sql("0"), "-", self, PLUS)

    def __and__(self, other: Any) -> Sql:
        return literal(other) if self.text == "TRUE" else joined(self, "AND", other, AND, truth=True)

    def __or__(self, other: Any) -> Sql:
        return literal(other) if self.text == "FALSE" else joined(self, "OR", other, OR, truth=True)

    def __invert__(self) -> Sql:
        return Sql(f"NOT {self.within(ATOM)}", NOT, truth=True)

    def __eq__(self, other: Any) -> Sql:  # type: ignore[override]  # an expression, as in every engine
        return _compared(self, "=", other)

    def __ne__(self, other: Any) -> Sql:  # type: ignore[override]  # an expression, as in every engine
        return _compared(self, "<>", other)

    def __lt__(self, other: Any) -> Sql:
        return _compared(self, "<", other)

    def __le__(self, other: Any) -> Sql:
        return _compared(self, "<=", other)

    def __gt__(self, other: Any) -> Sql:
        return _compared(self, ">", other)

    def __ge__(self, other: Any) -> Sql:
        return _compared(self, ">=", other)

    __hash__ = None  # type: ignore[assignment]  # what has no equality has no hash


def joined(left: Sql, sign: str, other: Any, rank: int, *, truth: bool = False) -> Sql:
    """Return two expressions with an operator of a rank between them."""
    right = literal(other)
    return Sql(f"{left.within(rank)} {sign} {right.within(rank - 1)}", rank, truth)


def _compared(left: Sql, sign: str, other: Any) -> Sql:
    return Sql(f"{left.within(PLUS)} {sign} {literal(other).within(PLUS)}", COMPARE, truth=True)


def literal(value: Any) -> Sql:
    """Return a Python value as SQL that every engine reads alike."""
    if isinstance(value, Sql):
        return value
    if isinstance(value, bool):
        return Sql("TRUE" if value else "FALSE", truth=True)
    if isinstance(value, float):
        text = repr(value)
        return Sql(text if "e" in text else f"{text}e0")  # without an exponent it is a decimal
    if isinstance(value, int):
        return Sql(str(value) if value >= 0 else f"({value})")
    # Engines escape quotes and backslashes in different ways.
    parts = [f"chr({ord(part)})" if _SPECIAL.fullmatch(part) else f"'{part}'" for part in _SPECIAL.split(value) if part]
    return Sql(" || ".join(parts) or "''", ATOM if len(parts) < 2 else OR)


def encoded(name: str) -> str:
    """Return a name for a column that no engine confuses with another: they ignore case."""
    if _PLAIN.fullmatch(name) and name == name.lower() and not name.startswith("x__"):
        return name
    return f"x__{name.encode().hex()}"


def decoded(name: str) -> str:
    """Return the name that was encoded."""
    return bytes.fromhex(name[3:]).decode() if name.startswith("x__") else name
