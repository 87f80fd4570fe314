// SPDX-License-Identifier: Apache-2.0
#include "vulkan/instance.hpp"
#include <algorithm>
#include <cstring>

namespace weft::detail::vk {
namespace {

#if defined(_WIN32)
#define weft_LOADER "vulkan-1.dll"
#elif defined(__APPLE__)
#define weft_LOADER "libvulkan.dylib"
#else
#define weft_LOADER "libvulkan.so.1"
#endif

std::mutex loader; // volk's globals are written under it

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* instance) {
    static_cast<Instance*>(instance)->add_message(data->pMessage ? data->pMessage : "(no text)");
    return VK_FALSE;
}

Result<VkInstance> make_instance(bool validation) {
    if (volkInitialize() != VK_SUCCESS)
        return Error{ErrorCode::not_found,
                     "no Vulkan loader (" weft_LOADER
                     ") on this machine: install it (Debian: libvulkan1) together with a driver",
                     {}};
    VkApplicationInfo app{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    app.pEngineName = "weft";
    app.apiVersion = VK_API_VERSION_1_3; // the highest we know; devices of 1.1 stay usable
    uint32_t count = 0;
    vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> extensions(count);
    vkEnumerateInstanceExtensionProperties(nullptr, &count, extensions.data());
    const InstanceSettings settings = instance_settings(extensions);
    std::vector<const char*> layers;
    VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    info.flags = settings.flags;
    const VkValidationFeatureEnableEXT synchronization = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
    features.enabledValidationFeatureCount = 1;
    features.pEnabledValidationFeatures = &synchronization;
    if (validation) {
        constexpr const char* layer = "VK_LAYER_KHRONOS_validation";
        vkEnumerateInstanceLayerProperties(&count, nullptr);
        std::vector<VkLayerProperties> available(count);
        vkEnumerateInstanceLayerProperties(&count, available.data());
        if (std::none_of(available.begin(), available.end(),
                         [&](const auto& l) { return std::strcmp(l.layerName, layer) == 0; }))
            return Error{ErrorCode::unsupported,
                         std::string("validation was asked for, but the layer ") + layer +
                             " is not installed (Debian: vulkan-validationlayers)",
                         {}};
        layers.push_back(layer);
        info.pNext = &features;
    }
    info.pApplicationInfo = &app;
    info.enabledExtensionCount = uint32_t(settings.extensions.size());
    info.ppEnabledExtensionNames = settings.extensions.data();
    info.enabledLayerCount = uint32_t(layers.size());
    info.ppEnabledLayerNames = layers.data();
    VkInstance instance = VK_NULL_HANDLE;
    const VkResult result = vkCreateInstance(&info, nullptr, &instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return Error{ErrorCode::not_found,
                     "no Vulkan driver: vkCreateInstance says VK_ERROR_INCOMPATIBLE_DRIVER. Install your GPU's driver, "
                     "or a software one (Debian: mesa-vulkan-drivers)",
                     {}};
    weft_TRY(check(result, "vkCreateInstance", "weft's instance"));
    return instance;
}

} // namespace

bool offers(std::span<const VkExtensionProperties> list, const char* name) {
    return std::ranges::any_of(list, [&](const auto& e) { return std::strcmp(e.extensionName, name) == 0; });
}

InstanceSettings instance_settings(std::span<const VkExtensionProperties> offered) {
    InstanceSettings s;
    if (offers(offered, VK_EXT_DEBUG_UTILS_EXTENSION_NAME)) s.extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    if (offers(offered, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
        s.extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
        s.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    return s;
}

Result<std::unique_ptr<Instance>> Instance::create(bool validation) {
    std::unique_ptr<Instance> instance(new Instance);
    instance->owns_ = true;
    {
        std::lock_guard lock(loader);
        weft_ASSIGN(instance->instance_, make_instance(validation));
        instance->load_functions(vkGetInstanceProcAddr);
    }
    const InstanceFunctions& fn = instance->fn_;
    if (validation && fn.vkCreateDebugUtilsMessengerEXT) {
        VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
        info.messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
        info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
        info.pfnUserCallback = on_message;
        info.pUserData = instance.get();
        weft_TRY(check(fn.vkCreateDebugUtilsMessengerEXT(instance->instance_, &info, nullptr, &instance->messenger_),
                       "vkCreateDebugUtilsMessengerEXT", "the validation messages"));
    }
    return instance;
}

std::unique_ptr<Instance> Instance::adopt(PFN_vkGetInstanceProcAddr get_instance_proc_addr, VkInstance handle) {
    std::unique_ptr<Instance> instance(new Instance);
    instance->instance_ = handle;
    instance->load_functions(get_instance_proc_addr);
    return instance;
}

Instance::~Instance() {
    if (!owns_ || !instance_) return;
    if (messenger_) fn_.vkDestroyDebugUtilsMessengerEXT(instance_, messenger_, nullptr);
    fn_.vkDestroyInstance(instance_, nullptr);
}

void Instance::load_functions(PFN_vkGetInstanceProcAddr get_instance_proc_addr) {
#define weft_LOAD(name) fn_.name = reinterpret_cast<PFN_##name>(get_instance_proc_addr(instance_, #name));
    weft_INSTANCE_FUNCTIONS(weft_LOAD)
#undef weft_LOAD
}

void Instance::load(VolkDeviceTable& table, VkDevice device) const {
    std::lock_guard lock(loader);
    vkGetDeviceProcAddr = fn_.vkGetDeviceProcAddr; // the one global that volk asks here
    volkLoadDeviceTable(&table, device);
}

Result<std::vector<VkPhysicalDevice>> Instance::physical_devices() const {
    uint32_t count = 0;
    weft_TRY(check(fn_.vkEnumeratePhysicalDevices(instance_, &count, nullptr), "vkEnumeratePhysicalDevices",
                   "the instance"));
    std::vector<VkPhysicalDevice> devices(count);
    weft_TRY(check(fn_.vkEnumeratePhysicalDevices(instance_, &count, devices.data()), "vkEnumeratePhysicalDevices",
                   "the instance"));
    if (count == 0)
        return Error{ErrorCode::not_found,
                     "no Vulkan device: the loader found no driver. Install your GPU's driver, or a software one "
                     "(Debian: mesa-vulkan-drivers)",
                     {}};
    const auto rank = [&](VkPhysicalDevice d) {
        VkPhysicalDeviceProperties p;
        fn_.vkGetPhysicalDeviceProperties(d, &p);
        return p.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU     ? 0
               : p.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ? 1
               : p.deviceType == VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU    ? 2
                                                                        : 3;
    };
    std::stable_sort(devices.begin(), devices.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
    return devices;
}

std::vector<std::string> Instance::messages() const {
    std::lock_guard lock(messages_mutex_);
    return messages_;
}

void Instance::add_message(std::string text) {
    std::lock_guard lock(messages_mutex_);
    messages_.push_back(std::move(text));
}

} // namespace weft::detail::vk
