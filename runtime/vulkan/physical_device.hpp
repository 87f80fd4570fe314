// SPDX-License-Identifier: Apache-2.0
// L1: what a physical device is and can do.
#pragma once
#include "vulkan/features.hpp"
#include "vulkan/instance.hpp"
#include "vulkan/memory_layout.hpp"

namespace weft::detail::vk {

/// A device as `weft info` lists it. Unusable ones have reasons.
struct DeviceSummary {
    std::string name, type, driver;
    uint32_t api_version = 0, driver_version = 0;
    uint32_t vendor = 0;       ///< vendorID
    MemoryLayout memory;       ///< as it was when it was asked for
    uint64_t memory_bytes = 0; ///< the device's own
    FeatureSet features;
    Limits limits;
    std::vector<std::string> reasons; ///< why it cannot be used; empty: usable
    std::vector<std::string> quirks;  ///< in force: why features are left alone
};

/// Every Vulkan device of this machine, in the order `index` counts. Fails if there is no loader or no device.
Result<std::vector<DeviceSummary>> list_devices();

/// What `physical` is; computing on its queue family `family`.
DeviceSummary summarize(const Instance& instance, VkPhysicalDevice physical, uint32_t family);
/// The first queue family with compute, or -1.
int compute_family(const Instance& instance, VkPhysicalDevice physical);
/// Its memory as it stands; `budgets`: the driver has VK_EXT_memory_budget.
MemoryLayout memory_of(const Instance& instance, VkPhysicalDevice physical, bool budgets);
std::vector<VkExtensionProperties> device_extensions(const Instance& instance, VkPhysicalDevice physical);

/// Feature structures in one chain, so that the same code asks and enables. Points into itself: immovable.
struct FeatureChain {
    VkPhysicalDeviceFeatures2 core{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR report{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT lanes{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT};
    bool has_dot = false, has_lanes = false, has_report = false;
    std::vector<const char*> extensions; ///< that a device is made with

    /// `reports`: what compilers say of pipelines is asked for, too.
    FeatureChain(const std::vector<VkExtensionProperties>& offered, uint32_t api, bool reports = false);
    FeatureChain(const FeatureChain&) = delete;
    FeatureChain& operator=(const FeatureChain&) = delete;
};

} // namespace weft::detail::vk
