// SPDX-License-Identifier: Apache-2.0
// The step form of selective_scan: one new token of every sequence.
//   dt = softplus(dt_raw + dt_bias);  h = exp(dt A) h + dt B x;  y = (C.h + D x) silu(z)
// One workgroup does some channels of one sequence; SPLIT threads share a channel, each with BLOCK neighbouring states.
// Bytes: the state is read and written once, 8 Di N; A once, 4 Di N.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint SPLIT = 4u; // threads a channel; SPLIT * BLOCK >= N
layout(constant_id = 2) const uint BLOCK = 4u; // states a thread
layout(constant_id = 3) const uint PARTS = 0u; // bit 0: z, 1: softplus, 2: state
const uint CHANNELS = LOCAL / SPLIT;

layout(push_constant) uniform Push {
    uint channels, states, group_channels; // Di, N, Di / G
    uint x_stride, x_start, dt_stride, dt_start, bc_stride, b_start, c_start, z_stride, z_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; };    // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                   // [T, Di]
layout(binding = 2) readonly buffer Dt { float dt[]; };                 // [T, Di]
layout(binding = 3) readonly buffer Parameters { float parameters[]; }; // A [Di, N], D [Di], dt_bias [Di]
layout(binding = 4) readonly buffer Bc { float bc[]; };                 // [T, ..]: B [G, N], C [G, N]
layout(binding = 5) readonly buffer Z { float z[]; };                   // [T, Di]
layout(binding = 6) writeonly buffer Y { float y[]; };                  // [T, Di]
layout(binding = 7) buffer State { float state[]; };                    // [slots, Di, N]

shared float sh_y[LOCAL]; // partial sums of C.h

void main() {
    uint thread = gl_LocalInvocationID.x;
    uint part = thread % SPLIT;
    uint channel = gl_WorkGroupID.x * CHANNELS + thread / SPLIT;
    uint row = gl_WorkGroupID.y * SEQ_STRIDE;
    uint token = sequences[row + SEQ_FIRST];
    if (sequences[row + SEQ_COUNT] == 0u) return;
    bool real = channel < push.channels;
    float input_x = 0.0, sum = 0.0;
    if (real) {
        float step_dt = dt[token * push.dt_stride + push.dt_start + channel] +
                        parameters[push.channels * (push.states + 1u) + channel];
        if ((PARTS & 2u) != 0u) step_dt = softplus(step_dt);
        input_x = x[token * push.x_stride + push.x_start + channel];
        bool has_past = (PARTS & 4u) != 0u && sequences[row + SEQ_PAST] > 0u;
        uint a_at = channel * push.states, bc_at = token * push.bc_stride + channel / push.group_channels * push.states;
        uint read_at = sequences[row + SEQ_READ] * push.channels * push.states + a_at;
        uint write_at = sequences[row + SEQ_WRITE] * push.channels * push.states + a_at;
        for (uint i = 0u; i < BLOCK; ++i) {
            uint n = part * BLOCK + i;
            if (n >= push.states) break;
            float h = has_past ? exp2(step_dt * (parameters[a_at + n] * LOG2_E)) * state[read_at + n] : 0.0;
            h += step_dt * input_x * bc[push.b_start + bc_at + n];
            sum += bc[push.c_start + bc_at + n] * h;
            if ((PARTS & 4u) != 0u) state[write_at + n] = h;
        }
    }
    sh_y[thread] = sum;
    barrier();
    if (part != 0u || !real) return;
    for (uint p = 1u; p < SPLIT; ++p) sum += sh_y[thread + p];
    sum += parameters[push.channels * push.states + channel] * input_x;
    if ((PARTS & 1u) != 0u) sum *= silu(z[token * push.z_stride + push.z_start + channel]);
    y[token * push.y_stride + push.y_start + channel] = sum;
}
