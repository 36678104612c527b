"""Counting: data in, the sums that targets need out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import Any

import attrs

from community_plan.assembly import Assembled, assemble, can_stream
from community_plan.entry import Note, parse_units
from community_plan.errors import CommunityPlanError, DataError, MissingColumnError, raise_faults
from community_plan.grouping import Grouping, Misread, Summed, Table, Way
from community_plan.headers import levels_told, levels_written, names_of, synthetic_note
from community_plan.measures import Measure, variables_of
from community_plan.plan import Plan
from community_plan.prepared import Prepared
from community_plan.programs import REMAINDER, Program, compile_program
from community_plan.regions import LEVELS, Level
from community_plan.results import RESULT_COLUMNS
from community_plan.tables import Opened, open_tables
from community_plan.tallies import Cells, Counted, Tally, cells_of, combine, note_order, without_levels
from community_plan.variables import TableName

__all__ = ["Counting", "Counts", "Each", "count", "key_of", "measures_of", "prepare", "source_of", "tally"]

Each = Callable[[Table, Program], tuple[Any, Table] | None]
"""What makes a frame of communities, with the table for sums; None where a table cannot."""


@attrs.frozen(kw_only=True)
class Counts:
    """The sums over one table, with what else was learnt from it."""

    grouping: Grouping
    """As asked for, with the hidden levels that tell regions of one name apart."""
    inner: Grouping
    """What the table itself is grouped by: no township lies in a community."""
    program: Program
    summed: Summed | None
    """None where communities are judged one by one and nothing else was asked for."""
    communities: Any
    """The frame of the communities, where they are judged one by one."""
    apart: tuple[Level, ...]
    """Levels without which townships of one name are not told apart."""
    names: Mapping[str, str]
    notes: tuple[Note, ...]

    def cells(self) -> Cells:
        """Return the sums by the keys of `grouping`."""
        assert self.summed is not None
        cells = cells_of(self.summed, self.program)
        if self.inner.levels == self.grouping.levels:
            return cells
        place = len(self.inner.levels)
        return {(*key[:place], None, *key[place:]): slots for key, slots in cells.items()}


@attrs.frozen(kw_only=True)
class Counting:
    """What was counted in every table of a user's data."""

    plan: Plan
    chosen: Any
    """The targets, as a key."""
    measures: Mapping[TableName, Mapping[Measure, list[str]]]
    grouping: Grouping
    parts: Mapping[TableName, Counts]
    names: Mapping[str, str]
    notes: tuple[Note, ...]

    def _counted(self) -> tuple[Counted, ...]:
        return tuple(
            Counted.of(measure, users, self.plan.variables)
            for name in self.parts
            for measure, users in self.measures[name].items()
        )

    def tally(self, *, complete: bool = True, named: Collection[Level] = ()) -> Tally:
        """Return the sums of all measures by key.

        Args:
            complete: Whether regions were counted as a whole.
            named: Levels that have columns which were not looked at.
        """
        plan, parts = self.plan, self.parts
        cells = combine([(tuple(self.measures[name]), counts.cells()) for name, counts in parts.items()])
        needed = {level for counts in parts.values() for level in counts.apart}
        counted = Tally(
            plan=plan.id,
            plan_version=plan.document.version,
            content_hash=plan.content_hash,
            readings=plan.readings,
            measures=plan.once(("counted", self.chosen), self._counted),
            grouping=self.grouping,
            named=tuple(level for level in LEVELS if level in named),
            cells=cells,
            parts=frozenset() if complete else frozenset(cells),
            names={code: name for code, name in sorted(self.names.items()) if name != code},
            notes=self.notes,
        )
        return without_levels(counted, [level for level in self.grouping.beside if level not in needed])


def tally(
    plan: Plan,
    data: Any,
    *,
    by: str | Iterable[str] | None = None,
    targets: Iterable[str] | str | None = None,
    units: Mapping[str, str] | None = None,
    complete: bool = True,
) -> Tally:
    """Read data and add up what the chosen targets need; see `Plan.tally`."""
    source, chosen = source_of(plan, data, targets, units)
    grouping = grouping_of(by)
    finest = max((LEVELS[level] for level in grouping.levels), default=0)
    written, countable = source.written(measures_of(plan, chosen))
    coarser = {level for level in written if level not in grouping.levels and LEVELS[level] < finest}
    counting = count(plan, source, grouping.with_beside(coarser & countable), chosen)
    return counting.tally(complete=complete, named=coarser - countable)


