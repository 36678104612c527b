"""Tables: the data a user hands over, whatever their form — frames, files, typed objects."""

from __future__ import annotations

import codecs
import contextlib
import csv
import functools
import glob
import importlib.util
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from community_plan.csv_lines import NO_TITLE, even_rows, uneven_lines
from community_plan.domain import Community, Facility, Township, Workforce
from community_plan.entry import Source
from community_plan.errors import (
    AmbiguousColumnError,
    CommunityPlanError,
    DataError,
    MissingDependencyError,
    Place,
    raise_faults,
)
from community_plan.variables import TableName

__all__ = [
    "SAVE_AS_CSV",
    "SUFFIXES",
    "TABLES",
    "CellTable",
    "Dataset",
    "Opened",
    "RawTable",
    "as_cells",
    "file_in",
    "open_dataset",
    "open_table",
    "open_tables",
    "path_of",
]

SUFFIXES = (".csv", ".parquet")
"""Endings of the files that hold tables, in lower case."""
SAVE_AS_CSV = "save the table as CSV, with its headers in the first line"
"""What can be done with a file of another kind."""
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".et", ".ods")
_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
"""How workbooks and packed files begin, whatever their ending."""
_SEPARATORS = {";": "semicolons", "\t": "tabs", "，": "wide commas", "|": "bars"}
"""What may stand in the place of commas."""
_CONTINUED = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 with which no character begins."""
_OBJECTS: dict[TableName, type] = {
    "communities": Community,
    "facilities": Facility,
    "workforce": Workforce,
    "townships": Township,
}
TABLES: tuple[TableName, ...] = tuple(_OBJECTS)
"""Tables of a dataset."""


@attrs.frozen(kw_only=True)
class Dataset:
    """The tables that a plan is evaluated on. Each is a frame, a path, or an iterable of typed objects.

    The facilities and workforce tables are registers: what a community has follows from its rows.
    """

    communities: Any
    """A row per community, or per community and year."""
    facilities: Any = None
    """A row per facility."""
    workforce: Any = None
    """A row per region and role."""
    townships: Any = None
    """A row per township. Typed objects are `Township`."""
    unlisted: Literal["zero", "unknown"] = attrs.field(default="zero")
    """What a community without a row in a register has: nothing of the kind, or nobody knows."""

    @unlisted.validator
    def _known(self, _: object, value: object) -> None:
        if value not in ("zero", "unknown"):
            raise DataError(f"unlisted: expected 'zero' or 'unknown', got {value!r}")


@attrs.frozen(kw_only=True)
class CellTable:
    """A table of Python cells: headers to columns of one length."""

    source: Source
    """Where it comes from."""
    columns: Mapping[str, Sequence[Any]]
    """Header to cells."""
    rows: int
    """Number of rows."""
    objects: bool = False
    """Whether the cells are attributes of typed objects, which may be unset on all of them."""

    def without_unset(self, names: Iterable[str]) -> CellTable:
        """Return the table without those of the named columns that no object sets."""
        unset = {name for name in names if self.objects and all(cell is None for cell in self.columns.get(name, ()))}
        return attrs.evolve(self, columns={name: c for name, c in self.columns.items() if name not in unset})


@attrs.frozen(kw_only=True)
class RawTable:
    """A table as a frame that narwhals knows, with where it comes from."""

    source: Source
    frame: Any
    """A narwhals DataFrame."""


def open_dataset(data: Any) -> Dataset:
    """Return the dataset that a user's data are: a Dataset, or a folder with its files, or the communities alone.

    Raises:
        DataError: If a folder has no communities table, or a table that cannot be read.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | Path) and path_of(data).is_dir():
        files: dict[str, Any] = {}
        faults: list[CommunityPlanError] = []
        for name in TABLES:
            try:
                files[name] = file_in(Path(data), name)
            except CommunityPlanError as error:
                faults.extend(error.faults)
        raise_faults(faults, subject="The data cannot be read")
        return Dataset(**files)
    return Dataset(communities=data)


def path_of(data: str | Path) -> Path:
    """Return the path that a user hands over.

    Raises:
        DataError: If it can be none, such as the text of a table; or if it cannot be looked at.
    """
    name = str(data)
    if not name.strip() or "\n" in name:
        got = "a text of several lines" if name.strip() else "an empty text"
        raise DataError(
            f"expected the path of a file or folder, got {got}", mend="save the table as a file, and pass its path"
        )
    path = Path(data)
    try:
        path.is_dir()
    except OSError as error:
        shown = name if len(name) <= 60 else f"{name[:60]}…"
        raise DataError(f"expected the path of a file or folder, got {shown!r}: {error.strerror}") from error
    return path


