"""Sample: a synthetic Shangqiu — real county codes, everything below them made up by a fixed seed.

Nothing in it is an observation. Every file carries a column `synthetic`, and every result that rests on one
says so.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from community_plan.errors import DataError, Place

__all__ = ["SYNTHETIC", "sample_tables", "write_sample"]

SYNTHETIC = "合成数据 synthetic"
"""What the column `synthetic` says on every row."""

_SEED = 411400


@attrs.frozen
class _County:
    code: str
    kind: str | None
    """Declared county kind, for the functional zones whose code does not say it."""
    streets: int
    towns: int
    communities: int
    level: float
    """How well it does, around 1."""
    blanks: float = 0.0
    """Share of cells that it does not report."""


# Sizes and levels are chosen for a varied picture, not taken from any statistics.
_COUNTIES = (
    _County("411402", None, 9, 9, 330, 1.03),
    _County("411403", None, 8, 12, 400, 0.97),
    _County("411421", None, 2, 18, 530, 1.00),
    _County("411422", None, 2, 18, 545, 0.94, 0.004),
    _County("411423", None, 1, 14, 350, 1.01),
    _County("411424", None, 3, 19, 510, 0.96, 0.002),
    _County("411425", None, 2, 24, 610, 1.02),
    _County("411426", None, 2, 23, 720, 0.99),
    _County("411471", "district", 1, 1, 40, 0.90, 0.02),
    _County("411472", "district", 2, 1, 60, 1.06),
    _County("411481", None, 6, 24, 790, 1.08),
)
_FIRST = "柳杨槐桐榆桑枣杏桃梨竹松柏荷菊兰麦粟稻谷"
_SECOND = "营寨店集桥湾坡岗楼庄园堂河沟塘台阁亭铺口"
_TABLES = ("communities", "facilities", "workforce", "townships", "evidence")
_YES_NO = (
    "agency_service",
    "legal_publicity",
    "mediation",
    "legal_aid",
    "notary",
    "social_work_service",
    "satisfaction_survey",
)
_SERVICE_COLUMNS = (
    "building_stock",
    "grids",
    "grids_with_party_group",
    "social_organizations",
    "secretaries",
    "secretaries_trained",
    "directors",
    "directors_trained",
    *_YES_NO,
)
_EVIDENCE_COLUMNS = (
    "commitment",
    "region",
    "period",
    "done",
    "violations",
    "document",
    "date",
    "responsible",
)
# Commitments of the Shangqiu plan that the city or each county owes, with how often they are done here.
_OWED_BY_CITY = ("B016", "B018", "B085", "B086", "B152")
_OWED_BY_COUNTY = ("B022", "B056", "B100", "B106", "B113", "B126", "B130", "B131", "B139", "B140", "B141", "B149")
_PROHIBITIONS = ("B126", "B130", "B131")
Rows = list[list[str]]


def sample_tables() -> dict[str, Rows]:
    """Return the sample's tables as rows of text, the header first: communities, facilities, workforce, townships."""
    tables: dict[str, Rows] = {
        "communities": [
            [
                "code",
                "name",
                "county_kind",
                "households",
                "residents",
                "urban_residents",
                "gross_floor_area",
                *_SERVICE_COLUMNS,
                "synthetic",
            ]
        ],
        "facilities": [
            ["community", "facility_name", "kind", "floor_area", "activity_area", "opening_hours", "synthetic"]
        ],
        "workforce": [["region", "role", "headcount", "synthetic"]],
        "townships": [["code", "name", "social_work_station_count", "synthetic"]],
        "evidence": [[*_EVIDENCE_COLUMNS, "synthetic"]],
    }
    rng = random.Random(_SEED)
    for county in _COUNTIES:
        _add_county(rng, county, tables)
    # Drawn apart, so that what was drawn above stays as it was.
    more = random.Random(_SEED + 1)
    _add_services(more, tables)
    _add_townships(more, tables)
    _add_talents(tables)
    _add_evidence(more, tables)
    return tables


