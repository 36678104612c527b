"""Grouping: what a table of whole numbers can do on every engine, and what its sums are grouped by."""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any, Protocol, Self

import attrs

from community_plan.entry import Note
from community_plan.errors import DataError
from community_plan.expressions import Int
from community_plan.regions import LEVELS, CountyKind, Level, normal_code, region_at
from community_plan.variables import Variable

__all__ = [
    "PERIOD_COLUMNS",
    "Grouping",
    "Labelled",
    "Listed",
    "ListedRegister",
    "Misread",
    "Register",
    "Summed",
    "Sums",
    "Table",
    "Way",
    "gathered",
]

Sums = list[tuple[tuple[str | None, ...], tuple[int, ...]]]
"""Key labels with the sums of every feature."""


PERIOD_COLUMNS = ("year", "period", "年份", "年度")
"""Columns that tell the period of a row."""
Labelled = tuple[str | None, ...]
"""The code of a region, and labels of columns, such as a year."""


class Misread(Exception):  # noqa: N818  # no error: it never leaves the library
    """A row is not as a first look at the table took it to be; the table has to be entered with more care."""

    def __init__(self, rows: int = 0) -> None:
        super().__init__(rows)
        self.rows = rows
        """Rows that the table had so far, if they were taken out of their engine."""


@attrs.frozen
class Way:
    """How a table is entered."""

    careful: bool = False
    """Whether to count before believing what the first rows say of the others."""
    streamed: bool = False
    """Whether rows are only to be added up, as they come out of their engine."""
    seen: int = 0
    """Rows that it had when it was entered before: one of fewer can be read only once."""
    held: contextlib.ExitStack = attrs.field(factory=contextlib.ExitStack, eq=False, repr=False)
    """Closes what was opened for it."""
    opened: dict[tuple[str, ...], Any] = attrs.field(factory=dict, eq=False, repr=False)
    """Columns that are being read, with what they were opened as."""


class Summed(Protocol):
    """Sums by key, wherever they are kept."""

    def rows(self) -> Sums:
        """Return the sums as Python values."""
        ...


class Register(Protocol):
    """What a register says of each region: sums, wherever they are kept."""

    def rows(self) -> Sums:
        """Return the sums as Python values: (region, labels …), sums."""
        ...


class Table(Protocol):
    """A table of whole numbers that some engine can sum."""

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

    def with_level(self, level: Level) -> Self:
        """Add the key column of a level, cut from the code."""
        ...

    def placed(self, keys: Sequence[str], *, careful: bool) -> tuple[Self, list[int | None], int]:
        """Return the table, the first rows that none of some key columns puts anywhere, and how many there are."""
        ...

    def called(self, level: Level, columns: Sequence[str]) -> Mapping[Labelled, Set[str]]:
        """Return what each region of a level is called, by its code and labels: one name, if its rows agree."""
        ...

    def kinds_by_county(self, columns: Sequence[str]) -> Mapping[Labelled, Set[int | None]]:
        """Return the county kinds that the rows of each county have, by the county's code and labels."""
        ...

    def split(self, key: str, columns: Sequence[str], features: Sequence[Int], level: Level) -> tuple[Register, Sums]:
        """Sum a register by region: those of a level stay in the engine, all others come back as rows."""
        ...

    def join(
        self, register: Register, columns: Sequence[str], wanted: Sequence[str], *, absent: int | None, careful: bool
    ) -> tuple[Self, int, list[str], int]:
        """Give every row what a register says of it.

        Args:
            register: The register's sums; of each wanted variable its amount, and the rows that leave it unknown.
            columns: Columns that the register is grouped by beside the region.
            wanted: Variables to add.
            absent: What a row has that the register does not list.
            careful: Whether to count before believing.

        Returns:
            The table, the number of rows not listed, the listed codes that the table does not have, and how many codes
            are listed with labels of the columns that no row has.
        """
        ...

    def exceeding(self, part: str, whole: str) -> tuple[int, str | None]:
        """Return in how many rows a part is larger than its whole, and the code of one of them."""
        ...

    def with_remainder(
        self, amounts: Mapping[str, Sequence[int | None]], labels: Mapping[str, Sequence[str | None]]
    ) -> Self:
        """Append rows that are no community, marked by a column `remainder`."""
        ...

    def kept(self) -> Self:
        """Return the table read and checked, and kept in memory or where its engine keeps its data."""
        ...

    def codes_repeat(self) -> bool:
        """Say whether a code stands in more than one row."""
        ...

    def summed(self, keys: Sequence[str], features: Sequence[Int]) -> Summed:
        """Sum features over the rows of each combination of keys; without keys over all rows."""
        ...


