// SPDX-License-Identifier: Apache-2.0
// L4: Replay: one recording and the primary command buffers that run it, cut so that no submission runs for long.
#pragma once
#include "schedule/plan.hpp"
#include "vulkan/recording.hpp"
#include "vulkan/uploader.hpp"

namespace weft::detail {

/// Move-only. One thread; run() and the pieces of advance() wait for the device.
class Replay {
public:
    /// `prologue` computes the grid sizes and runs before each repetition.
    static Result<Replay> create(vk::Device& device, vk::Recording prologue, vk::Recording main);
    Replay(Replay&& other) noexcept;
    ~Replay();

    /// Starts over: the next advance() begins with the first segment of the first of `repeats` repetitions.
    void start(uint32_t repeats);
    /// Submits segments while their measured cost fits `budget_ms` (at least one), and waits for them; what `uploads`
    /// has staged goes first, in the same submission. True when all repetitions are done.
    Result<bool> advance(double budget_ms, vk::Uploader& uploads);
    /// All of it, in submissions of at most `longest_ms` each as far as segments allow.
    Status run(uint32_t repeats, double longest_ms, vk::Uploader& uploads);

    const vk::Recording& recording() const { return main_; }
    /// Milliseconds of one repetition by the last measurements of its segments; 0: not run yet.
    double step_ms() const;
    uint64_t submissions() const { return submissions_; }
    double device_wait_ms() const { return wait_ms_; } ///< all time spent waiting for the device

private:
    Replay(vk::Device& device, vk::Recording prologue, vk::Recording main)
        : device_(&device), prologue_(std::move(prologue)), main_(std::move(main)) {}
    struct Range {
        size_t first, last;
        uint32_t repeats;
        auto operator<=>(const Range&) const = default;
    };
    Result<VkCommandBuffer> primary(const Range& range);

    vk::Device* device_;
    vk::Recording prologue_, main_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkFence fence_ = VK_NULL_HANDLE;
    std::map<Range, VkCommandBuffer> primaries_;
    std::vector<double> costs_;
    size_t next_ = 0;
    uint32_t left_ = 0;
    uint64_t submissions_ = 0;
    double wait_ms_ = 0;
};

} // namespace weft::detail
