"""Headers: what a user's tables tell before they are put together: columns, levels, names, whether they are real."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from community_plan import columns as cells
from community_plan.entry import Note, SourceColumn, resolve_columns
from community_plan.errors import CommunityPlanError, raise_faults
from community_plan.grouping import Table, Way
from community_plan.regions import LEVELS, Level
from community_plan.tables import CellTable, Opened, RawTable
from community_plan.variables import TableName, Variables

__all__ = [
    "UNIT_LEVEL",
    "enter",
    "headers_of",
    "levels_among",
    "levels_told",
    "levels_written",
    "names_in",
    "names_of",
    "stands_for",
    "synthetic_note",
]

UNIT_LEVEL: dict[TableName, Level] = {"communities": "community", "townships": "township"}
"""The level of the rows of the tables that are counted."""


def headers_of(table: CellTable | RawTable) -> list[str]:
    """Return the headers of a table."""
    if isinstance(table, CellTable):
        return list(table.columns)
    from community_plan import frames

    return frames.headers_of(table.frame)


def stands_for(variables: Variables, table: TableName, header: str) -> str | None:
    """Return the variable that a header stands for, if any."""
    match = variables.match(table, header)
    return None if match is None else match[0]


def enter(
    table: CellTable | RawTable,
    columns: Mapping[str, SourceColumn],
    *,
    labels: Mapping[str, str],
    unique: Sequence[str],
    way: Way,
    faults: list[CommunityPlanError],
) -> Table:
    """Turn a table into whole numbers on the engine that it came with.

    Args:
        table: A user's table.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        way: How it is entered.
        faults: Collects what is wrong.

    Raises:
        Misread: If, without care, a row turns out not to be as the first ones.
    """
    if isinstance(table, CellTable):
        return cells.enter(
            table.source, table.columns, table.rows, columns, labels=labels, unique=unique, faults=faults
        )
    from community_plan import frames

    return frames.enter(table.frame, table.source, columns, labels=labels, unique=unique, way=way, faults=faults)


def names_in(table: Table) -> dict[str, str]:
    """Return the names of a table's rows by code: one for each, whatever the order of the rows."""
    names: dict[str, str] = {}
    for code, name in zip(table.label_cells("code"), table.label_cells("name"), strict=True):
        if code is not None and name is not None and name != code:  # a code is no name
            names[code] = min(name, names.get(code, name))
    return names


def names_of(data: Opened, variables: Variables, table: TableName) -> dict[str, str]:
    """Return the names of a table's regions by code, the code itself where it has no name.

    Raises:
        DataError: If the table has no codes that can be read.
    """
    faults: list[CommunityPlanError] = []
    raw = data.tables[table]
    columns = resolve_columns(raw.source, headers_of(raw), variables, {"code": ()}, optional=["name"], faults=faults)
    raise_faults(faults, subject="The data cannot be evaluated")
    # A panel has a region once a year.
    entered = enter(raw, columns, labels={}, unique=(), way=Way(careful=True), faults=faults)
    raise_faults(faults, subject="The data cannot be evaluated")
    codes = {code: code for code in entered.label_cells("code") if code is not None}
    return codes | (names_in(entered) if "name" in columns else {})


def levels_among(names: Collection[str | None], level: Level) -> frozenset[Level]:
    """Return the levels, larger than that of the rows themselves, that some columns tell."""
    return frozenset(each for each in LEVELS if each in names and each != level)


def levels_told(data: Opened, variables: Variables, tables: Iterable[TableName]) -> tuple[Level, ...]:
    """Return the levels that every one of some tables tells, by a column of its own or by the code."""
    told = set(LEVELS)
    for table in tables:
        written, coded = levels_written(data, variables, table)
        told &= set(LEVELS) if coded else written
        told |= {"community"} if table == "townships" and coded else set()  # no township lies in one
    return tuple(level for level in LEVELS if level in told)


def levels_written(data: Opened, variables: Variables, table: TableName) -> tuple[frozenset[Level], bool]:
    """Return the levels that a table tells in columns of their own, and whether it has codes."""
    names = {stands_for(variables, table, header) for header in headers_of(data.tables[table])}
    return levels_among(names, UNIT_LEVEL[table]), "code" in names


def synthetic_note(data: Opened) -> Note | None:
    """Say that data which call themselves synthetic are."""
    marked = [name for name, raw in data.tables.items() if "synthetic" in headers_of(raw)]
    if not marked:
        return None
    return Note(
        code="synthetic",
        zh=f"合成数据, 与实际情况无关 ({', '.join(marked)})",
        en=f"synthetic data that describe no real place ({', '.join(marked)})",
    )