def file_in(folder: Path, name: TableName) -> Path | None:
    """Return the one file of a table in a folder, or None; a folder without communities is a fault.

    Raises:
        DataError: If there are two files for the table, or only a workbook, or none for the communities.
    """
    with _readable(folder):
        # Upper case makes another file on some systems, but never another table.
        named = sorted(path for path in folder.iterdir() if path.stem.lower() == name and path.is_file())
    found = [path for path in named if path.suffix.lower() in SUFFIXES]
    if len(found) > 1:
        raise AmbiguousColumnError(
            f"expected one file for {name}, got {' and '.join(path.name for path in found)}",
            place=Place(file=str(folder)),
            mend="keep one of them",
        )
    workbooks = [path.name for path in named if path.suffix.lower() in _WORKBOOKS]
    if not found and workbooks:
        raise DataError(
            f"expected a file {name}.csv or {name}.parquet, got {' and '.join(workbooks)}",
            place=Place(file=str(folder)),
            mend=SAVE_AS_CSV,
        )
    if not found and name == "communities":
        raise DataError(
            "expected a file communities.csv or communities.parquet, got none",
            place=Place(file=str(folder)),
            mend="`community-plan sample DIR` writes a folder to compare with",
        )
    return found[0] if found else None


def open_table(data: Any, table: TableName, kind: type | None = None) -> CellTable | RawTable:
    """Open one table: a path, a frame, or an iterable of typed objects of the table's `kind`.

    Raises:
        DataError: If the data are none of these, or a file cannot be read.
        MissingDependencyError: If a parquet file is given and neither polars nor pyarrow is installed.
    """
    if isinstance(data, str | Path):
        return _open_file(path_of(data), table)
    kind = kind or _OBJECTS[table]
    if isinstance(data, kind):
        data = [data]
    if not isinstance(data, list | tuple | Mapping):
        from community_plan import frames

        if frames.is_frame(data):
            return RawTable(source=Source(table=table), frame=frames.as_frame(data))
    if isinstance(data, Iterable) and not isinstance(data, Mapping):
        items = list(data)
        wrong = next((row for row, item in enumerate(items, start=1) if not isinstance(item, kind)), None)
        if wrong is None:
            columns = {field.name: [getattr(item, field.name) for item in items] for field in attrs.fields(kind)}
            return CellTable(source=Source(table=table), columns=columns, rows=len(items), objects=True)
        got = type(items[wrong - 1]).__name__
        raise DataError(f"expected {kind.__name__} objects, got {got}", place=Place(table=table, row=wrong))
    raise DataError(
        f"expected a frame, a path or {kind.__name__} objects, got {type(data).__name__}",
        place=Place(table=table),
        mend="pass a polars or pandas frame, the path of a CSV or parquet file, or typed objects",
    )


def as_cells(table: CellTable | RawTable) -> CellTable:
    """Return a table as Python cells, whatever holds it."""
    if isinstance(table, CellTable):
        return table
    from community_plan import frames

    columns = frames.cells_of(table.frame)
    return CellTable(source=table.source, columns=columns, rows=len(next(iter(columns.values()), [])))


def _open_file(path: Path, table: TableName) -> CellTable | RawTable:
    source = Source(table=table, file=str(path), text=True)
    paths = _matching(path)
    kind = paths[0].suffix.lower()
    wrong = next((each.name for each in paths if each.suffix.lower() not in SUFFIXES), None)
    if wrong is not None:
        raise DataError(
            f"expected a file that ends in {' or '.join(SUFFIXES)}, got {wrong!r}",
            place=Place(file=str(path)),
            mend=SAVE_AS_CSV,
        )
    other = next((each.name for each in paths if each.suffix.lower() != kind), None)
    if other is not None:
        raise DataError(
            f"expected files of one ending, got {paths[0].name!r} and {other!r}",
            place=Place(file=str(path)),
            mend=f"write the ending into the pattern, such as *{kind}",
        )
    if kind == ".parquet":
        return RawTable(source=attrs.evolve(source, text=False), frame=_open_parquet(paths))
    if importlib.util.find_spec("polars") is not None and _is_large(paths):
        frame = _scan_csv(paths, source)
        if frame is not None:
            return RawTable(source=source, frame=frame)
    tables: list[CellTable] = []
    faults: list[CommunityPlanError] = []
    for each in paths:
        try:
            tables.append(_read_csv(each, attrs.evolve(source, file=str(each))))
        except CommunityPlanError as error:
            faults.extend(error.faults)
    raise_faults(faults, subject=str(path))
    return tables[0] if len(tables) == 1 else _stacked(tables, source)


