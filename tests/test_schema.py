"""The schemas and the loader give the same answers, and the export is what its schema says."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest
from jsonschema import Draft202012Validator

import community_plan as cp
from community_plan.export import export_plan
from community_plan.loader import bundled_plans, check_plan
from community_plan.schema import json_schemas
from community_plan.targets import Target

PLANS = Path(cp.__file__).parent / "plans"
SCHEMAS = json_schemas()
FILES = sorted(PLANS.rglob("*.toml"))
OWN_INDICATOR = """
[[indicators]]
id = "own-indicator"
name = { zh = "自有指标", en = "Own" }
unit = "%"
[indicators.measure]
kind = "share"
where = { setting = "rural" }
[indicators.measure.condition]
kind = "at_least"
count = 1
conditions = [
    { kind = "is", variable = "legal_aid", values = ["yes"] },
    { kind = "compare", numerator = ["own_count"], comparator = ">=", value = "1 个" },
]
"""
OWN_VARIABLE = """
[[variables]]
id = "own_count"
table = "communities"
type = "quantity"
kind = "things"
label = { zh = "自有数", en = "Own count" }
synonyms = ["自有"]
unit = "个"
quantum = "1 个"
derive = { table = "facilities", kinds = ["other"] }
"""


def as_editor(value: Any) -> Any:
    """Return TOML data as an editor's plugin hands them to a schema: dates are text, numbers are JSON's."""
    if isinstance(value, dict):
        return {key: as_editor(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_editor(part) for part in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def schema_accepts(path: Path) -> bool:
    """Say whether the schema of a file's name accepts it."""
    data = as_editor(tomllib.loads(path.read_text("utf-8"), parse_float=Decimal))
    return bool(Draft202012Validator(SCHEMAS[path.stem]).is_valid(data))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    """Of the draft that it names."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert json.loads(json.dumps(SCHEMAS[name])) == SCHEMAS[name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLANS)))
def test_every_bundled_file_is_accepted(path: Path) -> None:
    """What the loader reads, the editor does not underline."""
    data = as_editor(tomllib.loads(path.read_text("utf-8"), parse_float=Decimal))
    assert list(Draft202012Validator(SCHEMAS[path.stem]).iter_errors(data)) == []


@pytest.mark.parametrize("name", bundled_plans())
def test_every_bundled_plan_is_sound_when_checked_whole(name: str) -> None:
    """They are loaded without the slow checks because of this test."""
    assert check_plan(name) == ()


def test_a_new_field_appears_by_itself() -> None:
    """The schema is made from the classes."""
    names = {field.name for field in attrs.fields(Target)}
    assert set(SCHEMAS["targets"]["$defs"]["Target"]["properties"]) == names
    assert set(SCHEMAS["discrepancies"]["$defs"]["TargetChanges"]["properties"]) == names - {"id"}
    assert names <= set(SCHEMAS["registry"]["$defs"]["Target"]["properties"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled plan with an indicator and a variable of its own."""
    copy = Path(shutil.copytree(PLANS / "shangqiu-14fyp", tmp_path / "copy"))
    (copy / "indicators.toml").write_text(OWN_INDICATOR, "utf-8")
    (copy / "variables.toml").write_text(OWN_VARIABLE, "utf-8")
    assert check_plan(copy) == ()
    return copy


