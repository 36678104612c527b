"""What the registries of the sibling plans hold, and how the plans compare."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

import community_plan as cp
from community_plan.compare import Incomparable, Relation, compare_plans
from community_plan.errors import DataError, NotFoundError

PLANS = Path(cp.__file__).parent / "plans"
SIBLINGS = ("national-14fyp", "hubei-14fyp", "changji-14fyp", "longnan-14fyp")
FAMILY = ("shangqiu-14fyp", *SIBLINGS)

AREA = "facility-area-per-100-households"
AREA_SHARE = "commercial-and-service-area-share"
WORKERS = "community-workers-per-10000-urban-residents"
CERTIFIED = "certified-community-worker-share"
FIRM = ("", None)
PROVINCE = ("力争", "甘肃省")
ALL: dict[str, tuple[str, ...]] = {}
URBAN, RURAL = {"setting": ("urban",)}, {"setting": ("rural",)}

# Typed from the figures as seen: plan, indicator, words for the name, words for the target, comparator and value
# adopted, hedge and deference, and the communities it is about.
TABLE = [
    ("national-14fyp", "rural-facility-coverage", "农村社区综合服务设施覆盖率", "达到80%", ">=", "80 %", FIRM, RURAL),
    ("national-14fyp", AREA, "每百户居民拥有社区综合服务设施面积", "30平方米以上", ">=", "30 m²/百户", FIRM, ALL),
    ("hubei-14fyp", "rural-facility-coverage", "农村社区综合服务设施覆盖率", "达到90%", ">=", "90 %", FIRM, RURAL),
    ("hubei-14fyp", "urban-facility-coverage", "城市社区综合服务设施覆盖率", "达到100%", ">=", "100 %", FIRM, URBAN),
    ("hubei-14fyp", AREA, "每百户居民拥有社区综合服务设施面积", "超过30平方米", ">", "30 m²/百户", FIRM, ALL),
    ("hubei-14fyp", WORKERS, "每万城镇常住人口拥有社区工作者", "达到18人", ">=", "18 人/万人", FIRM, ALL),
    (
        "hubei-14fyp",
        CERTIFIED,
        "城市社区工作者持有社会工作者职业水平证书比例",
        "达到50%以上",
        ">=",
        "50 %",
        FIRM,
        URBAN,
    ),
    ("changji-14fyp", "facility-coverage", "城乡社区综合服务设施覆盖率", "达100%", ">=", "100 %", FIRM, ALL),
    (
        "changji-14fyp",
        AREA_SHARE,
        "新建社区商业和综合服务设施面积占社区总建筑面积比例",
        "不低于10%",
        ">=",
        "10 %",
        FIRM,
        {"building_stock": ("new",)},
    ),
    ("changji-14fyp", AREA, "社区综合服务设施面积", "每百户30平米以上", ">=", "30 m²/百户", FIRM, ALL),
    (
        "changji-14fyp",
        "activity-area-share",
        "居民活动区域面积占社区综合服务设施总建筑面积比例",
        "不低于60%",
        ">=",
        "60 %",
        FIRM,
        ALL,
    ),
    (
        "changji-14fyp",
        "self-service-terminal-coverage",
        "城市社区政务通用自助服务覆盖率",
        "达100%",
        ">=",
        "100 %",
        FIRM,
        URBAN,
    ),
    ("changji-14fyp", WORKERS, "每万城镇常住人口拥有社区工作者", "不低于25人", ">=", "25 人/万人", FIRM, ALL),
    ("changji-14fyp", "social-work-talent-total", "社会工作专业人才总数", "达600人", ">=", "600 人", FIRM, ALL),
    ("longnan-14fyp", "rural-facility-coverage", "农村社区综合服务设施覆盖率", "为100%", ">=", "100 %", FIRM, RURAL),
    ("longnan-14fyp", "urban-facility-coverage", "城市社区综合服务设施覆盖率", "为100%", ">=", "100 %", FIRM, URBAN),
    (
        "longnan-14fyp",
        AREA_SHARE,
        "社区商业和综合服务设施面积占社区总建筑面积的比例",
        "省定目标(≥10%)",
        ">=",
        "10 %",
        PROVINCE,
        ALL,
    ),
    (
        "longnan-14fyp",
        AREA,
        "每百户居民拥有社区综合服务设施面积",
        "省定目标(≥30平方米)",
        ">=",
        "30 m²/百户",
        PROVINCE,
        ALL,
    ),
    (
        "longnan-14fyp",
        "activity-area-share",
        "居民活动区域面积占社区综合服务设施总建筑面积比例",
        "≥60%",
        ">=",
        "60 %",
        FIRM,
        ALL,
    ),
    (
        "longnan-14fyp",
        "self-service-terminal-coverage",
        "城市社区政务通用自助服务一体机覆盖率",
        "为100%",
        ">=",
        "100 %",
        FIRM,
        URBAN,
    ),
    ("longnan-14fyp", WORKERS, "每万城镇常住人口拥有社区工作者", "省定目标(18人)", ">=", "18 人/万人", PROVINCE, ALL),
    (
        "longnan-14fyp",
        "social-organizations-per-urban-community",
        "每个城市社区社会组织数量",
        "为12个",
        ">=",
        "12 个/社区",
        FIRM,
        URBAN,
    ),
    (
        "longnan-14fyp",
        "social-organizations-per-village",
        "每个村社会组织数量",
        "为7个",
        ">=",
        "7 个/社区",
        FIRM,
        RURAL,
    ),
    (
        "longnan-14fyp",
        CERTIFIED,
        "社区工作者中取得社会工作者职业资格水平证书的人数占比",
        "为4%",
        ">=",
        "4 %",
        FIRM,
        ALL,
    ),
]

QUOTES = {
    "national-14fyp": "《规划》明确农村社区综合服务设施覆盖率达到80%、"
    "每百户居民拥有社区综合服务设施面积达到30平方米以上等目标。",
    "hubei-14fyp": "到2025年,全省农村社区综合服务设施覆盖率达到90%、城市社区综合服务设施覆盖率达到100%、"
    "每百户居民拥有社区综合服务设施面积超过30平方米、每万城镇常住人口拥有社区工作者达到18人、"
    "城市社区工作者持有社会工作者职业水平证书比例达到50%以上等。",
    "changji-14fyp": "城乡社区综合服务设施覆盖率达100%;新建社区商业和综合服务设施面积占社区总建筑面积比例不低于10%;"
    "社区综合服务设施面积达到每百户30平米以上;居民活动区域面积占社区综合服务设施总建筑面积比例不低于60%;"
    "城市社区政务通用自助服务覆盖率达100%;每万城镇常住人口拥有社区工作者不低于25人;社会工作专业人才总数达600人",
    "longnan-14fyp": "到2025年农村社区综合服务设施覆盖率为100%、城市社区综合服务设施覆盖率为100%、"
    "社区商业和综合服务设施面积占社区总建筑面积的比例力争完成省定目标(≥10%)、"
    "每百户居民拥有社区综合服务设施面积力争完成省定目标(≥30平方米)、"
    "居民活动区域面积占社区综合服务设施总建筑面积比例为≥60%、城市社区政务通用自助服务一体机覆盖率为100%、"
    "每万城镇常住人口拥有社区工作者力争完成省定目标(18人)、每个城市社区社会组织数量为12个、每个村社会组织数量为7个、"
    "社区工作者中取得社会工作者职业资格水平证书的人数占比为4%等。",
}


@pytest.mark.parametrize(("plan", "indicator", "name", "words", "comparator", "value", "softness", "scope"), TABLE)
def test_every_figure_is_as_seen(
    plan: str,
    indicator: str,
    name: str,
    words: str,
    comparator: str,
    value: str,
    softness: tuple[str, str | None],
    scope: dict[str, tuple[str, ...]],
) -> None:
    """Printed words and adopted reading are two fields, and both are right."""
    loaded = cp.load_plan(plan)
    target = loaded.targets[indicator]
    assert (target.id, target.indicator, target.due) == (indicator, indicator, dt.date(2025, 12, 31))
    assert (target.printed.name, target.printed.target) == (name, words)
    assert (target.comparator, target.value) == (comparator, cp.quantity(value))
    assert (target.hedge, target.defers_to) == softness
    assert {test.variable: test.values for test in loaded.measure_of(target).where} == scope
    assert target.baseline is None, "no baseline was seen"


@pytest.mark.parametrize("plan", SIBLINGS)
def test_a_sibling_holds_the_figures_that_were_seen_and_no_other(plan: str) -> None:
    """What was not seen is not there, and the plan says so in both languages."""
    loaded = cp.load_plan(plan)
    assert plan in cp.bundled_plans()
    assert list(loaded.targets) == [row[1] for row in TABLE if row[0] == plan]
    note = loaded.document.scope_note
    assert note is not None
    assert note.zh.startswith("收录不完整")
    assert note.en.startswith("Partial")
    loaded.check_dimensions()
    assert cp.load_plan(PLANS / plan).targets == loaded.targets


@pytest.mark.parametrize("plan", SIBLINGS)
def test_every_quote_stands_in_the_source_byte_for_byte(plan: str) -> None:
    """The source is an address and the words that were seen."""
    source = (PLANS / plan / "source.txt").read_bytes()
    address, words, end = source.split(b"\n")
    assert address.startswith(b"http")
    assert (words.decode("utf-8"), end) == (QUOTES[plan], b"")
    for target in cp.load_plan(plan).targets.values():
        assert source.count(target.citation.quote.encode()) == 1
        for printed in (target.printed.name, target.printed.target, target.hedge):
            assert printed in target.citation.quote


def test_what_a_sibling_leaves_open_is_marked() -> None:
    """A figure without a comparator, a mean that may be a floor, a self-service that may be no terminal."""
    marked = {
        (plan, target.id): target.discrepancies
        for plan in SIBLINGS
        for target in cp.load_plan(plan).targets.values()
        if target.discrepancies
    }
    bare = [row[1] for row in TABLE if row[0] == "longnan-14fyp" and "≥" not in row[3]]
    assert marked.pop(("changji-14fyp", "self-service-terminal-coverage")) == ("C01",)
    assert [name for plan, name in marked if plan == "longnan-14fyp"] == bare
    assert [name for (_, name), doubts in marked.items() if "L02" in doubts] == [
        "social-organizations-per-urban-community",
        "social-organizations-per-village",
    ]
    assert len(marked) == len(bare)


def test_what_is_not_known_of_a_document_is_none() -> None:
    """Neither an issuer nor a day is made up."""
    known = {name: cp.load_plan(name).document for name in SIBLINGS}
    assert {name: document.issued for name, document in known.items()} == {
        "national-14fyp": dt.date(2021, 12, 27),
        "hubei-14fyp": None,
        "changji-14fyp": dt.date(2023, 5, 6),
        "longnan-14fyp": None,
    }
    assert {name: str(document.issuer) for name, document in known.items()} == {
        "national-14fyp": "国务院办公厅",
        "hubei-14fyp": "None",
        "changji-14fyp": "昌吉回族自治州人民政府办公室",
        "longnan-14fyp": "None",
    }
    assert known["national-14fyp"].number == "国办发〔2021〕56号"


E, S, L = Relation.EQUAL, Relation.STRICTER, Relation.LOOSER
NOT_SET, SCOPE, OTHER, DEFERS = (
    Incomparable.NOT_SET,
    Incomparable.DIFFERENT_SCOPE,
    Incomparable.OTHER_INDICATOR,
    Incomparable.DEFERENCE,
)
NEW = {"building_stock": ("new",)}

# Derived by hand from the figures, held against the first plan that has one. In the order of FAMILY.
RELATIONS = [
    ("rural-facility-coverage", RURAL, [E, L, L, OTHER, S]),  # 93 | 80 | 90 | all communities | 100
    ("urban-facility-coverage", URBAN, [E, NOT_SET, E, OTHER, E]),  # 100 | — | 100 | all communities | 100
    ("facility-coverage", ALL, [OTHER, OTHER, OTHER, E, OTHER]),  # only Changji counts them together
    (AREA, ALL, [E, L, E, L, DEFERS]),  # > 30 | ≥ 30 | > 30 | ≥ 30 | the province's
    (AREA_SHARE, ALL, [E, NOT_SET, NOT_SET, SCOPE, DEFERS]),  # 10 | — | — | new-built | the province's
    (AREA_SHARE, NEW, [SCOPE, NOT_SET, NOT_SET, E, SCOPE]),
    ("activity-area-share", ALL, [E, NOT_SET, NOT_SET, E, E]),  # 60 | — | — | 60 | 60
    ("self-service-terminal-coverage", URBAN, [E, NOT_SET, NOT_SET, E, E]),  # 100 | — | — | 100 | 100
    (WORKERS, ALL, [E, NOT_SET, E, S, DEFERS]),  # 18 | — | 18 | 25 | the province's
    (CERTIFIED, URBAN, [NOT_SET, NOT_SET, E, NOT_SET, SCOPE]),  # — | — | 50 | — | all community workers
    (CERTIFIED, ALL, [NOT_SET, NOT_SET, SCOPE, NOT_SET, E]),
    ("social-workers-per-district-community", {"county_kind": ("district",)}, [E, *[NOT_SET] * 4]),
    ("social-organizations-per-village", RURAL, [*[NOT_SET] * 4, E]),
]


@pytest.mark.parametrize(("indicator", "scope", "expected"), RELATIONS)
def test_the_family_compares_as_derived_by_hand(
    indicator: str, scope: dict[str, tuple[str, ...]], expected: list[Relation | Incomparable]
) -> None:
    """Stricter, equal, looser — or the reason why that cannot be said."""
    comparison = compare_plans(FAMILY)
    [row] = [row for row in comparison.of(indicator) if row.scope == scope]
    assert [cell.plan for cell in row.cells] == list(FAMILY)
    for cell, relation in zip(row.cells, expected, strict=True):
        if isinstance(relation, Relation):
            assert (cell.relation, cell.reason) == (relation, None), cell
        else:
            assert (cell.relation, cell.reason) == (Relation.NOT_COMPARABLE, relation), cell
            assert (cell.target is None) == (relation is not DEFERS)
            assert bool(cell.related) == (relation in (SCOPE, OTHER))


def test_plans_are_compared_by_id_or_by_folder() -> None:
    """As `load_plan` takes them."""
    folders = [Path(cp.__file__).parent / "plans" / name for name in FAMILY]
    assert compare_plans(folders).rows == compare_plans(FAMILY).rows


def test_the_row_of_floor_area_says_what_it_leaves_out() -> None:
    """The strictest of a plan's targets stands in the row, its others beside it; softness is noted."""
    [row] = compare_plans(FAMILY).of(AREA)
    assert (row.reference, row.year, str(row.unit)) == ("shangqiu-14fyp", 2025, "m²/百户")
    assert row.cell("shangqiu-14fyp").related == (f"{AREA}@四(三)2",)
    assert [cell.value for cell in row.cells] == [Fraction(30)] * 5
    assert [note.zh for note in row.cell("longnan-14fyp").notes] == [
        "措辞“力争”，对照者确定",
        "沿用“甘肃省”的目标，对照者自定目标",
    ]


