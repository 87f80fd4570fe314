// SPDX-License-Identifier: Apache-2.0
// Decays of linear_scan_channels from their logarithms, once for all workgroups that multiply with them.
//   d[t, h, i] = exp(g[t, h, i]), 0 for i beyond K
// One lane takes one element of d. Cost: 8 bytes an element.
#version 450

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;

layout(push_constant) uniform Push {
    uint columns, rows, size, padded; // columns: H * padded
    uint g_stride, g_start;
} push;
layout(binding = 0) readonly buffer G { float g[]; };      // [T, H * K]
layout(binding = 1) writeonly buffer D { float decay[]; }; // [T, H * padded]

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    uint head = c / push.padded, i = c % push.padded;
    decay[row * push.columns + c] =
        i < push.size ? exp(g[row * push.g_stride + push.g_start + head * push.size + i]) : 0.0;
}