def _matching(path: Path) -> list[Path]:
    """Return the files that a path or a pattern such as `data/*.parquet` names, in the order of their names."""
    if path.is_file():
        return [path]
    name = str(path)
    found = [Path(m) for m in sorted(glob.glob(name, recursive=True))] if glob.has_magic(name) else []  # noqa: PTH207  # takes absolute patterns
    files = [match for match in found if match.is_file()]
    if not files and path.exists():
        got = "a folder" if path.is_dir() else "a pipe or device"
        raise DataError(f"expected a file, got {got}", place=Place(file=name), mend="save the table, and pass its path")
    if not files:
        raise DataError("no such file", place=Place(file=name))
    return files


def _stacked(tables: Sequence[CellTable], source: Source) -> CellTable:
    """Put files of one kind below each other."""
    headers = list(tables[0].columns)
    for table in tables[1:]:
        _check_headers(headers, list(table.columns), tables[0].source.file, table.source.file)
    columns = {header: [cell for table in tables for cell in table.columns[header]] for header in headers}
    return CellTable(source=source, columns=columns, rows=sum(table.rows for table in tables))


def _check_headers(first: Sequence[str], other: Sequence[str], first_file: str | None, file: str | None) -> None:
    if sorted(first) != sorted(other):
        lacks = [repr(header) for header in first if header not in other]
        more = [repr(header) for header in other if header not in first]
        said = [*(f"no {header}" for header in lacks), *more]
        raise DataError(
            f"expected the columns of {first_file}, got {', '.join(said)}",
            place=Place(file=file),
            mend="files of one pattern have the same columns",
        )


_LARGE = 2**25
"""Bytes of text from which on an engine reads it in pieces (32 MiB)."""


def _is_large(paths: Sequence[Path]) -> bool:
    """Say whether text is large and in the encoding that engines read."""
    if sum(path.stat().st_size for path in paths) < _LARGE:
        return False
    return all(map(_is_utf8, paths))


def _is_utf8(path: Path) -> bool:
    """Say whether a file is in UTF-8, by the first megabyte of it that is not plain ASCII, and by how it ends."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _readable(path), path.open("rb") as file:
        try:
            for some in iter(functools.partial(file.read, 2**20), b""):
                decoder.decode(some)
                if b"\0" in some:  # UTF-16 without a mark
                    return False
                if not some.isascii():
                    break
            # Of a last character that is cut off, three bytes are left at most.
            file.seek(max(0, file.seek(0, io.SEEK_END) - 3))
            file.read().lstrip(_CONTINUED).decode("utf-8")
        except UnicodeDecodeError:
            return False
    return True


def _scan_csv(paths: Sequence[Path], source: Source) -> Any:
    """Return large CSV files as a lazy frame, None if their lines are such as engines do not agree on.

    Raises:
        DataError: If lines have not as many cells as their header.
    """
    from community_plan import frames

    # A header is stripped, so that no other is written in spaces.
    headers = [header or " " * place for place, header in enumerate(_same_headers(paths), start=1)]
    rows = {}
    doubtful = []
    for path in paths:
        with _readable(path):
            found = even_rows(path, len(headers))
        if found is None:
            doubtful.append(path)
        elif found.empty_end:
            rows[str(path)] = found.count
    if doubtful:
        faults = [fault for path in doubtful for fault in _uneven(path, attrs.evolve(source, file=str(path)))]
        raise_faults(faults, subject=source.file or "")
        return None
    frame = frames.scan_csv([str(each) for each in paths], headers, rows)
    unnamed = [header for header in headers if not header.strip()]
    if len(unnamed) > 1:
        _check_unnamed([len(header) for header in frames.filled(frame, unnamed)], Place(file=str(paths[0])))
    return frame


def _uneven(path: Path, source: Source) -> list[CommunityPlanError]:
    """Return the faults of the lines of a file, read one after another."""
    with _readable(path), path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        return uneven_lines(lines, len(next(lines)), source)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Tell in one kind of error what goes wrong with a file, and with which."""
    try:
        yield
    except OSError as error:
        raise DataError(f"no readable file: {error.strerror}", place=Place(file=str(path))) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"no readable CSV: {error}", place=Place(file=str(path))) from error


def _same_headers(paths: Sequence[Path]) -> list[str]:
    """Return the headers of CSV files that all have the same, in one order."""
    first: list[str] = []
    for path in paths:
        with _readable(path), path.open(encoding="utf-8-sig", newline="") as file:
            line = next(csv.reader(file), None)
        headers = _headers_of(line, Place(file=str(path)))
        if first:
            _check_headers(first, headers, str(paths[0]), str(path))
            if first != headers:
                raise DataError(
                    f"expected the columns in the order of {paths[0]}, got another", place=Place(file=str(path))
                )
        first = headers
    return first


