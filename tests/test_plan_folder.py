"""A plan is a folder of TOML: its faults come all at once, and a new one needs no code."""

from __future__ import annotations

from pathlib import Path

import pytest

import community_plan as cp
from community_plan.errors import NotFoundError, PlanError, PlanFaults
from community_plan.loader import check_plan, load_plan
from qinghe import COMMITMENTS, COMMUNITIES, DISCREPANCIES, INDICATORS, PAGE, TARGETS, VARIABLES, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The plan of Qinghe, as a folder."""
    path = tmp_path / "qinghe"
    write(path)
    return path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), "utf-8")


def test_a_new_plan_is_written_without_code(folder: Path) -> None:
    """From a page of text to verdicts that were computed by hand."""
    assert check_plan(folder) == ()
    plan = load_plan(folder)
    assert plan.id == "qinghe-2027"
    result = plan.evaluate(COMMUNITIES)
    found = {row.target: (row.value, row.verdict) for row in result.rows}
    assert found["rural-coverage"][1] is cp.Verdict.NOT_MET  # 2 of 3 = 66.7 % < 80 %
    assert found["facility-area"] == (25, cp.Verdict.MET)  # exactly 25: not below
    assert found["care"][1] is cp.Verdict.MET  # 2 of 3, and two thirds are asked for
    assert plan.evaluate(COMMUNITIES, reading={"D1": "all"}).row("care").verdict is cp.Verdict.NOT_MET


def test_a_missing_cell_leaves_a_new_plan_open(folder: Path) -> None:
    """One unknown community of three may turn 1/3 into 2/3."""
    places = [*COMMUNITIES[:1], cp.Community(code="411422100202"), COMMUNITIES[2]]
    assert load_plan(folder).evaluate(places, targets="care").row("care").verdict is cp.Verdict.UNKNOWN


def twelve_faults(folder: Path) -> dict[tuple[str, int], str]:
    """Plant the twelve faults and return file and line of each with words that its message has."""
    targets = folder / "targets.toml"
    change(
        targets,
        'due = 2027-12-31\ncitation = { clause = "一", quote = "农村',
        'due = 2027-12-31\ncitation = { clause = "一", quote = "全部农村',
    )
    change(targets, 'comparator = ">="\nvalue = "25 m²/百户"\ndue = 2027-12-31', 'value = "25 户"\ndue = "2027-02-30"')
    change(
        targets,
        'id = "care"\nindicator = "elderly-care-or-legal-aid"',
        'id = "facility-area"\nindicator = "elderly-care"',
    )
    change(targets, 'value = "2/3"', "value = nan")
    change(folder / "plan.toml", "issued =", 'isued = "2025"\nissued =')
    variables = folder / "variables.toml"
    second = VARIABLES.replace("grid_workers", "night_workers").replace("网格员", "夜班网格员")
    variables.write_text(VARIABLES + 'part_of = "night_workers"\n' + second + 'part_of = "grid_workers"\n', "utf-8")
    change(folder / "indicators.toml", 'unit = "%"', f"unit = {'1' * 5000}")
    change(folder / "discrepancies.toml", 'where = "一"', "where = ")
    (folder / "commitments.toml").write_bytes(COMMITMENTS.encode("gb18030"))
    lines = TARGETS.split("\n")
    area = lines.index('id = "facility-area"')
    care = lines.index('id = "care"')
    return {
        ("plan.toml", 5): "unknown key 'isued'; did you mean 'issued'",
        ("targets.toml", 8): "is not in source.txt",
        ("targets.toml", area): "missing key 'comparator'",
        ("targets.toml", area + 3): "expected a unit such as m²/百户, got 户",
        ("targets.toml", area + 4): "expected a date such as 2025-12-31",
        ("targets.toml", care): "id 'facility-area' is taken",
        ("targets.toml", care + 1): "no indicator 'elderly-care'",
        ("targets.toml", care + 3): "expected a finite number, got NaN",
        ("variables.toml", 10): "a whole cannot be a part of its own part: grid_workers › night_workers › grid_workers",
        ("indicators.toml", 5): "an integer with too many digits",
        ("discrepancies.toml", 4): "no valid TOML",
        ("commitments.toml", 4): "expected UTF-8, got byte",
    }


def test_twelve_planted_faults_come_in_one_report(folder: Path) -> None:
    """Each with file and line. The cycle of references is that of two variables, each a part of the other."""
    expected = twelve_faults(folder)
    with pytest.raises(PlanFaults) as caught:
        load_plan(folder)
    found = {}
    for fault in caught.value.faults:
        assert fault.place is not None
        assert fault.place.file is not None
        assert fault.place.line is not None
        found[Path(fault.place.file).name, fault.place.line] = str(fault)
    for place, words in expected.items():
        assert words in found.get(place, ""), (place, str(caught.value))


def test_a_lost_file_makes_no_further_faults(folder: Path) -> None:
    """What stands in a file that cannot be read may well be there."""
    change(folder / "discrepancies.toml", 'where = "一"', "where = ")
    (fault,) = check_plan(folder)
    assert "no valid TOML" in str(fault)


def make_folder(name: str) -> object:
    """Return a change that puts a folder where a file should be."""

    def act(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return act


def put(name: str, content: str | bytes) -> object:
    """Return a change that writes a file."""
    raw = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(raw)


def swap(name: str, old: str, new: str) -> object:
    """Return a change of one place in a file."""
    return lambda folder: change(folder / name, old, new)


def staff(more: str) -> object:
    """Return a change that gives the plan's own variable more keys."""
    return swap("variables.toml", 'quantum = "1 人"', f'quantum = "1 人"\n{more}')


