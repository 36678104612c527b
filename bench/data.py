"""Data: made-up communities with real-looking statistical codes, as many and for as many years as asked, from a seed.

Nothing in them is an observation. At 650,000 rows the hierarchy is about as wide as China's: 340 cities, 2,850
counties, 38,000 townships. `python -m bench.data ROWS FOLDER` writes them as parquet files of at most a million rows.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CACHE = Path(__file__).parent / "cache"
FILE_ROWS = 1_000_000
SYNTHETIC = "合成数据 synthetic"
# The provinces' numbers in GB/T 2260; nothing else here belongs to any of them.
PROVINCES = (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66))
COUNTS = ("households", "residents", "urban_residents", "comprehensive_service_count", "self_service_terminal_count",
          "community_workers", "social_workers", "elderly_care_count")  # fmt: skip
AREAS = ("gross_floor_area", "comprehensive_service_area", "activity_area", "commercial_area", "elderly_care_area")
COLUMNS = ("code", "name", "city", "county", "township", "setting", "county_kind", *COUNTS, *AREAS, "year", "synthetic")
YES_NO = ("agency_service", "legal_publicity", "mediation", "legal_aid", "notary", "social_work_service",
          "satisfaction_survey")  # fmt: skip
TALENTS = ("social_work_leaders", "social_work_supervisors", "social_work_managers", "social_workers_trained")
KINDS = ("district", "county", "county_city")
PER_TOWNSHIP, TOWNSHIPS_PER_COUNTY, PER_CITY = 650_000 / 38_000, 38_000 / 2_850, 650_000 / 340
MOST_CITIES = 70 * len(PROVINCES)


@dataclass(frozen=True)
class Spec:
    """What data are wanted."""

    communities: int
    years: int = 1
    nulls: float = 0.01
    """Share of empty cells in each numeric column."""
    shuffled: bool = False
    wide: bool = False
    """With the columns of every target of the communities table, not only those of the main ones."""
    seed: int = 14

    @property
    def name(self) -> str:
        options = ("-shuffled" if self.shuffled else "") + ("-wide" if self.wide else "")
        return f"{self.communities}x{self.years}-{self.nulls:g}-{self.seed}{options}"

    @property
    def rows(self) -> int:
        return self.communities * self.years


@dataclass(frozen=True)
class Hierarchy:
    """Townships with their codes, and where each one's communities begin."""

    starts: np.ndarray
    code: np.ndarray
    urban: np.ndarray
    """Number of urban communities; they come first."""


