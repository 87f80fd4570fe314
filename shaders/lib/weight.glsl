// SPDX-License-Identifier: Apache-2.0
// Reading packed weights in the core tier: two 16-bit values in each 32-bit word. No bindings.

vec2 unpack_bf16(uint word) { return vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u)); }

uint pack_bf16(vec2 v) { // round to nearest even; NaN is not expected in a cache
    uvec2 b = floatBitsToUint(v);
    b += 0x7fffu + ((b >> 16) & 1u);
    return (b.x >> 16) | (b.y & 0xffff0000u);
}
