// SPDX-License-Identifier: Apache-2.0
// The step form of causal_conv: outputs and the new window in one dispatch, for one or
// a few new tokens of every sequence.
//   y[t, c] = act(bias[c] + sum_k weight[c, k] x[t - TAPS + 1 + k, c])
// between gates, if it has them (causal_conv).
// One thread does one channel of one sequence. Bytes: 8 a token and channel; 12 TAPS a channel and
// sequence (weights, window in and out).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "activation.glsl"
#include "step.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint TAPS = 4u;
layout(constant_id = 1) const uint ACTIVATION = 1u;
layout(constant_id = 2) const uint PARTS = 0u; // bit 0: bias, 1: state, 2: gates
const uint PAST = TAPS - 1u;

layout(push_constant) uniform Push { uint channels, x_stride, x_start, in_gate, out_gate, y_stride, y_start; } push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                // [T, C], and the gates
layout(binding = 2) readonly buffer Weight { float weight[]; };      // [C, K]
layout(binding = 3) readonly buffer Bias { float bias[]; };          // [C]
layout(binding = 4) writeonly buffer Y { float y[]; };               // [T, C]
layout(binding = 5) buffer State { float state[]; };                 // [slots, C, K - 1], oldest first

// Input of a token whose row begins at `row`.
float input_at(uint row, uint channel) {
    float value = x[row + push.x_start + channel];
    return (PARTS & 4u) != 0u ? value * x[row + push.in_gate + channel] : value;
}

void main() {
    uint channel = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y * SEQ_STRIDE;
    uint first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    if (channel >= push.channels || count == 0u) return;
    float w[TAPS], window[TAPS];
    [[unroll]] for (uint k = 0u; k < TAPS; ++k) w[k] = weight[channel * TAPS + k];
    float offset = (PARTS & 1u) != 0u ? bias[channel] : 0.0;
    uint from = (sequences[row + SEQ_READ] * push.channels + channel) * PAST;
    uint to = (sequences[row + SEQ_WRITE] * push.channels + channel) * PAST;
    bool has_past = (PARTS & 2u) != 0u && sequences[row + SEQ_PAST] > 0u;
    // What begins as window[k] becomes window[k - 1] below.
    [[unroll]] for (uint k = 1u; k < TAPS; ++k) window[k] = has_past ? state[from + k - 1u] : 0.0;

    for (uint token = first; token < first + count; ++token) {
        [[unroll]] for (uint k = 1u; k < TAPS; ++k) window[k - 1u] = window[k];
        window[PAST] = input_at(token * push.x_stride, channel);
        float sum = offset;
        [[unroll]] for (uint k = 0u; k < TAPS; ++k) sum += w[k] * window[k];
        float result = activate(ACTIVATION, sum);
        if ((PARTS & 4u) != 0u) result *= x[token * push.x_stride + push.out_gate + channel];
        y[token * push.y_stride + push.y_start + channel] = result;
    }
    if ((PARTS & 2u) != 0u)
        [[unroll]] for (uint k = 1u; k < TAPS; ++k) state[to + k - 1u] = window[k];
}
