"""What the units of a plan must do."""

from __future__ import annotations

import itertools
import operator
import pickle
import sys
import unicodedata
from decimal import Decimal
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import community_plan as cp
from community_plan.errors import DimensionError, QuantityTextError, UnknownUnitError
from community_plan.units import Lang, Unit, decimal_text, known_units, parse_number, parse_unit, quantity


@pytest.mark.parametrize(
    ("text", "magnitude", "unit"),
    [
        ("30 ㎡", "30", "m²"),
        ("３０　平方米", "30", "m²"),
        ("1,350.50平米", "1350.5", "m²"),
        ("1，350 m2", "1350", "m²"),
        ("30平方米/百户", "30", "m²/百户"),
        ("30 ㎡每百户", "30", "m²/百户"),
        ("每百户30平方米", "30", "m²/百户"),
        ("18 人/万人", "18", "人/万人"),
        ("18人／万人", "18", "人/万人"),
        ("18 people/10,000 people", "18", "人/万人"),
        ("4200户", "4200", "户"),
        ("93％", "93", "%"),
        ("0.4‰", "0.4", "‰"),
        ("百分之93", "93", "%"),
        ("8 小时/天", "8", "小时/天"),
        ("2/社区", "2", "1/社区"),
        ("18", "18", ""),
        ("−3 m²", "-3", "m²"),
        ("1.2万平方米", "1.2", "万m²"),
        ("＋3．5 ㎢", "3.5", "km²"),
        ("2㏊", "2", "公顷"),
        ("5 ⼈", "5", "人"),  # a radical, as text out of a PDF has it
    ],
)
def test_text_that_people_write_is_read_exactly(text: str, magnitude: str, unit: str) -> None:
    """Full-width digits, separators, squared signs and every common spelling mean what people mean."""
    read = quantity(text)
    assert read.magnitude == Fraction(magnitude)
    assert str(read.unit) == unit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "--",
        "NaN",
        "三十",
        "30～40 人",
        "30-40 人",
        "1，00 人",
        "1,35 m²",
        "5 m²,6 m²",
        "9**9**9",
        "1 2 m²",
        "5 ①",
        "120① 户",
        "30² m²",
        "10₂",
        "1e⁻²",
        "30 ㎡/①00户",
        "30 ㎡/户/人",
        "百分之93 户",
        "5 ￥",
        "m²",
        "1" * 41,
    ],
)
def test_text_that_is_not_one_number_with_a_unit_is_refused(text: str) -> None:
    """A range is not a product and a stray sign is not dimensionless."""
    with pytest.raises(QuantityTextError):
        quantity(text)
    assert quantity("1" * 40) == quantity(int("1" * 40))


_NUMERIC = [
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if unicodedata.numeric(char, None) is not None and char not in "0123456789０１２３４５６７８９"
]


def test_no_sign_of_a_number_but_a_digit_is_one() -> None:
    """A digit in a circle, raised or lowered calls a footnote, and 120① is not 1201."""
    for char in _NUMERIC:
        for text in (f"12{char}", f"{char}12", f"1.5e{char}"):
            with pytest.raises(QuantityTextError, match=r"got|unknown unit"):
                parse_number(text)
            with pytest.raises(QuantityTextError, match=r"got|unknown unit"):
                quantity(text)


@given(st.integers(0, 10**9), st.sampled_from(_NUMERIC), st.sampled_from(("户", "m²", "㎡/百户", "%")))
@example(120, "①", "户")
@example(3, "²", "m²")
def test_a_footnote_is_never_part_of_an_amount(number: int, char: str, unit: str) -> None:
    """Between a number and its unit it is refused, or with the unit it is another one: 12 万 户."""
    assert quantity(f"{number} {unit}") == quantity(number, unit)
    try:
        read = quantity(f"{number}{char} {unit}")
    except QuantityTextError:
        return
    assert read.magnitude == number
    assert str(read.unit) == char + unit


@given(st.integers(-(10**9), 10**9), st.integers(0, 9999), st.sampled_from(("户", "m²", "%")))
def test_full_width_is_no_other_number(whole: int, part: int, unit: str) -> None:
    """Input methods write digits, signs and points twice as wide."""
    text = f"{whole:,}.{part:04} {unit}"
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text).replace(" ", "\u3000")
    assert quantity(wide) == quantity(text)


@pytest.mark.parametrize(
    ("text", "near"), [("30 m3", "m2"), ("30 平方", "平方米"), ("5 百护", "百户"), ("5 househld", "household")]
)
def test_an_unknown_unit_names_the_nearest(text: str, near: str) -> None:
    """The error helps."""
    with pytest.raises(UnknownUnitError) as caught:
        quantity(text)
    assert near in caught.value.suggestions
    assert near in str(caught.value)


def test_pint_never_sees_what_a_user_wrote() -> None:
    """Text goes through a closed table: an expression that pint would compute is no unit."""
    for text in ("2 m²*m²", "2 m**2", "2 (m²)", "2 square_meter + 1", "1 __import__"):
        with pytest.raises(QuantityTextError):
            quantity(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 亩", quantity(Fraction(2000, 3), "m²")),
        ("15 亩", quantity("1 公顷")),
        ("1 万平方米", quantity("1 公顷")),
        ("30 m²/百户", quantity("0.3 m²/户")),
        ("18 人/万人", quantity("1.8 ‰")),
        ("18 人/百万人", quantity("0.18 人/万人")),
        ("50 %", quantity("0.5")),
        ("8.25 小时/天", quantity("495 分钟/天")),
        ("1 千人", quantity("1000 人")),
        ("1 万元", quantity("1000000 分")),
    ],
)
def test_factors_are_exact(one: str, other: cp.Quantity) -> None:
    """No factor is a float: a mu is two thirds of a thousand square metres."""
    assert quantity(one) == other
    assert hash(quantity(one)) == hash(other)


