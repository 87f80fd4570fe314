// SPDX-License-Identifier: Apache-2.0
// The thread's number in its workgroup of LOCAL threads along x. With SUBGROUP or BROADCAST neighbours in it are
// neighbours in a subgroup, which gl_LocalInvocationID does not promise; all subgroups are whole. No bindings.

uint lane_index() {
#if defined(SUBGROUP) || defined(BROADCAST)
    return gl_SubgroupID * (LOCAL / gl_NumSubgroups) + gl_SubgroupInvocationID;
#else
    return gl_LocalInvocationID.x;
#endif
}
