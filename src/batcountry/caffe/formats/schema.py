"""What `schema.proto` says of Caffe's messages, and records that answer as messages do.

protobuf itself is needed only for Caffe's own files (`messages.py`): a network that was converted
runs on `Record`s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Any

_TOKEN = re.compile(r'//[^\n]*|"[^"]*"|[\w.+-]+|[{}\[\]=;,]')
_ZEROS: dict[str, Any] = {
    "float": 0.0, "double": 0.0, "int32": 0, "int64": 0, "uint32": 0, "bool": False, "string": "", "bytes": b"",
}  # fmt: skip
SCALARS = tuple(_ZEROS)


@dataclass(frozen=True)
class Field:
    """A field of a message; `default` is as it is written, and `packed` of numbers in binary files."""

    name: str
    number: int
    label: str
    kind: str
    packed: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Schema:
    """Messages by name, each its fields by name, and enums by name; an enum in a message is `Message.Enum`."""

    messages: dict[str, dict[str, Field]]
    enums: dict[str, dict[str, int]]

    def enum_of(self, message: str, kind: str) -> str | None:
        """Return the full name of the enum that a field's kind stands for within a message, if it is one."""
        return next((name for name in (f"{message}.{kind}", kind) if name in self.enums), None)


@cache
def schema() -> Schema:
    """Return what `schema.proto` says."""
    tokens = _tokens(files(__package__).joinpath("schema.proto").read_text("utf-8"))
    found = Schema({}, {})
    while tokens:
        word = tokens.pop()
        if word == "message":
            _read_message(tokens, found)
        elif word == "enum":
            _read_enum(tokens, found)
    return found


@cache
def enum(name: str) -> type[IntEnum]:
    """Return an enum of the schema, such as `enum("PoolingParameter.PoolMethod")`."""
    return IntEnum(name.replace(".", ""), schema().enums[name])  # type: ignore[return-value]


class Record:
    """A message that cannot be changed, made of plain values: fields that were not set have their defaults.

    Parameters
    ----------
    kind
        Name of the message, such as `LayerParameter`.
    values
        What was set: numbers and strings, lists, and dicts for messages.
    """

    __slots__ = ("_kind", "_values")

    def __init__(self, kind: str, values: Mapping[str, Any] | None = None) -> None:
        fields = schema().messages[kind]
        self._kind = kind
        self._values = {name: _held(fields[name], value) for name, value in (values or {}).items()}

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        try:
            return _default(self._kind, name)
        except KeyError:
            raise AttributeError(f"{self._kind} has no field {name!r}") from None

    def HasField(self, name: str) -> bool:  # noqa: N802 - as protobuf has it
        """Whether a field was set."""
        return name in self._values

    def __repr__(self) -> str:
        return f"{self._kind}({self._values})"


def plain(message: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what is set in a protobuf message as plain values, which `Record` takes and JSON can hold."""

    def value_of(value: Any) -> Any:
        return plain(value) if hasattr(value, "ListFields") else value

    return {
        field.name: value_of(value)
        if isinstance(value, (str, bytes)) or not hasattr(value, "__len__")
        else [value_of(each) for each in value]
        for field, value in message.ListFields()
        if field.name not in without
    }


def _held(field: Field, value: Any) -> Any:
    if field.kind not in schema().messages:
        return value
    if field.label == "repeated":
        return [Record(field.kind, each) for each in value]
    return Record(field.kind, value)


@cache
def _default(kind: str, name: str) -> Any:
    field = schema().messages[kind][name]
    if field.label == "repeated":
        return ()
    if field.kind in schema().messages:
        return Record(field.kind)
    if (named := schema().enum_of(kind, field.kind)) is not None:
        values = schema().enums[named]
        return values[field.default] if field.default else min(values.values())
    if field.default is None:
        return _ZEROS[field.kind]
    return field.default == "true" if field.kind == "bool" else type(_ZEROS[field.kind])(field.default)


def _tokens(text: str) -> list[str]:
    """Return the tokens in reverse, so that the next one is popped from the end."""
    return [each for each in _TOKEN.findall(text) if not each.startswith("//")][::-1]


def _read_enum(tokens: list[str], into: Schema, within: str = "") -> None:
    values = into.enums[within + tokens.pop()] = {}
    tokens.pop()
    while (name := tokens.pop()) != "}":
        tokens.pop()
        values[name] = int(tokens.pop())
        tokens.pop()


def _read_field(label: str, tokens: list[str]) -> Field:
    kind, name, _, number = (tokens.pop() for _ in range(4))
    packed, default = False, None
    while (token := tokens.pop()) != ";":
        if token == "packed":
            packed = True
        elif token == "default":
            tokens.pop()
            default = tokens.pop().strip('"')
    return Field(name, int(number), label, kind, packed, default)


def _read_message(tokens: list[str], into: Schema) -> None:
    name = tokens.pop()
    fields = into.messages[name] = {}
    tokens.pop()
    while (token := tokens.pop()) != "}":
        if token == "enum":
            _read_enum(tokens, into, f"{name}.")
        else:
            field = _read_field(token, tokens)
            fields[field.name] = field


TRAIN, TEST = 0, 1