@pytest.mark.parametrize("plan", FAMILY)
def test_a_plan_is_equal_to_itself(plan: str) -> None:
    """Whatever it promises, however it words it."""
    comparison = compare_plans([plan, cp.load_plan(plan)])
    loaded = cp.load_plan(plan)
    assert {cell.relation for row in comparison for cell in row.cells} == {Relation.EQUAL}
    assert all(not cell.notes for row in comparison for cell in row.cells)
    held = {name for row in comparison for cell in row.cells for name in (cell.target.id, *cell.related) if cell.target}
    assert held == set(loaded.targets), "every target stands in a row"


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(FAMILY, 2)))
def test_to_turn_the_plans_round_turns_the_relation_round(one: str, other: str) -> None:
    """Stricter one way is looser the other way; the rest does not depend on the way."""
    turned = {Relation.STRICTER: Relation.LOOSER, Relation.LOOSER: Relation.STRICTER}

    def relations(first: str, second: str) -> dict[object, tuple[Relation, Incomparable | None]]:
        return {
            (row.indicator.id, *row.scope.items(), row.year): (row.cells[1].relation, row.cells[1].reason)
            for row in compare_plans([first, second])
            if all(cell.target is not None for cell in row.cells)
        }

    there, back = relations(one, other), relations(other, one)
    assert there.keys() == back.keys()
    assert back == {key: (turned.get(relation, relation), reason) for key, (relation, reason) in there.items()}


