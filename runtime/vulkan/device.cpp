// SPDX-License-Identifier: Apache-2.0
#include "vulkan/device.hpp"
#include "base/check.hpp"
#include "vulkan/pipelines.hpp"
#include "vulkan/quirks.hpp"
#include <algorithm>
#include <cstring>

namespace weft::vk {
namespace {

constexpr uint32_t kApiVersion = VK_API_VERSION_1_1;

bool contains(const std::vector<VkExtensionProperties>& list, const char* name) {
    return std::any_of(list.begin(), list.end(), [&](const auto& e) { return std::strcmp(e.extensionName, name) == 0; });
}

std::vector<VkExtensionProperties> device_extensions(VkPhysicalDevice physical) {
    uint32_t count = 0;
    vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> list(count);
    vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, list.data());
    list.resize(count);
    return list;
}

// Feature structures in one chain, so that the same code asks and enables.
struct FeatureChain {
    VkPhysicalDeviceFeatures2 core{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkPhysicalDevice16BitStorageFeatures storage16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    VkPhysicalDeviceShaderFloat16Int8Features float16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
    bool has_float16 = false, has_dot = false;

    explicit FeatureChain(const std::vector<VkExtensionProperties>& extensions, uint32_t api) {
        has_float16 = api >= VK_API_VERSION_1_2 || contains(extensions, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
        has_dot = api >= VK_API_VERSION_1_3 || contains(extensions, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
        core.pNext = &storage16;
        void** next = &storage16.pNext;
        if (has_float16) {
            *next = &float16;
            next = &float16.pNext;
        }
        if (has_dot) *next = &dot;
    }
};

const char* type_name(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "CPU";
    default: return "other";
    }
}

int compute_family(VkPhysicalDevice physical) {
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
    for (uint32_t i = 0; i < count; ++i)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) return int(i);
    return -1;
}

DeviceSummary summarize(VkPhysicalDevice physical, uint32_t family) {
    DeviceSummary s;
    VkPhysicalDeviceDriverProperties driver{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceMaintenance3Properties maintenance{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, &maintenance};
    VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &subgroup};
    VkPhysicalDeviceProperties plain;
    vkGetPhysicalDeviceProperties(physical, &plain);
    s.name = plain.deviceName;
    s.type = type_name(plain.deviceType);
    s.api_version = plain.apiVersion;
    s.driver_version = plain.driverVersion;
    if (plain.apiVersion < kApiVersion) {
        s.reasons.push_back("it offers Vulkan " + std::to_string(VK_VERSION_MAJOR(plain.apiVersion)) + "." + std::to_string(VK_VERSION_MINOR(plain.apiVersion)) + ", weft needs 1.1");
        return s;
    }
    const auto extensions = device_extensions(physical);
    if (plain.apiVersion >= VK_API_VERSION_1_2 || contains(extensions, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME)) maintenance.pNext = &driver;
    vkGetPhysicalDeviceProperties2(physical, &properties);
    s.driver = std::string(driver.driverName) + (driver.driverInfo[0] ? " " : "") + driver.driverInfo;
    const VkPhysicalDeviceLimits& l = plain.limits;
    s.limits.storage_range = l.maxStorageBufferRange;
    s.limits.allocation = maintenance.maxMemoryAllocationSize;
    s.limits.invocations = l.maxComputeWorkGroupInvocations;
    s.limits.shared_bytes = l.maxComputeSharedMemorySize;
    std::copy(l.maxComputeWorkGroupCount, l.maxComputeWorkGroupCount + 3, s.limits.groups);
    s.limits.subgroup_size = subgroup.subgroupSize;
    s.limits.storage_buffers = std::min(l.maxPerStageDescriptorStorageBuffers, l.maxDescriptorSetStorageBuffers);
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
    if (family < count && families[family].timestampValidBits) s.limits.timestamp_ns = l.timestampPeriod;
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
        if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) s.memory_bytes = std::max(s.memory_bytes, memory.memoryHeaps[i].size);