def category(values: str) -> object:
    """Return a change that adds a category with some values."""
    head = '[[variables]]\nid = "tier"\ntable = "communities"\ntype = "category"\nlabel = { zh = "档", en = "Tier" }'
    return put("variables.toml", f"{VARIABLES}\n{head}\nvalues = [{values}]")


def second(old: str, new: str) -> object:
    """Return a change that adds a variable like the plan's own, but for one place."""
    other = VARIABLES.replace("grid_workers", "wardens").replace("网格员", "楼栋长").replace("Grid workers", "Wardens")
    assert other.count(old) == 1, old
    return put("variables.toml", VARIABLES + other.replace(old, new))


READING = 'value = "100 %"'
CARE = 'comparator = ">="\nvalue = "2/3"'
AREA = 'value = "25 m²/百户"'
OWED = 'owed_by = "community"'
SUM = 'numerator = ["elderly_care_count"]'
STRANGE = {
    "plan.toml is a folder": (make_folder("plan.toml"), "expected a file, got a folder"),
    "targets.toml is a folder": (make_folder("targets.toml"), "expected a file, got a folder"),
    "discrepancies.toml is a folder": (make_folder("discrepancies.toml"), "expected a file, got a folder"),
    "source.txt is a folder": (make_folder("source.txt"), "expected a file, got a folder"),
    "no plan.toml": (lambda folder: (folder / "plan.toml").unlink(), "no such file"),
    "no targets.toml": (lambda folder: (folder / "targets.toml").unlink(), "no such file"),
    "a file with a slip in its name": (put("target.toml", ""), "did you mean 'targets.toml'"),
    "source.txt is no UTF-8": (put("source.txt", PAGE.encode() + b"\xff\n"), "expected UTF-8, got byte 0xff"),
    "an empty plan.toml": (put("plan.toml", ""), "missing key 'title'"),
    "targets is text": (put("targets.toml", 'targets = "none"'), "expected [[targets]] tables"),
    "targets is a table": (put("targets.toml", "[targets]\nid = 1"), "expected [[targets]] tables"),
    "targets are numbers": (put("targets.toml", "targets = [1, 2]"), "expected a table, got 1"),
    "variables are numbers": (put("variables.toml", "variables = [1]"), "expected a table, got 1"),
    "ids are lists": (put("variables.toml", "variables = [{ id = [1], table = {}, values = 1 }]"), "expected text"),
    "readings are text": (
        put("discrepancies.toml", DISCREPANCIES.split("[[discrepancies.r")[0] + "readings = 1"),
        "discrepancies[0].readings",
    ),
    "a reading's target is a number": (
        put("discrepancies.toml", DISCREPANCIES.replace("[discrepancies.readings.targets.care]", "targets.care = 1 #")),
        "discrepancies.toml",
    ),
    "a reading sets an unknown field": (swap("discrepancies.toml", READING, 'worth = "1 %"'), "unknown key 'worth'"),
    "a reading sets a wrong type": (swap("discrepancies.toml", READING, "value = [1]"), "expected a number"),
    "a reading sets a wrong dimension": (swap("discrepancies.toml", READING, 'value = "1 m²"'), "expected a unit"),
    "a reading sets an id": (swap("discrepancies.toml", READING, 'id = "x"'), "cannot change an id"),
    "a reading names another indicator": (swap("discrepancies.toml", READING, 'indicator = "x"'), "no indicator 'x'"),
    "a reading of no target": (swap("discrepancies.toml", "targets.care", "targets.cars"), "did you mean 'care'"),
    "a reading called adopted": (swap("discrepancies.toml", 'id = "all"', 'id = "adopted"'), "is taken"),
    "a number beyond reason": (swap("targets.toml", 'value = "2/3"', "value = 1e999999999"), "at most 40 digits"),
    "an integer beyond reason": (swap("targets.toml", 'value = "2/3"', f"value = {'9' * 99}"), "at most 40 digits"),
    "a denominator of zero": (swap("targets.toml", 'value = "2/3"', 'value = "2/0"'), "targets[2].value"),
    "nested without end": (put("commitments.toml", f"commitments = {'[' * 5000}"), "nested too deeply"),
    "nested deeply": (put("commitments.toml", f"commitments = {'[' * 300}{']' * 300}"), "expected a table"),
    "a control character": (put("commitments.toml", b"a = '\x00'"), "no valid TOML"),
    "a variable without a quantum": (swap("variables.toml", 'quantum = "1 人"', ""), "expected a quantum"),
    "a quantum of zero": (swap("variables.toml", 'quantum = "1 人"', 'quantum = "0 人"'), "a quantum above 0"),
    "a quantum in another unit": (swap("variables.toml", 'quantum = "1 人"', 'quantum = "1 m²"'), "expected a unit"),
    "a part of nothing": (
        swap("variables.toml", 'unit = "人"', 'unit = "人"\npart_of = "resident"'),
        "did you mean 'residents'",
    ),
    "a part of itself": (
        swap("variables.toml", 'unit = "人"', 'unit = "人"\npart_of = "grid_workers"'),
        "grid_workers › grid_workers",
    ),
    "an end before the start": (swap("plan.toml", "end = 2027", "end = 2020"), "not before the start"),
    "an empty id": (swap("targets.toml", 'id = "care"', 'id = ""'), "expected an id"),
    "a target called main": (swap("targets.toml", 'id = "care"', 'id = "main"'), "id 'main' is taken"),
    "a variable called communities": (second('"wardens"', '"communities"'), "id 'communities' is taken"),
    "a variable with the name of a table": (second('"wardens"', '"townships.wardens"'), "is taken"),
    "a header of two variables": (second('"楼栋长"', '"户数"'), "header '户数' is taken by variable 'households'"),
    "a header that is another's id": (second('"Wardens"', '"grid workers"'), "is taken by variable 'grid_workers'"),
    "two values of one id": (
        category('{ id = "a", label = { zh = "甲", en = "A" } }, { id = "a", label = { zh = "乙", en = "B" } }'),
        "'a' is taken by value 'a'",
    ),
    "a word of two values": (
        category('{ id = "a", label = { zh = "甲", en = "A" } }, { id = "b", label = { zh = "乙", en = "a" } }'),
        "'a' is taken by value 'a'",
    ),
    "a value that is no answer": (category('{ id = "x", label = { zh = "不详", en = "x" } }'), "not reported"),
    "a quantum that no cell reaches": (swap("variables.toml", '"1 人"', '"1e30 人"'), "to 2^50 quanta in one 人"),
    "a quantum too small to be counted": (swap("variables.toml", '"1 人"', '"1e-30 人"'), "from 2^-50 to 2^50 quanta"),
    "a whole in other steps": (staff('part_of = "households"'), "got 1 户 of 'households'"),
    "a whole that is no amount": (staff('part_of = "setting"'), "got None of 'setting'"),
    "derived from no kind": (
        staff('derive = { table = "workforce", kinds = [], sum = "headcount" }'),
        "at least one kind",
    ),
    "derived from an unknown kind": (
        staff('derive = { table = "workforce", kinds = ["grid_walker"], sum = "headcount" }'),
        "did you mean 'grid_worker'",
    ),
    "derived from an unknown column": (
        staff('derive = { table = "workforce", kinds = ["grid_worker"], sum = "heads" }'),
        "no variable of workforce 'heads'",
    ),
    "derived from a text": (
        staff('derive = { table = "facilities", kinds = ["other"], sum = "facility_name" }'),
        "'facility_name' is a text, not a quantity",
    ),
    "derived from other steps": (
        staff('derive = { table = "facilities", kinds = ["other"], sum = "floor_area" }'),
        "expected a quantum of 0.0001 m², as 'floor_area' has, got 1 人",
    ),
    "a number of rows in other steps": (
        put(
            "variables.toml",
            VARIABLES.replace("1 人", "0.1 人") + 'derive = { table = "facilities", kinds = ["other"] }',
        ),
        "expected a quantum of 1 for a number of rows",
    ),
    "derived above a floor in another unit": (
        staff(
            'derive = { table = "facilities", kinds = ["other"], at_least = { column = "floor_area", value = "1 户" } }'
        ),
        "expected a unit such as m², got 户",
    ),
    "derived above a floor of nothing": (
        staff('derive = { table = "facilities", kinds = ["other"], at_least = { column = "area", value = "1 m²" } }'),
        "no variable of facilities 'area'",
    ),
    "derived for a facility": (
        put(
            "variables.toml",
            VARIABLES.replace('"communities"', '"facilities"') + 'derive = { table = "facilities", kinds = ["other"] }',
        ),
        "expected a quantity of communities or townships",
    ),
    "a sum with a variable twice": (
        swap("indicators.toml", SUM, 'numerator = ["elderly_care_count", "elderly_care_count"]'),
        "got 'elderly_care_count' twice",
    ),
    "a test of no value": (swap("indicators.toml", '["yes"]', "[]"), "at least one value of legal_aid"),
    "a condition of too many digits": (
        swap("indicators.toml", '"1 处"', '"1.00000000000000000001 处"'),
        "fewer digits",
    ),
    "communities among townships": (
        put(
            "indicators.toml",
            INDICATORS + '[[indicators]]\nid = "stations"\nname = { zh = "站", en = "Stations" }\nunit = "个/社区"\n'
            'measure = { kind = "ratio", numerator = ["townships.social_work_station_count"], '
            'denominator = ["communities"] }',
        ),
        "cannot be counted in the table of townships",
    ),
    "a scope of no county": (
        swap("targets.toml", AREA, f'{AREA}\nscope = {{ county = "睢县" }}'),
        "expected the code of a county, got '睢县'",
    ),
    "a scope in which nothing lies": (
        swap("targets.toml", 'value = "80 %"', 'value = "80 %"\nscope = { setting = "urban" }'),
        "nothing is in scope",
    ),
    "a reading sets an unknown scope": (
        swap("discrepancies.toml", READING, 'scope = { setting = "suburban" }'),
        "no value of setting 'suburban'",
    ),
    "a reading of two scopes": (
        swap("discrepancies.toml", READING, 'indicator = "rural-facility-coverage"\nscope = { setting = "urban" }'),
        "nothing is in scope",
    ),
    "a range that ends before it begins": (
        swap("targets.toml", CARE, 'comparator = "range"\nvalue = "70 %"\nupper = "0.6"'),
        "expected an upper value of at least 70%, got 0.6",
    ),
    "a reading that nothing meets": (swap("discrepancies.toml", READING, 'value = "101 %"'), "what a value can meet"),
    "a share above all": (swap("targets.toml", 'value = "2/3"', 'value = "150 %"'), "got ≥ 150%"),
    "less than nothing": (swap("targets.toml", CARE, 'comparator = "<"\nvalue = "0 %"'), "what a value can meet"),
    "a negative value": (swap("targets.toml", AREA, 'value = "-25 m²/百户"'), "expected 0 or more"),
    "a value of too many digits": (
        swap("targets.toml", AREA, 'value = "24.999999999999999999 m²/百户"'),
        "expected a value of fewer digits, got 24.999999999999999999",
    ),
    "to maintain what was not": (
        swap(
            "targets.toml", CARE, 'comparator = "maintain"\nvalue = "2/3"\nbaseline = { value = "60 %", year = 2024 }'
        ),
        "expected the baseline that is maintained, 60%",
    ),
    "a commitment of some that no code tells": (
        swap("commitments.toml", OWED, f'{OWED}\nwhere = {{ legal_aid = "yes" }}'),
        "expected county_kind or setting, which codes tell, got 'legal_aid'",
    ),
    "a commitment of counties in the country": (
        swap("commitments.toml", OWED, 'owed_by = "county"\nwhere = { setting = "rural" }'),
        "expected county_kind, which codes tell, got 'setting'",
    ),
    "a commitment of an unknown kind": (
        swap("commitments.toml", OWED, f'{OWED}\nwhere = {{ setting = "suburban" }}'),
        "no value of setting 'suburban'",
    ),
    "no such variable": (swap("indicators.toml", '"elderly_care_count"', '"elderly_count"'), "elderly_care_count"),
    "no such category": (swap("indicators.toml", '["yes"]', '["perhaps"]'), "no value of legal_aid 'perhaps'"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_whatever_a_folder_holds_the_loader_says_so(folder: Path, name: str) -> None:
    """Nothing but a PlanError comes out, with the file that is meant."""
    act, words = STRANGE[name]
    act(folder)  # type: ignore[operator]  # of a parameter
    with pytest.raises(PlanError) as caught:
        load_plan(folder)
    assert words in str(caught.value)
    assert all(fault.place is not None and fault.place.file is not None for fault in caught.value.faults)


@pytest.mark.parametrize("name", ["nowhere", "a/b", "", "x" * 5000, "nul\0byte", "qinghe/source.txt"])
def test_what_is_no_folder_is_not_found(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever stands there."""
    monkeypatch.chdir(folder.parent)
    with pytest.raises(NotFoundError):
        load_plan(name)
