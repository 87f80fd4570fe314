// SPDX-License-Identifier: Apache-2.0
// The constant state of a sequence none of whose rows were chosen, where the step writes it elsewhere than it reads it:
// it stays as it is.
//   state[write, :] = state[read, :]  where read != write, and inverse = NONE for all of the sequence's rows
// Workgroups along y take a sequence each, those along x stride over its words. Cost: 8 bytes a word.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;

layout(push_constant) uniform Push { uint words; } push;             // of a state
layout(binding = 0) readonly buffer Sequences { uint sequences[]; }; // [S, 8]
layout(binding = 1) readonly buffer Inverse { uint inverse[]; };     // [T]: where a row was put, or NONE
layout(binding = 2) buffer State { uint state[]; };                  // [rows, words]

void main() {
    uint row = gl_WorkGroupID.y * SEQ_STRIDE, first = sequences[row + SEQ_FIRST], count = sequences[row + SEQ_COUNT],
         read = sequences[row + SEQ_READ], write = sequences[row + SEQ_WRITE];
    if (read == write || count == 0u) return;
    for (uint i = 0u; i < count; ++i)
        if (inverse[first + i] != 0xffffffffu) return;
    for (uint w = gl_GlobalInvocationID.x; w < push.words; w += gl_NumWorkGroups.x * LOCAL)
        state[write * push.words + w] = state[read * push.words + w];
}