TARGET, OTHER = "targets", "discrepancies"
REFUSED = {
    # what was meant: file, old, new
    "unknown key": (TARGET, "number = 1\n", "nummer = 1\n"),
    "unknown key at the top": (TARGET, "[[targets]]", "version = 2\n[[targets]]"),
    "unknown key in a table": (TARGET, "year = 2020 }", "year = 2020, month = 1 }"),
    "missing comparator": (TARGET, 'comparator = ">="\n', ""),
    "missing quote": (TARGET, 'citation = { clause = "专栏1 1", quote = ', 'citation = { clause = "专栏1 1", quot = '),
    "bad comparator": (TARGET, 'comparator = ">="', 'comparator = "≥"'),
    "comparator as a number": (TARGET, 'comparator = ">="', "comparator = 1"),
    "number as text": (TARGET, "number = 1\n", 'number = "1"\n'),
    "number with a fraction": (TARGET, "number = 1\n", "number = 1.5\n"),
    "number as a boolean": (TARGET, "number = 1\n", "number = true\n"),
    "value as a boolean": (TARGET, 'value = "93 %"', "value = true"),
    "value as a list": (TARGET, 'value = "93 %"', 'value = ["93 %"]'),
    "value in words": (TARGET, 'value = "93 %"', 'value = "most"'),
    "value as a range": (TARGET, 'value = "93 %"', 'value = "90～93 %"'),
    "value with two numbers": (TARGET, 'value = "93 %"', 'value = "90-93 %"'),
    "due in words": (TARGET, "due = 2025-12-31", 'due = "end of 2025"'),
    "due with a time": (TARGET, "due = 2025-12-31", "due = 2025-12-31T00:00:00"),
    "due as a year": (TARGET, "due = 2025-12-31", "due = 2025"),
    "bad attribute": (TARGET, 'attribute = "expected"', 'attribute = "预期性"'),
    "scope as text": (TARGET, 'scope = { building_stock = "new" }', 'scope = "new"'),
    "scope of numbers": (TARGET, 'scope = { building_stock = "new" }', "scope = { building_stock = 1 }"),
    "scope of nothing": (TARGET, 'scope = { building_stock = "new" }', "scope = { building_stock = [] }"),
    "bad level": (TARGET, 'level = "city"', 'level = "village"'),
    "targets as a table": (TARGET, None, '[targets]\nid = "a"\n'),
    "targets as text": (TARGET, None, 'targets = "none"\n'),
    "a reading sets an unknown field": (OTHER, 'comparator = ">="', 'comparater = ">="'),
    "a reading sets an id": (OTHER, 'comparator = ">="', 'id = "other"'),
    "a reading sets a bad value": (OTHER, 'comparator = ">="', 'comparator = "=>"'),
    "a text in one language": (OTHER, 'id = "not-less-than"\nlabel = { zh = ', 'id = "not-less-than"\nlabel = { cn = '),
    "title as text": ("plan", "title = {", 'title = "商丘" #'),
    "missing start": ("plan", "start = 2021-01-01\n", ""),
    "a gap without a note": ("plan", "note = {", "notes = {"),
    "bad check": ("commitments", 'check = "recorded"', 'check = "noted"'),
    "bad period": ("commitments", 'every = "year"', 'every = "month"'),
    "prohibition as text": ("commitments", "prohibition = true", 'prohibition = "yes"'),
    "bad kind of measure": ("indicators", 'kind = "share"', 'kind = "mean"'),
    "no kind of measure": ("indicators", 'kind = "share"\n', ""),
    "bad kind of condition": ("indicators", 'kind = "is"', 'kind = "isnt"'),
    "a condition of another kind": ("indicators", 'kind = "is"', 'kind = "compare"'),
    "a measure's key in another": ("indicators", 'kind = "share"', 'kind = "total"'),
    "unit as a number": ("indicators", 'unit = "%"', "unit = 100"),
    "bad table": ("variables", 'table = "communities"', 'table = "villages"'),
    "bad type": ("variables", 'type = "quantity"', 'type = "number"'),
    "derived from a bad table": ("variables", 'table = "facilities"', 'table = "communities"'),
}
ACCEPTED = {
    "a value as a fraction": (TARGET, 'value = "0.4 ‰"', 'value = "4/10 ‰"'),
    "a date as text": (TARGET, "due = 2025-12-31", 'due = "2025-12-31"'),
    "wide digits": (TARGET, 'value = "93 %"', 'value = "９３％"'),
    "a unit in front": (TARGET, 'value = "30 m²/百户"', 'value = "每百户30平方米"'),
    "a scope of several values": (
        TARGET,
        'scope = { building_stock = "new" }',
        'scope = { building_stock = ["new", "existing"] }',
    ),
    "no readings": (OTHER, None, "discrepancies = []\n"),
    "a note": ("indicators", 'unit = "%"', 'unit = "%"\nnote = { zh = "注", en = "note" }'),
    "a quantum as a fraction": (
        "variables",
        'quantum = "1 个"\nderive = { table = "facilities", kinds = ["other"] }',  # a number of rows has no halves
        'quantum = "0.5 个"',
    ),
}
ONLY_THE_LOADER_KNOWS = {
    "no such indicator": (TARGET, 'indicator = "urban-facility-coverage"', 'indicator = "urban"'),
    "no such discrepancy": (TARGET, '["A09"]', '["A99"]'),
    "a quote that is not printed": (TARGET, "农村社区综合服务设施覆盖率\\n", "农村设施覆盖率\\n"),
    "a wrong dimension": (TARGET, 'value = "93 %"', 'value = "93 m²"'),
    "an unknown unit": ("indicators", 'unit = "%"', 'unit = "pct"'),
    "an id twice": (TARGET, 'id = "urban-facility-coverage"', 'id = "rural-facility-coverage"'),
    "a range without an upper end": (TARGET, 'comparator = ">="', 'comparator = "range"'),
    "a day that is not in the calendar": (TARGET, "due = 2025-12-31", 'due = "2025-02-30"'),
    "a reading of a wrong dimension": (OTHER, 'value = "400 ‰"', 'value = "400 m²"'),
    "no such variable": ("indicators", '"own_count"', '"own_counts"'),
    "a whole that is a part of itself": ("variables", 'unit = "个"', 'unit = "个"\npart_of = "own_count"'),
    "no quantum": ("variables", 'quantum = "1 个"\n', ""),
    "measured without a target": ("commitments", 'check = "recorded"', 'check = "measured"'),
}