def prepare(
    plan: Plan,
    data: Any,
    *,
    by: str | Iterable[str] | None = None,
    targets: Iterable[str] | str | None = None,
    units: Mapping[str, str] | None = None,
) -> Prepared:
    """Read and check data for many questions; see `Plan.prepare`."""
    if isinstance(data, Tally | Prepared):
        raise DataError(f"expected data, got a {type(data).__name__}", mend="evaluate it as it is")
    opened = open_tables(data)
    given = _Given(plan, opened, units)
    chosen = key_of(targets)
    measures = measures_of(plan, chosen)
    there = [name for name in sorted(measures) if name in opened.tables]
    grouping = Grouping(levels_told(opened, plan.variables, there)) if by is None else grouping_of(by)
    tables: dict[TableName, Assembled] = {}
    faults: list[CommunityPlanError] = []
    for name in sorted(measures):
        needed = _needed(plan, measures[name])
        try:
            given.see(name, needed)
            try:
                tables[name] = given.assembled(name, needed, _inner(name, grouping), Way()).kept()
            except Misread:
                tables[name] = given.assembled(name, needed, _inner(name, grouping), Way(careful=True)).kept()
        except CommunityPlanError as error:
            faults.extend(error.faults)
        else:
            grouping = _outer(tables[name].grouping, grouping)
    raise_faults(faults, subject="The data cannot be evaluated")
    return Prepared(
        targets=tuple(target.id for target in plan.choose(chosen)),
        grouping=grouping,
        tables=tables,
        needed={name: frozenset(_needed(plan, measures[name])) for name in measures},
        variables=plan.variables,
        declared_kinds=plan.declared_kinds,
        township_names=given.township_names() if "township" in grouping.levels else {},
        found=given.found,
        frame=given.frame,
    )


@attrs.frozen
class _Given:
    """Tables as the user gave them, to be read and checked for one question."""

    plan: Plan
    opened: Opened
    units: Mapping[str, str] | None = attrs.field(converter=parse_units)

    @property
    def frame(self) -> Any:
        """The communities, if they are a frame."""
        return getattr(self.opened.tables["communities"], "frame", None)

    @property
    def found(self) -> tuple[Note, ...]:
        """Notes on the data as a whole."""
        note = synthetic_note(self.opened)
        return () if note is None else (note,)

    def see(self, unit: TableName, needed: Mapping[str, Iterable[str]]) -> None:
        """See that a table was given."""
        if unit not in self.opened.tables:
            users = dict.fromkeys(user for names in needed.values() for user in names)
            raise MissingColumnError(
                f"expected a {unit} table, needed by {', '.join(users)}, got none",
                mend="add it to the Dataset or the folder, or name the targets you want",
            )

    def assembled(self, unit: TableName, needed: Mapping[str, list[str]], grouping: Grouping, way: Way) -> Assembled:
        """Read a table."""
        return assemble(
            self.opened,
            self.plan.variables,
            needed,
            grouping,
            unit=unit,
            units=self.units,
            declared_kinds=self.plan.declared_kinds,
            way=way,
            memory=self.plan.once("tables", dict),
        )

    def can_stream(self, unit: TableName, grouping: Grouping) -> bool:
        """Say whether a table can be read as its rows pass."""
        return can_stream(self.opened, unit, grouping)

    def written(self, tables: Iterable[TableName]) -> tuple[Set[Level], Set[Level]]:
        """Return the levels that some tables tell in columns of their own, and those that every row surely tells."""
        there = [name for name in tables if name in self.opened.tables]
        found = [levels_written(self.opened, self.plan.variables, name) for name in there]
        written = frozenset[Level]().union(*(levels for levels, _ in found))
        return written, written if all(coded for _, coded in found) else frozenset()

    def township_names(self) -> Mapping[str, str]:
        """Return the names of townships by code."""
        return names_of(self.opened, self.plan.variables, "townships") if "townships" in self.opened.tables else {}


