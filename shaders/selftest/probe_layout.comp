// SPDX-License-Identifier: Apache-2.0
// Where the threads of a workgroup lie in its subgroups, as the driver cuts them by itself.
#version 450
#extension GL_KHR_shader_subgroup_basic : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(binding = 0) writeonly buffer Y { uint y[]; }; // [threads, 3]: subgroup, lane, lanes of the subgroup

void main() {
    uint i = 3u * gl_LocalInvocationIndex;
    y[i] = gl_SubgroupID;
    y[i + 1u] = gl_SubgroupInvocationID;
    y[i + 2u] = gl_SubgroupSize;
}
