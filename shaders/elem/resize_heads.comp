// SPDX-License-Identifier: Apache-2.0
// Gives every head another size: attention and scans read vectors of four, which the
// heads of some models do not start on.
//   y[t, h, i] = x[t, h, i], 0 for i beyond the size of x's heads
// One lane takes one element of y. Cost: 8 bytes an element.
#version 450

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;

layout(push_constant) uniform Push {
    uint columns, rows, x_size, y_size; // columns: H * y_size
    uint x_stride, x_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer X { float x[]; };  // [T, H * x_size]
layout(binding = 1) writeonly buffer Y { float y[]; }; // [T, H * y_size]

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    uint head = c / push.y_size, i = c % push.y_size;
    float v = 0.0;
    if (i < push.x_size) v = x[row * push.x_stride + push.x_start + head * push.x_size + i];
    y[row * push.y_stride + push.y_start + c] = v;
}
