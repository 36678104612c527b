"""What the registry holds of the plan's body, and how it is checked."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import attrs
import polars as pl
import pytest

import community_plan as cp
from community_plan.cli import run
from community_plan.ledger import Evidence, State
from community_plan.plan import Registry

SOURCE = Path(cp.__file__).parent / "plans" / "shangqiu-14fyp" / "source.txt"
# From the analysis of the text: B…: H checkable as it stands, M by evidence, the other 49 directions.
HIGH = [
    f"B{number:03d}"
    for number in (
        10,
        12,
        21,
        22,
        24,
        25,
        26,
        27,
        46,
        56,
        61,
        62,
        74,
        75,
        79,
        85,
        86,
        100,
        101,
        103,
        106,
        107,
        109,
        110,
        111,
        114,
        116,
        117,
        120,
        125,
        126,
        129,
        130,
        131,
        139,
        140,
        141,
        148,
        149,
        152,
    )
]


def test_every_commitment_of_the_body_is_held_with_its_words(plan: cp.Plan) -> None:
    """152 of them, each quoted byte for byte from one line of the source."""
    assert list(plan.commitments) == [f"B{number:03d}" for number in range(1, 153)]
    lines = SOURCE.read_bytes().split(b"\n")
    for commitment in plan.commitments.values():
        found = [line for line in lines if commitment.quote.encode() in line]
        assert found, commitment.id
        for words in (commitment.hedge, commitment.due_printed, *commitment.responsible):
            assert any(words.encode() in line for line in found), (commitment.id, words)


def test_no_entry_is_without_a_way_of_checking(plan: cp.Plan) -> None:
    """All H measured or evidenced, all M evidenced, the 49 directions recorded and nothing else."""
    checks = Counter(commitment.check for commitment in plan.commitments.values())
    assert checks["recorded"] == 49
    assert all(plan.commitments[name].check in ("measured", "evidenced") for name in HIGH)
    assert len(HIGH) == 40
    for commitment in plan.commitments.values():
        assert bool(commitment.targets) == (commitment.check == "measured")
        assert (commitment.owed_by is not None) == (commitment.check == "evidenced")
        assert set(commitment.discrepancies) <= set(plan.discrepancies)


def test_every_target_of_the_body_is_named_by_a_commitment(plan: cp.Plan) -> None:
    """And every target that a commitment names is there."""
    named = {name for commitment in plan.commitments.values() for name in commitment.targets}
    body = {target.id for target in plan.targets.values() if target.number is None}
    assert body <= named <= set(plan.targets)


def test_a_target_of_the_body_is_softened_as_its_commitment(plan: cp.Plan) -> None:
    """力争, 一般 and 推动 stand in the promise, and so in what is judged of it."""
    hedges = {}
    for commitment in plan.commitments.values():
        for name in commitment.targets:
            if plan.targets[name].number is None:
                assert plan.targets[name].hedge == commitment.hedge, (commitment.id, name)
                hedges[name] = commitment.hedge
    assert Counter(hedges.values()) == {"": 12, "力争": 6, "推动": 4, "一般": 1}
    stations = plan.targets["social-work-station-coverage"]
    assert stations.citation.quote.startswith("力争到2025年"), "the words that soften it stand in its sentence"


def test_what_a_passage_leaves_open_is_adopted_in_words(plan: cp.Plan) -> None:
    """Which communities 每个社区 are, what 不少于 governs, and whether exceptions count."""
    for name, adopted in {
        "A15": "采用不低于",
        "A17": "只计城市社区",
        "A22": "适用于全部四项",
        "A23": "不扣除例外",
    }.items():
        assert adopted in plan.discrepancies[name].handling.zh
    area = "facility-area-per-100-households@四(三)2"
    urban = plan.with_readings({"A01": "urban-communities-only"})
    places = [
        cp.Community(code="411422001001", households=100, comprehensive_service_area=40),
        cp.Community(code="411422001201", households=100, comprehensive_service_area=10),
    ]
    assert [p.evaluate(places, targets=area).row(area).value for p in (plan, urban)] == [25, 40]
    assert [p.evaluate(places, targets=area).row(area).verdict for p in (plan, urban)] == ["not_met", "met"]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("elderly-care-area-new-built", "≥ 30 m²/百户"),
        ("elderly-care-area-existing", "≥ 20 m²/百户"),
        ("elderly-care-centre-per-subdistrict", "≥ 100%"),
        ("facility-area-per-100-households@四(三)2", "≥ 30 m²/百户"),
        ("community-workers-per-10000-urban-residents@四(五)1", "≥ 18 人/万人"),
        ("social-work-leaders", "≥ 2 人"),
        ("social-work-supervisors", "≥ 50 人"),
        ("social-work-managers", "≥ 300 人"),
        ("social-workers-trained", "≥ 2000 人"),
        ("opening-hours", "≥ 100%"),
    ],
)
def test_the_bodys_figures_are_as_adopted(plan: cp.Plan, target: str, text: str) -> None:
    """Typed from the text, not from the registry."""
    assert plan.targets[target].text() == text


def test_completeness_adds_up_and_names_the_gaps(plan: cp.Plan) -> None:
    """10 + 152 entries; six images and two parent documents are known to be missing."""
    whole = plan.completeness()
    assert whole.total == 10 + 152
    assert whole.measured + whole.evidenced + whole.recorded == len(plan.commitments)
    assert whole.discrepancies == 43
    text = SOURCE.read_text("utf-8")
    assert Counter(gap.id.partition("-")[0] for gap in whole.known_gaps) == {"image": 6, "parent": 2}
    assert all(gap.printed in text for gap in whole.known_gaps)


def test_every_measured_commitment_has_a_verdict_or_an_explained_unknown_on_the_sample(
    plan: cp.Plan, sample: Path
) -> None:
    """For the city, its counties and its townships."""
    result = plan.evaluate(sample, by=["city", "county", "township"])
    assert {row.target for row in result} == set(plan.targets)
    for row in result:
        assert (row.verdict == "unknown") == (row.reason is not None)
    city = [row for row in result if row.level == "city"]
    assert sum(row.verdict != "unknown" for row in city) >= 25


def test_a_target_for_the_city_does_not_bind_a_county(plan: cp.Plan, sample: Path) -> None:
    """2,000 social workers are asked of the city as a whole."""
    result = plan.evaluate(sample, by=["city", "county"], targets="social-workers-trained")
    assert result.row("social-workers-trained", "商丘市").verdict == "met"
    row = result.row("social-workers-trained", "睢县")
    assert (row.verdict, row.reason, row.gap, row.shortfall) == ("unknown", "other_level", None, None)


def test_townships_are_counted_by_their_own_table(plan: cp.Plan) -> None:
    """A subdistrict's centre may be registered with the subdistrict or with one of its communities."""
    name = "elderly-care-centre-per-subdistrict"
    townships = [cp.Township(code="411402001"), cp.Township(code="411402002"), cp.Township(code="411402100")]
    communities = [cp.Community(code="411402001001")]
    facilities = [
        cp.Facility(community="411402001001", kind="elderly_care_centre"),
        cp.Facility(community="411402100", kind="elderly_care_centre"),
    ]
    data = cp.Dataset(communities=communities, townships=townships, facilities=facilities)
    row = plan.evaluate(data, by="county", targets=name).rows[0]
    assert (row.value, row.numerator, row.denominator) == (50, 1, 2)
    assert (row.shortfall, str(row.shortfall_unit)) == (1, "乡镇")
    assert plan.formula(name) == "#[综合养老服务中心数 ≥ 1 个] ÷ 乡镇(街道)数  (范围: 乡级区划类型 = 街道)"
    frames = cp.Dataset(
        communities=communities,
        townships=pl.DataFrame({"code": ["411402001000", "411402002", "411402100"]}),
        facilities=facilities,
    )
    assert plan.evaluate(frames, by="county", targets=name).rows[0].value == 50
    with pytest.raises(cp.DataError, match="expected a townships table"):
        plan.evaluate(communities, targets=name)


