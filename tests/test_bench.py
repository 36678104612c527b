"""The benchmarks compare equals: their data are good, and what is written by hand finds what the library finds."""

from __future__ import annotations

import importlib
import json
import re
import time
from typing import Any

import pytest

import community_plan as cp

pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")

from bench import data, library, report, ten, timing  # noqa: E402
from bench.__main__ import compare_digests, kept_beside  # noqa: E402
from bench.worker import not_installed  # noqa: E402

LEVELS = (None, "city", "county", "township")


@pytest.fixture(scope="module")
def table() -> Any:
    return data.table(data.Spec(2_000))


@pytest.fixture(scope="module")
def truth(table: Any) -> dict[Any, ten.Answers]:
    return {by: library.answers(library.evaluate(table, by)) for by in LEVELS}


def test_generated_communities_are_good_data(table: Any) -> None:
    """Codes that the registry's rules accept, 22 columns, no fault, and the same each time."""
    assert (table.num_rows, table.column_names) == (2_000, list(data.COLUMNS))
    codes = table["code"].to_pylist()
    assert codes == sorted(set(codes))
    regions = [cp.Region(code=code) for code in codes]
    assert {region.level for region in regions} == {"community"}
    assert [region.setting for region in regions] == table["setting"].to_pylist()
    assert [cp.Region(code=code[:6]).county_kind for code in codes] == table["county_kind"].to_pylist()
    assert table.equals(data.table(data.Spec(2_000)))


@pytest.mark.parametrize(
    "spec",
    [
        data.Spec(2_000, nulls=0.0),
        data.Spec(2_000, shuffled=True),
        data.Spec(400, years=5),
        data.Spec(1),
    ],
    ids=lambda spec: spec.name,
)
def test_every_kind_of_data_evaluates(spec: data.Spec) -> None:
    """Without nulls, in no order, over years, and a single row."""
    made = data.table(spec)
    assert made.num_rows == spec.rows
    result = library.evaluate(made, ["year", "county"])
    assert {row.period for row in result} == {str(2026 - year) for year in range(1, spec.years + 1)}


def test_wide_data_have_the_columns_of_every_target(plan: cp.Plan) -> None:
    """Every target that reads the communities table alone."""
    from community_plan.measures import variables_of

    targets = [
        target.id
        for target in plan.targets.values()
        if plan.variables.table_of(variables_of(plan.measure_of(target))) == "communities"
    ]
    assert len(library.evaluate(data.table(data.Spec(200, wide=True)), None, targets)) == len(targets)


@pytest.mark.parametrize("by", LEVELS)
@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_what_is_written_by_hand_finds_the_same(
    engine: str, by: str | None, table: Any, truth: dict[Any, ten.Answers]
) -> None:
    """The ten values, to 1e-9; where polars counts exactly also the verdicts."""
    pytest.importorskip(engine)
    hand = importlib.import_module(f"bench.by_{engine}")
    frame = {"polars": _polars, "pandas": lambda made: made.to_pandas(), "pyarrow": lambda made: made}[engine](table)
    ten.compare(truth[by], hand.read_answers(hand.evaluate(frame, by), by))
    if engine == "polars":
        result = hand.evaluate(frame, by, exact=True)
        ten.compare(truth[by], hand.read_answers(result, by), verdicts=True)


def _polars(made: Any) -> Any:
    import polars as pl

    return pl.from_arrow(made)


@pytest.mark.parametrize("by", LEVELS)
def test_sql_finds_the_same(by: str | None, table: Any, truth: dict[Any, ten.Answers]) -> None:
    """In floats and in exact integers."""
    duckdb = pytest.importorskip("duckdb")
    from bench import by_pyarrow, by_sql

    link = duckdb.connect()
    link.register("t", table)
    for exact in (False, True):
        result = link.sql(by_sql.query("t", by, exact=exact)).to_arrow_table()
        ten.compare(truth[by], by_pyarrow.read_answers(result, by), verdicts=exact)


def test_pint_finds_the_same(table: Any, truth: dict[Any, ten.Answers]) -> None:
    """Quantities on objects, one by one."""
    from bench import by_pint

    ten.compare(truth["county"], by_pint.evaluate(table.select(by_pint.FIELDS).to_pylist()))


def test_openfisca_finds_the_same(table: Any, truth: dict[Any, ten.Answers]) -> None:
    """As far as 32-bit floats go."""
    pytest.importorskip("openfisca_core")
    from bench import by_openfisca

    for members in (by_openfisca.from_pandas(table.to_pandas()), by_openfisca.from_polars(_polars(table))):
        simulation = by_openfisca.build(by_openfisca.system(), members)
        result = by_openfisca.read_answers(by_openfisca.compute(simulation))
        ten.compare(truth["county"], result, tolerance=by_openfisca.TOLERANCE)


