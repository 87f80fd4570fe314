// SPDX-License-Identifier: Apache-2.0
// How the buffers of matrix products are read: the types of their elements, and the arithmetic on eight of them.
// Include lib/weight.glsl first; needs the specialization constant TYPE (of W: lib/block_types.glsl).
// No bindings; fetch.glsl has the readers of W.
// Forms: VECTORS reads f32, f16 and bf16 by 16 bytes; BLOCKS reads quantized weights by words, and x by 16 bytes
// (with DOT: see eights.glsl); the core form reads all of them by words.
#include "block_values.glsl"

#if defined(VECTORS)
#define WORDS uvec4
#else
#define WORDS uint
#endif
#if defined(VECTORS) || defined(BLOCKS)
#define XS vec4
#define FETCH8_X(name, array)                                                                           \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                             \
        a = b = vec4(0.0);                                                                              \
        if (count > 0) {                                                                                \
            a = array[at / 4u];                                                                         \
            b = array[at / 4u + 1u];                                                                    \
        }                                                                                               \
    }
#else
#define XS float
#define FETCH8_X(name, array)                                                                           \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                             \
        [[unroll]] for (int i = 0; i < 4; ++i) {                                                        \
            a[i] = i < count ? array[at + i] : 0.0;                                                     \
            b[i] = i + 4 < count ? array[at + i + 4u] : 0.0;                                            \
        }                                                                                               \
    }
#endif
// FETCH8_X makes name(at, count, a, b): elements at .. at + 7 of an f32 buffer; those from at + count on are 0.
// By 16 bytes, `at` is a multiple of 4 and count is at least 8 or at most 0.

const bool IN_BLOCKS = TYPE != TYPE_F32 && TYPE != TYPE_F16 && TYPE != TYPE_BF16;
#define SPAN_ROW(id, NAME, number, elements, bytes, scale) \
    TYPE == uint(number) ? uint(elements) / (uint(elements) / 256u + 1u) :
const uint BLOCK_SPAN = BLOCK_TYPES(SPAN_ROW) 32u; // elements that share words: a block, or half of one of 256
const uint PER_WORD = TYPE == TYPE_F32 ? 1u : 2u;

vec2 unpack2(uint word) { return TYPE == TYPE_F16 ? unpackHalf2x16(word) : unpack_bf16(word); }

void unpack8(uvec4 words, out vec4 a, out vec4 b) {
    a = vec4(unpack2(words.x), unpack2(words.y));
    b = vec4(unpack2(words.z), unpack2(words.w));
}

// Element number `at`, which lies in `word`.
float element(uint word, uint at) {
    if (TYPE == TYPE_F32) return uintBitsToFloat(word);
    vec2 both = unpack2(word);
    return (at & 1u) == 0u ? both.x : both.y;
}
