// SPDX-License-Identifier: Apache-2.0
// Norm of each channel over the rows of a sequence (Ulyanov et al. 2016, Instance normalization, equation 2; Wu & He
// 2018, Group normalization, with a group for every channel):
//   y[t, c] = act((x[t, c] - mean_c) / sqrt(var_c + eps) * weight[c] + bias[c]), with the mean and the variance of
//   x[., c] over the new tokens of t's sequence
// One workgroup: LOCAL_X channels of one sequence, LOCAL_Y lanes a channel, in three passes over its rows. Sums keep
// what their rounding loses. Neither the order nor the result depends on other sequences.
// Bytes: 16 an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "activation.glsl"
#include "step.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 16u;
layout(constant_id = 1) const uint LOCAL_Y = 8u;
layout(constant_id = 2) const uint ACTIVATION = 0u;

layout(push_constant) uniform Push {
    uint columns, x_stride, x_start, y_stride, y_start;
    float eps;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                // [T, C]
layout(binding = 2) readonly buffer Weight { float weight[]; };      // [C]
layout(binding = 3) readonly buffer Bias { float bias[]; };          // [C]
layout(binding = 4) writeonly buffer Y { float y[]; };               // [T, C]

shared float sh_part[LOCAL_X * LOCAL_Y];

// The lanes' sums of a channel, in all of them.
float sum_of_lanes(float own) {
    uint lane = gl_LocalInvocationID.y, at = gl_LocalInvocationIndex;
    barrier(); // the last sums have been read
    sh_part[at] = own;
    barrier();
    for (uint half_size = LOCAL_Y / 2u; half_size > 0u; half_size /= 2u) {
        if (lane < half_size) sh_part[at] += sh_part[at + half_size * LOCAL_X];
        barrier();
    }
    return sh_part[gl_LocalInvocationID.x];
}

// The mean of (x - centre)^power over the sequence's rows.
float mean_of(uint from, uint count, bool there, float centre, bool squares) {
    float total = 0.0, lost = 0.0;
    if (there)
        for (uint t = gl_LocalInvocationID.y; t < count; t += LOCAL_Y) {
            precise float v = x[from + t * push.x_stride] - centre;
            if (squares) v *= v;
            // What the rounding of this sum loses (Knuth, The Art of Computer Programming 2, 4.2.2).
            precise float sum = total + v;
            precise float added = sum - total;
            precise float rest = (total - (sum - added)) + (v - added);
            lost += rest;
            total = sum;
        }
    return sum_of_lanes(total + lost) / float(max(count, 1u));
}

void main() {
    uint channel = gl_GlobalInvocationID.x, row = gl_WorkGroupID.z * SEQ_STRIDE, first = sequences[row + SEQ_FIRST],
         count = sequences[row + SEQ_COUNT];
    bool there = channel < push.columns;
    uint from = first * push.x_stride + push.x_start + channel;
    float mean = mean_of(from, count, there, 0.0, false), variance = mean_of(from, count, there, mean, true);
    if (!there) return;
    float scale = weight[channel] / sqrt(variance + push.eps), shift = bias[channel];
    uint to = first * push.y_stride + push.y_start + channel;
    for (uint t = gl_LocalInvocationID.y; t < count; t += LOCAL_Y)
        y[to + t * push.y_stride] = activate(ACTIVATION, (x[from + t * push.x_stride] - mean) * scale + shift);
}
