// SPDX-License-Identifier: Apache-2.0
// The readers of W, whose rows are in two buffers, `weight` and `weight_up`. Include weights.glsl,
// then declare these, then include this.
//   fetch_weight(up, at, group, quarter, count, a, b): eight elements, from at + 32 * group + 8 * quarter on;
//   those from count on are 0. The form VECTORS wants them to begin at a multiple of 8, or of 4 with 32-bit elements,
//   and count at least 8 or at most 0. In blocks, `at` is where a row begins or a multiple of BLOCK_SPAN further.
//   `group` and `quarter` apart let the compiler share what is read for neighbours where it knows one of them.

#ifdef VECTORS

#define FETCH8(name, array)                                                                                     \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                                     \
        a = b = vec4(0.0);                                                                                      \
        if (count <= 0) return;                                                                                 \
        if (TYPE == TYPE_F32) {                                                                                 \
            a = uintBitsToFloat(array[at / 4u]);                                                                \
            b = uintBitsToFloat(array[at / 4u + 1u]);                                                           \
        } else unpack8(array[at / 8u], a, b);                                                                   \
    }
FETCH8(fetch_plain, weight)
FETCH8(fetch_plain_up, weight_up)

#else

uint four(uint buf, uint first, uint byte, uint n) {
    uint i = first + byte / 4u + n, shift = byte % 4u * 8u;
    if (buf == 1u) return four_bytes(weight_up[i], weight_up[i + 1u], shift);
    return four_bytes(weight[i], weight[i + 1u], shift);
}
#include "block.glsl"

Eight fetch_eight(bool up, uint at, uint group, uint quarter, int count) {
    if (count <= 0) return Eight(0.0, 0.0, 0u, 0u);
    const uint groups = BLOCK_SPAN / 32u;
    uint span = at / BLOCK_SPAN + group / groups;
    bool halves = BLOCK_SPAN == 128u;
    return read_eight(up ? 1u : 0u, TYPE, halves ? span / 2u : span, halves ? span % 2u : 0u, group % groups, quarter);
}

void fetch_block(bool up, uint at, uint group, uint quarter, int count, out vec4 a, out vec4 b) {
    Eight e = fetch_eight(up, at, group, quarter, count);
    a = four_values(TYPE, e, e.low);
    b = four_values(TYPE, e, e.high);
}

#define FETCH8(name, array)                                                                                     \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                                     \
        [[unroll]] for (int i = 0; i < 4; ++i) {                                                                \
            a[i] = i < count ? element(array[(at + i) / PER_WORD], at + i) : 0.0;                               \
            b[i] = i + 4 < count ? element(array[(at + i + 4u) / PER_WORD], at + i) : 0.0;                      \
        }                                                                                                       \
    }
#ifndef BLOCKS
FETCH8(fetch_plain, weight)
FETCH8(fetch_plain_up, weight_up)
#endif

#endif

void fetch_weight(bool up, uint at, uint group, uint quarter, int count, out vec4 a, out vec4 b) {
#ifdef BLOCKS
    fetch_block(up, at, group, quarter, count, a, b);
#else
#ifndef VECTORS
    if (IN_BLOCKS) {
        fetch_block(up, at, group, quarter, count, a, b);
        return;
    }
#endif
    at += 32u * group + 8u * quarter;
    if (up) fetch_plain_up(at, count, a, b);
    else fetch_plain(at, count, a, b);
#endif
}
