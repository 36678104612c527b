"""Evaluation: data in, tally, verdicts out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import attrs

from community_plan.assembly import assemble, names_of, synthetic_note
from community_plan.entry import Note, parse_day
from community_plan.errors import CommunityPlanError, DataError, MissingColumnError, NotFoundError, Place, raise_faults
from community_plan.grouping import Grouping
from community_plan.labels import label_text
from community_plan.measures import Measure, variables_of
from community_plan.plan import Plan
from community_plan.programs import REMAINDER, compile_program
from community_plan.regions import LEVELS
from community_plan.results import Result, Row
from community_plan.sources import Text
from community_plan.tables import Opened, open_tables
from community_plan.tallies import Group, Tally, combine, tally_table
from community_plan.targets import Indicator, Target
from community_plan.units import Quantity, quantity
from community_plan.variables import TableName
from community_plan.verdicts import (
    Estimate,
    Goal,
    Reason,
    Verdict,
    estimate,
    judge_bounds,
    scale_of,
    shortfall_of,
)

__all__ = ["Tallied", "evaluate", "judge", "tally"]

_PERIOD_COLUMNS = ("year", "period", "年份", "年度")


@attrs.frozen(kw_only=True)
class Tallied:
    """A tally with what else was learnt from the data."""

    tally: Tally
    names: Mapping[str, str] = attrs.field(factory=dict)
    """Names of communities by code."""
    notes: tuple[Note, ...] = ()
    """What the user should know about the data."""


def tally(
    plan: Plan,
    data: Any,
    *,
    by: str | Iterable[str] | None = None,
    targets: Iterable[str] | str | None = None,
    units: Mapping[str, str] | None = None,
) -> Tallied:
    """Read data and add up what the chosen targets need; see `Plan.evaluate`."""
    tables: dict[TableName, dict[Measure, list[str]]] = {}
    chosen = plan.choose(targets)
    for target in chosen:
        measure = plan.measure_of(target)
        table = plan.variables.table_of(variables_of(measure))
        tables.setdefault(table, {}).setdefault(measure, []).append(target.id)
    grouping = Grouping.parse(by)
    for measures in tables.values():
        # Compiled without data first: a measure with a wrong dimension is a fault of the plan, not of the table.
        compile_program(measures, plan.variables)
    opened = open_tables(data)
    parts = []
    faults: list[CommunityPlanError] = []
    for table, measures in tables.items():
        try:
            parts.append(_tally_table(plan, opened, table, measures, grouping, units))
        except CommunityPlanError as error:
            faults.extend(error.faults)
    raise_faults(faults, subject="The data cannot be evaluated")
    names = {code: name for part in parts for code, name in part.names.items()}
    if "township" in grouping.levels and "townships" in opened.tables:
        names |= names_of(opened, plan.variables, "townships")
    notes = {note: None for part in parts for note in part.notes}
    synthetic = synthetic_note(opened)
    return Tallied(
        tally=attrs.evolve(combine([part.tally for part in parts]), targets=tuple(target.id for target in chosen)),
        names=names,
        notes=(*notes, *([] if synthetic is None else [synthetic])),
    )


def _tally_table(
    plan: Plan,
    opened: Opened,
    table_name: TableName,
    measures: Mapping[Measure, list[str]],
    grouping: Grouping,
    units: Mapping[str, str] | None,
) -> Tallied:
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
    if table_name == "townships":
        levels = tuple(level for level in grouping.levels if level != "community")
        if grouping.levels and not levels:  # no township lies in a community
            return Tallied(tally=Tally(measures=tuple(measures), groups={}))
        grouping = attrs.evolve(grouping, levels=levels)
    assembled = assemble(
        opened,
        plan.variables,
        needed,
        grouping,
        unit=table_name,
        units=units,
        declared_kinds=plan.declared_kinds,
    )
    table = assembled.table
    program = compile_program(
        measures,
        plan.variables,
        nullable=table.nullable,
        remainder=REMAINDER in table.amount_names,
        columns=table.amount_names,
    )
    return Tallied(tally=tally_table(table, program, assembled.grouping), names=assembled.names, notes=assembled.notes)


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
        if by is not None or units is not None:
            raise DataError("by= and units= belong to plan.tally; a tally has its groups already")
        counted = Tallied(tally=data)
    else:
        counted = tally(plan, data, by=by, targets=targets, units=units)
    places = {measure: index for index, measure in enumerate(counted.tally.measures)}
    rows = []
    wanted = plan.choose(counted.tally.targets if targets is None else targets)
    chosen = []
    for target in wanted:
        indicator, measure = plan.indicators[target.indicator], plan.measure_of(target)
        if measure not in places:
            raise DataError(f"the tally does not count target {target.id!r}", mend="tally the data with this target")
        bench = _Bench.of(plan, target)
        chosen.append((bench, places[measure], measure, scale_of(indicator, measure, plan.variables)))
    for group, slots in counted.tally.groups.items():
        place = _Where.of(plan, group, counted.names, day)
        rows += [
            bench.row(estimate(slots[index], measure, scale), group, place) for bench, index, measure, scale in chosen
        ]
    return _result(plan, rows, counted.notes, day)


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
    return _result(plan, rows, (), day)


def _result(plan: Plan, rows: list[Row], notes: tuple[Note, ...], day: dt.date | None) -> Result:
    return Result(
        rows=tuple(rows),
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

    def row(self, found: Estimate, group: Group, place: _Where) -> Row:
        target, goal = self.target, self.goal
        # A region that the target does not bind owes it nothing.
        bound = target.level is None or group.level is None or LEVELS[group.level] <= LEVELS[target.level]
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
