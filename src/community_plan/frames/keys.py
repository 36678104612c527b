"""Keys: how key columns are named and written while an engine holds them."""

from __future__ import annotations

from typing import Any

import attrs

from community_plan.frames.engine import Engine

__all__ = ["CODE", "CODE_TEXT", "NULL_LABEL", "Key", "label_text"]

CODE = "code__number"
"""Column of codes as numbers."""
CODE_TEXT = "code__text"
"""Column of codes as the texts that they came as."""
NULL_LABEL = "\x00"
"""Stands for a missing label in a join."""


@attrs.frozen
class Key:
    """A key column: a text, or a number that becomes one after grouping."""

    cell: Any
    number: bool = False
    ending: str = ""
    """What a number's text ends with."""
    full: bool = False
    """Whether every row is taken to have one."""
    cut: bool = False
    """Whether it is cut from codes, which are checked."""

    def from_text(self, text: str | None) -> int | str | None:
        """Return the cell of a label."""
        if text is None or not self.number:
            return text
        return int(text.removesuffix(self.ending) if self.ending else text)

    def text(self, cell: Any) -> str | None:
        """Return a grouped cell as the label it stands for."""
        return f"{cell}{self.ending}" if cell is not None and cell != "" else None


def label_text(engine: Engine, key: Key, cell: Any) -> Any:
    """Return the cells of a key column as text."""
    return engine.joined(engine.to_text(cell), key.ending) if key.number else cell