def gathered(pairs: Iterable[tuple[Labelled, str | None]]) -> dict[Labelled, set[str]]:
    """Return the names that regions are called by, from pairs of both."""
    found: dict[Labelled, set[str]] = {}
    for place, name in pairs:
        if place[0] is not None and name is not None:
            found.setdefault(place, set()).add(name)
    return found


@attrs.frozen
class ListedSums:
    """Sums as Python values."""

    found: Sums

    def rows(self) -> Sums:
        """Return the sums."""
        return self.found


@attrs.frozen
class ListedRegister:
    """A register's sums as Python values."""

    found: Mapping[tuple[str | None, ...], tuple[int, ...]]

    def rows(self) -> Sums:
        """Return the sums."""
        return list(self.found.items())


class Listed:
    """What a table can do by way of Python lists of its cells."""

    def label_cells(self, name: str) -> list[str | None]:
        """Return a key column."""
        raise NotImplementedError

    def amount_cells(self, name: str) -> list[int | None]:
        """Return a column of numbers, None where a cell is missing."""
        raise NotImplementedError

    def with_amounts(self, amounts: Mapping[str, Sequence[int | None]]) -> Self:
        """Add columns of numbers."""
        raise NotImplementedError

    def sums(self, keys: Sequence[str], features: Sequence[Int]) -> Sums:
        """Sum features over the rows of each combination of keys."""
        raise NotImplementedError

    def kept(self) -> Self:
        """Return the table itself, which is in memory and checked as it is."""
        return self

    def codes_repeat(self) -> bool:
        """Say whether a code stands in more than one row; a remainder has none."""
        codes = [code for code in self.label_cells("code") if code is not None]
        return len(set(codes)) < len(codes)

    def summed(self, keys: Sequence[str], features: Sequence[Int]) -> ListedSums:
        """Sum features over the rows of each combination of keys."""
        return ListedSums(self.sums(keys, features))

    def placed(self, keys: Sequence[str], *, careful: bool) -> tuple[Self, list[int | None], int]:  # noqa: ARG002  # as `Table`
        """Return the table, the rows that none of some key columns puts anywhere, and how many there are."""
        cells = zip(*map(self.label_cells, keys), strict=True)
        rows: list[int | None] = [row for row, names in enumerate(cells, start=1) if not any(names)]
        return self, rows, len(rows)

    def called(self, level: Level, columns: Sequence[str]) -> dict[Labelled, set[str]]:
        """Return what each region of a level is called, by its code and labels."""
        cells = zip(*(self.label_cells(name) for name in ("code", level, *columns)), strict=True)
        return gathered(
            ((None if code is None else region_at(code, level), *rest), text) for code, text, *rest in cells
        )

    def exceeding(self, part: str, whole: str) -> tuple[int, str | None]:
        """Return in how many rows a part is larger than its whole, and the code of one of them."""
        rows = zip(self.label_cells("code"), self.amount_cells(part), self.amount_cells(whole), strict=True)
        codes = [code for code, some, most in rows if some is not None and most is not None and some > most]
        return len(codes), min(filter(None, codes), default=None)

    def kinds_by_county(self, columns: Sequence[str]) -> dict[Labelled, set[int | None]]:
        """Return the county kinds that the rows of each county have, by the county's code and labels."""
        kinds: dict[Labelled, set[int | None]] = {}
        labels = zip(*(self.label_cells(name) for name in ("code", *columns)), strict=True)
        for (code, *rest), kind in zip(labels, self.amount_cells("county_kind"), strict=True):
            if code is not None:
                kinds.setdefault((code[: LEVELS["county"]], *rest), set()).add(kind)
        return kinds

    def split(
        self, key: str, columns: Sequence[str], features: Sequence[Int], level: Level
    ) -> tuple[ListedRegister, Sums]:
        """Sum a register by region: those of a level, and all others."""
        within: dict[tuple[str | None, ...], tuple[int, ...]] = {}
        beyond = []
        for (code, *rest), totals in self.sums([key, *columns], features):
            region = normal_code(code or "")
            if level == "township":  # what lies in a township's communities lies in the township
                region = region_at(region, "township") or region
            if len(region) != LEVELS[level]:
                beyond.append(((region, *rest), totals))
                continue
            place = (region, *rest)
            within[place] = tuple(map(operator.add, within[place], totals)) if place in within else totals
        return ListedRegister(within), beyond

    def join(
        self,
        register: Register,
        columns: Sequence[str],
        wanted: Sequence[str],
        *,
        absent: int | None,
        careful: bool,  # noqa: ARG002  # as `Table`
    ) -> tuple[Self, int, list[str], int]:
        """Give every row what a register says of it; see `Table`."""
        said = dict(register.rows())
        keys = list(zip(*(self.label_cells(name) for name in ("code", *columns)), strict=True))
        strangers = sorted({str(place[0]) for place in said} - {str(key[0]) for key in keys})
        listed = [said.get(key) for key in keys]
        amounts = {
            name: [absent if row is None else None if row[2 * place + 1] else row[2 * place] for row in listed]
            for place, name in enumerate(wanted)
        }
        elsewhere = len(said.keys() - set(keys)) if columns else 0
        return self.with_amounts(amounts), sum(1 for row in listed if row is None), strangers, elsewhere


