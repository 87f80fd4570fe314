// SPDX-License-Identifier: Apache-2.0
// The sum of long_conv.comp term by term: for short sequences.
// One lane makes one number. Bytes: what lanes read again comes from caches; operations of row t: 2 (t + 1).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint PARTS = 0u; // bit 0: before, 1: after, 2: skip

layout(push_constant) uniform Push {
    uint channels, rows, taps;
    uint x_stride, x_start, before_stride, before_start, after_stride, after_start, filter_stride, filter_start;
    uint skip_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; };          // [S, 8] rows of the step
layout(binding = 1) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 2) readonly buffer X { float x[]; };                         // [T, C]
layout(binding = 3) readonly buffer Before { float before[]; };               // [T, C]
layout(binding = 4) readonly buffer After { float after[]; };                 // [T, C]
layout(binding = 5) readonly buffer Taps { float taps[]; };                   // [L, C]
layout(binding = 6) readonly buffer Skip { float skip[]; };                   // [C]
layout(binding = 7) writeonly buffer Y { float y[]; };                        // [T, C]

float value_at(uint row, uint channel) {
    float value = x[row * push.x_stride + push.x_start + channel];
    return (PARTS & 1u) != 0u ? value * before[row * push.before_stride + push.before_start + channel] : value;
}

void main() {
    uint channel = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (channel >= push.channels || row >= push.rows) return;
    uint at = token_sequence[row] * SEQ_STRIDE, place = row - sequences[at + SEQ_FIRST];
    if (place >= sequences[at + SEQ_COUNT]) return; // a row of nobody
    uint reach = min(place + 1u, push.taps);
    float sum = 0.0;
    for (uint l = 0u; l < reach; ++l)
        sum += taps[l * push.filter_stride + push.filter_start + channel] * value_at(row - l, channel);
    if ((PARTS & 4u) != 0u) sum += skip[push.skip_start + channel] * value_at(row, channel);
    if ((PARTS & 2u) != 0u) sum *= after[row * push.after_stride + push.after_start + channel];
    y[row * push.y_stride + push.y_start + channel] = sum;
}
