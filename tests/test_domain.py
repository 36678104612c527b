"""What the typed objects promise."""

from __future__ import annotations

import typing
from fractions import Fraction

import attrs
import pytest

import community_plan as cp
from community_plan.documents import structure, unstructure
from community_plan.domain import FacilityKind, WorkforceRole
from community_plan.errors import CodeError, CommunityPlanError, DimensionError, QuantityTextError
from community_plan.units import parse_unit

CODE = "411422001201"


def test_ratios_are_exact_quantities() -> None:
    """Each ratio of 专栏1 comes out in the unit in which the plan prints it."""
    place = cp.Community(
        code=CODE,
        households=1500,
        residents=5000,
        urban_residents=2000,
        gross_floor_area="1 公顷",
        comprehensive_service_area="450 ㎡",
        activity_area=270,
        commercial_area="1 亩",
        community_workers=4,
        social_workers=2,
    )
    assert place.facility_area_per_100_households == cp.quantity("30 m²/百户")
    assert place.activity_area_share == cp.quantity("60 %")
    assert place.commercial_and_service_area_share == cp.quantity(Fraction(2000, 3) + 450, "m²") / cp.quantity("1 公顷")
    assert place.community_workers_per_10000_urban_residents == cp.quantity("20 人/万人")
    assert place.social_workers_per_resident == cp.quantity("0.4 ‰")
    assert place.effective_setting == "rural"
    assert place.effective_county_kind == "county"


def test_a_ratio_of_what_is_not_known_is_none() -> None:
    """Missing is not zero, and nothing divides by zero."""
    assert cp.Community(code=CODE, households=1500).facility_area_per_100_households is None
    assert cp.Community(code=CODE, comprehensive_service_area=450).facility_area_per_100_households is None
    empty = cp.Community(code=CODE, households=0, comprehensive_service_area=450)
    assert empty.facility_area_per_100_households is None
    assert cp.Workforce(region="411422", role="social_worker", headcount=None).per_10000(5) is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"code": "411422"}, CodeError),
        ({"code": None}, CodeError),
        ({"code": 411422001201.0}, CodeError),
        ({"code": b"411422001201"}, CodeError),
        ({"code": True}, CodeError),
        ({"households": -1}, QuantityTextError),
        ({"households": 1.5}, QuantityTextError),
        ({"households": True}, QuantityTextError),
        ({"activity_area": "-1 m²"}, QuantityTextError),
        ({"activity_area": "5 户"}, DimensionError),
        ({"activity_area": "much"}, QuantityTextError),
        ({"setting": "suburban"}, QuantityTextError),
        ({"county_kind": "zone"}, QuantityTextError),
    ],
)
def test_a_community_with_a_wrong_value_cannot_be_made(fields: dict[str, typing.Any], error: type[Exception]) -> None:
    """Frozen values are right from the start."""
    with pytest.raises(error) as caught:
        cp.Community(**{"code": CODE, **fields})
    assert isinstance(caught.value, CommunityPlanError)
    name = next(iter(fields))
    assert caught.value.place is not None
    assert caught.value.place.key == name
    assert str(caught.value).startswith(f"{name}: ")


def test_a_code_is_a_text_or_a_whole_number() -> None:
    """As in a frame; and spaces around it are no part of it."""
    for code in (CODE, int(CODE), f" {CODE} "):
        place = cp.Community(code=code)
        assert place.code == CODE
        assert place.region == cp.Region(code=code) == cp.Region(code=CODE)
    assert cp.Township(code=411422001).code == "411422001"
    assert cp.Facility(kind="other", community=411422001201).community == CODE
    assert cp.Workforce(role="other", region=411422).region == "411422"
    for make in (cp.Region, cp.Township):
        with pytest.raises(CodeError, match="as text"):
            make(code=None)  # type: ignore[arg-type]  # that is the test


def test_values_are_frozen() -> None:
    """A verdict rests on values that nobody changes under it."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        cp.Community(code=CODE).households = 3  # type: ignore[misc]  # that is the test


def test_a_facility_has_a_kind_and_an_area_that_holds_its_activity_area() -> None:
    """Part and whole fit."""
    place = cp.Facility(kind="comprehensive_service", floor_area="450 ㎡", activity_area=270, community=CODE)
    assert place.activity_area_share == cp.quantity("60 %")
    assert cp.Facility(kind="elderly_care", community="411422001", opening_hours="8").opening_hours == cp.quantity(
        "8 小时/天"
    )
    with pytest.raises(QuantityTextError, match="at most the floor area"):
        cp.Facility(kind="comprehensive_service", floor_area=5, activity_area=6, community=CODE)
    with pytest.raises(QuantityTextError, match="expected one of"):
        cp.Facility(kind="palace", community=CODE)  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize(
    "value",
    [
        cp.Community(code=CODE, households=3, activity_area="1 亩", setting="urban"),
        cp.Facility(community=CODE, kind="commercial", floor_area="2000/3"[:4]),
        cp.Workforce(region="411422", role="grid_worker", headcount=3),
        cp.Region(code="411471", declared_kind="district"),
        cp.quantity(Fraction(1, 3), "m²/百户"),
    ],
)
def test_values_go_to_plain_data_and_back(value: object) -> None:
    """A round trip loses nothing, not even a third."""
    assert structure(unstructure(value), type(value)) == value


def test_the_classes_and_the_table_of_variables_are_one(plan: cp.Plan) -> None:
    """Every field is a variable, every variable a field, every category value a literal."""
    for table, kind in (("communities", cp.Community), ("facilities", cp.Facility), ("workforce", cp.Workforce)):
        assert set(plan.variables.of_table(table)) == {field.name for field in attrs.fields(kind)}
    kinds = {value.id for value in plan.variables["facilities.kind"].values}
    roles = {value.id for value in plan.variables["workforce.role"].values}
    assert kinds == set(typing.get_args(FacilityKind))
    assert roles == set(typing.get_args(WorkforceRole))


def test_a_unit_that_does_not_convert_is_held_against_that_of_the_column(plan: cp.Plan) -> None:
    """And not against that of its quantum, in which nobody writes it."""
    with pytest.raises(DimensionError) as caught:
        plan.variables["facilities.opening_hours"].quanta_in(parse_unit("小时"))
    assert (caught.value.expected, caught.value.got) == ("小时/天", "小时")


def test_every_variable_says_all_that_is_needed(plan: cp.Plan) -> None:
    """Labels in both languages, a unit and a quantum for every amount, no header for two variables of a table."""
    seen: dict[tuple[str, str], str] = {}
    for variable in plan.variables.values():
        assert variable.label.zh
        assert variable.label.en
        if variable.type == "quantity":
            assert variable.quantum is not None
            assert variable.kind
            assert variable.quanta_per_unit.denominator == 1
        if variable.part_of:
            assert variable.part_of in plan.variables.of_table(variable.table)
        for word in (variable.label.zh, variable.label.en, *variable.synonyms):
            assert plan.variables.match(variable.table, word) == (variable.id, None)
            assert seen.setdefault((variable.table, word), variable.id) == variable.id
