// SPDX-License-Identifier: Apache-2.0
#include "vulkan/recording.hpp"
#include <algorithm>

namespace weft::detail::vk {
namespace {

void barrier(const Device& device, VkCommandBuffer commands, Wait wait) {
    VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    memory.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
    memory.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
    VkPipelineStageFlags readers = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    if (wait == Wait::arguments) {
        memory.dstAccessMask |= VK_ACCESS_INDIRECT_COMMAND_READ_BIT;
        readers |= VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT;
    }
    device.fn().vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, readers, 0, 1, &memory, 0, nullptr,
                                     0, nullptr);
}

} // namespace

Result<Recording> Recording::create(Device& device, Program program, const RecordingOptions& options) {
    Recording r(device);
    r.program_ = std::move(program);
    weft_TRY(r.record(options));
    return r;
}

Recording::Recording(Recording&& other) noexcept
    : device_(other.device_), program_(std::move(other.program_)), pool_(std::exchange(other.pool_, VK_NULL_HANDLE)),
      descriptors_(std::exchange(other.descriptors_, VK_NULL_HANDLE)),
      queries_(std::exchange(other.queries_, VK_NULL_HANDLE)), segments_(std::move(other.segments_)) {}

Recording& Recording::operator=(Recording&& other) noexcept {
    if (this == &other) return *this;
    release();
    device_ = other.device_;
    program_ = std::move(other.program_);
    pool_ = std::exchange(other.pool_, VK_NULL_HANDLE);
    descriptors_ = std::exchange(other.descriptors_, VK_NULL_HANDLE);
    queries_ = std::exchange(other.queries_, VK_NULL_HANDLE);
    segments_ = std::move(other.segments_);
    return *this;
}

Recording::~Recording() { release(); }

void Recording::release() {
    const auto& fn = device_->fn();
    if (pool_) fn.vkDestroyCommandPool(device_->handle(), pool_, nullptr);
    if (descriptors_) fn.vkDestroyDescriptorPool(device_->handle(), descriptors_, nullptr);
    if (queries_) fn.vkDestroyQueryPool(device_->handle(), queries_, nullptr);
    pool_ = VK_NULL_HANDLE;
    descriptors_ = VK_NULL_HANDLE;
    queries_ = VK_NULL_HANDLE;
}

Status Recording::allocate_sets(std::vector<VkDescriptorSet>& sets) {
    const auto& fn = device_->fn();
    uint32_t buffers = 1;
    for (const Call& call : program_.calls) buffers += call.kernel->binding_count;
    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, buffers};
    VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    pool.maxSets = uint32_t(program_.calls.size() + 1);
    pool.poolSizeCount = 1;
    pool.pPoolSizes = &size;
    weft_TRY(check(fn.vkCreateDescriptorPool(device_->handle(), &pool, nullptr, &descriptors_),
                   "vkCreateDescriptorPool", "a recording"));
    for (const Call& call : program_.calls) {
        weft_ASSIGN(const Pipeline pipeline, device_->pipelines().get({call.kernel, call.variant, call.spec}));
        VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
        info.descriptorPool = descriptors_;
        info.descriptorSetCount = 1;
        info.pSetLayouts = &pipeline.set_layout;
        VkDescriptorSet set = VK_NULL_HANDLE;
        weft_TRY(
            check(fn.vkAllocateDescriptorSets(device_->handle(), &info, &set), "vkAllocateDescriptorSets", call.label));
        std::vector<VkDescriptorBufferInfo> infos(call.kernel->binding_count);
        std::vector<VkWriteDescriptorSet> writes(call.kernel->binding_count);
        for (uint32_t i = 0; i < call.kernel->binding_count; ++i) {
            const Slice slice = program_.slice_of(call.arguments[i]);
            weft_CHECK(slice.buffer, call.kernel->bindings[i].name);
            infos[i] = {slice.buffer, slice.offset, slice.size};
            writes[i] = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, nullptr, set,       i,      0, 1,
                         VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,      nullptr, &infos[i], nullptr};
        }
        fn.vkUpdateDescriptorSets(device_->handle(), uint32_t(writes.size()), writes.data(), 0, nullptr);
        sets.push_back(set);
    }
    return Ok{};
}

