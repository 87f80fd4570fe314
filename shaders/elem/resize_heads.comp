// SPDX-License-Identifier: Apache-2.0
// Gives every head another size: attention and scans read vectors of four, which the
// heads of some models do not start on. A channel of ones behind the values sums up the keys in a scan, and what comes
// of it is divided by that of the ones.
//   y[t, h, i] = x[t, h, i] / (x[t, h, size of y's heads] + eps if DIVIDE), `fill` for i beyond the size of x's heads
// One lane takes one element of y. Cost: 8 bytes an element.
#version 450

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint DIVIDE = 0u;

layout(push_constant) uniform Push {
    uint columns, rows, x_size, y_size; // columns: H * y_size
    uint x_stride, x_start, y_stride, y_start;
    float fill, eps;
} push;
layout(binding = 0) readonly buffer X { float x[]; };  // [T, H * x_size]
layout(binding = 1) writeonly buffer Y { float y[]; }; // [T, H * y_size]

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    uint head = c / push.y_size, i = c % push.y_size;
    uint at = row * push.x_stride + push.x_start + head * push.x_size;
    float v = push.fill;
    if (i < push.x_size) v = x[at + i];
    if (DIVIDE == 1u) v /= x[at + push.y_size] + push.eps;
    y[row * push.y_stride + push.y_start + c] = v;
}
