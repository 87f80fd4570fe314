// SPDX-License-Identifier: Apache-2.0
// Measures the device's copy bandwidth: y = x, 16 bytes an element, 32 bytes moved.
#version 450
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint count; } push;
layout(binding = 0) readonly buffer X { uvec4 x[]; };  // [n]
layout(binding = 1) writeonly buffer Y { uvec4 y[]; }; // [n]

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i < push.count) y[i] = x[i];
}
