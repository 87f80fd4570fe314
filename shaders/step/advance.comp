// SPDX-License-Identifier: Apache-2.0
// Turns a step block into that of the next decode step: each sequence has seen its new tokens and gets one more,
// ids[s], unless that is an end token or SAMPLER_NO_TOKEN: then it leaves the block, so that its states stay as they
// are, and those behind it move up; rows that become free have no new tokens.
//   past += count, count = 1, first = s, length = max(length, past + 1); positions[s] = past, token_sequence[s] =
//   outputs[s] = s; along every axis of positions that step's is one more, the same for all
//   header: tokens = outputs = sequences, longest_new = 1, longest_total = max(past) + 1, ring + 1
// One workgroup. Cost: 72 bytes a sequence.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"
#include "sampler.glsl"

layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint sequences, ends, axes, stride; } push; // of the bucket
layout(binding = 0) buffer Header { uint header[]; };                          // [16] step header
layout(binding = 1) buffer Sequences { uint sequences[]; };                    // [S, 8]
layout(binding = 2) buffer Ids { uint ids[]; };                                // [T]
layout(binding = 3) buffer Positions { uint positions[]; };                    // [1 + axes, T]
layout(binding = 4) writeonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 5) writeonly buffer Outputs { uint outputs[]; };              // [O]
layout(binding = 6) readonly buffer Settings { uint settings[]; };             // [slots, 16] SamplerRow
layout(binding = 7) readonly buffer Ends { uint ends[]; };                     // [E]

shared uint sh_longest, sh_stays[64];

bool ends_with(uint id, uint slot) {
    if (id == SAMPLER_NO_TOKEN) return true;
    if (push.ends == 0u || (settings[slot * SAMPLER_STRIDE + SAMPLER_FLAGS] & SAMPLER_STOPS) == 0u) return false;
    for (uint e = 0u; e < push.ends; ++e)
        if (ends[e] == id) return true;
    return false;
}

void main() {
    uint lane = gl_LocalInvocationID.x, count = min(header[STEP_SEQUENCES], push.sequences), kept = 0u;
    if (lane == 0u) sh_longest = 0u;
    // 64 sequences at a time: what one round writes lies before what the next one reads.
    for (uint first = 0u; first < count; first += 64u) {
        uint s = first + lane, from = min(s, count - 1u) * SEQ_STRIDE, id = ids[min(s, count - 1u)];
        uint slot = sequences[from + SEQ_SLOT], write = sequences[from + SEQ_WRITE];
        uint past = sequences[from + SEQ_PAST] + sequences[from + SEQ_COUNT],
             length = sequences[from + SEQ_LENGTH], memory = sequences[from + SEQ_MEMORY];
        uint turn = push.axes == 0u ? 0u : positions[push.stride + min(s, count - 1u)] + 1u;
        sh_stays[lane] = s < count && !ends_with(id, slot) ? 1u : 0u;
        memoryBarrierBuffer(); // all have read their rows before any is written
        barrier();
        uint to = kept;
        for (uint l = 0u; l < lane; ++l) to += sh_stays[l];
        if (sh_stays[lane] == 1u) {
            uint row = to * SEQ_STRIDE;
            sequences[row + SEQ_SLOT] = slot;
            sequences[row + SEQ_READ] = write;
            sequences[row + SEQ_WRITE] = write;
            sequences[row + SEQ_PAST] = past;
            sequences[row + SEQ_COUNT] = 1u;
            sequences[row + SEQ_FIRST] = to;
            sequences[row + SEQ_LENGTH] = max(length, past + 1u);
            sequences[row + SEQ_MEMORY] = memory;
            ids[to] = id;
            positions[to] = past;
            for (uint a = 1u; a <= push.axes; ++a) positions[a * push.stride + to] = turn;
            token_sequence[to] = to;
            outputs[to] = to;
            atomicMax(sh_longest, past + 1u); // a maximum does not depend on the order
        }
        for (uint l = 0u; l < 64u; ++l) kept += sh_stays[l];
        memoryBarrierBuffer();
        barrier();
    }
    for (uint s = kept + lane; s < count; s += 64u) sequences[s * SEQ_STRIDE + SEQ_COUNT] = 0u;
    if (lane == 0u) {
        header[STEP_TOKENS] = kept;
        header[STEP_SEQUENCES] = kept;
        header[STEP_OUTPUTS] = kept;
        header[STEP_LONGEST_NEW] = min(kept, 1u);
        header[STEP_LONGEST_TOTAL] = sh_longest;
        header[STEP_RING] += 1u;
    }
}
