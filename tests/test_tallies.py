"""Counties tally their own data, the city adds the tallies up: what a tally tells, and keeps in a file."""

from __future__ import annotations

import errno
import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest

import community_plan as cp
from community_plan.entry import Note
from community_plan.errors import TallyError
from community_plan.measures import Compare, Is
from community_plan.merging import merge_notes
from community_plan.programs import slots_of
from community_plan.tallies import Counted
from community_plan.tally_files import MEANINGS
from county_tallies import AREA, RURAL, SUI, YONG, places


def test_counties_tally_and_the_city_merges(plan: cp.Plan, sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """The verdicts are those of all communities in one table."""
    sui.save(tmp_path / "411422.json")
    yong.save(tmp_path / "411481.json")
    whole = pl.concat([SUI, YONG])
    merged = cp.merge_tallies([tmp_path / "411481.json", str(tmp_path / "411422.json")])
    assert merged == cp.merge_tallies(tmp_path) == sui + yong == yong + sui
    assert cp.merge_tallies(merged) == merged
    assert merged.regions == ("411422", "411481")
    for by in ("county", "city", ["city", "county"], []):
        expected = plan.evaluate(whole, by=by, targets=AREA, as_of="2025-12-31")
        assert plan.evaluate(merged, by=by, as_of="2025-12-31").to_json() == expected.to_json()
    assert plan.evaluate(merged).rows == plan.evaluate(whole, by="county", targets=AREA).rows


ZONE = places("411422001201", "411422001202", county="411471")
"""A development zone: on the land of 睢县, and a county of its own."""


@pytest.mark.parametrize("by", ["township", "community", ["township", "community"], ["city", "community"]], ids=str)
def test_a_column_that_says_otherwise_than_codes_is_not_forgotten(
    plan: cp.Plan, by: str | list[str], tmp_path: Path
) -> None:
    """Communities of a zone do not go to the county of their codes, also when merged with others and read again."""
    data = [ZONE, places("411422100203", county="411422"), YONG.with_columns(county=pl.lit(None, pl.String))]
    tallies = [plan.tally(each, by=by, targets=AREA) for each in data]
    assert [tally.named for tally in tallies] == [("county",), (), ()]
    merged = cp.merge_tallies(tallies)
    whole = plan.tally(pl.concat(data[::-1], how="diagonal"), by=by, targets=AREA)
    assert merged == whole
    assert merged.to_json() == whole.to_json()
    merged.save(tmp_path / "merged.json")
    assert cp.Tally.load(tmp_path / "merged.json") == merged
    expected = (
        "'county': a column of the data tells it, with which codes need not agree. Tally the data by (city, )?county, "
    )
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
    part, same = (plan.tally(each, by="township", targets=AREA, complete=False) for each in (plain, told))
    assert part.to_json() == same.to_json()


def test_a_tally_names_no_regions_but_its_own(plan: cp.Plan, tmp_path: Path) -> None:
    """Townships that have a table and a column of their own have no name in a tally by community."""
    communities = SUI.with_columns(township=pl.col("code").str.slice(0, 9), name=pl.Series(["甲村", "乙村", None]))
    townships = pl.DataFrame({"code": ["411422001"], "name": ["董店乡"]})
    data = cp.Dataset(communities=communities, townships=townships)
    for by, names in (
        ("community", {"411422001201": "甲村", "411422001202": "乙村"}),
        ("township", {"411422001": "董店乡"}),
        ("county", {}),
    ):
        tally = plan.tally(data, by=by, targets=AREA)
        assert tally.names == names
        assert plan.tally(plan.prepare(data, targets=AREA), by=by) == tally
        tally.save(tmp_path / "tally.json")
        assert cp.Tally.load(tmp_path / "tally.json") == tally


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
    assert "社区" in sui.to_json()
    chosen = {"A01": "not-less-than", "A02": "as-printed"}
    texts = {attrs.evolve(sui, readings=dict(order)).to_json() for order in itertools.permutations(chosen.items())}
    assert len(texts) == 1, "one text for one tally"


def test_a_file_is_replaced_where_it_lies(sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """Links lead to it as before, and who may read it may still."""
    file, link, plain = tmp_path / "sent" / "411422.json", tmp_path / "latest.json", tmp_path / "plain.txt"
    file.parent.mkdir()
    link.symlink_to(file)
    sui.save(link)  # to a file that is not there yet
    plain.touch()
    assert file.stat().st_mode == plain.stat().st_mode
    file.chmod(0o640)
    with file.open(encoding="utf-8") as read:
        yong.save(link)
        assert read.read() == sui.to_json(), "whoever reads it already reads it to its end"
    assert link.is_symlink()
    assert cp.Tally.load(file) == yong
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(
    sui: cp.Tally, yong: cp.Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left beside it, and the fault names it."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = tmp_path / "411422.json"
    sui.save(file)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=f"No space left on device: '{file}'"):
        yong.save(file)
    assert list(tmp_path.iterdir()) == [file]
    assert cp.Tally.load(file) == sui


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
    merged = tally + plan.tally(YONG, by="township", targets=AREA)
    assert merged.regions == ("411422001", "411481001"), "no clash with itself"


def test_every_sum_has_a_meaning_and_a_quantum(plan: cp.Plan) -> None:
    """Of every kind of measure: that of its variables, else a place, or a row where something is missing."""
    for target in plan.targets.values():
        assert set(slots_of(plan.measure_of(target))) <= set(MEANINGS)
    area, household, station = "comprehensive_service_area", "households", "townships.social_work_station_count"
    some = Compare(numerator=(station,), comparator=cp.Comparator.AT_LEAST, value=cp.quantity("1 个"))
    for measure, above, below, place in (
        (cp.Ratio(numerator=(area,), denominator=(household,)), "0.0001 m²", "1 户", "1 社区"),
        (cp.Ratio(numerator=(household,), denominator=("communities",)), "1 户", "1 社区", "1 社区"),
        (cp.Total(of=(area,)), "0.0001 m²", "", "1 社区"),
        (cp.Total(of=(station,)), "1 个", "", "1 乡镇"),
        (cp.Share(condition=some), "", "", "1 乡镇"),
        (cp.Count(condition=some), "", "", "1 乡镇"),
    ):
        quanta = dict(zip(slots_of(measure), Counted.of(measure, (), plan.variables).quanta, strict=True))
        one = {"n": above, "d": below, "n_open": "1", "d_open": "1"}
        assert quanta == {name: cp.quantity(one.get(name, one.get(name[0], place))) for name in quanta}


def test_a_whole_table_is_one_region(plan: cp.Plan) -> None:
    """Two of them cannot be told apart, so only parts are added up."""
    one, other = (plan.tally(frame, targets=AREA) for frame in (SUI, YONG))
    with pytest.raises(TallyError, match=r"tally 2: .*the whole table in both\. Tally by a level such as county"):
        one + other
    assert one.regions == ()
    halves = [plan.tally(frame, targets=AREA, complete=False) for frame in (SUI, YONG)]
    merged = halves[0] + halves[1]
    assert plan.evaluate(merged).rows == plan.evaluate(pl.concat([SUI, YONG]), targets=AREA).rows
    assert [note.en for note in plan.evaluate(merged).notes] == ["a tally of a part of the communities"]
    nothing = plan.tally(SUI.clear(), by="county", targets=AREA)
    assert plan.evaluate(nothing).rows == plan.evaluate(nothing, by="city").rows == ()
    assert plan.evaluate(nothing, by=[]).rows[0].reason == "nothing_in_scope"


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
    both = plan.evaluate(merged, by=["city", "county", "year"])
    assert [f"{row.period} {row.level}" for row in both] == ["2024 city", "2024 county", "2025 city", "2025 county"]
    assert [row.level for row in plan.evaluate(merged, by="year")] == ["total", "total"]
    with pytest.raises(TallyError, match=r"expected the columns year in by=, got county. Name year too"):
        plan.evaluate(merged, by="county")
    with pytest.raises(cp.DataError, match="no such column; did you mean 'year'"):
        plan.evaluate(merged, by=["yaer", "year"])
    with pytest.raises(cp.DataError, match=r"give \(city, county, year\), got '网格': it has no such column\.?$"):
        plan.evaluate(merged, by=["网格", "year"])


def test_a_tally_by_several_columns_is_asked_in_any_order(plan: cp.Plan) -> None:
    """Each value stays in its own column."""
    frames = [YONG, SUI[:1], SUI]
    crossed = {"year": (2024, 2025, 2025), "part": ("甲", "甲", "乙")}
    data = pl.concat(
        frame.with_columns(**{name: pl.lit(values[place]) for name, values in crossed.items()})
        for place, frame in enumerate(frames)
    )
    tally = plan.tally(data, by=["year", "part", "county"], targets=AREA)
    for by in itertools.permutations(["county", "year", "part"]):
        assert plan.evaluate(tally, by=by).to_json() == plan.evaluate(data, by=by, targets=AREA).to_json()
    for by in itertools.permutations(["year", "part"]):
        assert plan.evaluate(tally, by=by).to_json() == plan.evaluate(data, by=by, targets=AREA).to_json()


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


def test_nobody_on_a_countys_rolls_is_no_hindrance(plan: cp.Plan) -> None:
    """Sums of a county in a tally by community are told of no county; where they are all zero, nothing is lost."""
    ratio = "social-workers-per-resident"
    communities = SUI.with_columns(residents=10_000)

    def data(number: int, **columns: pl.Expr) -> cp.Dataset:
        people = pl.DataFrame({"region": ["411422"], "role": ["social_worker"], "headcount": [number]})
        return cp.Dataset(communities=communities.with_columns(**columns), workforce=people)

    tallies = [plan.tally(data(number), by="community", targets=[AREA, ratio]) for number in (0, 1)]
    assert [len(tally.cells) for tally in tallies] == [4, 4]
    told = data(0, county=pl.lit("411422"))
    assert plan.tally(told, by="community", targets=[AREA, ratio]) == tallies[0], "the column says no more than codes"
    expected = plan.evaluate(data(0), by="county", targets=[AREA, ratio])
    assert plan.evaluate(tallies[0], by="county").rows == expected.rows
    with pytest.raises(TallyError, match="sums of larger regions and does not tell their county"):
        plan.evaluate(tallies[1], by="county")


def test_regions_are_told_apart_by_all_around_them_and_come_in_order(plan: cp.Plan) -> None:
    """By their codes where they have some, whatever the regions around them are called."""
    data = pl.concat([SUI.with_columns(county=pl.lit("甲县")), YONG.with_columns(county=pl.lit("乙县"))])
    data = data.with_columns(city=pl.lit("示范市"))
    by = ["city", "county", "township"]
    named = data.with_columns(township=pl.lit("城关镇"))
    for frame, regions in (
        (data, ["411422001", "411422100", "411481001"]),
        (named, ["示范市/乙县/城关镇", "示范市/甲县/城关镇"]),
    ):
        tally = plan.tally(frame, by=by, targets=AREA)
        for asked in (frame, tally):
            result = plan.evaluate(asked, by=by, targets=AREA)
            assert [row.region for row in result if row.level == "township"] == regions
            assert [row.level for row in result][:3] == ["city", "county", "county"]


def test_a_level_between_two_follows_from_the_finer(plan: cp.Plan) -> None:
    """From codes of communities; people of a city or county are in none of its townships, or nobody knows in which."""
    ratio = "social-workers-per-resident"

    def data(region: str) -> cp.Dataset:
        people = pl.DataFrame({"region": [region], "role": ["social_worker"], "headcount": [3]})
        return cp.Dataset(communities=SUI.with_columns(residents=10_000), workforce=people)

    for by, region in ((["city", "community"], "411422001201"), (["county", "community"], "411400")):
        tally = plan.tally(data(region), by=by, targets=ratio)
        for coarser in ("county", "township"):
            expected = plan.evaluate(data(region), by=coarser, targets=ratio)
            assert plan.evaluate(tally, by=coarser).rows == expected.rows
    tally = plan.tally(data("411422"), by=["county", "community"], targets=ratio)
    with pytest.raises(TallyError, match="does not tell their township"):
        plan.evaluate(tally, by="township")


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


def test_notes_add_up(plan: cp.Plan, tmp_path: Path) -> None:
    """Two rounded values here and one there are three, as in files."""
    units = {"comprehensive_service_area": "亩"}
    frames = (places("411422001201", "411422001202", area=0.001), places("411481001001", area=0.002))
    tallies = [plan.tally(frame, by="county", targets=AREA, units=units) for frame in frames]
    merged = tallies[0] + tallies[1]
    for tally in tallies:
        tally.save(tmp_path / f"{tally.regions[0]}.json")
    assert cp.merge_tallies(tmp_path) == merged
    (note,) = plan.evaluate(merged).notes
    assert note.code == "rounded"
    assert note.count == 3
    assert " 3 个值" in note.zh
    assert "3 value(s)" in note.en


def test_notes_are_the_same_in_any_order() -> None:
    """Each once and sorted; what counts nothing, here or there, takes no count away."""
    rounded = Note(code="rounded", zh="{count} 个值", en="{count} value(s)")
    one, two = (attrs.evolve(rounded, count=count) for count in (1, 2))
    quiet = Note(code="named", zh="有名称", en="named")
    expected = (quiet, attrs.evolve(rounded, count=3))
    for order in itertools.permutations([quiet, one, rounded, two, quiet]):
        assert merge_notes(order) == expected


def test_two_tests_of_one_variable_survive_a_file(sui: cp.Tally, tmp_path: Path) -> None:
    """A target may narrow a scope that its indicator has already."""
    scope = (Is(variable="setting", values=("urban", "rural")), Is(variable="setting", values=("rural",)))
    counted = sui.measures[0]
    narrowed = attrs.evolve(counted, measure=attrs.evolve(counted.measure, where=scope))
    tally = attrs.evolve(sui, measures=(narrowed,))
    tally.save(tmp_path / "tally.json")
    assert cp.Tally.load(tmp_path / "tally.json") == tally
