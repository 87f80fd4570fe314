// SPDX-License-Identifier: Apache-2.0
// Norm of each channel over the rows of a sequence (Ulyanov et al. 2016, Instance normalization, equation 2; Wu & He
// 2018, Group normalization, with a group for every channel):
//   y[t, c] = act((x[t, c] - mean) * inverse * weight[c] + bias[c]), with the moments of channel c over the new tokens
//   of t's sequence: sequence_norm_parts, sequence_norm_moments
// One lane takes one element.
// Bytes: 8 an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "activation.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint ACTIVATION = 0u;

layout(push_constant) uniform Push { uint columns, rows, x_stride, x_start, y_stride, y_start; } push;
layout(binding = 0) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 1) readonly buffer X { float x[]; };                         // [T, C]
layout(binding = 2) readonly buffer Moments { float moments[]; };             // [S, 2, C] mean, 1 / deviation
layout(binding = 3) readonly buffer Weight { float weight[]; };               // [C]
layout(binding = 4) readonly buffer Bias { float bias[]; };                   // [C]
layout(binding = 5) writeonly buffer Y { float y[]; };                        // [T, C]

void main() {
    uint channel = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (channel >= push.columns || row >= push.rows) return;
    uint at = token_sequence[row] * 2u * push.columns + channel;
    float v = (x[row * push.x_stride + push.x_start + channel] - moments[at]) * moments[at + push.columns];
    y[row * push.y_stride + push.y_start + channel] = activate(ACTIVATION, v * weight[channel] + bias[channel]);
}
