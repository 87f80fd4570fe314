// SPDX-License-Identifier: Apache-2.0
// Blocks of quantized weights: what eight neighbouring elements are made of, in the common part
// of GLSL and C++ (base/blocks.cpp). No bindings.
// Every block is one or eight groups of 32 elements, every group four times eight; eight share their scale.
// lib/block.glsl reads them from a buffer.
#include "block_types.glsl"

#define BLOCK_NUMBER(id, NAME, number, elements, bytes, scale) const uint TYPE_##NAME = uint(number);
PLAIN_TYPES(BLOCK_NUMBER)
BLOCK_TYPES(BLOCK_NUMBER)
OWN_TYPES(BLOCK_NUMBER)
#undef BLOCK_NUMBER

#define BLOCK_ROW(id, NAME, number, elements, bytes, scale) type == uint(number) ? uint(bytes) :
uint block_bytes(uint type) { return BLOCK_TYPES(BLOCK_ROW) OWN_TYPES(BLOCK_ROW) 0u; }
#undef BLOCK_ROW
#define BLOCK_ROW(id, NAME, number, elements, bytes, scale) type == uint(number) ? uint(elements) / 32u :
uint block_groups(uint type) { return BLOCK_TYPES(BLOCK_ROW) OWN_TYPES(BLOCK_ROW) 1u; }
#undef BLOCK_ROW
#define BLOCK_ROW(id, NAME, number, elements, bytes, scale) type == uint(number) ? uint(scale) :
uint block_scale_at(uint type) { return BLOCK_TYPES(BLOCK_ROW) OWN_TYPES(BLOCK_ROW) 0u; }
#undef BLOCK_ROW

// Element i is scale * q[i] - minimum; the q are signed bytes or, of F8_BLOCKS, 8-bit floats (E4M3), 0 to 3 in `low`
// and 4 to 7 in `high`, from the least significant byte on.
struct Eight {
    float scale, minimum;
    uint low, high;
};

// The four bytes that begin `shift` bits, below 32, into two words.
uint four_bytes(uint word, uint next, uint shift) { return (word >> shift) | (next << 1u << (31u - shift)); }

// Four bytes below 128 at once: less `by`, signed.
uint bytes_less(uint four, uint by) { return ((four | 0x80808080u) - by * 0x01010101u) ^ 0x80808080u; }

// Bits 0 to 3 to the lowest bits of four bytes.
uint bits_apart(uint bits) { return ((bits & 15u) * 0x00204081u) & 0x01010101u; }

// The entries of a table of 16 bytes that four numbers below 16 stand for.
uint look_up(uint four, uint t0, uint t1, uint t2, uint t3) {
    uint out4 = 0u;
    for (uint shift = 0u; shift < 32u; shift += 8u) {
        uint n = (four >> shift) & 15u, word = n < 8u ? (n < 4u ? t0 : t1) : (n < 12u ? t2 : t3);
        out4 |= ((word >> (n % 4u * 8u)) & 255u) << shift;
    }
    return out4;
}
// -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113
uint nonlinear_four(uint four) { return look_up(four, 0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u); }
// Twice a 4-bit float (E2M1): 0 1 2 3, 4 6 8 12, and their negatives
uint e2m1_four(uint four) { return look_up(four, 0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu); }

// 2^(e - 128), half of the E8M0 number e, as the table of E2M1 is doubled.
float e8m0_half(uint e) { return uintBitsToFloat(e < 2u ? 0x00200000u << e : (e - 1u) << 23u); }

// An 8-bit float with 4 bits of exponent and 3 of mantissa. Below 2^-6 the steps are even.
float e4m3(uint bits) {
    uint m = bits & 127u;
    float v = m < 8u ? float(m) * 0.001953125f : uintBitsToFloat((m << 20u) + (120u << 23u));
    return (bits & 128u) != 0u ? -v : v;
}

// What one byte of an Eight stands for.
float byte_value(uint type, uint bits) { return type == TYPE_F8_BLOCKS ? e4m3(bits) : float(int(bits << 24u) >> 24); }

// The 6-bit scale and minimum of a group of a K block, from the 12 bytes that hold them all: those of the lower four
// groups in the lower bits of a byte each, of the upper ones half a byte and two bits left over there.
uint k_scale(uint upper, uint group, uint w0, uint w2) {
    uint s = group * 8u;
    return upper == 0u ? (w0 >> s) & 63u : ((w2 >> s) & 15u) | (((w0 >> s) >> 2u) & 48u);
}
uint k_minimum(uint upper, uint group, uint w1, uint w2) {
    uint s = group * 8u;
    return upper == 0u ? (w1 >> s) & 63u : (((w2 >> s) >> 4u) & 15u) | (((w1 >> s) >> 2u) & 48u);
}