def mutate(folder: Path, mutation: tuple[str, str | None, str]) -> Path:
    """Change the first place of a file, or all of it."""
    name, old, new = mutation
    path = folder / f"{name}.toml"
    text = path.read_text("utf-8")
    assert old is None or old in text
    path.write_text(new if old is None else text.replace(old, new, 1), "utf-8")
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_schema_refuses_the_loader_refuses(folder: Path, name: str) -> None:
    """The editor underlines no more than the loader does."""
    path = mutate(folder, REFUSED[name])
    assert not schema_accepts(path)
    faults = check_plan(folder)
    assert faults
    assert any(fault.place is not None and fault.place.file == str(path) for fault in faults)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_schema_accepts_the_loader_reads(folder: Path, name: str) -> None:
    """As far as the form goes."""
    path = mutate(folder, ACCEPTED[name])
    assert schema_accepts(path)
    own = [fault for fault in check_plan(folder) if fault.place is not None and fault.place.file == str(path)]
    assert own == []


@pytest.mark.parametrize("name", ONLY_THE_LOADER_KNOWS)
def test_what_only_the_loader_can_know(folder: Path, name: str) -> None:
    """No schema sees another file, the source or a unit: here the two differ, and nowhere else."""
    path = mutate(folder, ONLY_THE_LOADER_KNOWS[name])
    assert schema_accepts(path)
    assert check_plan(folder)


@pytest.mark.parametrize(
    "mutation",
    [
        ("variables", 'synonyms = ["自有"]', 'synonyms = "自有"'),
        ("variables", 'kinds = ["other"]', 'kinds = "other"'),
        ("plan", "regions = [", "regions = {}\nother = ["),
    ],
)
def test_a_text_is_no_list(folder: Path, mutation: tuple[str, str, str]) -> None:
    """Neither schema nor loader takes one for the other."""
    path = mutate(folder, mutation)
    assert not schema_accepts(path)
    words = " ".join(str(fault) for fault in check_plan(folder))
    assert "expected a list" in words


