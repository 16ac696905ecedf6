"""Products of matrices, some rows by one or two vectors of columns at a time, in registers.

Numbers are float32, or bfloat16 two at a time: one instruction multiplies sixteen pairs and adds them up in float32.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from batcountry.backend.kernels.loops.llvm import BFLOAT, compiles_for, splat
from batcountry.backend.kernels.loops.simd import FLOATS, LANES, place_of

ROWS, VECTORS = (12, 2) if compiles_for("avx512f") else (6, 1)
"""As many sums as stay in registers: 24 of the 32 that AVX-512 has, or, as a vector is two of AVX2's, 12 of its 16."""

COLUMNS = VECTORS * LANES
_COUNT = ROWS * VECTORS
_INT, _FLOATS = ir.IntType(32), FLOATS.inside
_INTS, _PAIRS = ir.VectorType(_INT, LANES), ir.VectorType(BFLOAT, 2 * LANES)


class _Block(types.Type):
    """`ROWS` by `COLUMNS` sums."""

    inside = ir.ArrayType(_FLOATS, _COUNT)


BLOCK = _Block("block")


@register_model(_Block)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, kind.inside)


@intrinsic
def no_sums(typing):
    """Return a block of zeros."""
    return BLOCK(), lambda context, builder, signature, values: ir.Constant(_Block.inside, None)


@intrinsic
def add_products(typing, block, left, at, pitch, right, start):
    """Return a block to which products are added: of a number, or a pair, of each row and `COLUMNS` of them.

    The rows' numbers are those of `left` at `at` and each `pitch` further.
    """
    pairs = left.dtype == types.uint16

    def generate(context, builder, signature, values):
        block, left_, at, pitch, right_, start = values
        kind = _PAIRS if pairs else _FLOATS
        step = ir.IntType(64)(LANES * (2 if pairs else 1))
        columns = []
        for _ in range(VECTORS):
            place = place_of(context, builder, right, right_, start, kind)
            columns.append(builder.load(place, align=64))
            start = builder.add(start, step)
        for row in range(ROWS):
            place = place_of(context, builder, left, left_, at, _INT if pairs else _FLOATS.element)
            one = builder.load(place, align=4)
            number = splat(builder, one, _INTS if pairs else _FLOATS)
            if pairs:
                number = builder.bitcast(number, _PAIRS)
            for vector, column in enumerate(columns):
                index = row * VECTORS + vector
                total = builder.extract_value(block, index)
                block = builder.insert_value(block, _added(builder, total, number, column, pairs), index)
            at = builder.add(at, pitch)
        return block

    return BLOCK(BLOCK, left, types.int64, types.int64, right, types.int64), generate


def _added(builder, total, number, column, pairs):
    if pairs:
        name, kinds = "llvm.x86.avx512bf16.dpbf16ps.512", [_FLOATS, _PAIRS, _PAIRS]
        arguments = [total, number, column]
    else:
        name, kinds, arguments = "llvm.fma.v16f32", [_FLOATS] * 3, [number, column, total]
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_FLOATS, kinds), name)
    return builder.call(function, arguments)


@intrinsic
def put_sums(typing, array, at, pitch, block):
    """Write a block's rows to an array, `pitch` numbers apart."""

    def generate(context, builder, signature, values):
        out, at, pitch, block_ = values
        for row in range(ROWS):
            where = at
            for vector in range(VECTORS):
                place = place_of(context, builder, array, out, where, _FLOATS)
                builder.store(builder.extract_value(block_, row * VECTORS + vector), place, align=64)
                where = builder.add(where, ir.IntType(64)(LANES))
            at = builder.add(at, pitch)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, BLOCK), generate
