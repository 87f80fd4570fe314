// SPDX-License-Identifier: Apache-2.0
// Weighted sum of up to three tensors: residuals with multipliers, sigmoid gates (attention output, shared expert), column slices scaled or moved.
//   y[t,c] = alpha * x[t,c] * multiplier[c] + beta * z[t,c] * sigmoid(gate[t,c or 0]) + gamma * w[t,c]
// One workgroup takes a block of columns of some rows. Cost: 4 bytes an element and tensor.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint PARTS = 1u; // bit 0: x, 1: multiplier, 2: z, 3: w
layout(constant_id = 2) const uint GATE = 0u;  // 0 none, 1 one a row, 2 one an element

layout(push_constant) uniform Push {
    uint columns, rows, block, rows_each;
    uint x_stride, x_start, z_stride, z_start, gate_stride, gate_start, w_stride, w_start, y_stride, y_start, multiplier_start;
    float alpha, beta, gamma;
} push;
layout(binding = 0) readonly buffer X { float x[]; };                   // [T, D]
layout(binding = 1) readonly buffer Multiplier { float multiplier[]; }; // [D]
layout(binding = 2) readonly buffer Z { float z[]; };                   // [T, D]
layout(binding = 3) readonly buffer Gate { float gate[]; };             // [T, 1] or [T, D]
layout(binding = 4) readonly buffer W { float w[]; };                   // [T, D]
layout(binding = 5) writeonly buffer Y { float y[]; };                  // [T, D]

void main() {
    for (uint i = 0u; i < push.rows_each; ++i) {
        uint row = gl_WorkGroupID.y * push.rows_each + i;
        if (row >= push.rows) return;
        uint end = min((gl_WorkGroupID.x + 1u) * push.block, push.columns);
        float beta = push.beta;
        if (GATE == 1u) beta *= sigmoid(gate[row * push.gate_stride + push.gate_start]);
        for (uint c = gl_WorkGroupID.x * push.block + gl_LocalInvocationID.x; c < end; c += LOCAL) {
            float v = 0.0;
            if ((PARTS & 1u) != 0u) {
                v = push.alpha * x[row * push.x_stride + push.x_start + c];
                if ((PARTS & 2u) != 0u) v *= multiplier[push.multiplier_start + c];
            }
            if ((PARTS & 4u) != 0u) {
                float term = beta * z[row * push.z_stride + push.z_start + c];
                if (GATE == 2u) term *= sigmoid(gate[row * push.gate_stride + push.gate_start + c]);
                v += term;
            }
            if ((PARTS & 8u) != 0u) v += push.gamma * w[row * push.w_stride + push.w_start + c];
            y[row * push.y_stride + push.y_start + c] = v;
        }
    }
}
