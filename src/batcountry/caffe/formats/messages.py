"""The message classes of Caffe's files, made at import from `schema.proto`.

No protobuf compiler is needed, and no generated code ties the package to one version of the
protobuf runtime.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from batcountry.caffe.formats.schema import SCALARS, Field, Schema, schema

_LABELS = {"optional": 1, "required": 2, "repeated": 3}


def _add_field(message: Any, field: Field) -> None:
    added = message.field.add(name=field.name, number=field.number, label=_LABELS[field.label])
    if field.kind in SCALARS:
        added.type = getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{field.kind.upper()}")
    else:
        added.type_name = field.kind
    if field.packed:
        added.options.packed = True
    if field.default is not None:
        added.default_value = field.default


def _file(known: Schema) -> descriptor_pb2.FileDescriptorProto:
    file: Any = descriptor_pb2.FileDescriptorProto(
        name="batcountry/caffe/schema.proto", package="caffe", syntax="proto2"
    )
    messages = {name: file.message_type.add(name=name) for name in known.messages}
    for name, fields in known.messages.items():
        for field in fields.values():
            _add_field(messages[name], field)
    for name, values in known.enums.items():
        home, _, own = name.rpartition(".")
        enum = (messages[home] if home else file).enum_type.add(name=own)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file(schema()))


def message(name: str) -> Any:
    """Return the message class of that name, such as `message("NetParameter")`."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"caffe.{name}"))


BlobProto = message("BlobProto")
LayerParameter = message("LayerParameter")
NetParameter = message("NetParameter")
V0LayerParameter = message("V0LayerParameter")
V1LayerParameter = message("V1LayerParameter")