@pytest.mark.parametrize(
    ("unit", "other"), [("m²", "户"), ("人", "户"), ("人", "社区"), ("小时/天", "%"), ("小时/天", "分钟"), ("元", "人")]
)
def test_units_of_two_dimensions_do_not_convert(unit: str, other: str) -> None:
    """Households are no people, and hours a day no bare number."""
    with pytest.raises(DimensionError) as caught:
        quantity(1, unit).to(other)
    assert unit in str(caught.value)
    assert other in str(caught.value)


def test_a_float_stands_for_the_decimal_that_prints_it() -> None:
    """0.1 is a tenth."""
    assert quantity(0.1, "m²").magnitude == Fraction(1, 10)
    assert quantity(Decimal("0.1"), "m²").magnitude == Fraction(1, 10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), True, None, [1]])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    """Nor is True one household."""
    with pytest.raises(QuantityTextError):
        quantity(value, "m²")  # type: ignore[arg-type]  # that is the test


def test_a_text_brings_its_unit_or_takes_the_one_that_is_given() -> None:
    """A unit of its own is converted, and one that measures something else is refused."""
    for value, unit, read in (
        ("450", "m²", "450 m²"),
        ("1 公顷", "亩", "15 亩"),
        ("93", "", "93"),
        ("50 %", "", "0.5"),
    ):
        made = quantity(value, unit)
        assert (made.magnitude, made.unit) == (quantity(read).magnitude, parse_unit(unit))
    with pytest.raises(DimensionError):
        quantity("30 m²", "")


def test_a_quantity_is_compared_with_no_bare_number() -> None:
    """30 m² are not 30: they are not equal to it, and no order or sum is guessed."""
    area = quantity("30 m²")
    assert area != 30
    for calculate in (operator.lt, operator.ge, operator.add, operator.sub):
        with pytest.raises(TypeError, match="expected a Quantity, got 30"):
            calculate(area, 30)


def test_what_is_no_unit_is_refused() -> None:
    """A number in its place, as when two arguments are mixed up."""
    with pytest.raises(QuantityTextError, match="expected a unit, got 3"):
        cp.quantity(450, 3)  # type: ignore[arg-type]


def test_quantities_divide_into_the_units_people_use() -> None:
    """450 m² for 15 百户 are 30 m² per 100 households, in either language."""
    ratio = quantity("450 ㎡") / quantity("1500 户")
    assert ratio.to("m²/百户") == quantity("30 ㎡/百户")
    assert ratio.to("m²/百户").text("zh") == "30 m²/百户"
    assert ratio.to("m²/百户").text("en") == "30 m²/100 households"
    assert str((quantity("2 m²") * ratio).unit) == "m²^2/户"
    assert ratio > quantity("29.9999 ㎡/百户")
    assert not ratio > quantity("30 ㎡/百户")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_written_for_one_unit_per_another_is_read_as_such(lang: Lang) -> None:
    """For every pair of units: `m²/person` is square metres per person, not per son."""
    for above, below in itertools.permutations(known_units("zh"), 2):
        unit = Unit.of({above: 1, below: -1})
        for one in (False, True):
            read = parse_unit(unit.label(lang, one=one))
            assert read.factor(unit) == 1, unit.label(lang)


def test_numbers_of_numpy_are_numbers() -> None:
    """A cell of a frame, taken out of it."""
    assert quantity(np.float64(0.1), "m²") == quantity("0.1 m²")
    assert quantity(np.int64(3), "户") == quantity("3 户")
    assert cp.Community(code="411422001201", households=np.int32(7)).households == 7
    with pytest.raises(QuantityTextError):
        quantity(np.bool_(True), "m²")


def test_one_of_a_unit_is_written_in_the_singular() -> None:
    """Where a language has one: 1 person, 1.5 people."""
    assert [quantity(text).text("en") for text in ("1 人/社区", "1.5 人/社区", "1 个", "0 个", "1 m²/百户")] == [
        "1 person/community",
        "1.5 people/community",
        "1 item",
        "0 items",
        "1 m²/100 households",
    ]
    assert quantity("1 人/社区").text() == "1 人/社区"


def test_a_space_stands_between_a_number_and_a_word() -> None:
    """And none before a sign of parts, or after a bare number."""
    assert [quantity(text).text() for text in ("30㎡", "93 %", "0.4 ‰", "18")] == ["30 m²", "93%", "0.4‰", "18"]


def test_quantities_survive_pickling() -> None:
    """They go to other processes, and no registry has to be there first."""
    value = quantity("1 亩").to("m²")
    assert pickle.loads(pickle.dumps(value)) == value


def test_every_unit_of_the_definition_file_has_labels_and_a_spelling() -> None:
    """The file that pint reads and the table of words name the same units."""
    lines = resources.files("community_plan").joinpath("units.txt").read_text("utf-8").splitlines()
    defined = {line.split("=")[0].strip() for line in lines if "=" in line and not line.startswith("#")}
    assert defined - {"meter"} == set(known_units())
    assert (known_units()["household"], known_units("en")["household"]) == ("户", "households")
    for name, label in known_units("zh").items():
        assert parse_unit(label).powers == ((name, 1),)
    for name, label in known_units("en").items():
        assert parse_unit(label).powers == ((name, 1),)


def test_decimal_text_rounds_half_to_even() -> None:
    """The one rule of rounding, also for people."""
    assert [decimal_text(Fraction(n, 8), digits=2) for n in (1, 3, -1)] == ["0.12", "0.38", "-0.12"]
    assert decimal_text(Fraction(-1, 1000), digits=2) == "0"
