"""What the command line does, run as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

import community_plan as cp
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


def test_the_table_of_main_indicators_may_be_asked_for_with_others(cli: Cli, plan: cp.Plan, counties: Path) -> None:
    """Each target once, in the plan's order, whatever the order asked."""
    other = "opening-hours"
    asked = ["--target", other, "--target", "main", "--target", "rural-facility-coverage"]
    rows = json.loads(cli("evaluate", str(counties / "411422"), *asked, "-f", "json")[1])
    expected = [target.id for target in plan.targets.values() if target.number is not None or target.id == other]
    assert [row["target"] for row in rows] == expected
    tally = json.loads(cli("tally", str(counties / "411422"), *asked)[1])
    assert {name for measure in tally["measures"] for name in measure["targets"]} == set(expected)
    assert [target.id for target in plan.choose(["main"])] == [target.id for target in plan.choose("main")]


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
        (
            ["judge", "rural-facility-coverage=93%", "rural-facility-coverage=92%"],
            2,
            "got 'rural-facility-coverage' twice",
        ),
        (["evaluate", "--unit", "households=户", "--unit", "households =百户"], 2, "got 'households' twice"),
        (["evaluate", "--reading", "A02=adopted", "--reading", "A02=as-printed"], 2, "for --reading, got 'A02' twice"),
        (["evaluate", "--by", "total,county"], 2, "expected `total` alone in --by, got total, county"),
        (["judge", "rural-facility=1", "urban-facility=2"], 2, "2 faults"),
        (["judge", "rural-facility-coverage=93 m²"], 1, "rural-facility-coverage: expected a unit such as '%'"),
        (["evalute"], 2, "evaluate"),
        (["evaluate", "--format", "xml"], 2, "xml"),
        (["sample", "tests"], 1, "new or an empty folder"),
        (["ledger", "no-such-folder"], 1, "no such file"),
        (["ledger", "--period", "abc"], 1, "expected a year such as 2025"),
        (["ledger", "--data", "sample"], 2, "expected evidence beside --data, got 'sample' alone"),
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


COMMAND = [sys.executable, "-m", "community_plan"]
POSIX = pytest.mark.skipif(os.name == "nt", reason="another shell")


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_verdict_counts_whether_or_not_anybody_reads_on(form: str) -> None:
    """A closed pipe is no fault, and takes no fault back."""
    for more, status in (([], 0), (["--fail-on", "not_met"], 1)):
        with subprocess.Popen([*COMMAND, "judge", "-f", form, *more], stdout=PIPE, stderr=PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == status


def test_help_may_be_read_in_part() -> None:
    """As with `| head`."""
    with subprocess.Popen([*COMMAND, "--help"], stdout=PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_full_disk_is_told(form: str) -> None:
    """In one line, once."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, "judge", "-f", form], stdout=full, stderr=PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"No space left on device\n")


@POSIX
def test_without_an_output_the_work_is_done_all_the_same(sample: Path, tmp_path: Path) -> None:
    """What would be printed goes nowhere; files are written, verdicts count, faults have their status."""
    output = str(tmp_path / "tally.json")
    for arguments, status in (
        (["tally", str(sample), "-o", output], 0),
        (["evaluate", output, "--fail-on", "not_met"], 1),
        (["evaluate", output, "--target", "none"], 2),
    ):
        done = subprocess.run(["bash", "-c", '"$@" >&- 2>&-', "bash", *COMMAND, *arguments], check=False)
        assert done.returncode == status
    assert Path(output).is_file()


@POSIX
def test_a_name_that_is_no_text_is_shown_as_it_came() -> None:
    """A file may be called anything."""
    done = subprocess.run([*COMMAND, "merge", b"no\xff.json"], stderr=PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"no\\udcff.json: cannot be read: No such file or directory\n"


def test_ctrl_c_ends_the_command_quietly() -> None:
    """While it starts, too."""
    code = """
import signal, sys
class Pressed:
    def find_spec(self, name, *_):
        if name == "cyclopts":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Pressed())
from community_plan.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_notes_follow_the_rows_that_they_are_on(sample: Path) -> None:
    """In one file as on the screen."""
    command = [*COMMAND, "evaluate", str(sample), "--target", "rural-facility-coverage", "-f", "json"]
    plain = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, stdout=PIPE, stderr=STDOUT, check=True, env=plain)
    assert "]\n有 32 个区划的设施" in done.stdout.decode("utf-8")


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


COUNTIES = ("411402", "411422", "411481")


