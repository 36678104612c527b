"""Evaluation: data in, tally, verdicts out."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import attrs

from community_plan.assembly import assemble, names_of, synthetic_note
from community_plan.entry import Note, parse_day
from community_plan.errors import (
    CommunityPlanError,
    MissingColumnError,
    NotFoundError,
    Place,
    TallyError,
    raise_faults,
)
from community_plan.expressions import Int
from community_plan.grouping import Grouping, Misread, Summed, Table
from community_plan.judging import Judged, judged, judged_rows
from community_plan.labels import label_text
from community_plan.measures import Measure, variables_of
from community_plan.merging import plan_differences
from community_plan.plan import Plan
from community_plan.programs import REMAINDER, Program, Slots, compile_program, slots_of
from community_plan.regions import LEVELS, Level
from community_plan.results import Result, Row, wide_frame
from community_plan.sources import Text
from community_plan.tables import Opened, open_tables
from community_plan.tallies import (
    Cells,
    Counted,
    Group,
    Tally,
    cells_of,
    combine,
    key_order,
    key_text,
    note_order,
)
from community_plan.targets import Indicator, Target
from community_plan.units import Quantity, quantity
from community_plan.variables import TableName
from community_plan.verdicts import (
    Estimate,
    Goal,
    Reason,
    Scale,
    Verdict,
    estimate,
    judge_bounds,
    scale_of,
    shortfall_of,
)

__all__ = ["evaluate", "judge", "tally"]

_PERIOD_COLUMNS = ("year", "period", "年份", "年度")


@attrs.frozen(kw_only=True)
class _Counts:
    """The sums over one table, with what else was learnt from it."""

    grouping: Grouping
    """As asked for, with the hidden levels that tell regions of one name apart."""
    inner: Grouping
    """What the table itself is grouped by: no township lies in a community."""
    table: Table
    program: Program
    summed: Summed | None
    """None where communities are judged one by one and nothing else was asked for."""
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
class _Counting:
    """What was counted in every table of a user's data."""

    plan: Plan
    measures: Mapping[TableName, Mapping[Measure, list[str]]]
    grouping: Grouping
    parts: Mapping[TableName, _Counts]
    names: Mapping[str, str]
    notes: tuple[Note, ...]

    def tally(self, *, complete: bool = True) -> Tally:
        """Return the sums of all measures by key."""
        plan, parts = self.plan, self.parts
        cells = combine([(tuple(self.measures[name]), counts.cells()) for name, counts in parts.items()])
        there = {label for key in cells for label in key[: len(self.grouping.levels)]} if self.names else set()
        return Tally(
            plan=plan.id,
            plan_version=plan.document.version,
            content_hash=plan.content_hash,
            readings=plan.readings,
            measures=tuple(
                Counted.of(measure, users, plan.variables)
                for name in parts
                for measure, users in self.measures[name].items()
            ),
            grouping=self.grouping,
            cells=cells,
            parts=frozenset() if complete else frozenset(cells),
            names={code: name for code, name in sorted(self.names.items()) if code in there and name != code},
            notes=self.notes,
        )


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
    return _count(plan, open_tables(data), Grouping.parse(by), targets, units).tally(complete=complete)


def _measures(plan: Plan, targets: Iterable[str] | str | None) -> dict[TableName, dict[Measure, list[str]]]:
    """Return what is to be counted in each table, and for which targets."""
    tables: dict[TableName, dict[Measure, list[str]]] = {}
    for target in plan.choose(targets):
        measure = plan.measure_of(target)
        table = plan.variables.table_of(variables_of(measure))
        tables.setdefault(table, {}).setdefault(measure, []).append(target.id)
    for measures in tables.values():
        # Compiled without data first: a measure with a wrong dimension is a fault of the plan, not of the table.
        compile_program(measures, plan.variables)
    return tables


def _key(targets: Iterable[str] | str | None) -> Any:
    return targets if targets is None or isinstance(targets, str) else tuple(targets)


