// SPDX-License-Identifier: Apache-2.0
// L6: a device in public words.
#pragma once
#include "vulkan/features.hpp"
#include <weft/device.hpp>

namespace weft::detail {

inline DeviceFeatures features_of(vk::FeatureSet f) {
    return {f.has(vk::Feature::subgroup), f.has(vk::Feature::integer_dot), f.has(vk::Feature::fast_integer_dot),
            f.has(vk::Feature::fixed_lanes)};
}

} // namespace weft::detail
