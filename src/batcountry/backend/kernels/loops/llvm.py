"""What llvmlite has no name for: LLVM's `bfloat`, vectors of one value, rounding, and what the processor can do."""

from llvmlite import ir
from numba.core.registry import cpu_target


class _Bfloat(ir.Type):
    null, intrinsic_name = "0.0", "bf16"

    def __str__(self):
        return "bfloat"

    def __eq__(self, other):
        return isinstance(other, _Bfloat)

    def __hash__(self):
        return hash(_Bfloat)


BFLOAT = _Bfloat()


def splat(builder, value, kind):
    """Return a vector of a type with one value in all lanes."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    first = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), first)


def compiles_for(feature):
    """Whether Numba compiles for processors with a feature of LLVM's, such as `avx512f`; users may tell it for which."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return f"+{feature}" in features.split(",")


def rounded(builder, value):
    """Return the bits of a vector of float32 rounded to bfloat16."""
    words, ints = (ir.VectorType(ir.IntType(bits), value.type.count) for bits in (16, 32))
    if compiles_for("avx512bf16"):
        return builder.bitcast(builder.fptrunc(value, ir.VectorType(BFLOAT, value.type.count)), words)
    # Elsewhere LLVM calls a function for it that is not there.
    bits = builder.bitcast(value, ints)
    shift, one, half = (ir.Constant(ints, [number] * value.type.count) for number in (16, 1, 0x7FFF))
    up = builder.add(builder.add(bits, half), builder.and_(builder.lshr(bits, shift), one))
    # Rounding up would carry some NaNs over to zero.
    safe = builder.select(builder.fcmp_unordered("uno", value, value), bits, up)
    return builder.trunc(builder.lshr(safe, shift), words)
