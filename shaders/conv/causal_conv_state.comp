// SPDX-License-Identifier: Apache-2.0
// Moves the window of causal_conv on: the last TAPS - 1 inputs of each sequence, of which the older ones come
// from the old window if it has fewer new tokens.
//   state[slot, c, j] = x[first + count - (TAPS - 1) + j, c]
// One thread does one channel of one sequence: it reads all before it writes.
// Bytes: 8 (TAPS - 1) a channel and sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint TAPS = 4u;
layout(constant_id = 1) const uint PARTS = 0u; // of causal_conv; bit 2: gates
const uint PAST = TAPS - 1u;

layout(push_constant) uniform Push { uint channels, x_stride, x_start, in_gate; } push;
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8] rows of the step
layout(binding = 1) readonly buffer X { float x[]; };                // [T, C], and the gate
layout(binding = 2) buffer State { float state[]; };                 // [slots, C, K - 1], oldest first

// Input of a token whose row begins at `row`.
float input_at(uint row, uint channel) {
    float value = x[row + push.x_start + channel];
    return (PARTS & 4u) != 0u ? value * x[row + push.in_gate + channel] : value;
}

void main() {
    uint channel = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y * SEQ_STRIDE;
    uint first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT];
    if (channel >= push.channels || count == 0u) return;
    uint old = (sequences[row + SEQ_READ] * push.channels + channel) * PAST;
    uint to = (sequences[row + SEQ_WRITE] * push.channels + channel) * PAST;
    bool has_past = sequences[row + SEQ_PAST] > 0u;
    float window[PAST];
    [[unroll]] for (uint j = 0u; j < PAST; ++j) {
        uint from = count + j; // counted from the oldest input of the old window
        if (from >= PAST) window[j] = input_at((first + from - PAST) * push.x_stride, channel);
        else window[j] = has_past ? state[old + from] : 0.0;
    }
    [[unroll]] for (uint j = 0u; j < PAST; ++j) state[to + j] = window[j];
}
