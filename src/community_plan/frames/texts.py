"""Texts: a column of texts as places in a list of distinct words, so that whatever is asked is asked once a word."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import attrs
import narwhals as nw
import numpy as np

from community_plan.frames.bits import cut, marked, marks_at

__all__ = [
    "GivenViews",
    "Text",
    "TextColumn",
    "Views",
    "Words",
    "encoded",
    "paired",
    "places_in",
    "text_of",
    "whole_views",
]

T = TypeVar("T")
_FEW = 8
"""Words that are told apart by looking for each of them."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}")


class Words:
    """Distinct texts, and what has been asked of them. A place of -1 is a missing text."""

    __slots__ = ("_found", "texts")

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        self._found: dict[Any, Any] = {}

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Return what was made for a key before, else make it."""
        if key not in self._found:
            self._found[key] = make()
        found: T = self._found[key]
        return found

    def truth(self, key: Any, test: Callable[[str], bool]) -> Any:
        """Return for each word whether a test holds; False for a missing text."""
        return self.once(key, lambda: np.array([*map(test, self.texts), False], dtype=bool))

    def mapped(self, key: Any, change: Callable[[str], str]) -> tuple[Words, Any]:
        """Return changed words, and where each of these is among them."""

        def make() -> tuple[Words, Any]:
            places: dict[str, int] = {}
            moved = [places.setdefault(change(word), len(places)) for word in self.texts]
            return Words(list(places)), np.array([*moved, -1], dtype=np.int64)

        return self.once(key, make)

    def numbers(self) -> tuple[Any, Any]:
        """Return the words as whole numbers, and where one is none that fits 64 bits."""

        def make() -> tuple[Any, Any]:
            read = [int(word) if _NUMBER.fullmatch(word) else None for word in self.texts]
            fits = [number is not None and -(2**63) <= number < 2**63 for number in read]
            values = [number if fit else 0 for number, fit in zip(read, fits, strict=True)]
            return np.array([*values, 0], dtype=np.int64), ~np.array([*fits, False], dtype=bool)

        return self.once("numbers", make)

    def order(self) -> Any:
        """Return the rank of each word in the order of code points; missing texts come last."""

        def make() -> Any:
            ranks = np.empty(len(self.texts) + 1, dtype=np.int64)
            ranks[sorted(range(len(self.texts)), key=self.texts.__getitem__)] = np.arange(len(self.texts))
            ranks[-1] = len(self.texts)
            return ranks

        return self.once("order", make)

    @property
    def small(self) -> bool:
        """Whether places fit a byte."""
        return len(self.texts) < 2**7


@attrs.define(eq=False)
class Text:
    """Texts of some rows: the places of each in a list of words, looked for when somebody asks."""

    _places: Any = None
    _words: Words | None = None
    column: TextColumn | None = None
    """The column that it is a piece of, from row `start` to before row `stop`."""
    start: int = 0
    stop: int = 0
    deferred: Callable[[], Text] | None = None
    """What gives them, once somebody asks."""
    _views: Any = attrs.field(default=None, init=False)

    @classmethod
    def stacked(cls, texts: Sequence[Text]) -> Text:
        """Put texts below each other."""
        first = texts[0]
        if all(text.column is None and text.words is first.words for text in texts):
            return cls(np.concatenate([text.places for text in texts]), first.words)
        if len(texts) == 1:
            return first
        if all(text.has_views for text in texts):
            rows = sum(map(len, texts))
            gone = None
            if any(text.gaps for text in texts):
                marks = (text.missing() for text in texts)
                gone = np.concatenate(
                    [np.zeros(len(t), bool) if m is None else m for t, m in zip(texts, marks, strict=True)]
                )
            picked = any(text.picks() for text in texts)
            column = TextColumn(lambda: _joined(texts), gone, LateViews(lambda: _stacked_views(texts)), picked=picked)
            return cls(column=column, stop=rows)
        listing = [word for text in texts for word in text.words.texts]
        words, moved = Words(listing).mapped("", str)
        found, begin = [], 0
        for text in texts:
            end = begin + len(text.words.texts)
            found.append(np.append(moved[begin:end], -1)[text.places])
            begin = end
        return cls(np.concatenate(found), words)

    def _settle(self) -> None:
        deferred = self.deferred  # another thread may be settling it, too
        if deferred is not None:
            made = deferred()
            self._places, self._words, self.deferred = made.places, made.words, None

    def __len__(self) -> int:
        return self.stop - self.start if self.column is not None else len(self.places)

    def __getitem__(self, rows: slice) -> Text:
        return self.sliced(rows.start, rows.stop)

    @property
    def places(self) -> Any:
        """Where each row's text is among the words, -1 where it is missing; one place may stand for all rows."""
        if self.column is None:
            self._settle()
            return self._places
        return self.column.whole.places[self.start : self.stop]

    @property
    def words(self) -> Words:
        """The words."""
        if self.column is not None:
            return self.column.whole.words
        self._settle()
        assert self._words is not None
        return self._words

    def is_of(self, words: Words) -> bool:
        """Say whether these are places in a list of words."""
        return self.column is None and self.deferred is None and self._words is words

    @property
    def views(self) -> Any:
        """The texts as Arrow's views of them, if they come as such: see `arrow`."""
        if self._views is None and self.column is not None and self.column.views is not None:
            self._views = self.column.views.cut(self.start, self.stop)
        return self._views

    @property
    def has_views(self) -> bool:
        """Whether they come as views."""
        return self.column is not None and self.column.views is not None

    def picked_views(self) -> tuple[Any, Any] | None:
        """Return the views of picked texts, if they hold them whole, and where one is missing; else None."""
        if self.column is None or not self.column.picked:
            return None
        gone = self.missing()
        views = whole_views(self.views, gone)
        return None if views is None else (views, gone)

    def picks(self) -> tuple[TextColumn, Any] | None:
        """Return the column that they are picked from, and the rows of it, if it is one."""
        if self.column is None or self.column.source is None:
            return None
        source, rows = self.column.source
        return source, rows[self.start : self.stop]

    def own(self) -> nw.Series[Any]:
        """Return the texts as a column of the user's library."""
        assert self.column is not None
        series = self.column.series
        return series if (self.start, self.stop) == (0, len(series)) else series[self.start : self.stop]

    @property
    def gaps(self) -> bool:
        """Whether some may be missing."""
        return self.column is None or self.column.gone is not None

    def marks(self) -> Any:
        """Return the marks of missing texts as they come: an array, or `Bits`; None if there is none."""
        if self.column is not None:
            return cut(self.column.gone, self.start, self.stop)
        return self.places < 0

    def missing(self) -> Any:
        """Return where texts are missing, as an array; None if nowhere."""
        return marked(self.marks())

    def sliced(self, start: int, stop: int) -> Text:
        """Return some of the rows."""
        if self.column is not None:
            return Text(column=self.column, start=self.start + start, stop=self.start + stop)
        return Text(self.places if np.ndim(self.places) == 0 else self.places[start:stop], self.words)

    def taken(self, rows: Any) -> Text:
        """Return some rows; a row of -1 is missing."""
        if self.column is not None and self.has_views:
            return self.column.taken(rows + self.start if self.start else rows, lost=(rows < 0))
        if not len(self):
            return Text(rows, self.words)
        return Text(np.where(rows < 0, -1, self.places[rows]), self.words)

    def at_every_row(self) -> Text:
        """Return the one text for all rows."""
        return Text(self.places[0], self.words)

    def numbers(self) -> tuple[Any, Any]:
        """Return whole numbers, and where there is none."""
        values, missing = self.words.numbers()
        return values[self.places], missing[self.places]

    def lengths(self) -> Any:
        """Return how many bytes each text has; 0 where it is missing."""
        return self.words.once("lengths", self._lengths)[self.places]

    def _lengths(self) -> Any:
        return np.array([*(len(word.encode()) for word in self.words.texts), 0], dtype=np.int64)

    def places_in(self, words: Words) -> Any:
        """Return where each text is in another list of words; -1 where it is not."""
        return places_in(self.words, words)[self.places]

    def mapped(self, key: Any, change: Callable[[str], str]) -> Text:
        """Return changed texts."""
        words, moved = self.words.mapped(key, change)
        return Text(moved[self.places], words)

    def listed(self) -> list[str | None]:
        """Return the texts as Python values."""
        if self.column is not None:
            return self.column.listed(self.start, self.stop)
        texts: list[str | None] = [*self.words.texts, None]
        return [texts[place] for place in self.places.tolist()]

    def distinct(self) -> set[str]:
        """Return which texts there are."""
        if self.column is not None:
            return self.column.distinct(self.start, self.stop)
        return {self.words.texts[place] for place in np.unique(self.places).tolist() if place >= 0}


