// SPDX-License-Identifier: Apache-2.0
// L1: recordings as one command buffer, run as often as wanted: cases of kernels, and measurements.
#pragma once
#include "vulkan/recording.hpp"

namespace weft::detail::vk {

/// Move-only; the device and what the recordings need must outlive it. One thread at a time.
class TimedRun {
public:
    /// `recordings` run one behind the other; the first ones prepare the last, which is what is timed.
    static Result<TimedRun> create(Device& device, std::vector<Recording> recordings);
    TimedRun(TimedRun&& other) noexcept;
    TimedRun& operator=(TimedRun&&) = delete;
    ~TimedRun();

    /// Runs once and waits; what was written can be read afterwards.
    Status run();
    /// Median nanoseconds of `repeats` runs (at least 1): of the last recording's calls where it has timestamps, else
    /// until the wait is over.
    Result<double> time(uint32_t repeats);
    const Recording& timed() const { return recordings_.back(); }

private:
    explicit TimedRun(Device& device, std::vector<Recording> recordings)
        : device_(&device), recordings_(std::move(recordings)) {}
    Status record();

    Device* device_;
    std::vector<Recording> recordings_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;
};

} // namespace weft::detail::vk
