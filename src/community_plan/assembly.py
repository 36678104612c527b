"""Assembly: from a user's tables to one table of whole numbers, a row per community.

Facilities and workforce are reduced to the communities' columns by the variables' own derivations. People
who belong to a larger region than a community come in as *remainder* rows: they count in the region's sums
and are no community. What does not follow from a column follows from the statistical code.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any

import attrs

from community_plan.entry import Note, SourceColumn, bad_cells, resolve_columns
from community_plan.errors import (
    AmbiguousColumnError,
    CommunityPlanError,
    DataError,
    MissingColumnError,
    Place,
    did_you_mean,
    nearest,
    raise_faults,
)
from community_plan.expressions import Col, In, Int, Known, Lit, add, compare, conjunction, negation, when
from community_plan.grouping import PERIOD_COLUMNS, Grouping, Misread, Register, Table, Way
from community_plan.headers import UNIT_LEVEL, enter, headers_of, levels_among, names_in, stands_for
from community_plan.labels import label
from community_plan.regions import LEVELS, CountyKind, Level, county_kind_of, normal_code, region_at, region_number
from community_plan.tables import CellTable, Opened, RawTable
from community_plan.variables import KIND_OF, Derivation, TableName, Variable, Variables

__all__ = ["Assembled", "assemble", "can_stream"]

_REGISTERS: tuple[TableName, ...] = ("facilities", "workforce")
_KEY: dict[TableName, str] = {"facilities": "community", "workforce": "region"}
_FROM_CODE: dict[TableName, tuple[str, ...]] = {
    "communities": ("county_kind", "setting", "city", "county", "township"),
    "townships": ("county_kind", "township_kind", "city", "county"),
}


@attrs.frozen(kw_only=True)
class Assembled:
    """A table of whole numbers with what is needed to read its sums."""

    table: Any
    """A `Table`."""
    grouping: Grouping
    """As asked for, with the hidden levels that tell regions of one name apart."""
    apart: tuple[Level, ...]
    """Levels without which townships of one name are not told apart."""
    level: Level
    """Level of the table's rows."""
    named: bool
    """Whether its communities or townships have names."""
    written: frozenset[Level]
    """Levels that the data tell in columns of their own."""
    notes: tuple[Note, ...]
    """What happened on the way, beside the notes of the table itself."""

    def kept(self) -> Assembled:
        """Return the same with its table read and checked, and kept in memory or where its engine keeps its data.

        Raises:
            Misread: If, without care, a row turns out not to be as the first ones.
        """
        return attrs.evolve(self, table=self.table.kept())

    def names(self) -> dict[str, str]:
        """Return the names of communities or townships by code, if they have any."""
        return names_in(self.table) if self.named else {}


def assemble(
    data: Opened,
    variables: Variables,
    needed: Mapping[str, Sequence[str]],
    grouping: Grouping,
    *,
    unit: TableName,
    units: Mapping[str, str] | None,
    declared_kinds: dict[str, CountyKind],
    way: Way,
    memory: dict[Any, Any],
) -> Assembled:
    """Reduce a user's tables to one table of whole numbers, a row per community or per township.

    Args:
        data: The tables, as `open_tables` opened them.
        variables: The variables of the plan.
        needed: Columns of the unit's table that the targets read, with the targets that read each.
        grouping: What results are grouped by.
        unit: The table whose rows are counted: communities or townships.
        units: Units of columns that are not in the variable's own unit, by header or variable id, or by
            `table.header` where two tables share a header.
        declared_kinds: County kinds that the plan declares for codes that do not say it.
        way: How the table is entered; streamed only if it can be, see `can_stream`.
        memory: Keeps what was written for a kind of table, and nothing of its data, for the next table of the kind.

    Raises:
        Misread: If, without care, a row turns out not to be as the first ones; sums may raise it too.
        DataError: One fault, or a `DataFaults` group with all that were found.
    """
    work = _Assembly(data, unit, variables.of_table(unit), variables, needed, grouping, declared_kinds, way)
    work.sort_units(units or {})
    main = data.tables[unit]
    if way.careful or not isinstance(main, RawTable) or set(data.tables) & set(_REGISTERS):
        return work.run()
    from community_plan import frames

    said = tuple(sorted((units or {}).items())), tuple(sorted(declared_kinds.items()))
    key = (unit, main.source, tuple(headers_of(main)), tuple(needed), grouping, way.streamed, *said)
    recalled = frames.recalled(memory, key, main.frame, way)
    if recalled is not None:
        table, blank = recalled
        found: Assembled = attrs.evolve(blank, table=table)
        return found
    assembled = work.run()
    if not assembled.notes:
        frames.remember(memory, key, assembled.table, attrs.evolve(assembled, table=None))
    return assembled


