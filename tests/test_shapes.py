"""Every shape that targets of this family take is written in TOML alone, and judged as worked out by hand."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import community_plan as cp
from community_plan.documents import structure, unstructure
from community_plan.results import Row
from community_plan.targets import Target

MET, NOT_MET, UNKNOWN = cp.Verdict.MET, cp.Verdict.NOT_MET, cp.Verdict.UNKNOWN

PLAN = """
id = "shapes"
title = { zh = "目标形态", en = "Shapes of targets" }
scope_note = { zh = "测试用", en = "For tests" }
start = 2021-01-01
end = 2035-12-31
"""


def write_plan(folder: Path, targets: str, indicators: str = "", *, source: str, variables: str = "") -> cp.Plan:
    """Write a plan folder and load it: TOML and a page of text, no code."""
    home = folder / "shapes"
    home.mkdir()
    files = {"plan": PLAN, "targets": targets, "indicators": indicators, "variables": variables}
    for name, text in files.items():
        if text:
            (home / f"{name}.toml").write_text(text, "utf-8")
    (home / "source.txt").write_text(source, "utf-8")
    return cp.load_plan(home)


def target(indicator: str, terms: str, quote: str, name: str, words: str, *, target_id: str = "") -> str:
    """Return the TOML of one target; due at the end of 2025 unless the terms say otherwise."""
    due = "" if "due =" in terms else "due = 2025-12-31\n"
    return (
        f'[[targets]]\nid = "{target_id or indicator}"\nindicator = "{indicator}"\n{terms}\n{due}'
        f'citation = {{ clause = "一", quote = "{quote}" }}\nprinted = {{ name = "{name}", target = "{words}" }}\n\n'
    )


def indicator(name: str, unit: str, measure: str) -> str:
    """Return the TOML of one indicator."""
    return (
        f'[[indicators]]\nid = "{name}"\nname = {{ zh = "{name}", en = "{name}" }}\nunit = "{unit}"\n'
        f"[indicators.measure]\n{measure}\n\n"
    )


def places(**columns: list[Any]) -> list[cp.Community]:
    """Return communities of 睢县 by their attributes, a list with a value for each."""
    number = len(next(iter(columns.values())))
    codes = columns.pop("code", None) or [f"411422001{row:03d}" for row in range(1, number + 1)]
    return [
        cp.Community(code=code, **{name: cells[row] for name, cells in columns.items()})
        for row, code in enumerate(codes)
    ]


def judged(plan: cp.Plan, data: Any, name: str, **options: Any) -> Row:
    """Return the one row of a target."""
    return plan.evaluate(data, targets=name, **options).row(name)


AREA = "facility-area-per-100-households"


# -- bounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comparator", "at", "below", "above"),
    [
        (">=", MET, NOT_MET, MET),
        (">", NOT_MET, NOT_MET, MET),
        ("<=", MET, MET, NOT_MET),
        ("<", NOT_MET, MET, NOT_MET),
        ("=", MET, NOT_MET, NOT_MET),
    ],
)
def test_bounds_strict_and_not(
    tmp_path: Path, comparator: str, at: cp.Verdict, below: cp.Verdict, above: cp.Verdict
) -> None:
    """不低于, 超过, 不高于, 低于, 为 30 平方米: 450 m² for 1,500 households lie on the bound."""
    quote = "每百户设施面积30平方米"
    plan = write_plan(
        tmp_path,
        target(AREA, f'comparator = "{comparator}"\nvalue = "30 m²/百户"', quote, "设施面积", "30平方米"),
        source=quote,
    )
    for area, verdict in (("450 m²", at), ("449.9999 m²", below), ("450.0001 m²", above)):
        row = judged(plan, places(households=[1000, 500], comprehensive_service_area=[area, 0]), AREA)
        assert (row.value, row.verdict) == (cp.quantity(area).magnitude / 15, verdict)


def test_an_upper_bound_asks_for_less(tmp_path: Path) -> None:
    """每个网格不高于300户: 1,300 households in 4 grids are 325, and 100 of them are too many."""
    quote = "每个网格不高于300户"
    plan = write_plan(
        tmp_path,
        target("households-per-grid", 'comparator = "<="\nvalue = "300 户/个"', quote, "网格", "不高于300户"),
        indicator(
            "households-per-grid", "户/个", 'kind = "ratio"\nnumerator = ["households"]\ndenominator = ["grids"]'
        ),
        source=quote,
    )
    row = judged(plan, places(households=[900, 400], grids=[3, 1]), "households-per-grid")
    assert (row.value, row.verdict, row.gap, row.shortfall) == (325, NOT_MET, 25, 100)
    assert judged(plan, places(households=[900, 300], grids=[3, 1]), "households-per-grid").verdict is MET


@pytest.mark.parametrize(
    ("workers", "verdict", "shortfall"), [(34, NOT_MET, 1), (35, MET, 0), (40, MET, 0), (41, NOT_MET, 1)]
)
def test_a_range_holds_both_its_ends(tmp_path: Path, workers: int, verdict: cp.Verdict, shortfall: int) -> None:
    """35~40 per 10,000: both ends are in."""
    name, quote = "community-workers-per-10000-urban-residents", "每万人35~40人"
    terms = 'comparator = "range"\nvalue = "35 人/万人"\nupper = "40 人/万人"'
    plan = write_plan(tmp_path, target(name, terms, quote, "每万人", "35~40人"), source=quote)
    row = judged(plan, places(community_workers=[workers], urban_residents=[10_000]), name)
    assert (row.value, row.verdict, row.shortfall) == (workers, verdict, shortfall)
    assert plan.targets[name].text() == "35 人/万人 – 40 人/万人"


@pytest.mark.parametrize(("places_", "shortfall", "unit"), [(3, None, None), (4, 1, "社区")])
def test_half_of_three_is_out_of_reach(tmp_path: Path, places_: int, shortfall: int | None, unit: str | None) -> None:
    """恰好50%: one of four is one too few, and of three neither one nor two will do."""
    name, quote = "facility-coverage", "覆盖率为50%"
    terms = 'comparator = "="\nvalue = "50 %"'
    plan = write_plan(tmp_path, target(name, terms, quote, "覆盖率", "50%"), source=quote)
    row = judged(plan, places(comprehensive_service_count=[1] + [0] * (places_ - 1)), name)
    assert (row.verdict, row.shortfall) == (NOT_MET, shortfall)
    assert (row.shortfall_unit and str(row.shortfall_unit)) == unit


def test_a_round_figure_is_marked(tmp_path: Path) -> None:
    """300个左右: the text says that the figure is round; the verdict is the printed figure's."""
    quote = "社会组织达到300个左右"
    plan = write_plan(
        tmp_path,
        target(
            "organizations", 'comparator = ">="\nvalue = "300 个"\napproximate = true', quote, "社会组织", "300个左右"
        )
        + target(
            "organizations",
            'comparator = "="\nvalue = "300 个"\napproximate = true\n',
            quote,
            "社会组织",
            "300个左右",
            target_id="organizations@exact",
        ),
        indicator("organizations", "个", 'kind = "total"\nof = ["social_organizations"]'),
        source=quote,
    )
    aim, exact = plan.targets.values()
    assert (aim.text("zh"), aim.text("en")) == ("≥ 300 个左右", "≥ ≈ 300 items")
    assert (exact.text("zh"), exact.text("en")) == ("300 个左右", "≈ 300 items")
    row = judged(plan, places(social_organizations=[200, 100]), "organizations")
    assert (row.value, row.verdict) == (300, MET)