def _count(
    plan: Plan,
    opened: Opened,
    grouping: Grouping,
    targets: Iterable[str] | str | None,
    units: Mapping[str, str] | None,
    *,
    each: bool = False,
) -> _Counting:
    """Read data and add up what the chosen targets need.

    Args:
        plan: The plan.
        opened: The data.
        grouping: What the sums are by.
        targets: Target ids.
        units: Units of columns.
        each: Whether each community will be judged by itself, so that without levels there is nothing to add up.
    """
    chosen = _key(targets)
    tables = plan.once(("measures", chosen), lambda: _measures(plan, chosen))
    parts: dict[TableName, _Counts] = {}
    faults: list[CommunityPlanError] = []
    for name in sorted(tables):  # the communities first: how they are told apart, townships are too
        try:
            parts[name] = _count_table(plan, opened, name, tables[name], grouping, units, each=each)
        except CommunityPlanError as error:
            faults.extend(error.faults)
        else:
            grouping = parts[name].grouping
    raise_faults(faults, subject="The data cannot be evaluated")
    names = {code: name for counts in parts.values() for code, name in counts.names.items()}
    if "township" in grouping.levels and "townships" in opened.tables:
        names |= names_of(opened, plan.variables, "townships")
    synthetic = synthetic_note(opened)
    notes = {note for counts in parts.values() for note in counts.notes} | (
        {synthetic} if synthetic is not None else set()
    )
    return _Counting(
        plan=plan,
        measures=tables,
        grouping=grouping,
        parts=parts,
        names=names,
        notes=tuple(sorted(notes, key=note_order)),
    )


def _count_table(
    plan: Plan,
    opened: Opened,
    table_name: TableName,
    measures: Mapping[Measure, list[str]],
    grouping: Grouping,
    units: Mapping[str, str] | None,
    *,
    each: bool,
) -> _Counts:
    """Add up the measures of one table."""
    needed: dict[str, list[str]] = {}
    for measure, users in measures.items():
        for name in variables_of(measure):
            needed.setdefault(plan.variables[name].id, []).extend(users)
    if table_name not in opened.tables:
        users = [user for names in measures.values() for user in names]
        raise MissingColumnError(
            f"expected a {table_name} table, needed by {', '.join(users)}, got none",
            mend="add it to the Dataset or the folder, or name the targets you want in targets=",
        )
    inner = grouping
    if table_name == "townships":  # no township lies in a community
        inner = attrs.evolve(grouping, levels=tuple(level for level in grouping.levels if level != "community"))
    try:
        counts = _add_up(plan, opened, table_name, measures, needed, inner, units, each=each, careful=False)
    except Misread:
        counts = _add_up(plan, opened, table_name, measures, needed, inner, units, each=each, careful=True)
    if "community" in grouping.levels and "community" not in counts.inner.levels:
        outer = attrs.evolve(counts.inner, levels=(*counts.inner.levels, "community"))
        return attrs.evolve(counts, grouping=outer)
    return counts


def _add_up(
    plan: Plan,
    opened: Opened,
    table_name: TableName,
    measures: Mapping[Measure, list[str]],
    needed: Mapping[str, list[str]],
    grouping: Grouping,
    units: Mapping[str, str] | None,
    *,
    each: bool,
    careful: bool,
) -> _Counts:
    """Assemble a table and add up; without care, `Misread` says that a first look at the data was wrong."""
    assembled = assemble(
        opened,
        plan.variables,
        needed,
        grouping,
        unit=table_name,
        units=units,
        declared_kinds=plan.declared_kinds,
        careful=careful,
    )
    table = assembled.table.settled() if each else assembled.table
    listed, nullable, columns = tuple(measures), table.nullable, frozenset(table.amount_names)
    program = plan.once(
        ("program", listed, nullable, columns),
        lambda: compile_program(
            listed, plan.variables, nullable=nullable, remainder=REMAINDER in columns, columns=columns
        ),
    )
    summed: Summed | None = None
    checked = getattr(table, "checked", None) if each else None
    if checked is None or assembled.grouping.levels:
        summed = table.summed(assembled.grouping.keys, program.features)
    else:
        checked()
    return _Counts(
        grouping=assembled.grouping,
        inner=assembled.grouping,
        table=table,
        program=program,
        summed=summed,
        names=assembled.names,
        notes=(*table.notes, *assembled.notes),
    )


@attrs.frozen
class _Judge:
    """A target with all that judging it takes: worked out once, used for every region."""

    bench: _Bench
    measure: Measure
    scale: Scale

    @classmethod
    def of(cls, plan: Plan, target: Target) -> _Judge:
        indicator, measure = plan.indicators[target.indicator], plan.measure_of(target)
        return cls(_Bench.of(plan, target), measure, scale_of(indicator, measure, plan.variables))


def _judges(plan: Plan, targets: Iterable[str] | str | None) -> tuple[_Judge, ...]:
    chosen = _key(targets)
    return plan.once(("judges", chosen), lambda: tuple(_Judge.of(plan, target) for target in plan.choose(chosen)))


