"""What the registry of Shangqiu's plan holds, and how plans are loaded."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import community_plan as cp
from community_plan.documents import structure, unstructure
from community_plan.errors import CommunityPlanError, NotFoundError, PlanError, PlanFaults
from community_plan.loader import bundled_plans
from community_plan.measures import check_measure, formula, variables_of

SOURCE = Path(cp.__file__).parent / "plans" / "shangqiu-14fyp" / "source.txt"

# Typed from the printed page of 专栏1: number, id, baseline, target, comparator adopted, value adopted.
TABLE = [
    (1, "rural-facility-coverage", "86%", "93%", ">=", "93 %"),
    (2, "urban-facility-coverage", "100%", "100%", ">=", "100 %"),
    (3, "commercial-and-service-area-share", "——", "≥10%", ">=", "10 %"),
    (4, "facility-area-per-100-households", "30平方米", ">30平方米", ">", "30 m²/百户"),
    (5, "activity-area-share", "——", "≥60%", ">=", "60 %"),
    (6, "self-service-terminal-coverage", "——", "100%", ">=", "100 %"),
    (7, "social-workers-per-resident", "0.1‰", "0.4", ">=", "0.4 ‰"),
    (8, "social-workers-per-district-community", "——", "2/社区", ">=", "2 人/社区"),
    (9, "social-workers-per-county-community", "——", "1/社区", ">=", "1 人/社区"),
    (10, "community-workers-per-10000-urban-residents", "——", "18", ">=", "18 人/万人"),
]


@pytest.mark.parametrize(("number", "name", "baseline", "target", "comparator", "value"), TABLE)
def test_the_ten_rows_are_as_printed_and_as_read(
    plan: cp.Plan, number: int, name: str, baseline: str, target: str, comparator: str, value: str
) -> None:
    """Printed words and adopted reading are two fields, and both are right."""
    row = plan.targets[name]
    assert (row.number, row.indicator) == (number, name)
    assert (row.printed.baseline, row.printed.target, row.printed.attribute) == (baseline, target, "预期性")
    assert (row.comparator, row.value) == (comparator, cp.quantity(value))
    assert (row.due, row.attribute) == (dt.date(2025, 12, 31), "expected")
    assert (row.baseline is None) == (baseline == "——"), "a missing baseline is never zero"


def test_baselines_are_those_of_2020(plan: cp.Plan) -> None:
    """86 %, 100 %, 30 m² per 百户, 0.1 ‰; the other six are not printed."""
    known = {name: str(value) for name, value in plan.baselines().items() if value is not None}
    assert known == {
        "rural-facility-coverage": "86%",
        "urban-facility-coverage": "100%",
        "facility-area-per-100-households": "30 m²/百户",
        "social-workers-per-resident": "0.1‰",
    }
    assert all(target.baseline is None or target.baseline.year == 2020 for target in plan.targets.values())


def test_every_printed_word_stands_in_the_source_byte_for_byte(plan: cp.Plan) -> None:
    """The words are the plan's, not ours."""
    source = SOURCE.read_bytes()
    for target in plan.targets.values():
        assert source.count(target.citation.quote.encode()) == 1
        for words in (target.printed.name, target.printed.target, target.printed.baseline, target.printed.attribute):
            assert words or target.number is None
            assert words in target.citation.quote


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", bundled_plans())
def test_a_value_is_read_as_it_is_written(name: str, lang: Any) -> None:
    """Whoever copies a target's value out of a result can judge it."""
    plan = cp.load_plan(name)
    for target in plan.targets.values():
        assert plan.judge({target.id: target.value.text(lang)}).row(target.id).value_text() == target.value.text()


def test_what_is_doubtful_is_quoted_in_the_words_of_the_plan(plan: cp.Plan) -> None:
    """No remark of ours stands among them; images have their names."""
    source = SOURCE.read_text("utf-8")
    for doubt in plan.discrepancies.values():
        quotes = re.findall("「(.*?)」", doubt.printed)
        assert all(part in source for quote in quotes for part in quote.split("…")), doubt.id
        assert set(re.findall("[A-Za-z]{2,}", re.sub(r"\w+\.png", "", doubt.printed))) <= {"vs"}, doubt.id


