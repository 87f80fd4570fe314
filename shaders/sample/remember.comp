// SPDX-License-Identifier: Apache-2.0
// Writes the new tokens of a step into the histories that the penalties of sampling look at.
//   history[slot, positions[t] % capacity] = ids[t]
// One lane takes one token; of more new tokens than the history holds, the last ones. Cost: 16 bytes a token.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint tokens, capacity; } push;
layout(binding = 0) readonly buffer Header { uint header[]; };                // [16] step header
layout(binding = 1) readonly buffer Ids { uint ids[]; };                      // [T]
layout(binding = 2) readonly buffer Positions { uint positions[]; };          // [T]
layout(binding = 3) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 4) readonly buffer Sequences { uint sequences[]; };          // [S, 8]
layout(binding = 5) writeonly buffer History { uint history[]; };             // [slots, capacity]

void main() {
    uint t = gl_GlobalInvocationID.x;
    if (t >= min(header[STEP_TOKENS], push.tokens)) return;
    uint sequence = token_sequence[t] * SEQ_STRIDE;
    uint left = sequences[sequence + SEQ_FIRST] + sequences[sequence + SEQ_COUNT] - t; // this token and those after it
    if (left <= push.capacity)
        history[sequences[sequence + SEQ_SLOT] * push.capacity + positions[t] % push.capacity] = ids[t];
}
