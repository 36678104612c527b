"""Independent oracle for the ten community-service indicators.

Written from the specification alone, without looking at the library it is used
to check. It goes row by row with exact Fractions and favours being obviously
right over being fast or short.

Usage: python tests/oracle.py FOLDER [city|county|township|community]

FOLDER holds communities.csv and, optionally, facilities.csv and workforce.csv.
In the code, None always means "not known" (or, for a limit, "unlimited").
"""

import csv
import json
import math
import re
import sys
from collections import namedtuple
from fractions import Fraction
from pathlib import Path

MISSING_CELLS = {"", "-", "--", "—", "——", "/"}
PLAIN_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
SETTINGS = {"urban", "rural"}
COUNTY_KINDS = {"district", "county", "county_city"}

AMOUNTS = [
    "households",
    "residents",
    "urban_residents",
    "gross_floor_area",
    "comprehensive_service_count",
    "comprehensive_service_area",
    "activity_area",
    "commercial_area",
    "self_service_terminal_count",
    "community_workers",
    "social_workers",
]
# An amount that is part of a whole can never exceed it, so the whole limits it.
WHOLE_OF = {
    "activity_area": "comprehensive_service_area",
    "comprehensive_service_area": "gross_floor_area",
    "commercial_area": "gross_floor_area",
    "urban_residents": "residents",
}
AMOUNT_OF_ROLE = {"community_worker": "community_workers", "social_worker": "social_workers"}
# "communities" is not a column: it is 1 for a community and 0 for a remainder.
COUNT = "communities"
AREA_QUANTUM, WHOLE_QUANTUM = Fraction(1, 10000), Fraction(1)


Indicator = namedtuple(
    "Indicator", "id scope numerators denominator factor comparator target quantum cap", defaults=[WHOLE_QUANTUM, None]
)
# Without a denominator it is a share of communities that have at least one, and the
# scope is about the setting; otherwise a ratio, and the scope is about the county kind.
INDICATORS = [
    Indicator("rural-facility-coverage", {"rural"}, ["comprehensive_service_count"], None, 100, ">=", 93),
    Indicator("urban-facility-coverage", {"urban"}, ["comprehensive_service_count"], None, 100, ">=", 100),
    # Two parts of one whole, each at most 100 % of it: hence the cap of 200 %.
    Indicator(
        "commercial-and-service-area-share",
        None,
        ["commercial_area", "comprehensive_service_area"],
        "gross_floor_area",
        100,
        ">=",
        10,
        AREA_QUANTUM,
        200,
    ),
    Indicator(
        "facility-area-per-100-households",
        None,
        ["comprehensive_service_area"],
        "households",
        100,
        ">",
        30,
        AREA_QUANTUM,
    ),
    Indicator(
        "activity-area-share", None, ["activity_area"], "comprehensive_service_area", 100, ">=", 60, AREA_QUANTUM, 100
    ),
    Indicator("self-service-terminal-coverage", {"urban"}, ["self_service_terminal_count"], None, 100, ">=", 100),
    Indicator("social-workers-per-resident", None, ["social_workers"], "residents", 1000, ">=", Fraction(2, 5)),
    Indicator("social-workers-per-district-community", {"district"}, ["social_workers"], COUNT, 1, ">=", 2),
    Indicator("social-workers-per-county-community", {"county", "county_city"}, ["social_workers"], COUNT, 1, ">=", 1),
    Indicator(
        "community-workers-per-10000-urban-residents", None, ["community_workers"], "urban_residents", 10000, ">=", 18
    ),
]


# What a row of its answers says, in this order.
FIELDS = (
    "region",
    "target",
    "value",
    "lower",
    "upper",
    "reporting_share",
    "numerator",
    "denominator",
    "gap",
    "shortfall",
    "verdict",
    "reason",
)


# ---- Reading cells ----


def text(row, column):
    """The stripped cell, or None if it (or its column) is missing."""
    cell = (row.get(column) or "").strip()
    return None if cell in MISSING_CELLS else cell