def test_a_verdict_on_a_round_figure_is_never_silently_exact(tmp_path: Path) -> None:
    """299 of 300个左右 is no plain miss: the row has to say that the figure is round."""
    quote = "社会组织达到300个左右"
    terms = 'comparator = ">="\nvalue = "300 个"\napproximate = true'
    plan = write_plan(
        tmp_path,
        target("organizations", terms, quote, "社会组织", "300个左右"),
        indicator("organizations", "个", 'kind = "total"\nof = ["social_organizations"]'),
        source=quote,
    )
    assert "左右" in judged(plan, places(social_organizations=[299]), "organizations").target_text()


def test_maintain_keeps_what_is_there(tmp_path: Path) -> None:
    """保持100%: 2 of 2, and then 1 of 2."""
    name, quote = "facility-coverage", "覆盖率保持100%"
    terms = 'comparator = "maintain"\nvalue = "100 %"\nbaseline = { value = "100 %", year = 2020 }'
    plan = write_plan(tmp_path, target(name, terms, quote, "覆盖率", "保持100%"), source=quote)
    for counts, value, verdict in (([1, 2], 100, MET), ([1, 0], 50, NOT_MET)):
        row = judged(plan, places(comprehensive_service_count=counts), name)
        assert (row.value, row.verdict, row.baseline) == (value, verdict, 100)


