"""Schema: JSON Schemas of a plan folder's TOML files and of the exported registry, made from the classes.

An editor completes and checks a file with them. They say what stands where and in which form; whether an id exists, a
quote is printed or a unit fits is for the loader to say.
"""

from __future__ import annotations

import datetime as dt
import inspect
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

import attrs

from community_plan.commitments import Commitment
from community_plan.documents import TAG_OF
from community_plan.export import ADDED, OMITTED, Exported
from community_plan.measures import Is
from community_plan.plan import Document
from community_plan.sources import Discrepancy, Reading
from community_plan.targets import Indicator, Target
from community_plan.units import Quantity, Unit
from community_plan.variables import Variable

__all__ = ["json_schemas"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FILES: dict[str, type] = {
    "targets": Target,
    "indicators": Indicator,
    "variables": Variable,
    "discrepancies": Discrepancy,
    "commitments": Commitment,
}
# Loose, and plain enough for every dialect of regular expressions: a number, perhaps a unit, and no second number.
_QUANTITY = (
    r"^\s*(每[^0-9０-９.+-]*|每100户|百分之|千分之)?\s*[+−-]?[0-9０-９][0-9０-９,]*(\.[0-9０-９]+)?([eE][+-]?[0-9]{1,2})?"
    r"(/[0-9]{1,40})?\s*([^0-9０-９\s,.+~～-][^,.~～]*(,000[^,.~～]*)*)?$"
)
_EXACT = r"^-?[0-9]+(\.[0-9]+|/[0-9]+)?$"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return JSON Schemas (draft 2020-12) by name: one for each TOML file of a plan folder, and `registry`.

    >>> sorted(json_schemas())
    ['commitments', 'discrepancies', 'indicators', 'plan', 'registry', 'targets', 'variables']
    """
    schemas = {"plan": _Maker().document("plan.toml", Document)}
    for name, kind in _FILES.items():
        schemas[name] = _Maker().table_array(name, kind)
    schemas["registry"] = _Maker(exported=True).document("registry", Exported)
    return schemas


class _Maker:
    """Makes one schema: of what authors write, or of what is exported, where every key is there."""

    def __init__(self, *, exported: bool = False) -> None:
        self.exported = exported
        self.defs: dict[str, dict[str, Any]] = {}

    def document(self, title: str, kind: type) -> dict[str, Any]:
        return self._whole(title, self._object(kind))

    def table_array(self, name: str, kind: type) -> dict[str, Any]:
        items = {"type": "array", "items": self._ref(kind)}
        return self._whole(
            f"{name}.toml", {"type": "object", "properties": {name: items}, "additionalProperties": False}
        )

    def _whole(self, title: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"$schema": _DIALECT, **schema, "title": title, "$defs": dict(sorted(self.defs.items()))}

    def _ref(self, kind: type, suffix: str = "") -> dict[str, Any]:
        name = f"{kind.__name__}{suffix}"
        if name not in self.defs:
            self.defs[name] = {}  # conditions hold conditions
            self.defs[name] = self._object(kind) if not suffix else self._changes(kind)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, kind: type) -> dict[str, Any]:
        """Return the schema of a class: its fields by name, those without a default required, no other keys."""
        properties: dict[str, Any] = {}
        required: list[str] = []
        if kind in TAG_OF:
            properties["kind"] = {"const": TAG_OF[kind]}
            required.append("kind")
        for field in attrs.fields(attrs.resolve_types(kind)):
            if self.exported and field.name in OMITTED.get(kind, ()):
                continue
            properties[field.name] = self._field(kind, field)
            if self.exported or field.default is attrs.NOTHING:
                required.append(field.name)
        if self.exported:
            for name, hint in ADDED.get(kind, {}).items():
                properties[name] = {"title": _title(name), **self._type(hint)}
                required.append(name)
        schema = {"title": kind.__name__, "type": "object", "properties": properties, "additionalProperties": False}
        sentence = (inspect.getdoc(kind) or "").partition("\n")[0]
        return {**schema, "description": sentence, "required": required}

    def _changes(self, kind: type) -> dict[str, Any]:
        """Return the schema of some fields of a class, its id never among them."""
        whole = self._object(kind)
        added = ADDED.get(kind, {})
        properties = {key: part for key, part in whole["properties"].items() if key != "id" and key not in added}
        return {
            "title": f"Changes of a {kind.__name__}",
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }

    def _field(self, kind: type, field: attrs.Attribute[Any]) -> dict[str, Any]:
        if kind is Reading and field.name == "targets":
            schema: dict[str, Any] = {"type": "object", "additionalProperties": self._ref(Target, "Changes")}
        else:
            schema = self._type(field.type)
        schema = {"title": _title(field.name), **schema}
        if field.metadata.get("description"):
            schema["description"] = field.metadata["description"]
        return schema

    def _type(self, hint: Any) -> dict[str, Any]:
        """Return the schema of a type hint."""
        simple = {str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}, Any: {}}
        if hint in simple:
            return dict(simple[hint])
        if hint is dt.date:
            return {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
        if hint is Quantity:
            return self._quantity()
        if hint is Unit:
            return self._texts() if self.exported else {"type": "string", "examples": ["m²/百户", "%", "人/万人"]}
        if hint == tuple[Is, ...]:
            return self._scope()
        if isinstance(hint, type) and issubclass(hint, Enum):
            return {"enum": [member.value for member in hint]}
        if isinstance(hint, type) and attrs.has(hint):
            return self._ref(hint)
        return self._generic(hint)

    def _generic(self, hint: Any) -> dict[str, Any]:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is tuple and arguments[1:] == (...,):
            return {"type": "array", "items": self._type(arguments[0])}
        if origin is Mapping and arguments[0] is str:
            return {"type": "object", "additionalProperties": self._type(arguments[1])}
        if origin in (types.UnionType, typing.Union):
            members = [member for member in arguments if member is not type(None)]
            # By its `kind` exactly one member fits; a single one is an optional field.
            found = self._type(members[0]) if len(members) == 1 else {"oneOf": [self._type(one) for one in members]}
            # TOML has no null: what is not known is left out.
            return {"anyOf": [found, {"type": "null"}]} if self.exported and len(members) < len(arguments) else found
        raise TypeError(f"no schema for {hint!r}: write one in schema.py")

    def _quantity(self) -> dict[str, Any]:
        if not self.exported:
            text = {"type": "string", "pattern": _QUANTITY, "examples": ["30 m²/百户", "93 %"]}
            return {"anyOf": [text, {"type": "number"}]}
        properties = {"number": {"type": "string", "pattern": _EXACT}, "unit": self._texts()}
        return _closed(properties)

    def _texts(self) -> dict[str, Any]:
        return _closed({"zh": {"type": "string"}, "en": {"type": "string"}})

    def _scope(self) -> dict[str, Any]:
        words = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        values: dict[str, Any] = words if self.exported else {"anyOf": [{"type": "string"}, words]}
        return {"type": "object", "additionalProperties": values}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
