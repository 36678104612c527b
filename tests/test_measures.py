"""Measures: what can be counted, what cannot and why, and the formula that people read."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import community_plan as cp
from community_plan.errors import MeasureError
from community_plan.measures import (
    AllOf,
    AnyOf,
    AtLeast,
    Compare,
    Condition,
    Is,
    Measure,
    check_measure,
    formula,
    measure_unit,
    variables_of,
)
from community_plan.units import DIMENSIONLESS, parse_unit
from community_plan.variables import Variables

FACILITY, TERMINAL = "comprehensive_service_count", "self_service_terminal_count"
AREA, ACTIVITY = "comprehensive_service_area", "activity_area"
STATION = "townships.social_work_station_count"
RURAL = Is(variable="setting", values=("rural",))
SUI = Is(variable="county", values=("411422", "411481"))


def some(*names: str, value: str = "1 个", over: tuple[str, ...] = (), by: str = ">=") -> Compare:
    """Return the condition that a community has enough of something."""
    return Compare(numerator=names, denominator=over, comparator=cp.Comparator(by), value=cp.quantity(value))


def share(condition: Condition, *where: Is) -> cp.Share:
    """Return the share of communities that satisfy a condition."""
    return cp.Share(condition=condition, where=where)


HAS, TERMINALS = some(FACILITY), some(TERMINAL, by=">")
DENSE = some(AREA, ACTIVITY, over=("households",), value="30 m²/百户")


@pytest.mark.parametrize(
    ("measure", "unit", "zh", "en"),
    [
        (
            cp.Total(of=(FACILITY,), where=(SUI,)),
            "个",
            "Σ 综合服务设施数  (范围: 县(市、区) = 411422、411481)",
            "Σ Comprehensive-service facilities  (among: County = 411422, 411481)",
        ),
        (
            cp.Ratio(numerator=(AREA, ACTIVITY), denominator=("communities",)),
            "m²/社区",
            "Σ (综合服务设施面积 + 居民活动区域面积) ÷ Σ 社区(村)数",
            "Σ (Comprehensive-service floor area + Residents' activity area) ÷ Σ Communities",
        ),
        (
            cp.Count(condition=DENSE, where=(RURAL, SUI)),
            "社区",
            "#[(综合服务设施面积 + 居民活动区域面积) ÷ 户数 ≥ 30 m²/百户]"
            "  (范围: 城乡 = 农村且县(市、区) = 411422、411481)",
            "#[(Comprehensive-service floor area + Residents' activity area) ÷ Households ≥ 30 m²/100 households]"
            "  (among: Setting = rural and County = 411422, 411481)",
        ),
        (
            share(AllOf(conditions=(HAS, TERMINALS))),
            "%",
            "#[(综合服务设施数 ≥ 1 个)且(政务通用自助服务一体机数 > 1 个)] ÷ 社区(村)数",
            "#[(Comprehensive-service facilities ≥ 1 item) and (Self-service terminals > 1 item)] ÷ Communities",
        ),
        (
            share(AnyOf(conditions=(HAS, RURAL))),
            "%",
            "#[(综合服务设施数 ≥ 1 个)或(城乡 = 农村)] ÷ 社区(村)数",
            "#[(Comprehensive-service facilities ≥ 1 item) or (Setting = rural)] ÷ Communities",
        ),
        (
            share(AtLeast(count=1, conditions=(HAS, RURAL))),
            "%",
            "#[2项中至少1项: (综合服务设施数 ≥ 1 个)、(城乡 = 农村)] ÷ 社区(村)数",
            "#[at least 1 of 2: (Comprehensive-service facilities ≥ 1 item), (Setting = rural)] ÷ Communities",
        ),
        (
            share(some(STATION)),
            "%",
            "#[社会工作站数 ≥ 1 个] ÷ 乡镇(街道)数",
            "#[Social-work stations ≥ 1 item] ÷ Townships",
        ),
        (cp.Count(condition=some(STATION)), "乡镇", "#[社会工作站数 ≥ 1 个]", "#[Social-work stations ≥ 1 item]"),
    ],
    ids=["total", "ratio", "count", "all", "any", "at least", "share of townships", "count of townships"],
)
def test_every_measure_has_a_unit_and_a_formula(plan: cp.Plan, measure: Measure, unit: str, zh: str, en: str) -> None:
    """In either language; sums and conditions in brackets where they would run together."""
    variables = plan.variables
    check_measure(measure, parse_unit(unit), variables)
    assert measure_unit(measure, variables) == (DIMENSIONLESS if unit == "%" else parse_unit(unit))
    assert (formula(measure, variables), formula(measure, variables, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        (cp.Total(of=()), "at least one variable to add up, got none"),
        (cp.Ratio(numerator=(AREA,), denominator=()), "at least one variable to add up, got none"),
        (cp.Total(of=("households", "households")), "every variable of a sum once, got 'households' twice"),
        (cp.Total(of=("communities", "households")), "'communities' counts communities and cannot be added to"),
        (cp.Total(of=("setting",)), "'setting' is a category, not a quantity, and cannot be added up"),
        (
            cp.Total(of=("residents", "community_workers")),
            r"'community_workers' \(community workers, 人\) cannot be added to 'residents' \(residents, 人\)",
        ),
        (share(Is(variable="setting", values=())), "at least one value of setting, got none"),
        (share(Is(variable="households", values=("5",))), "'households' is a quantity; only a category can be tested"),
        (share(HAS, Is(variable="county", values=("411400",))), "expected the code of a county, got '411400'"),
        (share(some(FACILITY, by="range")), "a condition compares by >= > <= < or =, not by range"),
        (share(some(FACILITY, by="maintain")), "not by maintain"),
        (share(AllOf(conditions=())), "at least one condition, got none"),
        (share(AtLeast(count=0, conditions=(HAS, RURAL))), "a count from 1 to 2, got 0"),
        (share(AtLeast(count=3, conditions=(HAS, RURAL))), "a count from 1 to 2, got 3"),
        (share(AnyOf(conditions=(HAS, AllOf(conditions=())))), "at least one condition, got none"),
        (cp.Ratio(numerator=(STATION,), denominator=("communities",)), "'communities' counts communities and cannot"),
        (cp.Ratio(numerator=(STATION,), denominator=("households",)), "communities or of townships alone"),
        (cp.Total(of=("facilities.floor_area",)), "communities or of townships alone"),
    ],
)
def test_what_cannot_be_counted_is_refused(plan: cp.Plan, measure: Measure, says: str) -> None:
    """It is said what was expected and what came."""
    with pytest.raises(MeasureError, match=says):
        check_measure(measure, measure_unit(measure, plan.variables), plan.variables)


def test_a_measure_comes_out_in_the_unit_of_its_indicator(plan: cp.Plan) -> None:
    """Or in one that it converts to."""
    density = cp.Ratio(numerator=(AREA,), denominator=("households",))
    check_measure(density, parse_unit("m²/百户"), plan.variables)
    with pytest.raises(cp.DimensionError):
        check_measure(density, parse_unit("m²/人"), plan.variables)


def test_what_is_kept_in_other_steps_does_not_add_up(plan: cp.Plan) -> None:
    """A sum of whole square metres and of square centimetres would count one for the other."""
    coarse = attrs.evolve(plan.variables[ACTIVITY], quantum=cp.quantity("1 m²"))
    variables = Variables((plan.variables[AREA], coarse))
    with pytest.raises(MeasureError, match=rf"'{ACTIVITY}' \(floor area, m²\) cannot be added to '{AREA}'"):
        measure_unit(cp.Total(of=(AREA, ACTIVITY)), variables)


def test_every_comparator_has_a_sign() -> None:
    """Which people read in formulas and targets."""
    signs = {each.value: each.symbol for each in cp.Comparator}
    assert signs == {">=": "≥", ">": ">", "<=": "≤", "<": "<", "=": "=", "range": "∈", "maintain": "≥"}


@pytest.mark.parametrize(
    ("condition", "largest", "more"),
    [
        (lambda value: some(FACILITY, value=f"{value} 个"), "9223372036854775807", "9223372036854775808"),
        (lambda value: some(AREA, value=f"{value} m²"), "922337203685477.5807", "922337203685477.5808"),
        (lambda value: some(ACTIVITY, over=(AREA,), value=value), "9223372036854775807", "9223372036854775808"),
        (
            lambda value: some("households", over=(AREA,), value=f"{value} 户/m²"),
            "0.00000000000001",
            "0.000000000000001",
        ),
    ],
    ids=["number", "area", "part of an area", "below the line"],
)
def test_a_condition_is_held_against_what_every_engine_can_compare(
    plan: cp.Plan, condition: Any, largest: str, more: str
) -> None:
    """As many quanta as fit 64 bits, above the line and below it, and not one more."""
    check_measure(share(condition(largest)), DIMENSIONLESS, plan.variables)
    with pytest.raises(MeasureError, match="expected a value of fewer digits, got"):
        check_measure(share(condition(more)), DIMENSIONLESS, plan.variables)


def test_a_measure_reads_each_variable_once(plan: cp.Plan) -> None:
    """Of its scope, of both sides of the line and of every condition; communities are no variable."""
    nested = AnyOf(conditions=(AllOf(conditions=(DENSE, RURAL)), AtLeast(count=2, conditions=(HAS, DENSE))))
    check_measure(share(nested, SUI), DIMENSIONLESS, plan.variables)
    expected = ("county", AREA, ACTIVITY, "households", "setting", FACILITY)
    assert variables_of(share(nested, SUI)) == expected
    assert variables_of(cp.Ratio(numerator=(AREA,), denominator=("communities",), where=(SUI,))) == ("county", AREA)
    assert variables_of(cp.Total(of=(AREA, ACTIVITY))) == (AREA, ACTIVITY)