# -- time ------------------------------------------------------------------------------------------------


def test_milestones_have_their_own_days_and_kinds(tmp_path: Path) -> None:
    """2025年80%, 2030年超过95%, 2035年保持100%: 9 of 10 meet the first alone."""
    name = "facility-coverage"
    quote = "覆盖率2025年80%,2030年超过95%,2035年保持100%"
    plan = write_plan(
        tmp_path,
        target(name, 'comparator = ">="\nvalue = "80 %"', quote, "覆盖率", "2025年80%")
        + target(
            name,
            'comparator = ">"\nvalue = "95 %"\ndue = 2030-12-31',
            quote,
            "覆盖率",
            "2030年超过95%",
            target_id=f"{name}@2030",
        )
        + target(
            name,
            'comparator = "maintain"\nvalue = "100 %"\ndue = 2035-12-31\nattribute = "binding"',
            quote,
            "覆盖率",
            "2035年保持100%",
            target_id=f"{name}@2035",
        ),
        source=quote,
    )
    result = plan.evaluate(places(comprehensive_service_count=[1] * 9 + [0]))
    assert [(row.target, row.value, row.verdict, row.due.year) for row in result] == [
        (name, 90, MET, 2025),
        (f"{name}@2030", 90, NOT_MET, 2030),
        (f"{name}@2035", 90, NOT_MET, 2035),
    ]
    assert [row.verdict for row in plan.judge({name: "96 %"})] == [MET, MET, NOT_MET]


def test_a_periodic_duty_is_owed_again_each_year(tmp_path: Path) -> None:
    """每年轮训一遍: whoever is trained in one year is not trained in the next."""
    name, quote = "secretaries-trained", "每年对书记轮训一遍"
    plan = write_plan(
        tmp_path,
        target(name, 'comparator = ">="\nvalue = "100 %"', quote, "书记", "每年对书记轮训一遍"),
        source=quote,
    )
    for year, trained, value, verdict in ((2023, [1, 2], 100, MET), (2024, [1, 1], Fraction(200, 3), NOT_MET)):
        data = places(setting=["urban"] * 2, secretaries=[1, 2], secretaries_trained=trained)
        row = judged(plan, data, name, as_of=f"{year}-12-31")
        assert (row.period, row.value, row.verdict) == (f"{year}-12-31", value, verdict)
    panel = pl.DataFrame(
        {
            "year": [2023, 2023, 2024, 2024],
            "code": ["411422001101", "411422001102"] * 2,
            "setting": ["urban"] * 4,
            "secretaries": [1, 2, 1, 2],
            "secretaries_trained": [1, 2, 1, 1],
        }
    )
    rows = plan.evaluate(panel, by="year", targets=name).rows
    assert [(row.period, row.verdict) for row in rows] == [("2023", MET), ("2024", NOT_MET)]


def test_a_service_level_is_a_floor_for_each_facility(tmp_path: Path) -> None:
    """每天不少于10小时: the plan's own column counts the facilities that are open so long, 2 of 3."""
    quote = "综合服务设施每天开放不少于10小时"
    plan = write_plan(
        tmp_path,
        target("open-10h", 'comparator = ">="\nvalue = "100 %"', quote, "综合服务设施", "每天开放不少于10小时"),
        indicator(
            "open-10h",
            "%",
            'kind = "ratio"\nnumerator = ["open_10h_count"]\ndenominator = ["comprehensive_service_count"]',
        ),
        variables="""
[[variables]]
id = "open_10h_count"
table = "communities"
type = "quantity"
kind = "facilities"
label = { zh = "每日开放不少于10小时的设施数", en = "Facilities open at least 10 hours a day" }
unit = "个"
quantum = "1 个"
part_of = "comprehensive_service_count"

[variables.derive]
table = "facilities"
kinds = ["comprehensive_service"]
at_least = { column = "opening_hours", value = "10 小时/天" }
""",
        source=quote,
    )

    def facility(code: str, hours: str | None) -> cp.Facility:
        return cp.Facility(kind="comprehensive_service", community=code, opening_hours=hours)

    first, second = places(name=["一", "二"])
    hours = [(first, "10 小时/天"), (first, "600 分钟/天"), (second, "9.5 小时/天")]
    data = cp.Dataset(communities=[first, second], facilities=[facility(place.code, open_) for place, open_ in hours])
    row = judged(plan, data, "open-10h")
    assert (row.value, row.verdict, row.shortfall) == (Fraction(200, 3), NOT_MET, 1)
    data = cp.Dataset(communities=[first], facilities=[facility(first.code, open_) for _, open_ in hours[:2]])
    assert judged(plan, data, "open-10h").verdict is MET


