// SPDX-License-Identifier: Apache-2.0
// L1: what a device can do, in the words kernels choose their variants by. Capability, never vendor.
#pragma once
#include <cstdint>
#include <string>

namespace weft::detail::vk {

enum class Feature : uint32_t {
    subgroup = 1 << 0,         ///< subgroup arithmetic, ballot and shuffle in compute
    integer_dot = 1 << 1,      ///< 4 x 8-bit integer dot product: the dot tier can run
    fast_integer_dot = 1 << 2, ///< the device has instructions for it: the dot tier is chosen
};

struct FeatureSet {
    uint32_t bits = 0;
    bool has(Feature f) const { return (bits & uint32_t(f)) != 0; }
    void set(Feature f, bool on = true) { bits = on ? bits | uint32_t(f) : bits & ~uint32_t(f); }
    FeatureSet without(FeatureSet other) const { return {bits & ~other.bits}; }
};

struct Limits {
    uint64_t storage_range = 0; ///< maxStorageBufferRange, bytes
    uint64_t allocation = 0;    ///< maxMemoryAllocationSize, bytes
    uint32_t invocations = 0;   ///< maxComputeWorkGroupInvocations
    uint32_t shared_bytes = 0;  ///< maxComputeSharedMemorySize
    uint32_t groups[3] = {};    ///< maxComputeWorkGroupCount
    uint32_t subgroup_size = 1;
    uint32_t subgroup_least = 1;  ///< lanes that a compiler may take instead; subgroup_size if the driver does not say
    uint32_t storage_buffers = 0; ///< maxPerStageDescriptorStorageBuffers
    double timestamp_ns = 0;      ///< nanoseconds a tick; 0: the queue has no timestamps
    uint64_t timestamp_mask = 0;  ///< the bits that a timestamp has
};

} // namespace weft::detail::vk
