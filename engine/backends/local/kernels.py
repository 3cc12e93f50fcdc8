"""Products of float32 rows with weights, in the processor's own code: what a compiled loop cannot say, in LLVM's language.

Every sum has one order, whatever number of rows or threads there is: lane i of 8 adds up the products i, i + 8, i + 16 ... with fused
multiply-adds, then the lanes are added in halves. So a row's numbers are the same alone and in any company, to the bit.

Addresses are integers, as numpy and torch give them. Nothing here checks them: whoever calls does.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8  # numbers of float32 that one register holds
COLUMNS = 3  # outputs that a tile computes at once; with ROWS rows its sums fill 12 of 16 registers, its weights 3
ROWS = 4  # rows of a tile, at most
AHEAD = 1536  # bytes by which weights are asked for before they are needed
SPINS = 256  # looks at a barrier after which a thread lets others have its processor, each time

FLOAT, HALF, INT = ir.FloatType(), ir.HalfType(), ir.IntType(64)
FLOATS, HALVES = ir.VectorType(FLOAT, LANES), ir.VectorType(HALF, LANES)
BYTE = ir.IntType(8)


def _processors(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of which numba asks for a type and for the processor's code."""
    made: Callable[..., Any] = intrinsic(function)
    return made


def _constant(value: int) -> ir.Constant:
    return ir.Constant(INT, value)


def _pointer(builder: Any, address: Any, offset: Any, kind: Any) -> Any:
    return builder.inttoptr(builder.add(address, offset), kind.as_pointer())


def _fused(builder: Any, one: Any, other: Any, total: Any) -> Any:
    """total + one * other, rounded once."""
    kind = ir.FunctionType(FLOATS, (FLOATS, FLOATS, FLOATS))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v8f32"), (one, other, total))


def _ask_ahead(builder: Any, address: Any) -> None:
    """Have the processor fetch a line of memory that is read soon; one that is nobody's does no harm."""
    kind = ir.FunctionType(ir.VoidType(), (BYTE.as_pointer(), *[ir.IntType(32)] * 3))
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    how = [ir.Constant(ir.IntType(32), value) for value in (0, 3, 1)]  # for reading, into every cache, data
    builder.call(function, (builder.inttoptr(address, BYTE.as_pointer()), *how))


def _sum(builder: Any, lanes: Any) -> Any:
    """Add up the lanes of a register: the halves, then theirs."""
    for width in (4, 2, 1):
        halves = [ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(at, at + width))) for at in (0, width)]
        lanes = builder.fadd(*[builder.shuffle_vector(lanes, lanes, half) for half in halves])
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))


def _exponential(builder: Any, x: Any) -> Any:
    """e to the power of each lane, to 2 units in the last place; what is no number stays none.

    2^n times a polynomial on [-ln 2 / 2, ln 2 / 2], after Cephes' expf; x is held within -87 and 88, where 2^n is a float32.
    """
    b = builder

    def every(value: float) -> Any:
        return ir.Constant(FLOATS, [value] * LANES)

    for bound, sign in ((-87.0, "<"), (88.0, ">")):
        x = b.select(b.fcmp_ordered(sign, x, every(bound)), every(bound), x)
    floor = cgutils.get_or_insert_function(b.module, ir.FunctionType(FLOATS, (FLOATS,)), "llvm.floor.v8f32")
    whole = b.call(floor, (_fused(b, x, every(1.44269504088896341), every(0.5)),))
    x = _fused(b, whole, every(-0.693359375), x)
    x = _fused(b, whole, every(2.12194440e-4), x)
    y = every(1.9875691500e-4)
    for factor in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        y = _fused(b, y, x, every(factor))
    y = b.fadd(_fused(b, b.fmul(y, x), x, x), every(1.0))
    whole_numbers = ir.VectorType(ir.IntType(32), LANES)
    power = b.add(b.fptosi(whole, whole_numbers), ir.Constant(whole_numbers, [127] * LANES))
    return b.fmul(y, b.bitcast(b.shl(power, ir.Constant(whole_numbers, [23] * LANES)), FLOATS))