# -- scope -----------------------------------------------------------------------------------------------


def test_two_thresholds_for_two_disjoint_scopes(tmp_path: Path) -> None:
    """新建 ≥ 20, 旧城区 ≥ 15 m² per 百户: each is judged on its own communities."""
    name, quote = "elderly-care-area-per-100-households", "每百户新建不少于20平方米,旧城区不少于15平方米"
    plan = write_plan(
        tmp_path,
        target(
            name,
            'comparator = ">="\nvalue = "20 m²/百户"\nscope = { building_stock = "new" }',
            quote,
            "新建",
            "不少于20平方米",
            target_id=f"{name}@new",
        )
        + target(
            name,
            'comparator = ">="\nvalue = "15 m²/百户"\nscope = { building_stock = "existing" }',
            quote,
            "旧城区",
            "不少于15平方米",
            target_id=f"{name}@existing",
        ),
        source=quote,
    )
    data = places(
        building_stock=["new", "new", "existing"], households=[100, 300, 200], elderly_care_area=["20 m²", "50 m²", 30]
    )
    rows = plan.evaluate(data).rows
    assert [(row.value, row.verdict) for row in rows] == [(Fraction(35, 2), NOT_MET), (15, MET)]
    without_new = plan.evaluate(places(building_stock=["existing"], households=[200], elderly_care_area=[30]))
    assert [row.verdict for row in without_new] == [UNKNOWN, MET], "nothing in scope is no failure"


def test_new_built_only(tmp_path: Path) -> None:
    """新建社区不低于10%: what is already there does not count."""
    name, quote = "commercial-and-service-area-share", "新建社区占比不低于10%"
    terms = 'comparator = ">="\nvalue = "10 %"\nscope = { building_stock = "new" }'
    plan = write_plan(tmp_path, target(name, terms, quote, "新建社区", "不低于10%"), source=quote)
    data = places(
        building_stock=["new", "existing"],
        gross_floor_area=["1 公顷", "1 公顷"],
        comprehensive_service_area=[400, 0],
        commercial_area=[600, 0],
    )
    row = judged(plan, data, name)
    assert (row.value, row.verdict) == (10, MET)


def test_named_districts_alone(tmp_path: Path) -> None:
    """梁园区、睢阳区不低于30平方米: a scope of two counties by code."""
    quote = "梁园区、睢阳区不低于30平方米"
    terms = 'comparator = ">="\nvalue = "30 m²/百户"\nscope = { county = ["411402", "411403"] }'
    plan = write_plan(tmp_path, target(AREA, terms, quote, "梁园区、睢阳区", "不低于30平方米"), source=quote)
    codes = ["411402001001", "411403001001", "411422001001"]
    row = judged(plan, places(code=codes, households=[100] * 3, comprehensive_service_area=[20, 40, 0]), AREA)
    assert (row.value, row.verdict) == (30, MET)


# -- what is counted -------------------------------------------------------------------------------------


def test_at_least_one_per_unit(tmp_path: Path) -> None:
    """每个社区至少一处: a community with two does not make up for one with none."""
    name, quote = "elderly-care-place-per-community", "每个社区至少一处"
    plan = write_plan(
        tmp_path, target(name, 'comparator = ">="\nvalue = "100 %"', quote, "社区", "至少一处"), source=quote
    )
    for counts, value, verdict in (([1, 1, 3], 100, MET), ([0, 2, 2, 2], 75, NOT_MET)):
        row = judged(plan, places(elderly_care_count=counts, setting=["urban"] * len(counts)), name)
        assert (row.value, row.verdict) == (value, verdict)


