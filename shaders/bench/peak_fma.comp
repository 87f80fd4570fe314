// SPDX-License-Identifier: Apache-2.0
// Measures the device's fp32 multiply-add peak: 16 independent chains in registers, 4096 steps, one store.
#version 450
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { float a, b; } push;
layout(binding = 0) writeonly buffer Y { float y[]; }; // [threads]

void main() {
    vec4 c0 = vec4(gl_GlobalInvocationID.x), c1 = c0 + 1.0, c2 = c0 + 2.0, c3 = c0 + 3.0;
    for (uint i = 0u; i < 4096u; ++i) {
        c0 = fma(c0, vec4(push.a), vec4(push.b));
        c1 = fma(c1, vec4(push.a), vec4(push.b));
        c2 = fma(c2, vec4(push.a), vec4(push.b));
        c3 = fma(c3, vec4(push.a), vec4(push.b));
    }
    vec4 sum = c0 + c1 + c2 + c3;
    y[gl_GlobalInvocationID.x] = sum.x + sum.y + sum.z + sum.w;
}