    FeatureChain chain(extensions, plain.apiVersion);
    vkGetPhysicalDeviceFeatures2(physical, &chain.core);
    s.features.set(Feature::float16, chain.float16.shaderFloat16 && chain.storage16.storageBuffer16BitAccess);
    s.features.set(Feature::integer_dot, chain.dot.shaderIntegerDotProduct);
    constexpr VkSubgroupFeatureFlags wanted = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT | VK_SUBGROUP_FEATURE_BALLOT_BIT;
    s.features.set(Feature::subgroup, (subgroup.supportedOperations & wanted) == wanted && (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT));
    for (const Quirk& q : kQuirks)
        if (std::strstr(driver.driverName, q.driver_contains) && std::strstr(driver.driverInfo, q.info_contains) && (q.subgroup_size == 0 || q.subgroup_size == s.limits.subgroup_size))
            s.features.set(q.off, false);

    if (s.limits.storage_buffers < 8) s.reasons.push_back("a shader may use only " + std::to_string(s.limits.storage_buffers) + " storage buffers, weft needs 8");
    return s;
}

Result<std::vector<VkPhysicalDevice>> physical_devices(VkInstance instance) {
    uint32_t count = 0;
    weft_TRY(check(vkEnumeratePhysicalDevices(instance, &count, nullptr), "vkEnumeratePhysicalDevices", "the instance"));
    std::vector<VkPhysicalDevice> devices(count);
    weft_TRY(check(vkEnumeratePhysicalDevices(instance, &count, devices.data()), "vkEnumeratePhysicalDevices", "the instance"));
    if (count == 0) return Error{ErrorCode::not_found, "no Vulkan device: the loader found no driver. Install your GPU's driver, or a software one (Debian: mesa-vulkan-drivers)", {}};
    const auto rank = [](VkPhysicalDevice d) {
        VkPhysicalDeviceProperties p;
        vkGetPhysicalDeviceProperties(d, &p);
        return p.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU ? 0 : p.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ? 1 : p.deviceType == VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU ? 2 : 3;
    };
    std::stable_sort(devices.begin(), devices.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
    return devices;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT, const VkDebugUtilsMessengerCallbackDataEXT* data, void* device) {
    static_cast<Device*>(device)->add_validation_message(data->pMessage ? data->pMessage : "(no text)");
    return VK_FALSE;
}

Result<VkInstance> make_instance(bool validation, bool& debug_utils) {
    if (volkInitialize() != VK_SUCCESS)
        return Error{ErrorCode::not_found, "no Vulkan loader (libvulkan.so.1) on this machine: install it (Debian: libvulkan1) together with a driver", {}};
    VkApplicationInfo app{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    app.pEngineName = "weft";
    app.apiVersion = VK_API_VERSION_1_3; // the highest we know; devices of 1.1 stay usable
    uint32_t count = 0;
    vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> extensions(count);
    vkEnumerateInstanceExtensionProperties(nullptr, &count, extensions.data());
    debug_utils = contains(extensions, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    std::vector<const char*> enabled, layers;
    if (debug_utils) enabled.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    const VkValidationFeatureEnableEXT synchronization = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
    features.enabledValidationFeatureCount = 1;
    features.pEnabledValidationFeatures = &synchronization;
    if (validation) {
        constexpr const char* layer = "VK_LAYER_KHRONOS_validation";
        vkEnumerateInstanceLayerProperties(&count, nullptr);
        std::vector<VkLayerProperties> available(count);
        vkEnumerateInstanceLayerProperties(&count, available.data());
        if (std::none_of(available.begin(), available.end(), [&](const auto& l) { return std::strcmp(l.layerName, layer) == 0; }))
            return Error{ErrorCode::unsupported, std::string("validation was asked for, but the layer ") + layer + " is not installed (Debian: vulkan-validationlayers)", {}};
        layers.push_back(layer);
        info.pNext = &features;
    }
    info.pApplicationInfo = &app;
    info.enabledExtensionCount = uint32_t(enabled.size());
    info.ppEnabledExtensionNames = enabled.data();
    info.enabledLayerCount = uint32_t(layers.size());
    info.ppEnabledLayerNames = layers.data();
    VkInstance instance = VK_NULL_HANDLE;
    const VkResult result = vkCreateInstance(&info, nullptr, &instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return Error{ErrorCode::not_found, "no Vulkan driver: vkCreateInstance says VK_ERROR_INCOMPATIBLE_DRIVER. Install your GPU's driver, or a software one (Debian: mesa-vulkan-drivers)", {}};
    weft_TRY(check(result, "vkCreateInstance", "weft's instance"));
    return instance;
}

} // namespace

Result<std::vector<DeviceSummary>> list_devices() {
    bool debug_utils = false;
    weft_ASSIGN(const VkInstance instance, make_instance(false, debug_utils));
    volkLoadInstanceOnly(instance);
    auto devices = physical_devices(instance);
    std::vector<DeviceSummary> list;
    if (devices)
        for (VkPhysicalDevice physical : *devices) {
            const int family = compute_family(physical);
            list.push_back(summarize(physical, uint32_t(std::max(family, 0))));
            if (family < 0) list.back().reasons.push_back("it has no queue with compute");
        }
    vkDestroyInstance(instance, nullptr);
    if (!devices) return std::move(devices).error();
    return list;
}

Result<std::unique_ptr<Device>> Device::create(const DeviceOptions& options) {
    std::unique_ptr<Device> device(new Device);
    device->owns_ = true;
    bool debug_utils = false;
    weft_ASSIGN(device->instance_, make_instance(options.validation, debug_utils));
    volkLoadInstanceOnly(device->instance_);
    if (options.validation && debug_utils) {
        VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
        info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
        info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
        info.pfnUserCallback = on_message;
        info.pUserData = device.get();
        weft_TRY(check(vkCreateDebugUtilsMessengerEXT(device->instance_, &info, nullptr, &device->messenger_), "vkCreateDebugUtilsMessengerEXT", "the validation messages"));
    }
    weft_TRY(device->pick_and_create(options));
    weft_TRY(device->finish(options));
    return device;
}

Status Device::pick_and_create(const DeviceOptions& options) {
    weft_ASSIGN(const auto devices, physical_devices(instance_));
    if (options.index >= int(devices.size()))
        return Error{ErrorCode::invalid_argument, "device " + std::to_string(options.index) + " was asked for, but there are " + std::to_string(devices.size()) + " (counted from 0; `weft info` lists them)", {}};
    std::vector<std::string> reasons;
    for (size_t i = 0; i < devices.size() && !physical_; ++i) {
        if (options.index >= 0 && int(i) != options.index) continue;
        const int family = compute_family(devices[i]);
        DeviceSummary s = summarize(devices[i], uint32_t(std::max(family, 0)));
        if (family < 0) s.reasons.push_back("it has no queue with compute");
        for (const auto& reason : s.reasons) reasons.push_back(s.name + ": " + reason);
        if (!s.reasons.empty()) continue;
        physical_ = devices[i];
        queue_family_ = uint32_t(family);
        summary_ = s;
    }
    if (!physical_) return Error{ErrorCode::unsupported, "no usable Vulkan device", reasons};

    const auto extensions = device_extensions(physical_);
    FeatureChain chain(extensions, summary_.api_version);
    vkGetPhysicalDeviceFeatures2(physical_, &chain.core);
    chain.core.features = {}; // nothing of the core features is needed
    std::vector<const char*> enabled;
    if (summary_.api_version < VK_API_VERSION_1_2 && chain.has_float16) enabled.push_back(VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
    if (summary_.api_version < VK_API_VERSION_1_3 && chain.has_dot) enabled.push_back(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    const float priority = 1.0f;
    VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queue.queueFamilyIndex = queue_family_;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &chain.core};
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queue;
    info.enabledExtensionCount = uint32_t(enabled.size());
    info.ppEnabledExtensionNames = enabled.data();
    weft_TRY(check(vkCreateDevice(physical_, &info, nullptr, &device_), "vkCreateDevice", summary_.name));
    volkLoadDeviceTable(&fn_, device_);
    fn_.vkGetDeviceQueue(device_, queue_family_, 0, &queue_);
    queue_mutex_ = &own_queue_mutex_;
    return Ok{};
}

Result<std::unique_ptr<Device>> Device::adopt(const AdoptedDevice& host, const DeviceOptions& options) {
    if (!host.get_instance_proc_addr || !host.instance || !host.physical || !host.device || !host.queue)
        return Error{ErrorCode::invalid_argument, "an adopted device needs get_instance_proc_addr, instance, physical, device and queue", {}};
    std::unique_ptr<Device> device(new Device);
    volkInitializeCustom(host.get_instance_proc_addr);
    volkLoadInstanceOnly(host.instance);
    device->instance_ = host.instance;
    device->physical_ = host.physical;
    device->device_ = host.device;
    device->queue_ = host.queue;
    device->queue_family_ = host.queue_family;
    device->queue_mutex_ = host.queue_mutex ? host.queue_mutex : &device->own_queue_mutex_;
    volkLoadDeviceTable(&device->fn_, host.device);
    device->summary_ = summarize(host.physical, host.queue_family);
    device->summary_.features.bits &= host.features.bits;
    if (!device->summary_.reasons.empty()) return Error{ErrorCode::unsupported, "the adopted device cannot be used", device->summary_.reasons};
    weft_TRY(device->finish(options));
    return device;
}

Status Device::finish(const DeviceOptions& options) {
    options_ = options;
    summary_.features = summary_.features.without(options.disabled);
    vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);
    // A small host-visible window into VRAM (a BAR) is not unified memory: its heap is smaller than the device's.
    const int best = memory_type(~0u, true, true, false);
    if (best >= 0) {
        const auto& type = memory_.memoryTypes[best];
        unified_memory_ = (type.propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) && memory_.memoryHeaps[type.heapIndex].size >= summary_.memory_bytes && (summary_.type == "CPU" || summary_.type == "integrated");
    }
    pipelines_ = std::make_unique<Pipelines>(*this);
    return Ok{};
}

Device::~Device() {
    if (device_ && fn_.vkDeviceWaitIdle) {
        std::lock_guard lock(*queue_mutex_);
        fn_.vkDeviceWaitIdle(device_);
    }
    pipelines_.reset();
    if (!owns_) return;
    if (device_) fn_.vkDestroyDevice(device_, nullptr);
    if (messenger_) vkDestroyDebugUtilsMessengerEXT(instance_, messenger_, nullptr);
    if (instance_) vkDestroyInstance(instance_, nullptr);
}

int Device::memory_type(uint32_t allowed_bits, bool local, bool visible, bool cached) const {
    int best = -1, best_score = -1;
    for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
        const VkMemoryPropertyFlags flags = memory_.memoryTypes[i].propertyFlags;
        if (!(allowed_bits >> i & 1)) continue;
        constexpr VkMemoryPropertyFlags mapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        if (visible && (flags & mapped) != mapped) continue;
        const int score = (local == bool(flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)) * 2 + (cached == bool(flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT));
        if (score > best_score) best = int(i), best_score = score;
    }
    return best;
}

Status Device::submit(std::span<const VkCommandBuffer> commands, VkFence fence) const {
    VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    info.commandBufferCount = uint32_t(commands.size());
    info.pCommandBuffers = commands.data();
    std::lock_guard lock(*queue_mutex_);
    return check(fn_.vkQueueSubmit(queue_, 1, &info, fence), "vkQueueSubmit", summary_.name);
}

Status Device::run(std::span<const VkCommandBuffer> commands) const {
    VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence = VK_NULL_HANDLE;
    weft_TRY(check(fn_.vkCreateFence(device_, &info, nullptr, &fence), "vkCreateFence", summary_.name));
    Status status = submit(commands, fence);
    if (status) status = check(fn_.vkWaitForFences(device_, 1, &fence, VK_TRUE, UINT64_MAX), "vkWaitForFences", summary_.name);
    fn_.vkDestroyFence(device_, fence, nullptr);
    return status;
}

Status Device::take(uint64_t bytes, const std::string& what) const {
    const uint64_t before = used_.fetch_add(bytes);
    if (options_.memory_limit && before + bytes > options_.memory_limit) {
        used_ -= bytes;
        return Error{ErrorCode::out_of_memory, what + " needs " + std::to_string(bytes >> 20) + " MiB, but of the budget of " + std::to_string(options_.memory_limit >> 20) + " MiB only " + std::to_string((options_.memory_limit - std::min(before, options_.memory_limit)) >> 20) + " MiB are left", {}};
    }
    return Ok{};
}

void Device::set_name(VkObjectType type, uint64_t object, const std::string& name) const {
    if (!messenger_ || !vkSetDebugUtilsObjectNameEXT) return;
    VkDebugUtilsObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT};
    info.objectType = type;
    info.objectHandle = object;
    info.pObjectName = name.c_str();
    vkSetDebugUtilsObjectNameEXT(device_, &info);
}

std::vector<std::string> Device::validation_messages() const {
    std::lock_guard lock(messages_mutex_);
    return messages_;
}

void Device::add_validation_message(std::string text) {
    std::lock_guard lock(messages_mutex_);
    messages_.push_back(std::move(text));
}

} // namespace weft::vk