def test_a_mean_per_unit_is_not_a_floor_per_unit(tmp_path: Path) -> None:
    """平均每社区12个 and 每个社区不少于12个: 20, 4 and 12 meet the first and miss the second."""
    quote = "平均每社区12个;每个社区不少于12个"
    floor = (
        'kind = "share"\n[indicators.measure.condition]\nkind = "compare"\n'
        'numerator = ["social_organizations"]\ncomparator = ">="\nvalue = "12 个"'
    )
    plan = write_plan(
        tmp_path,
        target("mean", 'comparator = ">="\nvalue = "12 个/社区"', quote, "平均", "每社区12个")
        + target("floor", 'comparator = ">="\nvalue = "100 %"', quote, "每个社区", "不少于12个"),
        indicator(
            "mean", "个/社区", 'kind = "ratio"\nnumerator = ["social_organizations"]\ndenominator = ["communities"]'
        )
        + indicator("floor", "%", floor),
        source=quote,
    )
    rows = plan.evaluate(places(social_organizations=[20, 4, 12])).rows
    assert [(row.value, row.verdict) for row in rows] == [(12, MET), (Fraction(200, 3), NOT_MET)]


def test_a_share_of_units_that_attain_a_ratio(tmp_path: Path) -> None:
    """85%达到每百户不低于30平方米: 3 of 4 do, though all four together do too."""
    quote = "85%达到每百户不低于30平方米"
    attains = (
        'kind = "share"\n[indicators.measure.condition]\nkind = "compare"\n'
        'numerator = ["comprehensive_service_area"]\ndenominator = ["households"]\n'
        'comparator = ">="\nvalue = "30 m²/百户"'
    )
    plan = write_plan(
        tmp_path,
        target("attain", 'comparator = ">="\nvalue = "85 %"', quote, "每百户不低于30平方米", "85%")
        + target(AREA, 'comparator = ">="\nvalue = "30 m²/百户"', quote, "每百户", "不低于30平方米"),
        indicator("attain", "%", attains),
        source=quote,
    )
    data = places(households=[100, 200, 300, 400], comprehensive_service_area=[30, 60, 400, "119.9999 m²"])
    share, whole = plan.evaluate(data).rows
    assert (share.value, share.verdict, share.shortfall) == (75, NOT_MET, 1)
    assert (whole.value, whole.verdict) == (Fraction("609.9999") / 10, MET)
    assert plan.formula("attain") == "#[综合服务设施面积 ÷ 户数 ≥ 30 m²/百户] ÷ 社区(村)数"


def test_a_stock_and_a_cumulative_output(tmp_path: Path) -> None:
    """总数达600人, 累计培训2000人: sums over everybody."""
    quote = "总数达600人,累计培训2000人"
    plan = write_plan(
        tmp_path,
        target("social-work-talent-total", 'comparator = ">="\nvalue = "600 人"', quote, "总数", "达600人")
        + target("social-workers-trained", 'comparator = ">="\nvalue = "0.2 万人"', quote, "累计培训", "2000人"),
        source=quote,
    )
    rows = plan.evaluate(places(social_work_talents=[250, 349], social_workers_trained=[1500, 500])).rows
    assert [(row.value, row.verdict, row.shortfall) for row in rows] == [(599, NOT_MET, 1), (2000, MET, 0)]


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        ("0.004 人/人", MET),
        ("4 人/千人", MET),
        ("40 人/万人", MET),
        ("4000 人/百万人", MET),
        ("4 ‰", MET),
        ("0.4 %", MET),
        ("4.1 ‰", NOT_MET),
        ("41 人/万人", NOT_MET),
        ("4001 人/百万人", NOT_MET),
    ],
)
def test_a_ratio_per_any_number(tmp_path: Path, printed: str, verdict: cp.Verdict) -> None:
    """Per one, 千人, 万人, 百万人, ‰ and %: 20 of 5,000 are the same under each."""
    name, quote = "social-workers-per-resident", "社会工作者占比"
    plan = write_plan(
        tmp_path, target(name, f'comparator = ">="\nvalue = "{printed}"', quote, "社会工作者", "占比"), source=quote
    )
    row = judged(plan, places(social_workers=[15, 5], residents=[3000, 2000]), name)
    assert (row.value, row.verdict) == (4, verdict)


