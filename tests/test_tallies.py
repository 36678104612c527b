"""Counties tally their own data, the city adds the tallies up: what is kept, what is refused, and why."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest

import community_plan as cp
from community_plan.errors import SumOverflowError, TallyError
from community_plan.measures import Is
from community_plan.programs import slots_of
from community_plan.tally_files import MEANINGS

AREA = "facility-area-per-100-households"
RURAL = "rural-facility-coverage"


def places(*codes: str, area: float = 30.0, **columns: Any) -> pl.DataFrame:
    """Make communities of 100 households and 30 m² each; more columns are the same in all of them."""
    frame = pl.DataFrame({"code": list(codes), "households": 100, "comprehensive_service_area": area})
    return frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()})


SUI = places("411422001201", "411422001202", "411422100203")
YONG = places("411481001001", "411481001002", area=40.0)


@pytest.fixture
def sui(plan: cp.Plan) -> cp.Tally:
    """The tally of 睢县."""
    return plan.tally(SUI, by="county", targets=AREA)


@pytest.fixture
def yong(plan: cp.Plan) -> cp.Tally:
    """The tally of 永城市."""
    return plan.tally(YONG, by="county", targets=AREA)


def changed(path: Path, tally: cp.Tally, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write a tally with something changed in its JSON."""
    data = json.loads(tally.to_json())
    change(data)
    path.write_text(json.dumps(data), "utf-8")
    return path


# -- what a tally tells ----------------------------------------------------------------------------------