def test_a_disagreement_is_told(truth: dict[Any, ten.Answers]) -> None:
    """A contender that did other work does not get away with its time."""
    values, met = truth[None]["total"]
    for wrong in ({}, {"total": ([values[0] * 1.001, *values[1:]], met)}, {"total": ([None, *values[1:]], met)}):
        with pytest.raises(ten.DisagreementError):
            ten.compare(truth[None], wrong)


def test_other_bytes_from_another_engine_are_told() -> None:
    """Processes over the same data have to find the same JSON."""
    lines = [
        {"group": "process", "rows": rows, "contender": contender, **({"digest": digest} if digest else {})}
        for rows, contender, digest in [(9, "path", "a"), (9, "Spark", "b"), (9, "hand", None), (8, "path", "b")]
    ]
    compare_digests(lines)
    assert [line["contender"] for line in lines if "disagreement" in line] == ["Spark"]


def test_a_package_can_be_taken_for_not_installed() -> None:
    """Neither found nor imported, and back again afterwards."""
    with not_installed(("imaplib",)):
        assert importlib.util.find_spec("imaplib") is None
    assert importlib.util.find_spec("imaplib") is not None


def test_what_is_not_measured_anew_is_kept_and_says_its_run() -> None:
    """Groups of a size as they were published; those that were measured now replace theirs, in all their cases."""

    def line(group: str, rows: int, case: str, seconds: float) -> dict[str, Any]:
        return {"group": group, "rows": rows, "case": case, "contender": "library", "seconds": seconds, "repeats": 3}

    before = {
        "date": "2026-01-02",
        "revision": "abc",
        "measurements": [line("polars", 650_000, "city", 1.0), line("polars", 10_000_000, "city", 9.0)],
    }
    now = {"date": "2026-02-03", "revision": "def", "measurements": [line("polars", 650_000, "whole", 2.0)]}
    both = kept_beside(now, before)
    assert both["revision"] == "def"
    assert both["measurements"] == [
        line("polars", 650_000, "whole", 2.0),
        {"run": "2026-01-02, abc", **line("polars", 10_000_000, "city", 9.0)},
    ]
    assert report.linearity(both["measurements"]) == []
    page = report.table("polars", [(rows, case, found) for _, rows, case, found in report.races(both)], "en")
    assert "- Measured in an earlier run: 2026-01-02, abc (10,000,000)" in page
    later = kept_beside({"date": "2026-03-04", "measurements": []}, both)
    assert [each["run"] for each in later["measurements"]] == ["2026-02-03, def", "2026-01-02, abc"]


def test_the_published_report_reads() -> None:
    """In both languages, and every line of it belongs to a known group."""
    published = report.load()
    assert {line["group"] for line in published["measurements"]} <= report.GROUPS.keys()
    assert not [line for line in published["measurements"] if line.get("disagreement")]
    languages: tuple[report.Lang, ...] = ("zh", "en")
    for lang in languages:
        assert json.dumps(report.parts(published, lang))


def test_the_page_begins_with_what_its_tables_say_of_counties() -> None:
    """Whoever reads one line of a group reads the same as in its table."""
    page = report.parts(report.load(), "en")
    told = re.findall(r"\(#(.*)\): (.*), (.*) ×", page["contents"])
    assert {"polars", "pandas", "pyarrow", "duckdb", "spark"} <= {group for group, *_ in told}
    for group, spent, ratio in told:
        table = page["tables"].partition(f"{{#{group}}}")[2].partition("\n### ")[0]
        row = next(line for line in table.split("\n") if line.startswith("| 650,000 | by county | by hand, floats |"))
        assert [row.split(" | ")[place] for place in (3, 5)] == [spent, ratio]


@pytest.mark.parametrize(("warm", "calls"), [(2, 1), (4, 4)])
def test_a_long_call_is_repeated_only_where_a_virtual_machine_warms_up(
    monkeypatch: pytest.MonkeyPatch, warm: int, calls: int
) -> None:
    """A loop of minutes is called once; Spark's first calls say nothing of the later ones."""
    monkeypatch.setattr(timing, "LONG", 1e-12)
    monkeypatch.setattr(timing, "QUICK", 0)
    done: list[int] = []
    found = timing.in_turns({"one": lambda: done.append(1)}, budget=0, warm=warm)
    assert len(done) == calls
    assert found["one"].seconds == [found["one"].first]


def test_quick_calls_are_warmed_up_until_loops_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others have twice to be enough."""
    monkeypatch.setattr(timing, "QUICK", 0.01)
    done: list[str] = []

    def slow() -> None:
        time.sleep(0.02)
        done.append("slow")

    timing.in_turns({"quick": lambda: done.append("quick"), "slow": slow}, budget=0)
    assert done.count("quick") == timing.OFTEN + timing.LEAST_REPEATS
    assert done.count("slow") == 2 + timing.LEAST_REPEATS