def test_the_ledger_lists_what_every_county_owes(plan: cp.Plan) -> None:
    """Without a row of evidence everything is open, and after the due date overdue."""
    ledger = plan.ledger([], period=2025)
    assert {row.state for row in ledger.rows} == {State.OPEN}
    counties = [row.region for row in ledger.of("B140")]
    assert counties == sorted(code for code in plan.regions if not code.endswith("00"))
    late = plan.ledger([], period=2025, as_of="2026-01-01")
    assert {row.state for row in late.rows} == {State.OVERDUE}
    owed = {c.id for c in plan.commitments.values() if c.owed_by in ("city", "county")}
    assert {row.commitment for row in ledger.rows} == owed
    rest = {c.id for c in plan.commitments.values() if c.owed_by in ("township", "community")}
    assert set(ledger.unlisted) == rest


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"done": "yes", "document": "〔2025〕1号"}, "proved"),
        ({"done": "yes"}, "unproved"),
        ({"done": "no"}, "open"),
        ({}, "open"),
        ({"done": "not_applicable"}, "not_applicable"),
    ],
)
def test_evidence_decides_the_state(plan: cp.Plan, fields: dict[str, str], state: str) -> None:
    """Done with proof, done without, not done, nobody knows, does not apply."""
    ledger = plan.ledger([Evidence(commitment="B141", region="411422", **fields)], period=2025)
    assert {row.region: row.state for row in ledger.of("B141")}["411422"] == state


