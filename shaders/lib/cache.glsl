// SPDX-License-Identifier: Apache-2.0
// Where a key or value lies in a cache [slots, heads, capacity, size], and how its channels are held:
//   f32, f16  one after the other
//   q8_0      a signed byte a channel, then halves by which 32 channels each are multiplied, in whole words
// kernels/cache_row.hpp says the same. No bindings.

// The first row of a slot and head.
uint cache_head(uint slot, uint heads, uint head, uint capacity) { return (slot * heads + head) * capacity; }

// The row of one position. The rows of a slot and head are a ring: position p lies p % capacity behind their first row.
// `at` is such a remainder, or one and less than a capacity more, so that loops over positions divide once.
uint cache_row(uint first_row, uint capacity, uint at) { return first_row + (at >= capacity ? at - capacity : at); }

// Words of a row of q8_0.
uint q8_0_words(uint size) { return size / 4u + (size + 63u) / 64u; }

// READ_CACHE(cache, row, size, n): channels 4 n .. 4 n + 3 of a row of a buffer of CACHE.
#if defined(CACHE_F16)
#define CACHE uvec2
vec4 unpack_cache(uvec2 words) { return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)); }
#define READ_CACHE(cache, row, size, n) unpack_cache(cache[(row) * ((size) / 4u) + (n)])
#elif defined(CACHE_Q8_0)
#define CACHE uint
vec4 unpack_cache(uint numbers, uint scales, uint n) {
    ivec4 q = ivec4(numbers << 24, numbers << 16, numbers << 8, numbers) >> 24;
    return unpackHalf2x16(scales >> (n / 8u % 2u * 16u)).x * vec4(q);
}
#define READ_CACHE(cache, row, size, n)                                                                  \
    unpack_cache(cache[(row) * q8_0_words(size) + (n)],                                                  \
                 cache[(row) * q8_0_words(size) + (size) / 4u + (n) / 16u], n)
#else
#define CACHE vec4
#define READ_CACHE(cache, row, size, n) cache[(row) * ((size) / 4u) + (n)]
#endif