def number(row, column):
    cell = text(row, column)
    if cell is None:
        return None
    if not PLAIN_DECIMAL.fullmatch(cell):
        raise ValueError(f"{column}: not a plain decimal: {cell!r}")
    return Fraction(cell)


def category(row, column, allowed):
    cell = text(row, column)
    if cell is not None and cell not in allowed:
        raise ValueError(f"{column}: unexpected {cell!r}")
    return cell


def setting_from_code(code):
    serial = int(code[9:12])
    if 1 <= serial <= 199:
        return "urban"
    if 200 <= serial <= 399:
        return "rural"
    return None


def county_kind_from_code(code):
    if code[2:4] == "90":  # counties directly under a province mix all kinds
        return None
    number_of_county = int(code[4:6])
    if 1 <= number_of_county <= 20:
        return "county_city" if "21" <= code[2:4] <= "50" else "district"  # 地区, 自治州 and 盟 have no districts
    if 21 <= number_of_county <= 70:
        return "county"
    if 81 <= number_of_county <= 99:
        return "county_city"
    return None


# ---- Building the rows: one per community, one per remainder ----


def sum_or_missing(rows, column):
    """The sum of a column; missing as soon as one cell is; 0 for no rows."""
    total = Fraction(0)
    for row in rows:
        amount = number(row, column)
        if amount is None:
            return None
        total += amount
    return total


def facility_amounts(facility_rows):
    """The five amounts of one community that follow from its facilities."""
    names = [
        "comprehensive_service_count",
        "comprehensive_service_area",
        "activity_area",
        "commercial_area",
        "self_service_terminal_count",
    ]
    if any(text(row, "kind") is None for row in facility_rows):
        return dict.fromkeys(names)
    service = [row for row in facility_rows if text(row, "kind") == "comprehensive_service"]
    commercial = [row for row in facility_rows if text(row, "kind") == "commercial"]
    terminals = [row for row in facility_rows if text(row, "kind") == "self_service_terminal"]
    return {
        "comprehensive_service_count": Fraction(len(service)),
        "comprehensive_service_area": sum_or_missing(service, "floor_area"),
        "activity_area": sum_or_missing(service, "activity_area"),
        "commercial_area": sum_or_missing(commercial, "floor_area"),
        "self_service_terminal_count": Fraction(len(terminals)),
    }


def workforce_amounts(workforce_rows):
    """The two amounts of one region that follow from its workforce rows."""
    if any(text(row, "role") is None for row in workforce_rows):
        return dict.fromkeys(AMOUNT_OF_ROLE.values())
    amounts = {}
    for role, amount in AMOUNT_OF_ROLE.items():
        of_role = [row for row in workforce_rows if text(row, "role") == role]
        amounts[amount] = sum_or_missing(of_role, "headcount")
    return amounts


def rows_by_code(rows, column):
    groups = {}
    for row in rows:
        groups.setdefault(text(row, column) or "", []).append(row)
    return groups


def build_rows(communities, facilities, workforce):
    facilities_of = None if facilities is None else rows_by_code(facilities, "community")
    workforce_of = None if workforce is None else rows_by_code(workforce, "region")
    rows = []
    for cells in communities:
        code = text(cells, "code")
        if code is None or not re.fullmatch(r"[0-9]{12}", code):
            raise ValueError(f"not a community code: {code!r}")
        row = {"code": code, COUNT: Fraction(1)}
        row["setting"] = category(cells, "setting", SETTINGS) or setting_from_code(code)
        row["county_kind"] = category(cells, "county_kind", COUNTY_KINDS) or county_kind_from_code(code)
        for amount in AMOUNTS:
            row[amount] = number(cells, amount)
        if facilities_of is not None:
            row.update(facility_amounts(facilities_of.get(code, [])))
        if workforce_of is not None:
            row.update(workforce_amounts(workforce_of.get(code, [])))
        rows.append(row)

    remainders = []
    for code, workforce_rows in (workforce_of or {}).items():
        if len(code) == 12:
            continue
        if not re.fullmatch(r"[0-9]{6}([0-9]{3})?", code):
            raise ValueError(f"not a region code: {code!r}")
        row = {"code": code, COUNT: Fraction(0), "setting": None}
        kinds = {other["county_kind"] for other in rows if other["code"][:6] == code[:6]}
        row["county_kind"] = kinds.pop() if len(kinds) == 1 else None
        for amount in AMOUNTS:
            row[amount] = Fraction(0)
        row.update(workforce_amounts(workforce_rows))
        remainders.append(row)
    return rows + remainders


