"""What a loop is given: whole numbers, and pointers to arrays of some types.

bfloat16 is known to Numba as its 16 bits. What only compares numbers and passes them on takes their bits, as signed numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import carray, njit, types
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model

FLOATS = {"float32": types.float32, "bfloat16": types.uint16}
"""Types of an array of floats, by the name of the type of numbers that a loop is for."""

BITS = {"float32": types.int32, "bfloat16": types.int16}
"""The same for an array of floats whose bits are looked at."""

MOST = 24
"""Numbers that a loop is given at most, with the two that are its counter and its number of turns."""


class Arguments(types.Type):
    """A pointer to int64 numbers: two of the loop's own, the addresses of arrays of `elements`, and others."""

    def __init__(self, elements: Sequence[Any]) -> None:
        self.elements = tuple(elements)
        super().__init__(name=f"Arguments({', '.join(map(str, elements))})")


@register_model(Arguments)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@intrinsic
def _pointer(typing: Any, arguments: Any) -> Any:
    return types.CPointer(types.int64)(arguments), lambda context, builder, signature, values: values[0]


@njit(inline="always")
def numbers(arguments: Any) -> Any:
    """Return all that a loop was given, as an array."""
    return carray(_pointer(arguments), MOST)


# An overload is shorter, but Numba would compile one for each place that has an index: two fifths of its time.
@infer_global(operator.getitem)
class _Item(AbstractTemplate):
    def generic(self, given: Any, _: Any) -> Any:
        return signature(types.int64, given[0], types.int64) if isinstance(given[0], Arguments) else None


@lower_builtin(operator.getitem, Arguments, types.int64)
def _item(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return builder.load(builder.gep(values[0], [values[1]]))


@intrinsic
def arrays(typing: Any, arguments: Any) -> Any:
    """Return pointers to the arrays that a loop was given."""
    found = types.BaseTuple.from_types([types.CPointer(each) for each in arguments.elements])

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointers = []
        for index, kind in enumerate(found):
            address = builder.load(builder.gep(values[0], [ir.IntType(64)(2 + index)]))
            pointers.append(builder.inttoptr(address, context.get_value_type(kind)))
        return context.make_tuple(builder, found, pointers)

    return found(arguments), generate


@intrinsic
def bytes_behind(typing: Any, pointer: Any, count: Any, like: Any) -> Any:
    """Return the pointer so many bytes behind another, to what `like` points to."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address = builder.add(builder.ptrtoint(values[0], ir.IntType(64)), values[1])
        return builder.inttoptr(address, context.get_value_type(like))

    return like(pointer, types.int64, like), generate


@intrinsic
def bits_in(typing: Any, pointer: Any) -> Any:
    """Return how many bits each number of an array has."""
    width = pointer.dtype.bitwidth
    return types.int64(pointer), lambda context, builder, signature, values: ir.IntType(64)(width)


@intrinsic
def next_index(typing: Any, counter: Any) -> Any:
    """Return the first number of an int64 array and add 1 to it, as one operation for all threads."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.atomic_rmw("add", array.data, context.get_constant(types.int64, 1), "monotonic")

    return types.int64(counter), generate