def test_a_ledger_is_gone_through_and_written_like_a_result(plan: cp.Plan) -> None:
    """Row by row, in either language."""
    ledger = plan.ledger([], period=2025)
    assert len(ledger) == len(ledger.rows)
    assert tuple(ledger) == ledger.rows
    for lang, name in (("zh", "睢县"), ("en", "Suixian")):
        assert name in {row["region_name"] for row in ledger.to_dicts(lang)}
        assert json.loads(ledger.to_json(lang))[0]["summary"] == ledger.rows[0].summary.get(lang)


@pytest.mark.parametrize(("violations", "state"), [(0, "unproved"), (1, "violated"), (None, "open")])
def test_a_prohibition_counts_violations_and_is_met_at_zero(plan: cp.Plan, violations: int | None, state: str) -> None:
    """“Done” is no answer to a prohibition."""
    row = Evidence(commitment="B131", region="411422", violations=violations)
    ledger = plan.ledger([row], period=2025)
    assert {row.region: row.state for row in ledger.of("B131")}["411422"] == state
    assert attrs.evolve(row, region=411422) == row, "codes may be whole numbers, as in every typed object"
    with pytest.raises(cp.DataError, match="expected the number of violations"):
        plan.ledger([Evidence(commitment="B131", region="411422", done="yes")], period=2025)


def test_a_yearly_duty_is_owed_anew_each_year(plan: cp.Plan) -> None:
    """Last year's ledger is no proof for this year; its due date is the year's end."""
    rows = [Evidence(commitment="B140", region="411422", period="2024", done="yes", document="x")]
    for period, state in ((2024, "proved"), (2025, "open")):
        found = {row.region: row for row in plan.ledger(rows, period=period).of("B140")}["411422"]
        assert (found.state, found.due.year) == (state, period)
    assert plan.ledger([], period=2024, as_of="2025-01-01").of("B140")[0].state == "overdue"


@pytest.mark.parametrize("order", [1, -1])
def test_evidence_dated_after_the_period_proves_nothing_in_it(plan: cp.Plan, order: int) -> None:
    """Whichever row comes first; and of earlier years the latest counts."""
    years = {"2023": "no", "2024": "yes", "2026": "not_applicable"}
    rows = [Evidence(commitment="B141", region="411422", period=year, done=done) for year, done in years.items()]
    states = {}
    for period in (2022, 2023, 2024, 2025, 2026):
        ledger = plan.ledger(rows[::order], period=period)
        states[period] = {row.region: row.state.value for row in ledger.of("B141")}["411422"]
    assert states == {2022: "open", 2023: "open", 2024: "unproved", 2025: "unproved", 2026: "not_applicable"}


def test_a_yearly_duty_is_due_no_later_than_the_commitment(plan: cp.Plan) -> None:
    """At each year's end, but in the last year on the day that is printed."""
    yearly = attrs.evolve(plan.commitments["B140"], due=dt.date(2025, 6, 30))
    early = attrs.evolve(plan, commitments=Registry("commitment", [yearly]))
    for period, day, due in (
        (2024, "2024-12-31", dt.date(2024, 12, 31)),
        (2025, "2025-06-30", dt.date(2025, 6, 30)),
    ):
        (row, *_) = early.ledger([], period=period, as_of=day).of("B140")
        assert (row.due, row.state) == (due, "open")
        later = dt.date.fromisoformat(day) + dt.timedelta(days=1)
        assert early.ledger([], period=period, as_of=later).of("B140")[0].state == "overdue"