def region_of(row, by):
    """The output region a row counts in; None if it belongs to a higher level."""
    if by is None:
        return "total"
    if by == "city":
        return row["code"][:4] + "00"
    if len(row["code"]) == 6 and row["code"].endswith("00"):  # a city's own rolls
        return None
    length = {"county": 6, "township": 9, "community": 12}[by]
    return row["code"][:length] if len(row["code"]) >= length else None


# ---- Evaluating one indicator in one region ----


def scope_of(row, indicator):
    if indicator.scope is None:
        return "IN"
    value = row["setting" if indicator.denominator is None else "county_kind"]
    if value is None:
        return "MAYBE"
    return "IN" if value in indicator.scope else "OUT"


def upper_limit(row, amount):
    """The amount if known, else the most it can be; None if unlimited."""
    if row[amount] is not None:
        return row[amount]
    return upper_limit(row, WHOLE_OF[amount]) if amount in WHOLE_OF else None


def low_sum(rows, amounts):
    return sum((row[a] for row in rows for a in amounts if row[a] is not None), Fraction(0))


def high_sum(rows, amounts):
    limits = [upper_limit(row, a) for row in rows for a in amounts]
    return None if None in limits else sum(limits, Fraction(0))


def measure_ratio(indicator, rows_in, rows_maybe):
    """Numerator, denominator, complete communities, and a function for the limits."""
    numerators, denominators = indicator.numerators, [indicator.denominator]
    complete = [row for row in rows_in if all(row[a] is not None for a in numerators + denominators)]

    def limits():  # called only when the denominator is not 0, so neither divisor is
        d_low = low_sum(rows_in, denominators)
        d_high = high_sum(rows_in + rows_maybe, denominators)
        n_low = low_sum(rows_in, numerators)
        n_high = high_sum(rows_in + rows_maybe, numerators)
        lower = Fraction(0) if d_high is None else n_low / d_high * indicator.factor
        upper = None if n_high is None else n_high / d_low * indicator.factor
        cap = indicator.cap
        if cap is not None and (upper is None or upper > cap):
            upper = Fraction(cap)
        return lower, upper

    return (low_sum(complete, numerators), low_sum(complete, denominators), int(low_sum(complete, [COUNT])), limits)


def measure_share(indicator, rows_in, rows_maybe):
    """As measure_ratio, for the share of communities that have at least one."""
    amount = indicator.numerators[0]

    def count(rows):
        units = [row for row in rows if row[COUNT] == 1]  # remainders are never units
        true = sum(1 for row in units if row[amount] is not None and row[amount] >= 1)
        false = sum(1 for row in units if row[amount] is not None and row[amount] < 1)
        return true, false, len(units) - true - false

    t, f, s = count(rows_in)
    mt, mf, mu = count(rows_maybe)
    units = t + f + s

    def limits():
        return (
            Fraction(t, units + mf + mu) * indicator.factor,
            Fraction(t + s + mt + mu, units + mt + mu) * indicator.factor,
        )

    return Fraction(t), Fraction(t + f), t + f, limits


def shortfall_of(indicator, numerator, denominator):
    """The least whole number of quanta that lifts the value to its target."""
    wanted = indicator.target * denominator / indicator.factor
    quanta = (wanted - numerator) / indicator.quantum
    steps = math.ceil(quanta) if indicator.comparator == ">=" else math.floor(quanta) + 1
    return max(steps, 0) * indicator.quantum