def can_stream(data: Opened, unit: TableName, grouping: Grouping) -> bool:
    """Say whether a table's rows can be added up as they come out of their engine, and that is fastest."""
    main = data.tables[unit]
    if not isinstance(main, RawTable) or set(data.tables) & set(_REGISTERS) or UNIT_LEVEL[unit] in grouping.levels:
        return False  # registers are joined to it, or the names of its rows are asked for
    from community_plan import frames

    return frames.can_stream(main.frame)


@attrs.define
class _Register:
    """What one register says of each community or township, and of regions beyond them."""

    within: Register | None = None
    columns: tuple[str, ...] = ()
    """Columns grouped by that it has too."""
    beyond: dict[tuple[Any, ...], dict[str, int | None]] = attrs.field(factory=dict)
    """(code of a larger region, columns…) to variable to quanta."""


@attrs.define
class _Assembly:
    """The steps from opened tables to a table of whole numbers."""

    data: Opened
    unit: TableName
    local: Mapping[str, Variable]
    """Variables of the unit's table, by column."""
    variables: Variables
    needed: Mapping[str, Sequence[str]]
    grouping: Grouping
    declared_kinds: dict[str, CountyKind]
    way: Way
    units: dict[TableName, dict[str, str]] = attrs.field(factory=dict)
    faults: list[CommunityPlanError] = attrs.field(factory=list)
    notes: list[Note] = attrs.field(factory=list)

    def run(self) -> Assembled:
        main = self.data.tables[self.unit]
        if isinstance(main, CellTable):
            # An attribute that no object sets is no column where another source can take its place.
            main = main.without_unset([*LEVELS, *self.derived_names()])
        headers = headers_of(main)
        present = {name for header in headers if (name := stands_for(self.variables, self.unit, header))}
        apart: tuple[Level, ...] = ()
        if "township" in self.grouping.levels and "township" in present and present & {"county", "code"}:
            # Townships of one name are common (城关镇); a column of names needs the county beside it.
            apart = ("county",)
            self.grouping = self.grouping.told_apart(*apart)
        derived = self.derived_names()
        columns = self.community_columns(main, headers, derived)
        labels = self.label_headers(main, headers)
        unique = [columns["code"].header, *labels.values()] if "code" in columns else []
        table = self.enter(main, columns, labels, unique)
        registers = {
            name: self.register(name, [key for key, derive in derived.items() if derive.table == name])
            for name in _REGISTERS
            if any(derive.table == name for derive in derived.values())
        }
        raise_faults(self.faults, subject="The data cannot be evaluated")
        for name in _FROM_CODE[self.unit]:
            if name in self.needed and "code" in columns:
                table = table.fill_from_code(self.local[name], self.declared_kinds)
        for name, register in registers.items():
            table = self.add_register(table, name, register)
        self.see_wholes(table, derived)
        for level in self.grouping.levels:
            if "code" in columns:
                table = table.with_level(level)
            if level in apart or level not in self.grouping.beside:
                table = self.check_level(main, table, level, coded="code" in columns)
        names = [name for name in columns if name in (*LEVELS, "name")]
        if names and "code" not in columns and not self.grouping.levels:
            table = self.check_names(main, table, names)
        raise_faults(self.faults, subject="The data cannot be evaluated")
        table = self.add_remainder(table, registers)
        named = {"code", "name"} <= columns.keys()
        return Assembled(
            table=table,
            grouping=self.grouping,
            apart=apart,
            level=self.level,
            named=named,
            written=levels_among(present, self.level),
            notes=tuple(self.notes),
        )

    def derived_names(self) -> dict[str, Derivation]:
        """Return the variables that a register given with the data provides."""
        return {
            name: derive
            for name in (*self.needed, *self.wholes())
            if (derive := self.local[name].derive) is not None and derive.table in self.data.tables
        }

    def wholes(self) -> list[str]:
        """Return the variables that limit a needed one from above, as its whole or its whole's whole."""
        found: list[str] = []
        for name in self.needed:
            whole = self.local[name].part_of
            while whole is not None:
                found.append(whole)
                whole = self.local[whole].part_of
        return [name for name in dict.fromkeys(found) if name not in self.needed]

    def check_level(self, main: CellTable | RawTable, table: Table, level: Level, *, coded: bool) -> Table:
        """Append a fault for rows that lie in no region of a level, so that none is left out in silence."""
        table, rows, count = table.placed([level], careful=self.way.careful)
        if count:
            mend = "fill the cell, or add a column of codes from which it follows"
            if coded:  # an empty text is a text, which no engine takes for a missing one
                mend = "fill the cell, or make it null, so that it follows from the code"
            problem = f"expected a {level}, got none"
            header = self.header_of(self.unit, level)
            self.faults.append(bad_cells(main.source, header, problem, rows, count=count, mend=mend))
        return table

    def check_names(self, main: CellTable | RawTable, table: Table, names: Sequence[str]) -> Table:
        """Append a fault for rows that nothing names, where no code does: a sum may be written beside the names."""
        table, rows, count = table.placed(names, careful=self.way.careful)
        if count:
            mend = "fill in a name, or leave out rows of totals and of notes"
            header, problem = self.header_of(self.unit, names[0]), "expected the name of one place, got none"
            self.faults.append(bad_cells(main.source, header, problem, rows, count=count, mend=mend))
        return table

    @property
    def level(self) -> Level:
        """Level of the table's rows."""
        return UNIT_LEVEL[self.unit]

    def header_of(self, table: TableName, name: str) -> str:
        """Return how the column of a variable is headed in the data, its id where it has none."""
        headers = headers_of(self.data.tables[table])
        return next((header for header in headers if stands_for(self.variables, table, header) == name), name)

    def place_of(self, table: TableName, name: str) -> Place:
        """Return the place of the column of a variable."""
        return self.data.tables[table].source.place(column=self.header_of(table, name))

    # -- which columns -----------------------------------------------------------------------------------

    def sort_units(self, units: Mapping[str, str]) -> None:
        """Give each unit to the tables that have its column, or to the one named before a dot."""
        for name, unit in units.items():
            before, _, rest = name.partition(".")
            named = [table for table in self.data.tables if table == before and rest]
            if named:
                self.units.setdefault(named[0], {})[rest] = unit
                continue
            owners = [
                owner
                for owner, raw in self.data.tables.items()
                if any(name in (header, stands_for(self.variables, owner, header)) for header in headers_of(raw))
            ]
            for owner in owners or [self.unit]:
                self.units.setdefault(owner, {})[name] = unit

    def community_columns(
        self, main: CellTable | RawTable, headers: Sequence[str], derived: Mapping[str, Derivation]
    ) -> dict[str, SourceColumn]:
        """Resolve the columns of the unit's table; those of a register must not stand in it too."""
        # A region that a scope names is a code, so a column of names cannot tell it.
        by_code = _FROM_CODE[self.unit]
        present = {name: header for header in headers if (name := stands_for(self.variables, self.unit, header))}
        for name, derive in derived.items():
            if name in present:
                self.faults.append(
                    AmbiguousColumnError(
                        f"{name!r} stands in column {present[name]!r} and follows from the {derive.table} table",
                        place=main.source.place(column=present[name]),
                        mend="drop the column, or leave the other table out",
                    )
                )
        needed = {name: users for name, users in self.needed.items() if name not in derived and name not in by_code}
        from_code = [name for name in by_code if name in self.needed]
        wants_code = [user for name in from_code if name not in present or name in LEVELS for user in self.needed[name]]
        wants_code += [f"by={level}" for level in self.grouping.levels if level == self.level or level not in present]
        if wants_code or derived:
            needed["code"] = [*wants_code, *derived]
        categories = [name for name in from_code if name not in LEVELS]
        optional = {"code", "name", *categories, *self.grouping.levels, *self.wholes()} - {self.level, *derived}
        if "code" not in present:  # nothing else shows that a row adds up others
            named = [stands_for(self.variables, self.unit, header) for header in headers]
            optional |= {level for level in LEVELS if named.count(level) == 1} - {self.level, *derived}
        return resolve_columns(
            main.source,
            headers,
            self.variables,
            needed,
            optional=sorted(optional),
            units=self.units.get(self.unit),
            faults=self.faults,
        )

    def label_headers(self, main: CellTable | RawTable, headers: Sequence[str]) -> dict[str, str]:
        """Return the headers of the columns that are grouped by and are no level."""
        labels = {}
        for name in self.grouping.columns:
            matches = [header for header in headers if name in (header, stands_for(self.variables, self.unit, header))]
            if matches:
                labels[name] = name if name in matches else matches[0]
                continue
            hint = did_you_mean(nearest(name, [*LEVELS, *headers]))
            self.faults.append(
                MissingColumnError(
                    f"by={name!r} is neither a level ({', '.join(LEVELS)}) nor a column{hint}",
                    place=main.source.place(),
                )
            )
        return labels

    def enter(
        self,
        raw: CellTable | RawTable,
        columns: Mapping[str, SourceColumn],
        labels: Mapping[str, str],
        unique: Sequence[str],
    ) -> Table:
        """Turn a table into whole numbers on the engine that it came with."""
        return enter(raw, columns, labels=labels, unique=unique, way=self.way, faults=self.faults)

    # -- registers ---------------------------------------------------------------------------------------

    def register(self, name: TableName, wanted: Sequence[str]) -> _Register:
        """Sum a register for each region that it names."""
        raw, local = self.data.tables[name], self.variables.of_table(name)
        headers = headers_of(raw)
        derivations = [derive for key in wanted if (derive := self.local[key].derive) is not None]
        summed = sorted({derive.sum for derive in derivations if derive.sum is not None})
        tested = sorted({derive.at_least.column for derive in derivations if derive.at_least is not None} - {*summed})
        wholes = [whole for key in summed if (whole := local[key].part_of) is not None]
        before = len(self.faults)
        columns = resolve_columns(
            raw.source,
            headers,
            self.variables,
            dict.fromkeys((_KEY[name], KIND_OF[name], *summed, *tested), wanted),
            optional=wholes,
            units=self.units.get(name),
            faults=self.faults,
        )
        # What the register says of its own rows, such as the kind of a facility, is no column of the communities.
        own = [header for header in headers if stands_for(self.variables, name, header)]
        shared = tuple(column for column in self.grouping.columns if column in headers and column not in own)
        result = _Register(columns=shared)
        self.see_periods(raw, headers, shared)
        if len(self.faults) > before:
            return result
        table = self.enter(raw, columns, {column: column for column in result.columns}, ())
        if len(self.faults) > before:
            return result
        features = [feature for derive in derivations for feature in _register_features(derive, local)]
        result.within, beyond = table.split(_KEY[name], result.columns, features, self.level)
        self.notes += table.notes
        for (code, *rest), totals in beyond:
            place = (normal_code(code or ""), *rest)
            values = {key: None if totals[2 * at + 1] else totals[2 * at] for at, key in enumerate(wanted)}
            result.beyond[place] = _plus(result.beyond.get(place), values)
        if name == "facilities" and result.beyond:
            # A township's facility belongs to no community, so it counts in none of their indicators.
            self.notes.append(
                Note(
                    code=f"beyond-{self.level}",
                    zh=f"有 {{count}} 个区划的设施不属于任何{label(self.level, 'zh')}, 未计入其指标",
                    en=f"facilities of {{count}} regions belong to no {self.level} and are not counted for any",
                    count=len(result.beyond),
                )
            )
            result.beyond.clear()
        return result

    def see_periods(self, raw: CellTable | RawTable, headers: Sequence[str], shared: Sequence[str]) -> None:
        """Append what is to be said of a register whose periods are not told apart as those of the rows are."""
        told = [header for header in headers if header in PERIOD_COLUMNS]
        if not told or any(column in PERIOD_COLUMNS for column in shared):
            return
        asked = [column for column in self.grouping.columns if column in PERIOD_COLUMNS]
        if asked:  # every year would have the rows of all
            problem = f"expected a column {asked[0]!r} as the {self.unit} table has, got {told[0]!r}"
            place, mend = raw.source.place(column=told[0]), "call the column alike in both tables"
            self.faults.append(MissingColumnError(problem, place=place, mend=mend))
            return
        self.notes.append(
            Note(
                code="periods",
                zh=f"by= 没有列出 {raw.source.table} 表的 {told[0]} 列: 各期的行合在一起计算",
                en=f"by= does not name {told[0]}, a column of the {raw.source.table} table: its rows of every "
                f"{told[0]} count together",
            )
        )

    def add_register(self, table: Table, name: TableName, register: _Register) -> Table:
        """Give every community what the register says of it.

        Raises:
            DataError: If the register names communities that the table does not have.
        """
        assert register.within is not None
        absent = 0 if self.data.unlisted == "zero" else None
        wanted = [key for key, derive in self.derived_names().items() if derive.table == name]
        table, unlisted, strangers, elsewhere = table.join(
            register.within, register.columns, wanted, absent=absent, careful=self.way.careful
        )
        if strangers:
            more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
            raise DataError(
                f"expected codes that stand in the {self.unit} table, got {strangers[0]!r}{more}",
                place=self.place_of(name, _KEY[name]),
                mend=f"add the {self.unit}, or correct the codes",
            )
        if elsewhere:
            columns = ", ".join(register.columns)
            self.notes.append(
                Note(
                    code="elsewhere",
                    zh=f"{name} 表中有 {{count}} 组{label(self.level, 'zh')}与 {columns} "
                    f"在 {self.unit} 表中没有对应的行, 未计入",
                    en=f"the {name} table has {{count}} pair(s) of {self.level} and {columns} without a row in the "
                    f"{self.unit} table: not counted",
                    count=elsewhere,
                )
            )
        if unlisted:
            zh = "计为 0" if absent == 0 else "计为未知"
            self.notes.append(
                Note(
                    code="unlisted",
                    zh=f"{{count}} 个{label(self.level, 'zh')}不在 {name} 表中, {zh}",
                    en=f"{{count}} {self.unit} are not listed in the {name} table: counted as "
                    + ("0" if absent == 0 else "not known"),
                    count=unlisted,
                )
            )
        return table

    def _of_no_period(self, name: TableName, period: str) -> DataError:
        """Return the fault that a register tells no year of what lies beyond communities: it would count in none."""
        return MissingColumnError(
            f"expected a column {period!r}, for rows of larger regions than a {self.level}, got none",
            place=self.data.tables[name].source.place(),
            mend="add it, with the same people in each period if they are the same",
        )

    def _called_twice(self, level: Level, region: str, names: Sequence[str]) -> DataError:
        """Return the fault that what lies beyond communities may belong to one region or to another."""
        return DataError(
            f"expected one name for the {level} of {region}, which has more than its communities, got "
            + " and ".join(repr(name) for name in names[:5]),
            place=self.place_of(self.unit, level),
            mend="call it by one name, or by its code, in all of its rows",
        )

    def see_wholes(self, table: Table, derived: Collection[str]) -> None:
        """Append a fault for every part that a register makes larger than its whole, or its whole smaller.

        Raises:
            Misread: If there is one, and cells were not read with care.
        """
        for part in table.amount_names:
            whole = self.local[part].part_of if part in self.local else None
            if whole is None or whole not in table.amount_names or not {part, whole} & {*derived}:
                continue  # what stands in one table was compared when it was read
            count, code = table.exceeding(part, whole)
            if not count:
                continue
            if not self.way.careful:
                raise Misread
            self.faults.append(self._more_than_whole(part, whole, count, code))

    def _more_than_whole(self, part: str, whole: str, count: int, code: str | None) -> DataError:
        """Return the fault that a part is larger than its whole."""
        return DataError(
            f"expected at most its whole, {whole!r}, got more in {count} of its rows"
            + (f", such as {code}" if code is not None else ""),
            place=self.place_of(self.unit, part),
            mend="correct the register or the column, or leave out what is not known",
        )

    def add_remainder(self, table: Table, registers: Mapping[TableName, _Register]) -> Table:
        """Append a row for every region that has people beyond those of its communities."""
        larger = {name: register for name, register in registers.items() if register.beyond}
        if not larger:
            return table
        labels: dict[str, list[str | None]] = {name: [] for name in self.grouping.keys}
        amounts: dict[str, list[int | None]] = {name: [] for name in table.amount_names}
        faults: dict[str, CommunityPlanError] = {}
        exceeding: dict[tuple[str, str], list[str]] = {}
        for table_name, register in larger.items():
            periods = [c for c in self.grouping.columns if c in PERIOD_COLUMNS and c not in register.columns]
            if periods:
                faults[periods[0]] = self._of_no_period(table_name, periods[0])
            # A level may be a column of names: a larger region is then called as its communities call it, in the same
            # year if the register tells it: a county may become a district, and have another name then.
            columns = register.columns
            called = {level: table.called(level, columns) for level in self.grouping.levels}
            kinds = table.kinds_by_county(columns) if "county_kind" in table.amount_names else {}
            for (code, *rest), values in register.beyond.items():
                known = dict(zip(columns, rest, strict=True))
                for level in self.grouping.levels:
                    region = region_at(code, level)
                    # One without a community here goes by its code, as it would in data of its own.
                    names = sorted(called[level].get((region, *rest), ()))
                    if region is not None and len(names) > 1:
                        faults[region] = self._called_twice(level, region, names)
                    labels[level].append(names[0] if names else region)
                for column in self.grouping.columns:
                    labels[column].append(known.get(column))
                county = region_at(code, "county")
                same = kinds.get((county, *rest))
                for name in table.amount_names:
                    amounts[name].append(values.get(name, self._beyond_communities(name, code, county, same)))
                for name, some in values.items():
                    most = values.get(whole) if (whole := self.local[name].part_of) is not None else None
                    if whole is not None and some is not None and most is not None and some > most:
                        exceeding.setdefault((name, whole), []).append(code)
        found = [self._more_than_whole(*pair, len(codes), min(codes)) for pair, codes in exceeding.items()]
        raise_faults([*faults.values(), *found], subject="The data cannot be evaluated")
        return table.with_remainder(amounts, labels)

    def _beyond_communities(
        self, name: str, code: str, county: str | None, kinds: Set[int | None] | None
    ) -> int | None:
        """Return what a larger region holds beyond its communities if no register tells: nothing of any amount.

        Its county kind is that of its communities, if they agree, and what its code says if it has none here; it has no
        setting.
        """
        if name == "setting":
            return None
        if name in LEVELS:
            return region_number(code, name) if region_at(code, name) is not None else None
        if name == "county_kind":
            if county is None:
                return None
            if kinds is None:
                kind = self.declared_kinds.get(county, county_kind_of(county))
                return None if kind is None else self.local[name].number_of(kind)
            return next(iter(kinds)) if len(kinds) == 1 else None
        return 0


