"""Sixteen numbers at once: vectors of LLVM as values that compiled loops work with.

Left to itself the compiler makes loops over 64 or 128 channels at a time, and takes those one by
one that are fewer; here each step is sixteen channels on every processor, masked at the end.
Numbers in memory are float32, or bfloat16, which Numba knows as uint16; in registers all are float32.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

LANES = 16
_FLOATS, _INTS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)
_WORDS, _BYTES = ir.VectorType(ir.IntType(16), LANES), ir.VectorType(ir.IntType(8), LANES)
_FLAGS = ir.VectorType(ir.IntType(1), LANES)


class _Vector(types.Type):
    """Sixteen values in a register."""

    def __init__(self, name, inside):
        self.inside = inside
        super().__init__(name=name)


FLOATS, BYTES, FLAGS = _Vector("floats", _FLOATS), _Vector("bytes", _BYTES), _Vector("flags", _FLAGS)


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, kind.inside)


def _splat(builder, value, kind):
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(_INTS, [0] * LANES))


def _stored(array):
    """Return the vector type in memory of an array."""
    return {types.uint16: _WORDS, types.uint8: _BYTES, types.float32: _FLOATS}[array.dtype]


def _place(context, builder, kind, array, index):
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _stored(kind).as_pointer())


def _widened(builder, kind, found):
    if kind.dtype != types.uint16:
        return found
    bits = builder.shl(builder.zext(found, _INTS), ir.Constant(_INTS, [16] * LANES))
    return builder.bitcast(bits, _FLOATS)


def _narrowed(builder, kind, value):
    if kind.dtype != types.uint16:
        return value
    bits = builder.bitcast(value, _INTS)
    shift = ir.Constant(_INTS, [16] * LANES)
    even = builder.and_(builder.lshr(bits, shift), ir.Constant(_INTS, [1] * LANES))
    up = builder.add(builder.add(bits, ir.Constant(_INTS, [0x7FFF] * LANES)), even)
    # Rounding up would carry some NaNs over to zero.
    safe = builder.select(builder.fcmp_unordered("uno", value, value), bits, up)
    return builder.trunc(builder.lshr(safe, shift), _WORDS)


def _masked(builder, array, count):
    """Return flags for the lanes from 0 up to a count."""
    lanes = ir.Constant(_INTS, list(range(LANES)))
    return builder.icmp_signed("<", lanes, _splat(builder, builder.trunc(count, ir.IntType(32)), _INTS))


@intrinsic
def load(typing, array, index):
    """Return sixteen numbers of an array from an index on."""

    def generate(context, builder, signature, values):
        place = _place(context, builder, array, *values)
        return _widened(builder, array, builder.load(place, align=array.dtype.bitwidth // 8))

    return (BYTES if array.dtype == types.uint8 else FLOATS)(array, types.int64), generate


@intrinsic
def load_some(typing, array, index, first, end):
    """Return the numbers from an index on, with zeros but in the lanes from `first` up to `end`."""

    def generate(context, builder, signature, values):
        kind = _stored(array)
        place = _place(context, builder, array, *values[:2])
        lanes = ir.Constant(_INTS, list(range(LANES)))
        low, high = (_splat(builder, builder.trunc(each, ir.IntType(32)), _INTS) for each in values[2:])
        within = builder.and_(builder.icmp_signed(">=", lanes, low), builder.icmp_signed("<", lanes, high))
        name = f"llvm.masked.load.v{LANES}{'f' if kind is _FLOATS else 'i'}{array.dtype.bitwidth}.p0"
        signature_ = ir.FunctionType(kind, [place.type, ir.IntType(32), _FLAGS, kind])
        function = cgutils.get_or_insert_function(builder.module, signature_, name)
        zero = ir.Constant(kind, None)
        found = builder.call(function, [place, ir.IntType(32)(array.dtype.bitwidth // 8), within, zero])
        return _widened(builder, array, found)

    kind = BYTES if array.dtype == types.uint8 else FLOATS
    return kind(array, types.int64, types.int64, types.int64), generate


@intrinsic
def store(typing, array, index, value):
    """Write sixteen numbers to an array from an index on, rounded to what it holds."""

    def generate(context, builder, signature, values):
        place = _place(context, builder, array, *values[:2])
        builder.store(_narrowed(builder, array, values[2]), place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, value), generate


@intrinsic
def store_some(typing, array, index, value, count):
    """Write the first numbers of sixteen."""

    def generate(context, builder, signature, values):
        kind = _stored(array)
        place = _place(context, builder, array, *values[:2])
        name = f"llvm.masked.store.v{LANES}{'f' if kind is _FLOATS else 'i'}{array.dtype.bitwidth}.p0"
        signature_ = ir.FunctionType(ir.VoidType(), [kind, place.type, ir.IntType(32), _FLAGS])
        function = cgutils.get_or_insert_function(builder.module, signature_, name)
        flags = _masked(builder, array, values[3])
        aligned = ir.IntType(32)(array.dtype.bitwidth // 8)
        builder.call(function, [_narrowed(builder, array, values[2]), place, aligned, flags])
        return context.get_dummy_value()

    return types.void(array, types.int64, value, types.int64), generate


@intrinsic
def all_of(typing, value):
    """Return sixteen times one float32."""
    return FLOATS(types.float32), lambda context, builder, signature, values: _splat(
        builder, values[0], _FLOATS
    )


@intrinsic
def all_bytes(typing, value):
    """Return sixteen times one byte."""
    return BYTES(types.uint8), lambda context, builder, signature, values: _splat(builder, values[0], _BYTES)


@intrinsic
def _guess(typing, value):
    """Return `value ** -0.25` to within 5 %, by what the exponent's bits say."""

    def generate(context, builder, signature, values):
        bits = builder.ashr(builder.bitcast(values[0], _INTS), ir.Constant(_INTS, [2] * LANES))
        return builder.bitcast(builder.sub(ir.Constant(_INTS, [0x4F584000] * LANES), bits), _FLOATS)

    return FLOATS(FLOATS), generate


@njit(inline="always")
def inverse_fourth_root(value):
    """Return `value ** -0.25` of positive numbers, to float32's precision.

    Newton's method is three times as fast as the processor's roots and division.
    """
    found = _guess(value)
    quarter = all_of(np.float32(0.25)) * value
    for _ in range(3):
        square = found * found
        found = found * (all_of(np.float32(1.25)) - quarter * square * square)
    return found


@intrinsic
def larger(typing, value, other):
    """Say where a value is larger than the other, or is no number."""

    def generate(context, builder, signature, values):
        above = builder.fcmp_ordered(">", *values)
        return builder.or_(above, builder.fcmp_unordered("uno", values[0], values[0]))

    return FLAGS(FLOATS, FLOATS), generate


@intrinsic
def same(typing, value, other):
    """Say where bytes are equal."""
    return FLAGS(BYTES, BYTES), lambda context, builder, signature, values: builder.icmp_signed("==", *values)


@intrinsic
def where(typing, flags, value, other):
    """Return the value where a flag is set, and the other elsewhere."""
    return value(FLAGS, value, value), lambda context, builder, signature, values: builder.select(*values)


def _binary(name):
    @intrinsic
    def operate(typing, value, other):
        return FLOATS(FLOATS, FLOATS), lambda context, builder, signature, values: getattr(builder, name)(
            *values, flags=("contract",)
        )

    def choose(value, other):
        return (lambda value, other: operate(value, other)) if value == other == FLOATS else None

    return choose


for _operator, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    overload(_operator, inline="always")(_binary(_name))