@attrs.frozen
class Grouping:
    """What results are grouped by: levels of the hierarchy and columns of the communities table."""

    levels: tuple[Level, ...] = ()
    """Levels, from large to small; each gets rows of its own."""
    columns: tuple[str, ...] = ()
    """Headers; their values are crossed with the regions."""
    hidden: tuple[Level, ...] = ()
    """Levels that only tell regions of one name apart and get no rows."""
    beside: tuple[Level, ...] = ()
    """Hidden levels that are counted by to see whether codes tell them; a row may lie in none of their regions."""

    @classmethod
    def parse(cls, by: str | Iterable[str] | None) -> Grouping:
        """Read a `by=` argument: a level, a column, or a list of them.

        Raises:
            DataError: If one of them is no text.
        """
        if by is not None and not isinstance(by, Iterable):
            raise DataError(f"expected a level, a column or a list of them in by=, got {by!r}")
        names = [by] if isinstance(by, str) else list(by or ())
        wrong = [name for name in names if not isinstance(name, str)]
        if wrong:
            raise DataError(f"expected a level or a column in by=, got {wrong[0]!r}")
        names = list(dict.fromkeys(names))
        levels = tuple(level for level in LEVELS if level in names)
        return cls(levels, tuple(name for name in names if name not in LEVELS))

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the key columns of a table assembled for this grouping."""
        return (*self.levels, *self.columns)

    @property
    def shown(self) -> tuple[Level, ...]:
        """Levels that get rows, from large to small."""
        return tuple(level for level in self.levels if level not in self.hidden)

    def without(self, level: Level) -> Grouping:
        """Return the same grouping without a level."""
        return attrs.evolve(self, levels=tuple(name for name in self.levels if name != level))

    def with_beside(self, levels: Collection[Level]) -> Grouping:
        """Return the same grouping with levels of which is seen whether codes tell them."""
        found = functools.reduce(Grouping.told_apart, levels, self)
        return attrs.evolve(found, beside=tuple(level for level in found.levels if level in levels))

    def told_apart(self, level: Level) -> Grouping:
        """Return the same grouping with a level that only tells regions of one name apart."""
        if level in self.levels:
            return self
        levels = tuple(name for name in LEVELS if name == level or name in self.levels)
        return attrs.evolve(self, levels=levels, hidden=(*self.hidden, level))
