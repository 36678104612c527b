"""Tallies that do not go together, and files that are none, are refused, and it is said why."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest

import community_plan as cp
from community_plan.entry import Note
from community_plan.errors import SumOverflowError, TallyError
from community_plan.programs import slots_of
from community_plan.tallies import Group
from county_tallies import AREA, RURAL, SUI, YONG, changed


def test_a_region_is_counted_once(plan: cp.Plan, sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """By two whole tallies, by a whole and a part; a community even by two parts."""
    both = sui + yong
    with pytest.raises(
        TallyError, match=r"tally 2: expected other regions than in tally 1, got the same: 411481. Leave"
    ):
        both + yong
    part = plan.tally(SUI[:1], by="county", targets=AREA, complete=False)
    for order in itertools.permutations([yong, part, sui]):
        with pytest.raises(TallyError, match=r"got the same: 411422. One of them says that it has the whole region"):
            cp.merge_tallies(order)
    parts = [plan.tally(YONG, by="community", targets=AREA, complete=False) for _ in range(2)]
    with pytest.raises(TallyError, match=r"got 2 of the same: 411481001001, 411481001002. A community is counted once"):
        cp.merge_tallies(parts)
    for by, shown in ((["county", "part", "year"], "411422 — 2025"), (["part", "year"], "— 2025")):
        crossed = SUI.with_columns(part=pl.lit(None, pl.String), year=2025)
        twice = [plan.tally(crossed, by=by, targets=AREA) for _ in range(2)]
        with pytest.raises(TallyError, match=rf"got the same: {shown}\. Leave"):
            cp.merge_tallies(twice)
    halves = [plan.tally(half, by="community", targets=AREA, complete=False) for half in (SUI[:1], SUI[1:])]
    assert plan.evaluate(halves[1] + halves[0]).rows == plan.evaluate(SUI, by="community", targets=AREA).rows


def test_a_copy_of_what_lies_beyond_all_regions_is_known_again(plan: cp.Plan, tmp_path: Path) -> None:
    """People on the city's rolls belong to no county; counted twice they would be twice as many."""
    target = "community-workers-per-10000-urban-residents"
    nobody = pl.DataFrame({"code": ["411422001001"], "urban_residents": [1]}).clear()

    def roll(number: int, *, complete: bool = True) -> cp.Tally:
        people = pl.DataFrame({"region": ["411400"], "role": ["community_worker"], "headcount": [number]})
        data = cp.Dataset(communities=nobody, workforce=people)
        return plan.tally(data, by=["city", "county"], targets=target, complete=complete)

    rolls = [roll(4), roll(5)]
    assert rolls[0].regions == ()
    for name in ("rolls", "copy"):
        rolls[0].save(tmp_path / f"{name}.json")
    with pytest.raises(TallyError, match=r"rolls\.json: expected other regions than in .*copy\.json, got"):
        cp.merge_tallies(tmp_path)
    for one, other in (
        (rolls[0], rolls[1]),  # other people are no copy
        (roll(4, complete=False), roll(4, complete=False)),
        (roll(4), roll(4, complete=False)),  # nor is what says that it is a part
        (roll(4, complete=False), roll(4)),
        (roll(0), roll(0)),  # nobody is counted twice
    ):
        ((cell,),) = (one + other).cells.values()
        assert cell["n"] == sum(tally.groups_by([])[Group()][0]["n"] for tally in (one, other))
    for order in itertools.permutations([tmp_path / "rolls.json", rolls[0], rolls[1]]):
        with pytest.raises(TallyError, match="got the same: 411400"):  # wherever others stand
            cp.merge_tallies(order)
    with pytest.raises(cp.DataFaults) as caught:
        cp.merge_tallies([tmp_path, rolls[0]])
    assert len(caught.value.faults) == 2, "one for each copy"


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
        assert all(".json: expected each tally once" in str(fault) for fault in caught.value.faults)


def test_parts_of_equal_sums_add_up(plan: cp.Plan, tmp_path: Path) -> None:
    """From files, too: nothing in them tells another part from a copy."""
    halves = [plan.tally(half, by="county", targets=AREA, complete=False) for half in (SUI[:1], SUI[1:2])]
    assert halves[0] == halves[1]
    for number, half in enumerate(halves):
        half.save(tmp_path / f"{number}.json")
    merged = cp.merge_tallies(tmp_path)
    assert merged == halves[0] + halves[1]
    assert merged.cells["411422",][0]["units"] == 2


