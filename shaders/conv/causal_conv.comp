// SPDX-License-Identifier: Apache-2.0
// Depthwise causal convolution over time (Gu & Dao 2023, figure 3; the short convolution of linear recurrent mixers),
// many tokens of packed sequences:
//   y[t, c] = act(bias[c] + sum_k weight[c, k] x[t - TAPS + 1 + k, c])
// and with gates, of LFM2's block (Liquid AI 2025), y = out_gate * act(...) of x = in_gate * x.
// Inputs before a sequence's first new token come from its state, or are 0 without a past.
// causal_conv_state updates the state afterwards.
// One workgroup does RUN tokens of LOCAL channels; a thread slides the window of one channel through registers.
// Bytes: x is read (RUN + TAPS - 1) / RUN times, y written once.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "math.glsl"
#include "activation.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint TAPS = 4u;
layout(constant_id = 2) const uint RUN = 16u;
layout(constant_id = 3) const uint ACTIVATION = 1u;
layout(constant_id = 4) const uint PARTS = 0u; // bit 0: bias, 1: state, 2: gates
const uint PAST = TAPS - 1u;

layout(push_constant) uniform Push { uint channels, x_stride, x_start, in_gate, out_gate, y_stride, y_start; } push;
layout(binding = 0) readonly buffer Header { uint header[]; };                // [16] step header
layout(binding = 1) readonly buffer Sequences { uint sequences[]; };          // [S, 8] rows of the step
layout(binding = 2) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 3) readonly buffer X { float x[]; };                         // [T, C], and the gates
layout(binding = 4) readonly buffer Weight { float weight[]; };               // [C, K]
layout(binding = 5) readonly buffer Bias { float bias[]; };                   // [C]
layout(binding = 6) readonly buffer State { float state[]; };                 // [slots, C, K - 1], oldest first
layout(binding = 7) writeonly buffer Y { float y[]; };                        // [T, C]

// Input of a token whose row begins at `row`.
float input_at(uint row, uint channel) {
    float value = x[row + push.x_start + channel];
    return (PARTS & 4u) != 0u ? value * x[row + push.in_gate + channel] : value;
}

void main() {
    uint channel = gl_GlobalInvocationID.x;
    if (channel >= push.channels) return;
    float w[TAPS], window[TAPS];
    [[unroll]] for (uint k = 0u; k < TAPS; ++k) w[k] = weight[channel * TAPS + k];
    float offset = (PARTS & 1u) != 0u ? bias[channel] : 0.0;

    uint begin = gl_WorkGroupID.y * RUN, end = min(begin + RUN, header[STEP_TOKENS]);
    uint sequence_end = 0u; // of the sequence that the last token belonged to
    for (uint token = begin; token < end; ++token) {
        if (token >= sequence_end) { // a new window: at the start of the run and of every sequence within it
            uint row = token_sequence[token] * SEQ_STRIDE, first = sequences[row + SEQ_FIRST];
            sequence_end = max(first + sequences[row + SEQ_COUNT], token + 1u);
            uint state_at = (sequences[row + SEQ_READ] * push.channels + channel) * PAST;
            bool has_past = (PARTS & 2u) != 0u && sequences[row + SEQ_PAST] > 0u;
            [[unroll]] for (uint k = 1u; k < TAPS; ++k) { // window[k] becomes window[k - 1] below
                uint back = TAPS - k, inside = token - first;
                if (back <= inside) window[k] = input_at((token - back) * push.x_stride, channel);
                else window[k] = has_past ? state[state_at + PAST + inside - back] : 0.0;
            }
        }
        [[unroll]] for (uint k = 1u; k < TAPS; ++k) window[k - 1u] = window[k];
        window[PAST] = input_at(token * push.x_stride, channel);
        float sum = offset;
        [[unroll]] for (uint k = 0u; k < TAPS; ++k) sum += w[k] * window[k];
        float result = activate(ACTIVATION, sum);
        if ((PARTS & 4u) != 0u) result *= x[token * push.x_stride + push.out_gate + channel];
        y[token * push.y_stride + push.y_start + channel] = result;
    }
}