@attrs.frozen
class _Kept:
    """Prepared data, behind the same door."""

    data: Prepared

    @property
    def frame(self) -> Any:
        return self.data.frame

    @property
    def found(self) -> tuple[Note, ...]:
        return self.data.found

    def see(self, unit: TableName, needed: Mapping[str, Iterable[str]]) -> None:
        """Do nothing: `Prepared.check` has seen to it."""

    def assembled(
        self,
        unit: TableName,
        needed: Mapping[str, list[str]],  # noqa: ARG002  # as `_Given`
        grouping: Grouping,
        way: Way,
    ) -> Assembled:
        return self.data.assembled(unit, grouping, streamed=way.streamed)

    def can_stream(self, unit: TableName, grouping: Grouping) -> bool:
        return self.data.can_stream(unit, grouping)

    def written(self, tables: Iterable[TableName]) -> tuple[Set[Level], Set[Level]]:
        found = [self.data.tables[name].written for name in tables if name in self.data.tables]
        written = frozenset[Level]().union(*found)
        return written, written & frozenset(self.data.levels)

    def township_names(self) -> Mapping[str, str]:
        return self.data.township_names


def source_of(
    plan: Plan, data: Any, targets: Iterable[str] | str | None, units: Mapping[str, str] | None
) -> tuple[_Given | _Kept, Any]:
    """Return where tables come from, and the targets that are asked for, as a key."""
    if not isinstance(data, Prepared):
        return _Given(plan, open_tables(data), units), key_of(targets)
    if units is not None:
        raise DataError("units= belongs to plan.prepare: prepared data are whole numbers of quanta already")
    return _Kept(data), data.targets if targets is None else key_of(targets)


def _needed(plan: Plan, measures: Mapping[Measure, list[str]]) -> dict[str, list[str]]:
    """Return the variables that measures read, with the targets that need each."""
    needed: dict[str, list[str]] = {}
    for measure, users in measures.items():
        for name in variables_of(measure):
            needed.setdefault(plan.variables[name].id, []).extend(users)
    return needed


def _inner(table: TableName, grouping: Grouping) -> Grouping:
    """Return what a table itself is grouped by: no township lies in a community."""
    return grouping.without("community") if table == "townships" else grouping


def _outer(inner: Grouping, asked: Grouping) -> Grouping:
    """Return a table's grouping with the level that it has no part in."""
    if "community" in asked.levels and "community" not in inner.levels:
        return attrs.evolve(inner, levels=(*inner.levels, "community"))
    return inner


def measures_of(plan: Plan, targets: Iterable[str] | str | None) -> dict[TableName, dict[Measure, list[str]]]:
    """Return what is to be counted in each table, and for which targets."""
    chosen = key_of(targets)
    return plan.once(("measures", chosen), lambda: _found_measures(plan, chosen))


def _found_measures(plan: Plan, targets: Iterable[str] | str | None) -> dict[TableName, dict[Measure, list[str]]]:
    tables: dict[TableName, dict[Measure, list[str]]] = {}
    for target in plan.choose(targets):
        measure = plan.measure_of(target)
        table = plan.variables.table_of(variables_of(measure))
        tables.setdefault(table, {}).setdefault(measure, []).append(target.id)
    for measures in tables.values():
        # Compiled without data first: a measure with a wrong dimension is a fault of the plan, not of the table.
        compile_program(measures, plan.variables)
    return tables


def grouping_of(by: str | Iterable[str] | None) -> Grouping:
    """Read a `by=` argument.

    Raises:
        DataError: If one of its parts is no text, or a column that would stand over one that a result has itself.
    """
    grouping = Grouping.parse(by)
    taken = [name for name in grouping.columns if name in RESULT_COLUMNS]
    if taken:
        raise DataError(
            f"expected columns that a result does not have itself, got by={taken[0]!r}",
            mend="rename the column in the data",
        )
    return grouping