def test_only_the_communities_that_owe_it_are_listed(plan: cp.Plan) -> None:
    """What the text asks of urban communities no village owes."""
    data = [cp.Community(code="411422001001"), cp.Community(code="411422001201")]
    ledger = plan.ledger([], period=2025, data=data)
    assert [row.region for row in ledger.of("B028")] == ["411422001001"]
    assert [row.region for row in ledger.of("B033")] == ["411422001001", "411422001201"]


def test_faulty_evidence_is_told_all_at_once(plan: cp.Plan, tmp_path: Path) -> None:
    """A wrong commitment, a wrong level, a direction that takes none, a bad date."""
    rows = [("B999", "411422"), ("B141", "411400"), ("B001", "411400")]
    with pytest.raises(cp.DataFaults) as caught:
        plan.ledger([Evidence(commitment=name, region=region) for name, region in rows], period=2025)
    text = str(caught.value)
    for words in ("no commitment 'B999'", "expected the code of a county", "is recorded and takes no evidence"):
        assert words in text
    path = tmp_path / "evidence.csv"
    for done, date, words in (
        ("maybe", "", "row 2, .*'maybe'"),
        ("是", "soon", "row 2, column '日期': expected a date"),
    ):
        path.write_text(f"任务编号,区划代码,是否完成,日期\nB141,411422,是,\nB141,411423,{done},{date}\n", "utf-8")
        with pytest.raises(cp.DataError, match=words):
            plan.ledger(path, period=2025)


@pytest.mark.parametrize("text", ["2025/3/1", "2025年3月1日", "2025.3.1", "20250301", "2025/3/1 0:00"])
def test_a_day_is_read_as_a_spreadsheet_writes_it(plan: cp.Plan, tmp_path: Path, text: str) -> None:
    """Excel makes 2025/3/1 of it, whatever was typed."""
    path = tmp_path / "evidence.csv"
    path.write_text(f"commitment,region,done,date\nB141,411422,yes,{text}\n", "utf-8")
    assert {row.date for row in plan.ledger(path, period=2025).of("B141")} == {None, dt.date(2025, 3, 1)}


@pytest.mark.parametrize("text", ["2025-03-01至2025-12-31", "2025-03-011", "2025-02-30", "3/1/2025", "45717"])
def test_a_day_is_the_whole_text_of_its_cell(plan: cp.Plan, tmp_path: Path, text: str) -> None:
    """Of two days neither is picked, and no day is made of a part of a number."""
    path = tmp_path / "evidence.csv"
    path.write_text(f"commitment,region,done,文件日期\nB141,411422,yes,{text}\n", "utf-8")
    with pytest.raises(cp.DataError, match="expected a date such as 2025-12-31") as caught:
        plan.ledger(path, period=2025)
    assert caught.value.place is not None
    assert (caught.value.place.row, caught.value.place.column) == (1, "文件日期")


def test_evidence_that_names_no_commitment_is_told_where_it_stands(plan: cp.Plan, tmp_path: Path) -> None:
    """As is a folder that has none; and the time of day in a date is left out."""
    with pytest.raises(cp.DataError, match=rf"{tmp_path}: expected a file evidence.csv"):
        plan.ledger(tmp_path, period=2025)
    path = tmp_path / "evidence.csv"
    text = "commitment,region,done,date,responsible\nB141,411422,yes,2025-03-01 12:30:00,民政局\n"
    path.write_text(text, "utf-8")
    (row,) = (row for row in plan.ledger(tmp_path, period=2025).of("B141") if row.region == "411422")
    assert (row.state, row.date, row.responsible) == ("unproved", dt.date(2025, 3, 1), "民政局")
    path.write_text(f"{text},411423,yes,,\n", "utf-8")
    with pytest.raises(cp.DataError, match="row 2: expected the id of a commitment, got none"):
        plan.ledger(path, period=2025)


