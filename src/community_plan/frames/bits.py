"""Bits: marks of cells as Arrow packs them, unpacked where they are needed and no earlier."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

__all__ = ["Bits", "cut", "marked", "marks_at", "some_marked"]


@attrs.frozen(eq=False)
class Bits:
    """Where the cells of a column are there; those whose bit is not set are missing."""

    memory: Any
    """Bytes, each of which holds the marks of eight rows, the first one lowest."""
    first: int
    """The bit of the first row."""
    rows: int

    def __len__(self) -> int:
        return self.rows

    def cut(self, start: int, stop: int) -> Bits:
        """Return the marks of some rows in a row."""
        return Bits(self.memory, self.first + start, stop - start)

    def there(self) -> Any:
        """Return which cells are there, or which are true, as an array."""
        packed = self.memory[self.first // 8 : (self.first + self.rows + 7) // 8]
        return np.unpackbits(packed, bitorder="little")[self.first % 8 : self.first % 8 + self.rows].view(bool)


def cut(gone: Any, start: int, stop: int) -> Any:
    """Return the marks of some rows in a row, as they come."""
    return None if gone is None else gone.cut(start, stop) if isinstance(gone, Bits) else gone[start:stop]


def marked(gone: Any) -> Any:
    """Return where cells are missing, as an array; None if nowhere."""
    return ~gone.there() if isinstance(gone, Bits) else gone


def marks_at(gone: Any, rows: Any) -> Any:
    """Return which of some cells are missing."""
    if not isinstance(gone, Bits):
        return gone[rows]
    bits = rows + gone.first
    return (gone.memory[bits >> 3] >> (bits & 7).astype(np.uint8)) & 1 == 0


def some_marked(gone: Any) -> bool:
    """Say whether a cell is missing."""
    if not isinstance(gone, Bits):
        return gone is not None and bool(gone.any())
    inner = gone.memory[gone.first // 8 + 1 : (gone.first + gone.rows) // 8]
    ends = (gone.cut(0, min(8, gone.rows)), gone.cut(max(gone.rows - 8, 0), gone.rows))
    return bool((inner != 255).any()) or not all(end.there().all() for end in ends)