def test_k_of_n(tmp_path: Path) -> None:
    """四项服务至少具备三项: one community has 3 of 4, one 2, one 4."""
    quote = "四项服务至少具备三项"
    services = ("legal_publicity", "mediation", "legal_aid", "notary")
    conditions = "".join(
        f'[[indicators.measure.condition.conditions]]\nkind = "is"\nvariable = "{name}"\nvalues = ["yes"]\n'
        for name in services
    )
    measure = f'kind = "share"\n[indicators.measure.condition]\nkind = "at_least"\ncount = 3\n{conditions}'
    plan = write_plan(
        tmp_path,
        target("three-of-four", 'comparator = ">="\nvalue = "60 %"', quote, "四项服务", "至少具备三项"),
        indicator("three-of-four", "%", measure),
        source=quote,
    )
    cells = [("yes", "yes", "yes", "no"), ("yes", "no", "yes", "no"), ("yes", "yes", "yes", "yes")]
    data = places(**{name: [row[place] for row in cells] for place, name in enumerate(services)})
    row = judged(plan, data, "three-of-four")
    assert (row.value, row.verdict) == (Fraction(200, 3), MET)
    data = places(**{name: [("yes", "yes", None, "no")[place]] for place, name in enumerate(services)})
    assert judged(plan, data, "three-of-four").verdict is UNKNOWN, "the third may be there"


def test_yes_or_no(tmp_path: Path) -> None:
    """实现政务代办服务全覆盖: what is not answered may be either."""
    name, quote = "agency-service-coverage", "实现政务代办服务全覆盖"
    plan = write_plan(
        tmp_path, target(name, 'comparator = ">="\nvalue = "100 %"', quote, "政务代办服务", "全覆盖"), source=quote
    )
    for cells, value, verdict in (
        (["yes", "yes"], 100, MET),
        (["yes", "no"], 50, NOT_MET),
        (["yes", None], 100, UNKNOWN),
    ):
        row = judged(plan, places(agency_service=cells), name)
        assert (row.value, row.verdict) == (value, verdict)


def test_a_zero_count(tmp_path: Path) -> None:
    """无设施社区清零: one without a facility is one too many, and no answer may be one."""
    quote = "无设施社区清零"
    measure = (
        'kind = "count"\n[indicators.measure.condition]\nkind = "compare"\n'
        'numerator = ["comprehensive_service_count"]\ncomparator = "="\nvalue = "0 个"'
    )
    plan = write_plan(
        tmp_path,
        target("without", 'comparator = "="\nvalue = "0 社区"', quote, "无设施社区", "清零"),
        indicator("without", "社区", measure),
        source=quote,
    )
    for counts, value, verdict in (([1, 2], 0, MET), ([1, 0], 1, NOT_MET), ([1, None], 0, UNKNOWN)):
        row = judged(plan, places(comprehensive_service_count=counts), "without")
        assert (row.value, row.verdict) == (value, verdict)


@pytest.mark.parametrize("form", ["polars", "pandas", "pyarrow"])
def test_an_empty_column_leaves_what_needs_it_open_in_every_frame(tmp_path: Path, form: str) -> None:
    """Of two conditions the first is never known: a place that fails the second fails, and no other is told."""
    quote = "大社区有设施的达到一成"
    measure = (
        'kind = "share"\n[indicators.measure.condition]\nkind = "all"\nconditions = [\n'
        '{ kind = "compare", numerator = ["households"], comparator = ">=", value = "5 户" },\n'
        '{ kind = "compare", numerator = ["comprehensive_service_count"], comparator = ">=", value = "1 个" } ]'
    )
    plan = write_plan(
        tmp_path,
        target("large", 'comparator = ">="\nvalue = "10 %"', quote, "大社区有设施的", "一成"),
        indicator("large", "%", measure),
        source=quote,
    )
    frame = pl.DataFrame(
        {"code": ["411422001001", "411422001002"], "households": [None, None], "comprehensive_service_count": [1, 0]},
        schema_overrides={"households": pl.Null},
    )
    data = {"polars": frame, "pandas": frame.to_pandas(), "pyarrow": frame.to_arrow()}[form]
    result = plan.evaluate(data, by="community")
    assert [(row.value, row.verdict) for row in result] == [(None, UNKNOWN), (0, NOT_MET)]
    assert list(pl.DataFrame(result.wide())["large__verdict"].cast(pl.String)) == ["unknown", "not_met"]


