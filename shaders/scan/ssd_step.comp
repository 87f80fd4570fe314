// SPDX-License-Identifier: Apache-2.0
// The step form of ssd (Dao & Gu 2024, Transformers are SSMs, equation 1): one new token of every sequence.
//   dt = clamp(softplus(dt_raw + bias), dt_min, dt_max);  S = exp(dt A) S + dt x B^T;  y = S C + D x
// One workgroup does ROWS rows of the state of one head and one sequence; ACROSS threads go along a row.
// Bytes: the state is read and written once, 8 P N a head.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 128u;
layout(constant_id = 1) const uint ACROSS = 32u;  // threads along a row, at most 32; divides LOCAL
layout(constant_id = 2) const uint VALUES = 4u;   // of a row a thread: N / ACROSS rounded up
layout(constant_id = 3) const uint PARTS = 3u;    // bit 0: bias, 1: D
const uint ROWS = 32u;

layout(push_constant) uniform Push {
    uint heads, group_heads, rows, states; // heads in all, heads a group, P, N
    uint stride, x_start, b_start, c_start, dt_stride, dt_start, y_stride, y_start;
    float dt_min, dt_max;
} push;
layout(binding = 0) readonly buffer Xbc { float xbc[]; };            // [T, ..]: x [H, P], B [G, N], C [G, N]
layout(binding = 1) readonly buffer Dt { float dt[]; };              // [T, H]
layout(binding = 2) readonly buffer DtBias { float dt_bias[]; };     // [H]
layout(binding = 3) readonly buffer A { float a[]; };                // [H]
layout(binding = 4) readonly buffer D { float d[]; };                // [H]
layout(binding = 5) writeonly buffer Y { float y[]; };               // [T, H * P]
layout(binding = 6) buffer State { float state[]; };                 // [slots, H, P, N]
layout(binding = 7) readonly buffer Sequences { uint sequences[]; }; // [S, 8]

shared float sh_sum[ROWS * 33u]; // [ROWS, ACROSS + 1]: a row's partial sums; the odd width spreads them over the banks

void main() {
    uint head = gl_WorkGroupID.y, sequence = gl_WorkGroupID.z * SEQ_STRIDE;
    if (sequences[sequence + SEQ_COUNT] == 0u) return;
    uint token = sequences[sequence + SEQ_FIRST], lane = gl_LocalInvocationID.x % ACROSS;
    uint x_at = token * push.stride + push.x_start + head * push.rows + gl_WorkGroupID.x * ROWS;
    uint group_at = token * push.stride + head / push.group_heads * push.states;
    uint rows = min(ROWS, push.rows - gl_WorkGroupID.x * ROWS);
    uint first_row = gl_WorkGroupID.x * ROWS;
    uint read_at = ((sequences[sequence + SEQ_READ] * push.heads + head) * push.rows + first_row) * push.states;
    uint write_at = ((sequences[sequence + SEQ_WRITE] * push.heads + head) * push.rows + first_row) * push.states;

    float step_size = clamp(softplus(dt[token * push.dt_stride + push.dt_start + head] +
                                     ((PARTS & 1u) != 0u ? dt_bias[head] : 0.0)),
                            push.dt_min, push.dt_max);
    float decay = exp(step_size * a[head]);
    bool past = sequences[sequence + SEQ_PAST] > 0u;
    float b[VALUES], c[VALUES];
    [[unroll]] for (uint i = 0u; i < VALUES; ++i) {
        uint n = lane + i * ACROSS;
        b[i] = n < push.states ? xbc[group_at + push.b_start + n] : 0.0;
        c[i] = n < push.states ? xbc[group_at + push.c_start + n] : 0.0;
    }
    for (uint row = gl_LocalInvocationID.x / ACROSS; row < rows; row += LOCAL / ACROSS) {
        float input_x = step_size * xbc[x_at + row], sum = 0.0;
        [[unroll]] for (uint i = 0u; i < VALUES; ++i) {
            uint n = lane + i * ACROSS;
            if (n < push.states) {
                float value = input_x * b[i];
                if (past) value = fma(decay, state[read_at + row * push.states + n], value);
                state[write_at + row * push.states + n] = value;
                sum = fma(value, c[i], sum);
            }
        }
        sh_sum[row * (ACROSS + 1u) + lane] = sum;
    }
    barrier();
    for (uint row = gl_LocalInvocationID.x; row < rows; row += LOCAL) {
        float sum = (PARTS & 2u) != 0u ? d[head] * xbc[x_at + row] : 0.0;
        for (uint i = 0u; i < ACROSS; ++i) sum += sh_sum[row * (ACROSS + 1u) + i];
        y[token * push.y_stride + push.y_start + head * push.rows + gl_WorkGroupID.x * ROWS + row] = sum;
    }
}
