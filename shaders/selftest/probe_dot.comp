// SPDX-License-Identifier: Apache-2.0
// Integer dot products of four signed bytes (lib/dot.glsl).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "dot.glsl"
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint count; } push;
layout(binding = 0) readonly buffer A { uint a[]; };   // [n] four bytes each
layout(binding = 1) readonly buffer B { uint b[]; };   // [n]
layout(binding = 2) writeonly buffer Y { uint y[]; };  // [n]

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i < push.count) y[i] = uint(dot_bytes(a[i], b[i]));
}
