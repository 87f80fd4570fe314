// SPDX-License-Identifier: Apache-2.0
// The first part of sequence_norm: of RUN rows of a sequence each channel's mean, and the sum of the squares of what
// they differ from it by.
// One lane does one channel of RUN rows. Sums keep what their rounding loses.
// Bytes: 8 an element of x, the second time from caches.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint RUN = 256u;

layout(push_constant) uniform Push { uint columns, x_stride, x_start; } push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                // [T, C]
layout(binding = 2) writeonly buffer Parts { float parts[]; };       // [T / RUN + S + 1, 2, C] mean, squares

// The sum of (x - centre)^power over rows.
float sum_of(uint from, uint rows, float centre, bool squares) {
    float total = 0.0, lost = 0.0;
    for (uint t = 0u; t < rows; ++t) {
        precise float v = x[from + t * push.x_stride] - centre;
        if (squares) v *= v;
        // What the rounding of this sum loses (Knuth, The Art of Computer Programming 2, 4.2.2).
        precise float sum = total + v;
        precise float added = sum - total;
        precise float rest = (total - (sum - added)) + (v - added);
        lost += rest;
        total = sum;
    }
    return total + lost;
}

void main() {
    uint channel = gl_GlobalInvocationID.x, run = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z,
         row = sequence * SEQ_STRIDE, first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    if (channel >= push.columns || run * RUN >= count) return;
    uint rows = min(RUN, count - run * RUN), from = (first + run * RUN) * push.x_stride + push.x_start + channel;
    float mean = sum_of(from, rows, 0.0, false) / float(rows);
    uint to = (first / RUN + sequence + run) * 2u * push.columns + channel; // no other run is there
    parts[to] = mean;
    parts[to + push.columns] = sum_of(from, rows, mean, true);
}
