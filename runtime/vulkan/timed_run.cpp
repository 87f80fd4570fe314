// SPDX-License-Identifier: Apache-2.0
#include "vulkan/timed_run.hpp"
#include <algorithm>
#include <chrono>
#include <utility>

namespace weft::detail::vk {

Result<TimedRun> TimedRun::create(Device& device, std::vector<Recording> recordings) {
    weft_CHECK(!recordings.empty(), "there is nothing to run");
    TimedRun run(device, std::move(recordings));
    weft_TRY(run.record());
    return run;
}

TimedRun::TimedRun(TimedRun&& other) noexcept
    : device_(other.device_), recordings_(std::move(other.recordings_)),
      pool_(std::exchange(other.pool_, VK_NULL_HANDLE)), commands_(other.commands_) {}

TimedRun::~TimedRun() {
    if (pool_) device_->fn().vkDestroyCommandPool(device_->handle(), pool_, nullptr);
}

Status TimedRun::record() {
    constexpr const char* kWhat = "a timed run";
    const auto& fn = device_->fn();
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.queueFamilyIndex = device_->queue_family();
    weft_TRY(check(fn.vkCreateCommandPool(device_->handle(), &pool, nullptr, &pool_), "vkCreateCommandPool", kWhat));
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    weft_TRY(
        check(fn.vkAllocateCommandBuffers(device_->handle(), &info, &commands_), "vkAllocateCommandBuffers", kWhat));
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    weft_TRY(check(fn.vkBeginCommandBuffer(commands_, &begin), "vkBeginCommandBuffer", kWhat));
    for (const Recording& recording : recordings_) recording.execute(commands_, 0, recording.segment_count());
    VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    memory.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
    memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
    fn.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                            VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &memory, 0, nullptr, 0,
                            nullptr);
    return check(fn.vkEndCommandBuffer(commands_), "vkEndCommandBuffer", kWhat);
}

Status TimedRun::run() { return device_->run({&commands_, 1}); }

Result<double> TimedRun::time(uint32_t repeats) {
    std::vector<double> runs;
    for (uint32_t i = 0; i < std::max(repeats, 1u); ++i) {
        const auto start = std::chrono::steady_clock::now();
        weft_TRY(run());
        double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
        if (auto calls = timed().call_times()) {
            ns = 0;
            for (double t : *calls) ns += t;
        }
        runs.push_back(ns);
    }
    std::sort(runs.begin(), runs.end());
    return runs[runs.size() / 2];
}

} // namespace weft::detail::vk
