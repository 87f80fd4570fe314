// SPDX-License-Identifier: Apache-2.0
// The second part of sequence_norm: each channel's mean and 1 / sqrt(variance + eps) over a sequence, of what its runs
// of rows have (Chan, Golub and LeVeque 1983, Algorithms for computing the sample variance, equation 1.5).
// One lane does one channel of a sequence. Sums keep what their rounding loses; their order depends on nothing else.
// Bytes: 16 a run and channel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint RUN = 256u;

layout(push_constant) uniform Push {
    uint columns;
    float eps;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer Parts { float parts[]; };        // [T / RUN + S + 1, 2, C] mean, squares
layout(binding = 2) writeonly buffer Moments { float moments[]; };   // [S, 2, C] mean, 1 / deviation

void add(inout float total, inout float lost, float v) {
    precise float sum = total + v;
    precise float added = sum - total;
    precise float rest = (total - (sum - added)) + (v - added);
    lost += rest;
    total = sum;
}

void main() {
    uint channel = gl_GlobalInvocationID.x, sequence = gl_WorkGroupID.y, row = sequence * SEQ_STRIDE,
         first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT], runs = (count + RUN - 1u) / RUN;
    if (channel >= push.columns) return;
    uint from = (first / RUN + sequence) * 2u * push.columns + channel;
    float total = 0.0, lost = 0.0;
    for (uint i = 0u; i < runs; ++i)
        add(total, lost, parts[from + i * 2u * push.columns] * float(min(RUN, count - i * RUN)));
    float n = float(max(count, 1u)), mean = (total + lost) / n;
    total = lost = 0.0;
    for (uint i = 0u; i < runs; ++i) {
        float off = parts[from + i * 2u * push.columns] - mean;
        add(total, lost, parts[from + i * 2u * push.columns + push.columns]);
        add(total, lost, off * off * float(min(RUN, count - i * RUN)));
    }
    uint to = sequence * 2u * push.columns + channel;
    moments[to] = mean;
    moments[to + push.columns] = 1.0 / sqrt((total + lost) / n + push.eps);
}
