"""What the command line does, run as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from community_plan.cli import run

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command and return status, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_evaluate_without_data_runs_on_the_sample(cli: Cli) -> None:
    """Ten indicators × the city and its counties."""
    status, out, _ = cli("evaluate")
    assert status == 0
    for words in (
        "商丘市",
        "永城市",
        "豫东综合物流产业聚集区",
        "农村社区综合服务设施覆盖率",
        "每万城镇常住人口拥有社区工作者",
        "> 30 m²/百户",
        "未达标",
        "合成数据",
    ):
        assert words in out
    status, out, err = cli("evaluate", "--format", "json")
    found = json.loads(out)
    assert len(found) == 12 * 10
    assert {row["level"] for row in found} == {"city", "county"}
    assert "合成数据" in err


def test_evaluate_speaks_english(cli: Cli) -> None:
    """Labels change, ids do not."""
    _, out, _ = cli("evaluate", "--lang", "en", "--by", "county", "--target", "rural-facility-coverage")
    for words in ("Yongcheng", "not met", "Rural communities", "synthetic data"):
        assert words in out


def test_csv_opens_in_a_spreadsheet(cli: Cli, sample: Path) -> None:
    """Plain numbers, a row each, no formula."""
    status, out, _ = cli("evaluate", str(sample), "--by", "city,county", "--target", "main", "-f", "csv")
    assert status == 0
    table = list(csv.DictReader(io.StringIO(out)))
    assert len(table) == 120
    assert float(table[0]["value"]) > 90
    assert not any(cell.startswith(("=", "@", "+")) for row in table for cell in row.values())


def test_judge_without_values_judges_the_plans_own_baselines(cli: Cli) -> None:
    """Rows 1, 4 and 7 not met (30 is not more than 30), row 2 met, six unknown with the reason."""
    status, out, _ = cli("judge", "--format", "json")
    assert status == 0
    verdicts = {row["number"]: (row["verdict"], row["reason"]) for row in json.loads(out)}
    assert [number for number, (verdict, _) in verdicts.items() if verdict == "not_met"] == [1, 4, 7]
    assert [number for number, (verdict, _) in verdicts.items() if verdict == "met"] == [2]
    assert {verdicts[number] for number in (3, 5, 6, 8, 9, 10)} == {("unknown", "no_value")}
    _, out, _ = cli("judge")
    assert "未给出数值" in out


def test_judge_takes_values_and_readings(cli: Cli) -> None:
    """As a clerk types them."""
    arguments = [
        "judge",
        "rural-facility-coverage=92.1%",
        "community-workers-per-10000-urban-residents@四(五)1=5 人/万人",
        "-f",
        "json",
    ]
    rows = {row["target"]: row for row in json.loads(cli(*arguments)[1])}
    assert rows["rural-facility-coverage"]["gap"] == "-0.9"
    assert rows["community-workers-per-10000-urban-residents@四(五)1"]["verdict"] == "not_met"
    rows = {row["target"]: row for row in json.loads(cli(*arguments, "--reading", "A02=as-printed")[1])}
    assert rows["community-workers-per-10000-urban-residents@四(五)1"]["verdict"] == "met"


def test_plans_and_show(cli: Cli) -> None:
    """What there is, in three formats."""
    for form in ("table", "json", "csv"):
        status, out, _ = cli("plans", "--format", form)
        assert status == 0
        assert "shangqiu-14fyp" in out
        status, out, _ = cli("show", "shangqiu-14fyp", "--format", form)
        assert status == 0
    document = json.loads(cli("show", "--format", "json")[1])
    assert [target["number"] for target in document["targets"]] == [*range(1, 11), *[None] * 23]
    assert len(document["discrepancies"]) == 43
    assert "Σ Comprehensive-service floor area ÷ Σ Households" in cli("show", "--lang", "en", "--format", "csv")[1]


def test_sample_writes_the_sample(cli: Cli, tmp_path: Path, sample: Path) -> None:
    """And says what it is."""
    status, out, _ = cli("sample", str(tmp_path / "new"))
    assert status == 0
    assert "synthetic" in out
    assert (tmp_path / "new" / "communities.csv").read_bytes() == (sample / "communities.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["evaluate", "no-such-folder"], 1, "no such file"),
        (["evaluate", "--plan", "shangqiu-14fy"], 2, "did you mean 'shangqiu-14fyp'"),
        (["evaluate", "--target", "rural-coverage"], 2, "no target 'rural-coverage'"),
        (["evaluate", "--unit", "households"], 2, "expected NAME=VALUE"),
        (["evaluate", "--unit", "households=m²"], 1, "expected a unit such as '户', got 'm²'"),
        (["evaluate", "--by", "conty"], 1, "did you mean 'county'"),
        (["evaluate", "--reading", "A02=never"], 2, "no reading of A02 'never'"),
        (["judge", "rural-facility-coverage"], 2, "expected NAME=VALUE"),
        (["judge", "rural-facility-coverage=93 m²"], 1, "rural-facility-coverage: expected a unit such as '%'"),
        (["evalute"], 2, "evaluate"),
        (["evaluate", "--format", "xml"], 2, "xml"),
        (["sample", "tests"], 1, "new or an empty folder"),
        (["ledger", "no-such-folder"], 1, "no such file"),
        (["ledger", "--period", "abc"], 1, "expected a year such as 2025"),
        (["ledger", "--as-of", "soon"], 1, "expected a date such as '2025-12-31'"),
        (["schema", "--folder", "README.md"], 1, "README.md: File exists"),
        (["export", "shangqiu"], 2, "did you mean 'shangqiu-14fyp'"),
    ],
)
def test_errors_are_one_line_for_people_and_a_status_for_programs(
    cli: Cli, arguments: list[str], status: int, says: str
) -> None:
    """No traceback."""
    found, out, err = cli(*arguments)
    assert found == status
    assert says in err + out
    assert "Traceback" not in err


def test_fail_on_a_verdict(cli: Cli, sample: Path) -> None:
    """For a pipeline that must stop."""
    arguments = ["evaluate", str(sample), "--target", "rural-facility-coverage", "-f", "json"]
    assert cli(*arguments, "--by", "city", "--fail-on", "not_met")[0] == 0
    assert cli(*arguments, "--by", "county", "--fail-on", "not_met")[0] == 1
    assert cli(*arguments, "--by", "county", "--fail-on", "unknown", "--fail-on", "not_met")[0] == 1


def test_the_installed_command_runs(sample: Path) -> None:
    """As `python -m community_plan`, in a pipe that closes early, whatever the locale."""
    command = [sys.executable, "-m", "community_plan", "evaluate", str(sample), "--by", "township"]
    done = subprocess.run(command, capture_output=True, check=True, env={"PYTHONIOENCODING": "ascii"})
    assert "街道" in done.stdout.decode("utf-8")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_check_prints_every_fault_with_file_and_line(cli: Cli, tmp_path: Path) -> None:
    """And its status says whether there were any."""
    assert cli("check", "shangqiu-14fyp")[0] == 0
    (tmp_path / "plan.toml").write_text('id = "x"\ntitel = "y"\n', "utf-8")
    status, out, _ = cli("check", str(tmp_path))
    assert status == 1
    assert "plan.toml:2, titel: unknown key 'titel'; did you mean 'title'?" in out
    assert "missing key 'start'" in out


def test_schema_and_export_need_no_python_to_be_read(cli: Cli, tmp_path: Path) -> None:
    """JSON Schemas for an editor, and one JSON for everybody else."""
    schema = json.loads(cli("schema", "targets")[1])
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(json.loads(cli("schema")[1])) > {"plan", "targets", "registry"}
    assert cli("schema", "--folder", str(tmp_path / "schemas"))[0] == 0
    assert (tmp_path / "schemas" / "plan.schema.json").is_file()
    assert cli("schema", "target")[0] == 2
    exported = json.loads(cli("export", "shangqiu-14fyp")[1])
    assert len(exported["commitments"]) == 152
