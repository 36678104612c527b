"""Units: quantities with exact magnitudes, the words people write for units, and the door to pint.

pint knows dimensions and factors (`units.txt`) and is loaded when the first conversion needs it; it never
reads a user's text. Its number is read with the grammar below, full-width characters as their common ones,
and its unit is looked up in a closed table. Digits in circles, raised or lowered are no digits: they call a footnote.
"""

from __future__ import annotations

import functools
import math
import re
import threading
import unicodedata
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import attrs

from community_plan.errors import DimensionError, NotFoundError, QuantityTextError, UnknownUnitError

if TYPE_CHECKING:
    import pint

__all__ = [
    "DIMENSIONLESS",
    "Lang",
    "Quantity",
    "Unit",
    "decimal_text",
    "in_language",
    "known_units",
    "parse_number",
    "parse_unit",
    "quantity",
    "with_unit",
]

Lang = Literal["zh", "en"]
"""A language of labels: Chinese or English."""
_T = TypeVar("_T")


def in_language(lang: Lang, zh: _T, en: _T) -> _T:
    """Return what there is in a language.

    Raises:
        NotFoundError: If it is another language.
    """
    if lang == "zh":
        return zh
    if lang == "en":
        return en
    raise NotFoundError("language", lang, mend="choose zh or en")


_MEND = "write a number and a unit, such as '30 m²/百户'"

# One row a unit: name in units.txt, label zh, label en, label en as a denominator, further spellings.
# Spellings are compared as `_squeeze` makes them, so ㎡ and m² both arrive as m2.
_UNIT_TABLE: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("square_meter", "m²", "m²", "m²", ("m2", "平方米", "平米", "sqm", "squaremeter", "squaremetre")),
    ("mu", "亩", "mu", "mu", ("市亩",)),
    ("hectare", "公顷", "ha", "ha", ("hectare", "hm2")),
    ("ten_thousand_square_meter", "万m²", "10,000 m²", "10,000 m²", ("万平方米", "万平米", "万m2")),
    ("square_kilometer", "km²", "km²", "km²", ("km2", "平方公里", "平方千米")),
    ("household", "户", "households", "household", ("household", "households")),
    ("hundred_household", "百户", "100 households", "100 households", ("100户", "100household", "100households")),
    ("ten_thousand_household", "万户", "10,000 households", "10,000 households", ()),
    ("person", "人", "people", "person", ("名", "person", "people", "persons")),
    ("thousand_person", "千人", "1,000 people", "1,000 people", ("1000人", "1000people")),
    ("ten_thousand_person", "万人", "10,000 people", "10,000 people", ("10000人", "10000people")),
    ("million_person", "百万人", "million people", "million people", ("1000000people",)),
    ("community", "社区", "communities", "community", ("村", "村(社区)", "community", "communities")),
    ("township", "乡镇", "townships", "township", ("街道", "乡镇(街道)", "township", "townships")),
    ("item", "个", "items", "item", ("处", "所", "台", "项", "家", "次", "item", "items")),
    ("percent", "%", "%", "%", ("percent", "百分之")),
    ("permille", "‰", "‰", "‰", ("permille", "千分之")),
    ("minute_per_day", "分钟/天", "minutes a day", "minute a day", ("分钟/日", "分/天", "min/day", "minutes/day")),
    ("hour_per_day", "小时/天", "hours a day", "hour a day", ("小时/日", "h/day", "h/d", "hours/day", "时/天")),
    ("minute", "分钟", "minutes", "minute", ("min", "minute", "minutes")),
    ("hour", "小时", "hours", "hour", ("h", "hour", "hours")),
    ("fen", "分", "fen", "fen", ()),
    ("yuan", "元", "yuan", "yuan", ("rmb", "cny")),
    ("ten_thousand_yuan", "万元", "10,000 yuan", "10,000 yuan", ()),
)
# Words that stand for a unit only in front of a number, and would otherwise take any number for a share.
_PREFIX_ONLY = {"百分之": "percent", "千分之": "permille"}


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", ord("−"): "-"}
_RAISED = str.maketrans("²³", "23")


def _squeeze(text: str) -> str:
    """Return a unit without case, width and space; of digits that NFKC would make, only those of m² and ㎡ are."""
    plain = text.translate(_FULL_WIDTH).translate(_RAISED)
    return re.sub(r"\s+", "", "".join(c if c.isnumeric() else unicodedata.normalize("NFKC", c) for c in plain)).lower()


