// SPDX-License-Identifier: Apache-2.0
// Picks rows by index: the tokens whose logits are wanted, or the tokens of sorted expert pairs.
//   y[o,:] = x[index[o] / divisor,:], zeros for an index beyond x
// One lane takes one element, with VECTORS four: then all positions and widths count four columns.
// Cost: 8 bytes an element.
#version 450
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;

layout(push_constant) uniform Push {
    uint columns, rows;
    uint x_rows, divisor, x_stride, x_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer X { VALUE x[]; };        // [T, D]
layout(binding = 1) readonly buffer Index { uint index[]; }; // [O]
layout(binding = 2) writeonly buffer Y { VALUE y[]; };       // [O, D]

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    uint from = index[row] / push.divisor;
    VALUE v = VALUE(0.0);
    if (from < push.x_rows) v = x[from * push.x_stride + push.x_start + c];
    y[row * push.y_stride + push.y_start + c] = v;
}