def verdict_of(indicator, lower, upper):
    target, strict = indicator.target, indicator.comparator == ">"
    if lower > target or (lower == target and not strict):
        return "met", None
    if upper is not None and (upper < target or (upper == target and strict)):
        return "not_met", None
    return "unknown", "missing_data"


def evaluate_indicator(region, indicator, rows):
    rows_in = [row for row in rows if scope_of(row, indicator) == "IN"]
    rows_maybe = [row for row in rows if scope_of(row, indicator) == "MAYBE"]
    measure = measure_share if indicator.denominator is None else measure_ratio
    numerator, denominator, complete, limits = measure(indicator, rows_in, rows_maybe)
    communities = sum(1 for row in rows_in + rows_maybe if row[COUNT] == 1)
    result = {
        "region": region,
        "target": indicator.id,
        "value": None,
        "lower": None,
        "upper": None,
        "reporting_share": Fraction(complete, communities) if communities else None,
        "numerator": numerator,
        "denominator": denominator,
        "gap": None,
        "shortfall": None,
        "verdict": "unknown",
        "reason": None,
    }
    if communities == 0:
        result["reason"] = "nothing_in_scope"
    elif complete == 0:
        result["reason"] = "nothing_reported"
    elif denominator == 0:
        result["reason"] = "zero_denominator"
    else:
        result["value"] = numerator / denominator * indicator.factor
        result["lower"], result["upper"] = limits()
        result["gap"] = result["value"] - indicator.target
        result["shortfall"] = shortfall_of(indicator, numerator, denominator)
        result["verdict"], result["reason"] = verdict_of(indicator, result["lower"], result["upper"])
    return result


# ---- The same in bulk: columns of whole quanta, one pass for each indicator ----

# What is added up of a region for a ratio; a place in a list each.
COMPLETE, N, D, N_LOW, D_LOW, N_HIGH, D_HIGH, N_OPEN, D_OPEN, IN_SCOPE = range(10)
# And for a share: communities in scope that have it, have it not, say nothing; then those perhaps in scope.
TRUE, FALSE, SILENT, MAYBE_TRUE, MAYBE_FALSE, MAYBE_SILENT = range(6)
REGION_LENGTHS = {"total": 0, "city": 4, "county": 6, "township": 9, "community": 12}


def quantum_of(amount):
    return AREA_QUANTUM if amount.endswith("_area") else WHOLE_QUANTUM


def scale_of(indicator):
    """What a quantum of the numerator over a quantum of the denominator counts for."""
    return quantum_of(indicator.numerators[0]) / quantum_of(indicator.denominator) * indicator.factor


def scopes_in_bulk(columns):
    """For each indicator whether each row is IN, OUT or MAYBE in its scope."""
    settings = [s or setting_from_code(code) for code, s in zip(columns["code"], columns["setting"], strict=True)]
    kinds = [k or county_kind_from_code(code) for code, k in zip(columns["code"], columns["county_kind"], strict=True)]
    found = {}
    for indicator in INDICATORS:
        words = settings if indicator.denominator is None else kinds
        scope = indicator.scope
        if scope is None:
            found[indicator.id] = ["IN"] * len(words)
        else:
            found[indicator.id] = ["MAYBE" if w is None else "IN" if w in scope else "OUT" for w in words]
    return found


def limits_in_bulk(columns):
    """The most that each amount of each row can be, as in `upper_limit`."""
    found = {}
    for amount in AMOUNTS:
        if amount not in columns:
            continue
        limits = columns[amount]
        whole = WHOLE_OF.get(amount)
        while whole is not None:
            limits = [w if a is None else a for a, w in zip(limits, columns[whole], strict=True)]
            whole = WHOLE_OF.get(whole)
        found[amount] = limits
    return found


def added(first, second):
    """Two columns added cell by cell; missing where one of them is."""
    return [None if a is None or b is None else a + b for a, b in zip(first, second, strict=True)]