def _plus(before: Mapping[str, int | None] | None, values: Mapping[str, int | None]) -> dict[str, int | None]:
    """Add up what two rows of a register say of one place; what one does not know, the sum does not."""
    if before is None:
        return dict(values)
    both = {key: (before[key], value) for key, value in values.items()}
    return {key: None if old is None or new is None else old + new for key, (old, new) in both.items()}


def _register_features(derive: Derivation, local: Mapping[str, Variable]) -> list[Int]:
    """Return the sum that a derivation asks for, and the number of rows that leave it unknown."""
    kind = local[KIND_OF[derive.table]]
    numbers = tuple(sorted(kind.number_of(value) for value in derive.kinds))
    counted = conjunction((Known(kind.id), In(kind.id, numbers)))
    unknown = when(negation(Known(kind.id)), Lit(1))
    floor = derive.at_least
    if floor is not None:
        column = local[floor.column]
        least = math.ceil(floor.value.magnitude * column.quanta_in(floor.value.unit))
        reaches = conjunction((counted, Known(column.id), compare(Col(column.id), ">=", Lit(least))))
        unknown = add((unknown, when(conjunction((counted, negation(Known(column.id)))), Lit(1))))
        counted = reaches
    if derive.sum is None:
        return [when(counted, Lit(1)), unknown]
    told = conjunction((counted, Known(derive.sum)))
    silent = when(conjunction((counted, negation(Known(derive.sum)))), Lit(1))
    return [when(told, Col(derive.sum)), add((unknown, silent))]