def test_no_tally_of_a_folder_is_left_out_for_its_ending(sui: cp.Tally, yong: cp.Tally, tmp_path: Path) -> None:
    """Other systems write it in capitals."""
    sui.save(tmp_path / "411422.JSON")
    yong.save(tmp_path / "411481.json")
    assert cp.merge_tallies(tmp_path) == sui + yong


@pytest.mark.skipif(os.name == "nt", reason="paths of another kind")
def test_what_cannot_be_looked_at_is_no_tally(tmp_path: Path) -> None:
    """Nor a name that is none."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, says in ((tmp_path / "loop", "symbolic links"), ("a" * 300, "name too long")):
        with pytest.raises(TallyError, match=f"cannot be read: .*{says}"):
            cp.merge_tallies(path)


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
    assert "tally 2: expected version '1' of plan 'shangqiu-14fyp' as in tally 1, got '2'" in version
    assert "tally 2: expected the adopted readings as in tally 1, got reading A01=not-less-than" in readings
    assert "tally 2: expected a tally by county as in tally 1, got one by city, county" in by
    other = attrs.evolve(other, content_hash="", readings={}, grouping=sui.grouping, cells={})
    expected = f"tally 2: expected content hash {sui.content_hash} of plan 'shangqiu-14fyp' as in tally 1, got None"
    with pytest.raises(TallyError, match=expected):
        sui + other
    with pytest.raises(TallyError, match=r"by county as in tally 1, got one by nothing \(the whole table\)"):
        sui + plan.tally(YONG, targets=AREA)
    with pytest.raises(TallyError, match=f"expected content hash None of .* got {sui.content_hash}"):
        other + sui
    with pytest.raises(TallyError, match=r"tally 2: expected the adopted readings .* got reading A01=a, A02=b"):
        sui + attrs.evolve(sui, readings={"A02": "b", "A01": "a"}, cells={})


def test_tallies_of_other_targets_or_sums_do_not_merge(plan: cp.Plan, sui: cp.Tally) -> None:
    """It is said which targets are too few and which too many; of another plan they are others anyway."""
    facility = YONG.with_columns(comprehensive_service_count=pl.lit(1), setting=pl.lit("rural"))
    rural, both = (plan.tally(facility, by="county", targets=each) for each in (RURAL, [RURAL, AREA]))
    for one, other, got in (
        (sui, rural, f"them without {AREA} and with {RURAL} besides"),
        (both, sui, f"them without {RURAL}"),
        (sui, both, f"them with {RURAL} besides"),
        (both, attrs.evolve(both, measures=both.measures[::-1]), "them in another order"),
    ):
        with pytest.raises(TallyError, match=f"tally 2: expected the targets of tally 1, got {got}. Tally all"):
            one + attrs.evolve(other, cells={})
    measure = attrs.evolve(sui.measures[0], quanta=tuple(cp.quantity(1) for _ in sui.measures[0].quanta))
    with pytest.raises(TallyError, match="tally 2: expected measures and quanta as in tally 1"):
        sui + attrs.evolve(sui, measures=(measure,), cells={})
    for others in ({"plan": "other", "measures": rural.measures}, {"content_hash": "other", "measures": (measure,)}):
        with pytest.raises(TallyError, match=r"expected a tally of plan|expected content hash"):
            sui + attrs.evolve(sui, cells={}, **others)
    for names, got in (("abcde", "a, b, c, d, e besides"), ("abcdef", "a, b, c, d, e … besides")):
        counted = attrs.evolve(sui.measures[0], targets=tuple(names))
        with pytest.raises(TallyError, match=f"them without {AREA} and with {got}"):
            sui + attrs.evolve(sui, measures=(counted,), cells={})


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
    by_both = plan.tally(pl.concat([other, named]), by=["county", "township"], targets=AREA)
    assert plan.evaluate(by_both, by="township").rows == plan.evaluate(merged).rows


def test_a_sum_that_does_not_fit_is_refused(sui: cp.Tally, tmp_path: Path) -> None:
    """As in one table, and by one too many."""

    def grown(name: str, amount: int) -> Path:
        def grow(data: dict[str, Any]) -> None:
            sums = data["cells"][0]["sums"][0]
            sums[3] = sums[5] = sums[6] = amount
            data["cells"][0]["complete"] = False

        return changed(tmp_path / name, sui, grow)

    half, most, over = grown("half", 2**62 + 1), grown("most", 2**62 - 2), grown("over", 2**62 - 1)
    merged = cp.merge_tallies([half, most])
    assert merged.cells["411422",][0]["n"] == 2**63 - 1
    merged.save(tmp_path / "merged")
    assert cp.Tally.load(tmp_path / "merged") == merged
    with pytest.raises(SumOverflowError, match=r"passes 2\^63"):
        cp.merge_tallies([half, over])
    assert cp.merge_tallies([half]).groups


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
        "empty: expected a folder with *.json files, got none",
        "tally 5: expected a tally or a path, got int",
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


def by(*levels: str, hidden: Sequence[str] = (), key: Sequence[str | None] = ()) -> Callable[[dict[str, Any]], object]:
    """Return what says of a document that it is by other levels, with one cell."""

    def change(data: dict[str, Any]) -> None:
        data["by"] |= {"levels": levels, "hidden": hidden}
        data["cells"][0]["key"] = key

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
        (by("city", "county", "township", hidden=["county", "city"]), "by.hidden: expected some of the levels"),
        (put("by", "named", value=["county"]), "by.named: expected levels that are not counted by"),
        (put("by", "named", value=["township", "city"]), "by.named: expected levels that are not counted by"),
        (put("by", "columns", value=["city"]), "by.columns: expected columns that are no levels"),
        (put("by", "columns", value=["year", "year"]), "by.columns: expected columns that are no levels, each once"),
        (lambda data: data.update(measures=[], cells=[]), "measures: expected each target once, got none"),
        (put("measures", 0, "targets", value=["b", "a", "b", "a"]), "measures: expected each target once, got a, b"),
        (put("measures", 0, "measure", "kind", value="mean"), "measures[0].measure: expected one of count"),
        (put("measures", 0, "measure", "where", value={"setting": "rural"}), "expected the scope in `where`"),
        (lambda data: data["measures"][0]["sums"].pop(), "measures[0].sums: expected the sums units, maybe"),
        (put("measures", 0, "sums", 3, "quantum", value="0"), "measures[0].sums[3].quantum: expected a number above 0"),
        (put("measures", 0, "sums", 3, "quantum", value="1 m²"), "sums[3].quantum: expected a number above 0"),
        (
            put("measures", 0, "sums", 3, "quantum", value="one"),
            "sums[3].quantum: expected a number above 0, got 'one'",
        ),
        (put("measures", 0, "sums", 3, "unit", value="m³"), "measures[0].sums[3].unit: unknown unit 'm³'"),
        (
            lambda data: data.update(measures=[*data["measures"], {**data["measures"][0], "targets": ["b"]}], cells=[]),
            "measures: expected each measure once",
        ),
        (put("names", value={"411499": "某县"}), "names.411499: expected the name of a region of the cells"),
        (put("names", value={"411422": ""}), "names.411422: expected the name of a region of the cells"),
        (put("names", value={"411422": "411422"}), "names.411422: expected the name of a region of the cells"),
        (
            put("notes", value=[{"code": "a", "zh": "b", "en": "c", "count": -1}]),
            "notes[0].count: expected a count of 0",
        ),
        (put("cells", 0, "complete", value=1), "cells[0].complete: expected true or false, got 1"),
        (put("cells", 0, "key", value=[]), "cells[0].key: expected 1 labels (county), got 0"),
        (put("cells", 0, "key", value=[""]), "cells[0].key: expected a region, got an empty text"),
        (put("by", "levels", value=[]), "cells[0].key: expected 0 labels (nothing), got 1"),
        (by("city", "county", key=[None, "411422"]), "cells[0].key: expected no region inside one that is not told"),
        (lambda data: data["cells"].append(data["cells"][0]), "cells[1].key: stands twice"),
        (put("cells", 0, "sums", value=[]), "cells[0].sums: expected a list for each of 1 measures, got 0"),
        (put("cells", 0, "sums", value=5), "cells[0].sums: expected a list for each of 1 measures, got int"),
        (put("cells", 0, "sums", 0, value=[3]), "cells[0].sums[0]: expected the sums units, maybe"),
        (put("cells", 0, "sums", 0, value=3), "cells[0].sums[0]: expected the sums units, maybe"),
        (put("cells", 0, "sums", 0, 0, value=True), "cells[0].sums[0][0]: expected units, a whole number from 0 to"),
        (put("cells", 0, "sums", 0, 0, value=3.0), "cells[0].sums[0][0]: expected a whole number below 2^63, got 3.0"),
        (put("cells", 0, "sums", 0, 0, value=-1), "cells[0].sums[0][0]: expected units, a whole number from 0"),
        (put("cells", 0, "sums", 0, 0, value=2**63), "cells[0].sums[0][0]: expected units, a whole number from 0"),
        (
            put("cells", 0, "sums", 0, 0, value=10**999),
            "cells[0].sums[0][0]: expected a whole number below 2^63, got one",
        ),
        (put("cells", 0, "sums", 0, 0, value=float("nan")), "expected a whole number below 2^63, got NaN"),
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
    (fault,) = caught.value.faults  # nothing is told that only follows from it
    assert isinstance(fault, TallyError)


@pytest.mark.parametrize(
    ("less", "more"),
    [("complete", "units"), ("n", "n_low"), ("n_low", "n_high"), ("d", "d_low"), ("d_low", "d_high")],
)
def test_a_sum_above_what_bounds_it_is_refused(sui: cp.Tally, tmp_path: Path, less: str, more: str) -> None:
    """Where nothing is missing they are equal, and one more is too much."""
    place = slots_of(sui.measures[0].measure).index(less)
    amount = sui.cells["411422",][0][less]
    path = changed(tmp_path / "tally.json", sui, put("cells", 0, "sums", 0, place, value=amount + 1))
    with pytest.raises(
        TallyError, match=rf"sums\[0\]: expected {less} of at most {more}, got {amount + 1} and {amount}"
    ):
        cp.Tally.load(path)


def test_counts_that_contradict_each_other_are_refused(plan: cp.Plan, tmp_path: Path) -> None:
    """More communities that satisfy a condition, or do not, than there are, surely or perhaps."""
    frame = SUI.with_columns(comprehensive_service_count=pl.lit(1), setting=pl.lit("rural"))
    tally = plan.tally(frame, by="county", targets=RURAL)
    for place, got in (
        (3, "true and false of at most units together, got 3 [+] 1 and 3"),
        (4, "maybe_true and .* 1 [+] 0 and 0"),
    ):
        path = changed(tmp_path / "tally.json", tally, put("cells", 0, "sums", 0, place, value=1))
        with pytest.raises(TallyError, match=rf"sums\[0\]: expected {got}"):
            cp.Tally.load(path)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no valid JSON"),
        (b"[]", "expected a file of format"),
        (b"{}", "expected a file of format 'community-plan tally', got none"),
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


def test_a_file_may_be_ordered_and_spaced_otherwise(plan: cp.Plan, tmp_path: Path) -> None:
    """As other tools write it, with a byte order mark; whatever it holds, saved again it has its one form."""
    ratio = "social-workers-per-resident"
    communities = SUI.with_columns(residents=100, year=2024, name=pl.Series(["甲村", "乙村", None]))
    people = pl.DataFrame({"region": ["411422"], "year": 2024, "role": "social_worker", "headcount": 2})
    tally = plan.tally(
        cp.Dataset(communities=communities, workforce=people),
        by=["year", "county", "community"],
        targets=[AREA, ratio],
        reading={"A01": "not-less-than", "A02": "as-printed"},
        complete=False,
    )
    notes = [
        Note(code=code, zh=code, en=code, count=count) for code, count in (("a", None), ("b", 0), ("c", 2**63 - 1))
    ]
    tally = attrs.evolve(tally, notes=tuple(notes))
    assert [*tally.cells][-1] == ("411422", None, "2024")
    data = json.loads(tally.to_json())
    for entries in (data["cells"], data["notes"]):
        entries.reverse()
    for place, key in ((data, "names"), (data["plan"], "readings")):
        place[key] = dict(reversed(place[key].items()))
    path = tmp_path / "tally.json"
    path.write_text(json.dumps(dict(reversed(data.items())), indent=4), "utf-8-sig")
    loaded = cp.Tally.load(path)
    assert loaded == tally
    assert loaded.to_json() == tally.to_json()
    assert list(loaded.cells) == list(tally.cells)


@pytest.mark.skipif(os.name == "nt", reason="permissions of another kind")
def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Typed as well."""
    with pytest.raises(TallyError, match="cannot be read: Is a directory"):
        cp.Tally.load(tmp_path)
