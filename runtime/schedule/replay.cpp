// SPDX-License-Identifier: Apache-2.0
#include "schedule/replay.hpp"
#include <algorithm>
#include <chrono>

namespace weft::detail {

Result<Replay> Replay::create(vk::Device& device, vk::Recording prologue, vk::Recording main) {
    Replay r(device, std::move(prologue), std::move(main));
    const auto& fn = device.fn();
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.queueFamilyIndex = device.queue_family();
    weft_TRY(vk::check(fn.vkCreateCommandPool(device.handle(), &pool, nullptr, &r.pool_), "vkCreateCommandPool",
                       "a replay"));
    VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    weft_TRY(vk::check(fn.vkCreateFence(device.handle(), &fence, nullptr, &r.fence_), "vkCreateFence", "a replay"));
    r.costs_.assign(r.main_.segment_count(), 0);
    return r;
}

Replay::Replay(Replay&& o) noexcept
    : device_(o.device_), prologue_(std::move(o.prologue_)), main_(std::move(o.main_)),
      pool_(std::exchange(o.pool_, VK_NULL_HANDLE)), fence_(std::exchange(o.fence_, VK_NULL_HANDLE)),
      primaries_(std::move(o.primaries_)), costs_(std::move(o.costs_)), next_(o.next_), left_(o.left_),
      submissions_(o.submissions_), wait_ms_(o.wait_ms_) {}

Replay::~Replay() {
    if (pool_) device_->fn().vkDestroyCommandPool(device_->handle(), pool_, nullptr);
    if (fence_) device_->fn().vkDestroyFence(device_->handle(), fence_, nullptr);
}

double Replay::step_ms() const {
    double sum = 0;
    for (double c : costs_) sum += c;
    return sum;
}

Result<VkCommandBuffer> Replay::primary(const Range& range) {
    if (const auto it = primaries_.find(range); it != primaries_.end()) return it->second;
    const auto& fn = device_->fn();
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    weft_TRY(vk::check(fn.vkAllocateCommandBuffers(device_->handle(), &info, &commands), "vkAllocateCommandBuffers",
                       "a replay"));
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    weft_TRY(vk::check(fn.vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer", "a replay"));
    for (uint32_t i = 0; i < range.repeats; ++i) {
        if (range.first == 0) prologue_.execute(commands, 0, prologue_.segment_count());
        main_.execute(commands, range.first, range.last);
    }
    VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    memory.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
    memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
    fn.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                            VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &memory, 0, nullptr, 0,
                            nullptr);
    weft_TRY(vk::check(fn.vkEndCommandBuffer(commands), "vkEndCommandBuffer", "a replay"));
    return primaries_.emplace(range, commands).first->second;
}

void Replay::start(uint32_t repeats) {
    next_ = 0;
    left_ = repeats;
}

Result<bool> Replay::advance(double budget_ms, vk::Uploader& uploads) {
    const size_t count = costs_.size();
    while (left_ > 0) {
        Range range{next_, next_, 1};
        const bool measured = std::none_of(costs_.begin(), costs_.end(), [](double c) { return c <= 0; });
        if (measured && next_ == 0 && step_ms() <= budget_ms) { // whole repetitions at once
            range.last = count;
            range.repeats = uint32_t(std::clamp(budget_ms / step_ms(), 1.0, double(left_)));
        } else { // segments one by one until each has been measured, then as many as fit
            double sum = 0;
            while (range.last < count &&
                   (range.last == range.first || (measured && sum + costs_[range.last] <= budget_ms)))
                sum += costs_[range.last++];
        }
        weft_ASSIGN(const VkCommandBuffer commands, primary(range));
        weft_ASSIGN(const VkCommandBuffer staged, uploads.staged());
        const VkCommandBuffer both[] = {staged, commands};
        const auto& fn = device_->fn();
        weft_TRY(vk::check(fn.vkResetFences(device_->handle(), 1, &fence_), "vkResetFences", "a replay"));
        const auto begin = std::chrono::steady_clock::now();
        weft_TRY(device_->submit(std::span(both).subspan(staged ? 0 : 1), fence_));
        weft_TRY(vk::check(fn.vkWaitForFences(device_->handle(), 1, &fence_, VK_TRUE, UINT64_MAX), "vkWaitForFences",
                           device_->summary().name));
        const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
        wait_ms_ += ms;
        ++submissions_;
        double known = 0;
        for (size_t i = range.first; i < range.last; ++i) known += costs_[i];
        for (size_t i = range.first; i < range.last; ++i) {
            const double share = known > 0 ? costs_[i] / known : 1.0 / double(range.last - range.first);
            const double now = std::max(1e-3, ms / range.repeats * share);
            // The first run also compiles on drivers that compile late: believe the second more.
            costs_[i] = costs_[i] <= 0 ? now : std::min(now, 0.7 * costs_[i] + 0.3 * now);
        }
        budget_ms -= ms;
        next_ = range.last % count;
        if (range.last == count) left_ -= range.repeats;
        if (budget_ms <= 0) break;
    }
    return left_ == 0;
}

Status Replay::run(uint32_t repeats, double longest_ms, vk::Uploader& uploads) {
    for (start(repeats);;) {
        weft_ASSIGN(const bool done, advance(longest_ms, uploads));
        if (done) return Ok{};
    }
}

} // namespace weft::detail
