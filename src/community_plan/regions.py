"""Regions: the statistical code of a place, its parents, and what follows from it.

Source of the code's layout: GB/T 2260 (digits 1–6), GB/T 10114 (digits 7–9) and 国家统计局
《统计用区划代码和城乡划分代码编制规则》 (国统字〔2009〕91号; digits 10–12).
"""

from __future__ import annotations

import re
from typing import Literal

import attrs

from community_plan.errors import CodeError
from community_plan.sources import Text

__all__ = [
    "COUNTY_KIND_RANGES",
    "LEVELS",
    "PREFECTURES",
    "PROVINCE_RUN",
    "SETTING_RANGES",
    "TOWNSHIP_KIND_RANGES",
    "CountyKind",
    "Level",
    "Region",
    "Setting",
    "TownshipKind",
    "code_text",
    "county_kind_of",
    "is_code_of",
    "is_long_as_code",
    "level_of",
    "normal_code",
    "parse_code",
    "parse_township_code",
    "region_at",
    "region_number",
    "setting_of",
    "township_kind_of",
]

Level = Literal["city", "county", "township", "community"]
"""A level of the hierarchy, from large to small."""
CountyKind = Literal["district", "county", "county_city"]
"""市辖区, 县, 县级市."""
Setting = Literal["urban", "rural"]
"""Whether a community is run by a residents' or a villagers' committee."""

TownshipKind = Literal["subdistrict", "town", "township"]
"""街道, 镇, 乡."""

LEVELS: dict[Level, int] = {"city": 4, "county": 6, "township": 9, "community": 12}
"""Levels with the number of leading digits that name a region of that level."""

SETTING_RANGES: dict[Setting, range] = {"urban": range(1, 200), "rural": range(200, 400)}
"""Digits 10–12 of residents' and of villagers' committees."""
COUNTY_KIND_RANGES: dict[CountyKind, range] = {
    "district": range(1, 21),
    "county": range(21, 71),
    "county_city": range(81, 100),
}
"""Digits 5–6 by county kind; 71–80 say nothing, because functional zones have them too."""
PREFECTURES = range(21, 51)
"""Digits 3–4 of 地区, 自治州 and 盟, which have no districts: digits 5–6 of their county-level cities are 01–20."""
TOWNSHIP_KIND_RANGES: dict[TownshipKind, range] = {
    "subdistrict": range(1, 100),
    "town": range(100, 200),
    "township": range(200, 400),
}
"""Digits 7–9 by township kind."""
PROVINCE_RUN = 90
"""Digits 3–4 of counties and cities that answer to the province; their digits 5–6 say nothing."""

_CODE = re.compile(r"[1-9]\d{11}", re.ASCII)
_SHORT = re.compile(r"[1-9]\d{3}(00|\d\d(\d{3}(\d{3})?)?)?", re.ASCII)


def code_text(code: str | int) -> str:
    """Return a code as text without surrounding spaces.

    >>> code_text(411422001201), code_text(" 411422 ")
    ('411422001201', '411422')

    Raises:
        CodeError: If it is neither a text nor a whole number.
    """
    if isinstance(code, str):
        return code.strip()
    if isinstance(code, bool) or not isinstance(code, int):
        raise CodeError(
            f"expected a statistical code as text, got {code!r}", mend="write it as text, such as '411422001201'"
        )
    return str(code)


def level_of(code: str) -> Level:
    """Return the level that a code of 4, 6, 9 or 12 digits names; trailing zeros name a larger region.

    >>> level_of("411422001201"), level_of("411422"), level_of("411400")
    ('community', 'county', 'city')

    Raises:
        CodeError: If the text is no such code.
    """
    if not _SHORT.fullmatch(code):
        raise CodeError(f"expected a statistical code of 4, 6, 9 or 12 digits, got {code!r}")
    digits = code.ljust(12, "0")
    if digits[9:] != "000":
        return "community"
    if digits[6:9] != "000":
        return "township"
    return "county" if digits[4:6] != "00" else "city"


def county_kind_of(code: str) -> CountyKind | None:
    """Return the county kind that digits 5–6 of a code say, or None where they do not say it.

    01–20 市辖区, but 县级市 under a 地区, 自治州 or 盟 (digits 3–4 of 21–50); 21–80 县, 81–99 县级市 (GB/T 2260).
    Not derived, and so to be declared: 71–80, which the Bureau's register also gives to functional zones (411471
    and 411472 in 2023), and all codes under digits 90, where counties and cities answer to the province.

    >>> county_kind_of("411402"), county_kind_of("411422"), county_kind_of("411481"), county_kind_of("411471")
    ('district', 'county', 'county_city', None)
    >>> county_kind_of("652301")  # the city of Changji, in the prefecture of that name
    'county_city'
    """
    prefecture = int(code[2:4])
    if prefecture == PROVINCE_RUN:
        return None
    kind = next((kind for kind, numbers in COUNTY_KIND_RANGES.items() if int(code[4:6]) in numbers), None)
    return "county_city" if kind == "district" and prefecture in PREFECTURES else kind


