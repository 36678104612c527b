"""Evaluation: what was counted, judged."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import attrs

from community_plan.counting import Counting, count, grouping_of, key_of, measures_of, source_of
from community_plan.entry import Note, parse_day
from community_plan.errors import CommunityPlanError, DataError, NotFoundError, Place, TallyError, raise_faults
from community_plan.expressions import Int
from community_plan.grouping import PERIOD_COLUMNS, Table
from community_plan.judging import Judged, judged, judged_rows
from community_plan.labels import label_text
from community_plan.measures import Measure
from community_plan.merging import plan_differences
from community_plan.plan import Plan
from community_plan.programs import Program, Slots, slots_of
from community_plan.regions import LEVELS, Level
from community_plan.results import Result, Row, wide_frame
from community_plan.sources import Text
from community_plan.tallies import Counted, Group, Tally, key_order, key_text
from community_plan.targets import Indicator, Target
from community_plan.units import Quantity, quantity
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

__all__ = ["evaluate", "judge"]


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
    chosen = key_of(targets)
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
    grouping = grouping_of(by)
    source, targets = source_of(plan, data, targets, units)
    judges = _judges(plan, targets)
    like = source.frame
    if "community" in grouping.levels and like is not None and tuple(measures_of(plan, targets)) == ("communities",):
        # Communities need no sums: they are judged row by row, in the user's own kind of frame.
        called = _called(grouping.columns)

        def each(table: Table, program: Program) -> Any:
            judging = plan.once(
                ("judging each", id(program), id(judges)), lambda: _judging(program, judges, "community", by_row=True)
            )
            make = getattr(table, "communities", None)
            return None if make is None else make(called, judging, program.features)

        counting = count(plan, source, grouping.without("community"), targets, each=each)
        frame = counting.parts["communities"].communities
        if frame is not None:
            rows = functools.cache(lambda: _rows(plan, count(plan, source, grouping, targets).tally(), judges, day))
            wide = _Wide(counting, judges, day, rows, like, frame)
            return _result(plan, rows, counting.notes, day, grouping.levels, wide)
    counting = count(plan, source, grouping, targets)
    rows = functools.cache(lambda: _rows(plan, counting.tally(), judges, day))
    wide = _Wide(counting, judges, day, rows, like)
    return _result(plan, rows, counting.notes, day, counting.grouping.shown, wide)


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
    unknown = [name for name in data.targets if name not in plan.targets]
    raise_faults(
        [TallyError(f"the tally names target {name!r}, which the plan does not have") for name in unknown],
        subject="The tally cannot be judged",
    )
    asked = by if by is None or isinstance(by, str) else tuple(by)  # what gives them is asked once
    groups = data.groups if asked is None else data.groups_by(asked)
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
    grouping = data.grouping if asked is None else grouping_of(asked)
    return _result(plan, _rows(plan, data, judges, day, groups), notes, day, grouping.shown)


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

    counting: Counting
    judges: tuple[_Judge, ...]
    day: dt.date | None
    rows: Callable[[], tuple[Row, ...]]
    like: Any
    """The user's communities table."""
    communities: Any = None
    """The frame of the communities."""

    def __call__(self, level: Level | None) -> Any:
        if level == "community" and self.communities is not None:
            return self._with_day(self.communities)
        found = self._from_sums(level)
        return wide_frame(self.rows(), level, self.like) if found is None else found

    def _with_day(self, frame: Any) -> Any:
        """Return a frame with the day as its period, if it has no other, as rows of every level have it."""
        if self.day is None or "period" in _called(self.counting.grouping.columns).values():
            return frame
        from community_plan import frames

        return frames.with_text(frame, "period", self.day.isoformat(), after="region")

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
    period = next((name for name in PERIOD_COLUMNS if name in listed), None)
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
        return Note(code="parts", zh="只计了一部分社区", en="a tally of a part of the communities")
    named = [key_text(key, counted.grouping) for key in sorted(counted.parts, key=key_order)]
    texts = [text for text in named if text]  # what is beyond all regions has no name
    shown = f"{', '.join(texts[:5])}{' …' if len(texts) > 5 else ''}"
    return Note(
        code="parts",
        zh=f"{{count}} 处只计了一部分: {shown}",
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
    if not isinstance(values, Mapping):
        raise DataError(
            f"expected values by target, such as {{'rural-facility-coverage': '92.1 %'}}, got {values!r:.60}"
        )
    asked = {target.id for target in plan.choose("main" if targets is None else targets)}
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
        elif targets is not None and value is not None and not any(target.id in asked for target in users):
            problem, mend = "a value is given, but targets= does not name it", "name it there, or leave targets= out"
            faults.append(DataError(problem, place=Place(key=name), mend=mend))
            continue
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
        period = next((columns.pop(name) for name in PERIOD_COLUMNS if name in columns), None)
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
    name: Text
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
            name=plan.name_of(target),
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
            name=self.name,
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