@pytest.fixture(scope="module")
def counties(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cut three counties out of the sample, a folder each, and one with all of them."""
    folder = tmp_path_factory.mktemp("counties")
    for name, inside in (*((county, (county,)) for county in COUNTIES), ("all", COUNTIES)):
        (folder / name).mkdir()
        for table in ("communities", "facilities", "workforce", "townships"):
            header, *lines = (sample / f"{table}.csv").read_text("utf-8-sig").splitlines()
            kept = [line for line in lines if line.startswith(inside)]
            (folder / name / f"{table}.csv").write_text("\n".join([header, *kept, ""]), "utf-8")
    return folder


def test_counties_send_tallies_and_the_city_judges_them(cli: Cli, counties: Path, tmp_path: Path) -> None:
    """The same bytes as from all their communities at once, for all targets."""
    for county in COUNTIES:
        output = str(tmp_path / f"{county}.json")
        status, out, err = cli("tally", str(counties / county), "--by", "county", "--output", output)
        assert status == 0
        assert out == f"{output}: 1 个区划 · 33 个目标\n"
        assert "合成数据" in err
    merged = str(tmp_path / "city" / "merged.json")
    assert cli("merge", str(tmp_path), "--output", merged)[2] == f"{merged}: No such file or directory\n"
    (tmp_path / "city").mkdir()
    status, out, _ = cli("merge", str(tmp_path), "-o", merged, "--lang", "en")
    assert out == f"{merged}: 3 regions · 33 targets\n"
    for by in ("county", "city,county", "total"):
        expected = cli("evaluate", str(counties / "all"), "--by", by, "-f", "json")
        assert cli("evaluate", merged, "--by", by, "-f", "json") == expected
    files = [str(tmp_path / f"{county}.json") for county in COUNTIES]
    assert cli("merge", *files[::-1])[1] == Path(merged).read_text("utf-8")
    assert cli("evaluate", merged, "-f", "json", "--fail-on", "not_met")[0] == 1


def test_parts_are_declared_and_merged(cli: Cli, counties: Path, tmp_path: Path) -> None:
    """Half a county is no county until somebody says so."""
    files = []
    for county in COUNTIES[:2]:
        files.append(str(tmp_path / f"{county}.json"))
        arguments = ["--by", "city", "--target", "main", "--part", "-o", files[-1]]
        assert cli("tally", str(counties / county), *arguments)[0] == 0
    (tmp_path / "both.json").write_text(cli("merge", *files)[1], "utf-8")
    assert "1 处只计了一部分: 411400" in cli("evaluate", str(tmp_path / "both.json"))[1]
    (tmp_path / "both.json").write_text(cli("merge", *files, "--complete")[1], "utf-8")
    assert "只计了一部分" not in cli("evaluate", str(tmp_path / "both.json"))[1]


def test_files_of_parts_that_hold_the_same_are_told(cli: Cli, counties: Path, tmp_path: Path) -> None:
    """One may be a copy of the other; both add up."""
    one, copy = tmp_path / "one.json", tmp_path / "one (1).json"
    assert cli("tally", str(counties / COUNTIES[0]), "--target", "main", "--part", "-o", str(one))[0] == 0
    copy.write_bytes(one.read_bytes())
    status, _, err = cli("merge", str(one), str(copy), "-o", str(tmp_path / "both.json"), "--lang", "en")
    assert status == 0
    assert f"{copy} holds the same as {one}, and both are counted: if one is a copy, leave it out\n" in err


def test_a_tally_says_units_and_readings(cli: Cli, tmp_path: Path) -> None:
    """As evaluate does; a tally is judged in its own reading."""
    (tmp_path / "mine.csv").write_text("代码,户数,综合服务设施面积\n411422001001,1500,0.675\n", "utf-8")
    target = "facility-area-per-100-households"
    arguments = ["--target", target, "--unit", "综合服务设施面积=亩", "--reading", "A01=not-less-than"]
    output = str(tmp_path / "mine.json")
    assert cli("tally", str(tmp_path / "mine.csv"), *arguments, "-o", output)[0] == 0
    assert cli("tally", str(tmp_path / "mine.csv"), "--target", "facility-area")[0] == 2
    status, _, err = cli("evaluate", output)
    assert status == 1
    assert "expected the adopted readings, got reading A01=not-less-than" in err
    (row,) = json.loads(cli("evaluate", output, "--reading", "A01=not-less-than", "-f", "json")[1])
    assert (row["value"], row["verdict"]) == ("30", "met")


def test_an_output_is_none_of_the_inputs(cli: Cli, counties: Path, tmp_path: Path) -> None:
    """By whatever name; the inputs stay as they were."""
    shutil.copytree(counties / "411422", tmp_path / "data")
    table = tmp_path / "data" / "communities.csv"
    (tmp_path / "link").symlink_to(tmp_path / "data")
    own, sent = tmp_path / "data" / "tally.json", tmp_path / "sent"
    sent.mkdir()
    for _ in range(2):  # what was written into the folder of the data is none of them
        assert cli("tally", str(tmp_path / "data"), "--by", "county", "-o", str(own))[0] == 0
    for name in ("one.json", "other.json"):
        shutil.copy(own, sent / name)
    one, before = str(sent / "one.json"), {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    for arguments, output in (
        (["tally", str(table)], str(table)),
        (["tally", str(table)], str(tmp_path / "link" / "communities.csv")),
        (["tally", str(tmp_path / "data")], str(tmp_path / "data" / "townships.csv")),
        (["tally", str(tmp_path / "data" / "comm*.csv")], str(table)),
        (["merge", one, str(own)], one),
        (["merge", str(own), str(sent)], one),
    ):
        status, _, err = cli(*arguments, "-o", output)
        assert (status, err) == (2, f"expected an output that is none of the inputs, got {output!r}\n")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    assert cli("merge", one, "-o", str(own))[0] == 0


@POSIX
def test_a_tally_that_does_not_fit_leaves_the_file_as_it_was(counties: Path, tmp_path: Path) -> None:
    """And nothing beside it."""
    output = tmp_path / "tally.json"
    output.write_text("before", "utf-8")
    command = [*COMMAND, "tally", str(counties / "411422"), "--by", "community", "-o", str(output)]
    done = subprocess.run(["bash", "-c", 'ulimit -f 1; "$@"', "bash", *command], stderr=PIPE, check=False)
    assert (done.returncode, done.stderr.decode()) == (1, f"{output}: File too large\n")
    assert output.read_text("utf-8") == "before"
    assert list(tmp_path.iterdir()) == [output]


def test_a_table_without_rows_has_no_counties(cli: Cli, tmp_path: Path) -> None:
    """The whole of it is one region, with or without rows."""
    (tmp_path / "empty.csv").write_text("代码,户数,综合服务设施面积\n", "utf-8")
    for by, said in (("county", "0 个区划"), ("total", "1 个区划")):
        arguments = ["--by", by, "--target", "facility-area-per-100-households", "-o", str(tmp_path / "tally.json")]
        assert cli("tally", str(tmp_path / "empty.csv"), *arguments)[1].endswith(f": {said} · 1 个目标\n")


def test_a_tally_is_told_by_its_ending_in_any_case(cli: Cli, counties: Path, tmp_path: Path) -> None:
    """A file that ends otherwise is told what would do."""
    arguments = ["--by", "county", "--target", "rural-facility-coverage"]
    for name in ("411422.JSON", "411422.txt"):
        assert cli("tally", str(counties / "411422"), *arguments, "-o", str(tmp_path / name))[0] == 0
    expected = cli("evaluate", str(counties / "411422"), *arguments, "-f", "json")
    assert cli("evaluate", str(tmp_path / "411422.JSON"), "-f", "json") == expected
    status, _, err = cli("evaluate", str(tmp_path / "411422.txt"))
    assert status == 1
    assert "expected a file that ends in .csv or .parquet, or in .json for a tally, got '411422.txt'" in err


def test_an_id_in_a_file_that_names_nothing_is_a_fault_of_the_file(cli: Cli, counties: Path, tmp_path: Path) -> None:
    """On the command line it is wrong usage."""
    path = tmp_path / "tally.json"
    assert cli("tally", str(counties / "411422"), "--by", "county", "--target", "main", "-o", str(path))[0] == 0
    path.write_text(path.read_text("utf-8").replace('["rural-facility-coverage"]', '["rural-coverage"]'), "utf-8")
    status, _, err = cli("evaluate", str(path))
    assert (status, err) == (1, f"{path}: the tally names target 'rural-coverage', which the plan does not have\n")
    assert cli("evaluate", str(counties / "411422"), "--target", "rural-coverage")[0] == 2
    evidence = tmp_path / "evidence.csv"
    evidence.write_text("commitment,region,period,done,document,date\nno-such,411422,2025,yes,x,2025-01-01\n", "utf-8")
    status, _, err = cli("ledger", str(evidence))
    assert status == 1
    assert "no commitment 'no-such'" in err


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["tally"], 2, "DATA"),
        (["tally", "no-such-folder"], 1, "no such file"),
        (["merge"], 2, "TALLIES"),
        (["merge", "no.json"], 1, "no.json: cannot be read: No such file or directory"),
        (["evaluate", "no.json"], 1, "no.json: cannot be read: No such file or directory"),
        (["merge", "tests"], 1, "tests: expected a folder with *.json files, got none"),
        (["merge", "pyproject.toml", "pyproject.toml"], 1, "pyproject.toml: expected each tally once"),
    ],
)
def test_faults_of_tallies_are_one_line_too(cli: Cli, arguments: list[str], status: int, says: str) -> None:
    """With the file that has them."""
    found, out, err = cli(*arguments)
    assert found == status
    assert says in err + out
    assert "Traceback" not in err


def test_without_its_libraries_the_command_says_what_to_install() -> None:
    """Not a traceback."""
    code = 'import sys; sys.modules["cyclopts"] = None; from community_plan.__main__ import main; main()'
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, encoding="utf-8")
    assert run.returncode == 1
    assert 'pip install "community-plan[cli]"' in run.stderr
