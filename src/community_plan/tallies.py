"""Tallies: the additive integers of every region, from which everything else follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from community_plan.errors import DataError
from community_plan.grouping import Grouping, Table
from community_plan.measures import Measure
from community_plan.programs import Program, Slots, slots_of
from community_plan.regions import LEVELS, Level

__all__ = ["Group", "Tally", "combine", "tally_table"]


@attrs.frozen
class Group:
    """What one line of results is about: a region, and the values of the columns it is crossed with."""

    level: Level | None = None
    """Level of the region; None for the whole table."""
    region: str | None = None
    """Code or name of the region; None for the whole table."""
    columns: tuple[tuple[str, str | None], ...] = ()
    """Columns grouped by, with their values."""


@attrs.frozen(kw_only=True)
class Tally:
    """The sums of some measures in some groups; `+` adds two of them up.

    Whatever the order, the engine or the partition of the rows, the integers are the same.
    """

    measures: tuple[Measure, ...]
    """What was counted."""
    targets: tuple[str, ...] = ()
    """Ids of the targets that it was counted for."""
    groups: Mapping[Group, tuple[Slots, ...]]
    """For each group, the sums of each measure."""

    def __add__(self, other: Tally) -> Tally:
        """Return the sums over both; the two must count the same measures over different communities.

        Raises:
            DataError: If the measures differ.
        """
        if (self.measures, self.targets) != (other.measures, other.targets):
            raise DataError("expected tallies of the same measures", mend="tally both with the same plan and targets")
        return Tally(
            measures=self.measures, targets=self.targets, groups=_merge([*self.groups.items(), *other.groups.items()])
        )


def combine(parts: Sequence[Tally]) -> Tally:
    """Put tallies of different measures over the same data side by side; what a group lacks is zero."""
    measures = tuple(measure for part in parts for measure in part.measures)
    found: dict[Group, tuple[Slots, ...]] = {}
    for group in dict.fromkeys(group for part in parts for group in part.groups):
        slots: list[Slots] = []
        for part in parts:
            zeros = [dict.fromkeys(slots_of(measure), 0) for measure in part.measures]
            slots += part.groups.get(group, tuple(zeros))
        found[group] = tuple(slots)
    return Tally(measures=measures, groups=dict(sorted(found.items(), key=_order)))


def _merge(items: list[tuple[Group, tuple[Slots, ...]]]) -> dict[Group, tuple[Slots, ...]]:
    merged: dict[Group, tuple[Slots, ...]] = {}
    for group, slots in items:
        if group in merged:
            pairs = zip(merged[group], slots, strict=True)
            slots = tuple({name: old[name] + new[name] for name in old} for old, new in pairs)
        merged[group] = slots
    return merged


def tally_table(table: Table, program: Program, grouping: Grouping) -> Tally:
    """Add up a program over a table: once at the finest level asked for, the coarser ones rolled up."""
    rows = table.sums(grouping.keys, program.features)
    count = len(grouping.levels)
    items: list[tuple[Group, tuple[Slots, ...]]] = []
    for key, sums in rows:
        slots = tuple(program.slots(index, sums) for index in range(len(program.measures)))
        columns = tuple(zip(grouping.columns, key[count:], strict=True))
        if not grouping.levels:
            items.append((Group(columns=columns), slots))
        for place, level in enumerate(grouping.levels):
            label = key[place]
            if (
                label is not None and level not in grouping.hidden
            ):  # a remainder row belongs to no region of a level finer than its own
                items.append((Group(level, _region(key[: place + 1]), columns), slots))
    return Tally(measures=program.measures, groups=dict(sorted(_merge(items).items(), key=_order)))


def _region(path: tuple[str | None, ...]) -> str:
    """Return the label of a region; a name that is no code is told apart by the region around it."""
    label = path[-1] or ""
    if label.isdigit() or len(path) == 1 or path[-2] is None:
        return label
    return f"{_region(path[:-1])}/{label}"


def _order(item: tuple[Group, tuple[Slots, ...]]) -> tuple[object, ...]:
    group = item[0]
    columns = tuple((value is None, value or "") for _, value in group.columns)
    level = -1 if group.level is None else list(LEVELS).index(group.level)
    return columns, level, group.region or ""