class Views(Protocol):
    """Arrow's views of a column of texts, two 64-bit numbers each: see `arrow`."""

    def __len__(self) -> int: ...

    def cut(self, start: int, stop: int) -> Any:
        """Return those of some rows in a row, as an array."""

    def at(self, rows: Any) -> Any:
        """Return those of some rows, as an array."""


@attrs.frozen(eq=False)
class GivenViews:
    """Views that are there."""

    array: Any

    def __len__(self) -> int:
        return len(self.array)

    def cut(self, start: int, stop: int) -> Any:
        """Return those of some rows in a row."""
        return self.array[start:stop]

    def at(self, rows: Any) -> Any:
        """Return those of some rows."""
        return np.take(self.array, rows, axis=0)


@attrs.define(eq=False, slots=False)
class LateViews:
    """Views that are put together once somebody asks for them."""

    make: Callable[[], Any]

    @functools.cached_property
    def given(self) -> GivenViews:
        """The views."""
        return GivenViews(self.make())

    def __len__(self) -> int:
        return len(self.given)

    def cut(self, start: int, stop: int) -> Any:
        """Return those of some rows in a row."""
        return self.given.cut(start, stop)

    def at(self, rows: Any) -> Any:
        """Return those of some rows."""
        return self.given.at(rows)


