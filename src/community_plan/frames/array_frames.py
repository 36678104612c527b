"""Array frames: columns of the users' frames looked at as arrays, and arrays given back as such frames."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np

from community_plan.entry import INT64_MAX
from community_plan.frames.arrays import MANY_ROWS, PIECE_ROWS, Column, Numbers, Others, listed
from community_plan.frames.arrow import ArrowViews, Chunk, chunks_of, columns_of, from_buffers, from_views, marks_of
from community_plan.frames.engine import VERDICTS, Kind
from community_plan.frames.texts import GivenViews, Text, TextColumn, Views, Words

__all__ = ["VERDICT_WORDS", "frame_like", "frame_of_cells", "read", "read_all"]

VERDICT_WORDS = Words(VERDICTS)
_SMALL = 2**16
"""Rows up to which a copy takes less time than a call for each column."""
_WHOLE = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64)
_PLAIN = frozenset((*_WHOLE, nw.Float32, nw.Float64, nw.Boolean, nw.String))
"""Types that Arrow has everywhere."""


def read_all(user: nw.DataFrame[Any], headers: Iterable[str]) -> dict[str, tuple[Kind, Sequence[Column]]]:
    """Return what some columns of a frame are, and their pieces."""
    together = _together(user, headers)
    return {header: together.get(header) or read(user.get_column(header)) for header in headers}


def _together(user: nw.DataFrame[Any], headers: Iterable[str]) -> dict[str, tuple[Kind, Sequence[Column]]]:
    """Return plain columns of a small frame, which are had by one call faster than one by one."""
    if not user.implementation.is_polars() or not 0 < len(user) <= _SMALL:
        return {}  # polars moves all pieces of a frame together for it
    schema = user.schema
    plain = [header for header in headers if type(schema[header]) in _PLAIN]
    found: dict[str, tuple[Kind, Sequence[Column]]] = {}
    for header, chunks in zip(plain, columns_of(user.to_native()[plain]), strict=True):
        if isinstance(schema[header], nw.String):
            views = [(GivenViews(cells), missing) for cells, missing in chunks]
            found[header] = Kind("text", "String"), _texts_of(views, functools.partial(_rows, user, header))
        else:
            found[header] = _numbers(schema[header], chunks, functools.partial(user.get_column, header))
    return found


def read(series: nw.Series[Any]) -> tuple[Kind, Sequence[Column]]:
    """Return what a column is, and its pieces."""
    series = _in_few_pieces(series)
    dtype = series.dtype
    shown = str(dtype)
    if series.implementation.is_pandas_like() and str(series.to_native().dtype) == "object":
        return _read_objects(series)
    if not len(series) and not isinstance(dtype, nw.String):  # what a library takes nothing for says nothing
        return Kind("nothing", shown), [_nothing(0)]
    if isinstance(dtype, _WHOLE) or dtype.is_float() or isinstance(dtype, nw.Boolean):
        plain = np.int64 if dtype.is_integer() else np.float64 if dtype.is_float() else np.bool_
        return _numbers(dtype, _chunks(series, plain), lambda: series)
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum):
        words = _words_alone(series)
        return (Kind("text", shown), _texts(series)) if words is series else read(words)
    if series.null_count() == len(series):
        return Kind("nothing", shown), [_nothing(len(series))]
    numbers = isinstance(dtype, nw.Object | nw.Decimal | nw.Int128 | nw.UInt128)
    return Kind("objects" if numbers else "other", shown), [Others(series)]


def _words_alone(series: nw.Series[Any]) -> nw.Series[Any]:
    """Return a categorical as a column of its words, if these are neither texts nor written in one way alone."""
    native = series.to_native()
    if series.implementation.is_pandas_like() and hasattr(native, "cat"):
        words = native.cat.categories
        if words.inferred_type not in ("string", "integer", "boolean", "empty"):
            return nw.from_native(native.astype(words.dtype), series_only=True)
    if series.implementation.is_pyarrow() and hasattr(native.type, "value_type"):
        words_type = native.type.value_type
        if "string" not in str(words_type):
            return nw.from_native(native.cast(words_type), series_only=True)
    return series


def _numbers(dtype: Any, chunks: Iterable[Chunk], get: Callable[[], nw.Series[Any]]) -> tuple[Kind, Sequence[Column]]:
    """Return what a column of numbers or truth values is, from the cells of its pieces and where one is missing."""
    shown, pieces = str(dtype), [Numbers(*chunk) for chunk in chunks]
    if not dtype.is_integer():
        if isinstance(dtype, nw.Boolean):
            return Kind("boolean", shown), pieces
        return Kind("float32" if isinstance(dtype, nw.Float32) else "float", shown), pieces
    for piece in pieces:
        if piece.values.dtype == np.uint64:
            known = piece.values if piece.missing is None else piece.values[~piece.missing]
            if known.max(initial=0) > INT64_MAX:
                return Kind("objects", shown), [Others(get())]
    return Kind("integer", shown, long=True), pieces


def _chunks(series: nw.Series[Any], plain: Any) -> list[tuple[Any, Any]]:
    """Return the cells of a column of numbers, and where one is missing, as they lie in memory where that can be."""
    native = series.to_native()
    if series.implementation.is_pandas_like():
        if isinstance(native.dtype, np.dtype):
            cells = native.to_numpy()
            return [(cells.astype(np.float64) if cells.dtype.char in "eg" else cells, None)]
        if hasattr(native.dtype, "numpy_dtype") and native.dtype.na_value is not None:
            gone = native.isna().to_numpy()
            zero = False if plain is np.bool_ else 0
            type_ = plain if native.dtype.kind != "u" else np.uint64
            cells = native.fillna(zero) if gone.any() else native
            return [(cells.to_numpy(dtype=type_), gone if gone.any() else None)]
    found = chunks_of(_as_arrow(series))
    if found is not None:
        return list(found) or [(np.zeros(0, plain), None)]  # a column may have no piece at all
    gone = series.is_null().to_numpy()
    cells = series.fill_null(False if plain is np.bool_ else 0) if gone.any() else series
    return [(np.ascontiguousarray(cells.to_numpy(), dtype=plain), gone if gone.any() else None)]


def _in_few_pieces(series: nw.Series[Any]) -> nw.Series[Any]:
    """Return a column whose pieces, if they are small, are put together: each of pyarrow's costs a few calls."""
    if not _is_of_pyarrow(series):
        return series
    import pyarrow as pa

    chunks = _as_arrow(series)
    if chunks.num_chunks <= max(1, len(chunks) // PIECE_ROWS):
        return series
    whole = chunks.combine_chunks()
    if series.implementation.is_pandas_like():
        pandas: Any = series.implementation.to_native_namespace()
        native = pandas.Series(pandas.array(whole, dtype=series.to_native().dtype))
    else:
        native = whole if isinstance(whole, pa.ChunkedArray) else pa.chunked_array([whole])
    found: nw.Series[Any] = nw.from_native(native, series_only=True)
    return found.alias(series.name)


def _is_of_pyarrow(series: nw.Series[Any]) -> bool:
    if series.implementation.is_pandas_like():
        dtype = series.to_native().dtype
        return not isinstance(dtype, np.dtype) and "pyarrow" in str(getattr(dtype, "storage", dtype))
    return bool(series.implementation.is_pyarrow())


def _texts(series: nw.Series[Any]) -> list[Column]:
    """Return the pieces of a column of texts, as views where Arrow has them."""
    written = series.cast(nw.String()) if not isinstance(series.dtype, nw.String) else series
    pieces: list[tuple[Views, Any]]
    if series.implementation.is_polars():
        found = chunks_of(written.to_native())
        pieces = [(GivenViews(views), missing) for views, missing in found or ()]
    elif _is_of_pyarrow(written):
        pieces = [(ArrowViews(array), marks_of(array)) for array in _as_arrow(written).chunks]
    else:
        gone = series.is_null().to_numpy()
        column = TextColumn(series, gone if gone.any() else None)
        return [Text(column=column, stop=len(series))]
    return _texts_of(pieces, functools.partial(_slice, written)) or [Text(column=TextColumn(written), stop=0)]


def _texts_of(pieces: Sequence[tuple[Views, Any]], cut: Callable[[int, int], nw.Series[Any]]) -> list[Column]:
    """Return texts from the views of their pieces and where one is missing."""
    columns: list[Column] = []
    whole = TextColumn(functools.partial(cut, 0, sum(len(views) for views, _ in pieces)))
    begin = 0
    for views, missing in pieces:
        end = begin + len(views)
        column = TextColumn(functools.partial(cut, begin, end), missing, views, piece=(whole, begin))
        columns.append(Text(column=column, stop=len(views)))
        begin = end
    return columns


def _rows(user: nw.DataFrame[Any], header: str, start: int, stop: int) -> nw.Series[Any]:
    return _slice(user.get_column(header), start, stop)


def _slice(series: nw.Series[Any], start: int, stop: int) -> nw.Series[Any]:
    some = series if (start, stop) == (0, len(series)) else series[start:stop]
    native = some.to_native()
    if some.implementation.is_pyarrow() and str(native.type) == "string_view":  # which pyarrow takes no rows from
        return nw.from_native(native.cast("large_string"), series_only=True)
    return some


def _as_arrow(series: nw.Series[Any]) -> Any:
    """Return a column as what hands over its memory."""
    native = series.to_native()
    if series.implementation.is_polars():
        return native
    import pyarrow as pa

    array = native if isinstance(native, pa.ChunkedArray | pa.Array) else pa.Array.from_pandas(native)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _nothing(rows: int) -> Text:
    """Return a column without a cell, whatever its type: as text it can be asked everything."""
    return Text(np.full(rows, -1, dtype=np.int64), Words([]))


def _read_objects(series: nw.Series[Any]) -> tuple[Kind, Sequence[Column]]:
    """Return what the cells of a column of Python objects are: narwhals looks at the first of them only."""
    kinds = set(map(type, series.filter(~series.is_null()).to_list()))
    if not kinds:
        return Kind("nothing", "Object"), [_nothing(len(series))]
    if kinds == {str}:
        gone = series.is_null().to_numpy()
        return Kind("text", "String"), [Text(column=TextColumn(series, gone if gone.any() else None), stop=len(series))]
    return Kind("objects", "Object"), [Others(series)]


def frame_like(user: nw.DataFrame[Any], columns: dict[str, Any]) -> Any:
    """Return columns as a frame of the user's own library.

    Each column is taken out of the dictionary, so that its memory may go as soon as the library has its own.
    """
    library: Any = user.implementation.to_native_namespace()
    names = list(columns)
    if user.implementation.is_pandas_like():
        # What narwhals calls an enumeration; to make the type for each column would take longer than the columns.
        words = library.CategoricalDtype(VERDICTS, ordered=True)
        made = {name: _for_pandas(library, column, words) for name, column in columns.items()}
        return library.DataFrame(made, copy=False)  # what was worked out belongs to nobody else
    if user.implementation.is_pyarrow():
        return library.table({name: _for_pyarrow(library, column) for name, column in columns.items()})
    if user.implementation.is_polars():
        verdicts = [name for name, c in columns.items() if isinstance(c, Text) and c.is_of(VERDICT_WORDS)]
        made = {name: _for_polars(library, columns.pop(name)).alias(name) for name in names}
        # Apart from the other columns, which would be copied where they come in several pieces.
        for some in [verdicts] if len(next(iter(made.values()), ())) < MANY_ROWS else [[name] for name in verdicts]:
            places = library.DataFrame([made.pop(name) for name in some])
            made |= places.select(_polars_verdicts(library, tuple(some))).to_dict()
        return library.DataFrame([made[name] for name in names])
    cells = {name: column if isinstance(column, list) else listed(column) for name, column in columns.items()}
    return nw.from_dict(cells, backend=user.implementation).to_native()


def frame_of_cells(
    user: nw.DataFrame[Any], columns: Mapping[str, Sequence[Any]], *, doubles: Sequence[str], verdicts: Sequence[str]
) -> Any:
    """Return columns of Python values as a frame of the user's own library.

    Args:
        user: A frame of that library.
        columns: Header to cells.
        doubles: Columns of doubles.
        verdicts: Columns of verdicts, none of which is missing.
    """
    if user.implementation.is_polars():
        polars: Any = user.implementation.to_native_namespace()
        types = {**dict.fromkeys(doubles, polars.Float64), **dict.fromkeys(verdicts, polars.Enum(VERDICTS))}
        return polars.DataFrame([polars.Series(name, c, dtype=types.get(name)) for name, c in columns.items()])
    made: dict[str, Any] = {name: list(cells) for name, cells in columns.items()}
    for name in doubles:
        gone = np.array([cell is None for cell in columns[name]], bool)
        values = np.array([0.0 if cell is None else cell for cell in columns[name]], np.float64)
        made[name] = Numbers(values, gone if gone.any() else None)
    for name in verdicts:
        places = [VERDICTS.index(cell) for cell in columns[name]]
        made[name] = Text(np.array(places, np.int8), VERDICT_WORDS)
    return frame_like(user, made)


@functools.lru_cache(maxsize=64)
def _polars_verdicts(polars: Any, names: tuple[str, ...]) -> list[Any]:
    """Return the words of columns of places: four times as fast as `cat.to`, which looks at every one of them."""
    first, *others = (polars.lit(word, dtype=polars.Enum(VERDICTS)) for word in VERDICTS)

    def words(name: str) -> Any:
        chosen = polars
        for number, word in enumerate(others, start=1):
            chosen = chosen.when(polars.col(name) == number).then(word)
        return chosen.otherwise(first).alias(name)

    return [words(name) for name in names]


def _for_polars(polars: Any, column: Any) -> Any:
    if isinstance(column, list):
        return polars.Series(column)
    if isinstance(column, Text):
        picked = column.picked_views()
        if picked is not None:
            return polars.Series(from_views(*picked))
        if column.column is not None:
            return column.own().to_polars()
        if column.is_of(VERDICT_WORDS):
            return polars.Series(column.places.view(np.uint8))
        return polars.Series(column.listed(), dtype=polars.String)
    if isinstance(column, Others):
        return column.series.to_native()
    if column.values.dtype == np.float64:
        return polars.Series(from_buffers(column.values, column.gone))
    return polars.Series(column.values) if column.missing is None else polars.Series(listed(column))


def _for_pandas(pandas: Any, column: Any, words: Any) -> Any:
    if isinstance(column, list):
        return column
    if isinstance(column, Text):
        if column.column is not None:
            own = column.own()
            return own.to_native().reset_index(drop=True) if own.implementation.is_pandas_like() else own.to_list()
        if column.words is VERDICT_WORDS:
            return pandas.Categorical.from_codes(column.places, dtype=words)
        texts = np.array([*column.words.texts, None], dtype=object)
        return pandas.Series(texts[column.places])
    if isinstance(column, Numbers) and column.values.dtype == np.float64:
        return column.values if column.missing is None else np.where(column.missing, np.nan, column.values)
    return column.values.copy() if column.missing is None else pandas.array(listed(column))


def _for_pyarrow(pyarrow: Any, column: Any) -> Any:
    if isinstance(column, list):
        return pyarrow.array(column)
    if isinstance(column, Text):
        if column.column is not None:
            return column.own().to_native()
        texts = pyarrow.array(column.words.texts, pyarrow.string())
        if column.words is VERDICT_WORDS:  # none of them is missing
            return pyarrow.DictionaryArray.from_arrays(column.places, texts, safe=False)
        places = pyarrow.array(column.places, mask=column.places < 0)
        return pyarrow.DictionaryArray.from_arrays(places, texts).cast(pyarrow.string())
    if column.values.dtype == np.float64:
        return pyarrow.array(from_buffers(column.values, column.gone))
    return pyarrow.array(column.values, mask=column.missing)