def test_no_row_of_evidence_is_lost_in_silence(plan: cp.Plan, tmp_path: Path) -> None:
    """An unknown region, a village for what towns owe, no year for a yearly duty, no year at all, a row twice."""
    path = tmp_path / "evidence.csv"
    lines = (
        "commitment,region,period,done,document",
        "B141,411422,,yes,d",
        "B141,411499,,yes,d",
        "B141,411242,,yes,d",
        "B140,411422,,yes,d",
        "B140,411422,2024,yes,d",
        "B140,411422,2024,yes,d",
        "B141,411422,2025Q1,yes,d",
        "B028,411422001201,,yes,d",
        "B028,411422001011,,yes,d",
        "B028,411422001001,,yes,d",
    )
    path.write_text("\n".join(lines), "utf-8")
    data = [cp.Community(code="411422001001"), cp.Community(code="411422001201")]
    with pytest.raises(cp.DataFaults) as caught:
        plan.ledger(path, period=2025, data=data)
    said = [str(fault).removeprefix(f"{path}, ") for fault in caught.value.faults]
    assert said == [
        "row 2: expected a county of the plan for B141, got '411499'. Correct the code.",
        "row 3: expected a county of the plan for B141, got '411242'; did you mean '411422'? Correct the code.",
        "row 4: expected a year such as 2025 for B140, got ''",
        "row 6: two rows for B140 in 411422, 2024",
        "row 7: expected a year such as 2025 or none for B141, got '2025Q1'",
        "row 8: expected a community with setting = urban for B028, got '411422001201', whose code says otherwise. "
        "Correct the code, or drop the row.",
        "row 9: expected a community of data= for B028, got '411422001011'; did you mean '411422001001'? "
        "Correct the code, or list the community in the data.",
    ]
    with pytest.raises(cp.DataError, match="table evidence, row 1: expected a county of the plan for B008"):
        plan.ledger([Evidence(commitment="B008", region="411499", done="yes", document="d")], period=2025)


def test_regions_that_nothing_lists_owe_what_their_evidence_says(plan: cp.Plan) -> None:
    """A plan without regions, or data without townships, cannot say that a code is wrong."""
    rows = [Evidence(commitment="B141", region="130102", done="yes", document="d")]
    nowhere = attrs.evolve(plan, document=attrs.evolve(plan.document, regions=()))
    ledger = nowhere.ledger(rows, period=2025)
    assert [(row.region, row.state) for row in ledger.of("B141")] == [("130102", State.PROVED)]
    assert "B141" in ledger.unlisted
    rows = [Evidence(commitment="B028", region="411422001011", done="yes", document="d")]
    assert [row.region for row in plan.ledger(rows, period=2025).of("B028")] == ["411422001011"]


def test_the_samples_ledger_is_the_same_from_file_and_frame(plan: cp.Plan, sample: Path) -> None:
    """And holds every state that the sample was made to show."""
    ledger = plan.ledger(sample, period=2025)
    frame = pl.read_csv(sample / "evidence.csv", infer_schema=False).with_columns(pl.col("violations").cast(pl.Int64))
    assert plan.ledger(frame, period=2025).rows == ledger.rows
    assert plan.ledger(frame.to_pandas(), period=2025).rows == ledger.rows
    counted = ledger.count()
    assert all(counted[state] for state in (State.PROVED, State.UNPROVED, State.OPEN, State.VIOLATED))
    assert sum(counted.values()) == len(ledger.rows)


def test_show_lists_ten_and_152_entries(capsys: pytest.CaptureFixture[str]) -> None:
    """On the command line, as JSON."""
    assert run(["show", "shangqiu-14fyp", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["entries"]) == 10 + 152
    assert all(entry["check"] in ("measured", "evidenced", "recorded") for entry in document["entries"])
    assert document["completeness"]["total"] == 162


def test_the_ledger_command_prints_the_sample(capsys: pytest.CaptureFixture[str]) -> None:
    """Labelled synthetic, filtered by state."""
    assert run(["ledger", "--state", "violated", "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert {row["state"] for row in json.loads(captured.out)} == {"violated"}
    assert "synthetic" in captured.err
    assert run(["ledger", "--state", "proved"]) == 0
    assert "已完成(有佐证)" in capsys.readouterr().out