def variant(folder: Path, name: str, fields: str) -> cp.Plan:
    """A plan like the national one with a single target of other terms."""
    home = Path(shutil.copytree(PLANS / "national-14fyp", folder / name))
    plan_file = home / "plan.toml"
    plan_file.write_text(plan_file.read_text("utf-8").replace("national-14fyp", name), "utf-8")
    quote = "每百户居民拥有社区综合服务设施面积达到30平方米以上"
    (home / "targets.toml").write_text(
        f'[[targets]]\nid = "{AREA}"\nindicator = "{AREA}"\n{fields}\n'
        f'citation = {{ clause = "1", quote = "{quote}" }}\n'
        'printed = { name = "每百户居民拥有社区综合服务设施面积", target = "30平方米以上" }\n',
        "utf-8",
    )
    return cp.load_plan(home)


BY_2025 = "due = 2025-12-31"
TERMS = {
    "floor": f'comparator = ">="\nvalue = "30 m²/百户"\n{BY_2025}',
    "strict": f'comparator = ">"\nvalue = "30 m²/百户"\n{BY_2025}',
    "per household": f'comparator = ">="\nvalue = "0.3 m²/户"\n{BY_2025}',
    "maintain": f'comparator = "maintain"\nvalue = "30 m²/百户"\n{BY_2025}',
    "a hair more": f'comparator = ">="\nvalue = "30.0001 m²/百户"\n{BY_2025}',
    "hedged": f'comparator = ">="\nvalue = "30 m²/百户"\nhedge = "达到"\n{BY_2025}',
    "earlier day": 'comparator = ">="\nvalue = "30 m²/百户"\ndue = 2025-06-30',
    "2030": 'comparator = ">="\nvalue = "30 m²/百户"\ndue = 2030-12-31',
    "ceiling": f'comparator = "<="\nvalue = "30 m²/百户"\n{BY_2025}',
    "strict ceiling": f'comparator = "<"\nvalue = "30 m²/百户"\n{BY_2025}',
    "higher ceiling": f'comparator = "<="\nvalue = "35 m²/百户"\n{BY_2025}',
    "exact": f'comparator = "="\nvalue = "30 m²/百户"\n{BY_2025}',
    "exact 35": f'comparator = "="\nvalue = "35 m²/百户"\n{BY_2025}',
    "range": f'comparator = "range"\nvalue = "30 m²/百户"\nupper = "40 m²/百户"\n{BY_2025}',
    "same range": f'comparator = "range"\nvalue = "0.3 m²/户"\nupper = "0.4 m²/户"\n{BY_2025}',
    "wider range": f'comparator = "range"\nvalue = "25 m²/百户"\nupper = "40 m²/百户"\n{BY_2025}',
    "about": f'comparator = ">="\nvalue = "30 m²/百户"\napproximate = true\n{BY_2025}',
    "defers": f'comparator = ">="\nvalue = "30 m²/百户"\ndefers_to = "hubei-14fyp"\n{BY_2025}',
}
PAIRS: list[tuple[str, str, Relation | Incomparable]] = [
    ("floor", "strict", S),
    ("strict", "floor", L),
    ("floor", "per household", E),
    ("floor", "maintain", E),
    ("floor", "a hair more", S),
    ("strict", "a hair more", S),
    ("floor", "hedged", E),
    ("floor", "earlier day", E),
    ("floor", "ceiling", Incomparable.DIFFERENT_DIRECTION),
    ("ceiling", "strict ceiling", S),
    ("ceiling", "higher ceiling", L),
    ("higher ceiling", "strict ceiling", S),
    ("floor", "exact", Incomparable.DIFFERENT_DIRECTION),
    ("exact", "exact", E),
    ("exact", "exact 35", Incomparable.DIFFERENT_DIRECTION),
    ("range", "same range", E),
    ("range", "wider range", Incomparable.RANGE),
    ("floor", "range", Incomparable.DIFFERENT_DIRECTION),
    ("floor", "about", Incomparable.APPROXIMATE),
    ("about", "about", E),
    ("floor", "defers", DEFERS),
    ("defers", "defers", E),
]