def test_the_doubtful_readings_that_touch_the_table_are_marked(plan: cp.Plan) -> None:
    """A01–A14 are there, each is named by a target, and no target names one that is not there."""
    named = {name for target in plan.targets.values() for name in target.discrepancies}
    assert {f"A{number:02d}" for number in range(1, 15)} <= named
    assert named <= set(plan.discrepancies)
    by_row = {target.number: set(target.discrepancies) for target in plan.targets.values()}
    assert all("A09" in by_row[number] for number in (1, 2, 6, 7, 8, 9, 10))
    assert all("A10" in by_row[number] for number in (3, 5, 6, 8, 9, 10))
    assert "A01" in by_row[4]
    assert "A02" in by_row[10]


def test_every_measure_comes_out_in_its_indicators_dimension(plan: cp.Plan) -> None:
    """Bundled plans are not checked again when they are loaded, so they are checked here."""
    plan.check_dimensions()
    for indicator in plan.indicators.values():
        check_measure(indicator.measure, indicator.unit, plan.variables)
        assert variables_of(indicator.measure)
        for lang in ("zh", "en"):
            assert formula(indicator.measure, plan.variables, lang)


def test_formulas_are_made_from_the_measures(plan: cp.Plan) -> None:
    """What people read is what is computed."""
    assert plan.formula("facility-area-per-100-households") == "Σ 综合服务设施面积 ÷ Σ 户数"
    assert plan.formula("rural-facility-coverage", "en") == (
        "#[Comprehensive-service facilities ≥ 1 item] ÷ Communities  (among: Setting = rural)"
    )


def test_a_target_is_named_and_written_out_with_its_scope(plan: cp.Plan) -> None:
    """Three targets of one indicator, each for communities of its own."""
    new, urban = plan.targets["elderly-care-area-new-built"], plan.targets["elderly-care-area-new-urban-communities"]
    assert plan.name_of(new).zh == "每百户社区养老服务设施面积 (新建)"
    assert plan.name_of(urban).en == "Elderly-care floor area per 100 households (new-built, urban)"
    assert plan.formula(new) == "Σ 养老服务设施面积 ÷ Σ 户数  (范围: 住宅区类型 = 新建)"
    assert plan.formula(new.indicator) == "Σ 养老服务设施面积 ÷ Σ 户数"
    assert plan.judge({new.id: 30}).row(new.id).name == plan.name_of(new)


def test_a_plan_reads_on_from_any_reading_and_goes_back(plan: cp.Plan) -> None:
    """To the adopted one, to another, and to both of two passages."""
    strict, loose = plan, plan.with_readings({"A01": "not-less-than"})
    assert loose.with_readings({"A01": "adopted"}) == strict
    both = loose.with_readings({"A02": "as-printed"})
    assert both.readings == {"A01": "not-less-than", "A02": "as-printed"}
    assert both == plan.with_readings({"A02": "as-printed", "A01": "not-less-than"})
    assert both.with_readings({"A01": "adopted"}) == plan.with_readings({"A02": "as-printed"})
    assert len({strict, loose, both, both.with_readings({})}) == 3


def test_a_plan_that_was_used_is_sent_to_another_process(plan: cp.Plan) -> None:
    """What it has worked out stays here."""
    data = pl.DataFrame({"code": ["411422001201"], "households": [10], "comprehensive_service_area": [4.0]})
    target = "facility-area-per-100-households"
    expected = plan.evaluate(data, targets=target)
    sent = pickle.loads(pickle.dumps(plan))
    assert sent == plan
    assert sent.evaluate(data, targets=target) == expected
    assert copy.deepcopy(plan) == plan


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"targets": 5}, "expected ids of targets in targets=, got 5"),
        ({"targets": [["rural-facility-coverage"]]}, "expected ids of targets"),
        ({"by": 5}, "expected a level, a column or a list of them in by=, got 5"),
        ({"by": ["county", None]}, "expected a level or a column in by=, got None"),
        ({"reading": "A02"}, "expected readings by discrepancy"),
        ({"reading": {"A02": 5}}, "no reading of A02 '5'"),
    ],
)
def test_what_is_no_name_is_told_as_such(plan: cp.Plan, asked: dict[str, Any], said: str) -> None:
    """Of targets, of what to group by, of readings."""
    with pytest.raises(cp.CommunityPlanError, match=re.escape(said)):
        plan.evaluate([cp.Community(code="411422001201", households=1)], **asked)


