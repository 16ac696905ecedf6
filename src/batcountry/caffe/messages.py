"""The message classes of Caffe's files, made at import from `schema.proto`.

No protobuf compiler is needed, and no generated code ties the package to one version of the
protobuf runtime.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TOKEN = re.compile(r'//[^\n]*|"[^"]*"|[\w.+-]+|[{}\[\]=;,]')
_SCALARS = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("float", "double", "int32", "int64", "uint32", "bool", "string", "bytes")
}
_LABELS = {"optional": 1, "required": 2, "repeated": 3}


def _tokens(text: str) -> list[str]:
    """Return the tokens in reverse, so that the next one is popped from the end."""
    return [each for each in _TOKEN.findall(text) if not each.startswith("//")][::-1]


def _enum(tokens: list[str], into: Any) -> None:
    enum = into.enum_type.add(name=tokens.pop())
    tokens.pop()
    while (name := tokens.pop()) != "}":
        tokens.pop()
        enum.value.add(name=name, number=int(tokens.pop()))
        tokens.pop()


def _field(label: str, tokens: list[str], message: Any) -> None:
    kind, name, _, number = (tokens.pop() for _ in range(4))
    field = message.field.add(name=name, number=int(number), label=_LABELS[label])
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type_name = kind
    while (token := tokens.pop()) != ";":
        if token == "packed":
            field.options.packed = True
        elif token == "default":
            tokens.pop()
            field.default_value = tokens.pop().strip('"')


def _message(tokens: list[str], into: Any) -> None:
    message = into.add(name=tokens.pop())
    tokens.pop()
    while (token := tokens.pop()) != "}":
        if token == "enum":
            _enum(tokens, message)
        else:
            _field(token, tokens, message)


def _file(text: str) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="batcountry/caffe/schema.proto", package="caffe", syntax="proto2"
    )
    tokens = _tokens(text)
    while tokens:
        word = tokens.pop()
        if word == "message":
            _message(tokens, file.message_type)
        elif word == "enum":
            _enum(tokens, file)
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file(files(__package__).joinpath("schema.proto").read_text("utf-8")))


def message(name: str) -> Any:
    """Return the message class of that name, such as `message("NetParameter")`."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"caffe.{name}"))


BlobProto = message("BlobProto")
BlobShape = message("BlobShape")
EltwiseParameter = message("EltwiseParameter")
FillerParameter = message("FillerParameter")
LayerParameter = message("LayerParameter")
LRNParameter = message("LRNParameter")
NetParameter = message("NetParameter")
ReductionParameter = message("ReductionParameter")
PoolingParameter = message("PoolingParameter")
V1LayerParameter = message("V1LayerParameter")

TRAIN, TEST = 0, 1