def setting_of(code: str) -> Setting | None:
    """Return the setting that digits 10–12 of a community's code say, or None where they do not say it.

    001–199 居民委员会 (urban), 200–399 村民委员会 (rural). This reading goes by the committee's kind; the
    城乡分类代码 may say otherwise for a single place, and a `setting` column overrides it.

    >>> setting_of("411422001001"), setting_of("411422100201"), setting_of("411422100498")
    ('urban', 'rural', None)
    """
    return next((setting for setting, numbers in SETTING_RANGES.items() if int(code[9:12]) in numbers), None)


def township_kind_of(code: str) -> TownshipKind | None:
    """Return the township kind that digits 7–9 of a code say, or None where they do not say it.

    001–099 街道, 100–199 镇, 200–399 乡 (GB/T 10114); 400 and above are units of another kind.

    >>> township_kind_of("411402001"), township_kind_of("411402100"), township_kind_of("411402400")
    ('subdistrict', 'town', None)
    """
    return next((kind for kind, numbers in TOWNSHIP_KIND_RANGES.items() if int(code[6:9]) in numbers), None)


def _check_code(_: Region, __: attrs.Attribute[str], value: str) -> None:
    level_of(value)


@attrs.frozen(kw_only=True)
class Region:
    """A place of the hierarchy city › county › township › community.

    Raises:
        CodeError: If the code is no statistical code.
    """

    code: str = attrs.field(converter=code_text, validator=_check_code)
    """Statistical code of 6, 9 or 12 digits (a city's ends in 00)."""
    name: Text | None = None
    """Name in both languages, if known."""
    declared_kind: CountyKind | None = None
    """County kind of a region whose code does not say it."""

    @property
    def level(self) -> Level:
        """Level that the code names."""
        return level_of(self.code)

    @property
    def county_kind(self) -> CountyKind | None:
        """Declared county kind, else the one that the code says, else None."""
        if self.level == "city":
            return None
        return self.declared_kind or county_kind_of(self.code)

    @property
    def setting(self) -> Setting | None:
        """Urban or rural, for a community."""
        return setting_of(self.code) if self.level == "community" else None

    @property
    def parent(self) -> str | None:
        """Code of the region one level up; None for a city."""
        up: dict[Level, str | None] = {
            "city": None,
            "county": f"{self.code[:4]}00",
            "township": self.code[:6],
            "community": self.code[:9],
        }
        return up[self.level]


def parse_township_code(text: str) -> str:
    """Return the 9 digits of a township's code; three zeros may follow them.

    Raises:
        CodeError: If the text is anything else.
    """
    code = text.strip()
    if not re.fullmatch(r"[1-9]\d{8}(000)?", code, re.ASCII) or code[6:9] == "000":
        raise CodeError(f"expected a township code of 9 digits, got {text!r}")
    return code[:9]


def parse_code(text: str) -> str:
    """Return a 12-digit community code without surrounding spaces.

    Raises:
        CodeError: If the text is anything else.
    """
    code = text.strip()
    if not _CODE.fullmatch(code) or code.endswith("000"):
        raise CodeError(
            f"expected a 12-digit community code, got {text!r}",
            mend="store codes as text, for spreadsheets round long numbers, and leave out rows of totals",
        )
    return code


def region_at(code: str, level: Level) -> str | None:
    """Return the code of the region of `level` that a region lies in or is; None if it is larger.

    >>> region_at("411422001201", "county"), region_at("411422001201", "city"), region_at("411422", "township")
    ('411422', '411400', None)
    """
    if LEVELS[level] > (12 if len(code) == 12 else LEVELS[level_of(code)]):
        return None
    return f"{code[:4]}00" if level == "city" else code[: LEVELS[level]]


def region_number(code: str, level: Level) -> int:
    """Return the number of the region of `level` that a code lies in: its leading digits.

    >>> region_number("411422001201", "county"), region_number("411400", "city")
    (411422, 4114)
    """
    return int(code[: LEVELS[level]])


def normal_code(text: str) -> str:
    """Return a region's code without the zeros that only fill it up: 6, 9 or 12 digits.

    >>> normal_code("411422000000"), normal_code("4114"), normal_code("411422100")
    ('411422', '411400', '411422100')

    Raises:
        CodeError: If the text is no statistical code.
    """
    code = text.strip()
    width = max(LEVELS[level_of(code)], 6)
    return code.ljust(12, "0")[:width]


def is_code_of(text: str, level: Level) -> bool:
    """Return whether a text is the code of a region of `level`, as `normal_code` writes it.

    >>> is_code_of("411422", "county"), is_code_of("411400", "county"), is_code_of("睢县", "county")
    (True, False, False)
    """
    return bool(_SHORT.fullmatch(text)) and level_of(text) == level and normal_code(text) == text


def is_long_as_code(text: str, level: Level) -> bool:
    """Return whether a text is a number of at least as many digits as codes of `level` have.

    What is shorter numbers a region within a larger one.

    >>> is_long_as_code("411422001", "township"), is_long_as_code("001", "township")
    (True, False)
    """
    return text.isascii() and text.isdigit() and len(text) >= LEVELS[level]
