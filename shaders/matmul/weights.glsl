// SPDX-License-Identifier: Apache-2.0
// Reading eight neighbouring elements of a row, and the arithmetic on them. Include lib/weight.glsl first; needs the specialization constant TYPE
// (of W: 0 f32, 1 f16, 2 bf16). No bindings: these macros make the readers of the buffers `array`, whose element types are WORDS and XS.
//   name(at, count, a, b): elements at .. at + 7 of the buffer; those from at + count on are 0.
// The form VECTORS reads 16 bytes at once: `at` is then a multiple of 8, or of 4 with 32-bit elements, and count is at least 8 or at most 0.

#ifdef VECTORS
#define WORDS uvec4
#define XS vec4
#define FETCH8(name, array)                                                                             \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                             \
        a = b = vec4(0.0);                                                                              \
        if (count <= 0) return;                                                                         \
        if (TYPE == 0u) a = uintBitsToFloat(array[at / 4u]), b = uintBitsToFloat(array[at / 4u + 1u]);  \
        else unpack8(array[at / 8u], a, b);                                                             \
    }
#define FETCH8_X(name, array)                                                                           \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                             \
        a = b = vec4(0.0);                                                                              \
        if (count > 0) a = array[at / 4u], b = array[at / 4u + 1u];                                     \
    }
#else
#define WORDS uint
#define XS float
#define FETCH8(name, array)                                                                             \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                             \
        for (int i = 0; i < 4; ++i) {                                                                   \
            a[i] = i < count ? element(array[(at + i) / PER_WORD], at + i) : 0.0;                       \
            b[i] = i + 4 < count ? element(array[(at + i + 4u) / PER_WORD], at + i) : 0.0;              \
        }                                                                                               \
    }
#define FETCH8_X(name, array)                                                                           \
    void name(uint at, int count, out vec4 a, out vec4 b) {                                             \
        for (int i = 0; i < 4; ++i) {                                                                   \
            a[i] = i < count ? array[at + i] : 0.0;                                                     \
            b[i] = i + 4 < count ? array[at + i + 4u] : 0.0;                                            \
        }                                                                                               \
    }
#endif

const uint PER_WORD = TYPE == 0u ? 1u : 2u;

vec2 unpack2(uint word) { return TYPE == 1u ? unpackHalf2x16(word) : unpack_bf16(word); }

void unpack8(uvec4 words, out vec4 a, out vec4 b) {
    a = vec4(unpack2(words.x), unpack2(words.y));
    b = vec4(unpack2(words.z), unpack2(words.w));
}

// Element number `at`, which lies in `word`.
float element(uint word, uint at) {
    if (TYPE == 0u) return uintBitsToFloat(word);
    vec2 both = unpack2(word);
    return (at & 1u) == 0u ? both.x : both.y;
}

float dot4(vec4 x, vec4 w, float sum) { return fma(x.w, w.w, fma(x.z, w.z, fma(x.y, w.y, fma(x.x, w.x, sum)))); }
