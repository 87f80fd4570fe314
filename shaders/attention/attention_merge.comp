// SPDX-License-Identifier: Apache-2.0
// Combines what the splits of attention_decode left, in order of the keys (Flash-Decoding, Dao et al. 2023);
// a sink takes its share here.
//   M = max(m_i, sink);  L = sum l_i e^(m_i - M) + e^(sink - M);  y = sum o_i e^(m_i - M) / L;  lse = M + ln L
// One workgroup: one head of one sequence. Reads 4 (dv + 2) bytes a split and writes 4 dv.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "step.glsl"
#include "scores.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint VALUE = 64u;
layout(constant_id = 2) const uint OPTIONS = 1u;

layout(push_constant) uniform Push {
    uint y_stride, y_start, heads, window, ahead, chunk, split_keys, splits;
} push;
layout(binding = 0) readonly buffer Outputs { float outputs[]; };    // o of each split: [S, H, splits, dv]
layout(binding = 1) readonly buffer Sums { float sums[]; };          // m and l of each split: [S, H, splits, 2]
layout(binding = 2) readonly buffer Sinks { float sinks[]; };        // [H]
layout(binding = 3) readonly buffer Sequences { uint sequences[]; }; // [S, 8]
layout(binding = 4) writeonly buffer Y { float y[]; };               // [T, H * dv]
layout(binding = 5) writeonly buffer LogSum { float lse[]; };        // [T, H]

void main() {
    uint head = gl_WorkGroupID.x, sequence = gl_WorkGroupID.y * SEQ_STRIDE, token = sequences[sequence + SEQ_FIRST],
         position = sequences[sequence + SEQ_PAST];
    if (sequences[sequence + SEQ_COUNT] == 0u) return;
    uint keys = (OPTIONS & CROSS) != 0u ? sequences[sequence + SEQ_MEMORY] : position + 1u;
    uvec2 seen = visible_keys(OPTIONS, position, keys, push.window, push.ahead, push.chunk, 0u);
    uint used = seen.y > seen.x ? (seen.y - seen.x + push.split_keys - 1u) / push.split_keys : 0u;
    uint from = (gl_WorkGroupID.y * push.heads + head) * push.splits;
    bool sink = (OPTIONS & SINKS) != 0u;
    float m = sink ? sinks[head] : LOWEST;
    for (uint i = 0u; i < used; ++i) m = max(m, sums[(from + i) * 2u]);
    float l = sink ? exp(sinks[head] - m) : 0.0;
    for (uint i = 0u; i < used; ++i) l += sums[(from + i) * 2u + 1u] * exp(sums[(from + i) * 2u] - m);
    for (uint c = gl_LocalInvocationID.x; c < VALUE; c += LOCAL) {
        float sum = 0.0;
        for (uint i = 0u; i < used; ++i) sum += outputs[(from + i) * VALUE + c] * exp(sums[(from + i) * 2u] - m);
        y[token * push.y_stride + push.y_start + head * VALUE + c] = l > 0.0 ? sum / l : 0.0;
    }
    if (gl_LocalInvocationID.x == 0u && (OPTIONS & LSE) != 0u)
        lse[token * push.heads + head] = l > 0.0 ? m + log(l) : uintBitsToFloat(0xff800000u);
}
