"""What tables in files mean: the same whether plain Python reads them or, when they are large, polars."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import community_plan as cp
from community_plan import csv_lines, errors, tables
from community_plan.entry import MISSING_PATTERN, MISSING_WORDS
from community_plan.variables import normalise_word

AREA = "facility-area-per-100-households"
HEAD = "code,households,comprehensive_service_area"

Write = Callable[[str], Path]


@pytest.fixture(params=["small", "large"])
def write(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a CSV file that is read as a small or as a large one."""
    if request.param == "large":
        monkeypatch.setattr(tables, "_LARGE", 0)

    def written(text: str) -> Path:
        path = tmp_path / "communities.csv"
        path.write_text(text, "utf-8")
        return path

    return written


def regions(plan: cp.Plan, data: Any, by: Any) -> dict[str, int | None]:
    """Return the households of each region."""
    rows = plan.evaluate(data, targets=AREA, by=by).rows
    return {row.region: None if row.denominator is None else int(row.denominator) for row in rows}


def _spelt(word: str) -> st.SearchStrategy[str]:
    def like(char: str) -> st.SearchStrategy[str]:
        wide = [chr(ord(char) + 0xFEE0)] if "!" <= char <= "~" else []
        return st.sampled_from([char, char.upper(), *wide, f" {char}", f"{char}_"])

    return st.tuples(*map(like, word)).map("".join)


@given(st.sampled_from(sorted(MISSING_WORDS)).flatmap(_spelt) | st.text("-—/nａ不详 _x", max_size=5))
def test_engines_know_the_words_for_not_reported(word: str) -> None:
    """Whatever their case, width and spaces."""
    assert (re.fullmatch(MISSING_PATTERN, word) is not None) == (normalise_word(word) in MISSING_WORDS)


@pytest.mark.parametrize("cell", ["10²", "120①", "10₂", "⑩", "1e²", "10² 户"])
def test_a_number_with_a_footnote_is_told(plan: cp.Plan, write: Write, cell: str) -> None:
    """10² is not 102."""
    path = write(f"{HEAD}\n411422001201,{cell},30\n")
    with pytest.raises(errors.CellError, match=re.escape(repr(cell)) + "|unknown unit") as caught:
        plan.evaluate(path, targets=AREA)
    assert (caught.value.place.row, caught.value.place.column) == (1, "households")  # type: ignore[union-attr]  # a fault has a place


@pytest.mark.parametrize("cell", ["#DIV/0!", "1.2万", "480-500", "93%", "2023/5/1"])
def test_a_cell_that_is_no_amount_of_its_column_is_to_be_corrected(plan: cp.Plan, write: Write, cell: str) -> None:
    """A column of households wants no square metres, whatever else a text with a number may be."""
    path = write(f"{HEAD}\n411422001201,{cell},30\n")
    with pytest.raises(errors.CellError) as caught:
        plan.evaluate(path, targets=AREA)
    assert caught.value.mend == "correct the cell, or leave it empty if the value is not known"


@pytest.mark.parametrize("row", ["100,14.", "100., 14", "100,.5"])
def test_a_number_that_breaks_off_at_its_point_is_none(plan: cp.Plan, write: Write, row: str) -> None:
    """A file that was cut off may end in it."""
    path = write(f"{HEAD}\n411422001201,100,30\n411422001202,{row}\n")
    with pytest.raises(errors.CellError, match="expected one number with a unit"):
        plan.evaluate(path, targets=AREA)


@pytest.mark.parametrize("missing", ["", "  ", "不详", "--", "Ｎ／Ａ", "\u3000"])
def test_a_level_that_is_not_reported_follows_from_the_code(plan: cp.Plan, write: Write, missing: str) -> None:
    """And a name has no spaces around it: 睢县 is one county, whoever typed it."""
    path = write(
        f"{HEAD},county\n411422001201,100,30,睢县\n411422001202,200,60, 睢县 \n411423001201,300,90,{missing}\n"
    )
    assert regions(plan, path, "county") == {"睢县": 300, "411423": 300}


@pytest.mark.parametrize("missing", ["", "  ", "不详", "—"])
def test_a_level_that_nothing_tells_is_a_fault(plan: cp.Plan, write: Write, missing: str) -> None:
    """Without codes there is no region to put the row in."""
    path = write(f"区县,households,comprehensive_service_area\n睢县,100,30\n{missing},200,60\n")
    with pytest.raises(errors.CellError, match="expected a county, got none") as caught:
        plan.evaluate(path, targets=AREA, by="county")
    assert caught.value.place is not None
    assert (caught.value.place.row, caught.value.place.column) == (2, "区县")
    assert "add a column of codes" in str(caught.value)


