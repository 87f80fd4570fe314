// SPDX-License-Identifier: Apache-2.0
#include "vulkan/uploader.hpp"
#include "base/check.hpp"
#include <algorithm>
#include <cstring>

namespace weft::detail::vk {
namespace {

constexpr const char* kWhat = "uploads";

} // namespace

Result<Uploader> Uploader::create(const Device& device, uint64_t staging_bytes) {
    Uploader u(device, staging_bytes);
    const auto& fn = device.fn();
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
    pool.queueFamilyIndex = device.queue_family();
    weft_TRY(check(fn.vkCreateCommandPool(device.handle(), &pool, nullptr, &u.pool_), "vkCreateCommandPool", kWhat));
    for (Buffer& buffer : u.buffers_) {
        VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
        info.commandPool = u.pool_;
        info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
        info.commandBufferCount = 1;
        weft_TRY(check(fn.vkAllocateCommandBuffers(device.handle(), &info, &buffer.commands),
                       "vkAllocateCommandBuffers", kWhat));
        VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
        weft_TRY(check(fn.vkCreateFence(device.handle(), &fence, nullptr, &buffer.fence), "vkCreateFence", kWhat));
    }
    return u;
}

Uploader::Uploader(Uploader&& other) noexcept
    : device_(other.device_), staging_bytes_(other.staging_bytes_), staging_(std::move(other.staging_)),
      pool_(std::exchange(other.pool_, VK_NULL_HANDLE)), buffers_(std::exchange(other.buffers_, {})), at_(other.at_),
      submissions_(other.submissions_) {}

Uploader::~Uploader() {
    for (Buffer& buffer : buffers_) {
        (void)wait(buffer);
        if (buffer.fence) device_->fn().vkDestroyFence(device_->handle(), buffer.fence, nullptr);
    }
    if (pool_) device_->fn().vkDestroyCommandPool(device_->handle(), pool_, nullptr);
}

Status Uploader::wait(Buffer& buffer) {
    if (!std::exchange(buffer.submitted, false)) return Ok{};
    return check(device_->fn().vkWaitForFences(device_->handle(), 1, &buffer.fence, VK_TRUE, UINT64_MAX),
                 "vkWaitForFences", kWhat);
}

// Makes the current buffer ready for one command more, which comes after all others.
Status Uploader::begin() {
    Buffer& b = current();
    const auto& fn = device_->fn();
    if (!b.recording) {
        weft_TRY(wait(b));
        b.used = 0;
        VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
        begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
        weft_TRY(check(fn.vkBeginCommandBuffer(b.commands, &begin), "vkBeginCommandBuffer", kWhat));
        b.recording = true;
    }
    VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    fn.vkCmdPipelineBarrier(b.commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                            VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
    return Ok{};
}

// Room for so many bytes at `used` of the current buffer.
Status Uploader::reserve(uint64_t bytes) {
    if (current().recording && current().used + bytes > current().memory.size) weft_TRY(flush());
    weft_TRY(begin());
    if (current().memory.size < bytes) {
        weft_ASSIGN(current().memory, staging_.allocate(std::max(bytes, staging_bytes_)));
    }
    return Ok{};
}

void Uploader::record_copy(const Slice& from, const Slice& to) {
    const VkBufferCopy region{from.offset, to.offset, from.size};
    device_->fn().vkCmdCopyBuffer(current().commands, from.buffer, to.buffer, 1, &region);
}

Result<std::byte*> Uploader::stage(const Slice& to) {
    if (to.mapped || to.size == 0) return to.mapped;
    weft_TRY(reserve(to.size));
    Buffer& b = current();
    const Slice from = b.memory.part(b.used, to.size);
    b.used += to.size;
    record_copy(from, to);
    return from.mapped;
}

Status Uploader::put(const Slice& to, std::span<const std::byte> bytes) {
    weft_CHECK(bytes.size() <= to.size, "an upload must fit its slice");
    for (uint64_t done = 0, part; done < bytes.size(); done += part) {
        part = std::min<uint64_t>(staging_bytes_, bytes.size() - done);
        weft_ASSIGN(std::byte* const at, stage(to.part(done, part)));
        std::memcpy(at, bytes.data() + done, part);
    }
    return Ok{};
}

Result<VkCommandBuffer> Uploader::staged() {
    Buffer& b = current();
    if (!std::exchange(b.recording, false)) return VkCommandBuffer(VK_NULL_HANDLE);
    VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT;
    device_->fn().vkCmdPipelineBarrier(b.commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                       VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                                       &barrier, 0, nullptr, 0, nullptr);
    weft_TRY(check(device_->fn().vkEndCommandBuffer(b.commands), "vkEndCommandBuffer", kWhat));
    at_ = (at_ + 1) % buffers_.size();
    return b.commands;
}

Status Uploader::flush() {
    Buffer& b = current();
    weft_ASSIGN(const VkCommandBuffer commands, staged());
    if (!commands) return Ok{};
    weft_TRY(check(device_->fn().vkResetFences(device_->handle(), 1, &b.fence), "vkResetFences", kWhat));
    weft_TRY(device_->submit({&commands, 1}, b.fence));
    b.submitted = true;
    ++submissions_;
    return Ok{};
}

Status Uploader::finish() {
    weft_TRY(flush());
    for (Buffer& buffer : buffers_) weft_TRY(wait(buffer));
    return Ok{};
}

Status Uploader::write(const Slice& to, std::span<const std::byte> bytes) {
    weft_TRY(put(to, bytes));
    return finish();
}

Status Uploader::read(const Slice& from, std::span<std::byte> bytes) {
    weft_CHECK(bytes.size() <= from.size, "a read must fit its slice");
    if (bytes.empty()) return Ok{};
    if (device_->summary().memory.reads_in_place(from.mapped, from.cached, bytes.size())) {
        std::memcpy(bytes.data(), from.mapped, bytes.size());
        return Ok{};
    }
    for (uint64_t done = 0, part; done < bytes.size(); done += part) {
        part = std::min<uint64_t>(staging_bytes_, bytes.size() - done);
        weft_TRY(reserve(part));
        const Slice to = current().memory.part(current().used, part);
        record_copy(from.part(done, part), to);
        weft_TRY(finish());
        std::memcpy(bytes.data() + done, to.mapped, part);
    }
    return Ok{};
}

Status Uploader::copy(std::span<const Copy> copies) {
    if (copies.empty()) return Ok{};
    weft_TRY(begin());
    for (const Copy& c : copies) record_copy(c.from, c.to);
    return finish();
}

Status Uploader::fill_zero(const Slice& to) {
    if (to.size == 0) return Ok{};
    if (to.mapped) {
        std::memset(to.mapped, 0, to.size);
        return Ok{};
    }
    weft_TRY(begin());
    device_->fn().vkCmdFillBuffer(current().commands, to.buffer, to.offset, (to.size + 3) / 4 * 4, 0);
    return finish();
}

} // namespace weft::detail::vk
