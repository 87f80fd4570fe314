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

/// None is known of what kernels use.
inline constexpr std::array<Quirk, 0> kQuirks{};

} // namespace weft::detail::vk