@pytest.mark.parametrize("missing", ["", "  ", "不详", "n/a"])
def test_a_label_that_is_not_reported_is_none(plan: cp.Plan, write: Write, missing: str) -> None:
    """A column of the user's own is read like a level."""
    path = write(f"{HEAD},grade\n411422001201,100,30,A\n411422001202,200,60, A\n411422001203,300,90,{missing}\n")
    rows = plan.evaluate(path, targets=AREA, by="grade").rows
    assert {row.columns["grade"]: row.denominator for row in rows} == {"A": 300, None: 300}


def test_typed_rows_have_no_region_without_a_name(plan: cp.Plan) -> None:
    """Spaces are no name."""
    places = [
        cp.Community(code=f"411422001{number}", households=100, comprehensive_service_area=30, county=county)
        for number, county in enumerate(("睢县", " 睢县", "  ", None), start=201)
    ]
    assert regions(plan, places, "county") == {"睢县": 200, "411422": 200}


def test_columns_without_header_and_cells_are_no_columns(plan: cp.Plan, write: Write) -> None:
    """Spreadsheets leave them at the end, and in between."""
    path = write("code,,households,comprehensive_service_area,, \n411422001201,,100,30,,\n411422001202, ,200,60,,\n")
    assert regions(plan, path, "county") == {"411422": 300}


def test_one_column_without_a_header_may_have_cells(plan: cp.Plan, write: Write) -> None:
    """Pandas writes its index in one."""
    path = write(f",{HEAD},\n0,411422001201,100,30,\n1,411422001202,200,60,\n")
    assert regions(plan, path, "county") == {"411422": 300}


def test_several_columns_without_a_header_have_no_cells(plan: cp.Plan, write: Write) -> None:
    """What stands in them is lost by nobody."""
    path = write(f"{HEAD},,,\n411422001201,100,30,,,\n411422001202,200,60,x,,y\n")
    with pytest.raises(errors.AmbiguousColumnError, match="columns 4, 6 have cells but no header") as caught:
        plan.evaluate(path, targets=AREA)
    assert "Give each of them a header, or empty it" in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_first_line_has_the_headers(plan: cp.Plan, write: Write) -> None:
    """So that a row that a fault names is found again."""
    for blank in ("", ",,", " , "):
        with pytest.raises(errors.DataError, match=r"empty first line\. Delete the empty lines above the headers"):
            plan.evaluate(write(f"{blank}\n{HEAD}\n411422001201,100,30\n"), targets=AREA)


def test_the_ending_of_a_file_may_be_written_large(plan: cp.Plan, write: Write) -> None:
    """Some systems do so."""
    path = write(f"{HEAD}\n411422001201,100,30\n")
    path = path.rename(path.with_suffix(".CSV"))
    assert plan.evaluate(path, targets=AREA).row(AREA).value == 30
    assert plan.evaluate(path.parent, targets=AREA).row(AREA).value == 30
    path.rename(path.with_name("communities.2024.csv"))  # another table
    frame = pl.DataFrame({"code": ["411422001201"], "households": [100], "comprehensive_service_area": [60]})
    frame.write_parquet(path.with_suffix(".Parquet"))
    assert plan.evaluate(path.with_suffix(".Parquet"), targets=AREA).row(AREA).value == 60
    assert plan.evaluate(path.parent, targets=AREA).row(AREA).value == 60
    path.with_suffix(".csv").touch()
    with pytest.raises(errors.AmbiguousColumnError, match=r"communities\.Parquet and communities\.csv"):
        plan.evaluate(path.parent, targets=AREA)


