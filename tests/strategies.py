"""Tables that hypothesis makes: small, full of holes and zeros, and close to every limit."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Row = dict[str, str]
QUANTUM = Decimal("0.0001")
MISSING = st.sampled_from(["", "——", "/", "-"])
COUNTIES = ("411402", "411422", "411471", "411481", "419001")


def _text(amount: Decimal | int | None) -> str:
    return "" if amount is None else format(amount, "f")


def _near(limit: Decimal) -> st.SearchStrategy[Decimal]:
    """Draw an amount at a limit, one quantum to either side of it, or anywhere."""
    steps = st.sampled_from([Decimal(-1), Decimal(0), Decimal(1)])
    return st.one_of(
        steps.map(lambda step: max(Decimal(0), limit.quantize(QUANTUM) + step * QUANTUM)),
        st.integers(0, 2_000_000).map(lambda quanta: quanta * QUANTUM),
    )


def _maybe(values: st.SearchStrategy[T], share: int = 6) -> st.SearchStrategy[T | None]:
    return st.integers(0, share).flatmap(lambda draw: st.none() if draw == 0 else values)


@st.composite
def _codes(draw: st.DrawFn, size: int) -> list[str]:
    places = st.tuples(
        st.sampled_from(COUNTIES),
        st.sampled_from(["001", "100", "200"]),
        st.one_of(st.integers(1, 4), st.integers(200, 204), st.just(498)),
    )
    return [
        f"{county}{township}{number:03d}"
        for county, township, number in draw(st.lists(places, min_size=1, max_size=size, unique=True))
    ]


@st.composite
def _community(draw: st.DrawFn, code: str) -> Row:
    """Draw a community in the wide form, every part within its whole."""
    households = draw(_maybe(st.one_of(st.integers(0, 3), st.integers(0, 5000))))
    area = draw(_maybe(_near(Decimal(households or 100) * 3 / 10)))
    activity = draw(_maybe(_near((area or Decimal(10)) * 6 / 10)))
    if activity is not None and area is not None:
        activity = min(activity, area)
    gross = draw(_maybe(_near((area or Decimal(0)) * 10)))
    if gross is not None:
        # The whole of a part that is not known is at least the part of the part.
        gross = max(gross, area or Decimal(0))
    commercial = draw(_maybe(_near(Decimal(5))))
    if commercial is not None and gross is not None:
        commercial = min(commercial, gross)
    residents = draw(_maybe(st.integers(0, 20_000)))
    urban = draw(_maybe(st.integers(0, 20_000)))
    if residents is not None and urban is not None:
        urban = min(urban, residents)
    few = st.integers(0, 2)
    amounts = {
        "households": households,
        "residents": residents,
        "urban_residents": urban,
        "gross_floor_area": gross,
        "comprehensive_service_count": draw(_maybe(few)),
        "comprehensive_service_area": area,
        "activity_area": activity,
        "commercial_area": commercial,
        "self_service_terminal_count": draw(_maybe(few)),
        "community_workers": draw(_maybe(st.integers(0, 40))),
        "social_workers": draw(_maybe(few)),
    }
    kinds = ["", "", "district", "county", "county_city"]
    return {
        "code": code,
        "name": f"合成{code[-5:]}",
        "setting": draw(st.sampled_from(["", "", "urban", "rural"])),
        "county_kind": draw(st.sampled_from(kinds)),
        **{name: draw(MISSING) if amount is None else _text(amount) for name, amount in amounts.items()},
    }


@st.composite
def wide_tables(draw: st.DrawFn, size: int = 12) -> list[Row]:
    """Draw a communities table that has every column itself."""
    return [draw(_community(code)) for code in draw(_codes(size))]


DERIVED = (
    "comprehensive_service_count",
    "comprehensive_service_area",
    "activity_area",
    "commercial_area",
    "self_service_terminal_count",
    "community_workers",
    "social_workers",
)


@st.composite
def registers(draw: st.DrawFn, size: int = 8) -> tuple[list[Row], list[Row], list[Row]]:
    """Draw communities with the facilities and workforce tables that their other columns follow from."""
    communities = draw(wide_tables(size))
    facilities, workforce = [], []
    for row in communities:
        for _ in range(draw(st.integers(0, 3))):
            floor = draw(_maybe(_near(Decimal(30))))
            activity = draw(_maybe(_near(Decimal(18))))
            if floor is not None and activity is not None:
                activity = min(activity, floor)
            kinds = ["comprehensive_service", "commercial", "self_service_terminal", "elderly_care", "other"]
            facilities.append(
                {
                    "community": row["code"],
                    "kind": draw(_maybe(st.sampled_from(kinds), 20)) or "",
                    "floor_area": _text(floor),
                    "activity_area": _text(activity),
                }
            )
    regions = sorted({part for row in communities for part in (row["code"], row["code"][:9], row["code"][:6])})
    for region in regions:
        for role in draw(st.lists(st.sampled_from(["community_worker", "social_worker", "grid_worker"]), max_size=2)):
            headcount = draw(_maybe(st.integers(0, 30), 20))
            workforce.append({"region": region, "role": role, "headcount": _text(headcount)})
    # The activity area that follows from the facilities must fit the gross floor area of the community.
    for row in communities:
        for name in DERIVED:
            del row[name]
        row["gross_floor_area"] = draw(st.sampled_from(["", "99999", "100000.5"]))
    return communities, facilities, workforce
