// SPDX-License-Identifier: Apache-2.0
// L1: compute pipelines, made once per (kernel, variant, specialization), and their cache on disk.
#pragma once
#include "vulkan/device.hpp"
#include "vulkan/kernel_info.hpp"
#include <functional>
#include <map>

namespace weft::detail::vk {

struct Pipeline {
    VkPipeline handle = VK_NULL_HANDLE;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;
};

/// What tells one pipeline from another.
struct PipelineKey {
    const KernelInfo* kernel = nullptr;
    uint32_t variant = 0;
    std::vector<uint32_t> spec;
    auto operator<=>(const PipelineKey&) const = default;
};

/// True if the device can run the variant; otherwise appends why not.
bool usable(const Device& device, const KernelInfo& kernel, uint32_t variant,
            std::vector<std::string>* reasons = nullptr);

/// The device features the variant needs; none: the core tier.
FeatureSet needed_features(const KernelInfo& kernel, uint32_t variant);

/// The workgroup size with these specialization constants.
void local_size(const KernelInfo& kernel, std::span<const uint32_t> spec, uint32_t (&local)[3]);

/// Thread-safe. Pipelines live as long as the Device.
class Pipelines {
public:
    explicit Pipelines(Device& device);
    ~Pipelines();
    Pipelines(const Pipelines&) = delete;

    Result<Pipeline> get(const PipelineKey& key);
    /// Builds all that are missing on several threads. `progress(done, total)` is called on the calling thread;
    /// false stops, with ErrorCode::cancelled.
    Status build(std::span<const PipelineKey> keys, const std::function<bool(size_t, size_t)>& progress);
    /// Writes the cache file if pipelines were made since it was read. A full disk is reported, and harms nothing.
    Status save_cache();
    size_t count() const;

private:
    Result<Pipeline> make(const PipelineKey& key);
    Result<Pipeline> layout_for(const KernelInfo& kernel);
    Result<std::vector<uint32_t>> words_of(const PipelineKey& key) const;
    std::filesystem::path cache_path() const;
    void load_cache();

    Device& device_;
    mutable std::mutex mutex_;
    std::map<PipelineKey, Pipeline> made_;
    std::map<std::pair<uint32_t, uint32_t>, Pipeline> layouts_; // (bindings, push bytes)
    VkPipelineCache cache_ = VK_NULL_HANDLE;
    bool dirty_ = false;
};

} // namespace weft::detail::vk