def evaluate(
    plan: Plan,
    data: Any,
    *,
    by: str | Iterable[str] | None = None,
    targets: Iterable[str] | str | None = None,
    units: Mapping[str, str] | None = None,
    as_of: dt.date | str | None = None,
) -> Result:
    """Judge targets on data; see `Plan.evaluate`."""
    day = parse_day(as_of)
    if isinstance(data, Tally):
        return _evaluate_tally(plan, data, by, targets, units, day)
    grouping = Grouping.parse(by)
    opened = open_tables(data)
    judges = _judges(plan, targets)
    like = getattr(opened.tables["communities"], "frame", None)
    if "community" in grouping.levels and like is not None and tuple(_measures(plan, targets)) == ("communities",):
        # Communities need no sums: they are judged row by row, in the user's own kind of frame.
        larger = attrs.evolve(grouping, levels=tuple(level for level in grouping.levels if level != "community"))
        counting = _count(plan, opened, larger, targets, units, each=True)
        counts = counting.parts["communities"]
        communities = getattr(counts.table, "communities", None)
        if communities is not None:
            program = counts.program
            judging = plan.once(
                ("judging each", id(program), id(judges)), lambda: _judging(program, judges, "community", by_row=True)
            )
            frame = communities(_called(grouping.columns), judging, counts.program.features)
            rows = functools.cache(
                lambda: _rows(plan, _count(plan, opened, grouping, targets, units).tally(), judges, day)
            )
            wide = _Wide(counting, judges, day, rows, like, frame)
            return _result(plan, rows, counting.notes, day, grouping.levels, wide)
    counting = _count(plan, opened, grouping, targets, units)
    rows = functools.cache(lambda: _rows(plan, counting.tally(), judges, day))
    wide = _Wide(counting, judges, day, rows, like)
    levels = tuple(level for level in counting.grouping.levels if level not in counting.grouping.hidden)
    return _result(plan, rows, counting.notes, day, levels, wide)


def _evaluate_tally(
    plan: Plan,
    data: Tally,
    by: str | Iterable[str] | None,
    targets: Iterable[str] | str | None,
    units: Mapping[str, str] | None,
    day: dt.date | None,
) -> Result:
    if units is not None:
        raise TallyError("units= belongs to plan.tally: a tally has whole numbers of quanta already")
    differences = plan_differences((plan.id, plan.document.version, plan.content_hash, plan.readings), data)
    raise_faults(list(differences), subject="The tally cannot be judged")
    groups = data.groups if by is None else data.groups_by(by)
    places = {each.measure: index for index, each in enumerate(data.measures)}
    faults: list[CommunityPlanError] = []
    judges = _judges(plan, data.targets if targets is None else targets)
    for judge_ in judges:
        name = judge_.bench.target.id
        if judge_.measure not in places:
            mend = "tally the data with this target"
            faults.append(TallyError(f"the tally does not count target {name!r}", mend=mend))
        elif data.measures[places[judge_.measure]].quanta != Counted.of(judge_.measure, (), plan.variables).quanta:
            faults.append(TallyError(f"the tally counts target {name!r} in other quanta", mend="tally the data anew"))
    raise_faults(faults, subject="The tally cannot be judged")
    notes = data.notes if data.complete else (*data.notes, _parts_note(data))
    grouping = data.grouping if by is None else Grouping.parse(by)
    levels = tuple(level for level in grouping.levels if level not in grouping.hidden)
    return _result(plan, _rows(plan, data, judges, day, groups), notes, day, levels)


def _rows(
    plan: Plan,
    counted: Tally,
    judges: Iterable[_Judge],
    day: dt.date | None,
    groups: Mapping[Group, tuple[Slots, ...]] | None = None,
) -> tuple[Row, ...]:
    """Judge targets in every group of a tally."""
    places = {each.measure: index for index, each in enumerate(counted.measures)}
    rows: list[Row] = []
    for group, slots in (counted.groups if groups is None else groups).items():
        place = _Where.of(plan, group, counted.names, day)
        rows += [
            judge_.bench.row(estimate(slots[places[judge_.measure]], judge_.measure, judge_.scale), group, place)
            for judge_ in judges
        ]
    return tuple(rows)