@attrs.define(eq=False, slots=False)
class TextColumn:
    """A user's column of texts."""

    given: nw.Series[Any] | Callable[[], nw.Series[Any]]
    """The column, or what gives it."""
    gone: Any = None
    """Marks of those that are missing: an array, or `Bits`; None if there is none."""
    views: Views | None = None
    """The texts as Arrow's views of them, where a library has such."""
    picked: bool = False
    """Whether its rows are picked, so that its views are there and the column is not."""
    source: tuple[TextColumn, Any] | None = None
    """The column that its rows are picked from, and which they are, if it is one."""
    piece: tuple[TextColumn, int] | None = None
    """The column that it is a piece of, and its first row there, if it is one."""

    @functools.cached_property
    def series(self) -> nw.Series[Any]:
        """The column."""
        return self.given if isinstance(self.given, nw.Series) else self.given()

    @functools.cached_property
    def whole(self) -> Text:
        """All its texts."""
        return encoded(self.series)

    def taken(self, rows: Any, *, lost: Any) -> Text:
        """Return some rows as a column of their own; lost ones are missing."""
        assert self.views is not None
        if not len(self.views):
            return Text(np.full(len(rows), -1), Words([]))
        places = np.where(lost, 0, rows)
        gone = None if self.gone is None else marks_at(self.gone, places)
        if lost.any():
            gone = lost if gone is None else gone | lost
        source, begin = self.piece or (self, 0)
        there = places + begin
        views = GivenViews(self.views.at(places))
        column = TextColumn(lambda: source.series[there], gone, views, picked=True, source=(source, there))
        return Text(column=column, stop=len(rows))

    def listed(self, start: int, stop: int) -> list[str | None]:
        """Return some of the texts as Python values."""
        gone = marked(cut(self.gone, start, stop))
        cells = None if self.views is None else _read_views(self.views.cut(start, stop), gone)
        if cells is None:
            cells = [str(cell) for cell in self.series[start:stop].to_list()]
        lost = itertools.repeat(False) if gone is None else gone.tolist()
        return [None if no else cell for cell, no in zip(cells, lost, strict=False)]

    def distinct(self, start: int, stop: int) -> set[str]:
        """Return which texts there are in some rows."""
        cells = (
            None if self.views is None else self._read_each(self.views.cut(start, stop), cut(self.gone, start, stop))
        )
        return {cell for cell in (self.listed(start, stop) if cells is None else cells) if cell is not None}

    def _read_each(self, views: Any, gone: Any) -> Sequence[str] | None:
        """Read texts, those that are frequent once; None if one is longer than a view."""
        lost = marked(gone)
        rest = views if lost is None else views[~lost]
        found = [rest[:0]]
        while len(rest) and len(found) <= _FEW:  # most columns of words have few of them
            found.append(rest[:1])
            rest = rest[(rest[:, 0] != rest[0, 0]) | (rest[:, 1] != rest[0, 1])]
        return _read_views(np.concatenate([*found, rest]), None)


def _stacked_views(texts: Sequence[Text]) -> Any:
    """Return the views of texts below each other, those of different texts different.

    A view of more than twelve bytes says in which buffer of its piece the text lies; other pieces have other buffers.
    """
    found, buffers = [], 0
    for text in texts:
        views, gone = text.views, text.missing()
        long = views[:, 0] & np.uint64(0xFFFFFFFF) > 12
        long = long if gone is None else long & ~gone
        if long.any():
            views = views.copy()
            own = int((views[long, 1] & np.uint64(0xFFFFFFFF)).max()) + 1
            views[long, 1] += np.uint64(buffers)
            buffers += own
        found.append(views)
    return np.concatenate(found)


