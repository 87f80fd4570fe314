// SPDX-License-Identifier: Apache-2.0
// Blocks of quantized weights as floats in GLSL. No bindings.
float half_value(uint bits) { return unpackHalf2x16(bits).x; }
#include "blocks.glsl"

vec4 signed_bytes(uint four) {
    int v = int(four);
    return vec4(bitfieldExtract(v, 0, 8), bitfieldExtract(v, 8, 8), bitfieldExtract(v, 16, 8), v >> 24);
}

// The elements that `four` of an Eight stands for, rounded twice as the format's reference does.
vec4 four_values(uint type, Eight e, uint four) {
    vec4 q = type == TYPE_F8_BLOCKS
                 ? vec4(e4m3(four & 255u), e4m3((four >> 8u) & 255u), e4m3((four >> 16u) & 255u), e4m3(four >> 24u))
                 : signed_bytes(four);
    precise vec4 product = e.scale * q;
    precise vec4 v = product - e.minimum;
    return v;
}

// Whether elements of this type have a minimum.
bool has_minimum(uint type) {
    return type == TYPE_Q4_1 || type == TYPE_Q5_1 || type == TYPE_Q2_K || type == TYPE_Q4_K || type == TYPE_Q5_K;
}
