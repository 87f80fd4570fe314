// SPDX-License-Identifier: Apache-2.0
// Turns a step block into that of the next decode step: each sequence has seen its new tokens and gets one more.
//   past += count, count = 1, first = s, length = max(length, past + 1); positions[s] = past, token_sequence[s] = outputs[s] = s
//   header: tokens = outputs = sequences, longest_new = 1, longest_total = max(past) + 1, ring + 1
// One workgroup. Cost: 64 bytes a sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint sequences; } push; // of the bucket
layout(binding = 0) buffer Header { uint header[]; };                          // [16] step header
layout(binding = 1) buffer Sequences { uint sequences[]; };                    // [S, 8]
layout(binding = 2) writeonly buffer Positions { uint positions[]; };          // [T]
layout(binding = 3) writeonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 4) writeonly buffer Outputs { uint outputs[]; };              // [O]

shared uint sh_longest;

void main() {
    uint lane = gl_LocalInvocationID.x, count = min(header[STEP_SEQUENCES], push.sequences);
    if (lane == 0u) sh_longest = 0u;
    barrier();
    for (uint s = lane; s < count; s += 64u) {
        uint row = s * SEQ_STRIDE, past = sequences[row + SEQ_PAST] + sequences[row + SEQ_COUNT];
        sequences[row + SEQ_PAST] = past;
        sequences[row + SEQ_COUNT] = 1u;
        sequences[row + SEQ_FIRST] = s;
        sequences[row + SEQ_LENGTH] = max(sequences[row + SEQ_LENGTH], past + 1u);
        positions[s] = past;
        token_sequence[s] = s;
        outputs[s] = s;
        atomicMax(sh_longest, past + 1u); // a maximum does not depend on the order
    }
    barrier();
    if (lane == 0u) {
        header[STEP_TOKENS] = count;
        header[STEP_OUTPUTS] = count;
        header[STEP_LONGEST_NEW] = min(count, 1u);
        header[STEP_LONGEST_TOTAL] = sh_longest;
        header[STEP_RING] += 1u;
    }
}
