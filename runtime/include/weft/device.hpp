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

namespace weft {

/// How weight matrices are held on the device. `stored`: as the file has them.
enum class WeightType : uint32_t { stored, f32, f16, bf16 };

/// A device as the loader lists it. Unusable ones have reasons.
struct DeviceInfo {
    std::string name, type, driver, api;
    uint64_t memory_bytes = 0;
    std::vector<std::string> features; ///< "float16", "subgroup", ...
    std::vector<std::pair<std::string, std::string>> limits;
    std::vector<std::string> reasons; ///< why it cannot be used; empty: usable
};
/// Every Vulkan device in the order DeviceOptions::index counts. Fails if there is no loader or no device.
Result<std::vector<DeviceInfo>> list_devices();

struct DeviceOptions {
    int index = -1;            ///< -1: the first usable, discrete before integrated before CPU
    bool validation = false;   ///< Vulkan validation (core and synchronization); the layer must be installed
    uint64_t memory_limit = 0; ///< bytes weft may take on the device; 0: no limit of ours
    /// Never round activations to 8 bits for weights in blocks, which is done where the device has
    /// integer dot products in hardware.
    bool exact = false;
    std::filesystem::path cache_dir; ///< pipeline cache; empty: none. default_cache_dir() is the usual choice
    /// Development: GLSL from this folder, compiled at run time, instead of the built-in shaders.
    std::filesystem::path shader_dir;
};
/// $XDG_CACHE_HOME/weft or ~/.cache/weft.
std::filesystem::path default_cache_dir();

/// Handles of a host program, as void pointers so that this header needs no Vulkan.
struct HostVulkan {
    void* get_instance_proc_addr = nullptr;
    void *instance = nullptr, *physical_device = nullptr, *device = nullptr, *queue = nullptr;
    uint32_t queue_family = 0;
    /// A std::mutex* that the host holds while it uses the queue; null: weft alone uses it.
    void* queue_mutex = nullptr;
    bool float16 = false;     ///< the host enabled shaderFloat16 and storageBuffer16BitAccess
    bool integer_dot = false; ///< the host enabled shaderIntegerDotProduct
};

namespace vk {
class Device;
}

/// An open device. Move-only; models and sessions made from it must be destroyed first.
/// May be used from several threads.
class Device {
public:
    static Result<Device> open(const DeviceOptions& options = {});
    /// Computes on the host's device and queue; creates and destroys neither.
    static Result<Device> adopt(const HostVulkan& host, const DeviceOptions& options = {});
    Device(Device&&) noexcept;
    Device& operator=(Device&&) noexcept;
    ~Device();

    DeviceInfo info() const;
    uint64_t bytes_used() const;
    /// Messages of the validation layer so far.
    std::vector<std::string> validation_messages() const;
    /// For weft's own layers.
    vk::Device& internal() const { return *device_; }

    /// Takes over a device that weft's own layers made.
    explicit Device(std::unique_ptr<vk::Device> device);

private:
    std::unique_ptr<vk::Device> device_;
};

} // namespace weft