def _headers_of(line: Sequence[str] | None, place: Place) -> list[str]:
    """Return the headers that the first line of a file has; some may be empty."""
    if line is None:
        raise DataError("expected a line of headers, got an empty file", place=place)
    headers = [header.strip() for header in line]
    if not any(headers):
        mend = "delete the empty lines above the headers"
        raise DataError("expected a line of headers, got an empty first line", place=place, mend=mend)
    separator = next((each for each in _SEPARATORS if each in headers[0]), None)
    if len(headers) == 1 and separator is not None:
        problem = f"expected headers with commas between them, got {_SEPARATORS[separator]}"
        raise DataError(problem, place=place, mend="save the table with commas between its cells")
    twice = [header for position, header in enumerate(headers) if header and header in headers[:position]]
    raise_faults(
        [
            AmbiguousColumnError(
                f"two columns are headed {header!r}",
                place=attrs.evolve(place, column=header),
                mend="drop or rename one of them",
            )
            for header in twice
        ],
        subject=place.file or "",
    )
    return headers


def _check_unnamed(filled: Sequence[int], place: Place) -> None:
    """See that at most one column without a header has cells; pandas writes its index in such a one."""
    if len(filled) > 1:
        listed = ", ".join(map(str, filled))
        mend = f"give each of them a header, or empty it; {NO_TITLE}"
        raise AmbiguousColumnError(f"columns {listed} have cells but no header", place=place, mend=mend)


def _open_parquet(paths: Sequence[Path]) -> Any:
    from community_plan import frames

    libraries: tuple[Literal["polars", "pyarrow"], ...] = ("polars", "pyarrow")
    for library in libraries:
        if importlib.util.find_spec(library) is not None:
            try:
                return frames.open_parquet([str(path) for path in paths], library)
            except CommunityPlanError:  # it names the file
                raise
            except Exception as error:  # each engine has errors of its own; the user gets one kind
                raise DataError(f"no readable parquet: {error}", place=Place(file=str(paths[0]))) from error
    raise MissingDependencyError("polars or pyarrow", extra="polars", purpose="reading parquet")


def _decode(path: Path) -> str:
    """Decode a text file: by its byte order mark, else UTF-8, else GB18030 (Excel in China writes it)."""
    raw = path.read_bytes()
    if raw.startswith(_ARCHIVES):
        raise DataError("expected text, got a workbook or a packed file", place=Place(file=str(path)), mend=SAVE_AS_CSV)
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return raw.decode(encoding)
    for encoding in ("utf-8", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":  # UTF-8 that is cut off may be read as GB18030, and is none
                break
            continue
        # A Big5 file read as GB18030 shows characters of the private-use area; one in UTF-16 without a mark, zeros.
        if "\0" not in text and (encoding == "utf-8" or not any("\ue000" <= char <= "\uf8ff" for char in text)):
            return text
    mend = "see that the file is whole, and save it as UTF-8"
    raise DataError("expected UTF-8 or GB18030 text", place=Place(file=str(path)), mend=mend)


def _read_csv(path: Path, source: Source) -> CellTable:
    with _readable(path):
        text = _decode(path)
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        headers = _headers_of(next(lines, None), source.place())
    body: list[Sequence[str]] = []
    raise_faults(uneven_lines(lines, len(headers), source, kept=body), subject=str(path))
    columns = list(zip(*body, strict=True)) if body else [()] * len(headers)
    filled = [place for place, cells in enumerate(columns, start=1) if any(map(str.strip, cells))]
    _check_unnamed([place for place in filled if not headers[place - 1]], source.place())
    kept = {h: cells for place, (h, cells) in enumerate(zip(headers, columns, strict=True), 1) if h or place in filled}
    return CellTable(source=source, columns=kept, rows=len(body))


@attrs.frozen
class Opened:
    """The tables of a dataset, opened."""

    tables: dict[TableName, CellTable | RawTable]
    """Those that are there."""
    unlisted: Literal["zero", "unknown"]
    """What a place without a row in a register has."""


def open_tables(data: Any) -> Opened:
    """Open every table of a user's data once.

    Raises:
        DataError: One fault, or a `DataFaults` group with all that were found.
    """
    dataset = open_dataset(data)
    faults: list[CommunityPlanError] = []
    opened: dict[TableName, CellTable | RawTable] = {}
    for name in TABLES:
        given = getattr(dataset, name)
        if given is not None:
            try:
                opened[name] = open_table(given, name)
            except CommunityPlanError as error:
                faults.extend(error.faults)
    if dataset.communities is None:
        faults.append(
            DataError("expected a communities table, got none", mend="pass a frame, a path or Community objects")
        )
    raise_faults(faults, subject="The data cannot be read")
    return Opened(opened, dataset.unlisted)
