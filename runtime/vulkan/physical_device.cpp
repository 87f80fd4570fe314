// SPDX-License-Identifier: Apache-2.0
#include "vulkan/physical_device.hpp"
#include "vulkan/quirks.hpp"
#include <algorithm>
#include <cstring>

namespace weft::detail::vk {
namespace {

constexpr uint32_t kApiVersion = VK_API_VERSION_1_1;

// Of a device that lacks a part of Vulkan: must be enabled where it is offered. Its header is one of betas.
constexpr const char* kPortabilitySubset = "VK_KHR_portability_subset";

const char* type_name(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "CPU";
    default: return "other";
    }
}

std::vector<VkQueueFamilyProperties> queue_families(const Instance& instance, VkPhysicalDevice physical) {
    uint32_t count = 0;
    instance.fn().vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    instance.fn().vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
    return families;
}

} // namespace

FeatureChain::FeatureChain(const std::vector<VkExtensionProperties>& offered, uint32_t api, bool reports) {
    has_dot = api >= VK_API_VERSION_1_3 || offers(offered, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    has_lanes = api >= VK_API_VERSION_1_3 || offers(offered, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    has_report = reports && offers(offered, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
    void** next = &core.pNext;
    const auto chain = [&](auto& features) {
        *next = &features;
        next = &features.pNext;
    };
    if (has_dot) chain(dot);
    if (has_lanes) chain(lanes);
    if (has_report) chain(report);
    if (has_dot && api < VK_API_VERSION_1_3) extensions.push_back(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    if (has_lanes && api < VK_API_VERSION_1_3) extensions.push_back(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    if (has_report) extensions.push_back(VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
    if (offers(offered, kPortabilitySubset)) extensions.push_back(kPortabilitySubset);
}

std::vector<VkExtensionProperties> device_extensions(const Instance& instance, VkPhysicalDevice physical) {
    uint32_t count = 0;
    instance.fn().vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> list(count);
    instance.fn().vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, list.data());
    list.resize(count);
    return list;
}

int compute_family(const Instance& instance, VkPhysicalDevice physical) {
    const auto families = queue_families(instance, physical);
    for (size_t i = 0; i < families.size(); ++i)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) return int(i);
    return -1;
}

MemoryLayout memory_of(const Instance& instance, VkPhysicalDevice physical, bool budgets) {
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 memory{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    if (budgets) memory.pNext = &budget;
    instance.fn().vkGetPhysicalDeviceMemoryProperties2(physical, &memory);
    return MemoryLayout::of(memory.memoryProperties, budgets ? &budget : nullptr);
}

DeviceSummary summarize(const Instance& instance, VkPhysicalDevice physical, uint32_t family) {
    DeviceSummary s;
    VkPhysicalDeviceDriverProperties driver{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceMaintenance3Properties maintenance{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
    VkPhysicalDeviceShaderIntegerDotProductProperties dot{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, &maintenance};
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT lanes{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT};
    VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &subgroup};
    VkPhysicalDeviceProperties plain;
    instance.fn().vkGetPhysicalDeviceProperties(physical, &plain);
    s.name = plain.deviceName;
    s.type = type_name(plain.deviceType);
    s.vendor = plain.vendorID;
    s.api_version = plain.apiVersion;
    s.driver_version = plain.driverVersion;
    if (plain.apiVersion < kApiVersion) {
        s.reasons.push_back("it offers Vulkan " + std::to_string(VK_VERSION_MAJOR(plain.apiVersion)) + "." +
                            std::to_string(VK_VERSION_MINOR(plain.apiVersion)) + ", weft needs 1.1");
        return s;
    }
    const auto offered = device_extensions(instance, physical);
    if (plain.apiVersion >= VK_API_VERSION_1_2 || offers(offered, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME))
        maintenance.pNext = &driver;
    VkPhysicalDeviceMaintenance4Properties buffers{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES};
    buffers.maxBufferSize = ~0ull;
    if (plain.apiVersion >= VK_API_VERSION_1_3 || offers(offered, VK_KHR_MAINTENANCE_4_EXTENSION_NAME)) {
        buffers.pNext = properties.pNext;
        properties.pNext = &buffers;
    }
    FeatureChain chain(offered, plain.apiVersion);
    if (chain.has_dot) {
        dot.pNext = properties.pNext;
        properties.pNext = &dot;
    }
    if (chain.has_lanes) {
        lanes.pNext = properties.pNext;
        properties.pNext = &lanes;
    }
    instance.fn().vkGetPhysicalDeviceProperties2(physical, &properties);
    s.driver = std::string(driver.driverName) + (driver.driverInfo[0] ? " " : "") + driver.driverInfo;
    const VkPhysicalDeviceLimits& l = plain.limits;
    s.limits.storage_range = l.maxStorageBufferRange;
    // What a driver adds to a buffer's size must not go beyond it.
    constexpr uint64_t kPage = uint64_t(64) << 10;
    s.limits.allocation = std::min(maintenance.maxMemoryAllocationSize, buffers.maxBufferSize) / kPage * kPage;
    s.limits.invocations = l.maxComputeWorkGroupInvocations;
    s.limits.shared_bytes = l.maxComputeSharedMemorySize;
    std::copy(l.maxComputeWorkGroupCount, l.maxComputeWorkGroupCount + 3, s.limits.groups);
    std::copy(l.maxComputeWorkGroupSize, l.maxComputeWorkGroupSize + 3, s.limits.local);
    s.limits.subgroup_size = s.limits.subgroup_least = s.limits.subgroup_most = subgroup.subgroupSize;
    s.limits.storage_buffers = std::min(l.maxPerStageDescriptorStorageBuffers, l.maxDescriptorSetStorageBuffers);
    const auto families = queue_families(instance, physical);
    if (const uint32_t bits = family < families.size() ? families[family].timestampValidBits : 0; bits) {
        s.limits.timestamp_ns = l.timestampPeriod;
        s.limits.timestamp_mask = bits >= 64 ? ~0ull : (1ull << bits) - 1;
    }
    s.memory = memory_of(instance, physical, offers(offered, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME));
    s.memory_bytes = s.memory.local_bytes();

    instance.fn().vkGetPhysicalDeviceFeatures2(physical, &chain.core);
    s.features.set(Feature::integer_dot, chain.dot.shaderIntegerDotProduct);
    s.features.set(Feature::fast_integer_dot,
                   chain.dot.shaderIntegerDotProduct && dot.integerDotProduct4x8BitPackedSignedAccelerated);
    s.features.set(Feature::subgroup, (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) &&
                                          (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT));
    if (chain.lanes.subgroupSizeControl && chain.lanes.computeFullSubgroups &&
        (lanes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT)) {
        s.features.set(Feature::fixed_lanes);
        s.limits.subgroup_least = lanes.minSubgroupSize;
        s.limits.subgroup_most = lanes.maxSubgroupSize;
    }
    for (const Quirk& q : kQuirks)
        if (std::strstr(driver.driverName, q.driver_contains) && std::strstr(driver.driverInfo, q.info_contains) &&
            (q.subgroup_size == 0 || q.subgroup_size == s.limits.subgroup_size)) {
            s.features.set(q.off, false);
            s.quirks.push_back(q.why);
        }

    if (s.limits.storage_buffers < 8)
        s.reasons.push_back("a shader may use only " + std::to_string(s.limits.storage_buffers) +
                            " storage buffers, weft needs 8");
    return s;
}

Result<std::vector<DeviceSummary>> list_devices() {
    weft_ASSIGN(const auto instance, Instance::create(false));
    weft_ASSIGN(const auto devices, instance->physical_devices());
    std::vector<DeviceSummary> list;
    for (VkPhysicalDevice physical : devices) {
        const int family = compute_family(*instance, physical);
        list.push_back(summarize(*instance, physical, uint32_t(std::max(family, 0))));
        if (family < 0) list.back().reasons.push_back("it has no queue with compute");
    }
    return list;
}

} // namespace weft::detail::vk
