// SPDX-License-Identifier: Apache-2.0
// L1: Recording: a Program as secondary command buffers, one a segment, with descriptor sets and
// derived barriers. Made once, replayed.
#pragma once
#include "vulkan/pipelines.hpp"
#include "vulkan/recorder.hpp"

namespace weft::detail::vk {

struct RecordingOptions {
    bool timestamps = false; ///< two timestamps around every call, for profiling; costs a barrier a call
};

/// Move-only; the device, the slices of the program's resources and the pipelines must outlive it.
/// One thread at a time, and never while the device runs it.
class Recording {
public:
    /// Every resource of the program must have its slice. Fails if the group count of a direct dispatch passes
    /// the device's limit, or the driver refuses.
    static Result<Recording> create(Device& device, Program program, const RecordingOptions& options = {});
    Recording(Recording&& other) noexcept;
    Recording& operator=(Recording&& other) noexcept;
    ~Recording();

    const Program& program() const { return program_; }
    size_t segment_count() const { return segments_.size(); }
    /// The secondary command buffer of a segment; may be executed several times in one primary.
    VkCommandBuffer segment(size_t index) const { return segments_[index]; }

    /// Records into a primary: resets this recording's timestamps (if any), then executes segments [first, last).
    void execute(VkCommandBuffer primary, size_t first, size_t last) const;
    /// After the device has run it: nanoseconds of each call, in program order.
    Result<std::vector<double>> call_times() const;

private:
    explicit Recording(Device& device) : device_(&device) {}
    Status record(const RecordingOptions& options);
    Status allocate_sets(std::vector<VkDescriptorSet>& sets);
    void release();

    Device* device_;
    Program program_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkDescriptorPool descriptors_ = VK_NULL_HANDLE;
    VkQueryPool queries_ = VK_NULL_HANDLE;
    std::vector<VkCommandBuffer> segments_;
};

} // namespace weft::detail::vk
