"""The JSON Schema of recipes, for editors, from the signatures of all installed stages."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pydantic

from seqkit.manual import explain
from seqkit.optimisers import TABLES, TrainSettings
from seqkit.plugins import NAME, Registry, Stage
from seqkit.sections import BOOTSTRAP, FORMAT, SPLITS
from seqkit.settings import DataFile, Described, Name, NonNegativeInt
from seqkit.signatures import (
    Field,
    Listed,
    bare,
    fields,
    holds_stages,
    is_settings,
    members,
    nested_kind,
    owner_of,
    plain,
    prose,
    recipe_name,
    wants_joint,
)

__all__ = ["explain", "schema"]

Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEAD: Json = {
    "seqkit": {"const": FORMAT, "description": "The version of the recipe's format."},
    "name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
}
OPTIONAL = ("tokenise", "encode", "train", "evaluate")


def schema(registry: Registry) -> Json:
    """The JSON Schema (2020-12) of recipes and of chains, with every installed plugin's stages."""
    return _Schema(registry).whole()


class _Schema:
    """Writes the schema, each kind of stage once, under `$defs`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._defs: dict[str, Json] = {}

    def whole(self) -> Json:
        """What has steps is a chain, all else a recipe."""
        recipe = self._recipe()
        return {
            "$schema": DIALECT,
            "title": "seqkit recipe",
            "if": {"required": ["steps"]},
            "then": self._chain(),
            "else": recipe,
            "$defs": dict(sorted(self._defs.items())),
        }

    def _chain(self) -> Json:
        """A recipe of several models."""
        names = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}
        step: Json = {
            "type": "object",
            "properties": {
                "recipe": {"type": "string", "description": "What it trains: a recipe's path."},
                "run": {"type": "string", "description": "What is trained: a run or a model."},
                "read": {**names, "description": "By input, the field that it is."},
                "give": {**names, "description": "By answer, the field that it becomes."},
                "set": {"type": "object", "description": "Settings, by dotted path."},
            },
            "anyOf": [{"required": ["recipe"]}, {"required": ["run"]}],
            "additionalProperties": False,
        }
        properties = {**HEAD, "steps": {"type": "array", "items": step, "minItems": 1}}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def _recipe(self) -> Json:
        """A recipe of one model."""
        encoder = [self._nested("encoder"), self._nested("joint"), self._by_input("encoder")]
        properties: Json = {
            **HEAD,
            "data": self._data(),
            "tokenise": {"anyOf": [self._nested("tokeniser"), self._by_input("tokeniser")]},
            "embed": {"anyOf": [self._nested("embedder"), self._by_input("embedder")]},
            "encode": {"anyOf": [*encoder, {"type": "array", "items": {"anyOf": encoder}}]},
            "decode": self._nested("decoder"),
            "train": self._object(fields(TrainSettings)),
            "evaluate": self._evaluate(),
        }
        for key in OPTIONAL:
            properties[key] = {"anyOf": [properties[key], {"type": "null"}]}
        return {
            "type": "object",
            "properties": properties,
            "required": [key for key in properties if key not in OPTIONAL],
            "additionalProperties": False,
        }

    def _nested(self, kind: str) -> Json:
        """A reference to any stage of a kind; "joint" stands for joint encoders."""
        if kind not in self._defs:
            self._defs[kind] = {}  # a stage may nest its own kind
            self._defs[kind] = {"anyOf": self._choices(self._stages(kind))}
        return {"$ref": f"#/$defs/{kind}"}

    def _stages(self, kind: str) -> Sequence[Stage | Listed]:
        if kind in TABLES:
            return [Listed(kind, name, factory) for name, factory in TABLES[kind].items()]
        stages = self._registry.stages("encoder" if kind == "joint" else kind)
        return [stage for stage in stages if stage.joint == (kind == "joint")]

    def _choices(self, stages: Sequence[Stage | Listed]) -> list[Json]:
        """Each stage as a mapping, then the names that may stand alone."""
        return [*(self._stage(stage, {}) for stage in stages), self._alone(stages)]

    def _alone(self, stages: Sequence[Stage | Listed]) -> Json:
        names = [
            recipe_name(stage, self._registry)
            for stage in stages
            if not any(each.required for each in fields(stage.factory, owner_of(stage)))
        ]
        return {"type": "string", "enum": names}

    def _stage(self, stage: Stage | Listed, more: Json, required: Sequence[str] = ()) -> Json:
        """One stage. more: properties that are no settings of its factory."""
        known = fields(stage.factory, owner_of(stage))
        written = self._object(known)
        name = recipe_name(stage, self._registry)
        return {
            **written,
            "title": f"{stage.kind} {name}",
            "description": " ".join(prose(stage.factory, [each.name for each in known])[:1]),
            "properties": {"use": {"const": name}, **more, **written["properties"]},
            "required": ["use", *required, *written["required"]],
        }

    def _by_input(self, kind: str) -> Json:
        """A mapping from the names of inputs to stages."""
        return {
            "type": "object",
            "additionalProperties": self._nested(kind),
            "properties": {"use": False},
            "minProperties": 1,
        }

    def _data(self) -> Json:
        names = {"anyOf": [self._type(Name), self._type(dict[str, Name])]}
        sources = []
        stages = self._registry.stages("source")
        for stage in stages:
            place = self._type(DataFile if stage.files else str | None)
            more = {**dict.fromkeys(SPLITS, place), "text": names, "gold": names}
            sources.append(self._stage(stage, more, ("train",) if stage.files else ()))
        return {"anyOf": [*sources, self._alone([each for each in stages if not each.files])]}

    def _evaluate(self) -> Json:
        metrics = {"type": "array", "items": self._nested("metric")}
        return {
            "type": "object",
            "properties": {
                "metrics": {
                    "anyOf": [metrics, {"type": "object", "additionalProperties": metrics}]
                },
                "bootstrap": {**self._type(NonNegativeInt), "default": BOOTSTRAP},
            },
            "additionalProperties": False,
        }

    def _object(self, known: Sequence[Field]) -> Json:
        """Settings as an object that allows no others."""
        return {
            "type": "object",
            "properties": {each.name: self._setting(each) for each in known},
            "required": [each.name for each in known if each.required],
            "additionalProperties": False,
        }

    def _setting(self, each: Field) -> Json:
        written = self._type(each.annotation)
        if each.description:
            written["description"] = each.description
        if not each.required:
            written["default"] = plain(each.default)
        return written

    def _type(self, annotation: Any) -> Json:
        if not holds_stages(annotation):
            return self._plain_type(annotation)
        annotation, said = bare(annotation)
        if kind := nested_kind(annotation):
            return self._nested("joint" if wants_joint(annotation) else kind)
        if is_settings(annotation):
            return self._object(fields(annotation))
        if members(annotation):
            return {"anyOf": [self._type(member) for member in members(annotation)]}
        inner = typing.get_args(annotation)
        if issubclass(typing.get_origin(annotation), Mapping):
            return {"type": "object", "additionalProperties": self._type(inner[-1])}
        shape = self._plain_type(Annotated[(list[Any], *said)] if said else list[Any])
        if typing.get_origin(annotation) is tuple and inner[-1] is not ...:
            items = [self._type(each) for each in inner]
            return {**shape, "prefixItems": items, "minItems": len(items), "items": False}
        return {**shape, "items": self._type(inner[0])}

    def _plain_type(self, annotation: Any) -> Json:
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(annotation)
        written = adapter.json_schema(ref_template="#/$defs/{model}")
        self._defs.update(written.pop("$defs", {}))
        for each in bare(annotation)[1]:
            if isinstance(each, Described):
                written["description"] = each.text
        return written
