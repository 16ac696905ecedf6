"""Several numbers at once: vectors of LLVM as values that compiled loops work with.

Left to itself the compiler makes loops over 64 or 128 channels at a time, and takes those one by
one that are fewer; here each step is a vector's channels on every processor, masked at the end.

Numbers in memory are float32, or bfloat16, which Numba knows as uint16; in registers all are float32, sixteen at
once. What only compares numbers and passes them on takes them as int32 or int16, as positive floats are in the order of
their bits: then bfloat16 goes 32 at once, with nothing to be widened or rounded.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, overload, register_model

from batcountry.backend.kernels.loops.llvm import rounded, splat

LANES = 16

_FLOATS, _INTS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)
_WORDS = ir.VectorType(ir.IntType(16), LANES)


class _Vector(types.Type):
    """Values in a register."""

    def __init__(self, name, inside):
        self.inside = inside
        super().__init__(name=name)


def _integers(name, bits, lanes):
    return _Vector(name, ir.VectorType(ir.IntType(bits), lanes))


FLOATS, INTS, SHORTS = _Vector("floats", _FLOATS), _integers("ints", 32, LANES), _integers("shorts", 16, 32)
_BYTES_OF = {LANES: _integers("bytes", 8, LANES), 32: _integers("bytes32", 8, 32)}
_FLAGS_OF = {LANES: _integers("flags", 1, LANES), 32: _integers("flags32", 1, 32)}
BYTES, FLAGS = _BYTES_OF[LANES], _FLAGS_OF[LANES]
_LOADED = {
    types.uint16: FLOATS,
    types.float32: FLOATS,
    types.uint8: BYTES,
    types.int32: INTS,
    types.int16: SHORTS,
}


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, kind.inside)


def _stored(array, vector):
    """Return the type in memory of a vector of an array's numbers."""
    return _WORDS if array.dtype == types.uint16 else vector.inside


def place_of(context, builder, kind, array, index, stored):
    """Return the pointer to what an array, or what is behind a pointer, holds at an index, as one to a type of LLVM."""
    data = (
        array if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, array).data
    )
    return builder.bitcast(builder.gep(data, [index]), stored.as_pointer())


def _widened(builder, kind, found):
    if kind.dtype != types.uint16:
        return found
    bits = builder.shl(builder.zext(found, _INTS), ir.Constant(_INTS, [16] * LANES))
    return builder.bitcast(bits, _FLOATS)


def _narrowed(builder, kind, value):
    if kind.dtype != types.uint16:
        return value
    return rounded(builder, value)


def _first(builder, count, lanes):
    """Return flags for so many lanes, the first ones."""
    numbers = ir.VectorType(ir.IntType(32), lanes)
    wanted = splat(builder, builder.trunc(count, ir.IntType(32)), numbers)
    return builder.icmp_signed("<", ir.Constant(numbers, list(range(lanes))), wanted)


def _suffix(kind, array):
    return f"v{kind.count}{'f' if array.dtype == types.float32 else 'i'}{array.dtype.bitwidth}.p0"