def _read_views(views: Any, gone: Any) -> list[str] | None:
    """Return texts by their views; None if one of them is longer than a view."""
    whole = whole_views(views, gone)
    if whole is None:
        return None
    cells = whole.view("V16").ravel().tolist()
    texts = {cell: cell[4 : 4 + cell[0]].decode() for cell in set(cells)}
    return [texts[cell] for cell in cells]


def whole_views(views: Any, gone: Any) -> Any:
    """Return views that hold texts whole, side by side, and nothing where one is missing; None if one is too long."""
    if gone is not None:  # what stands there says nothing
        views = views * ~gone[:, np.newaxis]
    if (views[:, 0] & np.uint64(0xFFFFFFFF)).max(initial=0) > 12:
        return None
    return np.ascontiguousarray(views)


def _joined(texts: Sequence[Text]) -> nw.Series[Any]:
    """Return texts below each other as one column, those that are picked from one column by one call."""
    found: list[nw.Series[Any]] = []
    for source, some in itertools.groupby(texts, lambda text: None if (pick := text.picks()) is None else pick[0]):
        if source is None:
            found += [text.own() for text in some]
        else:
            found.append(source.series[np.concatenate([rows for _, rows in filter(None, map(Text.picks, some))])])
    if len({series.implementation for series in found}) > 1:  # a register may be a frame of another library
        cells = [cell for text in texts for cell in text.listed()]
        return nw.new_series(found[0].name, cells, nw.String(), backend=found[0].implementation)
    frames = [series.to_frame() for series in found]
    return nw.concat(frames)[frames[0].columns[0]] if len(frames) > 1 else found[0]


def text_of(cells: Sequence[str | None]) -> Text:
    """Return Python values as texts."""
    places: dict[str, int] = {}
    found = [-1 if cell is None else places.setdefault(cell, len(places)) for cell in cells]
    return Text(np.array(found, dtype=np.int64), Words(list(places)))


def _at(places: Any, words: Words) -> Text:
    """Return texts by their places, in a byte each if that will do: comparing bytes is quickest."""
    return Text(places.astype(np.int8 if words.small else np.int64), words)


def encoded(series: nw.Series[Any]) -> Text:
    """Return a column of texts as places in a list of words, by the quickest way that its library has."""
    if series.implementation.is_pandas_like():
        places, found = series.to_native().factorize()
        texts, places = found.tolist(), np.asarray(places)
    elif series.implementation.is_pyarrow():
        made = _as_arrow(series).dictionary_encode()
        texts, places = made.dictionary.to_pylist(), made.indices.fill_null(-1).to_numpy()
    elif series.implementation.is_polars():
        written = series.cast(nw.String())
        texts = written.drop_nulls().unique().sort().to_list()
        ranks = nw.from_native(written.cast(nw.Enum(texts)).to_native().to_physical(), series_only=True)
        places = ranks.cast(nw.Int64()).fill_null(-1).to_numpy()
    else:
        return text_of([None if cell is None else str(cell) for cell in series.to_list()])
    if all(isinstance(text, str) for text in texts):
        return _at(places, Words(texts))
    moved = text_of([str(text) for text in texts])  # a categorical may have numbers for words
    return _at(np.append(moved.places, -1)[places], moved.words)


def _as_arrow(series: nw.Series[Any]) -> Any:
    """Return a column as one Arrow array of texts."""
    import pyarrow as pa

    array = series.to_arrow()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if isinstance(array, pa.ChunkedArray):  # what older versions make of it
        array = pa.concat_arrays(array.chunks)
    return array.cast(pa.large_string())


def places_in(words: Words, others: Words) -> Any:
    """Return where each of some words is in another list; -1 where it is not."""
    if words is others:
        return np.append(np.arange(len(words.texts)), -1)

    def make() -> tuple[Words, Any]:
        known = others.once("known", lambda: {text: place for place, text in enumerate(others.texts)})
        return others, np.array([*(known.get(text, -1) for text in words.texts), -1], dtype=np.int64)

    return words.once(("in", id(others)), make)[1]  # beside the list itself, so that its id stays its own


def paired(left: Text, right: Text, both: Callable[[str, str], str]) -> Text:
    """Return what two texts give together; missing where one is."""
    width = np.int64(len(right.words.texts) + 1)
    pairs, inverse = np.unique((left.places + np.int64(1)) * width + right.places + 1, return_inverse=True)
    texts: list[str | None] = []
    for pair in pairs.tolist():
        one, other = divmod(pair, width)
        texts.append(both(left.words.texts[one - 1], right.words.texts[other - 1]) if one and other else None)
    made = text_of(texts)
    return Text(made.places[inverse], made.words)
