"""DuckDB: the engine for its relations."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import attrs
import duckdb

from community_plan.errors import DataError
from community_plan.frames.engine import BEYOND, Holes, Kind, Reader, streams
from community_plan.frames.sql import Sql, decoded, encoded, literal
from community_plan.frames.sql_engine import Parts, SqlEngine
from community_plan.grouping import Misread

__all__ = ["DuckDBEngine", "headers_of", "open_duckdb", "stream_of"]

_SAMPLE = 1000
"""Rows that a guess rests on."""
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_LARGE_INTEGERS = ("HUGEINT", "UBIGINT", "UHUGEINT")
P = ParamSpec("P")
R = TypeVar("R")


def _told(method: Callable[P, R]) -> Callable[P, R]:
    """Have a method turn DuckDB's errors into errors of the data."""

    @functools.wraps(method)
    def tell(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except duckdb.Error as error:
            raise _told_by(error) from error

    return tell


def _told_by(error: duckdb.Error) -> DataError:
    mend = None
    if isinstance(error, duckdb.ConnectionException):
        mend = "make the relation, or prepare the data, anew over a connection that is open"
    elif isinstance(error, duckdb.CatalogException):
        mend = "make the relation anew: what it was made from is no longer there"
    return DataError(f"the data cannot be read: {str(error).splitlines()[0]}", mend=mend)


@attrs.define
class DuckDBEngine(SqlEngine):
    """Relations of one connection. They are composed without names, so nothing is left behind in its catalogue."""

    wide = True
    reads_slowly = True
    string = "VARCHAR"
    huge = "HUGEINT"
    divide = "//"

    ends: dict[str, tuple[Any, ...]] = attrs.field(factory=dict)
    """Of the first cells of a column the first, the least, the largest and the last."""

    # -- expressions -------------------------------------------------------------------------------------

    def name(self, name: str) -> str:
        return _quoted(encoded(name))

    def to_whole(self, cell: Sql) -> Sql:
        if cell.type == "BIGINT":
            return cell
        if cell.type in _INTEGERS:
            return Sql(f"CAST({cell} AS BIGINT)")
        if cell.type in _LARGE_INTEGERS:  # what does not fit is large and not missing
            fits = f"COALESCE(TRY_CAST({cell} AS BIGINT), CASE WHEN {cell} < 0 THEN -{BEYOND} ELSE {BEYOND} END)"
            return Sql(f"CASE WHEN {cell} IS NOT NULL THEN {fits} END")
        return super().to_whole(cell)

    def shifted(self, kept: str, places: int) -> str:
        # The product of 18 digits has no room for more of them: an error, and then another, slower look.
        return (
            f"CAST({kept} AS DECIMAL(38, {places})) * {10**places}" if self.careful else super().shifted(kept, places)
        )

    def length(self, text: Sql) -> Sql:
        return Sql(f"strlen({text})")

    def other_spelling(self, text: Sql, number: Sql) -> Sql | None:
        # DuckDB reads 12e2, too; what is so spelt and as long as a code ends with two zeros.
        return self.choose(self.remainder(number, 100) == 0, self.to_text(number) != text, literal(False))

    def matches(self, text: Sql, pattern: str) -> Sql:
        return Sql(f"regexp_full_match({text}, {literal(pattern)})", truth=True)

    def after(self, keys: Sequence[tuple[Sql, bool]]) -> Sql | None:
        (key, number), *rest = keys
        before = Sql(f"lag({key}, 1, {-1 if number else literal('')}) OVER ()")
        deeper = self.after(rest) if rest else None
        return key > before if deeper is None else (key > before) | ((key == before) & deeper)

    def block(self, number: Sql) -> Sql:
        return Sql(f"({number}) >> 6")

    def bit(self, number: Sql) -> Sql:
        return Sql(f"CAST(1 AS UBIGINT) << CAST(({number}) & 63 AS UBIGINT)")

    # -- what is said in DuckDB's own words --------------------------------------------------------------

    @_told
    def project(self, relation: Any, columns: Mapping[str, Sql], *, keep: bool = False) -> Any:
        return relation.project(
            ", ".join([*([self._others(relation, columns)] if keep else []), *self._named(columns)])
        )

    def _others(self, relation: Any, columns: Mapping[str, Sql]) -> str:
        """Return a star without columns that new ones replace."""
        new = {encoded(name) for name in columns}
        replaced = ", ".join(_quoted(name) for name in relation.columns if name.lower() in new)
        return f"* EXCLUDE ({replaced})" if replaced else "*"

    def _named(self, columns: Mapping[str, Sql]) -> list[str]:
        return [f"{cell} AS {self.name(name)}" for name, cell in columns.items()]

    @_told
    def filter(self, relation: Any, condition: Sql) -> Any:
        return relation.filter(str(condition))

    @_told
    def aggregate(self, relation: Any, keys: Sequence[str], columns: Mapping[str, Sql]) -> Any:
        names = [self.name(key) for key in keys]
        return relation.aggregate(", ".join([*names, *self._named(columns)]), ", ".join(names))

    @_told
    def limit(self, relation: Any, rows: int) -> Any:
        return relation.limit(rows)

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        """Run a query: a number too large for a cast may be no fault of the data, unless care has been taken."""
        _drop_what_is_left()
        try:
            yield
        except duckdb.Error as error:
            raise (_told_by(error) if self.careful else Misread()) from error

    def fetch(self, relation: Any) -> list[tuple[Any, ...]]:
        with self._running():
            rows: list[tuple[Any, ...]] = relation.fetchall()
        return rows

    def totals(self, parts: Parts, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        try:
            return self.fetch(self._united([(relation, _narrow(columns)) for relation, columns in parts], keys))
        except DataError:
            return self.fetch(self._united(parts, keys))

    def framed(self, parts: Parts, keys: Sequence[str]) -> Any | None:
        if not importlib.util.find_spec("pyarrow"):
            return None
        try:
            return self.fetch_frame(self._united([(relation, _narrow(columns)) for relation, columns in parts], keys))
        except DataError:
            return None

    @_told
    def _united(self, parts: Parts, keys: Sequence[str]) -> Any:
        first, *others = (self.aggregate(relation, keys, columns) for relation, columns in parts)
        return functools.reduce(lambda united, other: united.union(other), others, first)

    def fetch_frame(self, relation: Any) -> Any:
        """Run the query, as `fetch` does, and return its rows as a polars DataFrame."""
        with self._running():
            frame = relation.pl()
        return frame.rename({name: decoded(name) for name in frame.columns})

    @_told
    def matched(self, left: Any, right: Any, condition: Sql) -> Any:
        return left.set_alias("left__").join(right.set_alias("right__"), str(condition), how="left")

    # -- relations ---------------------------------------------------------------------------------------

    def kinds(self, relation: Any) -> dict[str, Kind]:  # noqa: ARG002  # as `Engine`
        return dict(self.columns)

    def holes(self, relation: Any, headers: Sequence[str]) -> dict[str, Holes]:
        asked = {"rows": Sql("COUNT(*)")}
        for place, header in enumerate(headers):
            cell = self.column(header)
            asked[f"there{place}"] = Sql(f"COUNT({cell})")
            if cell.type in ("DOUBLE", "FLOAT"):
                asked[f"finite{place}"] = self.summed(self.finite(cell))
            if cell.type == "VARCHAR":
                asked |= {f"{what}{place}": found for what, found in _ends_of(cell).items()}
        (row,) = self.fetch(self.aggregate(relation.limit(_SAMPLE), (), asked))
        told = dict(zip(asked, row, strict=True))
        self.seen_rows = max(self.seen_rows, told["rows"])
        found: dict[str, Holes] = {}
        for place, header in enumerate(headers):
            there = told[f"there{place}"]
            found[header] = (
                "nan" if told.get(f"finite{place}", there) != there else "null" if there < told["rows"] else ""
            )
            if f"min{place}" in told:
                self.ends[header] = tuple(told[f"{what}{place}"] for what in _ends_of(self.column(header)))
        return found

    def words(self, relation: Any, header: str, *, every: bool, likely: Sequence[str] = ()) -> list[str]:  # noqa: ARG002  # as `Engine`
        if not every and header in self.ends:
            return [word for word in dict.fromkeys(self.ends[header]) if isinstance(word, str)]
        cells = relation if every else relation.limit(_SAMPLE)
        rows = self.distinct(cells, {"word": self.to_text(self.column(header))})
        return [word for (word,) in rows if word is not None]

    def begins(self, relation: Any, header: str) -> bool:
        if header not in self.ends:
            ends = self.aggregate(relation.limit(_SAMPLE), (), _ends_of(self.column(header)))
            (self.ends[header],) = self.fetch(ends)
        first, least, most, last = self.ends[header]
        return bool(first == least and last == most)

    def repeated(self, relation: Any, keys: Mapping[str, Sql]) -> tuple[int, int | None, int | None]:
        number = {"row__": Sql("row_number() OVER ()")}
        numbered = self.filter(self.project(relation, {**number, **keys}), ~self.is_null(self.column("k0")))
        alike = ", ".join(self.name(key) for key in keys)
        row, earlier = self.column("row__"), self.column("first__")
        first = Sql(f"min({row}) OVER (PARTITION BY {alike})")
        again = self.filter(
            self.project(numbered, {"row__": row, "k0": self.column("k0"), "first__": first}), row != earlier
        )
        ((at, code, before),) = self.fetch(again.order(str(row)).limit(1))
        return int(code), at, before

    def first(self, relation: Any, mask: Sql, columns: Mapping[str, Sql], most: int) -> list[tuple[int | None, ...]]:
        number = {"row__": Sql("row_number() OVER ()"), "mask__": mask}
        found = self.filter(self.project(relation, {**number, **columns}), self.column("mask__"))
        chosen = {name: self.column(name) for name in ("row__", *columns)}
        return self.fetch(self.project(found.order(self.name("row__")).limit(most), chosen))

    def union(self, relation: Any, columns: Mapping[str, Sequence[Any]]) -> Any:
        types = dict(zip(relation.columns, map(str, relation.types), strict=True))
        more = self._rows(relation, {name: (types[encoded(name)], cells) for name, cells in columns.items()})
        return self.project(relation, {name: self.column(name) for name in columns}).union(more)

    def from_cells(self, like: Any, columns: Mapping[str, Sequence[Any]], *, texts: Sequence[str]) -> Any:
        return self._rows(
            like, {name: ("VARCHAR" if name in texts else "BIGINT", cells) for name, cells in columns.items()}
        )

    def _rows(self, like: Any, columns: Mapping[str, tuple[str, Sequence[Any]]]) -> Any:
        """Return Python cells as a relation of the same connection."""
        lists = {
            name: Sql(
                f"unnest(CAST([{', '.join('NULL' if c is None else str(literal(c)) for c in cells)}] AS {type_}[]))"
            )
            for name, (type_, cells) in columns.items()
        }
        return self.project(like.limit(0).aggregate("COUNT(*)"), lists)

    def kept(self, relation: Any, gap: Any) -> tuple[DuckDBEngine, Any]:
        """Write a relation into temporary tables, which are dropped when nobody holds them any more."""
        few = None
        with self._running():
            # A relation brings its whole past along, what it reads among it; this one has nothing but its connection.
            connected = relation.limit(0).aggregate("COUNT(*)").materialize()
            tables = [_store(relation)]
            stored = _read(connected, tables[0])
            if gap is not None:
                tables.append(_store(self.filter(stored, gap)))
                few = _read(connected, tables[1])
        engine = attrs.evolve(self, base=stored, types={}, few=few, careful=True)  # nothing is left to be misread
        weakref.finalize(engine, _drop, connected, tables).atexit = False
        return engine, stored

    @_told
    def streamed(self, relation: Any) -> tuple[Any, Any] | None:
        if not streams():
            return None
        from community_plan.frames.stream_engine import to_be_streamed

        names = [decoded(name) for name in relation.columns]
        return to_be_streamed(stream_of(relation, names), names)

    @_told
    def handed_back(self, relation: Any, *, under: Any = None, suspects: Sequence[Any] = ()) -> Any:  # noqa: ARG002  # as `Engine`
        return relation.project(", ".join(f"{_quoted(name)} AS {_quoted(decoded(name))}" for name in relation.columns))

    def shares(self, other: Any) -> bool:
        if not isinstance(other, DuckDBEngine):
            return False
        try:
            self.base.set_alias("left__").join(other.base.set_alias("right__"), "TRUE")
        except duckdb.Error:  # they are of different connections
            return False
        return True


def _ends_of(cell: Sql) -> dict[str, Sql]:
    return {what: Sql(f"{what}({cell})") for what in ("first", "min", "max", "last")}


def _store(relation: Any) -> str:
    """Write a relation into a temporary table of its own and return its name."""
    table = f"community_plan_{uuid.uuid4().hex}"
    relation.query(f"{table}_rows", f"CREATE TEMP TABLE {table} AS FROM {table}_rows")
    return table


def _read(connected: Any, table: str) -> Any:
    return connected.query(f"{table}_rows", f"FROM {table}")


_to_be_dropped: deque[tuple[Any, str]] = deque()
"""Relations of connections, each with a table that nobody holds any more and that is still there."""


def _drop(connected: Any, tables: Sequence[str]) -> None:
    """Drop tables, now or, if the connection has something else to do, when it is used again."""
    _to_be_dropped.extend((connected, table) for table in tables)
    _drop_what_is_left()


def _drop_what_is_left() -> None:
    for _ in range(len(_to_be_dropped)):
        try:
            connected, table = _to_be_dropped.popleft()
        except IndexError:  # taken elsewhere: tables are let go of at any time
            return
        try:
            connected.query(f"{table}_rows", f"DROP TABLE IF EXISTS {table}")
        except duckdb.ConnectionException:
            pass  # it is closed, and its tables are gone
        except duckdb.Error:
            _to_be_dropped.append((connected, table))


def _narrow(columns: Mapping[str, Sql]) -> dict[str, Sql]:
    """Return sums in 64 bits: those in 128 take six times as long on their way to Python."""
    return {name: Sql(f"CAST({cell} AS BIGINT)") for name, cell in columns.items()}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _kind(type_: Any) -> Kind:
    name, shown = type_.id, str(type_)
    if shown in (*_INTEGERS, *_LARGE_INTEGERS):
        return Kind("integer", shown)
    if shown in ("DOUBLE", "FLOAT"):
        return Kind("float" if shown == "DOUBLE" else "float32", shown)
    match name:
        case "decimal":
            return Kind("decimal", shown, scale=int(dict(type_.children)["scale"]))
        case "enum":
            return Kind("text", "ENUM", words=tuple(dict(type_.children)["values"]))
        case "varchar":
            return Kind("text", shown)
        case "boolean":
            return Kind("boolean", shown)
        case "null" | "sqlnull":
            return Kind("nothing", "NULL")
        case _:
            return Kind("other", shown)


@_told
def headers_of(data: Any) -> list[str]:
    """Return the column names of a relation."""
    return list(data.columns)


@_told
def open_duckdb(data: Any, headers: Sequence[str], *, careful: bool, seen: int) -> tuple[DuckDBEngine, Any]:
    """Return a relation for this engine.

    Args:
        data: The user's relation.
        headers: The columns that are needed.
        careful: Whether what goes wrong on the way is final.
        seen: Rows that it had before.
    """
    names, types = list(data.columns), list(data.types)
    kinds: dict[str, Kind] = {}
    for name, type_ in zip(names, types, strict=True):
        kinds.setdefault(name, _kind(type_))
    folded = [name.lower() for name in names]
    base = data
    if any(encoded(header) != header or folded.count(header.lower()) > 1 for header in headers):
        # DuckDB ignores case in names; places are unambiguous.
        base = data.project(
            ", ".join(f"#{names.index(header) + 1} AS {_quoted(encoded(header))}" for header in headers)
        )
    ids = {header: str(types[names.index(header)]) for header in headers}
    return DuckDBEngine(types=ids, base=base, careful=careful, columns=kinds, seen_rows=seen), base


@_told
def stream_of(data: Any, names: Sequence[str] | None = None) -> Reader:
    """Return what reads a relation in batches, in the order of its rows; what goes wrong on the way is a `Misread`.

    Args:
        data: The relation.
        names: What its columns are called, if that is not what it says itself.
    """
    return _Reader(data, {name: place for place, name in enumerate(names or data.columns, start=1)})


@attrs.frozen(eq=False)
class _Reader:
    """A relation, read in batches."""

    data: Any
    places: Mapping[str, int]
    """Where each column is: DuckDB ignores case in names."""

    def __call__(self, headers: Sequence[str], rows: int) -> _Reading:
        _drop_what_is_left()
        chosen = ", ".join(f"#{self.places[header]} AS c{number}" for number, header in enumerate(headers))
        try:
            return _Reading(self.data.project(chosen).to_arrow_reader(rows))
        except duckdb.Error as error:
            raise Misread from error

    def alike(self, header: str) -> tuple[int, int]:
        codes = self.data.project(f"#{self.places[header]} AS code")
        engine, relation = open_duckdb(codes, ["code"], careful=False, seen=0)
        code = engine.to_whole(engine.column("code"))
        found = engine.alike(relation, {"code": code}, {"rows": Sql("COUNT(*)")})
        return found["rows"], found["extra"]


@attrs.frozen
class _Reading:
    """One of pyarrow's readers over a result."""

    reader: Any

    @property
    def schema(self) -> Any:
        return self.reader.schema

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self.reader
        except (duckdb.Error, OSError, ValueError, RuntimeError) as error:  # as pyarrow hands them on
            raise Misread from error

    def close(self) -> None:
        self.reader.close()
