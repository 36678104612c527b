"""Parts: what the columns that belong to a variable or a key are called."""

from __future__ import annotations

__all__ = ["flag", "label"]


def flag(name: str) -> str:
    """Return the name of the column that says where a variable is known."""
    return f"{name}__known"


def label(name: str) -> str:
    """Return the name of a key column."""
    return f"{name}__label"
