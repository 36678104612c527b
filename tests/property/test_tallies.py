"""Law: tallies of any parts, merged in any order, are judged like the whole; what is no tally is refused."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import community_plan as cp
from community_plan.errors import TallyError
from strategies import Row, registers, wide_tables

from .test_engines import ENGINES, numbers, objects, polars_frame

PLAN = cp.load_plan("shangqiu-14fyp")
TARGETS = [target.id for target in PLAN.choose("main") if "commercial" not in target.id]
LEVELS = ("city", "county", "township", "community")
BY = st.sampled_from([None, "city", "county", "township", "community", ["city", "county"], ["county", "community"]])
COARSER = st.lists(st.sampled_from(LEVELS), unique=True, max_size=3)
FIELDS = {
    "communities": ["code", "name", "setting", "county_kind", "households", "residents", "urban_residents"],
    "facilities": ["community", "kind", "floor_area", "activity_area"],
    "workforce": ["region", "role", "headcount"],
}


def frame_of(rows: list[Row], random: Any) -> Any:
    """Make a table of one kind or another."""
    columns = numbers(rows, list(rows[0]))
    make = random.choice([*ENGINES.values(), lambda c: objects(c, cp.Community)])
    return make(columns)


def kept(tally: cp.Tally) -> cp.Tally:
    """Save and load a tally."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tally.json"
        tally.save(path)
        loaded = cp.Tally.load(path)
        assert loaded.to_json().encode() == path.read_bytes()
    return loaded


def folded(tallies: list[cp.Tally], random: Any) -> cp.Tally:
    """Add up tallies two at a time, in any order; some travel as files."""
    tallies = [kept(tally) if random.random() < 0.3 else tally for tally in tallies]
    while len(tallies) > 1:
        random.shuffle(tallies)
        tallies.append(tallies.pop() + tallies.pop())
    return tallies[0]


@settings(max_examples=40)
@given(wide_tables(), BY, st.randoms(use_true_random=False))
def test_any_partition_in_any_order_on_any_engines_is_judged_like_the_whole(
    rows: list[Row], by: Any, random: Any
) -> None:
    """To the last byte of the result."""
    whole = PLAN.evaluate(frame_of(rows, random), by=by, targets="main")
    parts: list[list[Row]] = [[] for _ in range(random.randint(1, 4))]
    for row in random.sample(rows, len(rows)):
        random.choice(parts).append(row)
    tallies = [PLAN.tally(frame_of(part, random), by=by, targets="main", complete=False) for part in parts if part]
    assert PLAN.evaluate(folded(list(tallies), random)).to_json() == whole.to_json()
    assert cp.merge_tallies(tallies).to_json() == cp.merge_tallies(tallies[::-1]).to_json()


@settings(max_examples=20)
@given(wide_tables(), st.sampled_from(["county", "township", "community", ["city", "county"]]), st.randoms())
def test_counties_tally_and_the_city_merges(rows: list[Row], by: Any, random: Any) -> None:
    """Whole counties need no declaration; the city follows from their codes."""
    counties: dict[str, list[Row]] = {}
    for row in rows:
        counties.setdefault(row["code"][:6], []).append(row)
    tallies = [PLAN.tally(frame_of(part, random), by=by, targets="main") for part in counties.values()]
    merged = folded(tallies, random)
    assert merged.complete
    whole = polars_frame(numbers(rows, list(rows[0])))
    for coarser in (by, "city", ["city", "county"], []):
        expected = PLAN.evaluate(whole, by=coarser, targets="main").to_json()
        assert PLAN.evaluate(merged, by=coarser).to_json() == expected


@settings(max_examples=20)
@given(registers(), BY.filter(lambda by: by is not None and by != "city"), st.randoms(use_true_random=False))
def test_registers_travel_with_their_county(tables: tuple[list[Row], ...], by: Any, random: Any) -> None:
    """What a county has beyond its communities is counted once, in its own tally."""

    def dataset(county: str) -> cp.Dataset:
        made = {}
        for (table, fields), rows in zip(FIELDS.items(), tables, strict=True):
            inside = [row for row in rows if row[fields[0]].startswith(county)]
            made[table] = random.choice(list(ENGINES.values()))(numbers(inside, fields))
        return cp.Dataset(**made)

    counties = sorted({row["code"][:6] for row in tables[0]})
    merged = folded([PLAN.tally(dataset(county), by=by, targets=TARGETS) for county in counties], random)
    assert PLAN.evaluate(merged).to_json() == PLAN.evaluate(dataset(""), by=by, targets=TARGETS).to_json()


