// SPDX-License-Identifier: Apache-2.0
// L1: Vulkan through volk, and the one place where a VkResult is judged.
#pragma once
#include "base/result.hpp"
#include <volk.h>

namespace weft::detail::vk {

/// The name of a VkResult, as in the specification.
const char* name_of(VkResult result);

/// Ok for VK_SUCCESS; otherwise an Error that names the call and the object, with the code a caller
/// can act on (out_of_memory, device_lost).
Status check(VkResult result, const char* call, const std::string& object);

} // namespace weft::detail::vk