_LABELS: dict[str, dict[str, str]] = {}
_SPELLINGS: dict[str, str] = {}
for _name, _zh, _en, _en_per, _more in _UNIT_TABLE:
    _LABELS[_name] = {"zh": _zh, "en": _en, "en_per": _en_per}
    for _word in (_name, _zh, _en, _en_per, *_more):
        if _word not in _PREFIX_ONLY:
            _SPELLINGS[_squeeze(_word)] = _name


@attrs.frozen
class Unit:
    """A product of named units with whole exponents, such as m²/百户.

    Compare and hash by spelling: `m²/百户` and `m²/户` are two units of one dimension.
    """

    powers: tuple[tuple[str, int], ...] = ()
    """Names as in units.txt with their exponents, positive ones first."""

    @classmethod
    def parse(cls, text: str) -> Unit:
        """Read a unit such as `㎡`, `平方米/百户`, `每万人`, `%`; see `parse_unit`."""
        return parse_unit(text)

    @classmethod
    def of(cls, powers: dict[str, int]) -> Unit:
        """Build a unit from names and exponents; zero exponents vanish."""
        kept = [(name, power) for name, power in powers.items() if power]
        return cls(tuple(sorted(kept, key=lambda item: (item[1] < 0, item[0]))))

    def __mul__(self, other: Unit) -> Unit:
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, 0) + power
        return Unit.of(powers)

    def __truediv__(self, other: Unit) -> Unit:
        return self * Unit.of({name: -power for name, power in other.powers})

    def label(self, lang: Lang = "zh", *, one: bool = False) -> str:
        """Return the unit as people of that language write it; empty for a bare number.

        Args:
            lang: Language.
            one: Whether it stands behind a 1, and so in the singular.
        """
        many = in_language(lang, "zh", "en_per" if one else "en")
        above = [_power_text(_LABELS[name][many], power) for name, power in self.powers if power > 0]
        per = in_language(lang, "zh", "en_per")
        below = [_power_text(_LABELS[name][per], -power) for name, power in self.powers if power < 0]
        if not below:
            return "·".join(above)
        return f"{'·'.join(above) or '1'}/{'/'.join(below)}"

    def __str__(self) -> str:
        return self.label("zh")

    def factor(self, other: Unit) -> Fraction:
        """Return how many of `other` one of this unit is, exactly.

        Raises:
            DimensionError: If the two measure different things.
        """
        return _factor(self, other)

    def same_dimension(self, other: Unit) -> bool:
        """Say whether the two units measure the same thing."""
        return _dimension(self) == _dimension(other)


def with_unit(number: str, unit: Unit, lang: Lang = "zh") -> str:
    """Return a number that is written already with its unit behind it, for people."""
    label = unit.label(lang, one=number.lstrip("+-") == "1")
    return f"{number}{'' if label in ('', '%', '‰') else ' '}{label}"


def _power_text(label: str, power: int) -> str:
    return label if power == 1 else f"{label}^{power}"


DIMENSIONLESS = Unit()
"""The unit of a bare number."""

_registry_lock = threading.Lock()


@functools.cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    file = Path(__file__).with_name("units.txt")
    return pint.UnitRegistry(str(file), non_int_type=Fraction, cache_folder=None)


@functools.cache
def _factor(unit: Unit, other: Unit) -> Fraction:
    if _dimension(unit) != _dimension(other):
        raise DimensionError(str(other) or "1", str(unit) or "1")
    return _base_factor(unit) / _base_factor(other)


@functools.cache
def _base_factor(unit: Unit) -> Fraction:
    # Unit by unit and raised here: pint raises whole numbers to negative powers as floats.
    return math.prod((_named_factor(name) ** power for name, power in unit.powers), start=Fraction(1))


@functools.cache
def _named_factor(name: str) -> Fraction:
    with _registry_lock:  # pint's caches are plain dicts
        factor: Any = _registry().get_base_units(name)[0]
    if not isinstance(factor, int | Fraction):
        raise TypeError(f"the factor of {name} is {factor!r}: write it as a fraction in units.txt")
    return Fraction(factor)


@functools.cache
def _dimension(unit: Unit) -> frozenset[tuple[str, int]]:
    dimension: dict[str, int] = {}
    for name, power in unit.powers:
        with _registry_lock:
            parts: dict[str, Any] = dict(_registry().get_dimensionality(name))
        for part, exponent in parts.items():
            dimension[part] = dimension.get(part, 0) + int(exponent) * power
    return frozenset((part, power) for part, power in dimension.items() if power)


def known_units(lang: Lang = "zh") -> dict[str, str]:
    """Return every unit by its name in the definition file, with its label."""
    return {name: in_language(lang, labels["zh"], labels["en"]) for name, labels in _LABELS.items()}


