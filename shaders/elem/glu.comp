// SPDX-License-Identifier: Apache-2.0
// Gated linear unit (Shazeer 2020, GLU variants improve transformer) and plain activations, with the
// multipliers of Falcon-H1 and the clamps of gpt-oss.
//   y[t,i] = scale * act(a_scale * min(a[t,i], limit)) * (clamp(b[t,i], -limit, limit) + b_plus)
// One lane takes one element, with VECTORS four: then all positions and widths count four columns.
// Cost: 12 bytes an element (8 without b).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "activation.glsl"
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint ACTIVATION = 1u;
layout(constant_id = 3) const uint PARTS = 1u; // bit 0: there is b, 1: a and b interleaved in a, 2: clamp

layout(push_constant) uniform Push {
    uint columns, rows;
    uint a_stride, a_start, b_stride, b_start, y_stride, y_start;
    float a_scale, scale, b_plus, limit;
} push;
layout(binding = 0) readonly buffer A { VALUE a[]; };  // [T, I], or [T, 2 I] interleaved
layout(binding = 1) readonly buffer B { VALUE b[]; };  // [T, I]
layout(binding = 2) writeonly buffer Y { VALUE y[]; }; // [T, I]

VALUE activate_each(VALUE x) {
#ifdef VECTORS
    return vec4(activate(ACTIVATION, x.x), activate(ACTIVATION, x.y), activate(ACTIVATION, x.z),
                activate(ACTIVATION, x.w));
#else
    return activate(ACTIVATION, x);
#endif
}

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    uint at = row * push.a_stride + push.a_start;
    VALUE gate, up;
    if ((PARTS & 2u) != 0u) {
        at += 2u * c;
        gate = a[at];
        up = a[at + 1u];
#ifdef VECTORS
        VALUE first = gate;
        gate = vec4(first.xz, up.xz);
        up = vec4(first.yw, up.yw);
#endif
    } else {
        gate = a[at + c];
        if ((PARTS & 1u) != 0u) up = b[row * push.b_stride + push.b_start + c];
    }
    if ((PARTS & 4u) != 0u) {
        gate = min(gate, VALUE(push.limit));
        up = clamp(up, VALUE(-push.limit), VALUE(push.limit));
    }
    VALUE v = push.scale * activate_each(push.a_scale * gate);
    if ((PARTS & 3u) != 0u) v *= up + push.b_plus;
    y[row * push.y_stride + push.y_start + c] = v;
}
