// SPDX-License-Identifier: Apache-2.0
// Token shift (Peng et al. 2023, RWKV, section 3.1): each token mixed with the one before it, in several proportions:
//   y[t, m, c] = x[t, c] + mix[m, c] (x[t - 1, c] - x[t, c])
// or in each token's own proportions (Peng et al. 2024, Eagle and Finch, section 4.2), mix[t, m, c].
// Before a sequence's first new token stands its state, or 0 without a past.
// One lane does one channel of one token, all mixes of it. Bytes: 8 + 4 M a token and channel.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "step.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 128u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint MIXES = 1u;
layout(constant_id = 3) const uint MOVES_ON = 1u; // 0: the state is only read

layout(push_constant) uniform Push { uint channels, x_stride, x_start, mix_stride, mix_start, y_stride, y_start; } push;
layout(binding = 0) readonly buffer Header { uint header[]; };                // [16] step header
layout(binding = 1) readonly buffer Sequences { uint sequences[]; };          // [S, 8] rows of the step
layout(binding = 2) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 3) readonly buffer X { float x[]; };                         // [T, C]
layout(binding = 4) readonly buffer Mix { float mix_with[]; };                // [MIXES, C] or [T, MIXES * C]
layout(binding = 5) writeonly buffer Y { float y[]; };                        // [T, MIXES * C]
layout(binding = 6) buffer State { float state[]; };                          // [slots, C]

void main() {
    uint channel = gl_GlobalInvocationID.x, token = gl_GlobalInvocationID.y;
    if (channel >= push.channels || token >= header[STEP_TOKENS]) return;
    uint row = token_sequence[token] * SEQ_STRIDE, first = sequences[row + SEQ_FIRST];
    uint x_at = token * push.x_stride + push.x_start + channel, y_at = token * push.y_stride + push.y_start + channel;
    float now = x[x_at], before = 0.0;
    if (token > first) before = x[x_at - push.x_stride];
    else { // the one lane that reads this state is also the one that writes it
        if (sequences[row + SEQ_PAST] > 0u) before = state[sequences[row + SEQ_READ] * push.channels + channel];
        uint last = first + sequences[row + SEQ_COUNT] - 1u;
        if (MOVES_ON == 1u)
            state[sequences[row + SEQ_WRITE] * push.channels + channel] =
                x[last * push.x_stride + push.x_start + channel];
    }
    uint mix_at = token * push.mix_stride + push.mix_start + channel;
    [[unroll]] for (uint m = 0u; m < MIXES; ++m)
        y[y_at + m * push.channels] = fma(mix_with[mix_at + m * push.channels], before - now, now);
}
