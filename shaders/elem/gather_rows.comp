// SPDX-License-Identifier: Apache-2.0
// Picks rows by index: the tokens whose logits are wanted, or the tokens of sorted expert pairs.
//   y[o,:] = x[index[o] / divisor,:], zeros for an index beyond x
// One workgroup takes a block of columns of some rows. Cost: 8 bytes an element.
#version 450

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;

layout(push_constant) uniform Push {
    uint columns, rows, block, rows_each;
    uint x_rows, divisor, x_stride, x_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer X { float x[]; };        // [T, D]
layout(binding = 1) readonly buffer Index { uint index[]; }; // [O]
layout(binding = 2) writeonly buffer Y { float y[]; };       // [O, D]

void main() {
    for (uint i = 0u; i < push.rows_each; ++i) {
        uint row = gl_WorkGroupID.y * push.rows_each + i;
        if (row >= push.rows) return;
        uint from = index[row] / push.divisor;
        uint end = min((gl_WorkGroupID.x + 1u) * push.block, push.columns);
        for (uint c = gl_WorkGroupID.x * push.block + gl_LocalInvocationID.x; c < end; c += LOCAL)
            y[row * push.y_stride + push.y_start + c] = from < push.x_rows ? x[from * push.x_stride + push.x_start + c] : 0.0;
    }
}
