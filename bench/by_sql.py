"""SQL by hand, the same text for DuckDB and Spark: sums of CASE WHEN, in floats and in exact integers."""

from __future__ import annotations

from .ten import TEN

AREAS = ("gross_floor_area", "comprehensive_service_area", "activity_area", "commercial_area")


def _share(mask: str, count: str) -> tuple[str, str]:
    return f"CASE WHEN {mask} AND {count} >= 1 THEN 1 END", f"CASE WHEN {mask} AND {count} IS NOT NULL THEN 1 END"


def _ratio(above: str, below: str) -> tuple[str, str]:
    return f"CASE WHEN {below} IS NOT NULL THEN {above} END", f"CASE WHEN ({above}) IS NOT NULL THEN {below} END"


def _mean(mask: str) -> tuple[str, str]:
    return (
        f"CASE WHEN {mask} THEN social_workers END",
        f"CASE WHEN {mask} AND social_workers IS NOT NULL THEN 1 END",
    )


PAIRS = (
    _share("setting = 'rural'", "comprehensive_service_count"),
    _share("setting = 'urban'", "comprehensive_service_count"),
    _ratio("commercial_area + comprehensive_service_area", "gross_floor_area"),
    _ratio("comprehensive_service_area", "households"),
    _ratio("activity_area", "comprehensive_service_area"),
    _share("setting = 'urban'", "self_service_terminal_count"),
    _ratio("social_workers", "residents"),
    _mean("county_kind = 'district'"),
    _mean("county_kind IN ('county', 'county_city')"),
    _ratio("community_workers", "urban_residents"),
)


def query(table: str, by: str | None, *, exact: bool = False) -> str:
    """Return the text of one query; `by` is a column, `community` or None."""
    source = table
    if exact:
        areas = ", ".join(f"CAST(ROUND({name} * 10000) AS BIGINT) AS {name}" for name in AREAS)
        others = "code, city, county, township, setting, county_kind, households, residents, urban_residents"
        counts = "comprehensive_service_count, self_service_terminal_count, community_workers, social_workers"
        source = f"(SELECT {others}, {counts}, {areas} FROM {table}) AS whole_numbers"
    key = "code" if by == "community" else by
    terms = []
    for number, (above, below) in enumerate(PAIRS, start=1):
        for side, term in (("n", above), ("d", below)):
            text = f"COALESCE({term}, 0)" if by == "community" else f"COALESCE(SUM({term}), 0)"
            # Integer sums come out wider than 64 bits in some engines.
            terms.append(f"{f'CAST({text} AS BIGINT)' if exact else text} AS {side}{number}")
    inner = f"SELECT {', '.join([*([key] if key else []), *terms])} FROM {source}"
    if by not in (None, "community"):
        inner += f" GROUP BY {by}"
    outer = [key] if key else []
    for number, row in enumerate(TEN, start=1):
        n, d = f"n{number}", f"d{number}"
        value = f"CAST({n} AS DOUBLE) * {row.exact_scale if exact else row.scale} / NULLIF({d}, 0)"
        left, right = (f"{row.exact[0]} * {n}", f"{row.exact[1]} * {d}") if exact else (value, f"{row.target}")
        outer += [f"{value} AS v{number}", f"{left} {row.op} {right} AS m{number}"]
    return f"SELECT {', '.join(outer)} FROM ({inner}) AS sums"
