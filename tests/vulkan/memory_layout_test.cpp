// SPDX-License-Identifier: Apache-2.0
// Which memory serves what, of devices as their drivers describe them.
#include "vulkan/memory_layout.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace weft;
using namespace weft::detail;
using vk::MemoryLayout;
using vk::MemoryUse;

namespace {

constexpr uint64_t kMiB = uint64_t(1) << 20, kGiB = uint64_t(1) << 30;

MemoryLayout::Heap heap(uint64_t size, bool local) { return {size, local, size}; }

// Types as drivers list them: what has fewer properties first.
const MemoryLayout kCard{.heaps = {heap(24 * kGiB - 256 * kMiB, true), heap(32 * kGiB, false), heap(256 * kMiB, true)},
                         .types = {{0}, {1, true}, {1, true, true}, {2, true}}};
const MemoryLayout kResizableBar{.heaps = {heap(24 * kGiB, true), heap(32 * kGiB, false)},
                                 .types = {{0}, {1, true}, {0, true}, {1, true, true}}};
const MemoryLayout kTwoHeaps{.heaps = {heap(32 * kGiB, true), heap(16 * kGiB, false), heap(64 * kGiB, true)},
                             .types = {{0}, {1, true}, {2, true}, {1, true, true}}}; // Strix Halo
const MemoryLayout kIntegrated{.heaps = {heap(10 * kGiB, true)}, .types = {{0, true}, {0, true, true}}};
const MemoryLayout kCpu{.heaps = {heap(16 * kGiB, true)}, .types = {{0, true, true}}};

} // namespace

TEST_CASE("device memory is mapped where the host sees nearly all of it, not through a window", "[vulkan]") {
    CHECK_FALSE(kCard.maps_local());
    CHECK(kResizableBar.maps_local());
    CHECK(kTwoHeaps.maps_local());
    CHECK(kIntegrated.maps_local());
    CHECK(kCpu.maps_local());
    MemoryLayout part = kResizableBar; // visible in a heap of its own
    part.heaps.push_back(heap(18 * kGiB, true));
    part.types[2].heap = 2;
    CHECK(part.maps_local());
    --part.heaps[2].size;
    CHECK_FALSE(part.maps_local());
}

TEST_CASE("shaders get the device's own memory, and what the host reads is cached where it can be", "[vulkan]") {
    const auto best = [](const MemoryLayout& layout, MemoryUse use) {
        return layout.types_for(use, use != MemoryUse::device || layout.maps_local()).at(0);
    };
    CHECK(best(kCard, MemoryUse::device) == 0);
    CHECK(best(kCard, MemoryUse::readback) == 2);
    CHECK(best(kResizableBar, MemoryUse::device) == 2);
    CHECK(best(kResizableBar, MemoryUse::readback) == 3);
    CHECK(best(kTwoHeaps, MemoryUse::device) == 2);
    CHECK(best(kTwoHeaps, MemoryUse::readback) == 3);
    CHECK(best(kIntegrated, MemoryUse::device) == 0);
    CHECK(best(kIntegrated, MemoryUse::readback) == 1);
    CHECK(best(kCpu, MemoryUse::device) == 0);
    CHECK(best(kCpu, MemoryUse::readback) == 0);
    CHECK(kResizableBar.types_for(MemoryUse::device, true, 0b1001).at(0) == 0); // what a buffer may lie in
    CHECK(kCard.types_for(MemoryUse::readback, true, 0b0001).empty());
}

TEST_CASE("all heaps of the device's own are used, the one that the host sees first; a window is none", "[vulkan]") {
    using List = std::vector<uint32_t>;
    CHECK(kTwoHeaps.types_for(MemoryUse::device, true) == List{2, 0});
    CHECK(kTwoHeaps.local_bytes() == 96 * kGiB);
    MemoryLayout full = kTwoHeaps;
    full.heaps[2].used = 63 * kGiB;
    CHECK(full.types_for(MemoryUse::device, true, ~0u, kGiB) == List{2, 0});
    CHECK(full.types_for(MemoryUse::device, true, ~0u, kGiB + 1) == List{0, 2});
    CHECK(kCard.types_for(MemoryUse::device, false) == List{0});
    CHECK(kCard.local_bytes() == 24 * kGiB - 256 * kMiB);
    CHECK(kCpu.local_bytes() == 16 * kGiB);
    CHECK(kIntegrated.types_for(MemoryUse::device, true) == List{0}); // a heap once
}

TEST_CASE("a heap has room for what its budget leaves, and who finds none is told of each heap", "[vulkan]") {
    VkPhysicalDeviceMemoryProperties properties{};
    properties.memoryHeapCount = 2;
    properties.memoryHeaps[0] = {8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
    properties.memoryHeaps[1] = {4 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
    properties.memoryTypeCount = 2;
    properties.memoryTypes[0] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
    properties.memoryTypes[1] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, 1};
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budgets{};
    budgets.heapBudget[0] = 6 * kGiB;
    budgets.heapUsage[0] = 5 * kGiB;
    budgets.heapBudget[1] = 9 * kGiB; // more than there is
    budgets.heapUsage[1] = 10 * kGiB;
    const MemoryLayout told = MemoryLayout::of(properties, &budgets), silent = MemoryLayout::of(properties, nullptr);
    CHECK(told.heaps[0].room() == kGiB);
    CHECK(told.heaps[1].budget == 4 * kGiB);
    CHECK(told.heaps[1].room() == 0);
    CHECK(told.local_room() == kGiB);
    CHECK(silent.local_room() == 12 * kGiB);
    CHECK_FALSE(told.types[1].visible); // not coherent
    const Error error = told.no_room("weights", 2 * kGiB, {0});
    CHECK(error.code == ErrorCode::out_of_memory);
    CHECK(error.message.find("weights needs 2048 MiB") != std::string::npos);
    REQUIRE(error.reasons.size() == 1); // of the heaps that could have served
    CHECK(error.reasons[0] == "heap 0 has 8192 MiB, of its budget of 6144 MiB are left 1024 MiB");
}

TEST_CASE("the host reads little, and what it caches, where it lies; other memory through a copy", "[vulkan]") {
    constexpr uint64_t kFew = 16 * 1024;
    for (const MemoryLayout* layout : {&kIntegrated, &kResizableBar}) { // of a type that is cached, and one that is not
        CHECK(layout->reads_in_place(true, true, kGiB));
        CHECK(layout->reads_in_place(true, false, kFew - 4));
        CHECK_FALSE(layout->reads_in_place(true, false, kFew));
        CHECK_FALSE(layout->reads_in_place(false, false, 4));
    }
    MemoryLayout uncached = kIntegrated; // a copy would be read as slowly
    uncached.types.pop_back();
    CHECK(uncached.reads_in_place(true, false, kGiB));
}
