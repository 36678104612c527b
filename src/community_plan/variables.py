"""Variables: the named, typed, unit-carrying columns that measures are made of."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Literal

import attrs

from community_plan.errors import MeasureError, NotFoundError
from community_plan.sources import Text
from community_plan.units import DIMENSIONLESS, Lang, Quantity, Unit, in_language

__all__ = [
    "KIND_OF",
    "UNITS_COLUMN",
    "Category",
    "Derivation",
    "Floor",
    "TableName",
    "Variable",
    "VariableType",
    "Variables",
    "normalise_word",
    "split_header",
]

TableName = Literal["communities", "facilities", "workforce", "townships", "evidence"]
"""A table of a dataset."""
VariableType = Literal["quantity", "category", "code", "township_code", "region_code", "text"]
"""What a column holds."""

UNITS_COLUMN = "communities"
"""A variable that the communities table has without a column of it: 1 for each community."""


KIND_OF: dict[TableName, str] = {"facilities": "kind", "workforce": "role"}
"""The category of a register whose values tell what its rows count for."""


@attrs.frozen(kw_only=True)
class Category:
    """One value of a category variable."""

    id: str
    """Value as it is stored."""
    label: Text
    """Value as people write it."""
    synonyms: tuple[str, ...] = ()
    """Further spellings found in tables."""


@attrs.frozen(kw_only=True)
class Floor:
    """A column that has to reach a value for its row to count."""

    column: str
    """Column of the table that is summed."""
    value: Quantity
    """Least value that counts."""


@attrs.frozen(kw_only=True)
class Derivation:
    """How the value of a community or township follows from its rows in another table: a sum, or their number."""

    table: Literal["facilities", "workforce"]
    """Table to be summed."""
    kinds: tuple[str, ...]
    """Facility kinds or workforce roles that count."""
    sum: str | None = None
    """Column to be summed; without it the rows are counted."""
    at_least: Floor | None = None
    """Counts only rows that reach a value."""


@attrs.frozen(kw_only=True)
class Variable:
    """A column of a table: what it means, its unit, and the smallest step it is kept in."""

    id: str
    """Column name in data."""
    table: TableName
    """Table that has the column."""
    type: VariableType
    """What its cells hold."""
    label: Text
    """Name for people."""
    synonyms: tuple[str, ...] = ()
    """Further headers under which tables carry it."""
    kind: str = ""
    """What is counted or measured; two people counts of different kinds never add up."""
    unit: Unit = DIMENSIONLESS
    """Unit of the column when nothing else is said."""
    quantum: Quantity | None = None
    """Smallest step; cells become whole multiples of it."""
    part_of: str | None = None
    """Variable of the same table that this one is a part of and cannot exceed."""
    derive: Derivation | None = None
    """How it follows from another table."""
    values: tuple[Category, ...] = ()
    """Values of a category, in the order of their numbers from 0."""

    @functools.cached_property
    def quanta_per_unit(self) -> Fraction:
        """How many quanta one `unit` is."""
        return self.quanta_in(self.unit)

    def quanta_in(self, unit: Unit) -> Fraction:
        """Return how many quanta one of `unit` is.

        Raises:
            DimensionError: If the unit measures something else.
        """
        if self.quantum is None:
            raise MeasureError(f"variable {self.id!r} is a {self.type}, not a quantity")
        # By way of its own unit, which is the one to be named where another does not convert to it.
        return unit.factor(self.unit) * self.unit.factor(self.quantum.unit) / self.quantum.magnitude

    @functools.cached_property
    def spellings(self) -> dict[str, int]:
        """Normalised spelling of every category value to its number."""
        table: dict[str, int] = {}
        for number, value in enumerate(self.values):
            for word in (value.id, value.label.zh, value.label.en, *value.synonyms):
                table[normalise_word(word)] = number
        return table

    def number_of(self, value: str) -> int:
        """Return the number of a category value.

        Raises:
            NotFoundError: If the variable has no such value.
        """
        for number, category in enumerate(self.values):
            if category.id == value:
                return number
        raise NotFoundError(f"value of {self.id}", value, [category.id for category in self.values])


@functools.lru_cache(maxsize=4096)
def normalise_word(text: str) -> str:
    """Return a header or category without case, width and space, for comparing."""
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", text)).lower()


_HEADER_UNIT = re.compile(r"(?P<name>.+?)[(\[(（【](?P<unit>[^()\[\]()（）【】]+)[)\])）】]\s*", re.DOTALL)


def split_header(header: str) -> tuple[str, str | None]:
    """Split `建筑面积(亩)` into the name and the unit in brackets at its end, if there is one.

    >>> split_header("建筑面积（亩）"), split_header("户数")
    (('建筑面积', '亩'), ('户数', None))
    """
    match = _HEADER_UNIT.fullmatch(header.strip())
    if match is None:
        return header.strip(), None
    return match["name"].strip(), match["unit"].strip()


@attrs.frozen
class Variables(Mapping[str, Variable]):
    """The variables of a plan, found by id; ids of other tables than communities as `table.id`."""

    _all: tuple[Variable, ...]

    @functools.cached_property
    def _by_id(self) -> dict[str, Variable]:
        return {self._key(variable): variable for variable in self._all}

    @staticmethod
    def _key(variable: Variable) -> str:
        return variable.id if variable.table == "communities" else f"{variable.table}.{variable.id}"

    def __getitem__(self, key: str) -> Variable:
        try:
            return self._by_id[key]
        except KeyError:
            raise NotFoundError("variable", key, self._by_id) from None

    def __contains__(self, key: object) -> bool:
        return key in self._by_id

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def of_table(self, table: TableName) -> dict[str, Variable]:
        """Return the variables of one table by id, in the order of declaration."""
        return self._of_table.get(table, {})

    @functools.cached_property
    def _of_table(self) -> dict[TableName, dict[str, Variable]]:
        tables: dict[TableName, dict[str, Variable]] = {}
        for variable in self._all:
            tables.setdefault(variable.table, {})[variable.id] = variable
        return tables

    @functools.cached_property
    def _headers(self) -> dict[TableName, dict[str, str]]:
        """For each table, every normalised header with the id that it stands for; an id stands for itself."""
        tables: dict[TableName, dict[str, str]] = {}
        for variable in self._all:
            found = tables.setdefault(variable.table, {})
            for word in (variable.label.zh, variable.label.en, *variable.synonyms):
                found.setdefault(normalise_word(word), variable.id)
        for variable in self._all:
            tables[variable.table][normalise_word(variable.id)] = variable.id
        return tables

    def match(self, table: TableName, header: str) -> tuple[str, str | None] | None:
        """Return the id of the variable a header stands for, and the text in brackets if a quantity has some: its unit.

        What has no unit has no brackets either: 名称(曾用名) is another column than 名称.
        """
        headers = self._headers[table]
        whole = headers.get(normalise_word(header))
        if whole is not None:
            return whole, None
        name, unit = split_header(header)
        named = headers.get(normalise_word(name))
        if named is None or unit is None or self.of_table(table)[named].type != "quantity":
            return None
        return named, unit

    def sibling(self, key: str, name: str) -> str:
        """Return the key of a variable that stands in the same table as another."""
        table = self[key].table
        return name if table == "communities" else f"{table}.{name}"

    def table_of(self, keys: Iterable[str]) -> TableName:
        """Return the one table whose rows a measure counts.

        Raises:
            MeasureError: If the variables stand in two tables, or in one that measures do not count.
        """
        tables = {self[key].table for key in keys if key != UNITS_COLUMN}
        if not tables:
            return "communities"
        if len(tables) > 1 or not tables <= {"communities", "townships"}:
            raise MeasureError(
                f"expected variables of communities or of townships alone, got {', '.join(sorted(keys))}"
            )
        return tables.pop()

    def label(self, key: str, lang: Lang) -> str:
        """Return the label of a variable, or of the unit count."""
        if key == UNITS_COLUMN:
            return in_language(lang, "社区(村)数", "Communities")
        return self[key].label.get(lang)
