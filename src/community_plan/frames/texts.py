"""Texts: a column of texts as places in a list of distinct words, so that whatever is asked is asked once a word."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs
import narwhals as nw
import numpy as np

__all__ = ["Text", "TextColumn", "Words", "encoded", "paired", "places_in", "text_of"]

T = TypeVar("T")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}")
_MOST_DIGITS = 18


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

    @property
    def places(self) -> Any:
        """Where each row's text is among the words, -1 where it is missing; one place may stand for all rows."""
        if self.column is None:
            return self._places
        return self.column.whole.places[self.start : self.stop]

    @property
    def words(self) -> Words:
        """The words."""
        if self.column is not None:
            return self.column.whole.words
        assert self._words is not None
        return self._words

    def sliced(self, start: int, stop: int) -> Text:
        """Return some of the rows."""
        if self.column is not None:
            return Text(column=self.column, start=self.start + start, stop=self.start + stop)
        return Text(self._places[start:stop], self._words)

    def numbers(self) -> tuple[Any, Any]:
        """Return whole numbers, and where there is none (None: everywhere is one)."""
        if self.column is not None and self.column.digits is not None:
            return self.column.digits[self.start : self.stop], None
        values, missing = self.words.numbers()
        return values[self.places], missing[self.places]

    def lengths(self) -> Any:
        """Return how many bytes each text has; 0 where it is missing."""
        if self.column is not None and self.column.digits is not None:
            return self.column.width
        return self.words.once("lengths", self._lengths)[self.places]

    def _lengths(self) -> Any:
        return np.array([*(len(word.encode()) for word in self.words.texts), 0], dtype=np.int64)

    def missing(self) -> Any:
        """Return where texts are missing; None if nowhere."""
        if self.column is not None and self.column.full:
            return None
        return self.places < 0

    def mapped(self, key: Any, change: Callable[[str], str]) -> Text:
        """Return changed texts."""
        words, moved = self.words.mapped(key, change)
        return Text(moved[self.places], words)

    def listed(self) -> list[str | None]:
        """Return the texts as Python values."""
        texts: list[str | None] = [*self.words.texts, None]
        return [texts[place] for place in self.places.tolist()]


@attrs.define(eq=False, slots=False)
class TextColumn:
    """A user's column of texts."""

    series: nw.Series[Any]

    @functools.cached_property
    def whole(self) -> Text:
        """All its texts."""
        return encoded(self.series)

    @functools.cached_property
    def full(self) -> bool:
        """Whether no text is missing."""
        return self.series.null_count() == 0

    @functools.cached_property
    def digits(self) -> Any:
        """The column as whole numbers if every text is one of equally many digits, as statistical codes are."""
        cells = _cells_of_one_width(self.series)
        if cells is None or not 0 < cells.shape[1] <= _MOST_DIGITS:
            return None
        number = np.zeros(len(cells), dtype=np.int64)
        wrong = np.zeros(len(cells), dtype=bool)
        for place in range(cells.shape[1]):
            digit = cells[:, place] - np.uint8(ord("0"))  # what is no digit wraps round to something large
            wrong |= digit > 9
            number *= 10
            number += digit
        return None if wrong.any() else number

    @functools.cached_property
    def width(self) -> int:
        """How many bytes each of its texts has, if all are digits."""
        return len(self.series[0]) if len(self.series) else 0


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


def _cells_of_one_width(series: nw.Series[Any]) -> Any | None:
    """Return texts as a table of their bytes if all have equally many, without going through words."""
    rows = len(series)
    if not rows or series.null_count() or series.dtype != nw.String():
        return None
    if importlib.util.find_spec("pyarrow") is None:
        cells = series.to_list()
        if len(set(map(len, cells))) > 1 or not (joined := "".join(cells)).isascii():
            return None
        return np.frombuffer(joined.encode("ascii"), dtype=np.uint8).reshape(rows, -1)
    array = _as_arrow(series)
    _, ends, data = array.buffers()
    ends = np.frombuffer(ends, dtype=np.int64)[array.offset : array.offset + rows + 1]
    first, last = int(ends[0]), int(ends[-1])
    width = int(ends[1]) - first
    if data is None or not width or not (np.diff(ends) == width).all():
        return None
    return np.frombuffer(data, dtype=np.uint8)[first:last].reshape(rows, width)


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
