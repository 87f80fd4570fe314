// SPDX-License-Identifier: Apache-2.0
// Weighted sum of up to three tensors: residuals with multipliers, sigmoid gates (attention output, shared expert),
// column slices scaled or moved.
//   y[t,c] = alpha * x[t,c] * multiplier[c] + beta * z[t,c] * sigmoid(gate[t,c or 0]) + gamma * w[t,c]
// or z[t,c] * gate[t,0], without the sigmoid.
// One lane takes one element, with VECTORS four: then all positions and widths but the gate's count four columns.
// Cost: 4 bytes an element and tensor.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint PARTS = 1u; // bit 0: x, 1: multiplier, 2: z, 3: w
layout(constant_id = 3) const uint GATE = 0u;  // 0 none, 1 one a row, 2 one an element, 3 one a row as it is

layout(push_constant) uniform Push {
    uint columns, rows;
    uint x_stride, x_start, z_stride, z_start, gate_stride, gate_start;
    uint w_stride, w_start, y_stride, y_start, multiplier_start;
    float alpha, beta, gamma;
} push;
layout(binding = 0) readonly buffer X { VALUE x[]; };                   // [T, D]
layout(binding = 1) readonly buffer Multiplier { VALUE multiplier[]; }; // [D]
layout(binding = 2) readonly buffer Z { VALUE z[]; };                   // [T, D]
layout(binding = 3) readonly buffer Gate { float gate[]; };             // [T, 1] or [T, D]
layout(binding = 4) readonly buffer W { VALUE w[]; };                   // [T, D]
layout(binding = 5) writeonly buffer Y { VALUE y[]; };                  // [T, D]

VALUE gate_factor(uint row, uint c) {
    uint at = row * push.gate_stride + push.gate_start;
    if (GATE == 1u) return VALUE(sigmoid(gate[at]));
    if (GATE == 3u) return VALUE(gate[at]);
#ifdef VECTORS
    at += 4u * c;
    vec4 g = vec4(gate[at], gate[at + 1u], gate[at + 2u], gate[at + 3u]);
#else
    float g = gate[at + c];
#endif
    return 1.0 / (1.0 + exp(-g));
}

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    VALUE v = VALUE(0.0);
    if ((PARTS & 1u) != 0u) {
        v = push.alpha * x[row * push.x_stride + push.x_start + c];
        if ((PARTS & 2u) != 0u) v *= multiplier[push.multiplier_start + c];
    }
    if ((PARTS & 4u) != 0u) {
        VALUE term = push.beta * z[row * push.z_stride + push.z_start + c];
        if (GATE != 0u) term *= gate_factor(row, c);
        v += term;
    }
    if ((PARTS & 8u) != 0u) v += push.gamma * w[row * push.w_stride + push.w_start + c];
    y[row * push.y_stride + push.y_start + c] = v;
}