def test_counties_tally_and_the_city_merges(plan: cp.Plan, sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """The verdicts are those of all communities in one table."""
    sui.save(tmp_path / "411422.json")
    yong.save(tmp_path / "411481.json")
    whole = pl.concat([SUI, YONG])
    merged = cp.merge_tallies([tmp_path / "411481.json", str(tmp_path / "411422.json")])
    assert merged == cp.merge_tallies(tmp_path) == sui + yong == yong + sui
    assert merged.regions == ("411422", "411481")
    for by in ("county", "city", ["city", "county"], []):
        expected = plan.evaluate(whole, by=by, targets=AREA, as_of="2025-12-31")
        assert plan.evaluate(merged, by=by, as_of="2025-12-31").to_json() == expected.to_json()
    assert plan.evaluate(merged).rows == plan.evaluate(whole, by="county", targets=AREA).rows


ZONE = places("411422001201", "411422001202", county="411471")
"""A development zone: on the land of 睢县, and a county of its own."""


@pytest.mark.parametrize("by", ["township", "community", ["township", "community"]], ids=str)
def test_a_column_that_says_otherwise_than_codes_is_not_forgotten(
    plan: cp.Plan, by: str | list[str], tmp_path: Path
) -> None:
    """Communities of a zone do not go to the county of their codes, also when merged with others and read again."""
    data = [ZONE, places("411422100203", county="411422"), YONG.with_columns(county=pl.lit(None, pl.String))]
    tallies = [plan.tally(each, by=by, targets=AREA) for each in data]
    assert [tally.named for tally in tallies] == [("county",), (), ()]
    merged = cp.merge_tallies(tallies)
    assert merged == plan.tally(pl.concat(data, how="diagonal"), by=by, targets=AREA)
    merged.save(tmp_path / "merged.json")
    assert cp.Tally.load(tmp_path / "merged.json") == merged
    expected = "'county': a column of the data tells it, with which codes need not agree. Tally the data by county, "
    with pytest.raises(TallyError, match=expected):
        plan.evaluate(merged, by="county")
    assert [row.region for row in plan.evaluate(merged, by="city")] == ["411400"]
    assert [row.region for row in plan.evaluate(tallies[1], by="county")] == ["411422"]
    both = plan.tally(
        pl.concat(data, how="diagonal"), by=["county", *([by] if isinstance(by, str) else by)], targets=AREA
    )
    assert [row.region for row in plan.evaluate(both, by="county")] == ["411422", "411471", "411481"]


def test_what_a_hidden_column_says_is_not_forgotten_where_other_data_have_none(plan: cp.Plan) -> None:
    """A column of townships, as codes here, is told apart by its county; merged with data without, by codes alone."""
    zone = ZONE.with_columns(township=pl.lit("411422001"))
    for first, expected in ((zone, ("county",)), (zone.with_columns(county=pl.lit("411422")), ())):
        tallies = [plan.tally(each, by="township", targets=AREA) for each in (first, YONG)]
        assert tallies[0].grouping.hidden == ("county",)
        for merged in (cp.merge_tallies(tallies), cp.merge_tallies(tallies[::-1])):
            assert merged.named == expected
            assert merged.regions == ("411422001", "411481001")


def test_a_column_that_says_what_codes_say_is_left_to_them(plan: cp.Plan) -> None:
    """The tally is the same as without it, to the last byte."""
    plain = pl.concat([SUI, YONG])
    told = plain.with_columns(city=pl.lit("411400"), county=pl.col("code").str.slice(0, 6))
    for by in ("county", "township", "community", ["county", "community"], []):
        expected = plan.tally(plain, by=by, targets=AREA).to_json()
        assert plan.tally(told, by=by, targets=AREA).to_json() == expected
        assert plan.tally(plan.prepare(told, targets=AREA), by=by).to_json() == expected


def test_an_empty_cell_of_a_level_that_nobody_asks_for_is_no_fault(plan: cp.Plan) -> None:
    """It is one for whoever asks by that level, and nothing follows from it."""
    data = SUI.with_columns(city=pl.lit(""))
    tally = plan.tally(data, by="county", targets=AREA)
    assert tally.cells == plan.tally(SUI, by="county", targets=AREA).cells
    for asked, mend in (
        (tally, "Tally the data by city, county"),
        (data, "make it null, so that it follows from the code"),
    ):
        with pytest.raises(cp.DataError, match=mend):
            plan.evaluate(asked, by="city", targets=AREA)


def test_levels_that_were_not_looked_at_are_not_told(plan: cp.Plan) -> None:
    """Of rows without codes, and of data that were prepared for less."""
    told = SUI.with_columns(city=pl.lit("示范市"), county=pl.lit("411422"))
    for data in (told.drop("code"), plan.prepare(told, by="county", targets=AREA)):
        tally = plan.tally(data, by="county", targets=AREA)
        assert tally.named == ("city",)
        with pytest.raises(TallyError, match="a column of the data tells it"):
            plan.evaluate(tally, by="city")


def test_targets_and_levels_may_be_given_one_by_one(plan: cp.Plan, sui: cp.Tally) -> None:
    """What gives them is asked once."""
    assert plan.tally(SUI, by=iter(["county"]), targets=iter([AREA])) == sui
    expected = plan.evaluate(sui).to_json()
    for data in (SUI, sui, plan.prepare(SUI, by=iter(["county"]), targets=iter([AREA]))):
        assert plan.evaluate(data, by=iter(["county"]), targets=iter([AREA])).to_json() == expected


def test_a_file_says_of_every_integer_what_it_means(sui: cp.Tally) -> None:
    """Whom it was counted for, by which formula, in which unit and quantum; a reader needs no Python."""
    data = json.loads(sui.to_json())
    assert data["format"] == "community-plan tally"
    assert data["plan"]["id"] == "shangqiu-14fyp"
    assert len(data["plan"]["content_hash"]) == 64
    (measure,) = data["measures"]
    assert measure["targets"] == [AREA]
    assert measure["measure"]["numerator"] == ["comprehensive_service_area"]
    (cell,) = data["cells"]
    assert cell["key"] == ["411422"]
    told = dict(zip([each["name"] for each in measure["sums"]], cell["sums"][0], strict=True))
    assert (told["units"], told["n"], told["d"]) == (3, 900_000, 300)
    quanta = {each["name"]: (each["quantum"], each["unit"]) for each in measure["sums"]}
    assert (quanta["units"], quanta["n"], quanta["d"]) == (("1", "社区"), ("0.0001", "m²"), ("1", "户"))
    assert set(told) == set(data["meanings"])
    assert sui.to_json().count("\n") < 40, "a line for each measure and cell, so that differences can be read"


def test_a_file_is_replaced_where_it_lies(sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """Links lead to it as before, and who may read it may still."""
    file, link, plain = tmp_path / "sent" / "411422.json", tmp_path / "latest.json", tmp_path / "plain.txt"
    file.parent.mkdir()
    link.symlink_to(file)
    sui.save(link)  # to a file that is not there yet
    plain.touch()
    assert file.stat().st_mode == plain.stat().st_mode
    file.chmod(0o640)
    yong.save(link)
    assert link.is_symlink()
    assert cp.Tally.load(file) == yong
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="other devices")
def test_a_pipe_and_a_device_are_written_to_as_they_are(sui: cp.Tally, tmp_path: Path) -> None:
    """Nothing takes their place."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as threads:
        read = threads.submit(pipe.read_bytes)
        sui.save(pipe)
        assert read.result() == sui.to_json().encode()
    assert pipe.is_fifo()
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        sui.save("/dev/full")


def test_a_region_is_named_once(plan: cp.Plan) -> None:
    """Also where two counties share a township by their columns."""
    data = SUI.with_columns(township=pl.lit("411422001"), county=pl.Series(["411422", "411471", "411471"]))
    tally = plan.tally(data, by="township", targets=AREA)
    assert len(tally.cells) == 2
    assert tally.regions == ("411422001",)


def test_every_sum_has_a_meaning(plan: cp.Plan) -> None:
    """Of every kind of measure."""
    for target in plan.targets.values():
        assert set(slots_of(plan.measure_of(target))) <= set(MEANINGS)


def test_a_whole_table_is_one_region(plan: cp.Plan) -> None:
    """Two of them cannot be told apart, so only parts are added up."""
    one, other = (plan.tally(frame, targets=AREA) for frame in (SUI, YONG))
    with pytest.raises(TallyError, match=r"tally 2: .*the whole table in both\. Tally by a level such as county"):
        one + other
    halves = [plan.tally(frame, targets=AREA, complete=False) for frame in (SUI, YONG)]
    merged = halves[0] + halves[1]
    assert plan.evaluate(merged).rows == plan.evaluate(pl.concat([SUI, YONG]), targets=AREA).rows
    assert [note.en for note in plan.evaluate(merged).notes] == ["a tally of a part of the communities"]
    assert plan.evaluate(plan.tally(SUI.clear(), by="county", targets=AREA), by=[]).rows[0].reason == "nothing_in_scope"


def test_parts_stay_parts_until_somebody_says_that_nothing_is_missing(plan: cp.Plan, yong: cp.Tally) -> None:
    """Ten whole counties and two halves of an eleventh merge; the note names the eleventh."""
    halves = [plan.tally(SUI[rows], by="county", targets=AREA, complete=False) for rows in ([0, 1], [2])]
    merged = cp.merge_tallies([halves[0], yong, halves[1]])
    assert not merged.complete
    assert merged.parts == {("411422",)}
    assert [note.en for note in plan.evaluate(merged).notes] == ["1 region(s) counted in part: 411422"]
    whole = merged.as_complete()
    assert whole.complete
    assert plan.evaluate(whole).notes == ()
    assert whole == plan.tally(pl.concat([SUI, YONG]), by="county", targets=AREA)


def test_the_years_of_a_panel_stay_apart(plan: cp.Plan) -> None:
    """Adding them up would count every community once a year."""
    years = [SUI.with_columns(year=pl.lit(year)) for year in (2024, 2025)]
    by = ["year", "county"]
    tallies = [plan.tally(frame, by=by, targets=AREA) for frame in years]
    merged = tallies[0] + tallies[1]
    assert plan.evaluate(merged).rows == plan.evaluate(pl.concat(years), by=by, targets=AREA).rows
    city = plan.evaluate(merged, by=["city", "year"])
    assert [(row.level, row.period) for row in city] == [("city", "2024"), ("city", "2025")]
    assert [row.level for row in plan.evaluate(merged, by="year")] == ["total", "total"]
    with pytest.raises(TallyError, match=r"expected the columns year in by=, got county. Name year too"):
        plan.evaluate(merged, by="county")
    with pytest.raises(cp.DataError, match="no such column; did you mean 'year'"):
        plan.evaluate(merged, by=["yaer", "year"])


def test_a_coarser_level_follows_from_codes_and_not_from_names(plan: cp.Plan, sui: cp.Tally) -> None:
    """And nothing finer follows at all; the error says what the tally can give."""
    assert plan.evaluate(sui, by="city").rows[0].region == "411400"
    message = r"what the tally can give \(city, county, the total\), got 'township': .* by county, township"
    with pytest.raises(TallyError, match=message):
        plan.evaluate(sui, by="township")
    named = plan.tally(SUI.with_columns(county=pl.lit("睢县")), by="county", targets=AREA)
    with pytest.raises(TallyError, match=r"no city follows from a name. Tally the data by city, county"):
        plan.evaluate(named, by="city")
    assert plan.evaluate(named, by=[]).rows == plan.evaluate(SUI, targets=AREA).rows


def test_what_a_county_has_beyond_its_communities_is_not_lost(plan: cp.Plan, sample: Path) -> None:
    """Sums of a larger region are rolled up only where the key tells it."""
    targets = ["social-workers-per-resident", RURAL]
    tally = plan.tally(sample, by="community", targets=targets)
    with pytest.raises(TallyError, match="sums of larger regions and does not tell their county"):
        plan.evaluate(tally, by="county")
    assert plan.evaluate(tally, by=[]).rows == plan.evaluate(sample, targets=targets).rows
    tally = plan.tally(sample, by=["city", "county", "community"], targets=targets)
    for by in ("county", "city"):
        assert plan.evaluate(tally, by=by).rows == plan.evaluate(sample, by=by, targets=targets).rows
    with pytest.raises(TallyError, match="does not tell their township"):
        plan.evaluate(tally, by="township")


def test_a_county_whose_communities_are_elsewhere_keeps_its_people(plan: cp.Plan) -> None:
    """A roll says whose it is, whoever hands it in."""
    ratio = "social-workers-per-resident"
    people = pl.DataFrame({"region": ["411481"], "role": ["social_worker"], "headcount": [7]})
    here, there = (frame.with_columns(residents=10_000) for frame in (SUI, YONG))
    apart = [
        plan.tally(cp.Dataset(communities=here, workforce=people), by="county", targets=ratio, complete=False),
        plan.tally(cp.Dataset(communities=there, workforce=people.clear()), by="county", targets=ratio, complete=False),
    ]
    assert [key for key in apart[0].cells if "411481" in key]
    merged = cp.merge_tallies(apart).as_complete()
    together = cp.Dataset(communities=pl.concat([here, there]), workforce=people)
    whole = plan.evaluate(together, by="county", targets=ratio)
    assert plan.evaluate(merged).rows == whole.rows
    assert whole.row(ratio, "411481").value == Fraction(7, 20)


def test_people_of_a_county_count_by_its_kind_wherever_its_communities_are(plan: cp.Plan) -> None:
    """Its code says it: what only districts are asked for holds for the people on a district's own rolls."""
    mean = "social-workers-per-district-community"
    here = pl.DataFrame({"code": ["411402001001", "411402001002"]})
    rolls = pl.DataFrame({
        "region": ["411402001001", "411402001002", "411402"], "role": ["social_worker"] * 3, "headcount": [1, 1, 2]
    })  # fmt: skip

    def counted(communities: pl.DataFrame, workforce: pl.DataFrame, *, complete: bool = False) -> cp.Tally:
        data = cp.Dataset(communities=communities, workforce=workforce)
        return plan.tally(data, by="county", targets=mean, complete=complete)

    whole = plan.evaluate(counted(here, rolls, complete=True))
    merged = counted(here, rolls[:2]) + counted(here.clear(), rolls[2:])
    assert plan.evaluate(merged.as_complete()).rows == whole.rows
    assert whole.row(mean).value == 2


@pytest.mark.parametrize("form", [pl.DataFrame, lambda frame: frame[::-1], pl.LazyFrame, pl.DataFrame.to_pandas])
def test_what_a_county_has_beyond_its_communities_needs_one_county(plan: cp.Plan, form: Any) -> None:
    """Where a blank cell leaves it two names, nobody can tell whose its people are: none is guessed by order."""
    communities = pl.DataFrame({
        "code": ["411422001201", "411422001202"], "county": ["睢县", None], "urban_residents": 1000
    })  # fmt: skip
    people = pl.DataFrame({"region": ["411422"], "role": ["community_worker"], "headcount": [3]})
    target = "community-workers-per-10000-urban-residents"
    with pytest.raises(cp.DataError, match=r"one name for the county of 411422, .* got '411422' and '睢县'"):
        plan.evaluate(cp.Dataset(communities=form(communities), workforce=people), by="county", targets=target)
    data = cp.Dataset(communities=form(communities.with_columns(county=pl.lit("睢县"))), workforce=people)
    assert plan.evaluate(data, by="county", targets=target).row(target, "睢县").value == 15


@pytest.mark.parametrize("by", ["township", "community", ["county", "community"]])
def test_a_region_of_two_names_around_it_is_one_region(plan: cp.Plan, by: Any) -> None:
    """Its code tells it, whatever its county is called in either table."""
    one, other = (places("411422001201", county=name) for name in ("睢县", "411422"))
    tallies = [plan.tally(frame, by=by, targets=AREA) for frame in (one, other)]
    with pytest.raises(TallyError, match=r"got the same: 411422001"):
        cp.merge_tallies(tallies)


def test_a_panel_of_townships_is_asked_by_year_and_township(plan: cp.Plan) -> None:
    """A table of townships has each once a year, as that of communities has."""
    station = "social-work-station-coverage"
    years = pl.DataFrame({"year": [2024, 2025]})
    communities = years.join(SUI[:1], how="cross")
    townships = years.with_columns(
        code=pl.lit("411422001"), social_work_station_count=pl.Series([1, 0]), name=pl.Series(["董店乡", "董店街道"])
    )
    result = plan.evaluate(
        cp.Dataset(communities=communities, townships=townships), by=["year", "township"], targets=[AREA, station]
    )
    assert [(row.period, row.value) for row in result if row.target == station] == [("2024", 100), ("2025", 0)]
    assert {row.region_name.zh for row in result} == {"董店乡"}  # one region has one name


def test_townships_and_communities_stand_side_by_side(plan: cp.Plan, sample: Path, tmp_path: Path) -> None:
    """Measures of both tables, by any level; the names of both survive."""
    targets = [RURAL, "social-work-station-coverage"]
    for by in ("county", "township", ["county", "community"]):
        plan.tally(sample, by=by, targets=targets).save(tmp_path / "tally.json")
        loaded = cp.Tally.load(tmp_path / "tally.json")
        assert plan.evaluate(loaded).to_json("en") == plan.evaluate(sample, by=by, targets=targets).to_json("en")
    assert len(loaded.names) > 4000
    assert plan.evaluate(loaded, by="county").rows == plan.evaluate(sample, by="county", targets=targets).rows


def test_a_code_in_the_column_of_names_is_no_name(plan: cp.Plan) -> None:
    """In one table as in parts of it."""
    years = [
        SUI[:1].with_columns(year=pl.lit(year), name=pl.lit(name))
        for year, name in ((2024, "411422001201"), (2025, "甲村"))
    ]
    by = ["year", "community"]
    parts = [plan.tally(year, by=by, targets=AREA) for year in years]
    assert (parts[0] + parts[1]).to_json() == plan.tally(pl.concat(years), by=by, targets=AREA).to_json()


def test_one_region_has_one_name_whatever_the_order(plan: cp.Plan) -> None:
    """The smaller of two, in one table as in two tallies."""
    years = [
        SUI[:1].with_columns(year=pl.lit(year), name=pl.lit(name)) for year, name in ((2024, "乙村"), (2025, "甲村"))
    ]
    by = ["year", "community"]
    one, other = (plan.tally(frame, by=by, targets=AREA) for frame in years)
    for merged in (one + other, other + one, plan.tally(pl.concat(years[::-1]), by=by, targets=AREA)):
        assert merged.names == {"411422001201": "乙村"}
        assert {row.region_name.zh for row in plan.evaluate(merged)} == {"乙村"}


def test_notes_add_up(plan: cp.Plan) -> None:
    """Two rounded values here and one there are three."""
    units = {"comprehensive_service_area": "亩"}
    frames = (places("411422001201", "411422001202", area=0.001), places("411481001001", area=0.002))
    tallies = [plan.tally(frame, by="county", targets=AREA, units=units) for frame in frames]
    (note,) = plan.evaluate(tallies[0] + tallies[1]).notes
    assert note.code == "rounded"
    assert note.count == 3
    assert " 3 个值" in note.zh
    assert "3 value(s)" in note.en


def test_two_tests_of_one_variable_survive_a_file(sui: cp.Tally, tmp_path: Path) -> None:
    """A target may narrow a scope that its indicator has already."""
    scope = (Is(variable="setting", values=("urban", "rural")), Is(variable="setting", values=("rural",)))
    counted = sui.measures[0]
    narrowed = attrs.evolve(counted, measure=attrs.evolve(counted.measure, where=scope))
    tally = attrs.evolve(sui, measures=(narrowed,))
    tally.save(tmp_path / "tally.json")
    assert cp.Tally.load(tmp_path / "tally.json") == tally


# -- what is refused -------------------------------------------------------------------------------------


def test_a_region_is_counted_once(plan: cp.Plan, sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """By two whole tallies, by a whole and a part; a community even by two parts."""
    both = sui + yong
    with pytest.raises(
        TallyError, match=r"tally 2: expected other regions than in tally 1, got the same: 411481. Leave"
    ):
        both + yong
    part = plan.tally(SUI[:1], by="county", targets=AREA, complete=False)
    with pytest.raises(TallyError, match=r"got the same: 411422. One of them says that it has the whole region"):
        cp.merge_tallies([yong, part, sui])
    parts = [plan.tally(SUI, by="community", targets=AREA, complete=False) for _ in range(2)]
    with pytest.raises(TallyError, match=r"got 3 of the same: 411422001201, .*. A community is counted once"):
        cp.merge_tallies(parts)
    halves = [plan.tally(half, by="community", targets=AREA, complete=False) for half in (SUI[:1], SUI[1:])]
    assert plan.evaluate(halves[1] + halves[0]).rows == plan.evaluate(SUI, by="community", targets=AREA).rows


def test_a_copy_of_what_lies_beyond_all_regions_is_known_again(plan: cp.Plan, tmp_path: Path) -> None:
    """People on the city's rolls belong to no county; counted twice they would be twice as many."""
    target = "community-workers-per-10000-urban-residents"
    nobody = pl.DataFrame({"code": ["411422001001"], "urban_residents": [1]}).clear()
    people = [pl.DataFrame({"region": ["411400"], "role": ["community_worker"], "headcount": [n]}) for n in (4, 5)]
    rolls = [
        plan.tally(cp.Dataset(communities=nobody, workforce=some), by=["city", "county"], targets=target)
        for some in people
    ]
    for name in ("rolls", "copy"):
        rolls[0].save(tmp_path / f"{name}.json")
    with pytest.raises(TallyError, match=r"copy\.json|rolls\.json"):
        cp.merge_tallies(tmp_path)
    (cell,) = (rolls[0] + rolls[1]).cells.values()  # other people are no copy
    assert cell[0]["n"] == 9


def test_no_tally_is_merged_with_itself(plan: cp.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a part either, nor by another name for its file."""
    part = plan.tally(SUI, by="county", targets=AREA, complete=False)
    with pytest.raises(TallyError, match="tally 2: expected each tally once"):
        part + part
    part.save(tmp_path / "part.json")
    monkeypatch.chdir(tmp_path)
    Path("link.json").symlink_to("part.json")
    for again in (["part.json", Path("part.json").resolve()], ["part.json", "./link.json"], [tmp_path, "part.json"]):
        with pytest.raises(cp.DataError) as caught:
            cp.merge_tallies(again)
        assert all("expected each tally once" in str(fault) for fault in caught.value.faults)


def test_tallies_of_different_kinds_do_not_merge(plan: cp.Plan, sui: cp.Tally) -> None:
    """What was expected, what came, where, and what to do; all of it at once."""
    other = cp.load_plan("national-14fyp").tally(YONG, by="county", targets=AREA)
    with pytest.raises(
        TallyError, match="tally 2: expected a tally of plan 'shangqiu-14fyp' as in tally 1, got 'national"
    ):
        sui + other
    other = plan.tally(YONG, by=["city", "county"], targets=AREA, reading={"A01": "not-less-than"})
    with pytest.raises(cp.DataFaults) as caught:
        sui + attrs.evolve(other, plan_version="2")
    version, readings, by = map(str, caught.value.faults)
    assert "expected version '1' of plan 'shangqiu-14fyp' as in tally 1, got '2'" in version
    assert "expected the adopted readings as in tally 1, got reading A01=not-less-than" in readings
    assert "expected a tally by county as in tally 1, got one by city, county" in by
    with pytest.raises(TallyError, match=r"expected content hash .* got None"):
        sui + attrs.evolve(other, content_hash="", readings={}, grouping=sui.grouping, cells={})
    facility = YONG.with_columns(comprehensive_service_count=pl.lit(1), setting=pl.lit("rural"))
    with pytest.raises(TallyError, match=f"expected the targets of tally 1, got them without {AREA} and with {RURAL}"):
        sui + plan.tally(facility, by="county", targets=RURAL)
    measure = attrs.evolve(sui.measures[0], quanta=tuple(cp.quantity(1) for _ in sui.measures[0].quanta))
    with pytest.raises(TallyError, match="expected measures and quanta as in tally 1"):
        sui + attrs.evolve(sui, measures=(measure,), cells={})


def test_a_plan_judges_its_own_tallies(plan: cp.Plan, sui: cp.Tally) -> None:
    """In the readings that they were made with, and the targets that they count."""
    with pytest.raises(TallyError, match="expected a tally of plan 'national-14fyp', got 'shangqiu-14fyp'"):
        cp.load_plan("national-14fyp").evaluate(sui)
    with pytest.raises(TallyError, match=r"expected reading A01=not-less-than, got the adopted readings. Choose"):
        plan.evaluate(sui, reading={"A01": "not-less-than"})
    loose = plan.tally(SUI, by="county", targets=AREA, reading={"A01": "not-less-than"})
    assert plan.evaluate(loose, reading={"A01": "not-less-than"}).rows[0].verdict is cp.Verdict.MET
    with pytest.raises(TallyError, match="expected the adopted readings, got reading A01=not-less-than"):
        plan.evaluate(loose)
    with pytest.raises(TallyError, match=r"expected version '1' .* got '0'. Use the same release"):
        plan.evaluate(attrs.evolve(sui, plan_version="0"))
    with pytest.raises(TallyError, match=f"does not count target '{RURAL}'. Tally the data with this target"):
        plan.evaluate(sui, targets=[AREA, RURAL])
    with pytest.raises(TallyError, match=r"units= belongs to plan.tally"):
        plan.evaluate(sui, units={})
    measure = attrs.evolve(sui.measures[0], quanta=tuple(cp.quantity(1) for _ in sui.measures[0].quanta))
    with pytest.raises(TallyError, match="in other quanta"):
        plan.evaluate(attrs.evolve(sui, measures=(measure,)))


def test_townships_are_told_apart_in_all_tallies_or_in_none(plan: cp.Plan) -> None:
    """By codes with and without a column of them beside; by names only with their county."""
    column = YONG.with_columns(township=pl.col("code").str.slice(0, 9))
    merged = plan.tally(SUI, by="township", targets=AREA) + plan.tally(column, by="township", targets=AREA)
    expected = plan.evaluate(pl.concat([SUI, YONG]), by="township", targets=AREA)
    assert plan.evaluate(merged).to_json() == expected.to_json()
    named = YONG.with_columns(township=pl.lit("城关镇"))
    with pytest.raises(TallyError, match=r"tally 2: expected townships told apart by their county .* got '城关镇'"):
        plan.tally(SUI, by="township", targets=AREA) + plan.tally(named, by="township", targets=AREA)
    other = SUI.with_columns(township=pl.lit("城关镇"))
    merged = plan.tally(other, by="township", targets=AREA) + plan.tally(named, by="township", targets=AREA)
    assert plan.evaluate(merged).rows == plan.evaluate(pl.concat([other, named]), by="township", targets=AREA).rows
    assert [row.region for row in plan.evaluate(merged, by="county")] == ["411422", "411481"]


def test_a_sum_that_does_not_fit_is_refused(sui: cp.Tally, tmp_path: Path) -> None:
    """As in one table."""

    def grow(data: dict[str, Any]) -> None:
        sums = data["cells"][0]["sums"][0]
        sums[3] = sums[5] = sums[6] = 2**62
        data["cells"][0]["complete"] = False

    paths = [changed(tmp_path / f"{number}.json", sui, grow) for number in range(2)]
    with pytest.raises(SumOverflowError, match=r"passes 2\^63"):
        cp.merge_tallies(paths)
    assert cp.merge_tallies(paths[:1]).groups


def test_the_faults_of_all_files_are_told_together(sui: cp.Tally, tmp_path: Path) -> None:
    """And nothing at all is no tally."""
    (tmp_path / "empty").mkdir()
    sui.save(tmp_path / "good.json")
    (tmp_path / "bad.json").write_text("{", "utf-8")
    with pytest.raises(cp.DataFaults) as caught:
        cp.merge_tallies([tmp_path / "bad.json", tmp_path / "good.json", tmp_path / "none.json", tmp_path / "empty", 5])  # type: ignore[list-item]  # that is the test
    assert len(caught.value.faults) == 4
    for words in (
        "bad.json:1: no valid JSON",
        "none.json: cannot be read",
        "*.json files, got none",
        "a path, got int",
    ):
        assert words in str(caught.value)
    with pytest.raises(TallyError, match="at least one tally"):
        cp.merge_tallies([])


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], object]:
    """Return what puts a value somewhere in a document."""

    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("format", value="tally"), "expected a file of format 'community-plan tally', got 'tally'"),
        (put("format_version", value=2), "format_version: expected format version 1, got 2. Read it with the release"),
        (put("format_version", value=True), "format_version: expected format version 1, got True"),
        (put("colour", value=1), "colour: unknown key 'colour'"),
        (lambda data: data.pop("cells"), "missing key 'cells'"),
        (put("plan", "id", value=5), "plan.id: expected text in quotes, got 5"),
        (put("plan", "readings", value=[]), "plan.readings: expected a table, got []"),
        (put("by", "levels", value=["contry"]), "by.levels[0]: expected one of city, county"),
        (put("by", "levels", value=["county", "city"]), "by.levels: expected levels from large to small"),
        (put("by", "hidden", value=["county"]), "by.hidden: expected some of the levels"),
        (put("by", "named", value=["county"]), "by.named: expected levels that are not counted by"),
        (put("by", "named", value=["township", "city"]), "by.named: expected levels that are not counted by"),
        (put("by", "columns", value=["city"]), "by.columns: expected columns that are no levels"),
        (put("measures", value=[]), "measures: expected each target once, got none"),
        (put("measures", 0, "targets", value=["a", "a"]), "measures: expected each target once, got a"),
        (put("measures", 0, "measure", "kind", value="mean"), "measures[0].measure: expected one of count"),
        (put("measures", 0, "measure", "where", value={"setting": "rural"}), "expected the scope in `where`"),
        (lambda data: data["measures"][0]["sums"].pop(), "measures[0].sums: expected the sums units, maybe"),
        (put("measures", 0, "sums", 3, "quantum", value="0"), "measures[0].sums[3].quantum: expected a number above 0"),
        (put("measures", 0, "sums", 3, "quantum", value="1 m²"), "sums[3].quantum: expected a number above 0"),
        (put("measures", 0, "sums", 3, "unit", value="m³"), "measures[0].sums[3].unit: unknown unit 'm³'"),
        (lambda data: data["measures"].append(data["measures"][0]), "measures: expected each measure once"),
        (put("names", value={"411499": "某县"}), "names.411499: expected the name of a region of the cells"),
        (
            put("notes", value=[{"code": "a", "zh": "b", "en": "c", "count": -1}]),
            "notes[0].count: expected a count of 0",
        ),
        (put("cells", 0, "complete", value=1), "cells[0].complete: expected true or false, got 1"),
        (put("cells", 0, "key", value=[]), "cells[0].key: expected 1 labels (county), got 0"),
        (put("cells", 0, "key", value=[""]), "cells[0].key: expected a region, got an empty text"),
        (lambda data: data["cells"].append(data["cells"][0]), "cells[1].key: stands twice"),
        (put("cells", 0, "sums", value=[]), "cells[0].sums: expected a list for each of 1 measures, got 0"),
        (put("cells", 0, "sums", 0, value=[3]), "cells[0].sums[0]: expected the sums units, maybe"),
        (put("cells", 0, "sums", 0, 0, value=True), "cells[0].sums[0][0]: expected units, a whole number from 0 to"),
        (put("cells", 0, "sums", 0, 0, value=3.0), "cells[0].sums[0][0]: expected a whole number below 2^63, got 3.0"),
        (put("cells", 0, "sums", 0, 0, value=-1), "cells[0].sums[0][0]: expected units, a whole number from 0"),
        (put("cells", 0, "sums", 0, 0, value=2**63), "cells[0].sums[0][0]: expected units, a whole number from 0"),
        (
            put("cells", 0, "sums", 0, 0, value=10**999),
            "cells[0].sums[0][0]: expected a whole number below 2^63, got one",
        ),
        (put("cells", 0, "sums", 0, 0, value=float("nan")), "expected a whole number below 2^63, got NaN"),
        (put("cells", 0, "sums", 0, 2, value=4), "cells[0].sums[0]: expected complete of at most units, got 4 and 3"),
        (put("cells", 0, "sums", 0, 5, value=9), "cells[0].sums[0]: expected n of at most n_low, got 900000 and 9"),
        (put("cells", 0, "sums", 0, 9, value=9), "cells[0].sums[0]: expected d_low of at most d_high, got 300 and 9"),
        (put("plan", "id", value="\ud800"), "plan.id: expected text, got half a character"),
    ],
)
def test_a_file_that_is_no_tally_is_refused_with_its_place(
    sui: cp.Tally, tmp_path: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    """File, path, what was expected and what came."""
    path = changed(tmp_path / "tally.json", sui, change)
    with pytest.raises(cp.DataError) as caught:
        cp.Tally.load(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert all(isinstance(fault, TallyError) for fault in caught.value.faults)


def test_counts_that_contradict_each_other_are_refused(plan: cp.Plan, tmp_path: Path) -> None:
    """More communities that satisfy a condition than there are."""
    frame = SUI.with_columns(comprehensive_service_count=pl.lit(1), setting=pl.lit("rural"))
    tally = plan.tally(frame, by="county", targets=RURAL)
    path = changed(tmp_path / "tally.json", tally, put("cells", 0, "sums", 0, 3, value=1))
    with pytest.raises(TallyError, match=r"expected true and false of at most units together, got 3 \+ 1 and 3"):
        cp.Tally.load(path)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no valid JSON"),
        (b"[]", "expected a file of format"),
        (b'{"format": "community-plan tally", "format_version": 1', ":1: no valid JSON"),
        ("合计".encode("gb18030"), "expected UTF-8, got byte 0xba. Save the file as UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 60 + b"]" * 60, "nested too deeply"),
        (b'{"format": 1, "format": 2}', "format: stands twice"),
        (b'{"a": {"b": 1, "b": 2}, "c": NaN}', "2 faults"),
        (b'{"a": {"b": 1, "c": 2, "d": 3, "c": 4, "b": 5, "b": 6}}', "a.b: stands twice\n  - "),
        (b'{"a": {"b": 1, "c": 2, "d": 3, "c": 4, "b": 5, "b": 6}}', "a.c: stands twice"),
    ],
)
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    """Strictly: each key once, no NaN, not without end."""
    path = tmp_path / "tally.json"
    path.write_bytes(raw)
    with pytest.raises(cp.DataError) as caught:
        cp.Tally.load(path)
    assert says in str(caught.value)


def test_a_file_may_be_ordered_and_spaced_otherwise(sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """As other tools write it, with a byte order mark; saved again it has its one form."""
    merged = sui + yong
    data = json.loads(merged.to_json())
    data["cells"].reverse()
    path = tmp_path / "tally.json"
    path.write_text(json.dumps(dict(reversed(data.items())), indent=4), "utf-8-sig")
    assert cp.Tally.load(path) == merged
    assert cp.Tally.load(path).to_json() == merged.to_json()


@pytest.mark.skipif(os.name == "nt", reason="permissions of another kind")
def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Typed as well."""
    with pytest.raises(TallyError, match="cannot be read: Is a directory"):
        cp.Tally.load(tmp_path)
