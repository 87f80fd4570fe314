// SPDX-License-Identifier: Apache-2.0
// Every half as a float, by the device's own instruction, and back by ours (lib/half.glsl).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "half.glsl"
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint pairs; } push;
layout(binding = 0) readonly buffer X { uint x[]; };        // [pairs] two halves each
layout(binding = 1) writeonly buffer Y { vec2 y[]; };       // [pairs]
layout(binding = 2) writeonly buffer Z { uint z[]; };       // [pairs]

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.pairs) return;
    vec2 both = unpackHalf2x16(x[i]);
    y[i] = both;
    z[i] = pack_halves(both);
}