def test_a_large_file_is_in_gb18030_even_if_that_shows_late(
    plan: cp.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first Chinese name may stand after a megabyte of codes and numbers."""
    monkeypatch.setattr(tables, "_LARGE", 0)
    path = tmp_path / "communities.csv"
    lines = [f"{HEAD},county,note", "411422001202,30,4,睢县,"]
    lines[1:1] = [f"411422{place:03d}201,1,0.4,,{'x' * 2**16}" for place in range(100, 120)]
    path.write_bytes("\n".join(lines).encode("gb18030"))
    assert regions(plan, path, "county") == {"411422": 20, "睢县": 30}


def test_a_header_may_have_its_unit_on_a_line_of_its_own(plan: cp.Plan, write: Write) -> None:
    """So spreadsheets keep columns narrow."""
    path = write('code,"户数\n（百户）","综合服务设施\n面积\n（亩）"\n411422001201,1.5,0.9\n')
    row = plan.evaluate(path, targets=AREA).row(AREA)
    assert (row.numerator, row.denominator) == (600, 150)


def told(plan: cp.Plan, path: Path | str) -> list[str]:
    """Return the faults of a file."""
    with pytest.raises(errors.DataError) as caught:
        plan.evaluate(path, targets=AREA)
    return [str(fault) for fault in caught.value.faults]


def test_a_file_that_is_cut_off_is_refused(plan: cp.Plan, write: Write) -> None:
    """What was lost on the way is not missing from the ground."""
    path = write(f"{HEAD},note\n411422001201,100,30,\n411422001202,200,60,a\n411422001203,30")
    assert told(plan, path) == [
        f"{path}, row 3: expected 4 cells, got 2. "
        "See that the file is whole, and add the cells that are missing, if only as empty ones."
    ]
    for row, above in ((1, ""), (2, "411422001201,100,30,\n"), (4, "411422001201,100,30,\n,,,\n,,,\n")):
        path = write(f'{HEAD},note\n{above}411422001202,200,60,"a')
        assert told(plan, path) == [
            f"{path}, row {row}: no readable CSV: unexpected end of data. "
            "See that the file is whole, and close the quotes of this row."
        ]


def test_lines_of_a_wrong_length_are_told_together(plan: cp.Plan, write: Write) -> None:
    """By how many cells they have, each kind with its first rows."""
    short, long = "411422001201,100", "411422001202,200,60,x"
    path = write("\n".join([HEAD, *[short] * 2, long, "", *[short] * 5]))
    assert [fault.split(". ")[0] for fault in told(plan, path)] == [
        f"{path}, row 1: expected 3 cells, got 2 (and so in 7 rows: 1, 2, 5, 6, 7 …)",
        f"{path}, row 3: expected 3 cells, got 4",
        f"{path}, row 4: expected 3 cells, got 0",
    ]


def test_each_file_of_a_pattern_is_looked_at(plan: cp.Plan, write: Write) -> None:
    """The place is in the file that has the fault."""
    path = write(f"{HEAD}\n411422001201,100,30\n")
    paths = [path.with_name(f"{name}.csv") for name in "abc"]
    for place, text in enumerate(["411422001201,100", "411422001202,200,60", "411422001203,300,60,"]):
        paths[place].write_text(f"{HEAD}\n{text}\n", "utf-8")
    path.unlink()
    short, long = told(plan, path.with_name("*.csv"))
    assert short.startswith(f"{paths[0]}, row 1: expected 3 cells, got 2")
    assert long == (
        f"{paths[2]}, row 1: expected 3 cells, got 4. "
        "Put cells that have a comma in double quotes, and give each column a header; "
        "a title above the headers has no place in the file."
    )


def test_files_of_a_pattern_have_the_same_columns(plan: cp.Plan, write: Write) -> None:
    """Each in its own encoding and folder; what one has not or has more is told, and large ones have one order."""
    first = write(f"{HEAD},county\n411422001201,100,30,睢县\n")
    pattern, other = first.parent / "**" / "*.csv", first.parent / "more" / "last.csv"
    (first.parent / "folder.csv").mkdir()
    other.parent.mkdir()
    other.write_bytes(f"{HEAD},county\n411422001202,200,60,睢县\n".encode("gb18030"))
    assert regions(plan, pattern, "county") == {"睢县": 300}
    other.write_text("code,households,county,note\n411422001202,200,,\n", "utf-8")
    assert told(plan, pattern) == [
        f"{other}: expected the columns of {first}, got no 'comprehensive_service_area', 'note'. "
        "Files of one pattern have the same columns."
    ]
    other.write_text("code,comprehensive_service_area,households,county\n411422001202,60,200,睢县\n", "utf-8")
    if tables._LARGE:
        assert regions(plan, pattern, "county") == {"睢县": 300}
    else:
        assert told(plan, pattern) == [f"{other}: expected the columns in the order of {first}, got another"]


def test_files_of_a_pattern_have_one_ending(plan: cp.Plan, write: Write) -> None:
    """A table that was saved in two ways is not counted twice."""
    path = write(f"{HEAD}\n411422001201,100,30\n")
    pl.read_csv(path).write_parquet(path.with_suffix(".parquet"))
    pattern = path.with_suffix(".*")
    assert told(plan, pattern) == [
        f"{pattern}: expected files of one ending, got 'communities.csv' and 'communities.parquet'. "
        "Write the ending into the pattern, such as *.csv."
    ]


def test_a_carriage_return_within_a_line_ends_it(plan: cp.Plan, write: Write) -> None:
    """Some take it for text; then a file would have other rows where it is large."""
    path = write(f"{HEAD},note\n411422001201,100,30,x\ry\n")
    assert [fault.split(". ")[0] for fault in told(plan, path)] == [f"{path}, row 2: expected 4 cells, got 1"]


def test_what_is_not_reported_is_not_rounded(plan: cp.Plan, write: Write) -> None:
    """The note counts the cells that did not come out even: 3 亩 are 2000 m²."""
    path = write(f"{HEAD}\n411422001201,100,1\n411422001202,100,\n411422001203,100,不详\n411422001204,100,3\n")
    result = plan.evaluate(path, targets=AREA, units={"comprehensive_service_area": "亩"})
    assert [(note.code, note.count) for note in result.notes] == [("rounded", 1)]


def test_separators_and_line_breaks_in_quotes_are_text(plan: cp.Plan, write: Write) -> None:
    """And so are quotes that are written twice."""
    path = write(f'{HEAD},note\n411422001201,"100",30,"a,b\n""c"",,"\n"411422001202",200,60,"",\n')
    assert told(plan, path)[0].startswith(f"{path}, row 2: expected 4 cells, got 5")
    path = write(f'{HEAD},note\n411422001201,"100",30,"a,b\n""c"",,"\n"411422001202",200,60,5" x 7", y\n')
    assert told(plan, path)[0].startswith(f"{path}, row 2: expected 4 cells, got 5")
    path = write(f'{HEAD},note\n411422001201,"100",30,"a,b\n""c"",,"\n"411422001202",200,60,5" x 7"\n')
    assert regions(plan, path, "county") == {"411422": 300}


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n,,\n,,\n", '\n"","",""\n  \n'])
def test_empty_lines_at_the_end_are_no_rows(plan: cp.Plan, write: Write, end: str) -> None:
    """Spreadsheets leave them there."""
    assert regions(plan, write(f"{HEAD}\n411422001201,100,30\n411422001202,200,60{end}"), "county") == {"411422": 300}


_CELLS = st.sampled_from(["", "1", " x ", "商丘", "a,b", 'q"q', "n\nl", "r\r\nn", ",,", "\n"])


@given(
    st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(_CELLS, min_size=width, max_size=width), max_size=8)),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.integers(0, 60),
    st.sampled_from([16, 64, 2**20]),
)
def test_large_files_are_cut_off_where_small_ones_are(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    end: str,
    quoted: bool,
    cut: int,
    block: int,
) -> None:
    """Wherever an upload ends: the same rows, or the same faults."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    width = len(rows[0]) if rows else 3
    writer.writerows([["code", "name", "note", "year"][:width], *rows])
    whole = text.getvalue()
    path = tmp_path_factory.mktemp("cut") / "communities.csv"
    path.write_text(whole[: max(30, len(whole) - cut)], "utf-8", newline="")
    found = []
    for large in (0, 2**25):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tables, "_LARGE", large)
            patch.setattr(csv_lines, "_BLOCK", block)
            try:
                table = tables.as_cells(tables.open_table(path, "communities"))
                found.append([table.rows, {name: [*map(str.strip, cells)] for name, cells in table.columns.items()}])
            except errors.DataError as error:
                found.append([str(error)])
    assert found[0] == found[1]


@given(
    st.lists(st.tuples(_CELLS, _CELLS, st.sampled_from(["1", "a,b", "n\nl"])), min_size=1, max_size=20),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", ",,", ",,\n,,"]),
    st.sampled_from([64, 2**20]),
)
def test_lines_of_one_length_are_counted_and_not_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], end: str, empty: str, block: int
) -> None:
    """A whole file of any size is opened in the time that its separators take to be counted."""
    path = tmp_path_factory.mktemp("even") / "communities.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator=end).writerows([("code", "name", "note"), *rows])
        file.write(empty.replace("\n", end))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_lines, "_BLOCK", block)
        assert csv_lines.even_rows(path, 3) == csv_lines.Rows(len(rows), empty_end=bool(empty))
