// SPDX-License-Identifier: Apache-2.0
// Reads blocks of quantized weights, in the common part of GLSL and C++. Include blocks.glsl first, and define
//   uint four(uint buf, uint first, uint byte, uint n)
//     the four bytes that begin 4 * n + byte bytes after word `first` of buffer number `buf`, made by four_bytes()
// Most blocks begin at any even byte, so that their words are put together from two of the buffer's.
// `upper`, `group` and `quarter` apart from each other let a compiler that knows the last two see that
// the eights of one half of a block share words.

// Elements 8 * quarter .. 8 * quarter + 7 of a group of four, 32 elements each; of blocks of 256 the upper or
// the lower four groups, of blocks of 32 group 0.
Eight read_eight(uint buf, uint type, uint block, uint upper, uint group, uint quarter) {
    uint bytes = block_bytes(type), aligned = bytes % 4u == 0u ? 1u : 0u;
    uint first = aligned == 1u ? block * (bytes / 4u) : block * bytes / 4u; // word in which the block begins
    uint odd = aligned == 1u ? 0u : block * bytes % 4u;                     // and its byte there
// Word number n of the field that begins with byte `at` of the block, and byte number n of it; _HALF:
// of a field that has `words` words for the lower groups, then as many for the upper.
#define FIELD_HALF(at, words, n) four(buf, first + upper * (words), odd + (at), n)
#define FIELD_HALF_BYTE(at, words, n) ((FIELD_HALF(at, words, (n) / 4u) >> ((n) % 4u * 8u)) & 255u)
#define FIELD(at, n) FIELD_HALF(at, 0u, n)
#define FIELD_BYTE(at, n) FIELD_HALF_BYTE(at, 0u, n)
    uint scales = FIELD(block_scale_at(type), 0u);
    float d = type == TYPE_MXFP4       ? e8m0_half(scales & 255u)
              : type == TYPE_F8_BLOCKS ? uintBitsToFloat(scales)
                                       : half_value(scales & 0xffffu);
    // Of blocks of 32: elements from 16 on are in the upper halves of the bytes.
    uint nibble = quarter / 2u * 4u, pair = quarter % 2u * 2u;
    Eight e;
    e.scale = d;
    e.minimum = 0.0f;
    if (type == TYPE_Q8_0 || type == TYPE_F8_BLOCKS) {
        uint at = type == TYPE_Q8_0 ? 2u : 4u;
        e.low = FIELD(at, 2u * quarter);
        e.high = FIELD(at, 2u * quarter + 1u);
    } else if (type == TYPE_Q4_0 || type == TYPE_Q4_1 || type == TYPE_IQ4_NL || type == TYPE_MXFP4) {
        uint at = type == TYPE_MXFP4 ? 1u : type == TYPE_Q4_1 ? 4u : 2u;
        e.low = (FIELD(at, pair) >> nibble) & 0x0f0f0f0fu;
        e.high = (FIELD(at, pair + 1u) >> nibble) & 0x0f0f0f0fu;
        if (type == TYPE_Q4_0) {
            e.low = bytes_less(e.low, 8u);
            e.high = bytes_less(e.high, 8u);
        }
        if (type == TYPE_IQ4_NL) {
            e.low = nonlinear_four(e.low);
            e.high = nonlinear_four(e.high);
        }
        if (type == TYPE_MXFP4) {
            e.low = e2m1_four(e.low);
            e.high = e2m1_four(e.high);
        }
        if (type == TYPE_Q4_1) e.minimum = -half_value(scales >> 16u);
    } else if (type == TYPE_Q5_0 || type == TYPE_Q5_1) {
        uint at = type == TYPE_Q5_0 ? 2u : 4u;
        uint fifth = FIELD(at, 0u) >> (8u * quarter);
        e.low = ((FIELD(at + 4u, pair) >> nibble) & 0x0f0f0f0fu) | (bits_apart(fifth) << 4u);
        e.high = ((FIELD(at + 4u, pair + 1u) >> nibble) & 0x0f0f0f0fu) | (bits_apart(fifth >> 4u) << 4u);
        if (type == TYPE_Q5_0) {
            e.low = bytes_less(e.low, 16u);
            e.high = bytes_less(e.high, 16u);
        } else e.minimum = -half_value(scales >> 16u);
    } else if (type == TYPE_Q2_K) { // a scale and a minimum of 4 bits for 16 elements
        uint both = FIELD_HALF_BYTE(0u, 2u, 2u * group + quarter / 2u), shift = 2u * group;
        e.scale = d * float(both & 15u);
        e.minimum = half_value(scales >> 16u) * float(both >> 4u);
        e.low = (FIELD_HALF(16u, 8u, 2u * quarter) >> shift) & 0x03030303u;
        e.high = (FIELD_HALF(16u, 8u, 2u * quarter + 1u) >> shift) & 0x03030303u;
    } else if (type == TYPE_Q3_K) {
        // A scale of 6 bits for 16 elements: 4 of them in 8 bytes, the upper 2 in 4 more; the elements' third bits
        // are in front.
        uint part = 2u * group + quarter / 2u, shift = 2u * group, bit = 4u * upper + group;
        uint six = ((FIELD_BYTE(96u, part) >> (4u * upper)) & 15u) |
                   (((FIELD_BYTE(104u, part % 4u) >> (4u * upper + part / 4u * 2u)) & 3u) << 4u);
        e.scale = d * float(int(six) - 32);
        e.low = bytes_less(((FIELD_HALF(32u, 8u, 2u * quarter) >> shift) & 0x03030303u) |
                               (((FIELD(0u, 2u * quarter) >> bit) & 0x01010101u) << 2u),
                           4u);
        e.high = bytes_less(((FIELD_HALF(32u, 8u, 2u * quarter + 1u) >> shift) & 0x03030303u) |
                                (((FIELD(0u, 2u * quarter + 1u) >> bit) & 0x01010101u) << 2u),
                            4u);
    } else if (type == TYPE_Q4_K || type == TYPE_Q5_K) {
        uint at = 8u * (group / 2u) + 2u * quarter, shift = group % 2u * 4u, bit = 4u * upper + group;
        uint from = type == TYPE_Q4_K ? 16u : 48u, w2 = FIELD(4u, 2u);
        e.scale = d * float(k_scale(upper, group, FIELD(4u, 0u), w2));
        e.minimum = half_value(scales >> 16u) * float(k_minimum(upper, group, FIELD(4u, 1u), w2));
        e.low = (FIELD_HALF(from, 16u, at) >> shift) & 0x0f0f0f0fu;
        e.high = (FIELD_HALF(from, 16u, at + 1u) >> shift) & 0x0f0f0f0fu;
        if (type == TYPE_Q5_K) {
            e.low |= ((FIELD(16u, 2u * quarter) >> bit) & 0x01010101u) << 4u;
            e.high |= ((FIELD(16u, 2u * quarter + 1u) >> bit) & 0x01010101u) << 4u;
        }
    } else if (type == TYPE_Q6_K) { // a signed byte as scale for 16 elements
        uint at = 8u * (group % 2u) + 2u * quarter, shift = group / 2u * 4u, above = 2u * group;
        int six = int(FIELD_HALF_BYTE(192u, 2u, 2u * group + quarter / 2u) << 24u) >> 24;
        e.scale = d * float(six);
        e.low = bytes_less(((FIELD_HALF(0u, 16u, at) >> shift) & 0x0f0f0f0fu) |
                               (((FIELD_HALF(128u, 8u, 2u * quarter) >> above) & 0x03030303u) << 4u),
                           32u);
        e.high = bytes_less(((FIELD_HALF(0u, 16u, at + 1u) >> shift) & 0x0f0f0f0fu) |
                                (((FIELD_HALF(128u, 8u, 2u * quarter + 1u) >> above) & 0x03030303u) << 4u),
                            32u);
    } else { // IQ4_XS: a scale of 6 bits for 32 elements: the upper 2 are behind d, the lower 4 follow
        uint number = 4u * upper + group;
        uint six = ((FIELD(4u, 0u) >> (4u * number)) & 15u) | (((scales >> (16u + 2u * number)) & 3u) << 4u);
        uint at = 4u * group + pair;
        e.scale = d * float(int(six) - 32);
        e.low = nonlinear_four((FIELD_HALF(8u, 16u, at) >> nibble) & 0x0f0f0f0fu);
        e.high = nonlinear_four((FIELD_HALF(8u, 16u, at + 1u) >> nibble) & 0x0f0f0f0fu);
    }
    return e;
#undef FIELD
#undef FIELD_BYTE
#undef FIELD_HALF
#undef FIELD_HALF_BYTE
}