@intrinsic
def load(typing, array, index):
    """Return a vector's numbers of an array from an index on."""
    vector = _LOADED[array.dtype]

    def generate(context, builder, signature, values):
        place = place_of(context, builder, array, *values, _stored(array, vector))
        return _widened(builder, array, builder.load(place, align=array.dtype.bitwidth // 8))

    return vector(array, types.int64), generate


@intrinsic
def load_some(typing, array, index, count):
    """Return so many numbers from an index on, and zeros in the other lanes."""
    vector = _LOADED[array.dtype]

    def generate(context, builder, signature, values):
        kind = _stored(array, vector)
        place = place_of(context, builder, array, *values[:2], kind)
        within = _first(builder, values[2], kind.count)
        signature_ = ir.FunctionType(kind, [place.type, ir.IntType(32), within.type, kind])
        name = f"llvm.masked.load.{_suffix(kind, array)}"
        function = cgutils.get_or_insert_function(builder.module, signature_, name)
        zero = ir.Constant(kind, None)
        found = builder.call(function, [place, ir.IntType(32)(array.dtype.bitwidth // 8), within, zero])
        return _widened(builder, array, found)

    return vector(array, types.int64, types.int64), generate


@intrinsic
def store(typing, array, index, value):
    """Write a vector to an array from an index on, rounded to what it holds."""

    def generate(context, builder, signature, values):
        place = place_of(context, builder, array, *values[:2], _stored(array, value))
        builder.store(_narrowed(builder, array, values[2]), place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, value), generate


@intrinsic
def store_some(typing, array, index, value, count):
    """Write the first numbers of a vector."""

    def generate(context, builder, signature, values):
        kind = _stored(array, value)
        place = place_of(context, builder, array, *values[:2], kind)
        flags = _first(builder, values[3], kind.count)
        signature_ = ir.FunctionType(ir.VoidType(), [kind, place.type, ir.IntType(32), flags.type])
        name = f"llvm.masked.store.{_suffix(kind, array)}"
        function = cgutils.get_or_insert_function(builder.module, signature_, name)
        aligned = ir.IntType(32)(array.dtype.bitwidth // 8)
        builder.call(function, [_narrowed(builder, array, values[2]), place, aligned, flags])
        return context.get_dummy_value()

    return types.void(array, types.int64, value, types.int64), generate


@intrinsic
def all_of(typing, value):
    """Return sixteen times one float32."""
    return FLOATS(types.float32), lambda context, builder, signature, values: splat(
        builder, values[0], _FLOATS
    )


@intrinsic
def all_bytes(typing, value):
    """Return sixteen times one byte."""
    return BYTES(types.uint8), lambda context, builder, signature, values: splat(
        builder, values[0], BYTES.inside
    )


@intrinsic
def bits_of(typing, array, bits):
    """Return a vector of an array's integers that are all the same, from an int64."""
    vector = _LOADED[array.dtype]

    def generate(context, builder, signature, values):
        return splat(builder, builder.trunc(values[1], vector.inside.element), vector.inside)

    return vector(array, types.int64), generate


@intrinsic
def repeated_byte(typing, vector, value):
    """Return one byte as many times as a vector has values."""
    found = _BYTES_OF[vector.inside.count]
    return found(vector, types.uint8), lambda context, builder, signature, values: splat(
        builder, values[1], found.inside
    )


@intrinsic
def lanes_of(typing, array):
    """Return how many numbers of an array are loaded at once."""
    count = _LOADED[array.dtype].inside.count
    return types.int64(array), lambda context, builder, signature, values: ir.IntType(64)(count)


@overload(len, inline="always")
def _length(vector):
    if isinstance(vector, _Vector):
        count = vector.inside.count
        return lambda vector: count
    return None


@intrinsic
def _guess(typing, value):
    """Return `value ** -0.25` to within 5 %, by what the exponent's bits say."""

    def generate(context, builder, signature, values):
        bits = builder.ashr(builder.bitcast(values[0], _INTS), ir.Constant(_INTS, [2] * LANES))
        return builder.bitcast(builder.sub(ir.Constant(_INTS, [0x4F584000] * LANES), bits), _FLOATS)

    return FLOATS(FLOATS), generate


@njit(inline="always")
def inverse_fourth_root(value, steps):
    """Return `value ** -0.25` of positive numbers: to 1e-4 after two of Newton's steps, to float32's precision after three.

    That is three times as fast as the processor's roots and division.
    """
    found = _guess(value)
    quarter = all_of(np.float32(0.25)) * value
    for _ in range(steps):
        square = found * found
        found = found * (all_of(np.float32(1.25)) - quarter * square * square)
    return found


@intrinsic
def larger(typing, value, other):
    """Say where a value is larger than the other, or is no number."""
    if value in (INTS, SHORTS):
        flags = _FLAGS_OF[value.inside.count]
        return flags(value, value), lambda context, builder, signature, values: builder.icmp_signed(
            ">", *values
        )

    def generate(context, builder, signature, values):
        above = builder.fcmp_ordered(">", *values)
        return builder.or_(above, builder.fcmp_unordered("uno", values[0], values[0]))

    return FLAGS(FLOATS, FLOATS), generate


@intrinsic
def clamped(typing, value, least, most):
    """Return a value kept between two others, or what is no number."""

    def generate(context, builder, signature, values):
        value, least, most = values
        raised = builder.select(builder.fcmp_ordered(">", least, value), least, value)
        return builder.select(builder.fcmp_ordered("<", most, raised), most, raised)

    return FLOATS(FLOATS, FLOATS, FLOATS), generate


@intrinsic
def same(typing, value, other):
    """Say where bytes are equal."""
    return FLAGS(BYTES, BYTES), lambda context, builder, signature, values: builder.icmp_signed("==", *values)


@intrinsic
def where(typing, flags, value, other):
    """Return the value where a flag is set, and the other elsewhere."""
    return value(flags, value, value), lambda context, builder, signature, values: builder.select(*values)


def _operate(function, name):
    """Give vectors of floats an operator of Python's, by LLVM's instruction of a name."""

    @infer_global(function)
    class Template(AbstractTemplate):
        def generic(self, arguments, _):
            return signature(FLOATS, FLOATS, FLOATS) if arguments == (FLOATS, FLOATS) else None

    @lower_builtin(function, FLOATS, FLOATS)
    def lower(context, builder, signature, values):
        return getattr(builder, name)(*values, flags=("contract",))


for _operator, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operate(_operator, _name)