def numerator_in_bulk(indicator, columns, limits):
    """A numerator's cells, the part of it that is known, and the most it can be."""
    first, *others = indicator.numerators
    cells, least, most = columns[first], [a or 0 for a in columns[first]], limits[first]
    for other in others:
        cells, most = added(cells, columns[other]), added(most, limits[other])
        least = [a + (b or 0) for a, b in zip(least, columns[other], strict=True)]
    return cells, least, most


def ratio_in_bulk(indicator, scope, columns, limits, regions):
    cells, least, most = numerator_in_bulk(indicator, columns, limits)
    below, below_most = ([1] * len(regions),) * 2
    if indicator.denominator != COUNT:
        below, below_most = columns[indicator.denominator], limits[indicator.denominator]
    sums = {}
    for region, where, n, n_low, n_high, d, d_high in zip(
        regions, scope, cells, least, most, below, below_most, strict=True
    ):
        total = sums.get(region)
        if total is None:
            total = sums[region] = [0] * 10
        if where == "OUT":
            continue
        total[IN_SCOPE] += 1
        if n_high is None:
            total[N_OPEN] += 1
        else:
            total[N_HIGH] += n_high
        if d_high is None:
            total[D_OPEN] += 1
        else:
            total[D_HIGH] += d_high
        if where == "IN":
            total[N_LOW] += n_low
            if d is not None:
                total[D_LOW] += d
                if n is not None:
                    total[COMPLETE] += 1
                    total[N] += n
                    total[D] += d
    return sums


def share_in_bulk(indicator, scope, columns, regions):
    sums = {}
    for region, where, n in zip(regions, scope, columns[indicator.numerators[0]], strict=True):
        total = sums.get(region)
        if total is None:
            total = sums[region] = [0] * 6
        if where != "OUT":
            place = SILENT if n is None else TRUE if n >= 1 else FALSE
            total[place if where == "IN" else place + 3] += 1
    return sums


def read_ratio(indicator, s):
    """What `measure_ratio` gives, and the communities in scope, from sums."""
    above, below, scale = quantum_of(indicator.numerators[0]), quantum_of(indicator.denominator), scale_of(indicator)

    def limits():
        lower = Fraction(0) if s[D_OPEN] else Fraction(s[N_LOW], s[D_HIGH]) * scale
        upper = None if s[N_OPEN] else Fraction(s[N_HIGH], s[D_LOW]) * scale
        if indicator.cap is not None and (upper is None or upper > indicator.cap):
            upper = Fraction(indicator.cap)
        return lower, upper

    return s[N] * above, s[D] * below, s[COMPLETE], s[IN_SCOPE], limits


def read_share(indicator, s):
    """What `measure_share` gives, and the communities in scope, from sums."""
    t, f, silent, mt, mf, mu = s
    units = t + f + silent

    def limits():
        lower, upper = Fraction(t, units + mf + mu), Fraction(t + silent + mt + mu, units + mt + mu)
        return lower * indicator.factor, upper * indicator.factor

    return Fraction(t), Fraction(t + f), t + f, sum(s), limits


def result_of_sums(region, indicator, sums):
    """As `evaluate_indicator`, from sums."""
    read = read_share if indicator.denominator is None else read_ratio
    numerator, denominator, complete, communities, limits = read(indicator, sums)
    value = lower = upper = gap = shortfall = reason = None
    verdict = "unknown"
    if communities == 0:
        reason = "nothing_in_scope"
    elif complete == 0:
        reason = "nothing_reported"
    elif denominator == 0:
        reason = "zero_denominator"
    else:
        value = numerator / denominator * indicator.factor
        lower, upper = limits()
        gap = value - indicator.target
        shortfall = shortfall_of(indicator, numerator, denominator)
        verdict, reason = verdict_of(indicator, lower, upper)
    return {
        "region": region,
        "target": indicator.id,
        "value": value,
        "lower": lower,
        "upper": upper,
        "reporting_share": Fraction(complete, communities) if communities else None,
        "numerator": numerator,
        "denominator": denominator,
        "gap": gap,
        "shortfall": shortfall,
        "verdict": verdict,
        "reason": reason,
    }