def test_another_reading_changes_the_target_and_says_so(plan: cp.Plan) -> None:
    """A02 read as printed asks for a hundredth."""
    name = "community-workers-per-10000-urban-residents@四(五)1"
    other = plan.with_readings({"A02": "as-printed"})
    assert other.targets[name].value == cp.quantity("18 人/百万人")
    assert other.readings == {"A02": "as-printed"}
    assert plan.targets[name].value == cp.quantity("18 人/万人")
    assert plan.with_readings({"A02": "adopted"}) is plan
    verdicts = [p.judge({name: "5 人/万人"}).row(name).verdict for p in (plan, other)]
    assert verdicts == [cp.Verdict.NOT_MET, cp.Verdict.MET]
    result = plan.judge({name: 5}, reading={"A02": "as-printed"})
    assert result.row(name).verdict is cp.Verdict.MET
    assert result.row(name).readings == ("A02=as-printed",)
    assert result.row("activity-area-share").readings == ()
    assert (result.readings, result.content_hash) == ({"A02": "as-printed"}, plan.content_hash)


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda plan: plan.indicators["rural-facility-covrage"], "rural-facility-coverage"),
        (lambda plan: plan.targets["activity-area"], "activity-area-share"),
        (lambda plan: plan.choose(["urban-facility-coverag"]), "urban-facility-coverage"),
        (lambda plan: plan.discrepancies["a02"], "A02"),
        (lambda plan: plan.with_readings({"A02": "as-print"}), "as-printed"),
        (lambda plan: plan.judge({"social-worker-per-resident": 1}), "social-workers-per-resident"),
        (lambda _: cp.load_plan("shangqiu-14fp"), "shangqiu-14fyp"),
    ],
)
def test_an_unknown_id_names_the_nearest(plan: cp.Plan, call: object, near: str) -> None:
    """A typing error is mended at a glance."""
    with pytest.raises(NotFoundError) as caught:
        call(plan)  # type: ignore[operator]  # parametrized
    assert near in str(caught.value)
    assert isinstance(caught.value, KeyError)


def test_an_entry_that_is_not_there_can_be_asked_for(plan: cp.Plan) -> None:
    """A registry is a mapping: `get` gives None."""
    for registry in (plan.targets, plan.variables):
        assert registry.get("no-such-thing") is None
        assert "no-such-thing" not in registry


def test_many_rows_are_not_written_out_where_an_object_is_shown(plan: cp.Plan) -> None:
    """A notebook shows what stands last in a cell; a ledger of communities has a hundred thousand rows."""
    for shown in (plan.ledger([], period=2025), cp.compare_plans(["shangqiu-14fyp", "national-14fyp"])):
        assert len(shown.rows) > 5
        assert len(repr(shown)) < 1000
    row = plan.judge(plan.baselines()).rows[0]
    assert {row} == {plan.judge(plan.baselines()).rows[0]}


def test_what_is_no_id_is_not_found(plan: cp.Plan) -> None:
    """As it comes out of somebody's JSON: told as any other fault."""
    with pytest.raises(NotFoundError, match="no target or indicator 3"):
        plan.judge({3: 4})  # type: ignore[dict-item]  # that is the test
    with pytest.raises(NotFoundError, match=r"no reading of A01 .* Choose adopted or not-less-than"):
        plan.with_readings({"A01": ["not-less-than"]})  # type: ignore[dict-item]  # that is the test
    with pytest.raises(cp.DataError, match="expected values by target"):
        plan.judge([1])  # type: ignore[arg-type]  # that is the test
    with pytest.raises(NotFoundError, match="no plan ''"):
        cp.load_plan("")
    row = plan.judge({"rural-facility-coverage": "92.1 %"})
    with pytest.raises(NotFoundError, match="no region 411422"):
        row.row("rural-facility-coverage", region=411422)  # type: ignore[arg-type]  # that is the test