@attrs.frozen
class _Wide:
    """Makes a frame with a row for each region of a level, in the engine that holds the sums."""

    counting: _Counting
    judges: tuple[_Judge, ...]
    day: dt.date | None
    rows: Callable[[], tuple[Row, ...]]
    like: Any
    """The user's communities table."""
    communities: Any = None
    """The frame of the communities."""

    def __call__(self, level: Level | None) -> Any:
        if level == "community" and self.communities is not None:
            return self.communities
        found = self._from_sums(level)
        return wide_frame(self.rows(), level, self.like) if found is None else found

    def _from_sums(self, level: Level | None) -> Any | None:
        counts = next(iter(self.counting.parts.values()))
        wide = getattr(counts.summed, "wide", None)
        if wide is None or len(self.counting.parts) > 1 or self.day is not None:
            return None
        levels = counts.grouping.levels
        path = () if level is None else levels[: levels.index(level) + 1]
        plan, program = self.counting.plan, counts.program
        judging = plan.once(
            ("judging", id(program), id(self.judges), level), lambda: _judging(program, self.judges, level)
        )
        return wide(path, _called(counts.grouping.columns), judging)


def _called(columns: Iterable[str]) -> dict[str, str]:
    """Return what the columns that are grouped by are called in a frame: the first period is `period`."""
    listed = list(columns)
    period = next((name for name in _PERIOD_COLUMNS if name in listed), None)
    return {name: "period" if name == period else name for name in sorted(listed, key=lambda name: name != period)}


def _judging(
    program: Program, judges: Iterable[_Judge], level: Level | None, *, by_row: bool = False
) -> Callable[[tuple[Int, ...]], tuple[tuple[str, Judged], ...]]:
    """Return what makes judgements of targets from an expression for each feature of a program."""
    places = {measure: index for index, measure in enumerate(program.measures)}
    judge_ = judged_rows if by_row else judged

    @functools.cache
    def judging(features: tuple[Int, ...]) -> tuple[tuple[str, Judged], ...]:
        found = []
        for each in judges:
            index = places[each.measure]
            slots = dict(zip(slots_of(each.measure), (features[at] for at in program.places[index]), strict=True))
            bench = each.bench
            bound = bench.binds(level)
            found.append((bench.target.id, judge_(each.measure, each.scale, bench.goal, slots, bound=bound)))
        return tuple(found)

    return judging


def _parts_note(counted: Tally) -> Note:
    """Say which regions were counted in part."""
    if not counted.grouping.keys:
        return Note(code="parts", zh="只是部分社区的计数", en="a tally of a part of the communities")
    named = [key_text(key, counted.grouping) for key in sorted(counted.parts, key=key_order)]
    texts = [text for text in named if text]  # what is beyond all regions has no name
    shown = f"{', '.join(texts[:5])}{' …' if len(texts) > 5 else ''}"
    return Note(
        code="parts",
        zh=f"{{count}} 处只是部分计数: {shown}",
        en=f"{{count}} region(s) counted in part: {shown}",
        count=len(texts),
    )


def judge(
    plan: Plan,
    values: Mapping[str, Any],
    *,
    targets: Iterable[str] | str | None = None,
    as_of: dt.date | str | None = None,
) -> Result:
    """Judge published values; see `Plan.judge`."""
    day = parse_day(as_of)
    faults: list[CommunityPlanError] = []
    given: dict[str, Quantity | None] = {}
    for name, value in values.items():
        # A value published for an indicator is that of its own scope, not of a target that narrows it.
        users = [
            target
            for target in plan.targets.values()
            if name == target.id or (name == target.indicator and not target.scope)
        ]
        if not users:
            faults.append(NotFoundError("target or indicator", name, [*plan.targets, *plan.indicators]))
        for target in users:
            # A value for the target itself goes before one for its indicator.
            if target.id in given and name != target.id:
                continue
            unit = plan.indicators[target.indicator].unit
            try:
                given[target.id] = None if value is None else quantity(value, unit)
            except CommunityPlanError as error:
                faults.append(error.at(Place(key=name)))
                break
    raise_faults(faults, subject="The values cannot be judged")
    rows = []
    asked = {target.id for target in plan.choose("main" if targets is None else targets)}
    if targets is None:
        asked |= given.keys()
    for target in plan.targets.values():
        if target.id not in asked:
            continue
        indicator = plan.indicators[target.indicator]
        value = given.get(target.id)
        found = Estimate(reason=Reason.NO_VALUE)
        if value is not None:
            exact = value.value_in(indicator.unit)
            found = Estimate(value=exact, lower=exact, upper=exact)
        row = _Bench.of(plan, target).row(found, Group(), _Where.of(plan, Group(), {}, day))
        rows.append(
            attrs.evolve(
                row,
                region="published",
                region_name=label_text("published"),
                level="published",
                # Without its numerator a published value says nothing of how much is missing.
                shortfall=None,
                shortfall_unit=None,
            )
        )
    return _result(plan, tuple(rows), (), day)


