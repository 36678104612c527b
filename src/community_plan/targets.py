"""Targets: what the plan promises, how much of what, of whom, by when — and where it says so."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import attrs

from community_plan.measures import Comparator, Count, Is, Measure, Ratio, Share, Total
from community_plan.regions import Level
from community_plan.sources import Citation, Text
from community_plan.units import Lang, Quantity, Unit, in_language

__all__ = ["Attribute", "Baseline", "Indicator", "Printed", "Target", "target_text"]

Attribute = Literal["expected", "binding"]
"""预期性 (expected) or 约束性 (binding)."""


@attrs.frozen(kw_only=True)
class Indicator:
    """A measure with a name and a unit, shared by the plans that set targets for it."""

    id: str
    """Stable id, such as `rural-facility-coverage`."""
    name: Text
    """Name in the field's terms."""
    unit: Unit
    """Unit in which it is reported."""
    measure: Measure
    """How it is counted."""
    note: Text | None = None
    """What the measure takes for granted."""


@attrs.frozen(kw_only=True)
class Baseline:
    """Where the plan says it starts from."""

    value: Quantity
    """The value, as adopted."""
    year: int
    """Year at whose end it was measured."""


@attrs.frozen(kw_only=True)
class Printed:
    """The words of a target as printed; each stands in the citation's quote. Empty: nothing is printed."""

    name: str
    """Name of the indicator."""
    target: str
    """Target value with whatever sign and unit are printed."""
    baseline: str = ""
    """Baseline value."""
    attribute: str = ""
    """预期性, 约束性, or nothing."""


@attrs.frozen(kw_only=True)
class Target:
    """A promise that can be judged: an indicator, a comparator and a value, due at a date."""

    id: str
    """The indicator's id, with `@` and the clause for a further target on the same indicator."""
    indicator: str
    """Id of the indicator."""
    number: int | None = None
    """Number in the plan's table of main indicators."""
    comparator: Comparator
    """Adopted comparator; what is printed stands in `printed`."""
    value: Quantity
    """Adopted value; the lower end of a range."""
    upper: Quantity | None = None
    """Upper end of a range."""
    due: dt.date
    """Day by which it is to be met."""
    baseline: Baseline | None = None
    """Starting point, if the plan gives one; a missing one is never zero."""
    attribute: Attribute | None = None
    """预期性 or 约束性, if the plan says."""
    scope: tuple[Is, ...] = ()
    """Narrows the indicator's own scope."""
    citation: Citation
    """Where it stands."""
    printed: Printed
    """How it is worded."""
    discrepancies: tuple[str, ...] = ()
    """Ids of the doubtful readings that touch it."""
    level: Level | None = None
    """Level whose regions it binds, if the plan sets it for one; a finer region is not judged by it."""
    hedge: str = ""
    """The word that softens it (力争, 原则上 …), as printed in the quote; empty if it is firm."""
    defers_to: str | None = None
    """Id of the plan, or name of the place, whose target it adopts; `value` is that target as printed here."""
    approximate: bool = False
    """Whether the value is printed as a round figure (左右, 约); its verdict is that of the printed figure."""

    def measure_of(self, indicator: Indicator) -> Measure:
        """Return the indicator's measure, narrowed to the target's scope."""
        measure = indicator.measure
        where = (*measure.where, *(test for test in self.scope if test not in measure.where))
        match measure:
            case Count() | Total() | Ratio() | Share():
                return attrs.evolve(measure, where=where)

    def text(self, lang: Lang = "zh") -> str:
        """Return comparator and value for people, such as `> 30 m²/百户`; a round figure is marked 左右 or ≈."""
        return target_text(self.comparator, self.value, self.upper, approximate=self.approximate, lang=lang)


def target_text(
    comparator: Comparator, value: Quantity, upper: Quantity | None, *, approximate: bool, lang: Lang
) -> str:
    """Return comparator and value of a target for people."""
    text = value.text(lang, digits=8)
    if upper is not None:
        text = f"{text} – {upper.text(lang, digits=8)}"
    if approximate:
        text = in_language(lang, f"{text}左右", f"≈ {text}")
    bare = upper is not None or (approximate and comparator is Comparator.EQUAL)
    return text if bare else f"{comparator.symbol} {text}"