def test_every_entry_goes_to_plain_data_and_back(plan: cp.Plan) -> None:
    """The registry can be written down without loss."""
    for registry in (plan.targets, plan.indicators, plan.discrepancies):
        for entry in registry.values():
            assert structure(unstructure(entry), type(entry)) == entry
    assert structure(unstructure(plan.document), type(plan.document)) == plan.document


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled plan."""
    return Path(shutil.copytree(SOURCE.parent, tmp_path / "copy"))


def test_a_folder_loads_like_the_bundled_plan(folder: Path, plan: cp.Plan) -> None:
    """A plan is data wherever it lies."""
    loaded = cp.load_plan(folder)
    assert loaded.targets == plan.targets
    assert loaded.indicators == plan.indicators


FAULTS = {
    "unknown key": ('comparator = ">="', 'comparater = ">="', "did you mean 'comparator'"),
    "missing comparator": ('comparator = ">="\n', "", "missing key 'comparator'"),
    "unknown comparator": ('comparator = ">="', 'comparator = "=>"', "expected one of"),
    "wrong dimension": ('value = "93 %"', 'value = "93 m²"', "expected a unit such as %"),
    "unknown unit": ('value = "93 %"', 'value = "93 pct"', "unknown unit 'pct'"),
    "no such indicator": ('indicator = "urban-facility-coverage"', 'indicator = "urban-coverage"', "no indicator"),
    "no such discrepancy": ('["A09"]', '["A99"]', "no discrepancy 'A99'"),
    "bad date": ("due = 2025-12-31", 'due = "soon"', "expected a date"),
    "quote not in source": ("农村社区综合服务设施覆盖率\\n", "农村社区设施覆盖率\\n", "is not in source.txt"),
    "NaN": ('value = "93 %"', "value = nan", "expected a finite number"),
    "number as text": ("number = 1\n", 'number = "1"\n', "expected a whole number"),
    "duplicate id": ('id = "urban-facility-coverage"', 'id = "rural-facility-coverage"', "is taken"),
    "duplicate key": ("number = 1\n", "number = 1\nnumber = 1\n", "no valid TOML"),
    "huge integer": ("number = 1\n", f"number = {'9' * 5000}\n", "an integer with too many digits"),
    "broken line": ("number = 1\n", "number = \n", "no valid TOML"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_file_line_and_mend(folder: Path, fault: str) -> None:
    """An author is led to the line."""
    old, new, says = FAULTS[fault]
    file = folder / "targets.toml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(PlanError) as caught:
        cp.load_plan(folder)
    found = [error for error in caught.value.faults if says in str(error)]
    assert found, str(caught.value)
    place = found[0].place
    assert place is not None
    assert place.file == str(file)
    assert place.line is not None
    assert abs(place.line - line) <= 9, "within the entry"


def test_all_faults_of_a_folder_come_in_one_report(folder: Path) -> None:
    """Nobody mends a folder one error at a time."""
    targets = folder / "targets.toml"
    text = targets.read_text("utf-8")
    for name in ("unknown key", "wrong dimension", "no such indicator"):
        old, new, _ = FAULTS[name]
        text = text.replace(old, new, 1)
    targets.write_text(text, "utf-8")
    (folder / "discrepancies.toml").write_bytes('[[discrepancies]]\nid = "A01 中文"'.encode("gb18030"))
    with pytest.raises(PlanFaults) as caught:
        cp.load_plan(folder)
    text = str(caught.value)
    for says in ("comparater", "missing key 'comparator'", "'urban-coverage'", "expected UTF-8"):
        assert says in text
    assert all(isinstance(error, CommunityPlanError) for error in caught.value.faults)


def test_the_line_of_every_key_is_known() -> None:
    """The index of lines agrees with the text, for every key of the bundled files."""
    from community_plan.toml_files import read_toml

    for path in SOURCE.parent.parent.rglob("*.toml"):
        document = read_toml(path)
        lines = path.read_text("utf-8").splitlines()
        keys = [(where, line) for where, line in document.lines.items() if isinstance(where[-1], str)]
        assert keys
        for where, line in keys:
            assert str(where[-1]) in lines[line - 1], (path, where)


def test_bundled_plans_are_listed() -> None:
    """By id."""
    assert "shangqiu-14fyp" in bundled_plans()
