// SPDX-License-Identifier: Apache-2.0
// L6: the public face of devices.
#include "vulkan/device.hpp"
#include "base/access.hpp"
#include "base/os.hpp"
#include "pipelines/device_info.hpp"

namespace weft {
using namespace detail;
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
    d.features = features_of(s.features);
    const auto& l = s.limits;
    d.limits = {l.storage_range,  l.allocation,    l.invocations,     l.shared_bytes, l.subgroup_size,
                l.subgroup_least, l.subgroup_most, l.storage_buffers, l.timestamp_ns};
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
    v.report_pipelines = o.report_pipelines;
    if (!o.fast_dot) v.disabled.set(vk::Feature::fast_integer_dot);
    return v;
}

} // namespace

std::vector<std::string> DeviceFeatures::names() const {
    std::vector<std::string> all;
    if (subgroup) all.push_back("subgroup");
    if (integer_dot) all.push_back("integer_dot");
    if (fast_integer_dot) all.push_back("fast_integer_dot");
    if (fixed_lanes) all.push_back("fixed_lanes");
    return all;
}

Result<std::vector<DeviceInfo>> list_devices() try {
    weft_ASSIGN(const auto list, vk::list_devices());
    std::vector<DeviceInfo> all;
    for (const auto& s : list) all.push_back(info_of(s));
    return all;
}
weft_CATCH

std::filesystem::path default_cache_dir() {
    const std::filesystem::path all = os::cache_dir();
    return all.empty() ? all : all / "weft";
}

Result<Device> Device::open(const DeviceOptions& options) try {
    weft_ASSIGN(auto device, vk::Device::create(vulkan_options(options)));
    return Device(std::shared_ptr<vk::Device>(std::move(device)));
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
    a.queue_lock = {host.lock_queue, host.unlock_queue, host.user};
    a.features.set(vk::Feature::integer_dot, host.integer_dot);
    a.features.set(vk::Feature::fast_integer_dot, host.integer_dot);
    a.features.set(vk::Feature::fixed_lanes, host.fixed_lanes);
    a.features.set(vk::Feature::subgroup);
    weft_ASSIGN(auto device, vk::Device::adopt(a, vulkan_options(options)));
    return Device(std::shared_ptr<vk::Device>(std::move(device)));
}
weft_CATCH

DeviceInfo Device::info() const { return info_of(state_->summary()); }
uint64_t Device::bytes_used() const { return state_->bytes_used(); }
std::vector<std::string> Device::validation_messages() const { return state_->validation_messages(); }

} // namespace weft
