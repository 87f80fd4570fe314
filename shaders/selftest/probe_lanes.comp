// SPDX-License-Identifier: Apache-2.0
// Shuffles between the lanes of a subgroup, and its size where it can be asked for.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#define SUBGROUP
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
#include "lane.glsl"
layout(push_constant) uniform Push { uint mask; } push;
layout(binding = 0) writeonly buffer Y { uint y[]; }; // [threads, 3]: lanes, what came from lane ^ mask, from lane 0

void main() {
    uint thread = lane_index(), i = 3u * thread;
    y[i] = gl_SubgroupSize;
    y[i + 1u] = subgroupShuffleXor(thread, push.mask);
    y[i + 2u] = subgroupShuffle(thread, 0u);
}
