// SPDX-License-Identifier: Apache-2.0
// Gated linear unit (Shazeer 2020, GLU variants improve transformer) and plain activations, with the multipliers of Falcon-H1 and the clamps of gpt-oss.
//   y[t,i] = scale * act(a_scale * min(a[t,i], limit)) * (clamp(b[t,i], -limit, limit) + b_plus)
// One workgroup takes a block of columns of some rows. Cost: 12 bytes an element (8 without b).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "activation.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint ACTIVATION = 1u;
layout(constant_id = 2) const uint PARTS = 1u; // bit 0: there is b, 1: a and b interleaved in a, 2: clamp

layout(push_constant) uniform Push {
    uint columns, rows, block, rows_each;
    uint a_stride, a_start, b_stride, b_start, y_stride, y_start;
    float a_scale, scale, b_plus, limit;
} push;
layout(binding = 0) readonly buffer A { float a[]; };  // [T, I], or [T, 2 I] interleaved
layout(binding = 1) readonly buffer B { float b[]; };  // [T, I]
layout(binding = 2) writeonly buffer Y { float y[]; }; // [T, I]

void main() {
    for (uint i = 0u; i < push.rows_each; ++i) {
        uint row = gl_WorkGroupID.y * push.rows_each + i;
        if (row >= push.rows) return;
        uint end = min((gl_WorkGroupID.x + 1u) * push.block, push.columns);
        for (uint c = gl_WorkGroupID.x * push.block + gl_LocalInvocationID.x; c < end; c += LOCAL) {
            uint at = row * push.a_stride + push.a_start + ((PARTS & 2u) != 0u ? 2u * c : c);
            float gate = a[at];
            float up = 1.0;
            if ((PARTS & 2u) != 0u) up = a[at + 1u];
            else if ((PARTS & 1u) != 0u) up = b[row * push.b_stride + push.b_start + c];
            if ((PARTS & 4u) != 0u) {
                gate = min(gate, push.limit);
                if ((PARTS & 3u) != 0u) up = clamp(up, -push.limit, push.limit);
            }
            y[row * push.y_stride + push.y_start + c] = push.scale * activate(ACTIVATION, push.a_scale * gate) * ((PARTS & 3u) != 0u ? up + push.b_plus : 1.0);
        }
    }
}
