"""What the tests of plan folders share: the plan of a town that does not exist, its page of text, its communities."""

from __future__ import annotations

from pathlib import Path

import community_plan as cp

# A page of a plan that does not exist, written for these tests.
PAGE = """青禾镇社区服务三年行动方案（合成文本，仅供测试）

一、主要目标
到2027年底,农村社区综合服务设施覆盖率达到80%以上。每百户居民拥有综合服务设施面积不低于25平方米。
建有托幼点的社区力争达到三分之二,每个社区网格员不超过4名。

二、保障措施
各社区每年公开一次服务清单。严禁挪用社区用房。
"""
PLAN = """
id = "qinghe-2027"
title = { zh = "青禾镇社区服务三年行动方案（合成）", en = "Qinghe town: three-year programme (synthetic)" }
issuer = { zh = "青禾镇人民政府（虚构）", en = "Government of Qinghe town (invented)" }
issued = 2025-01-10
start = 2025-01-01
end = 2027-12-31
"""
VARIABLES = """
[[variables]]
id = "grid_workers"
table = "communities"
type = "quantity"
kind = "staff"
label = { zh = "网格员", en = "Grid workers" }
unit = "人"
quantum = "1 人"
"""
INDICATORS = """
[[indicators]]
id = "elderly-care-or-legal-aid"
name = { zh = "有养老或法律援助服务的社区", en = "Communities with elderly care or legal aid" }
unit = "%"
[indicators.measure]
kind = "share"
[indicators.measure.condition]
kind = "any"
conditions = [
    { kind = "compare", numerator = ["elderly_care_count"], comparator = ">=", value = "1 处" },
    { kind = "is", variable = "legal_aid", values = ["yes"] },
]
"""
TARGETS = """
[[targets]]
id = "rural-coverage"
indicator = "rural-facility-coverage"
comparator = ">="
value = "80 %"
due = 2027-12-31
citation = { clause = "一", quote = "农村社区综合服务设施覆盖率达到80%以上" }
printed = { name = "农村社区综合服务设施覆盖率", target = "80%以上" }

[[targets]]
id = "facility-area"
indicator = "facility-area-per-100-households"
comparator = ">="
value = "25 m²/百户"
due = 2027-12-31
citation = { clause = "一", quote = "每百户居民拥有综合服务设施面积不低于25平方米" }
printed = { name = "综合服务设施面积", target = "不低于25平方米" }

[[targets]]
id = "care"
indicator = "elderly-care-or-legal-aid"
comparator = ">="
value = "2/3"
due = 2027-12-31
citation = { clause = "一", quote = "建有托幼点的社区力争达到三分之二" }
printed = { name = "托幼点", target = "三分之二" }
discrepancies = ["D1"]
"""
DISCREPANCIES = """
[[discrepancies]]
id = "D1"
where = "一"
printed = "建有托幼点的社区"
issue = { zh = "表中无托幼点一列", en = "No column counts nurseries" }
handling = { zh = "以养老或法律援助代之（仅供测试）", en = "Elderly care or legal aid stand in (for the test)" }

[[discrepancies.readings]]
id = "all"
label = { zh = "全部社区", en = "all communities" }
[discrepancies.readings.targets.care]
value = "100 %"
"""
COMMITMENTS = """
[[commitments]]
id = "C1"
clause = "二"
quote = "各社区每年公开一次服务清单"
kind = "publish"
summary = { zh = "公开服务清单", en = "Publish the list of services" }
scope = { zh = "各社区", en = "every community" }
responsible = ["各社区"]
due = 2027-12-31
check = "evidenced"
owed_by = "community"
every = "year"
"""
FILES = {
    "plan.toml": PLAN,
    "targets.toml": TARGETS,
    "indicators.toml": INDICATORS,
    "variables.toml": VARIABLES,
    "discrepancies.toml": DISCREPANCIES,
    "commitments.toml": COMMITMENTS,
    "source.txt": PAGE,
}


def write(path: Path) -> None:
    path.mkdir(parents=True)
    for name, text in FILES.items():
        (path / name).write_text(text, "utf-8")


COMMUNITIES = [
    # Rural: 2 of 3 have a facility. Area 40+35+0 = 75 m² over 100+100+100 households: exactly 25 per 100.
    cp.Community(
        code="411422100201",
        households=100,
        comprehensive_service_count=1,
        comprehensive_service_area="40 ㎡",
        elderly_care_count=1,
        legal_aid="no",
    ),
    cp.Community(
        code="411422100202",
        households=100,
        comprehensive_service_count=2,
        comprehensive_service_area="35 ㎡",
        elderly_care_count=0,
        legal_aid="yes",
    ),
    cp.Community(
        code="411422100203",
        households=100,
        comprehensive_service_count=0,
        comprehensive_service_area=0,
        elderly_care_count=0,
        legal_aid="no",
    ),
]
