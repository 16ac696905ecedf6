"""`caffe_pb2`: every message class of Caffe's files, as programs import it.

The classes are made of `caffe.txtpb`, protobuf's own description of messages in its text form: no compiler runs,
and no generated code ties the package to one version of protobuf. They have a pool of their own, so a program may
import another `caffe_pb2` too. `NetParameter` and the others are read and written as text by
`google.protobuf.text_format`, and as JSON by `google.protobuf.json_format`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pool, message_factory, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto

__all__ = ["DESCRIPTOR", "TEST", "TRAIN"]

_text = files(__package__).joinpath("caffe.txtpb").read_text("utf-8")
_file = text_format.Parse(_text, FileDescriptorProto())
_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file)

DESCRIPTOR = _pool.FindFileByName(_file.name)
"""What the file says: messages, enums and their numbers."""

_phases = DESCRIPTOR.enum_types_by_name["Phase"].values_by_name
TRAIN, TEST = _phases["TRAIN"].number, _phases["TEST"].number


def __getattr__(name: str) -> Any:
    try:
        return message_factory.GetMessageClass(DESCRIPTOR.message_types_by_name[name])
    except KeyError:
        raise AttributeError(f"Caffe's files have no message {name!r}") from None


def __dir__() -> list[str]:
    return [*globals(), *DESCRIPTOR.message_types_by_name]
