// SPDX-License-Identifier: Apache-2.0
// L1: driver quirks, one row each: which driver, what goes wrong, which test shows it, what is switched off.
#pragma once
#include "vulkan/features.hpp"
#include <array>

namespace weft::detail::vk {

struct Quirk {
    const char* driver_contains; ///< part of VkPhysicalDeviceDriverProperties::driverName
    const char* info_contains;   ///< part of driverInfo; empty: every version
    uint32_t subgroup_size;      ///< only at this subgroup size; 0: every
    Feature off;
    const char* why;
};

// tests/gpus.sh exec g610 (Mesa 26.2.6), llama-8b of tools/configs: attention_decode.subgroup_half has 47 spills,
// core_half with the same constants none. tests/gpus/g610.json has what is chosen since.
inline constexpr std::array kQuirks{
    Quirk{"panvk", "", 0, Feature::subgroup, "panvk makes a loop over all lanes of every shuffle, and registers spill"},
};

} // namespace weft::detail::vk
