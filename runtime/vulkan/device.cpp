// SPDX-License-Identifier: Apache-2.0
#include "vulkan/device.hpp"
#include "base/check.hpp"
#include "vulkan/pipelines.hpp"
#include <algorithm>

namespace weft::detail::vk {
namespace {

QueueLock own_lock(std::mutex& mutex) {
    return {[](void* own) { static_cast<std::mutex*>(own)->lock(); },
            [](void* own) { static_cast<std::mutex*>(own)->unlock(); }, &mutex};
}

} // namespace

Result<std::unique_ptr<Device>> Device::create(const DeviceOptions& options) {
    std::unique_ptr<Device> device(new Device);
    device->owns_ = true;
    weft_ASSIGN(device->instance_, Instance::create(options.validation));
    weft_TRY(device->pick_and_create(options));
    weft_TRY(device->finish(options));
    return device;
}

Status Device::pick_and_create(const DeviceOptions& options) {
    weft_ASSIGN(const auto devices, instance_->physical_devices());
    if (options.index >= int(devices.size()))
        return Error{ErrorCode::invalid_argument,
                     "device " + std::to_string(options.index) + " was asked for, but there are " +
                         std::to_string(devices.size()) + " (counted from 0; `weft info` lists them)",
                     {}};
    std::vector<std::string> reasons;
    for (size_t i = 0; i < devices.size() && !physical_; ++i) {
        if (options.index >= 0 && int(i) != options.index) continue;
        const int family = compute_family(*instance_, devices[i]);
        DeviceSummary s = summarize(*instance_, devices[i], uint32_t(std::max(family, 0)));
        if (family < 0) s.reasons.push_back("it has no queue with compute");
        for (const auto& reason : s.reasons) reasons.push_back(s.name + ": " + reason);
        if (!s.reasons.empty()) continue;
        physical_ = devices[i];
        queue_family_ = uint32_t(family);
        summary_ = s;
    }
    if (!physical_) return Error{ErrorCode::unsupported, "no usable Vulkan device", reasons};

    FeatureChain chain(device_extensions(*instance_, physical_), summary_.api_version, options.report_pipelines);
    instance_->fn().vkGetPhysicalDeviceFeatures2(physical_, &chain.core);
    chain.core.features = {}; // nothing of the core features is needed
    reports_pipelines_ = chain.has_report && chain.report.pipelineExecutableInfo;
    const float priority = 1.0f;
    VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queue.queueFamilyIndex = queue_family_;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &chain.core};
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queue;
    info.enabledExtensionCount = uint32_t(chain.extensions.size());
    info.ppEnabledExtensionNames = chain.extensions.data();
    weft_TRY(
        check(instance_->fn().vkCreateDevice(physical_, &info, nullptr, &device_), "vkCreateDevice", summary_.name));
    instance_->load(fn_, device_);
    fn_.vkGetDeviceQueue(device_, queue_family_, 0, &queue_);
    queue_lock_ = own_lock(own_queue_mutex_);
    return Ok{};
}

Result<std::unique_ptr<Device>> Device::adopt(const AdoptedDevice& host, const DeviceOptions& options) {
    if (!host.get_instance_proc_addr || !host.instance || !host.physical || !host.device || !host.queue)
        return Error{ErrorCode::invalid_argument,
                     "an adopted device needs get_instance_proc_addr, instance, physical, device and queue",
                     {}};
    if (!host.queue_lock.take != !host.queue_lock.give)
        return Error{
            ErrorCode::invalid_argument, "an adopted device needs both lock_queue and unlock_queue, or neither", {}};
    std::unique_ptr<Device> device(new Device);
    device->instance_ = Instance::adopt(host.get_instance_proc_addr, host.instance);
    if (const auto& fn = device->instance_->fn();
        !fn.vkGetPhysicalDeviceProperties2 || !fn.vkGetPhysicalDeviceFeatures2 || !fn.vkGetDeviceProcAddr)
        return Error{ErrorCode::unsupported, "the adopted instance must be made for Vulkan 1.1 or later", {}};
    device->physical_ = host.physical;
    device->device_ = host.device;
    device->queue_ = host.queue;
    device->queue_family_ = host.queue_family;
    device->queue_lock_ = host.queue_lock.take ? host.queue_lock : own_lock(device->own_queue_mutex_);
    device->instance_->load(device->fn_, host.device);
    device->summary_ = summarize(*device->instance_, host.physical, host.queue_family);
    device->summary_.features.bits &= host.features.bits;
    if (!device->summary_.reasons.empty())
        return Error{ErrorCode::unsupported, "the adopted device cannot be used", device->summary_.reasons};
    weft_TRY(device->finish(options));
    return device;
}