@functools.lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """Read a unit: one of the known words, or one over another (`平方米/百户`, `人每万人`, `m² per 户`).

    Full-width characters, spaces and letter case do not matter. Empty text is the bare number.

    Raises:
        UnknownUnitError: If a part is not a known unit; the error names the nearest.
    """
    word = _squeeze(text)
    if not word:
        return DIMENSIONLESS
    if word in _SPELLINGS:
        return Unit.of({_SPELLINGS[word]: 1})
    for sign in re.finditer(r"/每|/|每|per", word):  # which may be part of a word, such as person
        above, below = word[: sign.start()], word[sign.end() :]
        if below in _SPELLINGS and (above in _SPELLINGS or not above):
            return parse_unit(above) / Unit.of({_SPELLINGS[below]: 1})
    raise UnknownUnitError(text.strip(), _SPELLINGS)


_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,2})?", re.IGNORECASE)
_MAX_DIGITS = 40


def parse_number(text: str) -> Fraction:
    """Read one decimal number exactly: digits, an optional sign, thousands separators, a decimal point.

    Raises:
        QuantityTextError: If the text is anything else, or has more than 40 characters.
    """
    clean = text.translate(_FULL_WIDTH).strip()
    match = _NUMBER.fullmatch(clean)
    if match is None:
        raise QuantityTextError(f"expected one number, got {_shorten(text)!r}", mend="write digits such as 1,350.5")
    if len(clean) > _MAX_DIGITS:
        raise QuantityTextError(
            f"expected a number of at most {_MAX_DIGITS} characters, got {len(clean)} characters {_shorten(text)!r}"
        )
    return Fraction(clean.replace(",", ""))


