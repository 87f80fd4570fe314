// SPDX-License-Identifier: Apache-2.0
// A convolution of each channel by itself over rows that lie in grids (Howard et al. 2017, MobileNets, section 3.1):
//   y[r, c] = act(bias[c] + sum over taps (i, j) of weight[(i, j), c] x[first + (h + i - pad_y) width + w + j - pad_x, c])
//   with nothing outside of the grid, of the sequence that row r belongs to, whose rows begin at `first` and are a grid
//   height x width; (h, w) is r's place in it
// One lane takes one element, with VECTORS four: then all positions and widths count four columns.
// Bytes: 8 an element; what taps read again comes from caches.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "activation.glsl"
#include "step.glsl"
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint TAPS_Y = 3u;
layout(constant_id = 3) const uint TAPS_X = 3u;
layout(constant_id = 4) const uint LINE = 0u; // 1: a grid is one line, of as many rows as the sequence has
layout(constant_id = 5) const uint ACTIVATION = 0u;
layout(constant_id = 6) const uint BIAS = 0u; // 1: there is one

layout(push_constant) uniform Push {
    uint channels, rows;
    uint pad_y, pad_x, x_stride, x_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer X { VALUE x[]; };                         // [T, C]
layout(binding = 1) readonly buffer Weight { VALUE weight[]; };               // [TAPS_Y * TAPS_X, C]
layout(binding = 2) readonly buffer Bias { VALUE bias[]; };                   // [C]
layout(binding = 3) readonly buffer Sequences { uint sequences[]; };          // [S, 8] rows of the step
layout(binding = 4) readonly buffer Sides { uint sides[]; };                  // [S, 2] height, width of grids
layout(binding = 5) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 6) readonly buffer Positions { uint positions[]; };          // [T] places in the sequence
layout(binding = 7) writeonly buffer Y { VALUE y[]; };                        // [T, C]

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.channels || row >= push.rows) return;
    uint sequence = token_sequence[row], at = sequence * SEQ_STRIDE, height = 1u, width = sequences[at + SEQ_COUNT];
    if (LINE == 0u) {
        height = sides[sequence * 2u];
        width = sides[sequence * 2u + 1u];
    }
    uint across = max(width, 1u), place = positions[row];
    // Above and left of the grid these wrap to numbers that lie beyond it, too.
    uint top = place / across - push.pad_y, left = place % across - push.pad_x;
    uint from = sequences[at + SEQ_FIRST];
    VALUE sum = VALUE(0.0);
    if (BIAS == 1u) sum = bias[c];
    for (uint i = 0u; i < TAPS_Y; ++i) {
        uint h = top + i;
        if (h >= height) continue;
        for (uint j = 0u; j < TAPS_X; ++j) {
            uint w = left + j;
            if (w >= width) continue;
            sum += weight[(i * TAPS_X + j) * push.channels + c] *
                   x[(from + h * width + w) * push.x_stride + push.x_start + c];
        }
    }
#ifdef VECTORS
    [[unroll]] for (uint e = 0u; e < 4u; ++e) sum[e] = activate(ACTIVATION, sum[e]);
#else
    sum = activate(ACTIVATION, sum);
#endif
    y[row * push.y_stride + push.y_start + c] = sum;
}
