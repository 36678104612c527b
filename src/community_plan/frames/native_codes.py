"""What follows from codes that an engine holds as numbers: regions, and the categories that their digits say."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from community_plan.frames.engine import Engine
from community_plan.regions import (
    COUNTY_KIND_RANGES,
    LEVELS,
    PREFECTURES,
    PROVINCE_RUN,
    SETTING_RANGES,
    TOWNSHIP_KIND_RANGES,
    CountyKind,
    Level,
)
from community_plan.variables import Variable

__all__ = ["Codes"]


@attrs.frozen(eq=False)
class Codes:
    """Codes of one width."""

    engine: Engine
    number: Any
    width: int

    def region(self, level: Level) -> Any:
        """Return the number of the region at a level."""
        return self.engine.quotient(self.number, 10 ** (self.width - LEVELS[level]))

    @staticmethod
    def ending(level: Level) -> str:
        """Return what a region's number lacks of its code: a city's code has as many digits as a county's."""
        return "00" if level == "city" else ""

    def says(self, variable: Variable, declared: Mapping[str, CountyKind], values: Sequence[int]) -> Any:
        """Return whether a code says one of some values of a category.

        Args:
            variable: The category.
            declared: County kinds that are known, whatever the digits of a county say.
            values: Numbers of the values.
        """
        engine, county = self.engine, self.region("county")
        ranges: Mapping[Any, range]
        match variable.id:
            case "setting":
                number, ranges = engine.remainder(self.number, 1000), SETTING_RANGES
            case "township_kind":  # a township's own code ends with the digits that say it
                number, ranges = engine.remainder(self.number, 1000), TOWNSHIP_KIND_RANGES
            case _:
                number, ranges = engine.remainder(county, 100), COUNTY_KIND_RANGES
        asked = {name for name in ranges if variable.number_of(str(name)) in values}
        found = self._any_of(self._within(number, span) for name, span in ranges.items() if name in asked)
        if variable.id != "county_kind":
            return found
        prefecture = engine.remainder(engine.quotient(county, 100), 100)
        if len(asked & {"district", "county_city"}) == 1:  # the two change places in a prefecture without districts
            city = self._within(number, COUNTY_KIND_RANGES["district"]) & self._within(prefecture, PREFECTURES)
            found = found & ~city if "district" in asked else found | city
        found &= prefecture != PROVINCE_RUN
        if not declared:
            return found
        here = [region for region, kind in declared.items() if variable.number_of(kind) in values]
        known, mine = (self._any_of(county == int(region) for region in regions) for regions in (declared, here))
        return (found & ~known) | mine

    @staticmethod
    def _within(number: Any, span: range) -> Any:
        return (number >= span.start) & (number < span.stop)

    def _any_of(self, conditions: Iterable[Any]) -> Any:
        return functools.reduce(operator.or_, conditions, self.engine.truth(False))
