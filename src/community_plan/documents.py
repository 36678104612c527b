"""Documents: the door to cattrs — plain data to frozen values and back, strictly.

Unknown keys are refused, nothing is coerced, and all faults of a document are reported at once with file,
line and path.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import operator
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from types import UnionType
from typing import Any, Literal, TypeVar, get_args

import attrs
import cattrs
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from community_plan.errors import CommunityPlanError, Place, PlanError, PlanFaults, did_you_mean, nearest, raise_faults
from community_plan.measures import (
    AllOf,
    AnyOf,
    AtLeast,
    Comparator,
    Compare,
    Condition,
    Count,
    Is,
    Measure,
    Ratio,
    Share,
    Total,
)
from community_plan.toml_files import PathKey, TomlFile, path_text
from community_plan.units import Quantity, Unit, quantity

__all__ = ["TAG_OF", "exact_text", "json_text", "structure", "unstructure"]

T = TypeVar("T")
_TAGS: dict[str, type] = {
    "count": Count,
    "total": Total,
    "ratio": Ratio,
    "share": Share,
    "is": Is,
    "compare": Compare,
    "all": AllOf,
    "any": AnyOf,
    "at_least": AtLeast,
}
TAG_OF = {cls: tag for tag, cls in _TAGS.items()}
"""Class to the `kind` that stands for it in documents."""


def exact_text(value: Fraction) -> str:
    """Return a number as text that `Fraction` reads back exactly: a decimal if it ends, else `p/q`.

    >>> exact_text(Fraction(183, 2)), exact_text(Fraction(100, 3))
    ('91.5', '100/3')
    """
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value) * 10**digits, 10**digits)
    return f"{sign}{whole}.{int(part):0{digits}d}" if digits else f"{sign}{whole}"


def json_text(data: Any, indent: int | None) -> str:
    """Return plain data as JSON: dates as text, and fractions as the text that `exact_text` makes of them."""
    return json.dumps(data, ensure_ascii=False, indent=indent, default=_json_text)


def _json_text(value: Fraction | dt.date) -> str:
    return value.isoformat() if isinstance(value, dt.date) else exact_text(value)


def _wrong(expected: str, got: object) -> TypeError:
    shown = repr(got)
    return TypeError(f"expected {expected}, got {shown if len(shown) <= 60 else shown[:60] + '…'}")


def _strict(kind: type, words: str) -> Any:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise _wrong(words, value)
        return value

    return hook


def _structure_quantity(value: Any, _: Any) -> Quantity:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise _wrong("a number with a unit in quotes, such as '30 m²/百户'", value)
    match = re.fullmatch(r"(-?\d{1,40})/(\d{1,40})(?: (.*))?", value) if isinstance(value, str) else None
    if match is not None and not int(match[2]):
        raise _wrong("a number with a unit", value)
    if match is not None:
        return Quantity(Fraction(int(match[1]), int(match[2])), Unit.parse(match[3] or ""))
    return quantity(value)


def _unstructure_quantity(value: Quantity) -> str:
    return f"{exact_text(value.magnitude)} {value.unit}".rstrip()


def _structure_date(value: Any, _: Any) -> dt.date:
    """Read a TOML date, or the text that stands for one in JSON."""
    if type(value) is dt.date:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    raise _wrong("a date such as 2025-12-31", value)


def _structure_unit(value: Any, _: Any) -> Unit:
    if isinstance(value, Unit):
        return value
    if not isinstance(value, str):
        raise _wrong("a unit in quotes, such as 'm²/百户'", value)
    return Unit.parse(value)


def _structure_literal(value: Any, kind: Any) -> Any:
    known = get_args(kind)
    if value not in known or isinstance(value, bool):
        raise _one_of(value, known)
    return value


def _structure_enum(value: Any, kind: type[Enum]) -> Any:
    known = tuple(member.value for member in kind)
    if not isinstance(value, str) or value not in known:
        raise _one_of(value, known)
    return kind(value)


def _one_of(value: Any, known: tuple[Any, ...]) -> TypeError:
    hint = did_you_mean(nearest(value, [str(word) for word in known])) if isinstance(value, str) else ""
    return TypeError(f"expected one of {', '.join(map(str, known))}, got {value!r:.60}{hint}")


def _structure_list(converter: cattrs.Converter, item: Any) -> Any:
    """Read a list: a text is no list of its letters, nor a table one of its keys."""
    inner = converter.get_structure_hook(list[item])

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _wrong("a list", value)
        return tuple(inner(list(value), list[item]))

    return hook


def _structure_scope(value: Any, _: Any) -> tuple[Is, ...]:
    """Read `{ setting = "rural", county_kind = ["county", "county_city"] }`."""
    if not isinstance(value, Mapping):
        raise _wrong("a table of category = value or category = [values]", value)
    tests = []
    for variable, allowed in value.items():
        words = [allowed] if isinstance(allowed, str) else allowed
        if not isinstance(words, list | tuple) or not words or not all(isinstance(word, str) for word in words):
            raise _wrong(f"a value or a list of values for {variable!r}", allowed)
        tests.append(Is(variable=variable, values=tuple(words)))
    return tuple(tests)


def _unstructure_scope(value: tuple[Is, ...]) -> dict[str, Any]:
    return {test.variable: test.values[0] if len(test.values) == 1 else list(test.values) for test in value}


@functools.cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True, omit_if_default=True)
    for kind, words in ((str, "text in quotes"), (int, "a whole number"), (bool, "true or false")):
        converter.register_structure_hook(kind, _strict(kind, words))
    converter.register_structure_hook(dt.date, _structure_date)
    converter.register_unstructure_hook(dt.date, dt.date.isoformat)
    converter.register_structure_hook(Quantity, _structure_quantity)
    converter.register_unstructure_hook(Quantity, _unstructure_quantity)
    converter.register_structure_hook(Unit, _structure_unit)
    converter.register_unstructure_hook(Unit, str)
    converter.register_structure_hook_func(
        lambda kind: getattr(kind, "__origin__", None) is Literal, _structure_literal
    )
    # By class: a StrEnum would otherwise be taken for the text that it also is.
    converter.register_structure_hook(Comparator, _structure_enum)
    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is tuple,
        lambda kind: _structure_list(converter, get_args(kind)[0]),
    )
    converter.register_structure_hook_func(lambda kind: kind == tuple[Is, ...], _structure_scope)
    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is Mapping,
        lambda kind: _mapping_only(converter.get_structure_hook(dict[get_args(kind)])),  # type: ignore[misc]  # made here
    )

    def structure_tagged(union: UnionType) -> Any:
        known = {TAG_OF[member]: member for member in get_args(union)}

        def hook(value: Any, _: Any) -> Any:
            if not isinstance(value, Mapping):
                raise _wrong("a table with a `kind`", value)
            tag = value.get("kind")
            if tag is None:
                raise TypeError(f"expected a key 'kind' with one of {', '.join(known)}, got none")
            if not isinstance(tag, str) or tag not in known:
                raise _one_of(tag, tuple(known))
            return converter.structure({key: val for key, val in value.items() if key != "kind"}, known[tag])

        return hook

    for union in (Measure, Condition):
        converter.register_structure_hook_func(functools.partial(operator.eq, union), structure_tagged(union))

    def unstructure_tagged(cls: type) -> Any:
        overrides = {
            field.name: override(unstruct_hook=_unstructure_scope)
            for field in attrs.fields(attrs.resolve_types(cls))
            if field.type == tuple[Is, ...]
        }
        inner: Any = make_dict_unstructure_fn(cls, converter, **overrides)  # type: ignore[arg-type]  # names to overrides
        tag = TAG_OF.get(cls)
        return (lambda value: {"kind": tag, **inner(value)}) if tag else inner

    converter.register_unstructure_hook_factory(_is_table, unstructure_tagged)
    converter.register_structure_hook_factory(
        _is_table, lambda cls: _mapping_only(make_dict_structure_fn(attrs.resolve_types(cls), converter))
    )
    converter.register_unstructure_hook_func(
        lambda kind: kind in (Measure, Condition), lambda value: unstructure(value)
    )
    return converter


def _is_table(kind: Any) -> bool:
    """Say whether documents have a table for a class; an amount and a unit are texts there."""
    return isinstance(kind, type) and attrs.has(kind) and kind not in (Quantity, Unit)


def _mapping_only(inner: Any) -> Any:
    def hook(value: Any, kind: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong("a table", value)
        return inner(value, kind)

    return hook


def unstructure(value: Any) -> Any:
    """Return plain data — dicts, lists, text, numbers — that `structure` reads back equal."""
    return _converter().unstructure(value)


def structure(value: Any, kind: type[T], *, document: TomlFile | None = None, path: PathKey = ()) -> T:
    """Build a value of `kind` from plain data.

    Args:
        value: Dicts, lists, text and numbers, as read from TOML or JSON.
        kind: The class to build.
        document: Where the data come from, for the places of faults.
        path: Where in the document `value` stands.

    Raises:
        PlanError: One fault, or a `PlanFaults` group with all of them.
    """
    try:
        return _converter().structure(value, kind)
    except (BaseValidationError, TypeError, CommunityPlanError) as error:
        faults = [_fault(cause, where, document) for cause, where in _causes(error, path)]
        raise_faults(faults, subject=f"{kind.__name__} cannot be read", group=PlanFaults)
        raise  # an error without a cause would be a fault of this module


def _causes(error: BaseException, path: PathKey) -> Iterator[tuple[BaseException, PathKey]]:
    if isinstance(error, ClassValidationError | IterableValidationError):
        noted, bare = error.group_exceptions()
        for cause, note in noted:
            key = note.name if hasattr(note, "name") else note.index
            if isinstance(cause, KeyError) and not isinstance(cause, CommunityPlanError):
                yield PlanError(f"missing key {key!r}"), path
            else:
                yield from _causes(cause, (*path, key))
        for cause in bare:
            yield from _causes(cause, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        for key in sorted(error.extra_fields):
            known = [field.name for field in attrs.fields(error.cl)]
            close = did_you_mean(nearest(key, known)) or f"; known are {', '.join(known)}"
            yield PlanError(f"unknown key {key!r}{close}"), (*path, key)
    else:
        yield error, path


def _fault(cause: BaseException, path: PathKey, document: TomlFile | None) -> PlanError:
    problem = str(cause) or type(cause).__name__
    return PlanError(problem, place=document.place(path) if document else Place(key=path_text(path)))
