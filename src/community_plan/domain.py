"""Domain: communities, facilities and workforce as frozen values with units.

An attribute that is not known is None, never zero, and a ratio with a part that is not known, or with a
denominator of zero, is None too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any, Literal, get_args

import attrs

from community_plan.errors import CodeError, CommunityPlanError, DimensionError, Place, QuantityTextError
from community_plan.regions import (
    CountyKind,
    Region,
    Setting,
    TownshipKind,
    code_text,
    county_kind_of,
    level_of,
    parse_code,
    parse_township_code,
    setting_of,
)
from community_plan.units import DIMENSIONLESS, Quantity, Unit, parse_unit, quantity

__all__ = ["BuildingStock", "Community", "Facility", "FacilityKind", "Township", "Workforce", "WorkforceRole", "YesNo"]

FacilityKind = Literal[
    "comprehensive_service", "commercial", "elderly_care", "self_service_terminal", "elderly_care_centre", "other"
]
"""综合服务设施, 商业设施, 养老服务场所, 政务通用自助服务一体机, 综合养老服务中心, 其他."""
WorkforceRole = Literal[
    "community_worker",
    "social_worker",
    "certified_community_worker",
    "social_work_leader",
    "social_work_supervisor",
    "social_work_manager",
    "trained_social_worker",
    "grid_worker",
    "other",
]
"""社区工作者, 社会工作者, 持证社区工作者, 社会工作领军人才, 专业督导, 管理者, 培养培训的社会工作者, 网格员, 其他."""
YesNo = Literal["yes", "no"]
"""是, 否."""

BuildingStock = Literal["new", "existing"]
"""新建, 已建成."""

Amount = Quantity | str | int | float | Fraction | Decimal
"""What a unit-aware attribute is given as: a quantity, text with a unit, or a number in its own unit."""


def _amount_in(unit: str, value: Amount | None) -> Quantity | None:
    if value is None:
        return None
    wanted = parse_unit(unit)
    given = quantity(value)
    if given.unit == DIMENSIONLESS:
        return Quantity(given.magnitude, wanted)
    if not given.unit.same_dimension(wanted):
        raise DimensionError(unit, str(given.unit), mend=f"give it in {unit} or a unit that converts to it")
    return given


# Type checkers read what an attribute takes from a converter that has a name and one argument.
def _area(value: Amount | None) -> Quantity | None:
    return _amount_in("m²", value)


def _hours(value: Amount | None) -> Quantity | None:
    return _amount_in("小时/天", value)


def _naming(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Have what a converter refuses name its attribute, as what a validator refuses does."""

    def named(convert: Any) -> Any:
        @functools.wraps(convert)  # attrs takes the type of the argument from it
        def converted(value: Any, attribute: attrs.Attribute[Any]) -> Any:
            try:
                return convert(value)
            except CommunityPlanError as error:
                raise error.at(Place(key=attribute.name)) from None

        return attrs.Converter(converted, takes_field=True)

    return [each if each.converter is None else each.evolve(converter=named(each.converter)) for each in fields]


def _not_negative(_: object, attribute: attrs.Attribute[Quantity | None], value: Quantity | None) -> None:
    if value is not None and value.magnitude < 0:
        raise QuantityTextError(f"expected 0 or more, got {value}", place=Place(key=attribute.name))


def _count(_: object, attribute: attrs.Attribute[int | None], value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 0):
        raise QuantityTextError(f"expected a whole number ≥ 0, got {value!r}", place=Place(key=attribute.name))


def _code(read: Callable[[str], object]) -> Callable[[object, attrs.Attribute[str], str], None]:
    def check(_: object, attribute: attrs.Attribute[str], value: str) -> None:
        try:
            read(value)
        except CodeError as error:
            raise error.at(Place(key=attribute.name)) from None

    return check


