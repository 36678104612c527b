"""Grouping: what a table of whole numbers can do on every engine, and what its sums are grouped by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, Self

import attrs

from community_plan.entry import Note
from community_plan.errors import DataError
from community_plan.expressions import Int
from community_plan.regions import LEVELS, CountyKind, Level
from community_plan.variables import Variable

__all__ = ["Grouping", "Table"]


class Table(Protocol):
    """A table of whole numbers that some engine can sum."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def amount_names(self) -> tuple[str, ...]:
        """Variables that the table holds as numbers."""
        ...

    @property
    def nullable(self) -> frozenset[str]:
        """Variables with missing cells."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What happened on entry."""
        ...

    def label_cells(self, name: str) -> list[str | None]:
        """Return a key column."""
        ...

    def fill_from_code(self, variable: Variable, declared: Mapping[str, CountyKind]) -> Self:
        """Fill a category that follows from the code where no cell says otherwise."""
        ...

    def amount_cells(self, name: str) -> list[int | None]:
        """Return a column of numbers, None where a cell is missing."""
        ...

    def with_amounts(self, amounts: Mapping[str, Sequence[int | None]]) -> Self:
        """Add columns of numbers."""
        ...

    def with_level(self, level: Level) -> Self:
        """Add the key column of a level, cut from the code."""
        ...

    def with_remainder(
        self, amounts: Mapping[str, Sequence[int | None]], labels: Mapping[str, Sequence[str | None]]
    ) -> Self:
        """Append rows that are no community, marked by a column `remainder`."""
        ...

    def sums(
        self, keys: Sequence[str], features: Sequence[Int]
    ) -> list[tuple[tuple[str | None, ...], tuple[int, ...]]]:
        """Sum features over the rows of each combination of keys."""
        ...


@attrs.frozen
class Grouping:
    """What results are grouped by: levels of the hierarchy and columns of the communities table."""

    levels: tuple[Level, ...] = ()
    """Levels, from large to small; each gets rows of its own."""
    columns: tuple[str, ...] = ()
    """Headers; their values are crossed with the regions."""
    hidden: tuple[Level, ...] = ()
    """Levels that only tell regions of one name apart and get no rows."""

    @classmethod
    def parse(cls, by: str | Iterable[str] | None) -> Grouping:
        """Read a `by=` argument: a level, a column, or a list of them.

        Raises:
            DataError: If one of them is no text.
        """
        names = [by] if isinstance(by, str) else list(by or ())
        wrong = next((name for name in names if not isinstance(name, str)), None)
        if wrong is not None:
            raise DataError(f"expected a level or a column in by=, got {wrong!r}")
        names = list(dict.fromkeys(names))
        levels = tuple(level for level in LEVELS if level in names)
        return cls(levels, tuple(name for name in names if name not in LEVELS))

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the key columns of a table assembled for this grouping."""
        return (*self.levels, *self.columns)

    def told_apart(self, level: Level) -> Grouping:
        """Return the same grouping with a level that only tells regions of one name apart."""
        if level in self.levels:
            return self
        levels = tuple(name for name in LEVELS if name == level or name in self.levels)
        return attrs.evolve(self, levels=levels, hidden=(*self.hidden, level))