def _shorten(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


_QUANTITY = re.compile(
    rf"(?P<before>每[^\d\s.+-]+|每100户|百分之|千分之)?\s*(?P<number>{_NUMBER.pattern})\s*"
    r"(?P<after>(?:[^\W\d_]|[%‰/\u2e80-\u2fd5\u3300-\u33ff])"  # radicals out of a PDF, ㎡ and ㏊
    r"[^,.]*(?:,000[^,.]*)*)?",  # people/10,000 people
    re.IGNORECASE,
)


def _parse_quantity(text: str) -> Quantity:
    clean = text.translate(_FULL_WIDTH).strip()
    match = _QUANTITY.fullmatch(clean)
    # No unit begins with the number that calls a footnote, which Python takes for a letter.
    if match is None or unicodedata.category((match["after"] or " ")[0]) in ("No", "Nl"):
        raise QuantityTextError(
            f"expected one number with a unit, got {_shorten(text)!r}", mend=f"{_MEND}; a range is two values"
        )
    number = parse_number(match["number"])
    before, after = match["before"] or "", match["after"] or ""
    if before in _PREFIX_ONLY:
        if after:
            raise QuantityTextError(f"expected one unit, got {_shorten(text)!r}", mend=_MEND)
        return Quantity(number, Unit.of({_PREFIX_ONLY[before]: 1}))
    unit = parse_unit(after)
    return Quantity(number, unit * parse_unit(before) if before else unit)


def decimal_text(value: Fraction, *, digits: int = 4) -> str:
    """Return a number as a plain decimal: exactly if it ends within `digits` places, else rounded half to even."""
    scaled = round(value * 10**digits)
    sign = "-" if scaled < 0 else ""
    whole, part = divmod(abs(scaled), 10**digits)
    tail = f"{part:0{digits}d}".rstrip("0") if digits else ""
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"


def _exact(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Integral | Fraction | Decimal | float):
        raise QuantityTextError(f"expected a number, got {value!r}", mend=_MEND)
    if isinstance(value, float):
        # A float stands for the shortest decimal that prints it: 0.1 is a tenth, not 0.1000000000000000055….
        value = Decimal(float.__repr__(value))
    if isinstance(value, Decimal) and not value.is_finite():
        raise QuantityTextError(f"expected a finite number, got {value}", mend="leave the value out if it is missing")
    return Fraction(int(value) if isinstance(value, Integral) else value)  # numpy has whole numbers of its own


@attrs.frozen(order=False, eq=False, repr=False)
class Quantity:
    """An exact magnitude with a unit: `quantity("450 ㎡")`.

    Quantities are values: they hash, pickle and compare across units (`1 公顷 == 15 亩`). Adding and
    comparing want the same dimension; dividing makes a new unit.
    """

    magnitude: Fraction = attrs.field(converter=_exact)
    """The number, exactly."""
    unit: Unit = DIMENSIONLESS
    """Its unit."""

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Read one number with an optional unit, such as `30 ㎡`, `1,350.5 平方米`, `每百户30平方米`.

        Raises:
            QuantityTextError: If the text is not one number with a unit.
            UnknownUnitError: If the unit is not known.
        """
        return _parse_quantity(text)

    def to(self, unit: Unit | str) -> Quantity:
        """Return the same quantity in another unit, exactly.

        Raises:
            DimensionError: If the two units measure different things.
        """
        other = unit if isinstance(unit, Unit) else parse_unit(unit)
        return Quantity(self.magnitude * self.unit.factor(other), other)

    def value_in(self, unit: Unit | str) -> Fraction:
        """Return the bare magnitude in another unit."""
        return self.to(unit).magnitude

    def text(self, lang: Lang = "zh", *, digits: int = 4) -> str:
        """Return the quantity for people, rounded to at most `digits` decimal places."""
        return with_unit(decimal_text(self.magnitude, digits=digits), self.unit, lang)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Quantity({str(self.magnitude)!r}, {str(self.unit)!r})"

    def _base(self) -> tuple[frozenset[tuple[str, int]], Fraction]:
        return _dimension(self.unit), self.magnitude * _base_factor(self.unit)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        if self.unit == other.unit:
            return self.magnitude == other.magnitude
        return self._base() == other._base()

    def __hash__(self) -> int:
        return hash(self._base())

    def _other(self, other: object) -> Fraction:
        if not isinstance(other, Quantity):
            raise TypeError(f"expected a Quantity, got {other!r}; write quantity('…') around text")
        return other.value_in(self.unit)

    def __lt__(self, other: Self) -> bool:
        return self.magnitude < self._other(other)

    def __le__(self, other: Self) -> bool:
        return self.magnitude <= self._other(other)

    def __gt__(self, other: Self) -> bool:
        return self.magnitude > self._other(other)

    def __ge__(self, other: Self) -> bool:
        return self.magnitude >= self._other(other)

    def __add__(self, other: Self) -> Quantity:
        return Quantity(self.magnitude + self._other(other), self.unit)

    def __sub__(self, other: Self) -> Quantity:
        return Quantity(self.magnitude - self._other(other), self.unit)

    def __neg__(self) -> Quantity:
        return Quantity(-self.magnitude, self.unit)

    def __mul__(self, other: Quantity | int | Fraction | Decimal | float) -> Quantity:
        if isinstance(other, Quantity):
            return Quantity(self.magnitude * other.magnitude, self.unit * other.unit)
        return Quantity(self.magnitude * _exact(other), self.unit)

    __rmul__ = __mul__

    def __truediv__(self, other: Quantity | int | Fraction | Decimal | float) -> Quantity:
        if isinstance(other, Quantity):
            return Quantity(self.magnitude / other.magnitude, self.unit / other.unit)
        return Quantity(self.magnitude / _exact(other), self.unit)

    def __bool__(self) -> bool:
        return self.magnitude != 0

    def __float__(self) -> float:
        return float(self.magnitude)


def quantity(value: Quantity | str | int | Fraction | Decimal | float, unit: Unit | str | None = None) -> Quantity:
    """Make a quantity from text with its unit, or from a number and a unit.

    >>> quantity("450 ㎡")
    Quantity('450', 'm²')
    >>> quantity("1 亩").to("m²")
    Quantity('2000/3', 'm²')
    >>> quantity(450, "㎡") / quantity(1500, "户") >= quantity("30 ㎡/百户")
    True

    Args:
        value: Text, a number, or a quantity. A float stands for the shortest decimal that prints it.
        unit: The unit of a bare number; text and quantities bring their own and are converted to it.

    Raises:
        QuantityTextError: If the text is not one number with a unit, the number is not finite, or the unit is none.
        UnknownUnitError: If the unit is not known; the error names the nearest.
        DimensionError: If `value` has a unit of another dimension than `unit`.
    """
    wanted = parse_unit(unit) if isinstance(unit, str) else unit
    if not isinstance(wanted, Unit | None):
        raise QuantityTextError(f"expected a unit, got {wanted!r}", mend=_MEND)
    if isinstance(value, str):
        value = _parse_quantity(value)
    if isinstance(value, Quantity):
        if wanted is None:
            return value
        if value.unit == DIMENSIONLESS:
            return Quantity(value.magnitude, wanted)
        return value.to(wanted)
    return Quantity(_exact(value), DIMENSIONLESS if wanted is None else wanted)
