// SPDX-License-Identifier: Apache-2.0
// Random weights: evenly distributed numbers from the counter-based generator of philox.glsl,
// a function of seed, stream and place alone.
//   y[i] = step * (b - 2^23), b the upper 24 bits of the i-th random word; with NEGATIVE -|y[i]|
// One lane makes four numbers. Cost: the bytes of y.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "half.glsl"
#include "philox.glsl"
#include "weight.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint TYPE = 0u; // 0 f32, 1 f16, 2 bf16
layout(constant_id = 2) const uint NEGATIVE = 0u;

layout(push_constant) uniform Push {
    uint words; // of y
    uint chunk, stream, seed_low, seed_high;
    float step;
} push;
layout(binding = 0) writeonly buffer Y { uint y[]; }; // [words]: one f32 each, or two halves

void main() {
    uint quad = gl_GlobalInvocationID.x, at = quad * (TYPE == 0u ? 4u : 2u);
    if (at >= push.words) return;
    uvec4 bits = philox(uvec4(quad, push.chunk, push.stream, 0u), uvec2(push.seed_low, push.seed_high));
    vec4 v = vec4(ivec4(bits >> 8) - 8388608) * push.step;
    if (NEGATIVE != 0u) v = -abs(v);
    uvec4 w = floatBitsToUint(v);
    if (TYPE == 1u) w.xy = uvec2(pack_halves(v.xy), pack_halves(v.zw));
    if (TYPE == 2u) w.xy = uvec2(pack_bf16(v.xy), pack_bf16(v.zw));
    y[at] = w.x;
    if (at + 1u < push.words) y[at + 1u] = w.y;
    if (TYPE != 0u) return;
    if (at + 2u < push.words) y[at + 2u] = w.z;
    if (at + 3u < push.words) y[at + 3u] = w.w;
}
