"""What a type checker accepts of a user's code: `make types` checks this file, `make test` runs it."""

from __future__ import annotations

from typing import assert_type

import pytest

import community_plan as cp

CODE = "411422001201"
TARGET = "facility-area-per-100-households"


def test_an_area_is_given_as_text_as_a_number_or_as_a_quantity() -> None:
    """And it is a quantity afterwards."""
    place = cp.Community(code=CODE, gross_floor_area=9000, comprehensive_service_area="450 ㎡")
    hall = cp.Facility(community=411422001201, kind="other", floor_area=cp.quantity("1 亩"), opening_hours="8")
    assert_type(place.comprehensive_service_area, cp.Quantity | None)
    assert_type(hall.opening_hours, cp.Quantity | None)
    assert hall.community == place.code


def test_a_number_of_households_is_no_text() -> None:
    """What is refused when the program runs is refused before."""
    with pytest.raises(cp.QuantityTextError, match=r"^households: "):
        cp.Community(code=CODE, households="1500")  # type: ignore[arg-type]  # that is the test


def test_entries_and_starting_points_have_types() -> None:
    """What is found by id is an entry, and what may not be there is None."""
    plan = cp.load_plan("shangqiu-14fyp")
    assert_type(plan.targets[TARGET], cp.Target)
    assert_type(plan.targets.get("none-of-them"), cp.Target | None)
    assert_type(plan.baselines(), dict[str, cp.Quantity | None])
    assert_type(plan.judge(plan.baselines()).row(TARGET).verdict, cp.Verdict)