# Few examples: each is counted five times, from fifteen tables.
@settings(max_examples=6)
@given(st.lists(registers(size=4), min_size=2, max_size=2), BY, st.randoms(use_true_random=False))
def test_a_panel_says_of_each_year_what_its_own_data_say(
    years: list[tuple[list[Row], ...]], by: Any, random: Any
) -> None:
    """With registers of every year, from any engines, in one table or as tallies of the years; counties may change."""
    levels = [by] if isinstance(by, str) else by or []

    def dataset(*chosen: int, year: bool) -> cp.Dataset:
        made = {}
        for place, (table, fields) in enumerate(FIELDS.items()):
            rows = [{**row, "year": str(2021 + number)} for number in chosen for row in years[number][place]]
            make = random.choice(list(ENGINES.values()))
            made[table] = make(numbers(rows, [*fields, "year"] if year else fields))
        return cp.Dataset(**made)

    every = range(len(years))
    panel = PLAN.evaluate(dataset(*every, year=True), by=["year", *levels], targets=TARGETS)
    tallies = [PLAN.tally(dataset(number, year=True), by=["year", *levels], targets=TARGETS) for number in every]
    assert PLAN.evaluate(folded(tallies, random)).to_json() == panel.to_json()
    for number in every:
        alone = PLAN.evaluate(dataset(number, year=False), by=levels, targets=TARGETS)
        found = {(row.region, row.target): row for row in panel if row.period == str(2021 + number)}
        assert len(found) == len(alone.rows)
        for row in alone:
            mine = found[row.region, row.target]
            assert (mine.value, mine.lower, mine.upper, mine.verdict) == (row.value, row.lower, row.upper, row.verdict)


@settings(max_examples=40)
@given(registers(), BY, COARSER, st.booleans())
def test_a_tally_rolled_up_is_judged_like_the_data_or_says_that_it_does_not_tell(
    tables: tuple[list[Row], ...], by: Any, coarser: list[str], named: bool
) -> None:
    """Also where regions are names, and where a county has more than its communities."""
    made = [numbers(rows, fields) for rows, fields in zip(tables, FIELDS.values(), strict=True)]
    communities, facilities, workforce = (polars_frame(columns) for columns in made)
    if named:
        codes = made[0]["code"]
        communities = communities.with_columns(
            city=pl.Series([f"市{code[:2]}" for code in codes], dtype=pl.String),
            county=pl.Series([f"县{code[4:6]}" for code in codes], dtype=pl.String),
            township=pl.Series([f"镇{code[6:9]}" for code in codes], dtype=pl.String),
        )
    data = cp.Dataset(communities=communities, facilities=facilities, workforce=workforce)
    tally = kept(PLAN.tally(data, by=by, targets=TARGETS))
    try:
        rolled = PLAN.evaluate(tally, by=coarser)
    except cp.DataError:
        levels = [by] if isinstance(by, str) else by or []
        assert not set(coarser) <= set(levels), "what was tallied is told"
        return
    assert rolled.to_json() == PLAN.evaluate(data, by=coarser, targets=TARGETS).to_json()


@settings(max_examples=15)
@given(wide_tables(), BY.filter(lambda by: by is not None), st.randoms(use_true_random=False))
def test_no_region_is_counted_twice(rows: list[Row], by: Any, random: Any) -> None:
    """Neither by two complete tallies, nor by a complete one and a part, nor by one tally twice."""
    tally = PLAN.tally(frame_of(rows, random), by=by, targets="activity-area-share")
    part = PLAN.tally(frame_of(rows[:1], random), by=by, targets="activity-area-share", complete=False)
    for one, other in ((tally, tally), (tally, kept(tally)), (tally, part), (part, tally), (part, part)):
        with pytest.raises(cp.DataError) as caught:
            one + other
        assert all(isinstance(fault, TallyError) for fault in caught.value.faults)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 2**64), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)


def mutated(data: Any, new: Any, random: Any) -> Any:
    """Change one place of a document: put something there, take it away, or repeat it."""
    data = copy.deepcopy(data)
    place = data
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return data
        key = random.choice(keys)
        if not isinstance(place[key], dict | list) or random.random() < 0.2:
            break
        place = place[key]
    act = random.choice(["put", "drop", "twice", "add"])
    if act == "drop":
        del place[key]
    elif act == "twice" and isinstance(place, list):
        place.insert(0, place[key])
    elif act == "add" and isinstance(place[key], int):
        place[key] += random.choice([1, -1, 2**40])
    else:
        place[key] = new
    return data


@settings(max_examples=150)
@given(wide_tables(size=3), BY, JSON, st.randoms(use_true_random=False))
def test_a_damaged_file_is_a_typed_error_or_a_tally_like_any_other(
    rows: list[Row], by: Any, new: Any, random: Any
) -> None:
    """Never another exception, and never something that cannot be saved and judged."""
    text = PLAN.tally(
        frame_of(rows, random), by=by, targets=["activity-area-share", "rural-facility-coverage"]
    ).to_json()
    changed = json.dumps(mutated(json.loads(text), new, random))
    if random.random() < 0.3:
        cut = random.randrange(len(text))
        changed = (
            text[:cut] + random.choice(["", "0", '"', "NaN", "{", "9" * 5000]) + text[cut + random.randint(0, 2) :]
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tally.json"
        path.write_text(changed, "utf-8", errors="surrogatepass")
        try:
            loaded = cp.Tally.load(path)
        except cp.DataError as error:
            faults = error.faults
        else:
            faults = ()
    if faults:
        assert all(isinstance(fault, TallyError) and str(path) in str(fault) for fault in faults)
        return
    assert kept(loaded) == loaded
    try:
        PLAN.evaluate(loaded)
        cp.merge_tallies([loaded]).groups_by([])
    except cp.CommunityPlanError:
        pass
