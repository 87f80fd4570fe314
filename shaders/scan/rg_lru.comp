// SPDX-License-Identifier: Apache-2.0
// Real-gated linear recurrent unit (De et al. 2024, Griffin, section 2.4) over packed sequences:
//   d = 8 sigmoid(gate_r) softplus(rate);  h = exp(-d) h + sqrt(1 - exp(-2 d)) sigmoid(gate_i) x
// A sequence begins with h = sigmoid(gate_i) x, without the root.
// Long sequences may be cut into chunks that run side by side, in two passes with rg_lru_carry between them:
//   pass 1: from h = 0: h at the chunk's end, and the chunk's sum of d, for exp(-sum) is the product of its decays
//   pass 2: from the state that truly enters the chunk: the outputs
// Pass 0 does it all, a sequence being one chunk; it is the step form, too.
// One thread scans one channel of one chunk. Bytes a token and channel: 16.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint PASS = 0u;

layout(push_constant) uniform Push {
    uint channels, width;                                    // C, channels of a block
    uint chunk, chunk_rows;                                  // tokens a chunk; rows of the chunk buffer
    uint x_stride, x_start, gates_stride, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                // [T, C]
layout(binding = 2) readonly buffer Gates { float gates[]; };        // [T, 2 C]: of each block gate_i, then gate_r
layout(binding = 3) readonly buffer Rate { float rate[]; };          // [C]
layout(binding = 4) writeonly buffer Y { float y[]; };               // [T, C]
layout(binding = 5) buffer State { float state[]; };                 // [slots, C]; of chunks [rows, C], then sums of d

// 1 - exp(-u) for u >= 0, by its series where the difference would cancel.
float one_minus_exp(float u) {
    if (u > 0.25) return 1.0 - exp(-u);
    return u * (1.0 - u * (1.0 / 2.0) * (1.0 - u * (1.0 / 3.0) * (1.0 - u * (1.0 / 4.0) *
           (1.0 - u * (1.0 / 5.0) * (1.0 - u * (1.0 / 6.0))))));
}

void main() {
    uint channel = gl_GlobalInvocationID.x, row = gl_WorkGroupID.z * SEQ_STRIDE;
    uint first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    uint begin = gl_WorkGroupID.y * push.chunk, end = PASS == 0u ? count : min(begin + push.chunk, count);
    if (channel >= push.channels || begin >= count) return;

    // Chunks of different sequences never share a row: a sequence of c tokens takes at most
    // floor(c / chunk) + 1 of them.
    uint chunk_row = first / push.chunk + gl_WorkGroupID.z + gl_WorkGroupID.y;
    uint read_at = (PASS == 0u ? sequences[row + SEQ_READ] : chunk_row) * push.channels + channel;
    uint write_at = (PASS == 0u ? sequences[row + SEQ_WRITE] : chunk_row) * push.channels + channel;
    bool past = sequences[row + SEQ_PAST] > 0u, from_zero = PASS == 1u || (PASS == 0u && !past);
    float h = from_zero ? 0.0 : state[read_at], sum = 0.0, slope = 8.0 * softplus(rate[channel]);
    uint gate_at = channel / push.width * 2u * push.width + channel % push.width;

    for (uint at = begin; at < end; ++at) {
        uint token = first + at, gates_row = token * push.gates_stride + gate_at;
        float d = slope * sigmoid(gates[gates_row + push.width]);
        float root = at == 0u && !past ? 1.0 : sqrt(one_minus_exp(2.0 * d));
        h = exp(-d) * h + root * sigmoid(gates[gates_row]) * x[token * push.x_stride + push.x_start + channel];
        sum += d;
        if (PASS != 1u) y[token * push.y_stride + push.y_start + channel] = h;
    }
    if (PASS != 2u) state[write_at] = h;
    if (PASS == 1u) state[push.chunk_rows * push.channels + write_at] = sum;
}