def hierarchy(n: int, seed: int) -> Hierarchy:
    """Divide `n` communities among townships, those among counties, those among cities and provinces."""
    rng = np.random.default_rng([seed, 0])
    townships = max(1, round(n / PER_TOWNSHIP))
    counties = max(1, round(townships / TOWNSHIPS_PER_COUNTY))
    cities = min(max(1, round(n / PER_CITY)), MOST_CITIES, counties)
    if counties / cities > 60:
        raise ValueError(f"{n} communities do not fit into the code space of {MOST_CITIES} cities")
    weights = np.cumsum(rng.uniform(0.4, 1.6, townships))
    ends = np.round(weights / weights[-1] * n).astype(np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    county, place = spread(townships, counties)
    city, county_place = spread(counties, cities)
    province, city_place = spread(cities, min(len(PROVINCES), cities))
    # 01–20 districts, 21–70 counties, 81–99 county-level cities; 001–099 subdistricts, 100– towns, 200– townships.
    two_digits = banded(county_place, np.bincount(city, minlength=cities)[city], (1, 21, 81), (0.3, 0.85))
    three_digits = banded(place, np.bincount(county, minlength=counties)[county], (1, 100, 200), (0.3, 0.8))
    code = np.array(PROVINCES)[province][city][county] * 100 + city_place[city][county] + 1
    code = (code * 100 + two_digits[county]) * 1000 + three_digits
    share = np.where(three_digits < 100, 0.9, rng.uniform(0.0, 0.3, townships))
    return Hierarchy(starts, code, np.round((ends - starts) * share).astype(np.int64))


def spread(items: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each item's group, even and in order, and its place in the group."""
    index = np.arange(items)
    group = index * groups // items
    return group, index - np.searchsorted(group, group)


def banded(place: np.ndarray, size: np.ndarray, first: tuple[int, ...], shares: tuple[float, ...]) -> np.ndarray:
    """Number the items of a group from the first number of one of three bands."""
    cuts = [np.ceil(size * share).astype(np.int64) for share in shares]
    low = np.where(place < cuts[0], first[0] + place, first[1] + place - cuts[0])
    return np.where(place < cuts[1], low, first[2] + place - cuts[1])


def tables(spec: Spec, size: int = FILE_ROWS) -> Iterator[pa.Table]:
    """Yield the table in parts of at most `size` rows: year by year, each in the order of codes unless shuffled."""
    tree = hierarchy(spec.communities, spec.seed)
    order = np.arange(spec.communities)
    if spec.shuffled:
        np.random.default_rng([spec.seed, 1]).shuffle(order)
    for year in range(2026 - spec.years, 2026):
        for start in range(0, spec.communities, size):
            rng = np.random.default_rng([spec.seed, year, start])
            yield _table(order[start : start + size], tree, year, rng, spec)


def _table(index: np.ndarray, tree: Hierarchy, year: int, rng: np.random.Generator, spec: Spec) -> pa.Table:
    n = len(index)
    township = np.searchsorted(tree.starts, index, side="right") - 1
    place = index - tree.starts[township]
    urban = place < tree.urban[township]
    code = tree.code[township] * 1000 + np.where(urban, place + 1, 200 + place - tree.urban[township])
    text = pa.array(code).cast(pa.string())
    two = code // 10**6 % 100
    kind = np.where(two <= 20, 0, np.where(two <= 70, 1, 2))
    households = np.where(urban, rng.integers(900, 3200, n), rng.integers(150, 900, n))
    residents = np.round(households * rng.uniform(2.4, 3.3, n)).astype(np.int64)
    in_town = np.where(urban, residents, np.round(residents * rng.uniform(0.0, 0.12, n)).astype(np.int64))
    gross = np.round(households * rng.uniform(95, 140, n), 2)
    facilities = rng.choice(np.array([0, 1, 2]), n, p=[0.05, 0.75, 0.2])
    service = np.where(facilities > 0, np.round(households * rng.uniform(0.15, 0.5, n), 2), 0.0)
    care = rng.choice(np.array([0, 1]), n, p=[0.3, 0.7])
    amounts: dict[str, np.ndarray] = {
        "households": households,
        "residents": residents,
        "urban_residents": in_town,
        "comprehensive_service_count": facilities,
        "self_service_terminal_count": rng.integers(0, 3, n),
        "community_workers": rng.poisson(residents / 550),
        "social_workers": rng.poisson(residents / 2200),
        "elderly_care_count": care,
        "gross_floor_area": gross,
        "comprehensive_service_area": service,
        "activity_area": np.round(service * rng.uniform(0.4, 0.8, n), 2),
        "commercial_area": np.round(households * rng.uniform(2, 14, n), 2),
        "elderly_care_area": np.where(care > 0, np.round(households * rng.uniform(0.1, 0.4, n), 2), 0.0),
    }
    words: dict[str, Any] = {}
    if spec.wide:
        amounts |= {name: rng.integers(0, 3, n) for name in TALENTS}
        amounts["comprehensive_service_open_8h_count"] = rng.integers(0, facilities + 1)
        for whole, part in (("secretaries", "secretaries_trained"), ("directors", "directors_trained"),
                            ("grids", "grids_with_party_group")):  # fmt: skip
            amounts[whole] = rng.integers(1, 9, n)
            amounts[part] = rng.integers(0, amounts[whole] + 1)
        words = {name: _words(("yes", "no"), (rng.random(n) < 0.1).astype(np.int64)) for name in YES_NO}
        words["building_stock"] = _words(("new", "existing"), (rng.random(n) < 0.8).astype(np.int64))
    columns: dict[str, Any] = {
        "code": text,
        "name": pc.binary_join_element_wise("社区", pa.array(index).cast(pa.string()), ""),
        "city": pc.binary_join_element_wise(pc.utf8_slice_codeunits(text, 0, 4), "00", ""),
        "county": pc.utf8_slice_codeunits(text, 0, 6),
        "township": pc.utf8_slice_codeunits(text, 0, 9),
        "setting": _words(("rural", "urban"), urban.astype(np.int64)),
        "county_kind": _words(KINDS, kind),
        **{name: _with_nulls(values, rng, spec.nulls) for name, values in amounts.items()},
        **words,
        "year": pa.array(np.full(n, year, np.int64)),
        "synthetic": pa.repeat(SYNTHETIC, n),
    }
    return pa.table(columns)


def _words(words: tuple[str, ...], index: np.ndarray) -> pa.Array:
    return pa.array(words).take(pa.array(index))


def _with_nulls(values: np.ndarray, rng: np.random.Generator, share: float) -> pa.Array:
    return pa.array(values, mask=rng.random(len(values)) < share if share else None)


def table(spec: Spec) -> pa.Table:
    """Return everything as one table."""
    return pa.concat_tables(tables(spec))


def dataset(spec: Spec, cache: Path = CACHE) -> Path:
    """Return a folder of parquet files with the data, written unless it is there already."""
    folder = cache / spec.name
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        write(spec, part)
        part.rename(folder)
    return folder


def write(spec: Spec, folder: Path) -> None:
    folder.mkdir(parents=True)
    size = min(FILE_ROWS, max(1, -(-spec.communities // 2)))  # several files, so that a glob has something to do
    for number, part in enumerate(tables(spec, size)):
        pq.write_table(part, folder / f"part-{number:03d}.parquet", compression="zstd")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.data", description="Write made-up communities.")
    parser.add_argument("communities", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--nulls", type=float, default=0.01)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--seed", type=int, default=14)
    given = vars(parser.parse_args())
    folder = given.pop("folder")
    write(Spec(**given), folder)


if __name__ == "__main__":
    main()
