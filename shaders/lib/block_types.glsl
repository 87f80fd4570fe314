// SPDX-License-Identifier: Apache-2.0
// The types of weights, for GLSL and for C++ (base/dtype.hpp): a row each.
//   ROW(identifier, NAME, number in GGUF files and of TYPE in shaders, elements of a block, bytes of a block,
//       byte where a block's scale lies)
// The blocks of a matrix follow each other without padding; a row of it is a whole number of them.
// lib/block.glsl says how each is laid out.

#define PLAIN_TYPES(ROW)      \
    ROW(f32, F32, 0, 1, 4, 0) \
    ROW(f16, F16, 1, 1, 2, 0) \
    ROW(bf16, BF16, 30, 1, 2, 0)

#define BLOCK_TYPES(ROW)                \
    ROW(q4_0, Q4_0, 2, 32, 18, 0)       \
    ROW(q4_1, Q4_1, 3, 32, 20, 0)       \
    ROW(q5_0, Q5_0, 6, 32, 22, 0)       \
    ROW(q5_1, Q5_1, 7, 32, 24, 0)       \
    ROW(q8_0, Q8_0, 8, 32, 34, 0)       \
    ROW(q2_k, Q2_K, 10, 256, 84, 80)    \
    ROW(q3_k, Q3_K, 11, 256, 110, 108)  \
    ROW(q4_k, Q4_K, 12, 256, 144, 0)    \
    ROW(q5_k, Q5_K, 13, 256, 176, 0)    \
    ROW(q6_k, Q6_K, 14, 256, 210, 208)  \
    ROW(iq4_nl, IQ4_NL, 20, 32, 18, 0)  \
    ROW(iq4_xs, IQ4_XS, 23, 256, 136, 0) \
    ROW(mxfp4, MXFP4, 39, 32, 17, 0)

// Blocks that no file has: made at load where a file has numbers and their scales apart.
// A scale of 4 bytes, then an 8-bit float an element.
#define OWN_TYPES(ROW) \
    ROW(f8_blocks, F8_BLOCKS, 1000, 32, 36, 0)