def _result(
    plan: Plan,
    rows: tuple[Row, ...] | Callable[[], tuple[Row, ...]],
    notes: tuple[Note, ...],
    day: dt.date | None,
    levels: tuple[Level, ...] = (),
    wide: _Wide | None = None,
) -> Result:
    return Result(
        rows=rows,
        levels=levels,
        wide=wide,
        plan=plan.id,
        notes=notes,
        as_of=day,
        plan_version=plan.document.version,
        content_hash=plan.content_hash,
        readings=plan.readings,
    )


@attrs.frozen(kw_only=True)
class _Where:
    """What a row says of its region: worked out once for all targets."""

    region: str
    name: Text
    level: str
    period: str | None
    columns: dict[str, str | None]

    @classmethod
    def of(cls, plan: Plan, group: Group, names: Mapping[str, str], day: dt.date | None) -> _Where:
        columns = dict(group.columns)
        period = next((columns.pop(name) for name in _PERIOD_COLUMNS if name in columns), None)
        if period is None and day is not None:
            period = day.isoformat()
        region = group.region if group.region is not None else "total"
        known = plan.regions.get(region)
        name = Text(names[region], names[region]) if region in names else known.name if known is not None else None
        if name is None:
            name = Text(region, region) if group.region is not None else label_text("total")
        return cls(region=region, name=name, level=group.level or "total", period=period, columns=columns)


@attrs.frozen(kw_only=True)
class _Bench:
    """What every row of a target has in common."""

    plan: str
    target: Target
    indicator: Indicator
    goal: Goal
    baseline: Fraction | None
    readings: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan, target: Target) -> _Bench:
        indicator = plan.indicators[target.indicator]
        return cls(
            plan=plan.id,
            target=target,
            indicator=indicator,
            goal=Goal.of(target, indicator.unit),
            baseline=None if target.baseline is None else target.baseline.value.value_in(indicator.unit),
            readings=tuple(
                f"{key}={name}"
                for key, name in plan.readings.items()
                for reading in plan.discrepancies[key].readings
                if reading.id == name and target.id in reading.targets
            ),
        )

    def binds(self, level: Level | None) -> bool:
        """Say whether the target binds regions of a level; one that it does not bind owes it nothing."""
        return self.target.level is None or level is None or LEVELS[level] <= LEVELS[self.target.level]

    def row(self, found: Estimate, group: Group, place: _Where) -> Row:
        target, goal = self.target, self.goal
        bound = self.binds(group.level)
        verdict, reason = Verdict.UNKNOWN, found.reason
        if not bound:
            reason = Reason.OTHER_LEVEL
        elif found.value is not None and found.lower is not None:
            verdict = judge_bounds(found.lower, found.upper, goal)
            reason = Reason.MISSING_DATA if verdict is Verdict.UNKNOWN else None
        shortfall = shortfall_of(found, goal) if bound else None
        return Row(
            plan=self.plan,
            target=target.id,
            indicator=self.indicator.id,
            name=self.indicator.name,
            number=target.number,
            region=place.region,
            region_name=place.name,
            level=place.level,
            period=place.period,
            columns=place.columns,
            value=found.value,
            unit=self.indicator.unit,
            comparator=target.comparator,
            target_value=goal.floor,
            target_upper=None if target.upper is None else goal.ceiling,
            baseline=self.baseline,
            verdict=verdict,
            reason=reason,
            gap=None if found.value is None or not bound else _gap(found.value, goal),
            shortfall=shortfall,
            shortfall_unit=None if shortfall is None else found.numerator_unit,
            lower=found.lower,
            upper=found.upper,
            reporting_share=found.reporting_share,
            numerator=found.numerator,
            denominator=found.denominator,
            due=target.due,
            attribute=target.attribute,
            clause=target.citation.clause,
            discrepancies=target.discrepancies,
            approximate=target.approximate,
            readings=self.readings,
        )


def _gap(value: Fraction, goal: Goal) -> Fraction:
    return value - goal.floor if value < goal.floor else max(value - goal.ceiling, Fraction(0))
