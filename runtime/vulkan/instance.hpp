// SPDX-License-Identifier: Apache-2.0
// L1: a Vulkan instance, made here or a host's, with the functions loaded for it: volk's global ones belong to
// whichever instance came last, and a process may have several.
#pragma once
#include "vulkan/api.hpp"
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace weft::detail::vk {

// The instance-level functions that weft calls.
#define weft_INSTANCE_FUNCTIONS(f)                                                                                     \
    f(vkDestroyInstance) f(vkEnumeratePhysicalDevices) f(vkGetPhysicalDeviceProperties)                                \
        f(vkGetPhysicalDeviceProperties2) f(vkGetPhysicalDeviceFeatures2) f(vkGetPhysicalDeviceMemoryProperties2)      \
            f(vkGetPhysicalDeviceQueueFamilyProperties) f(vkEnumerateDeviceExtensionProperties) f(vkCreateDevice)      \
                f(vkGetDeviceProcAddr) f(vkCreateDebugUtilsMessengerEXT) f(vkDestroyDebugUtilsMessengerEXT)            \
                    f(vkSetDebugUtilsObjectNameEXT)

struct InstanceFunctions {
#define weft_MEMBER(name) PFN_##name name = nullptr;
    weft_INSTANCE_FUNCTIONS(weft_MEMBER)
#undef weft_MEMBER
};

/// What an instance is made with.
struct InstanceSettings {
    std::vector<const char*> extensions;
    VkInstanceCreateFlags flags = 0;
};
/// By what the loader offers: names of objects, and drivers that lack a part of Vulkan and say which (MoltenVK): the
/// loader lists those only to who asks for them.
InstanceSettings instance_settings(std::span<const VkExtensionProperties> offered);
/// Whether a list has an extension of that name.
bool offers(std::span<const VkExtensionProperties> list, const char* name);

/// Owns (or borrows) an instance. Immovable; devices made from it must be destroyed first. Any thread.
class Instance {
public:
    /// `validation`: core and synchronization validation, its messages kept here.
    static Result<std::unique_ptr<Instance>> create(bool validation);
    /// A host's instance; not destroyed.
    static std::unique_ptr<Instance> adopt(PFN_vkGetInstanceProcAddr get_instance_proc_addr, VkInstance instance);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    const InstanceFunctions& fn() const { return fn_; }
    /// Its devices: discrete before integrated before virtual before CPU, else as the loader lists them.
    Result<std::vector<VkPhysicalDevice>> physical_devices() const;
    /// The functions of a device of this instance.
    void load(VolkDeviceTable& table, VkDevice device) const;
    bool names_objects() const { return messenger_ != VK_NULL_HANDLE && fn_.vkSetDebugUtilsObjectNameEXT; }

    std::vector<std::string> messages() const;
    void add_message(std::string text);

private:
    Instance() = default;
    void load_functions(PFN_vkGetInstanceProcAddr get_instance_proc_addr);

    bool owns_ = false;
    VkInstance instance_ = VK_NULL_HANDLE;
    InstanceFunctions fn_;
    VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
    mutable std::mutex messages_mutex_;
    std::vector<std::string> messages_;
};

} // namespace weft::detail::vk
