// SPDX-License-Identifier: Apache-2.0
// L1: the device weft computes on: made here, or adopted from a host program.
#pragma once
#include "vulkan/machine.hpp"
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weft::detail::vk {

struct DeviceOptions {
    int index = -1; ///< position in list_devices(); -1: the first usable, discrete before integrated before CPU
    bool validation = false;         ///< core and synchronization validation; messages are counted and kept
    uint64_t memory_limit = 0;       ///< bytes weft may allocate on the device; 0: no limit but the device's
    std::filesystem::path cache_dir; ///< where the pipeline cache lies; empty: none is read or written
    FeatureSet disabled;             ///< features to behave as if absent, to test the lower tiers
    bool report_pipelines = false;   ///< pipelines keep what the driver's compiler says of them (pipeline_report.hpp)
    bool cpu_shapes = true;          ///< false: a CPU's work is cut as a GPU's, to test that
    bool map_device_memory = true;   ///< false: as on most discrete GPUs, to test staging
    /// Development: compile shaders from this folder at run time instead of the embedded ones.
    std::filesystem::path shader_dir;
};

/// A host's lock on its queue, as std::lock_guard takes it.
struct QueueLock {
    void (*take)(void* user) = nullptr;
    void (*give)(void* user) = nullptr;
    void* user = nullptr;
    void lock() const { take(user); }
    void unlock() const { give(user); }
};

/// Handles of a host program. weft destroys none of them; they must outlive the Device.
/// `features` says what the host enabled.
struct AdoptedDevice {
    PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
    VkInstance instance = VK_NULL_HANDLE;
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    VkDevice device = VK_NULL_HANDLE;
    VkQueue queue = VK_NULL_HANDLE;
    uint32_t queue_family = 0;
    QueueLock queue_lock; ///< the host's, around its own use of the queue; weft's own where weft alone uses it
    FeatureSet features;
};

class Pipelines;

/// Owns (or borrows) instance, device and one queue with compute. Immovable;
/// everything made from it must be destroyed first.
/// submit() may be called from any thread; all else that is const as well.
class Device {
public:
    static Result<std::unique_ptr<Device>> create(const DeviceOptions& options);
    static Result<std::unique_ptr<Device>> adopt(const AdoptedDevice& host, const DeviceOptions& options);
    /// A device that only answers what it is: programs can be planned for it, nothing can run.
    static std::unique_ptr<Device> described(DeviceSummary summary);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    const Instance& instance() const { return *instance_; }
    const VolkDeviceTable& fn() const { return fn_; }
    VkDevice handle() const { return device_; }
    VkPhysicalDevice physical() const { return physical_; }
    uint32_t queue_family() const { return queue_family_; }
    const DeviceSummary& summary() const { return summary_; }
    FeatureSet features() const { return summary_.features; }
    const Limits& limits() const { return summary_.limits; }
    /// What kernels choose their shapes by.
    Machine machine() const;
    const DeviceOptions& options() const { return options_; }
    Pipelines& pipelines() const { return *pipelines_; }

    /// True if pipelines keep what the driver's compiler says of them: asked for, and the driver can.
    bool reports_pipelines() const { return reports_pipelines_; }
    /// True if MemoryUse::device is mapped: uploads need no staging copy.
    bool maps_memory() const { return options_.map_device_memory && summary_.memory.maps_local(); }

    /// Submits and returns at once; `fence` is signalled when the work is done.
    Status submit(std::span<const VkCommandBuffer> commands, VkFence fence) const;
    /// Submits and waits.
    Status run(std::span<const VkCommandBuffer> commands) const;

    /// Its memory as it stands now.
    MemoryLayout memory() const;
    /// The device's own memory and what is left of it, in bytes, within the limit that was asked for.
    uint64_t memory_bytes() const;
    uint64_t memory_left() const;
    /// Takes `bytes` from the memory limit, or says what is left. give_back() returns them.
    Status take(uint64_t bytes, const std::string& what) const;
    void give_back(uint64_t bytes) const { used_ -= bytes; }
    uint64_t bytes_used() const { return used_; }
    /// Counts memory of a heap, where the driver does not.
    void count(uint32_t heap, int64_t bytes) const { used_in_[heap] += bytes; }

    /// Gives `object` a name that validation messages and captures show.
    void set_name(VkObjectType type, uint64_t object, const std::string& name) const;
    /// Validation messages so far (errors and warnings), oldest first; none without DeviceOptions::validation.
    std::vector<std::string> validation_messages() const { return instance_->messages(); }

private:
    Device() = default;
    Status pick_and_create(const DeviceOptions& options);
    Status finish(const DeviceOptions& options);

    bool owns_ = false;
    std::unique_ptr<Instance> instance_;
    VkPhysicalDevice physical_ = VK_NULL_HANDLE;
    VkDevice device_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
    uint32_t queue_family_ = 0;
    std::mutex own_queue_mutex_;
    QueueLock queue_lock_;
    VolkDeviceTable fn_{};
    bool reports_pipelines_ = false;
    DeviceSummary summary_;
    DeviceOptions options_;
    mutable std::atomic<uint64_t> used_{0};
    mutable std::array<std::atomic<int64_t>, VK_MAX_MEMORY_HEAPS> used_in_{};
    std::unique_ptr<Pipelines> pipelines_;
};

} // namespace weft::detail::vk
