// SPDX-License-Identifier: Apache-2.0
// Public: Vulkan devices: what there is, and opening one.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <weft/error.hpp>
#include <weft/export.hpp>

namespace weft {

/// How weight matrices are held on the device. `stored`: as the file has them.
enum class WeightType : uint32_t { stored, f32, f16, bf16 };

/// How attention's keys and values are held. `beside_weights`: f16 where weights take 16 bits or fewer, else f32.
/// q8_0: 8 bits a channel and 16 for each 32 of them, about a quarter of f32.
enum class CacheType : uint32_t { beside_weights, f32, f16, q8_0 };

/// What forms of kernels are chosen by.
struct DeviceFeatures {
    bool subgroup = false;         ///< shuffles within subgroups
    bool integer_dot = false;      ///< 4 x 8-bit integer dot products
    bool fast_integer_dot = false; ///< in hardware, and asked for (DeviceOptions::fast_dot)
    bool fixed_lanes = false;      ///< kernels that shuffle ask for subgroups of one size, and whole ones

    /// Those that are there, by the names they have here.
    weft_API std::vector<std::string> names() const;
};

struct DeviceLimits {
    uint64_t storage_range = 0;                     ///< bytes of one storage buffer that a shader sees
    uint64_t allocation = 0;                        ///< bytes of one allocation
    uint32_t invocations = 0;                       ///< of a workgroup
    uint32_t shared_bytes = 0;                      ///< of a workgroup
    uint32_t subgroup_size = 0;                     ///< that kernels reckon with
    uint32_t subgroup_least = 0, subgroup_most = 0; ///< that the device can be asked for
    uint32_t storage_buffers = 0;                   ///< of a shader
    double timestamp_ns = 0;                        ///< nanoseconds a tick; 0: the queue has no timestamps
};

/// A device as the loader lists it. Unusable ones have reasons.
struct DeviceInfo {
    std::string name, type, driver, api;
    uint64_t memory_bytes = 0;
    DeviceFeatures features;
    DeviceLimits limits;
    std::vector<std::string> reasons; ///< why it cannot be used; empty: usable
};
/// Every Vulkan device in the order DeviceOptions::index counts. Fails if there is no loader or no device.
weft_API Result<std::vector<DeviceInfo>> list_devices();

struct DeviceOptions {
    int index = -1;            ///< -1: the first usable, discrete before integrated before CPU
    bool validation = false;   ///< Vulkan validation (core and synchronization); the layer must be installed
    uint64_t memory_limit = 0; ///< bytes weft may take on the device; 0: no limit of ours
    /// Round activations to 8 bits for weights in blocks where the device has integer dot products in hardware: results
    /// are not the weights' own any more, and whether it is faster depends on the device.
    bool fast_dot = false;
    bool report_pipelines = false;   ///< keep what the driver's compiler says, for InspectOptions::pipelines
    std::filesystem::path cache_dir; ///< pipeline cache; empty: none. default_cache_dir() is the usual choice
    /// Development: GLSL from this folder, compiled at run time, instead of the built-in shaders.
    std::filesystem::path shader_dir;
};
/// $XDG_CACHE_HOME/weft or ~/.cache/weft.
weft_API std::filesystem::path default_cache_dir();

/// Handles of a host program, as void pointers so that this header needs no Vulkan.
struct HostVulkan {
    void* get_instance_proc_addr = nullptr;
    void *instance = nullptr, *physical_device = nullptr, *device = nullptr, *queue = nullptr;
    uint32_t queue_family = 0;
    /// Called with `user` around every use of the queue, on the thread that uses it: there the host's own uses are to
    /// be kept out. Both or neither; neither: weft alone uses the queue.
    void (*lock_queue)(void* user) = nullptr;
    void (*unlock_queue)(void* user) = nullptr;
    void* user = nullptr;
    bool integer_dot = false; ///< the host enabled shaderIntegerDotProduct
    bool fixed_lanes = false; ///< the host enabled subgroupSizeControl and computeFullSubgroups
};

namespace detail::vk {
class Device;
} // namespace detail::vk
namespace detail {
struct Access;
}

/// An open device. Copies are cheap and share it, and so does what is made from it: it closes with the last of them.
/// May be used from several threads.
class weft_API Device {
public:
    static Result<Device> open(const DeviceOptions& options = {});
    /// Computes on the host's device and queue; creates and destroys neither. They must outlive the last copy of this
    /// and all that is made from it.
    static Result<Device> adopt(const HostVulkan& host, const DeviceOptions& options = {});

    DeviceInfo info() const;
    uint64_t bytes_used() const;
    /// Messages of the validation layer so far.
    std::vector<std::string> validation_messages() const;

private:
    friend struct detail::Access;
    explicit Device(std::shared_ptr<detail::vk::Device> state) : state_(std::move(state)) {}
    std::shared_ptr<detail::vk::Device> state_;
};

} // namespace weft
