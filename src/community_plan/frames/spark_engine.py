"""Spark: the engine for its data frames."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import re
import weakref
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import attrs
from pyspark.errors import PySparkException
from pyspark.sql import functions

from community_plan.errors import DataError
from community_plan.frames.engine import Holes, Kind, Within
from community_plan.frames.sql import Sql, decoded, encoded, literal
from community_plan.frames.sql_engine import NOTHING, Parts, Pass, SqlEngine
from community_plan.grouping import Misread

__all__ = ["SparkEngine", "headers_of", "open_spark"]

try:
    from py4j.protocol import Py4JError
except ImportError:  # Spark Connect alone has no virtual machine
    _ERRORS: tuple[type[Exception], ...] = (PySparkException,)
else:
    _ERRORS = (PySparkException, Py4JError)

_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_NAME = re.compile(r"`([^`]+)`")
_MOST_SUMS = 84
"""Sums of one pass: Spark compiles no operator of more than a hundred columns (`spark.sql.codegen.maxFields`), and keys
are among them."""
_MOST_INPUTS = 15
"""User's columns that one pass reads: each adds to a method, and HotSpot compiles none of more than 8,000 bytes."""


@attrs.define
class SparkEngine(SqlEngine):
    """Data frames of one session.

    They are composed by their own methods: `spark.sql` with a data frame in its text makes a view of it, and drops
    it from the user's cache together with the view. Rows have no order, and looking at some of them costs a job.
    """

    wide = False
    fills = True
    string = "string"
    huge = "DECIMAL(38, 0)"
    divide = "DIV"

    full: frozenset[str] = frozenset()
    """Columns that hold no nulls by their schema."""
    made: dict[str, frozenset[str]] = attrs.field(factory=dict)
    """Columns that are worked out, with the user's columns that they read."""

    # -- expressions -------------------------------------------------------------------------------------

    def name(self, name: str) -> str:
        return _quoted(encoded(name))

    def to_whole(self, cell: Sql) -> Sql:
        if cell.type == "bigint":
            return cell
        return Sql(f"CAST({cell} AS BIGINT)") if cell.type in _INTEGERS else super().to_whole(cell)

    def length(self, text: Sql) -> Sql:
        return Sql(f"octet_length({text})")

    def matches(self, text: Sql, pattern: str) -> Sql:
        # A dollar sign would let a line break pass.
        whole = literal(rf"\A(?:{pattern})\z")
        return Sql(f"({text} RLIKE {whole.within(0)})", truth=True)

    def other_spelling(self, text: Sql, number: Sql) -> Sql | None:  # noqa: ARG002  # as `Engine`
        return None

    def after(self, keys: Sequence[tuple[Sql, bool]]) -> Sql | None:  # noqa: ARG002  # as `Engine`
        return None

    def block(self, number: Sql) -> Sql:
        return Sql(f"shiftright({number}, 6)")

    def bit(self, number: Sql) -> Sql:
        return Sql(f"shiftleft(1L, CAST({number} & 63 AS INT))")

    # -- what is said in Spark's own words ---------------------------------------------------------------

    def project(self, relation: Any, columns: Mapping[str, Sql], *, keep: bool = False) -> Any:
        chosen = [f"{cell} AS {self.name(name)}" for name, cell in columns.items()]
        if keep:  # all by one sign: each expression costs a call to the virtual machine
            new = {encoded(name) for name in columns}
            gone = [_quoted(name) for name in relation.columns if name.lower() in new]
            chosen.insert(0, f"* EXCEPT ({', '.join(gone)})" if gone else "*")
        return relation.selectExpr(*chosen)

    def filter(self, relation: Any, condition: Sql) -> Any:
        return relation.filter(str(condition))

    def aggregate(self, relation: Any, keys: Sequence[str], columns: Mapping[str, Sql]) -> Any:
        _check_session(relation)
        names = [self.name(key) for key in keys]
        if not columns:
            return relation.select(*names).distinct()
        if len(columns) == 1:
            ((name, cell),) = columns.items()
            return relation.groupBy(*names).agg(functions.expr(f"{cell} AS {self.name(name)}"))
        return self._aggregated(relation, names, columns).select(*names, "sums__.*")

    def _aggregated(self, relation: Any, names: Sequence[str], columns: Mapping[str, Sql], *more: str) -> Any:
        _check_session(relation)
        # One expression instead of many: each costs a call to the virtual machine.
        sums = ", ".join(f"{cell} AS {self.name(name)}" for name, cell in columns.items())
        return relation.groupBy(*names).agg(functions.expr(f"struct({', '.join([sums, *more])}) AS sums__"))

    def _queries(self, parts: Parts, keys: Sequence[str]) -> list[Any]:
        """Return what gives the sums of all parts: in each line the keys, the sums of a part, and its number.

        Whoever has none of a sum does not carry it: Spark compiles no operator of more than a hundred columns.
        """
        names = [self.name(key) for key in keys]
        owned = [_owned(columns) for _, columns in parts]
        type_ = self.huge if any(self.huge in str(cell) for own in owned for cell in own.values()) else "BIGINT"
        nothing = Sql(f"CAST(0 AS {type_})")

        def aggregated(number: int) -> Any:
            own = list(owned[number].values())
            cells = own + [nothing] * (max(map(len, owned)) - len(own))
            columns = {f"c{place}": Sql(f"CAST({cell} AS {type_})") for place, cell in enumerate(cells)}
            return self._aggregated(parts[number][0], names, columns, f"{number} AS part__")

        queries = [aggregated(number) for number in range(len(parts))]
        if not keys:  # in one query Spark would put sums of the same rows together again
            return queries
        return [functools.reduce(lambda united, other: united.union(other), queries)]

    def totals(self, parts: Parts, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        rows = [row for query in self._queries(parts, keys) for row in self.fetch(query)]
        places = [_places(columns) for _, columns in parts]
        return [
            (*key, *(0 if place is None else sums[place] for place in places[part])) for *key, (*sums, part) in rows
        ]

    def framed(self, parts: Parts, keys: Sequence[str]) -> Any | None:
        import polars as pl

        names = list(parts[0][1])
        if keys and importlib.util.find_spec("pyarrow"):  # rows of Python take long where there are many
            (query,) = self._queries(parts, keys)
            frame = self.fetch_frame(query).unnest("sums__")
            frame.columns = [*keys, *frame.columns[len(keys) :]]
            owned = [_owned(columns) for _, columns in parts]
            frame = pl.concat(
                [
                    frame.filter(pl.col("part__") == number).select(
                        *keys, *(pl.col(f"c{place}").alias(name) for place, name in enumerate(own))
                    )
                    for number, own in enumerate(owned)
                ],
                how="diagonal",
            )
            frame = frame.select(*keys, *names)
        else:
            rows = self.totals(parts, keys)
            frame = pl.DataFrame(rows, schema=[*keys, *names], orient="row", infer_schema_length=None)
        texts = {key: pl.String for key in keys if frame.schema[key] == pl.Null}
        return frame.cast({**texts, **dict.fromkeys(names, pl.Int64)})

    def extend(self, relation: Any, columns: Mapping[str, Sql]) -> Any:
        self.made.update({name: self._inputs(cell) for name, cell in columns.items()})
        return super().extend(relation, columns)

    def passes(self, asked: Pass) -> Sequence[Pass]:
        """Return passes that are small enough to be compiled."""
        reads = {name: _names(cell) & asked.stage.keys() for name, cell in asked.sums.items()}
        keys = asked.stage.keys() - _union(reads.values())
        inputs = {name: self._inputs(cell) for name, cell in asked.stage.items()}
        always = _union(inputs[key] for key in keys)
        shares: list[_Share] = []
        for name, columns in reads.items():
            _room(shares, always.union(*(inputs[column] for column in columns))).sums.append(name)
        for suspect in asked.suspects:
            cell = suspect.cell if isinstance(suspect, Within) else suspect
            _room(shares, always | self._inputs(cell)).suspects.append(suspect)

        def made(share: _Share) -> Pass:
            read = keys.union(*(reads[name] for name in share.sums))
            stage = {name: cell for name, cell in asked.stage.items() if name in read}
            return Pass(stage, {name: asked.sums[name] for name in share.sums}, share.suspects)

        return [made(share) for share in shares]

    def _inputs(self, cell: Sql) -> frozenset[str]:
        """Return the user's columns that an expression reads."""
        return _union(self.made.get(name, frozenset({name})) for name in _names(cell))

    def limit(self, relation: Any, rows: int) -> Any:
        return relation.limit(rows)

    def fetch(self, relation: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._run(relation, "collect")
        return rows

    def fetch_frame(self, relation: Any) -> Any:
        """Run the query, as `fetch` does, and return its rows as a polars DataFrame."""
        import polars as pl

        return pl.DataFrame(self._run(relation, "toArrow"))

    def _run(self, relation: Any, action: str) -> Any:
        _check_session(relation)
        try:
            return getattr(relation, action)()
        except _ERRORS as error:
            if not self.careful:  # a number that is too large for a cast may be no fault of the data
                raise Misread from error
            raise DataError(f"the data cannot be read: {str(error).splitlines()[0]}") from error

    def matched(self, left: Any, right: Any, condition: Sql) -> Any:
        return left.join(right, functions.expr(str(condition)), "left")

    # -- relations ---------------------------------------------------------------------------------------

    def kinds(self, relation: Any) -> dict[str, Kind]:  # noqa: ARG002  # as `Engine`
        return dict(self.columns)

    def holes(self, relation: Any, headers: Sequence[str]) -> dict[str, Holes]:  # noqa: ARG002  # as `Engine`
        return {header: self._hole(header) for header in headers}

    def _hole(self, header: str) -> Holes:
        if self.columns[header].name in ("float", "float32"):
            return "nan"
        return "" if header in self.full else "null"

    def words(self, relation: Any, header: str, *, every: bool, likely: Sequence[str] = ()) -> list[str]:
        if not every:
            return list(dict.fromkeys(form for word in likely for form in (word, word.capitalize(), word.upper())))
        rows = self.distinct(relation, {"word": self.to_text(self.column(header))})
        return [word for (word,) in rows if word is not None]

    def begins(self, relation: Any, header: str) -> bool:  # noqa: ARG002  # as `Engine`
        return False

    def repeated(self, relation: Any, keys: Mapping[str, Sql]) -> tuple[int, int | None, int | None]:
        counted = self.aggregate(self.project(relation, keys), list(keys), {"rows__": Sql("COUNT(*)")})
        code = self.column("k0")
        again = self.filter(counted, ~self.is_null(code) & (self.column("rows__") > 1))
        ((found, *_),) = self.fetch(again.orderBy(self.name("k0")).limit(1))
        return int(found), None, None

    def first(self, relation: Any, mask: Sql, columns: Mapping[str, Sql], most: int) -> list[tuple[int | None, ...]]:
        found = self.filter(self.project(relation, {**columns, "mask__": mask}), self.column("mask__"))
        return [(None, *row[:-1]) for row in self.fetch(found.limit(most))]

    def union(self, relation: Any, columns: Mapping[str, Sequence[Any]]) -> Any:
        chosen = self.project(relation, {name: self.column(name) for name in columns})
        types = [field.dataType.simpleString() for field in chosen.schema.fields]
        return chosen.union(self._rows(dict(zip(columns, zip(types, columns.values(), strict=True), strict=True))))

    def from_cells(self, like: Any, columns: Mapping[str, Sequence[Any]], *, texts: Sequence[str]) -> Any:  # noqa: ARG002  # as `Engine`
        return self._rows({name: ("string" if name in texts else "bigint", cells) for name, cells in columns.items()})

    def _rows(self, columns: Mapping[str, tuple[str, Sequence[Any]]]) -> Any:
        """Return Python cells as a data frame that Spark knows to be small."""
        names = [encoded(name) for name in columns]
        fields = ", ".join(f"{_quoted(n)}: {type_}" for n, (type_, _) in zip(names, columns.values(), strict=True))
        rows = zip(*(cells for _, cells in columns.values()), strict=True)
        text = json.dumps([dict(zip(names, row, strict=True)) for row in rows])
        made = functions.from_json(functions.lit(text), f"array<struct<{fields}>>")
        return self.base.sparkSession.range(1).select(functions.inline(made))

    def kept(self, relation: Any, gap: Any) -> tuple[SparkEngine, Any]:
        """Have Spark persist a data frame, and its rows with missing cells, until nobody holds them any more."""
        persisted = [relation.persist()]
        if gap is not None:
            persisted.append(self.filter(relation, gap).persist())
        few = persisted[1] if gap is not None else None
        # Once they have been worked out.
        engine = attrs.evolve(self, base=relation, types={}, few=few, careful=True, made={})
        weakref.finalize(engine, _release, persisted).atexit = False
        self.one_row(relation, {"rows": None})  # they are worked out here, where a number may still be misread
        return engine, relation

    def handed_back(self, relation: Any, *, under: Any = None, suspects: Sequence[Any] = ()) -> Any:  # noqa: ARG002  # as `Engine`
        return relation.selectExpr(*(f"{_quoted(name)} AS {_quoted(decoded(name))}" for name in relation.columns))

    def shares(self, other: Any) -> bool:
        return isinstance(other, SparkEngine) and self.base.sparkSession is other.base.sparkSession


@attrs.define
class _Share:
    """What one pass works out."""

    inputs: frozenset[str]
    """The user's columns that it reads."""
    sums: list[str] = attrs.field(factory=list)
    suspects: list[Any] = attrs.field(factory=list)


def _room(shares: list[_Share], inputs: frozenset[str]) -> _Share:
    """Return where something is worked out that reads some columns: with what reads much the same, if there is room."""
    free = [share for share in shares if len(share.inputs | inputs) <= _MOST_INPUTS and len(share.sums) < _MOST_SUMS]
    if not free:
        shares.append(_Share(inputs))
        return shares[-1]
    share = min(free, key=lambda share: len(inputs - share.inputs))
    share.inputs |= inputs
    return share


def _owned(columns: Mapping[str, Sql]) -> dict[str, Sql]:
    """Return the sums that a part has something of."""
    return {name: cell for name, cell in columns.items() if cell is not NOTHING}


def _places(columns: Mapping[str, Sql]) -> list[int | None]:
    """Return where each sum stands among those that a part has something of; None if it has nothing of it."""
    own = {name: place for place, name in enumerate(_owned(columns))}
    return [own.get(name) for name in columns]


def _union(sets: Iterable[Set[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _names(cell: Sql | None) -> frozenset[str]:
    """Return the columns that an expression reads."""
    return frozenset() if cell is None else frozenset(map(decoded, _NAME.findall(cell.text)))


def _release(persisted: Sequence[Any]) -> None:
    with contextlib.suppress(*_ERRORS):  # the session may be over
        for relation in persisted:
            relation.unpersist()


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _kind(type_: Any) -> Kind:
    shown = type_.simpleString()
    if shown in _INTEGERS:
        return Kind("integer", shown)
    if shown in ("double", "float"):
        return Kind("float" if shown == "double" else "float32", shown)
    match type_.typeName():
        case "decimal":
            return Kind("decimal", shown, scale=type_.scale)
        case "string" | "varchar" | "char":
            return Kind("text", shown)
        case "boolean":
            return Kind("boolean", shown)
        case "void":
            return Kind("nothing", "void")
        case _:
            return Kind("other", shown)


def _check_session(data: Any) -> None:
    """See that the session of a data frame is not over, for which Spark has errors of many kinds.

    Raises:
        DataError: If it is.
    """
    session = data.sparkSession
    # Spark Connect says so itself; the virtual machine's context has no other sign.
    over = session.is_stopped if hasattr(session, "is_stopped") else session.sparkContext._jsc is None
    if over:
        raise DataError(
            "the data cannot be read: their Spark session is stopped",
            mend="make the data frame, or prepare the data, anew in a session that runs",
        )


def headers_of(data: Any) -> list[str]:
    """Return the column names of a data frame."""
    _check_session(data)
    return list(data.columns)


def open_spark(data: Any, headers: Sequence[str], *, careful: bool) -> tuple[SparkEngine, Any]:
    """Return a data frame for this engine.

    Args:
        data: The user's data frame.
        headers: The columns that are needed.
        careful: Whether what goes wrong on the way is final.
    """
    fields = data.schema.fields
    names = [field.name for field in fields]
    kinds: dict[str, Kind] = {}
    for field in fields:
        kinds.setdefault(field.name, _kind(field.dataType))
    folded = [name.lower() for name in names]
    base = data
    if any(folded.count(header.lower()) > 1 for header in headers):
        base = data.toDF(*(f"c{place}" for place in range(len(names))))  # Spark ignores case in names
        base = base.selectExpr(*(f"c{names.index(header)} AS {_quoted(encoded(header))}" for header in headers))
    elif any(encoded(header) != header for header in headers):
        base = data.selectExpr(*(f"{_quoted(header)} AS {_quoted(encoded(header))}" for header in headers))
    return SparkEngine(
        types={header: fields[names.index(header)].dataType.simpleString() for header in headers},
        base=base,
        careful=careful,
        columns=kinds,
        full=frozenset(header for header in headers if not fields[names.index(header)].nullable),
    ), base
