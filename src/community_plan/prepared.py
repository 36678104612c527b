"""Prepared: data that were read and checked once, to be asked many questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from community_plan.assembly import Assembled
from community_plan.entry import Note
from community_plan.errors import DataError, raise_faults
from community_plan.grouping import Grouping
from community_plan.headers import UNIT_LEVEL
from community_plan.regions import CountyKind, Level
from community_plan.variables import TableName, Variables

__all__ = ["Prepared"]


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """Data that were read and checked once: whole numbers, kept for many questions. `Plan.prepare` makes it.

    What happens to the user's frames afterwards does not change it (pandas frames: from version 3 on, which copies what
    is written to).
    """

    targets: tuple[str, ...]
    """Ids of the targets that it was prepared for; `evaluate` judges these unless it is told which."""
    # What it can be grouped by.
    grouping: Grouping = attrs.field(repr=False)
    # Tables of whole numbers.
    tables: Mapping[TableName, Assembled] = attrs.field(repr=False)
    # Variables that each table was prepared with.
    needed: Mapping[TableName, frozenset[str]] = attrs.field(repr=False)
    # Variables of the plan.
    variables: Variables = attrs.field(repr=False)
    # County kinds that the plan declares.
    declared_kinds: Mapping[str, CountyKind] = attrs.field(repr=False)
    # Names of townships by code.
    township_names: Mapping[str, str] = attrs.field(repr=False)
    # Notes on the data as a whole.
    found: tuple[Note, ...] = attrs.field(repr=False)
    # The user's communities, if they were a frame; only its kind is looked at.
    frame: Any = attrs.field(repr=False)

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels that it can be grouped by, from large to small."""
        return self.grouping.shown

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it can be grouped by."""
        return self.grouping.columns

    @property
    def notes(self) -> tuple[Note, ...]:
        """What happened when it was read."""
        return (*(note for each in self.tables.values() for note in (*each.table.notes, *each.notes)), *self.found)

    def check(
        self,
        variables: Variables,
        declared_kinds: Mapping[str, CountyKind],
        grouping: Grouping,
        needed: Mapping[TableName, Mapping[str, Iterable[str]]],
    ) -> None:
        """See that a question can be answered.

        Args:
            variables: Variables of the plan that asks.
            declared_kinds: County kinds that it declares.
            grouping: What it asks by.
            needed: The variables of each table that it needs, with the targets that need them.

        Raises:
            DataError: One fault, or a `DataFaults` group with all that were found.
        """
        faults = []
        if (variables, dict(declared_kinds)) != (self.variables, dict(self.declared_kinds)):
            faults.append(
                DataError(
                    "expected data prepared with the variables of this plan, got those of another",
                    mend="prepare the data with this plan",
                )
            )
        there = [*self.levels, *self.columns]
        lacking = [name for name in grouping.keys if name not in there]
        if lacking:
            faults.append(
                DataError(
                    f"expected by= among {', '.join(there) or 'nothing'}, got {', '.join(lacking)}",
                    mend=f"prepare the data with by={[*there, *lacking]!r}",
                )
            )
        users = {
            user: name
            for table, names in needed.items()
            for name, asking in names.items()
            if name not in self.needed.get(table, ())
            for user in asking
        }
        if users:
            listed = ", ".join(f"{user} (needs {name})" for user, name in users.items())
            faults.append(
                DataError(
                    f"expected targets that the data were prepared for, got {listed}",
                    mend="prepare the data with these targets, too",
                )
            )
        raise_faults(faults, subject="The prepared data cannot be evaluated")
        if grouping.columns != self.columns and set(grouping.columns) != set(self.columns):
            self._check_codes(grouping.columns)

    def _check_codes(self, columns: Sequence[str]) -> None:
        """See that no community counts twice where columns are left out."""
        for name, each in self.tables.items():
            if each.table.codes_repeat():
                raise DataError(
                    f"expected by= with {', '.join(self.columns)}, got {', '.join(columns) or 'none of them'}: "
                    f"{name} stand in the data more than once",
                    mend="name all of these columns, or prepare the data of one period alone",
                )

    def can_stream(self, unit: TableName, grouping: Grouping) -> bool:
        """Say whether a table's rows are added up fastest as they come out of its engine."""
        streamed = getattr(self.tables[unit].table, "streamed", None)
        return UNIT_LEVEL[unit] not in grouping.levels and streamed is not None and streamed() is not None

    def assembled(self, unit: TableName, grouping: Grouping, *, streamed: bool) -> Assembled:
        """Return a table for a grouping that has been checked."""
        each = self.tables[unit]
        if streamed:
            each = attrs.evolve(each, table=each.table.streamed())
        if "township" in grouping.levels:
            for level in each.apart:
                grouping = grouping.told_apart(level)
        return attrs.evolve(each, grouping=grouping)