def write_sample(folder: str | Path) -> Path:
    """Write the sample's tables as CSV files, byte for byte the same each time, and return the folder.

    Raises:
        DataError: If the folder holds other files already.
    """
    path = Path(folder)
    names = {f"{name}.csv" for name in _TABLES} | {"README.txt"}
    if path.exists() and (not path.is_dir() or any(item.name not in names for item in path.iterdir())):
        raise DataError(
            "expected a new or an empty folder", place=Place(file=str(folder)), mend="name a folder of its own"
        )
    path.mkdir(parents=True, exist_ok=True)
    for name, rows in sample_tables().items():
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        (path / f"{name}.csv").write_bytes(text.getvalue().encode("utf-8-sig"))  # Excel in China needs the mark
    (path / "README.txt").write_bytes(
        "本目录为合成样本数据: 县级代码真实, 乡镇、社区、设施、人员全部由固定种子生成, 与实际情况无关。\n"
        "Synthetic sample: county codes are real; townships, communities, facilities and people are generated from\n"
        f"a fixed seed ({_SEED}) and describe no real place.\n".encode()
    )
    return path


def _names(rng: random.Random) -> Iterator[str]:
    """Yield made-up names, no two alike."""
    pairs = [first + second for first in _FIRST for second in _SECOND]
    rng.shuffle(pairs)
    for turn in ("", "东", "西", "南", "北", "上", "下", "前", "后", "新", "老", "大", "小"):
        for pair in pairs:
            yield turn + pair


def _add_county(rng: random.Random, county: _County, tables: dict[str, Rows]) -> None:
    names = _names(rng)
    townships = [(f"{county.code}{number:03d}", "街道") for number in range(1, county.streets + 1)]
    townships += [(f"{county.code}{100 + number:03d}", "镇" if number % 2 else "乡") for number in range(county.towns)]
    for code, suffix in townships:
        tables["townships"].append([code, f"{next(names)}{suffix}", "", SYNTHETIC])
    counters = {code: {"urban": 0, "rural": 200} for code, _ in townships}
    for index in range(county.communities):
        code, suffix = townships[index % len(townships)]
        urban = rng.random() < (0.9 if suffix == "街道" else 0.05)
        counters[code]["urban" if urban else "rural"] += 1
        number = counters[code]["urban"] if urban else counters[code]["rural"]
        name = f"{next(names)}{'社区' if urban else '村'}"
        _add_community(rng, county, f"{code}{number:03d}", name, tables, urban=urban)
    # Social workers are mostly on the rolls of the county, not of a single community.
    listed = (row[4] for row in tables["communities"] if row[0].startswith(county.code))
    residents = sum(int(cell) for cell in listed if cell.isdigit())
    on_rolls = round(residents * 0.00025 * county.level)
    tables["workforce"].append([county.code, "social_worker", str(on_rolls), SYNTHETIC])


def _add_community(
    rng: random.Random, county: _County, code: str, name: str, tables: dict[str, Rows], *, urban: bool
) -> None:
    households = rng.randint(900, 3200) if urban else rng.randint(150, 900)
    residents = round(households * rng.uniform(2.4, 3.3))
    urban_residents = residents if urban else round(residents * rng.uniform(0.0, 0.12))
    gross = round(households * rng.uniform(95, 140), 2)
    blank = _blanks(rng, county.blanks)
    tables["communities"].append(
        [
            code,
            name,
            county.kind or "",
            blank(str(households)),
            blank(str(residents)),
            blank(str(urban_residents)),
            blank(_plain(gross)),
            *[""] * len(_SERVICE_COLUMNS),
            SYNTHETIC,
        ]
    )
    facilities = tables["facilities"]
    if rng.random() < min(0.995, 0.93 * county.level if not urban else 0.995):
        facilities.append(
            [code, f"{name}综合服务站", "comprehensive_service", *_service(rng, county, households, blank)]
        )
    facilities.append(
        [
            code,
            f"{name}商业网点",
            "commercial",
            blank(_plain(round(gross * rng.uniform(0.07, 0.13), 2))),
            "",
            "",
            SYNTHETIC,
        ]
    )
    if urban and rng.random() < 0.97 * county.level:
        facilities.append([code, f"{name}自助服务一体机", "self_service_terminal", "", "", "24", SYNTHETIC])
    if rng.random() < (0.85 if urban else 0.4) * county.level:
        area = _plain(round(households * rng.uniform(0.12, 0.4), 2))
        facilities.append([code, f"{name}养老服务站", "elderly_care", blank(area), "", "9", SYNTHETIC])
    workers = round(urban_residents / 10000 * 18 * county.level * rng.uniform(0.8, 1.3))
    if workers:
        tables["workforce"].append([code, "community_worker", blank(str(workers)), SYNTHETIC])
    if rng.random() < (0.5 if urban else 0.2) * county.level:
        tables["workforce"].append([code, "social_worker", str(rng.randint(1, 3)), SYNTHETIC])


