// SPDX-License-Identifier: Apache-2.0
// A function of the device's own on many numbers, y = f(x), to be compared bit by bit with what Vulkan demands.
#version 450
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint FUNCTION = 0u; // kernels/probes.hpp
layout(push_constant) uniform Push {
    uint count;
    float one; // 1, which no compiler knows
} push;
layout(binding = 0) readonly buffer X { float x[]; };  // [n]
layout(binding = 1) writeonly buffer Y { float y[]; }; // [n]

float apply(float v) {
    if (FUNCTION == 0u) return exp(v);
    if (FUNCTION == 1u) return log(v);
    if (FUNCTION == 2u) return sin(v);
    if (FUNCTION == 3u) return inversesqrt(v);
    if (FUNCTION == 4u) return sqrt(v);
    if (FUNCTION == 5u) return push.one / v;
    if (FUNCTION == 6u) return v * push.one;
    precise float square = v * v;
    return fma(v, v, -square); // what the product's rounding lost, if the product is not rounded
}

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i < push.count) y[i] = apply(x[i]);
}
