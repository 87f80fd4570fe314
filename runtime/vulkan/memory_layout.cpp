// SPDX-License-Identifier: Apache-2.0
#include "vulkan/memory_layout.hpp"
#include <algorithm>

namespace weft::detail::vk {
namespace {

std::string mib(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

} // namespace

MemoryLayout MemoryLayout::of(const VkPhysicalDeviceMemoryProperties& properties,
                              const VkPhysicalDeviceMemoryBudgetPropertiesEXT* budgets) {
    MemoryLayout layout;
    layout.budgeted = budgets;
    for (uint32_t i = 0; i < properties.memoryHeapCount; ++i) {
        Heap heap{properties.memoryHeaps[i].size,
                  bool(properties.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT),
                  properties.memoryHeaps[i].size};
        if (budgets) {
            heap.budget = std::min(heap.size, budgets->heapBudget[i]); // some drivers tell more than there is
            heap.used = budgets->heapUsage[i];
        }
        layout.heaps.push_back(heap);
    }
    for (uint32_t i = 0; i < properties.memoryTypeCount; ++i) {
        constexpr VkMemoryPropertyFlags mapped =
            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        const VkMemoryPropertyFlags flags = properties.memoryTypes[i].propertyFlags;
        layout.types.push_back({properties.memoryTypes[i].heapIndex, (flags & mapped) == mapped,
                                bool(flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT)});
    }
    return layout;
}

uint64_t MemoryLayout::largest_local() const {
    uint64_t largest = 0;
    for (const Heap& heap : heaps)
        if (heap.local) largest = std::max(largest, heap.size);
    return largest;
}

// Of the device, and no window into another heap.
bool MemoryLayout::own(const Heap& heap) const { return heap.local && heap.size >= largest_local() / 4; }

uint64_t MemoryLayout::local_bytes() const {
    uint64_t bytes = 0;
    for (const Heap& heap : heaps) bytes += own(heap) ? heap.size : 0;
    return bytes;
}

uint64_t MemoryLayout::local_room() const {
    uint64_t bytes = 0;
    for (const Heap& heap : heaps) bytes += own(heap) ? heap.room() : 0;
    return bytes;
}

bool MemoryLayout::maps_local() const {
    const uint64_t largest = largest_local();
    return std::ranges::any_of(types, [&](const Type& type) {
        const Heap& heap = heaps[type.heap];
        return heap.local && type.visible && heap.size >= largest - largest / 4;
    });
}

std::vector<uint32_t> MemoryLayout::types_for(MemoryUse use, bool map, uint32_t allowed, uint64_t bytes) const {
    const bool device = use == MemoryUse::device;
    std::vector<uint32_t> list;
    for (uint32_t i = 0; i < types.size(); ++i)
        if ((allowed >> i & 1) && (device || types[i].visible)) list.push_back(i);
    const auto fits = [&](uint32_t i) { return own(heaps[types[i].heap]) == device; };
    // Whose memory it is counts more than that the host sees it, and both more than how: memory that the host caches is
    // the slower one for shaders.
    const auto score = [&](uint32_t i) {
        return fits(i) * 4 + (map && types[i].visible) * 2 + (types[i].cached != device);
    };
    std::ranges::stable_sort(list, std::ranges::greater{}, score);
    if (device && !list.empty() && fits(list[0])) std::erase_if(list, [&](uint32_t i) { return !fits(i); });
    // Where a heap gives nothing of one type it gives nothing of another; and types that need features come last.
    std::vector<uint32_t> once;
    for (const uint32_t i : list)
        if (std::ranges::none_of(once, [&](uint32_t other) { return types[other].heap == types[i].heap; }))
            once.push_back(i);
    std::ranges::stable_partition(once, [&](uint32_t i) { return heaps[types[i].heap].room() >= bytes; });
    return once;
}

bool MemoryLayout::reads_in_place(bool mapped, bool cached, uint64_t bytes) const {
    constexpr uint64_t kFew = uint64_t(16) << 10; // read while a submission is on its way
    if (!mapped) return false;
    const auto better = [](const Type& type) { return type.visible && type.cached; };
    return cached || bytes < kFew || std::ranges::none_of(types, better);
}

Error MemoryLayout::no_room(const std::string& what, uint64_t bytes, const std::vector<uint32_t>& allowed) const {
    Error error{ErrorCode::out_of_memory, what + " needs " + mib(bytes) + ", which the device does not have left", {}};
    for (uint32_t i = 0; i < heaps.size(); ++i)
        if (std::ranges::any_of(allowed, [&](uint32_t type) { return types[type].heap == i; }))
            error.reasons.push_back("heap " + std::to_string(i) + " has " + mib(heaps[i].size) + ", of its budget of " +
                                    mib(heaps[i].budget) + " are left " + mib(heaps[i].room()));
    return error;
}

} // namespace weft::detail::vk
