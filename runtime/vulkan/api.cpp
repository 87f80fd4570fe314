// SPDX-License-Identifier: Apache-2.0
#include "vulkan/api.hpp"

namespace weft::detail::vk {

const char* name_of(VkResult result) {
    switch (result) {
#define ROW(name)                                                                                                      \
    case name: return #name
        ROW(VK_SUCCESS);
        ROW(VK_NOT_READY);
        ROW(VK_TIMEOUT);
        ROW(VK_INCOMPLETE);
        ROW(VK_ERROR_OUT_OF_HOST_MEMORY);
        ROW(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        ROW(VK_ERROR_INITIALIZATION_FAILED);
        ROW(VK_ERROR_DEVICE_LOST);
        ROW(VK_ERROR_MEMORY_MAP_FAILED);
        ROW(VK_ERROR_LAYER_NOT_PRESENT);
        ROW(VK_ERROR_EXTENSION_NOT_PRESENT);
        ROW(VK_ERROR_FEATURE_NOT_PRESENT);
        ROW(VK_ERROR_INCOMPATIBLE_DRIVER);
        ROW(VK_ERROR_TOO_MANY_OBJECTS);
        ROW(VK_ERROR_FRAGMENTED_POOL);
        ROW(VK_ERROR_OUT_OF_POOL_MEMORY);
        ROW(VK_ERROR_UNKNOWN);
        ROW(VK_PIPELINE_COMPILE_REQUIRED);
#undef ROW
    default: return "an unlisted VkResult";
    }
}

Status check(VkResult result, const char* call, const std::string& object) {
    if (result == VK_SUCCESS) return Ok{};
    ErrorCode code = ErrorCode::internal;
    switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_MEMORY_MAP_FAILED: code = ErrorCode::out_of_memory; break;
    case VK_ERROR_DEVICE_LOST: code = ErrorCode::device_lost; break;
    case VK_ERROR_INCOMPATIBLE_DRIVER:
    case VK_ERROR_LAYER_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT: code = ErrorCode::unsupported; break;
    default: break;
    }
    return Error{code,
                 std::string(call) + " failed for " + object + ": " + name_of(result) +
                     (result < 0 ? "" : " (not an error code, but not success)"),
                 {}};
}

} // namespace weft::detail::vk
