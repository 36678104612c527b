"""Laws of quantities: round trips, order, and change of unit."""

from __future__ import annotations

import contextlib
import operator
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import community_plan as cp
from community_plan.documents import exact_text, structure, unstructure
from community_plan.units import decimal_text, parse_unit

AREAS = st.sampled_from(["m²", "亩", "公顷", "万m²", "km²"])
RATIOS = st.sampled_from(["m²/百户", "亩/户", "公顷/万户"])
NUMBERS = st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**6)


@given(NUMBERS, AREAS, AREAS)
def test_changing_the_unit_and_back_changes_nothing(number: Fraction, one: str, other: str) -> None:
    """Exactly."""
    value = cp.quantity(number, one)
    assert value.to(other).to(one).magnitude == number
    assert value.to(other) == value
    assert hash(value.to(other)) == hash(value)


@given(NUMBERS, NUMBERS, AREAS, AREAS)
@example(Fraction(30), Fraction(30), "m²", "亩")
def test_order_does_not_depend_on_the_unit(one: Fraction, two: Fraction, unit: str, other: str) -> None:
    """Nor do sums and differences."""
    a, b = cp.quantity(one, unit), cp.quantity(two, unit)
    for holds in (operator.lt, operator.le, operator.eq, operator.ne, operator.ge, operator.gt):
        assert holds(a, b) == holds(a.to(other), b) == holds(one, two)
    assert (a.to(other) + b).to(unit).magnitude == one + two
    assert (a.to(other) - b).to(unit).magnitude == one - two
    assert a + -a == cp.quantity(0, other)


@given(NUMBERS, NUMBERS.filter(bool), AREAS, st.sampled_from(["户", "万人", "%", ""]))
def test_a_product_divides_into_its_factors(one: Fraction, two: Fraction, unit: str, other: str) -> None:
    """By a quantity, and by a bare number, which changes no unit."""
    a, b = cp.quantity(one, unit), cp.quantity(two, other)
    assert ((a * b).magnitude, (a * b).unit) == (one * two, parse_unit(unit) * parse_unit(other))
    assert ((a * b / b).magnitude, (a * b / b).unit) == (one, a.unit)
    assert (a * b).unit == (b * a).unit
    assert (b * b).unit.same_dimension(cp.Unit()) == b.unit.same_dimension(cp.Unit())
    for product in (a * two, two * a):
        assert (product.magnitude, product.unit) == (one * two, a.unit)
        assert ((product / two).magnitude, (product / two).unit) == (one, a.unit)


@given(NUMBERS, st.one_of(AREAS, RATIOS))
def test_plain_data_bring_every_quantity_back(number: Fraction, unit: str) -> None:
    """Decimals and thirds alike."""
    value = cp.quantity(number, unit)
    again = structure(unstructure(value), cp.Quantity)
    assert (again.magnitude, again.unit) == (value.magnitude, value.unit)
    assert Fraction(exact_text(number)) == number


@given(st.decimals(min_value=0, max_value=10**12, places=4), AREAS, st.booleans(), st.booleans())
def test_what_is_printed_can_be_read(number: object, unit: str, grouped: bool, wide: bool) -> None:
    """With separators and in full width too."""
    text = f"{number:,}" if grouped else f"{number}"
    if wide:
        text = text.translate({ord(char): ord(char) - ord("!") + ord("！") for char in "0123456789,."})
    read = cp.quantity(f"{text} {unit}")
    assert read.magnitude == Fraction(str(number))
    assert read.unit == parse_unit(unit)


@given(NUMBERS, st.integers(0, 8))
def test_rounding_is_to_the_nearest(number: Fraction, digits: int) -> None:
    """And never further than half a step."""
    assert abs(Fraction(decimal_text(number, digits=digits)) - number) <= Fraction(1, 2 * 10**digits)


@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_a_typed_error(text: str) -> None:
    """No text breaks the door."""
    with contextlib.suppress(cp.QuantityTextError):
        assert isinstance(cp.quantity(text).magnitude, Fraction)


def test_units_that_differ_by_a_factor_are_not_the_same_unit() -> None:
    """But convert."""
    assert parse_unit("m²/百户") != parse_unit("m²/户")
    assert parse_unit("m²/百户").same_dimension(parse_unit("m²/户"))
    with pytest.raises(cp.DimensionError):
        parse_unit("m²/百户").factor(parse_unit("m²"))
