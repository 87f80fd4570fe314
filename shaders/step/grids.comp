// SPDX-License-Identifier: Apache-2.0
// Computes the sizes of all indirect dispatches of a recording from the headers of its steps.
// One workgroup; each thread takes every 64th row. Cost: 64 bytes a row.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint rows; } push;
layout(binding = 0) readonly buffer Headers { uint headers[]; };      // [steps, 64] step headers
layout(binding = 1) readonly buffer Table { uint table[]; };          // [rows, 3, 4] vk::GridRow of each axis
layout(binding = 2) writeonly buffer Arguments { uint arguments[]; }; // [rows, 4] VkDispatchIndirectCommand, a spare

void main() {
    for (uint row = gl_LocalInvocationID.x; row < push.rows; row += 64u) {
        for (uint axis = 0u; axis < 3u; ++axis) {
            uint at = row * 12u + axis * 4u;
            uint per = table[at + 1u];
            uint wanted = table[at] * (per == 0u ? 1u : headers[per]);
            uint threads = (wanted + table[at + 2u] - 1u) / table[at + 2u];
            arguments[row * 4u + axis] = (threads + table[at + 3u] - 1u) / table[at + 3u];
        }
    }
}