Status Recording::record(const RecordingOptions& options) {
    const auto& fn = device_->fn();
    std::vector<VkDescriptorSet> sets;
    weft_TRY(allocate_sets(sets));
    if (options.timestamps && device_->limits().timestamp_ns > 0) {
        VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
        info.queryType = VK_QUERY_TYPE_TIMESTAMP;
        info.queryCount = uint32_t(2 * program_.calls.size());
        weft_TRY(check(fn.vkCreateQueryPool(device_->handle(), &info, nullptr, &queries_), "vkCreateQueryPool",
                       "a recording"));
    }
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.queueFamilyIndex = device_->queue_family();
    weft_TRY(
        check(fn.vkCreateCommandPool(device_->handle(), &pool, nullptr, &pool_), "vkCreateCommandPool", "a recording"));
    segments_.resize(program_.segments.size());
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_SECONDARY;
    info.commandBufferCount = uint32_t(segments_.size());
    weft_TRY(check(fn.vkAllocateCommandBuffers(device_->handle(), &info, segments_.data()), "vkAllocateCommandBuffers",
                   "a recording"));

    const Slice grid = program_.grid_arguments ? program_.slice_of(program_.grid_arguments) : Slice{};
    const std::vector<Wait> wait = waits(program_);
    size_t at = 0;
    for (size_t s = 0; s < segments_.size(); ++s) {
        const VkCommandBuffer commands = segments_[s];
        VkCommandBufferInheritanceInfo inheritance{VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO};
        VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
        // Several decode steps in one submission execute the same segment several times.
        begin.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
        begin.pInheritanceInfo = &inheritance;
        weft_TRY(check(fn.vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer", program_.segments[s]));
        VkPipeline bound = VK_NULL_HANDLE;
        for (; at < program_.calls.size() && program_.calls[at].segment == s; ++at) {
            const Call& call = program_.calls[at];
            weft_ASSIGN(const Pipeline pipeline, device_->pipelines().get({call.kernel, call.variant, call.spec}));
            if (wait[at] != Wait::none || queries_) barrier(*device_, commands, wait[at]);
            if (pipeline.handle != bound)
                fn.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
            bound = pipeline.handle;
            fn.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &sets[at], 0,
                                       nullptr);
            if (!call.push.empty())
                fn.vkCmdPushConstants(commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                      uint32_t(call.push.size()), call.push.data());
            if (queries_)
                fn.vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, uint32_t(2 * at));
            if (call.indirect()) {
                weft_CHECK(grid.buffer, "an indirect dispatch needs Recorder::set_grid_arguments");
                fn.vkCmdDispatchIndirect(commands, grid.buffer, grid.offset + uint64_t(call.grid_row) * 16);
            } else {
                uint32_t groups[3];
                for (int i = 0; i < 3; ++i) {
                    groups[i] = ((call.threads[i].count + call.threads[i].divisor - 1) / call.threads[i].divisor +
                                 call.local[i] - 1) /
                                call.local[i];
                    if (groups[i] > device_->limits().groups[i])
                        return Error{ErrorCode::unsupported,
                                     call.label + ": " + std::to_string(groups[i]) + " workgroups along axis " +
                                         std::to_string(i) + ", the device allows " +
                                         std::to_string(device_->limits().groups[i]),
                                     {}};
                }
                if (groups[0] && groups[1] && groups[2]) fn.vkCmdDispatch(commands, groups[0], groups[1], groups[2]);
            }
            if (queries_)
                fn.vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, uint32_t(2 * at + 1));
        }
        weft_TRY(check(fn.vkEndCommandBuffer(commands), "vkEndCommandBuffer", program_.segments[s]));
    }
    return Ok{};
}

void Recording::execute(VkCommandBuffer primary, size_t first, size_t last) const {
    if (queries_ && first == 0)
        device_->fn().vkCmdResetQueryPool(primary, queries_, 0, uint32_t(2 * program_.calls.size()));
    if (last > first) device_->fn().vkCmdExecuteCommands(primary, uint32_t(last - first), segments_.data() + first);
}

Result<std::vector<double>> Recording::call_times() const {
    if (!queries_)
        return Error{ErrorCode::unsupported,
                     "this recording has no timestamps (the queue of " + device_->summary().name + " may lack them)",
                     {}};
    std::vector<uint64_t> ticks(2 * program_.calls.size());
    weft_TRY(check(device_->fn().vkGetQueryPoolResults(device_->handle(), queries_, 0, uint32_t(ticks.size()),
                                                       ticks.size() * 8, ticks.data(), 8,
                                                       VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                   "vkGetQueryPoolResults", "a recording"));
    std::vector<double> times(program_.calls.size());
    // The counter wraps.
    for (size_t i = 0; i < times.size(); ++i)
        times[i] = double((ticks[2 * i + 1] - ticks[2 * i]) & device_->limits().timestamp_mask) *
                   device_->limits().timestamp_ns;
    return times;
}

} // namespace weft::detail::vk
