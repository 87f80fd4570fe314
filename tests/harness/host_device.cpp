// SPDX-License-Identifier: Apache-2.0
#include "harness/host_device.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <optional>

namespace weft::test {
using namespace detail;
namespace {

// Vulkan's functions have no argument for what a caller keeps.
struct {
    PFN_vkGetPhysicalDeviceProperties properties;
    PFN_vkGetDeviceProcAddr device_function;
    PFN_vkCreatePipelineCache create_cache;
    PFN_vkGetQueryPoolResults query_results;
    std::optional<VkPhysicalDeviceType> type;
    std::vector<size_t> caches;
    bool timestamps_come;
} between;

VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice physical, VkPhysicalDeviceProperties* to) {
    between.properties(physical, to);
    if (between.type) to->deviceType = *between.type;
}

VKAPI_ATTR VkResult VKAPI_CALL create_cache(VkDevice device, const VkPipelineCacheCreateInfo* info,
                                            const VkAllocationCallbacks* allocator, VkPipelineCache* cache) {
    between.caches.push_back(info->initialDataSize);
    return between.create_cache(device, info, allocator, cache);
}

VKAPI_ATTR VkResult VKAPI_CALL query_results(VkDevice device, VkQueryPool pool, uint32_t first, uint32_t count,
                                             size_t bytes, void* to, VkDeviceSize stride, VkQueryResultFlags flags) {
    if (between.timestamps_come) return between.query_results(device, pool, first, count, bytes, to, stride, flags);
    if (flags & VK_QUERY_RESULT_WAIT_BIT) FAIL("a driver would wait for ever");
    return VK_NOT_READY;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char* name) {
    const PFN_vkVoidFunction found = between.device_function(device, name);
    if (std::strcmp(name, "vkCreatePipelineCache") == 0) {
        between.create_cache = reinterpret_cast<PFN_vkCreatePipelineCache>(found);
        return reinterpret_cast<PFN_vkVoidFunction>(create_cache);
    }
    if (std::strcmp(name, "vkGetQueryPoolResults") == 0) {
        between.query_results = reinterpret_cast<PFN_vkGetQueryPoolResults>(found);
        return reinterpret_cast<PFN_vkVoidFunction>(query_results);
    }
    return found;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char* name) {
    const PFN_vkVoidFunction found = vkGetInstanceProcAddr(instance, name);
    if (std::strcmp(name, "vkGetPhysicalDeviceProperties") == 0) {
        between.properties = reinterpret_cast<PFN_vkGetPhysicalDeviceProperties>(found);
        return reinterpret_cast<PFN_vkVoidFunction>(properties);
    }
    if (std::strcmp(name, "vkGetDeviceProcAddr") == 0) {
        between.device_function = reinterpret_cast<PFN_vkGetDeviceProcAddr>(found);
        return reinterpret_cast<PFN_vkVoidFunction>(device_function);
    }
    return found;
}

template <class F>
F function(VkInstance instance, const char* name) {
    return reinterpret_cast<F>(vkGetInstanceProcAddr(instance, name));
}

} // namespace

HostDevice::HostDevice() {
    between = {.timestamps_come = true};
    if (volkInitialize() != VK_SUCCESS) SKIP("no Vulkan loader");
    VkApplicationInfo app{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    app.apiVersion = VK_API_VERSION_1_1;
    VkInstanceCreateInfo with{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    with.pApplicationInfo = &app;
    if (function<PFN_vkCreateInstance>(nullptr, "vkCreateInstance")(&with, nullptr, &host_.instance) != VK_SUCCESS)
        SKIP("no Vulkan driver");
    uint32_t one = 1;
    function<PFN_vkEnumeratePhysicalDevices>(host_.instance, "vkEnumeratePhysicalDevices")(host_.instance, &one,
                                                                                           &host_.physical);
    if (!host_.physical) SKIP("no Vulkan driver");
    const float priority = 1;
    VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    VkDeviceCreateInfo device{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
    device.queueCreateInfoCount = 1;
    device.pQueueCreateInfos = &queue;
    REQUIRE(function<PFN_vkCreateDevice>(host_.instance, "vkCreateDevice")(host_.physical, &device, nullptr,
                                                                           &host_.device) == VK_SUCCESS);
    function<PFN_vkGetDeviceQueue>(host_.instance, "vkGetDeviceQueue")(host_.device, 0, 0, &host_.queue);
    host_.get_instance_proc_addr = instance_function;
}

HostDevice::~HostDevice() {
    if (host_.device) function<PFN_vkDestroyDevice>(host_.instance, "vkDestroyDevice")(host_.device, nullptr);
    if (host_.instance) function<PFN_vkDestroyInstance>(host_.instance, "vkDestroyInstance")(host_.instance, nullptr);
}

void HostDevice::pretend(VkPhysicalDeviceType type) { between.type = type; }
void HostDevice::keep_timestamps() { between.timestamps_come = false; }
const std::vector<size_t>& HostDevice::caches() const { return between.caches; }

std::unique_ptr<vk::Device> HostDevice::adopt(const vk::DeviceOptions& options) {
    auto device = vk::Device::adopt(host_, options);
    INFO((device ? "" : device.error().text()));
    REQUIRE(device);
    return std::move(*device);
}

} // namespace weft::test
