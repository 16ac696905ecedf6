"""Messages of Caffe's in their text form, as forks of Caffe write them too.

What a message has no field for is taken out before it is parsed, and noted with its line. So is an enum's value that is
not known; where such a value changes what a layer does, the layer says so in `unknown_settings`.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<token>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[\w.+-]+|.)""", re.DOTALL
)
_MATTERING = ("pool", "operation", "norm_region", "round_mode", "code_type", "bn_mode")
"""Enum fields whose values change what a layer does."""

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Skipped:
    """Something in a text that is not known: a field by its path, or an enum field with its value, and on which line."""

    line: int
    name: str


def decoded(data: bytes) -> str | None:
    """Return a file's bytes as text, or None if they are none.

    UTF-8 or, by its mark, UTF-16; comments in another encoding are let through. Marks of byte order are taken off and
    lines end as on Unix.
    """
    if data.startswith(_MARKS):
        text = data.decode("utf-16", "replace")
    elif _BINARY.search(data):
        return None
    else:
        text = data.decode("utf-8", "replace")
    return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def parse(text: str, message: Any) -> tuple[Skipped, ...]:
    """Fill an empty message with a text, and return what in it is not known.

    Raises
    ------
    google.protobuf.text_format.ParseError
        If the text has a mistake; its line is in the message, or if brackets are nested too deeply.
    """
    try:
        try:
            text_format.Parse(text, message)
            return ()
        except text_format.ParseError:
            walk = _Walk(text, message.DESCRIPTOR)
            if walk.mistake is not None:
                raise walk.mistake from None
            if not walk.edits:
                raise
        message.Clear()
        text_format.Parse(walk.edited(), message)
        return tuple(walk.skipped)
    except RecursionError:
        raise text_format.ParseError("its brackets are nested too deeply") from None


def blocks(text: str, descriptor: Any) -> list[tuple[str, int]]:
    """Return the fields of the message itself, in a text, with their lines."""
    return _Walk(text, descriptor).blocks


@dataclass(frozen=True)
class _Scope:
    """A message that is being read: its type, its path, and where that of the layer that it is in begins."""

    descriptor: Any
    path: str
    layer: int | None


class _Walk:
    """A text read field by field, as far as its syntax is right.

    Attributes
    ----------
    skipped
        What is not known.
    blocks
        The outermost fields, with their lines.
    mistake
        The first that is easier to say here than it is for the parser.
    edits
        What is to be put in the place of what, as (start, end, text).
    """

    def __init__(self, text: str, descriptor: Any) -> None:
        self.text = text
        self.tokens = [each for each in _TOKEN.finditer(text) if each["token"]]
        self.lines = [each.start() for each in re.finditer("\n", text)]
        self.skipped: list[Skipped] = []
        self.blocks: list[tuple[str, int]] = []
        self.edits: list[tuple[int, int, str]] = []
        self.mistake: text_format.ParseError | None = None
        self.scopes = [_Scope(descriptor, "", None)]
        at = 0
        while at < len(self.tokens) and self.scopes:
            if self._word(at) in ("}", ">"):
                self.scopes.pop()
                at += 1
            elif self._word(at) in (",", ";"):
                at += 1
            else:
                at = self._field(at)

    def edited(self) -> str:
        """Return the text after its edits; what is on a line stays on it."""
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        end = 0
        for start, stop, text in sorted(self.edits):
            yield self.text[end:start]
            yield text + "\n" * self.text.count("\n", start, stop) + " "
            end = stop
        yield self.text[end:]

    def _word(self, at: int) -> str:
        return str(self.tokens[at]["token"]) if at < len(self.tokens) else ""

    def _line(self, at: int) -> int:
        return bisect_right(self.lines, self.tokens[at].start()) + 1

    def _field(self, at: int) -> int:
        """Read the field that begins at a token, and return where the next begins."""
        scope, name = self.scopes[-1], self._word(at)
        value = at + 1 + (self._word(at + 1) == ":")
        opens = self._word(value) in ("{", "<")
        if value == at + 1 and not opens:
            return len(self.tokens)  # a mistake, which the parser says better
        if not scope.path and len(self.scopes) == 1:
            self.blocks.append((name, self._line(at)))
        field = scope.descriptor.fields_by_name.get(name)
        if field is None:
            end = self._end(value)
            self._take_out(at, end, name)
            return end
        if opens and field.message_type is not None:
            is_layer = field.message_type.name in ("LayerParameter", "V1LayerParameter")
            layer = self.tokens[value].end() if is_layer else scope.layer
            path = "" if is_layer else f"{scope.path}{name}."
            self.scopes.append(_Scope(field.message_type, path, layer))
            return value + 1
        end = self._end(value)
        if field.enum_type is not None:
            self._enum(at, value, end, field)
        elif field.type == field.TYPE_STRING and self._word(value)[:1] not in ('"', "'", "["):
            self._note_mistake(at, f'{name} takes a text in quotes, such as {name}: "…"')
        return end

    def _end(self, at: int) -> int:
        """Return where the value that begins at a token ends."""
        depth, end = 0, at
        while end < len(self.tokens):
            word = self._word(end)
            depth += (word in ("{", "<", "[")) - (word in ("}", ">", "]"))
            end += 1
            if depth <= 0:
                break
        while (
            end < len(self.tokens)
            and depth == 0
            and self._word(at)[0] in "\"'"
            and self._word(end)[0] in "\"'"
        ):
            end += 1  # strings that stand beside each other are one
        return end

    def _take_out(self, at: int, end: int, name: str, instead: str = "") -> None:
        stop = self.tokens[end - 1].end() if end <= len(self.tokens) else len(self.text)
        self.edits.append((self.tokens[at].start(), stop, instead))
        self.skipped.append(Skipped(self._line(at), f"{self.scopes[-1].path}{name}"))

    def _note_mistake(self, at: int, sentence: str) -> None:
        self.mistake = self.mistake or text_format.ParseError(sentence, line=self._line(at))

    def _enum(self, at: int, value: int, end: int, field: Any) -> None:
        scope, word = self.scopes[-1], self._word(value)
        is_type = scope.descriptor.name == "V1LayerParameter" and field.name == "type"
        if is_type and word[:1] in ('"', "'"):
            self._note_mistake(
                at, f"layers {{}} takes a type without quotes, not {word}; layer {{}} takes one with them"
            )
        if not re.match(r"[A-Za-z_]", word) or word in field.enum_type.values_by_name:
            return
        if is_type:
            stop = self.tokens[end - 1].end()
            self.edits.append((self.tokens[at].start(), stop, f'fork_type: "{word}"'))
            return
        self._take_out(at, end, f"{field.name} {word}")
        if field.name in _MATTERING and scope.layer is not None:
            setting = f' unknown_settings: "{scope.path}{field.name} {word}" '
            self.edits.append((scope.layer, scope.layer, setting))
