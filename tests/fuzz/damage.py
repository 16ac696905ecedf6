"""Changes valid files at random: bits, lengths, numbers, names, lines."""

from __future__ import annotations

import random
import re

NUMBERS = ["0", "-1", "1", "7", "65536", "2147483647", "4294967295", "-2147483648", "1e30", "nan", "9" * 30]
VARINTS = [b"\x00", b"\x7f", b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\x80" * 12]


def damaged_bytes(data: bytes, draw: random.Random) -> bytes:
    """Change a binary file: bits, bytes, lengths, cuts, repeats."""
    damaged = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        at, kind = draw.randrange(len(damaged) or 1), draw.randrange(6)
        if kind == 0 and damaged:
            damaged[at % len(damaged)] ^= 1 << draw.randrange(8)
        elif kind == 1:
            damaged[at : at + 1] = draw.choice(VARINTS)
        elif kind == 2:
            del damaged[at : at + draw.randint(1, 40)]
        elif kind == 3:
            damaged[at:at] = damaged[at : at + draw.randint(1, 400)]
        elif kind == 4:
            damaged[at:at] = draw.randbytes(draw.randint(1, 20))
        elif draw.random() < 0.3:
            del damaged[at:]
    return bytes(damaged)


def damaged_text(text: str, draw: random.Random, words: list[str]) -> str:
    """Change a prototxt: numbers and names most of all, lines now and then."""
    pieces = re.split(r'("[^"]*"|[-0-9.e]+(?=\s))', text)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(pieces) // 2) * 2 + 1 if len(pieces) > 2 else 0
        pieces[at] = draw.choice(words if pieces[at].startswith('"') else NUMBERS)
    lines = "".join(pieces).splitlines()
    for _ in range(draw.choice([0, 0, 0, 1, 3])):
        at, kind = draw.randrange(len(lines) or 1), draw.randrange(6)
        if kind == 3:
            lines[at:at] = lines[at : at + draw.randint(1, 12)]
        elif kind == 4:
            del lines[at : at + draw.randint(1, 3)]
        else:
            lines.insert(
                at, draw.choice(["{" * 200, "}", "layer {", '"', "layers { type: 99 }", "dim: 9999999999999"])
            )
    return "\n".join(lines)