def key_of(targets: Iterable[str] | str | None) -> Any:
    """Return chosen targets as what a plan keeps things by.

    Raises:
        DataError: If they are no ids.
    """
    if targets is None or isinstance(targets, str):
        return targets
    chosen = tuple(targets) if isinstance(targets, Iterable) else (targets,)
    wrong = [name for name in chosen if not isinstance(name, str)]
    if wrong:
        raise DataError(f"expected ids of targets in targets=, got {wrong[0]!r:.80}", mend="name each by its id")
    return chosen


def count(
    plan: Plan,
    source: _Given | _Kept,
    grouping: Grouping,
    targets: Iterable[str] | str | None,
    *,
    each: Each | None = None,
) -> Counting:
    """Read data and add up what the chosen targets need.

    Args:
        plan: The plan.
        source: The data.
        grouping: What the sums are by.
        targets: Target ids.
        each: What makes a frame of communities that are judged one by one; without levels there is nothing to add up.
    """
    chosen = key_of(targets)
    tables = measures_of(plan, chosen)
    needed = plan.once(("needed", chosen), lambda: {name: _needed(plan, tables[name]) for name in tables})
    if isinstance(source, _Kept):
        source.data.check(plan.variables, plan.declared_kinds, grouping, needed)
    parts: dict[TableName, Counts] = {}
    faults: list[CommunityPlanError] = []
    for name in sorted(tables):  # the communities first: how they are told apart, townships are too
        try:
            parts[name] = _count_table(plan, source, name, tables[name], needed[name], grouping, each=each)
        except CommunityPlanError as error:
            faults.extend(error.faults)
        else:
            grouping = parts[name].grouping
    raise_faults(faults, subject="The data cannot be evaluated")
    names = {code: name for counts in parts.values() for code, name in counts.names.items()}
    if "township" in grouping.levels:
        names |= source.township_names()
    notes = {note for counts in parts.values() for note in counts.notes} | set(source.found)
    return Counting(
        plan=plan,
        chosen=chosen,
        measures=tables,
        grouping=grouping,
        parts=parts,
        names=names,
        notes=tuple(sorted(notes, key=note_order)),
    )


def _count_table(
    plan: Plan,
    source: _Given | _Kept,
    table_name: TableName,
    measures: Mapping[Measure, list[str]],
    needed: Mapping[str, list[str]],
    grouping: Grouping,
    *,
    each: Each | None,
) -> Counts:
    """Add up the measures of one table."""
    inner = _inner(table_name, grouping)
    source.see(table_name, needed)
    ways = [Way(), Way(careful=True)]
    if each is None and source.can_stream(table_name, inner):
        ways.insert(0, Way(streamed=True))
    seen = 0
    for way in ways:
        with way.held:
            try:
                assembled = source.assembled(table_name, needed, inner, attrs.evolve(way, seen=seen))
                counts = _add_up(plan, assembled, measures, each=each)
            except Misread as misread:
                seen = max(seen, misread.rows)
            else:
                return attrs.evolve(counts, grouping=_outer(counts.inner, grouping))
    raise AssertionError("what is entered with care is not misread")


def _add_up(plan: Plan, assembled: Assembled, measures: Mapping[Measure, list[str]], *, each: Each | None) -> Counts:
    """Add up over a table; `Misread` says that a first look at the data was wrong."""
    table = assembled.table
    listed, nullable, columns = tuple(measures), table.nullable, frozenset(table.amount_names)
    program = plan.once(
        ("program", listed, nullable, columns),
        lambda: compile_program(
            listed, plan.variables, nullable=nullable, remainder=REMAINDER in columns, columns=columns
        ),
    )
    summed: Summed | None = None
    made = None if each is None else each(table, program)
    frame, table = (None, table) if made is None else made
    if frame is None or assembled.grouping.levels:
        summed = table.summed(assembled.grouping.keys, program.features)
    return Counts(
        grouping=assembled.grouping,
        inner=assembled.grouping,
        program=program,
        summed=summed,
        communities=frame,
        apart=assembled.apart,
        names=assembled.names() if assembled.level in assembled.grouping.levels else {},
        notes=(*table.notes, *assembled.notes),
    )