HOMES = """
[[variables]]
id = "homes_in_hundreds"
table = "communities"
type = "quantity"
kind = "homes"
label = { zh = "住房数(约)", en = "Homes, in round hundreds" }
unit = "户"
quantum = "100 户"
"""


@pytest.mark.parametrize("form", ["csv", "polars", "pandas", "pyarrow", "duckdb"])
def test_half_a_quantum_goes_to_the_even_one(tmp_path: Path, form: str) -> None:
    """Kept in hundreds, 50 homes are none, and 150 and 250 are two hundred each: in cells, columns and doubles."""
    quote = "住房达400户"
    plan = write_plan(
        tmp_path,
        target("homes", 'comparator = ">="\nvalue = "400 户"', quote, "住房", "400户"),
        indicator("homes", "户", 'kind = "total"\nof = ["homes_in_hundreds"]'),
        variables=HOMES,
        source=quote,
    )
    codes = [f"411422001{row:03d}" for row in range(1, 4)]
    for numbers in ([50, 150, 250], [50.0, 150.0, 250.0]):
        frame = pl.DataFrame({"code": codes, "homes_in_hundreds": numbers})
        path = tmp_path / "communities.csv"
        frame.write_csv(path)
        forms = {"csv": path, "polars": frame, "pandas": frame.to_pandas(), "pyarrow": frame.to_arrow()}
        data = forms[form] if form != "duckdb" else duckdb.connect().from_arrow(frame.to_arrow())
        row = judged(plan, data, "homes")
        assert (row.value, row.verdict) == (400, MET)


WALK = """
[[variables]]
id = "walk_to_service"
table = "communities"
type = "quantity"
kind = "walking time"
label = { zh = "到综合服务设施步行时间", en = "Walk to the comprehensive-service facility" }
unit = "分钟"
quantum = "1 分钟"
"""


def test_a_time_circle(tmp_path: Path) -> None:
    """15分钟服务圈: the plan's own column holds the walk; 15 minutes and a quarter of an hour are in, 16 are not."""
    quote = "15分钟服务圈覆盖率达80%"
    measure = (
        'kind = "share"\n[indicators.measure.condition]\nkind = "compare"\n'
        'numerator = ["walk_to_service"]\ncomparator = "<="\nvalue = "0.25 小时"'
    )
    plan = write_plan(
        tmp_path,
        target("circle", 'comparator = ">="\nvalue = "80 %"', quote, "15分钟服务圈", "达80%"),
        indicator("circle", "%", measure),
        variables=WALK,
        source=quote,
    )
    # A table, not typed objects: `Community` has no attribute for a column of the plan's own.
    for minutes, value, verdict in (([5, 15, 16], Fraction(200, 3), NOT_MET), ([5, 15, 15, 16, 1], 80, MET)):
        codes = [f"411422001{row:03d}" for row in range(1, len(minutes) + 1)]
        row = judged(plan, pl.DataFrame({"code": codes, "walk_to_service": minutes}), "circle")
        assert (row.value, row.verdict) == (value, verdict)


# -- wording ---------------------------------------------------------------------------------------------


def test_best_effort_deference_and_attribute_are_kept_beside_the_value(tmp_path: Path) -> None:
    """力争完成省定目标(≥30平方米), 约束性: softness does not soften the verdict, and survives a round trip."""
    quote = "设施面积力争完成省定目标(≥30平方米)"
    terms = (
        'comparator = ">="\nvalue = "30 m²/百户"\nhedge = "力争"\ndefers_to = "hubei-14fyp"\n'
        'attribute = "binding"\ndue = 2025-12-31'
    )
    plan = write_plan(tmp_path, target(AREA, terms, quote, "设施面积", "省定目标(≥30平方米)"), source=quote)
    held = plan.targets[AREA]
    assert (held.hedge, held.defers_to, held.attribute, held.due) == (
        "力争",
        "hubei-14fyp",
        "binding",
        dt.date(2025, 12, 31),
    )
    assert structure(unstructure(held), Target) == held
    row = judged(plan, places(households=[100], comprehensive_service_area=[29]), AREA)
    assert (row.value, row.verdict, row.attribute) == (29, NOT_MET, "binding")