def _one_of(words: Any) -> Callable[[object, attrs.Attribute[str | None], str | None], None]:
    known = get_args(words)

    def check(_: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
        if value is not None and value not in known:
            raise QuantityTextError(
                f"expected one of {', '.join(known)}, got {value!r}", place=Place(key=attribute.name)
            )

    return check


def _text(doc: str) -> str | None:
    field: str | None = attrs.field(default=None, metadata={"description": doc})
    return field


def _word(words: Any, doc: str) -> Any:
    return attrs.field(default=None, validator=_one_of(words), metadata={"description": doc})


def _number(doc: str) -> int | None:
    field: int | None = attrs.field(default=None, validator=_count, metadata={"description": doc})
    return field


def _amount(count: int | None, unit: Unit) -> Quantity | None:
    return None if count is None else Quantity(Fraction(count), unit)


def _ratio(above: Quantity | None, below: Quantity | None, unit: Unit) -> Quantity | None:
    if above is None or below is None or not below:
        return None
    return (above / below).to(unit)


_HOUSEHOLD = parse_unit("户")
_PERSON = parse_unit("人")
_M2_PER_100_HOUSEHOLDS = parse_unit("m²/百户")
_PERCENT = parse_unit("%")
_PERMILLE = parse_unit("‰")
_PER_10000 = parse_unit("人/万人")


@attrs.frozen(kw_only=True, field_transformer=_naming)
class Community:
    """A neighbourhood (社区) or village (村) with what a plan counts in it.

    >>> place = Community(code="411422001201", households=1500, comprehensive_service_area="450 ㎡")
    >>> place.facility_area_per_100_households
    Quantity('30', 'm²/百户')

    Raises:
        CodeError: If the code is no community's.
        QuantityTextError: If an amount cannot be read, is negative, or a count is no whole number.
        DimensionError: If an area is given in a unit of something else.
    """

    code: str = attrs.field(
        converter=code_text, validator=_code(parse_code), metadata={"description": "Statistical code of 12 digits."}
    )
    name: str | None = _text("Name.")
    city: str | None = _text("City, if the code does not say it.")
    county: str | None = _text("County, if the code does not say it.")
    township: str | None = _text("Township, if the code does not say it.")
    county_kind: CountyKind | None = _word(CountyKind, "Declared county kind; without it the code's.")
    setting: Setting | None = _word(Setting, "Urban or rural; without it by the committee's kind in the code.")
    building_stock: BuildingStock | None = _word(
        BuildingStock, "Whether its residential area is new-built (新建) or existing (已建成)."
    )
    households: int | None = _number("Households. [户]")
    residents: int | None = _number("Permanent residents (常住人口). [人]")
    urban_residents: int | None = _number("Permanent residents of urban areas (城镇常住人口). [人]")
    gross_floor_area: Quantity | None = attrs.field(
        default=None,
        converter=_area,
        validator=_not_negative,
        metadata={"description": "Gross floor area of the community. [m²]"},
    )
    comprehensive_service_count: int | None = _number("Comprehensive-service facilities. [个]")
    comprehensive_service_area: Quantity | None = attrs.field(
        default=None,
        converter=_area,
        validator=_not_negative,
        metadata={"description": "Floor area of comprehensive-service facilities. [m²]"},
    )
    activity_area: Quantity | None = attrs.field(
        default=None,
        converter=_area,
        validator=_not_negative,
        metadata={"description": "Residents' activity area in them. [m²]"},
    )
    commercial_area: Quantity | None = attrs.field(
        default=None,
        converter=_area,
        validator=_not_negative,
        metadata={"description": "Commercial floor area. [m²]"},
    )
    self_service_terminal_count: int | None = _number("Self-service terminals for government services. [个]")
    elderly_care_count: int | None = _number("Elderly-care places. [个]")
    elderly_care_area: Quantity | None = attrs.field(
        default=None,
        converter=_area,
        validator=_not_negative,
        metadata={"description": "Floor area of elderly-care facilities. [m²]"},
    )
    community_workers: int | None = _number("Community workers (社区工作者). [人]")
    social_workers: int | None = _number("Social workers (社会工作者). [人]")
    comprehensive_service_open_8h_count: int | None = _number("Those open at least 8 hours a day. [个]")
    certified_community_workers: int | None = _number("Community workers with a social-work certificate. [人]")
    social_work_leaders: int | None = _number("Leading social-work talents. [人]")
    social_work_supervisors: int | None = _number("Professional social-work supervisors. [人]")
    social_work_managers: int | None = _number("Social-work managers. [人]")
    social_workers_trained: int | None = _number("Social workers trained. [人]")
    social_work_talents: int | None = _number("Social-work professionals (社会工作专业人才), a stock. [人]")
    secretaries: int | None = _number("Secretaries of community Party organisations. [人]")
    secretaries_trained: int | None = _number("Secretaries trained this year. [人]")
    directors: int | None = _number("Directors of residents' committees. [人]")
    directors_trained: int | None = _number("Directors trained this year. [人]")
    grids: int | None = _number("Grids (网格). [个]")
    grids_with_party_group: int | None = _number("Grids with a Party branch or group. [个]")
    social_organizations: int | None = _number("Social organisations. [个]")
    agency_service: YesNo | None = _word(YesNo, "Agency service for government affairs (政务代办).")
    legal_publicity: YesNo | None = _word(YesNo, "Legal publicity service (普法宣传).")
    mediation: YesNo | None = _word(YesNo, "People's mediation service (人民调解).")
    legal_aid: YesNo | None = _word(YesNo, "Legal aid service (法律援助).")
    notary: YesNo | None = _word(YesNo, "Notary service (公证).")
    social_work_service: YesNo | None = _word(YesNo, "Social-work service (社会工作服务).")
    satisfaction_survey: YesNo | None = _word(YesNo, "A satisfaction survey of residents was held.")

    @property
    def region(self) -> Region:
        """The community as a region, with its parents' codes."""
        return Region(code=self.code, declared_kind=self.county_kind)

    @property
    def effective_setting(self) -> Setting | None:
        """Setting as given, else by the code."""
        return self.setting or setting_of(self.code)

    @property
    def effective_county_kind(self) -> CountyKind | None:
        """County kind as given, else by the code."""
        return self.county_kind or county_kind_of(self.code)

    @property
    def facility_area_per_100_households(self) -> Quantity | None:
        """Comprehensive-service floor area per 100 households (专栏1, row 4) [m²/百户]."""
        return _ratio(self.comprehensive_service_area, _amount(self.households, _HOUSEHOLD), _M2_PER_100_HOUSEHOLDS)

    @property
    def activity_area_share(self) -> Quantity | None:
        """Activity area in the comprehensive-service floor area (专栏1, row 5) [%]."""
        return _ratio(self.activity_area, self.comprehensive_service_area, _PERCENT)

    @property
    def commercial_and_service_area_share(self) -> Quantity | None:
        """Commercial and comprehensive-service area in the gross floor area (专栏1, row 3) [%]."""
        if self.commercial_area is None or self.comprehensive_service_area is None:
            return None
        both = self.commercial_area + self.comprehensive_service_area
        return _ratio(both, self.gross_floor_area, _PERCENT)

    @property
    def community_workers_per_10000_urban_residents(self) -> Quantity | None:
        """Community workers per 10,000 urban residents (专栏1, row 10) [人/万人]."""
        workers, residents = _amount(self.community_workers, _PERSON), _amount(self.urban_residents, _PERSON)
        return _ratio(workers, residents, _PER_10000)

    @property
    def social_workers_per_resident(self) -> Quantity | None:
        """Social workers in the permanent residents (专栏1, row 7) [‰]."""
        return _ratio(_amount(self.social_workers, _PERSON), _amount(self.residents, _PERSON), _PERMILLE)


@attrs.frozen(kw_only=True, field_transformer=_naming)
class Township:
    """A township, town or subdistrict (乡, 镇, 街道) with what a plan counts in it.

    Raises:
        CodeError: If the code is no township's.
        QuantityTextError: If a count is no whole number ≥ 0.
    """

    code: str = attrs.field(
        converter=code_text,
        validator=_code(parse_township_code),
        metadata={"description": "Statistical code of 9 digits."},
    )
    name: str | None = _text("Name.")
    city: str | None = _text("City, if the code does not say it.")
    county: str | None = _text("County, if the code does not say it.")
    township_kind: TownshipKind | None = _word(TownshipKind, "Kind; without it the code's.")
    elderly_care_centre_count: int | None = _number("Elderly-care centres (综合养老服务中心). [个]")
    social_work_station_count: int | None = _number("Social-work stations (社会工作站). [个]")


@attrs.frozen(kw_only=True, field_transformer=_naming)
class Facility:
    """A place with a kind and a floor area, of a community or of a township.

    >>> Facility(kind="comprehensive_service", floor_area="450 ㎡", community="411422001201").floor_area
    Quantity('450', 'm²')

    Raises:
        CodeError: If the code is no region's.
        QuantityTextError: If an amount cannot be read or is negative, or the activity area exceeds the floor area.
        DimensionError: If an amount is given in a unit of something else.
    """

    community: str = attrs.field(
        converter=code_text,
        validator=_code(level_of),
        metadata={"description": "Code of the community, or of the township, that has it."},
    )
    kind: FacilityKind | None = attrs.field(
        validator=_one_of(FacilityKind),
        metadata={"description": "What it is for."},
    )
    facility_name: str | None = _text("Name.")
    floor_area: Quantity | None = attrs.field(
        default=None,
        converter=_area,
        validator=_not_negative,
        metadata={"description": "Floor area. [m²]"},
    )
    activity_area: Quantity | None = attrs.field(
        default=None,
        converter=_area,
        validator=_not_negative,
        metadata={"description": "Residents' activity area in it. [m²]"},
    )
    opening_hours: Quantity | None = attrs.field(
        default=None,
        converter=_hours,
        validator=_not_negative,
        metadata={"description": "Hours open on a day. [小时/天]"},
    )

    def __attrs_post_init__(self) -> None:
        if self.floor_area is not None and self.activity_area is not None and self.activity_area > self.floor_area:
            raise QuantityTextError(
                f"expected at most the floor area {self.floor_area}, got {self.activity_area}",
                place=Place(key="activity_area"),
            )

    @property
    def activity_area_share(self) -> Quantity | None:
        """Activity area in the floor area [%]."""
        return _ratio(self.activity_area, self.floor_area, _PERCENT)


@attrs.frozen(kw_only=True, field_transformer=_naming)
class Workforce:
    """A headcount with a role, of a community or of any larger region.

    >>> Workforce(region="411422", role="social_worker", headcount=120).per_10000(800_000)
    Quantity('3/2', '人/万人')

    Raises:
        CodeError: If the code is no region's.
        QuantityTextError: If the headcount is no whole number ≥ 0.
    """

    region: str = attrs.field(
        converter=code_text, validator=_code(level_of), metadata={"description": "Code of the region it belongs to."}
    )
    role: WorkforceRole | None = attrs.field(
        validator=_one_of(WorkforceRole),
        metadata={"description": "What they do."},
    )
    headcount: int | None = _number("People. [人]")

    def per_10000(self, residents: int | Quantity) -> Quantity | None:
        """Return the headcount per 10,000 of a population [人/万人]."""
        people = residents if isinstance(residents, Quantity) else _amount(residents, _PERSON)
        return _ratio(_amount(self.headcount, _PERSON), people, _PER_10000)