Status Device::finish(const DeviceOptions& options) {
    options_ = options;
    summary_.features = summary_.features.without(options.disabled);
    pipelines_ = std::make_unique<Pipelines>(*this);
    return Ok{};
}

Machine Device::machine() const {
    DeviceSummary s = summary_;
    if (s.type == "CPU" && !options_.cpu_shapes) s.type = "other";
    return machine_of(s);
}

std::unique_ptr<Device> Device::described(DeviceSummary summary) {
    std::unique_ptr<Device> device(new Device());
    device->summary_ = std::move(summary);
    return device;
}

Device::~Device() {
    // Everything that was submitted has been waited for by its owner; a host's device is not ours to idle,
    // as its other queues may be in use.
    if (owns_ && device_ && fn_.vkDeviceWaitIdle) fn_.vkDeviceWaitIdle(device_);
    pipelines_.reset();
    if (owns_ && device_) fn_.vkDestroyDevice(device_, nullptr);
}

Status Device::submit(std::span<const VkCommandBuffer> commands, VkFence fence) const {
    VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    info.commandBufferCount = uint32_t(commands.size());
    info.pCommandBuffers = commands.data();
    const std::lock_guard lock(queue_lock_);
    return check(fn_.vkQueueSubmit(queue_, 1, &info, fence), "vkQueueSubmit", summary_.name);
}

Status Device::run(std::span<const VkCommandBuffer> commands) const {
    VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence = VK_NULL_HANDLE;
    weft_TRY(check(fn_.vkCreateFence(device_, &info, nullptr, &fence), "vkCreateFence", summary_.name));
    Status status = submit(commands, fence);
    if (status)
        status = check(fn_.vkWaitForFences(device_, 1, &fence, VK_TRUE, UINT64_MAX), "vkWaitForFences", summary_.name);
    fn_.vkDestroyFence(device_, fence, nullptr);
    return status;
}

MemoryLayout Device::memory() const {
    if (physical_ && summary_.memory.budgeted) return memory_of(*instance_, physical_, true);
    MemoryLayout layout = summary_.memory;
    for (size_t i = 0; i < layout.heaps.size(); ++i) layout.heaps[i].used += uint64_t(used_in_[i].load());
    return layout;
}

uint64_t Device::memory_bytes() const {
    return options_.memory_limit ? std::min(options_.memory_limit, summary_.memory_bytes) : summary_.memory_bytes;
}

uint64_t Device::memory_left() const {
    const uint64_t left = memory().local_room();
    return options_.memory_limit ? std::min(left, options_.memory_limit - std::min(options_.memory_limit, bytes_used()))
                                 : left;
}

Status Device::take(uint64_t bytes, const std::string& what) const {
    const uint64_t before = used_.fetch_add(bytes);
    if (options_.memory_limit && before + bytes > options_.memory_limit) {
        used_ -= bytes;
        return Error{ErrorCode::out_of_memory,
                     what + " needs " + std::to_string(bytes >> 20) + " MiB, but of the budget of " +
                         std::to_string(options_.memory_limit >> 20) + " MiB only " +
                         std::to_string((options_.memory_limit - std::min(before, options_.memory_limit)) >> 20) +
                         " MiB are left",
                     {}};
    }
    return Ok{};
}

void Device::set_name(VkObjectType type, uint64_t object, const std::string& name) const {
    if (!instance_->names_objects()) return;
    VkDebugUtilsObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT};
    info.objectType = type;
    info.objectHandle = object;
    info.pObjectName = name.c_str();
    instance_->fn().vkSetDebugUtilsObjectNameEXT(device_, &info);
}

} // namespace weft::detail::vk
