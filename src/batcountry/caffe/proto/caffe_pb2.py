"""`caffe_pb2`: every message class, as programs import it.

`NetParameter` and the others are read and written as text by `google.protobuf.text_format`.
"""

from __future__ import annotations

from typing import Any

from batcountry.caffe.formats.messages import message
from batcountry.caffe.formats.schema import TEST, TRAIN

__all__ = ["TEST", "TRAIN"]


def __getattr__(name: str) -> Any:
    try:
        return message(name)
    except KeyError:
        raise AttributeError(f"Caffe's files have no message {name!r}") from None
