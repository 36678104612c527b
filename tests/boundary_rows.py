"""Boundary rows: large tables of communities whose amounts lie at every limit, one quantum off, or at zero.

A table is kept as whole quanta with a mask of what is known: that is the truth, for the oracle as it is, and for
engines in whatever types `renderings` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

AMOUNTS = (
    "households",
    "residents",
    "urban_residents",
    "gross_floor_area",
    "comprehensive_service_count",
    "comprehensive_service_area",
    "activity_area",
    "commercial_area",
    "self_service_terminal_count",
    "community_workers",
    "social_workers",
)
AREAS = tuple(name for name in AMOUNTS if name.endswith("_area"))
SETTINGS = ("urban", "rural")
COUNTY_KINDS = ("district", "county", "county_city")
MOST = 2**50
"""Quanta that an amount has at most."""
# Codes of districts, counties and county-level cities, and some that do not say what they are.
_COUNTIES = (411402, 411403, 411421, 411422, 411425, 411471, 411481, 419001, 410102, 410122, 410181, 330283, 652301)
_HOUSEHOLDS = {1: 1, 625: 5, 10_000: 10}
"""Grain of the areas to the households for which 30 m² per hundred is a whole number of grains."""

Ints = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@attrs.frozen(kw_only=True)
class Truth:
    """A table of communities in whole quanta."""

    codes: Ints
    setting: Ints
    """Place in `SETTINGS`, -1 where no cell says it."""
    county_kind: Ints
    """Place in `COUNTY_KINDS`, -1 where no cell says it."""
    amounts: Mapping[str, Ints]
    """Quanta; 0 where they are not known."""
    known: Mapping[str, Mask]
    grain: int
    """Quanta of which every area is a multiple."""

    @property
    def rows(self) -> int:
        """Number of communities."""
        return len(self.codes)

    def words(self, name: str) -> list[str | None]:
        """Return a category as ids, None where no cell says it."""
        values: Sequence[str | None] = (*(SETTINGS if name == "setting" else COUNTY_KINDS), None)
        return [values[place] for place in getattr(self, name).tolist()]

    def cells(self, name: str) -> list[int | None]:
        """Return an amount as Python numbers of quanta, None where it is not known."""
        cells: list[int | None] = self.amounts[name].tolist()
        for place in np.flatnonzero(~self.known[name]).tolist():
            cells[place] = None
        return cells

    def columns(self) -> dict[str, list[Any]]:
        """Return the table as plain Python, for the oracle."""
        return {
            "code": [str(code) for code in self.codes.tolist()],
            "setting": self.words("setting"),
            "county_kind": self.words("county_kind"),
            **{name: self.cells(name) for name in AMOUNTS},
        }

    def take(self, places: Ints | slice) -> Truth:
        """Return some of the rows, in any order."""
        return attrs.evolve(
            self,
            codes=self.codes[places],
            setting=self.setting[places],
            county_kind=self.county_kind[places],
            amounts={name: cells[places] for name, cells in self.amounts.items()},
            known={name: mask[places] for name, mask in self.known.items()},
        )


@attrs.define
class _Maker:
    random: np.random.Generator
    group: Ints
    """Which township each row lies in; rows of one stand together."""
    first: Ints
    """The first row of each township."""
    exact: Mask
    """Rows of townships whose sums are to lie at the limits; the others are anyhow."""
    grain: int
    off: float
    """Share of townships whose sums lie one grain beside the limit."""

    @property
    def rows(self) -> int:
        return len(self.group)

    def whole(self, low: int, high: int) -> Ints:
        """Draw whole numbers up to and without a limit."""
        return self.random.integers(low, high, self.rows)

    def chance(self, share: float) -> Mask:
        found: Mask = self.random.random(self.rows) < share
        return found

    def balanced(self, most: Ints) -> Ints:
        """Draw deviations of neighbours that cancel out: none, one grain, two, or many."""
        size = np.where(self.chance(0.3), self.whole(0, 1000), self.whole(0, 3)) * np.where(self.chance(0.5), 1, -1)
        left = np.arange(0, self.rows - 1, 2)
        left = left[(self.group[left] == self.group[left + 1]) & self.exact[left]]
        found = np.zeros(self.rows, np.int64)
        limit = np.minimum(most[left], most[left + 1])
        found[left] = np.clip(size[left], -limit, limit)
        found[left + 1] = -found[left]
        return found

    def offsets(self, sums: Ints) -> Ints:
        """Return what to add to the first row of each township so that its sum is 0, or one off."""
        off = self.random.random(len(self.first)) < self.off
        wanted = np.where(off, self.random.choice([-1, 1], len(self.first)), 0)
        found = np.zeros(self.rows, np.int64)
        found[self.first] = wanted - np.add.reduceat(sums, self.first)
        found[~self.exact] = 0
        return found

    def settled(self, cells: Ints, wanted: Ints, low: Ints | int, high: Ints | int) -> Ints:
        """Move first rows so that a township's cells add up to what is wanted of it, or one grain more or less."""
        moved = cells + self.offsets((cells - wanted) // self.grain) * self.grain
        return np.where((moved >= low) & (moved <= high), moved, cells)


def make_truth(
    seed: int,
    rows: int,
    *,
    township: int = 100,
    missing: float = 0.0,
    silent: Sequence[str] = (),
    unsaid: float = 1.0,
    shuffled: bool = False,
    grain: int = 1,
    wild: float = 0.2,
    off: float = 0.4,
    large: bool = False,
) -> Truth:
    """Draw a table.

    Args:
        seed: The same seed gives the same table.
        rows: Number of communities.
        township: Communities of a township, at most 200.
        missing: Share of cells that are not known.
        silent: Amounts of which no cell is known.
        unsaid: Share of settings and county kinds that no cell says; the code may.
        shuffled: Whether the codes come in no order.
        grain: Quanta of which every area is a multiple: 1, 625 (sixteenths of 1 m²) or 10,000 (1 m²).
        wild: Share of townships whose amounts are anyhow.
        off: Share of the other townships whose sums lie one grain beside the limit; without both, those of
            all larger regions lie at it, too.
        large: Whether amounts go up to the largest that there may be.
    """
    assert rows % township == 0
    random = np.random.default_rng(seed)
    place = np.arange(rows)
    group = place // township
    first = np.arange(0, rows, township)
    starts = random.choice([1, 1, 200, 200, 200, 150, 350, 1 + 999 - township], len(first))
    codes = (
        np.array(_COUNTIES)[group % len(_COUNTIES)] * 10**6
        + (1 + group // len(_COUNTIES)) * 1000
        + starts[group]
        + place % township
    )
    order = np.argsort(codes)  # only townships change places: each stays together
    codes = codes[order]
    exact = (random.random(len(first)) >= wild)[group]
    make = _Maker(random, group, first, exact, grain, off)
    amounts = _large_amounts(make) if large else _amounts(make)
    known = {name: np.full(rows, name not in silent) & ~make.chance(missing) for name in AMOUNTS}
    truth = Truth(
        codes=codes,
        setting=np.where(make.chance(unsaid), -1, make.whole(0, 2)),
        county_kind=np.where(make.chance(unsaid), -1, make.whole(0, 3)),
        amounts={name: np.where(known[name], amounts[name], 0) for name in AMOUNTS},
        known=known,
        grain=grain,
    )
    return truth.take(random.permutation(rows)) if shuffled else truth


def _amounts(make: _Maker) -> dict[str, Ints]:
    grain, wild, ones = make.grain, ~make.exact, attrs.evolve(make, grain=1)
    first = np.zeros(make.rows, bool)
    first[make.first] = True
    many = np.where(make.chance(0.3), make.whole(0, 4), make.whole(0, 2000)) * ~make.chance(0.1)
    # The first row of a township is large enough to make up for what its others lack.
    households = np.where(first, make.whole(2000, 4000), many) * _HOUSEHOLDS[grain]
    at_limit = 3000 * households
    area = at_limit + make.balanced(at_limit // grain) * grain
    area = np.where(wild, make.whole(0, 1 + 500_000_000 // grain) * grain * ~make.chance(0.1), area)
    area = make.settled(area, at_limit, 0, MOST)
    activity = np.where(wild & make.chance(0.8), make.whole(0, 10**9) % (area + 1), area * 3 // 5) // grain * grain
    activity = np.where(wild & make.chance(0.2), area, activity)
    activity = np.clip(activity + make.balanced(activity // grain) * grain, 0, area)
    activity = make.settled(activity, -(-3 * area // 5) // grain * grain, 0, area)
    # Sixty percent of an area may lie between two grains; what the rows lose by it, the first of them gets.
    lost = np.add.reduceat(3 * area - 5 * activity, make.first) // (5 * grain) * grain
    spare = activity.copy()
    spare[make.first] += np.where(make.random.random(len(make.first)) < make.off, 0, lost)
    activity = np.where(make.exact & (spare <= area) & (spare >= 0), spare, activity)
    commercial = make.whole(0, 1 + 100_000_000 // grain) * grain * ~make.chance(0.2)
    parts = area + commercial
    gross = 10 * parts + make.balanced(9 * parts // grain) * grain
    gross = np.where(wild & make.chance(0.3), np.maximum(area, commercial), gross)
    gross = make.settled(gross, 10 * parts, np.maximum(area, commercial), MOST)
    # Two per community in some townships, one in the others: the limits of districts and of counties.
    wanted = make.random.choice([1, 2], len(make.first))[make.group]
    social = np.where(wild, make.whole(0, 5), np.where(first, wanted + 2, wanted))
    social = np.where(make.exact, social + make.balanced(np.minimum(social, 2)), social)
    social = ones.settled(social, wanted, 0, 100)
    residents = 2500 * social + ones.balanced(np.minimum(social, 1) * 2)
    residents = np.where(wild & make.chance(0.5), make.whole(0, 20_000), residents)
    residents = ones.settled(residents, 2500 * social, 0, MOST)
    blocks = residents // 5000
    urban = 5000 * blocks + ones.balanced(np.minimum(blocks, 1) * 2)
    urban = np.where(wild & make.chance(0.2), residents, np.clip(urban, 0, residents))
    urban = ones.settled(urban, 5000 * blocks, 0, residents)
    return {
        "households": households,
        "residents": residents,
        "urban_residents": urban,
        "gross_floor_area": gross,
        "comprehensive_service_count": _counts(make, np.array([100, 93, 93, 94, 92, 0])),
        "comprehensive_service_area": area,
        "activity_area": activity,
        "commercial_area": commercial,
        "self_service_terminal_count": _counts(make, np.array([100, 100, 99, 50])),
        "community_workers": np.where(wild, make.whole(0, 60), 9 * blocks),
        "social_workers": social,
    }


def _large_amounts(make: _Maker) -> dict[str, Ints]:
    """Return amounts up to the very largest, at the same limits, in rows that stand for themselves."""
    top = make.chance(0.1)
    households = np.where(top, MOST // 30_000, make.whole(MOST // 10**9, MOST // 40_000))
    area = 3000 * households + make.whole(-1, 2)
    commercial = make.whole(0, MOST // 100)
    gross = np.minimum(10 * (area + commercial) + make.whole(-1, 2), MOST)
    gross = np.where(make.chance(0.1), MOST, gross)
    social = np.where(top, MOST // 2500, make.whole(0, MOST // 2500))
    residents = np.where(make.chance(0.1), MOST, np.clip(2500 * social + make.whole(-1, 2), 0, MOST))
    blocks = residents // 5000
    urban = np.clip(5000 * blocks + make.whole(-1, 2), 0, residents)
    largest = make.chance(0.1)
    return {
        "households": np.where(largest, MOST, households),
        "residents": residents,
        "urban_residents": np.where(largest, residents, urban),
        "gross_floor_area": gross,
        "comprehensive_service_count": np.where(largest, MOST, make.whole(0, 2)),
        "comprehensive_service_area": np.where(largest, gross, area),
        "activity_area": np.where(largest, gross, np.minimum(area * 3 // 5 + make.whole(-1, 2), area)),
        "commercial_area": commercial,
        "self_service_terminal_count": make.whole(0, 2) * np.where(largest, MOST - 1, 1),
        "community_workers": np.where(largest, MOST, 9 * blocks),
        "social_workers": social,
    }


def _counts(make: _Maker, percentages: Ints) -> Ints:
    """Return counts that a given share of a township's rows has at least one of, or one row more or fewer."""
    sizes = np.diff(np.append(make.first, make.rows))
    share = make.random.choice(percentages, len(make.first))
    step = np.where(make.random.random(len(make.first)) < make.off, make.random.choice([-1, 1], len(make.first)), 0)
    wanted = np.clip(sizes * share // 100 + step, 0, sizes)
    rank = np.argsort(np.lexsort((make.random.random(make.rows), make.group))) - make.first[make.group]
    counts: Ints = (rank < wanted[make.group]) * make.whole(1, 4)
    return counts