@pytest.fixture(params=bundled_plans())
def exported(request: pytest.FixtureRequest) -> tuple[cp.Plan, dict[str, Any]]:
    """A bundled plan and its export."""
    plan = cp.load_plan(request.param)
    return plan, export_plan(plan)


def test_the_export_is_what_its_schema_says(exported: tuple[cp.Plan, dict[str, Any]]) -> None:
    """Every key, and no other."""
    assert list(Draft202012Validator(SCHEMAS["registry"]).iter_errors(exported[1])) == []


def test_the_export_needs_no_python(exported: tuple[cp.Plan, dict[str, Any]]) -> None:
    """It goes through JSON unchanged, and comes out the same each time."""
    plan, data = exported
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    assert json.loads(text) == data
    assert json.dumps(export_plan(plan), ensure_ascii=False) == text


def read(value: dict[str, Any]) -> cp.Quantity:
    """Read an exported quantity as any program would: number and unit apart."""
    return cp.quantity(Fraction(value["number"]), value["unit"]["zh"])


def test_every_exact_number_survives(exported: tuple[cp.Plan, dict[str, Any]]) -> None:
    """Number and unit apart, no digit lost."""
    plan, data = exported
    data = json.loads(json.dumps(data))
    assert [entry["id"] for entry in data["targets"]] == list(plan.targets)
    for entry, target in zip(data["targets"], plan.targets.values(), strict=True):
        assert (read(entry["value"]).magnitude, read(entry["value"]).unit) == (
            target.value.magnitude,
            target.value.unit,
        )
        assert (None if entry["upper"] is None else read(entry["upper"])) == target.upper
        assert (None if entry["baseline"] is None else read(entry["baseline"]["value"])) == (
            None if target.baseline is None else target.baseline.value
        )
        assert entry["printed"]["target"] == target.printed.target
        assert entry["formula"]["zh"]
    for entry, variable in zip(data["variables"], plan.variables.values(), strict=True):
        assert (None if entry["quantum"] is None else read(entry["quantum"])) == variable.quantum


def test_the_export_holds_the_whole_registry(exported: tuple[cp.Plan, dict[str, Any]]) -> None:
    """Facts, entries, doubts, gaps, and how much of the document that is."""
    plan, data = exported
    for name in ("indicators", "targets", "commitments", "discrepancies"):
        assert [entry["id"] for entry in data[name]] == list(getattr(plan, name))
    assert (data["document"]["id"], data["content_hash"]) == (plan.id, plan.content_hash)
    assert len(data["known_gaps"]) == len(plan.known_gaps)
    assert data["completeness"]["total"] == plan.completeness().total
    for entry, indicator in zip(data["indicators"], plan.indicators, strict=True):
        assert entry["formula"]["en"] == plan.formula(indicator, "en")
        assert entry["measure"]["kind"] in ("count", "total", "ratio", "share")


def test_a_reading_is_exported_as_the_target_then_is(plan: cp.Plan) -> None:
    """Typed text becomes number and unit there too."""
    doubt = next(entry for entry in export_plan(plan)["discrepancies"] if entry["id"] == "A04")
    changed = doubt["readings"][0]["targets"]["social-workers-per-resident"]
    assert changed == {"value": {"number": "400", "unit": {"zh": "‰", "en": "‰"}}}


def test_an_unending_decimal_is_exported_as_a_fraction(plan: cp.Plan) -> None:
    """A third is not 0.3333."""
    target = attrs.evolve(plan.targets["activity-area-share"], value=cp.quantity(Fraction(100, 3), "%"))
    other = attrs.evolve(plan, targets=type(plan.targets)("target", [target]))
    data = export_plan(attrs.evolve(other, discrepancies=type(plan.discrepancies)("discrepancy", [])))
    assert data["targets"][0]["value"]["number"] == "100/3"
    assert list(Draft202012Validator(SCHEMAS["registry"]).iter_errors(data)) == []
