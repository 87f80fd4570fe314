// SPDX-License-Identifier: Apache-2.0
// Copies [T, heads * size] to [T, heads * padded], zeros after each head: matrix_scan.comp reads vectors of four, which the heads of some
// inputs do not start on. One thread copies one value. Cost: 8 bytes a value.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint columns, size, padded, x_stride, x_start, y_stride, y_start; } push; // columns: heads * padded
layout(binding = 0) readonly buffer X { float x[]; };  // [T, heads * size]
layout(binding = 1) writeonly buffer Y { float y[]; }; // [T, heads * padded]

void main() {
    uint c = gl_GlobalInvocationID.x, token = gl_WorkGroupID.y, i = c % push.padded;
    if (c >= push.columns) return;
    y[token * push.y_stride + push.y_start + c] = i < push.size ? x[token * push.x_stride + push.x_start + c / push.padded * push.size + i] : 0.0;
}