def _service(rng: random.Random, county: _County, households: int, blank: Callable[[str], str]) -> list[str]:
    """Return floor area, activity area, opening hours and the synthetic mark of a comprehensive-service facility."""
    if rng.random() < 0.05:
        tenths = households * 3  # exactly 30 m² per 100 households
        area = tenths / 10
    elif rng.random() < 0.02:
        area = round(households * 0.3 - 0.0001, 4)  # one quantum short of it
    else:
        area = round(households * 0.31 * county.level * rng.uniform(0.8, 1.2), 2)
    activity = round(area * min(0.98, 0.6 * county.level * rng.uniform(0.85, 1.15)), 2)
    return [blank(_plain(area)), blank(_plain(activity)), rng.choice(["8", "8", "8.5", "9", "7.5"]), SYNTHETIC]


def _add_services(rng: random.Random, tables: dict[str, Rows]) -> None:
    """Fill what the plan's body asks of every community."""
    header, *rows = tables["communities"]
    at = {name: header.index(name) for name in header}
    certified = []
    for row in rows:
        urban = int(row[0][9:]) < 200
        row[at["building_stock"]] = "new" if urban and rng.random() < 0.3 else "existing"
        grids = int(row[at["households"]]) // 300 + 1 if row[at["households"]].isdigit() else 3
        row[at["grids"]] = str(grids)
        row[at["grids_with_party_group"]] = str(grids - (rng.random() < 0.1))
        row[at["social_organizations"]] = str(rng.randint(8, 16) if urban else rng.randint(4, 9))
        for post in ("secretaries", "directors"):
            row[at[post]] = "1"
            row[at[f"{post}_trained"]] = str(int(rng.random() < 0.97))
        for name in _YES_NO:
            row[at[name]] = rng.choice(["", "否", "否"]) if rng.random() < 0.01 else "是"
        if urban and rng.random() < 0.7:
            certified.append([row[0], "certified_community_worker", str(rng.randint(1, 4)), SYNTHETIC])
    tables["workforce"] += certified


def _add_townships(rng: random.Random, tables: dict[str, Rows]) -> None:
    """Give townships their social-work stations and subdistricts their elderly-care centres."""
    for row in tables["townships"][1:]:
        row[2] = str(int(rng.random() < 0.98))
        if row[1].endswith("街道") and rng.random() < 0.9:
            area = _plain(round(rng.uniform(800, 2500), 2))
            tables["facilities"].append(
                [row[0], f"{row[1]}综合养老服务中心", "elderly_care_centre", area, "", "24", SYNTHETIC]
            )


def _add_talents(tables: dict[str, Rows]) -> None:
    """Put the city's social-work talents on the city's own rolls."""
    for role, headcount in (
        ("social_work_leader", 2),
        ("social_work_supervisor", 47),
        ("social_work_manager", 312),
        ("trained_social_worker", 2105),
    ):
        tables["workforce"].append(["411400", role, str(headcount), SYNTHETIC])


def _add_evidence(rng: random.Random, tables: dict[str, Rows]) -> None:
    """Write a work ledger: some commitments proved, some said to be done, some not, some without a word."""
    regions = {"411400": _OWED_BY_CITY} | {county.code: _OWED_BY_COUNTY for county in _COUNTIES}
    for region, commitments in regions.items():
        for number, commitment in enumerate(commitments, start=1):
            draw = rng.random()
            if draw < 0.1:
                continue
            done, violations = (
                ("", str(int(draw > 0.9))) if commitment in _PROHIBITIONS else ("是" if draw < 0.85 else "否", "")
            )
            document = f"合成〔2025〕{region[-2:]}{number:02d}号" if draw < 0.7 and done != "否" else ""
            period = "2025" if commitment == "B140" else ""
            date = f"2025-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}" if document else ""
            tables["evidence"].append([commitment, region, period, done, violations, document, date, "", SYNTHETIC])


def _plain(amount: float) -> str:
    return f"{amount:.4f}".rstrip("0").rstrip(".")


def _blanks(rng: random.Random, share: float) -> Callable[[str], str]:
    """Return a function that loses some cells, in the ways that tables lose them."""

    def blank(cell: str) -> str:
        return rng.choice(["", "——", "/"]) if rng.random() < share else cell

    return blank
