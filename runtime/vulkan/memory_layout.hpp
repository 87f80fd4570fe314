// SPDX-License-Identifier: Apache-2.0
// L1: which memory a device has, how much of it is left, and which of it serves what.
#pragma once
#include "base/result.hpp"
#include "vulkan/api.hpp"
#include <cstdint>
#include <vector>

namespace weft::detail::vk {

enum class MemoryUse {
    device,   ///< weights, activations, states: fastest for shaders; mapped where the host sees all of it
    readback, ///< written by either side, read by the host: cached, where there is such memory
};

struct MemoryLayout {
    struct Heap {
        uint64_t size = 0;
        bool local = false;  ///< the device's own
        uint64_t budget = 0; ///< what this process may have of it; at most the size
        uint64_t used = 0;   ///< what it has

        uint64_t room() const { return budget > used ? budget - used : 0; }
    };
    struct Type {
        uint32_t heap = 0;
        bool visible = false, cached = false; ///< visible: to the host, and coherent
    };
    std::vector<Heap> heaps;
    std::vector<Type> types;
    bool budgeted = false; ///< the driver tells budgets and use; else a budget is the size, and nothing is used

    /// `budgets`: what VK_EXT_memory_budget tells; null: nothing.
    static MemoryLayout of(const VkPhysicalDeviceMemoryProperties& properties,
                           const VkPhysicalDeviceMemoryBudgetPropertiesEXT* budgets);

    /// True if the host sees the device's own memory, as on CPUs, integrated GPUs and cards with a resizable BAR: what
    /// it writes there needs no copy. A window into the memory of a card is not it.
    bool maps_local() const;
    /// The types among `allowed` (a bit each) that serve a use, the best first; with `map` those that the host sees
    /// come first, and for readback it must see them. For the device it is the device's own memory, where there is any.
    /// Types of heaps without room for `bytes` come last.
    std::vector<uint32_t> types_for(MemoryUse use, bool map, uint32_t allowed = ~0u, uint64_t bytes = 0) const;
    /// Whether the host had better read `bytes` where they are mapped than from a copy that the device makes for it:
    /// what it does not cache it reads a few bytes at a time.
    bool reads_in_place(bool mapped, bool cached, uint64_t bytes) const;
    /// Bytes of the device's own memory, in all of its heaps but windows: there are, and are left.
    uint64_t local_bytes() const;
    uint64_t local_room() const;
    /// `bytes` are nowhere to be had for `what` in memory of these types.
    Error no_room(const std::string& what, uint64_t bytes, const std::vector<uint32_t>& types) const;

private:
    uint64_t largest_local() const;
    bool own(const Heap& heap) const;
};

} // namespace weft::detail::vk
