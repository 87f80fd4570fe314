// SPDX-License-Identifier: Apache-2.0
#include "vulkan/memory.hpp"
#include "base/check.hpp"
#include "vulkan/tensor.hpp"
#include <algorithm>
#include <cstring>

namespace weft::detail::vk {
namespace {

// What small pieces share is allocated at most so much at once; a larger piece has a block of its own.
constexpr uint64_t kSharedBlock = uint64_t(1) << 30;

uint64_t aligned(uint64_t bytes) { return (bytes + Tensor::kAlignment - 1) / Tensor::kAlignment * Tensor::kAlignment; }

} // namespace

Arena::Arena(Arena&& other) noexcept
    : device_(other.device_), use_(other.use_), name_(std::move(other.name_)),
      blocks_(std::exchange(other.blocks_, {})) {}

Arena& Arena::operator=(Arena&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(use_, other.use_);
    std::swap(name_, other.name_);
    std::swap(blocks_, other.blocks_);
    return *this;
}

Arena::~Arena() { free_all(); }

void Arena::free_all() {
    const auto& fn = device_->fn();
    for (Block& block : blocks_) {
        fn.vkDestroyBuffer(device_->handle(), block.buffer, nullptr);
        fn.vkFreeMemory(device_->handle(), block.memory, nullptr);
        device_->give_back(block.size);
    }
    blocks_.clear();
}

uint64_t Arena::bytes() const {
    uint64_t total = 0;
    for (const Block& block : blocks_) total += block.size;
    return total;
}

Result<Arena::Block> Arena::make_block(uint64_t bytes) {
    Block block;
    block.size = bytes;
    weft_TRY(device_->take(bytes, name_));
    const auto& fn = device_->fn();
    const auto fail = [&](Error error) {
        if (block.buffer) fn.vkDestroyBuffer(device_->handle(), block.buffer, nullptr);
        if (block.memory) fn.vkFreeMemory(device_->handle(), block.memory, nullptr);
        device_->give_back(bytes);
        return error;
    };
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = bytes;
    info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    if (auto status =
            check(fn.vkCreateBuffer(device_->handle(), &info, nullptr, &block.buffer), "vkCreateBuffer", name_);
        !status)
        return fail(status.error());
    VkMemoryRequirements needs;
    fn.vkGetBufferMemoryRequirements(device_->handle(), block.buffer, &needs);
    const bool visible = use_ != MemoryUse::device || device_->unified_memory();
    const int type =
        device_->memory_type(needs.memoryTypeBits, use_ == MemoryUse::device, visible, use_ == MemoryUse::readback);
    if (type < 0) return fail({ErrorCode::unsupported, name_ + ": the device has no memory of the kind needed", {}});
    VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    allocation.allocationSize = needs.size;
    allocation.memoryTypeIndex = uint32_t(type);
    if (auto status = check(fn.vkAllocateMemory(device_->handle(), &allocation, nullptr, &block.memory),
                            "vkAllocateMemory", name_ + " (" + std::to_string(bytes >> 20) + " MiB)");
        !status)
        return fail(status.error());
    if (auto status =
            check(fn.vkBindBufferMemory(device_->handle(), block.buffer, block.memory, 0), "vkBindBufferMemory", name_);
        !status)
        return fail(status.error());
    if (visible) {
        void* mapped = nullptr;
        if (auto status = check(fn.vkMapMemory(device_->handle(), block.memory, 0, VK_WHOLE_SIZE, 0, &mapped),
                                "vkMapMemory", name_);
            !status)
            return fail(status.error());
        block.mapped = static_cast<std::byte*>(mapped);
    }
    device_->set_name(VK_OBJECT_TYPE_BUFFER, uint64_t(block.buffer), name_);
    return block;
}

Result<Slice> Arena::allocate(uint64_t bytes, uint64_t coming) {
    const uint64_t size = aligned(std::max<uint64_t>(bytes, 4)); // an empty tensor still needs something to bind
    for (Block& block : blocks_)
        if (block.size - block.used >= size) {
            const Slice slice{block.buffer, block.used, bytes, block.mapped ? block.mapped + block.used : nullptr};
            block.used += size;
            return slice;
        }
    const uint64_t largest = device_->limits().allocation;
    if (size > largest)
        return Error{ErrorCode::out_of_memory,
                     name_ + ": one piece of " + std::to_string(bytes >> 20) +
                         " MiB is more than this device allocates at once (" + std::to_string(largest >> 20) + " MiB)",
                     {}};
    weft_ASSIGN(Block block, make_block(std::max(size, std::min({kSharedBlock, largest, aligned(coming)}))));
    blocks_.push_back(block);
    return allocate(bytes);
}

Result<Uploader> Uploader::create(const Device& device, uint64_t staging_bytes) {
    Uploader u(device);
    weft_ASSIGN(u.buffer_, u.staging_.allocate(staging_bytes));
    const auto& fn = device.fn();
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
    pool.queueFamilyIndex = device.queue_family();
    weft_TRY(
        check(fn.vkCreateCommandPool(device.handle(), &pool, nullptr, &u.pool_), "vkCreateCommandPool", "uploads"));
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = u.pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    weft_TRY(check(fn.vkAllocateCommandBuffers(device.handle(), &info, &u.commands_), "vkAllocateCommandBuffers",
                   "uploads"));
    return u;
}

Uploader::Uploader(Uploader&& other) noexcept
    : device_(other.device_), staging_(std::move(other.staging_)), buffer_(other.buffer_),
      pool_(std::exchange(other.pool_, VK_NULL_HANDLE)), commands_(other.commands_), submissions_(other.submissions_) {}

Uploader::~Uploader() {
    if (pool_) device_->fn().vkDestroyCommandPool(device_->handle(), pool_, nullptr);
}

template <class Record>
Status Uploader::run(Record&& record) {
    const auto& fn = device_->fn();
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    weft_TRY(check(fn.vkBeginCommandBuffer(commands_, &begin), "vkBeginCommandBuffer", "uploads"));
    VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    constexpr VkPipelineStageFlags work = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    fn.vkCmdPipelineBarrier(commands_, work, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
    record();
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT;
    fn.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT,
                            VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
                            nullptr, 0, nullptr);
    weft_TRY(check(fn.vkEndCommandBuffer(commands_), "vkEndCommandBuffer", "uploads"));
    ++submissions_;
    return device_->run({&commands_, 1});
}

Status Uploader::write(const Slice& to, std::span<const std::byte> bytes) {
    weft_CHECK(bytes.size() <= to.size, "an upload must fit its slice");
    if (bytes.empty()) return Ok{};
    if (to.mapped) {
        std::memcpy(to.mapped, bytes.data(), bytes.size());
        return Ok{};
    }
    for (uint64_t done = 0; done < bytes.size();) {
        const uint64_t part = std::min<uint64_t>(buffer_.size, bytes.size() - done);
        std::memcpy(buffer_.mapped, bytes.data() + done, part);
        const VkBufferCopy region{buffer_.offset, to.offset + done, part};
        weft_TRY(run([&] { device_->fn().vkCmdCopyBuffer(commands_, buffer_.buffer, to.buffer, 1, &region); }));
        done += part;
    }
    return Ok{};
}

Status Uploader::read(const Slice& from, std::span<std::byte> bytes) {
    weft_CHECK(bytes.size() <= from.size, "a read must fit its slice");
    if (bytes.empty()) return Ok{};
    if (from.mapped) {
        std::memcpy(bytes.data(), from.mapped, bytes.size());
        return Ok{};
    }
    for (uint64_t done = 0; done < bytes.size();) {
        const uint64_t part = std::min<uint64_t>(buffer_.size, bytes.size() - done);
        const VkBufferCopy region{from.offset + done, buffer_.offset, part};
        weft_TRY(run([&] { device_->fn().vkCmdCopyBuffer(commands_, from.buffer, buffer_.buffer, 1, &region); }));
        std::memcpy(bytes.data() + done, buffer_.mapped, part);
        done += part;
    }
    return Ok{};
}

Status Uploader::copy(std::span<const Copy> copies) {
    if (copies.empty()) return Ok{};
    return run([&] {
        for (const Copy& c : copies) {
            const VkBufferCopy region{c.from.offset, c.to.offset, c.from.size};
            device_->fn().vkCmdCopyBuffer(commands_, c.from.buffer, c.to.buffer, 1, &region);
        }
    });
}

Status Uploader::fill_zero(const Slice& to) {
    if (to.size == 0) return Ok{};
    if (to.mapped) {
        std::memset(to.mapped, 0, to.size);
        return Ok{};
    }
    return run([&] { device_->fn().vkCmdFillBuffer(commands_, to.buffer, to.offset, (to.size + 3) / 4 * 4, 0); });
}

} // namespace weft::detail::vk
