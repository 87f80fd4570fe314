// SPDX-License-Identifier: Apache-2.0
// Storing halves in 32-bit words, rounded to nearest even: packHalf2x16 may round either way. No bindings.

uint half_bits(float v) {
    uint bits = floatBitsToUint(v);
    uint sign_bit = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign_bit | 0x7e00u; // NaN stays one
    magnitude = min(magnitude, 0x477fe000u);                // the largest half rather than infinity
    if (magnitude < 0x38800000u) // subnormal: rounded by the addition
        return sign_bit | (floatBitsToUint(uintBitsToFloat(magnitude) + 0.5) - 0x3f000000u);
    return sign_bit | ((magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13);
}

uint pack_halves(vec2 v) { return half_bits(v.x) | (half_bits(v.y) << 16); }