def _spread(builder: Any, number: Any) -> Any:
    """Put a number into every lane."""
    one = builder.insert_element(ir.Constant(FLOATS, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


class _Loop:
    """A loop that counts from 0 to `end` in steps and carries values along; `end` has to be above 0."""

    def __init__(self, builder: Any, end: Any, step: int, carried: list[Any]) -> None:
        self._builder, self._end, self._step = builder, end, step
        before, self._block, self._after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("after")
        builder.branch(self._block)
        builder.position_at_end(self._block)
        self.at = builder.phi(INT)
        self.at.add_incoming(_constant(0), before)
        self.carried = [builder.phi(value.type) for value in carried]
        for phi, value in zip(self.carried, carried, strict=True):
            phi.add_incoming(value, before)

    def close(self, carried: list[Any]) -> None:
        """End a turn with these values, for the next and for what follows the loop."""
        builder = self._builder
        after = builder.add(self.at, _constant(self._step))
        self.at.add_incoming(after, builder.block)
        for phi, value in zip(self.carried, carried, strict=True):
            phi.add_incoming(value, builder.block)
        builder.cbranch(builder.icmp_signed("<", after, self._end), self._block, self._after)
        builder.position_at_end(self._after)


def _products(rows: int, half: bool, packed: bool) -> Callable[..., None]:
    """Make a tile: COLUMNS outputs of so many rows.

    It is called with the address of x (rows, size) and how many numbers lie between its rows, the same of weights (what lies between counts
    where they are not packed), the size, a multiple of LANES, and the same of out (rows, COLUMNS).
    packed: weights (size / LANES, COLUMNS, LANES), read in one stream; else (COLUMNS, size) as they are. half: they are float16.
    """
    width, kind = (2, HALVES) if half else (4, FLOATS)

    @_processors
    def tile(typing: Any, x: Any, between: Any, weights: Any, apart: Any, size: Any, out: Any, along: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, between, weights, apart, size, out, along = args
            b = builder
            firsts = [b.add(x, b.mul(_constant(4 * row), between)) for row in range(rows)]
            zeros = [ir.Constant(FLOATS, [0.0] * LANES)] * (rows * COLUMNS)
            loop = _Loop(b, size, LANES, zeros)
            stream = b.add(weights, b.mul(loop.at, _constant(width * COLUMNS)))
            if packed:
                _ask_ahead(b, b.add(stream, _constant(AHEAD)))
            own = []
            for column in range(COLUMNS):
                if packed:
                    pointer = _pointer(b, stream, _constant(width * column * LANES), kind)
                else:
                    first = b.add(weights, b.mul(_constant(width * column), apart))
                    pointer = _pointer(b, first, b.mul(loop.at, _constant(width)), kind)
                loaded = b.load(pointer, align=width)
                own.append(b.fpext(loaded, FLOATS) if half else loaded)
            sums = []
            for row in range(rows):
                numbers = b.load(_pointer(b, firsts[row], b.mul(loop.at, _constant(4)), FLOATS), align=4)
                sums += [_fused(b, numbers, own[column], loop.carried[row * COLUMNS + column]) for column in range(COLUMNS)]
            loop.close(sums)
            for row in range(rows):
                for column in range(COLUMNS):
                    place = b.add(b.mul(_constant(4 * row), along), _constant(4 * column))
                    b.store(_sum(b, sums[row * COLUMNS + column]), _pointer(b, out, place, FLOAT), align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 7), generate

    return tile


def _weighed(rows: int, registers: int) -> Callable[..., None]:
    """Make a weighted sum, added to out: out[r, n] += sum over i of shares[r, i] * values[i, n], i in order, n below registers * LANES.

    It is called with the address of shares (rows, count) and how many numbers lie between its rows, the same of values (count, ...), the
    count, above 0, and the same of out (rows, ...).
    """

    @_processors
    def sums(typing: Any, shares: Any, apart: Any, values: Any, between: Any, count: Any, out: Any, along: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            shares, apart, values, between, count, out, along = args
            b = builder
            places = [
                _pointer(b, out, b.add(b.mul(_constant(4 * row), along), _constant(4 * LANES * at)), FLOATS)
                for row in range(rows)
                for at in range(registers)
            ]
            loop = _Loop(b, count, 1, [b.load(place, align=4) for place in places])
            first = b.add(values, b.mul(b.mul(loop.at, between), _constant(4)))
            own = [b.load(_pointer(b, first, _constant(4 * LANES * at), FLOATS), align=4) for at in range(registers)]
            totals = []
            for row in range(rows):
                offset = b.add(b.mul(_constant(4 * row), apart), b.mul(loop.at, _constant(4)))
                share = _spread(b, b.load(_pointer(b, shares, offset, FLOAT), align=4))
                totals += [_fused(b, share, own[at], loop.carried[row * registers + at]) for at in range(registers)]
            loop.close(totals)
            for place, total in zip(places, totals, strict=True):
                b.store(total, place, align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 7), generate

    return sums


def _halved(wide: int) -> Callable[..., int]:
    """Make a row of weights as float16, LANES of them every `step` bytes; `wide` says of what: bytes of a number, 0 for bfloat16.

    It is called with the address of the weights, how many there are, a multiple of LANES above 0, the address of out, and the step. Returns
    0 where float16 holds every one of them, whatever is no number not.
    """

    @_processors
    def halves(typing: Any, weights: Any, count: Any, out: Any, step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            weights, count, out, step = args
            b, lanes = builder, [ir.IntType(size) for size in (1, 16, 32)]
            truths, shorts, ints = (ir.VectorType(lane, LANES) for lane in lanes)
            loop = _Loop(b, count, LANES, [ir.Constant(truths, [0] * LANES)])
            if wide == 4:
                exact = b.load(_pointer(b, weights, b.mul(loop.at, _constant(4)), FLOATS), align=4)
            elif wide == 2:
                exact = b.fpext(b.load(_pointer(b, weights, b.mul(loop.at, _constant(2)), HALVES), align=2), FLOATS)
            else:
                upper = b.zext(b.load(_pointer(b, weights, b.mul(loop.at, _constant(2)), shorts), align=2), ints)
                exact = b.bitcast(b.shl(upper, ir.Constant(ints, [16] * LANES)), FLOATS)
            half = b.fptrunc(exact, HALVES)
            b.store(half, _pointer(b, out, b.mul(b.udiv(loop.at, _constant(LANES)), step), HALVES), align=2)
            lost = b.or_(loop.carried[0], b.fcmp_unordered("!=", b.fpext(half, FLOATS), exact))
            loop.close([lost])
            return b.zext(b.bitcast(lost, ir.IntType(LANES)), INT)

        return types.int64(*[types.intp] * 4), generate

    return halves


halves_of_bfloat16, halves_of_float16, halves_of_float32 = (_halved(wide) for wide in (0, 2, 4))
packed_half_1, packed_half_2, packed_half_4 = (_products(rows, half=True, packed=True) for rows in (1, 2, ROWS))
packed_1, packed_2, packed_4 = (_products(rows, half=False, packed=True) for rows in (1, 2, ROWS))
plain_1, plain_4 = (_products(rows, half=False, packed=False) for rows in (1, ROWS))
weighed_1_1, weighed_1_4 = (_weighed(1, registers) for registers in (1, 4))
weighed_4_1, weighed_4_2 = (_weighed(ROWS, registers) for registers in (1, 2))


@_processors
def floats_at(typing: Any, address: Any) -> Any:
    """An address as a pointer to float32, for numba's carray."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], FLOAT.as_pointer())

    return types.CPointer(types.float32)(types.intp), generate


@_processors
def address_of(typing: Any, array: Any) -> Any:
    """Where an array's numbers begin. Unlike numba's own `array.ctypes.data` it counts no references."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(context.make_array(array)(context, builder, args[0]).data, INT)

    return types.intp(array), generate


@_processors
def soften(typing: Any, scores: Any, count: Any, scaling: Any) -> Any:
    """Turn scores into e to the power of what each lacks of the greatest, times scaling, and return the sum.

    scores: the address of `count` float32, filled up to whole registers with -inf; what fills them up becomes nearly 0, below 2e-38.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        b = builder
        scores, count, scaling = args

        def place(loop: _Loop) -> Any:
            return _pointer(b, scores, b.mul(loop.at, _constant(4)), FLOATS)

        least = ir.Constant(FLOATS, [float("-inf")] * LANES)
        loop = _Loop(b, count, LANES, [least])
        found = b.load(place(loop), align=4)
        largest = b.select(b.fcmp_ordered(">", found, loop.carried[0]), found, loop.carried[0])
        loop.close([largest])
        greatest = b.extract_element(largest, ir.Constant(ir.IntType(32), 0))
        for at in range(1, LANES):
            other = b.extract_element(largest, ir.Constant(ir.IntType(32), at))
            greatest = b.select(b.fcmp_ordered(">", other, greatest), other, greatest)
        from_all, by = _spread(b, greatest), _spread(b, scaling)
        loop = _Loop(b, count, LANES, [ir.Constant(FLOATS, [0.0] * LANES)])
        soft = _exponential(b, b.fmul(b.fsub(b.load(place(loop), align=4), from_all), by))
        b.store(soft, place(loop), align=4)
        total = b.fadd(loop.carried[0], soft)
        loop.close([total])
        return _sum(b, total)

    return types.float32(types.intp, types.intp, types.float32), generate


@_processors
def gate(typing: Any, gates: Any, ups: Any, out: Any, count: Any) -> Any:
    """out[i] = silu(gates[i]) * ups[i], for a count above 0 that fills whole registers; silu(x) = x / (1 + e^-x) (Hendrycks 2016)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        b = builder
        gates, ups, out, count = args
        loop = _Loop(b, count, LANES, [])
        places = [_pointer(b, first, b.mul(loop.at, _constant(4)), FLOATS) for first in (gates, ups, out)]
        x, up = (b.load(place, align=4) for place in places[:2])
        below = b.fadd(_exponential(b, b.fneg(x)), ir.Constant(FLOATS, [1.0] * LANES))
        b.store(b.fmul(b.fdiv(x, below), up), places[2], align=4)
        loop.close([])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), generate


@_processors
def meet(typing: Any, barrier: Any, threads: Any) -> Any:
    """Wait until so many threads have come here; what each has written before, all see after.

    barrier: the address of two int64, zeros at first: how many have come, and how often all have met.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        b = builder
        barrier, threads = args
        come, met = (_pointer(b, barrier, _constant(8 * at), INT) for at in range(2))
        now = b.load_atomic(met, "acquire", 8)
        last = b.icmp_signed("==", b.add(b.atomic_rmw("add", come, _constant(1), "acq_rel"), _constant(1)), threads)
        opens, waits, looks, again, done = (b.append_basic_block(name) for name in ("opens", "waits", "looks", "again", "done"))
        b.cbranch(last, opens, waits)
        b.position_at_end(opens)
        b.store_atomic(_constant(0), come, "monotonic", 8)
        b.store_atomic(b.add(now, _constant(1)), met, "release", 8)
        b.branch(done)
        b.position_at_end(waits)
        b.branch(looks)
        b.position_at_end(looks)
        count = b.phi(INT)
        count.add_incoming(_constant(0), waits)
        b.cbranch(b.icmp_signed("==", b.load_atomic(met, "acquire", 8), now), again, done)
        b.position_at_end(again)
        b.call(cgutils.get_or_insert_function(b.module, ir.FunctionType(ir.VoidType(), ()), "llvm.x86.sse2.pause"), ())
        following = b.add(count, _constant(1))
        with b.if_then(b.icmp_signed("==", b.srem(following, _constant(SPINS)), _constant(0))):
            b.call(cgutils.get_or_insert_function(b.module, ir.FunctionType(ir.IntType(32), ()), "sched_yield"), ())
        count.add_incoming(following, b.block)
        b.branch(looks)
        b.position_at_end(done)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate
