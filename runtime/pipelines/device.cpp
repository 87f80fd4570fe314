// SPDX-License-Identifier: Apache-2.0
// L6: the public face of devices.
#include "vulkan/device.hpp"
#include <cstdlib>
#include <weft/device.hpp>

namespace weft {
namespace {

std::string version(uint32_t v) {
    return std::to_string(VK_VERSION_MAJOR(v)) + "." + std::to_string(VK_VERSION_MINOR(v)) + "." +
           std::to_string(VK_VERSION_PATCH(v));
}

DeviceInfo info_of(const vk::DeviceSummary& s) {
    DeviceInfo d;
    d.name = s.name;
    d.type = s.type;
    d.driver = s.driver;
    d.api = version(s.api_version);
    d.memory_bytes = s.memory_bytes;
    const std::pair<vk::Feature, const char*> names[] = {{vk::Feature::float16, "float16"},
                                                         {vk::Feature::subgroup, "subgroup"},
                                                         {vk::Feature::integer_dot, "integer_dot"},
                                                         {vk::Feature::fast_integer_dot, "fast_integer_dot"},
                                                         {vk::Feature::cooperative_matrix, "cooperative_matrix"}};
    for (const auto& [feature, name] : names)
        if (s.features.has(feature)) d.features.push_back(name);
    const auto& l = s.limits;
    d.limits = {{"storage buffer range", std::to_string(l.storage_range >> 20) + " MiB"},
                {"allocation", std::to_string(l.allocation >> 20) + " MiB"},
                {"workgroup invocations", std::to_string(l.invocations)},
                {"workgroup memory", std::to_string(l.shared_bytes >> 10) + " KiB"},
                {"subgroup size", std::to_string(l.subgroup_size)},
                {"storage buffers a shader", std::to_string(l.storage_buffers)},
                {"timestamp", l.timestamp_ns > 0 ? std::to_string(l.timestamp_ns) + " ns" : "none"}};
    d.reasons = s.reasons;
    return d;
}

vk::DeviceOptions vulkan_options(const DeviceOptions& o) {
    vk::DeviceOptions v;
    v.index = o.index;
    v.validation = o.validation;
    v.memory_limit = o.memory_limit;
    v.cache_dir = o.cache_dir;
    v.shader_dir = o.shader_dir;
    if (o.exact) v.disabled.set(vk::Feature::fast_integer_dot);
    return v;
}

} // namespace

Result<std::vector<DeviceInfo>> list_devices() try {
    weft_ASSIGN(const auto list, vk::list_devices());
    std::vector<DeviceInfo> all;
    for (const auto& s : list) all.push_back(info_of(s));
    return all;
}
weft_CATCH

std::filesystem::path default_cache_dir() {
    if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg == '/') return std::filesystem::path(xdg) / "weft";
    if (const char* home = std::getenv("HOME"); home && *home) return std::filesystem::path(home) / ".cache" / "weft";
    return {};
}

Device::Device(std::unique_ptr<vk::Device> device) : device_(std::move(device)) {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

Result<Device> Device::open(const DeviceOptions& options) try {
    weft_ASSIGN(auto device, vk::Device::create(vulkan_options(options)));
    return Device(std::move(device));
}
weft_CATCH

Result<Device> Device::adopt(const HostVulkan& host, const DeviceOptions& options) try {
    vk::AdoptedDevice a;
    a.get_instance_proc_addr = reinterpret_cast<PFN_vkGetInstanceProcAddr>(host.get_instance_proc_addr);
    a.instance = static_cast<VkInstance>(host.instance);
    a.physical = static_cast<VkPhysicalDevice>(host.physical_device);
    a.device = static_cast<VkDevice>(host.device);
    a.queue = static_cast<VkQueue>(host.queue);
    a.queue_family = host.queue_family;
    a.queue_mutex = static_cast<std::mutex*>(host.queue_mutex);
    a.features.set(vk::Feature::float16, host.float16);
    a.features.set(vk::Feature::integer_dot, host.integer_dot);
    a.features.set(vk::Feature::fast_integer_dot, host.integer_dot);
    a.features.set(vk::Feature::subgroup);
    weft_ASSIGN(auto device, vk::Device::adopt(a, vulkan_options(options)));
    return Device(std::move(device));
}
weft_CATCH

DeviceInfo Device::info() const { return info_of(device_->summary()); }
uint64_t Device::bytes_used() const { return device_->bytes_used(); }
std::vector<std::string> Device::validation_messages() const { return device_->validation_messages(); }

} // namespace weft
