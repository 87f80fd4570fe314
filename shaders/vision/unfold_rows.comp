// SPDX-License-Identifier: Apache-2.0
// Windows over rows that lie in grids: with a product behind it, a convolution over them (Chellapilla et al. 2006,
// section 3.1).
//   y[r, (t, c)] = x[first + (h stride_y + i - pad_y) width + w stride_x + j - pad_x, c], 0 outside of the grid,
//   of the sequence that row r belongs to, whose rows in x begin at `first` and are a grid height x width; (h, w) is
//   r's place in its own grid, (i, j) the place of tap t in the window
// One lane takes one element, with VECTORS four: then all positions and widths count four columns.
// Bytes: 8 an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint TAPS_Y = 1u;
layout(constant_id = 3) const uint TAPS_X = 3u;
layout(constant_id = 4) const uint STRIDE_X = 1u;
layout(constant_id = 5) const uint LINE = 0u;          // 1: a grid is one line, of as many rows as the sequence has
layout(constant_id = 6) const uint COLUMNS_FIRST = 0u; // 1: taps run down the window's columns

layout(push_constant) uniform Push {
    uint columns, rows, channels; // columns: of y, those of taps from first_tap on
    uint first_tap, stride_y, pad_y, pad_x;
    uint more; // r's own grid is (width + more) / STRIDE_X + 1 across
    uint x_stride, x_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer X { VALUE x[]; };                         // [T', C]
layout(binding = 1) readonly buffer Sequences { uint sequences[]; };          // [S, 8] rows of the step of x
layout(binding = 2) readonly buffer Sides { uint sides[]; };                  // [S, 2] height, width of grids in x
layout(binding = 3) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 4) readonly buffer Positions { uint positions[]; };          // [T] places in the sequence
layout(binding = 5) writeonly buffer Y { VALUE y[]; };                        // [T, taps * C]

void main() {
    uint column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (column >= push.columns || row >= push.rows) return;
    uint sequence = token_sequence[row], at = sequence * SEQ_STRIDE, height = 1u, width = sequences[at + SEQ_COUNT];
    if (LINE == 0u) {
        height = sides[sequence * 2u];
        width = sides[sequence * 2u + 1u];
    }
    uint across = max((width + push.more) / STRIDE_X + 1u, 1u), place = positions[row];
    uint tap = push.first_tap + column / push.channels, c = column % push.channels;
    uint i = COLUMNS_FIRST == 1u ? tap % TAPS_Y : tap / TAPS_X, j = COLUMNS_FIRST == 1u ? tap / TAPS_Y : tap % TAPS_X;
    // Above and left of the grid these wrap to numbers that lie beyond it, too.
    uint h = place / across * push.stride_y + i - push.pad_y, w = place % across * STRIDE_X + j - push.pad_x;
    VALUE v = VALUE(0.0);
    if (h < height && w < width)
        v = x[(sequences[at + SEQ_FIRST] + h * width + w) * push.x_stride + push.x_start + c];
    y[row * push.y_stride + push.y_start + column] = v;
}