@pytest.mark.parametrize(("one", "other", "expected"), PAIRS)
def test_terms_compare_as_they_should(tmp_path: Path, one: str, other: str, expected: Relation | Incomparable) -> None:
    """The second plan's target held against the first's."""
    [row] = compare_plans([variant(tmp_path, "one", TERMS[one]), variant(tmp_path, "other", TERMS[other])])
    cell = row.cell("other")
    assert (cell.reason or cell.relation) == expected
    assert bool(cell.notes) == (other in ("hedged", "earlier day", "defers") and one != other)


def test_another_year_is_another_row(tmp_path: Path) -> None:
    """Nobody is stricter for having more time, or less."""
    plans = [variant(tmp_path, "one", TERMS["floor"]), variant(tmp_path, "other", TERMS["2030"])]
    rows = compare_plans(plans).rows
    assert [(row.year, row.reference) for row in rows] == [(2025, "one"), (2030, "other")]
    assert [row.cells[1 - place].reason for place, row in enumerate(rows)] == [Incomparable.DIFFERENT_DUE] * 2


def test_a_comparison_goes_out_as_plain_data() -> None:
    """A dict for each cell; numbers stay exact as text in JSON."""
    comparison = compare_plans(FAMILY)
    dicts = comparison.to_dicts()
    assert len(dicts) == len(comparison) * len(FAMILY)
    found = next(item for item in dicts if (item["indicator"], item["plan"]) == (AREA, "hubei-14fyp"))
    assert (found["comparator"], found["value"], found["unit"]) == (">", Fraction(30), "m²/百户")
    assert (found["relation"], found["reason"], found["reference"]) == ("equal", None, "shangqiu-14fyp")
    read = json.loads(comparison.to_json())
    assert [Fraction(item["value"]) if item["value"] else None for item in read] == [item["value"] for item in dicts]
    for reason in Incomparable:
        assert reason.text("zh") != reason.text("en")


def test_what_cannot_be_compared_is_an_error() -> None:
    """Two plans at least, and known ones."""
    with pytest.raises(DataError, match="two plans or more"):
        compare_plans(["shangqiu-14fyp"])
    with pytest.raises(DataError, match="several plans"):
        compare_plans("shangqiu-14fyp")
    with pytest.raises(NotFoundError, match="hubei-14fyp"):
        compare_plans(["shangqiu-14fyp", "hubei-14fp"])
    with pytest.raises(NotFoundError, match="hubei-14fyp"):
        compare_plans(FAMILY).rows[0].cell("hubei-14fp")


def test_an_excerpt_is_judged_as_a_whole() -> None:
    """Its rows carry no numbers, so all of them are its table: nothing is left out of a listing."""
    plan = cp.load_plan("longnan-14fyp")
    assert len(plan.choose("main")) == plan.completeness().total == 10
    assert len(plan.judge({})) == 10