def region_code(level, prefix):
    return "total" if level == "total" else prefix + "00" if level == "city" else prefix


def evaluate_columns(columns, finest) -> dict[str, list[dict]]:
    """Evaluate communities given as columns: codes, words and whole quanta, None for what is not known.

    Returns rows as `evaluate_tables` does, for each level from the whole table to the finest: what is added up of
    its regions is added up again for the larger ones.
    """
    regions = [code[: REGION_LENGTHS[finest]] for code in columns["code"]]
    scopes, limits = scopes_in_bulk(columns), limits_in_bulk(columns)
    levels = {level: length for level, length in REGION_LENGTHS.items() if length <= REGION_LENGTHS[finest]}
    found = {level: {} for level in levels}
    for indicator in INDICATORS:
        scope = scopes[indicator.id]
        if indicator.denominator is None:
            smallest = share_in_bulk(indicator, scope, columns, regions)
        else:
            smallest = ratio_in_bulk(indicator, scope, columns, limits, regions)
        for level, length in levels.items():
            larger = {}
            for code, sums in smallest.items():
                prefix = code[:length]
                before = larger.get(prefix)
                larger[prefix] = sums if before is None else [a + b for a, b in zip(before, sums, strict=True)]
            for prefix, sums in larger.items():
                region = region_code(level, prefix)
                found[level].setdefault(region, []).append(result_of_sums(region, indicator, sums))
    return {level: [row for region in sorted(rows) for row in rows[region]] for level, rows in found.items()}


def judge_each(columns) -> dict[str, tuple[list, list]]:
    """Judge every community by itself: per indicator its values as (numerator, denominator), and its verdicts.

    A community that tells everything has but one value, which decides; one that does not has none.
    """
    scopes, limits = scopes_in_bulk(columns), limits_in_bulk(columns)
    found = {}
    for indicator in INDICATORS:
        strict = indicator.comparator == ">"
        if indicator.denominator is None:
            cells = [None if n is None else int(n >= 1) for n in columns[indicator.numerators[0]]]
            below, scale = [1] * len(cells), Fraction(indicator.factor)
        else:
            cells, _, _ = numerator_in_bulk(indicator, columns, limits)
            below = [1] * len(cells) if indicator.denominator == COUNT else columns[indicator.denominator]
            scale = scale_of(indicator)
        target = Fraction(indicator.target)
        p, q = scale.numerator, scale.denominator
        a, b = target.denominator, target.numerator
        values, verdicts = [], []
        for where, n, d in zip(scopes[indicator.id], cells, below, strict=True):
            if where != "IN" or n is None or not d:
                values.append(None)
                verdicts.append("unknown")
                continue
            above, under = n * p, d * q
            values.append((above, under))
            side = above * a - b * under
            verdicts.append("met" if side > 0 or (side == 0 and not strict) else "not_met")
        found[indicator.id] = values, verdicts
    return found


# ---- Entry points ----


def evaluate_tables(communities, facilities, workforce, by) -> list[dict]:
    regions = {"total": []} if by is None else {}
    for row in build_rows(communities, facilities, workforce):
        region = region_of(row, by)
        if region is not None:
            regions.setdefault(region, []).append(row)
    return [
        evaluate_indicator(region, indicator, regions[region]) for region in sorted(regions) for indicator in INDICATORS
    ]


def read_table(path):
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def evaluate_folder(folder: Path, by: str | None) -> list[dict]:
    tables = {}
    for name in ["communities", "facilities", "workforce"]:
        path = Path(folder) / f"{name}.csv"
        is_absent = name != "communities" and not path.exists()
        tables[name] = None if is_absent else read_table(path)
    return evaluate_tables(**tables, by=by)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    answer = evaluate_folder(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else None)
    print(json.dumps(answer, ensure_ascii=False, indent=1, default=str))
