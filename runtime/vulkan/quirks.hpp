// SPDX-License-Identifier: Apache-2.0
// L1: driver quirks, one row each: which driver, what goes wrong, which test shows it, what is switched off.
#pragma once
#include "vulkan/features.hpp"
#include <cstring>
#include <string>
#include <string_view>

namespace weft::vk {

struct Quirk {
    const char* driver_contains; ///< part of VkPhysicalDeviceDriverProperties::driverName
    const char* info_contains;   ///< part of driverInfo; empty: every version
    uint32_t subgroup_size;      ///< only at this subgroup size; 0: every
    Feature off;
    const char* why;
};

inline constexpr Quirk kQuirks[] = {
    {"llvmpipe", "Mesa 26", 16, Feature::cooperative_matrix,
     "crashes in the driver with cooperative matrices at LP_NATIVE_VECTOR_WIDTH=512 (tests/drivers.sh exec sid@512)"},
};

} // namespace weft::vk
