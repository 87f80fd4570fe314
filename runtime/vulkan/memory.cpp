// SPDX-License-Identifier: Apache-2.0
#include "vulkan/memory.hpp"
#include "base/check.hpp"
#include "vulkan/tensor.hpp"
#include <algorithm>

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
    for (const Block& block : blocks_) destroy(block);
    blocks_.clear();
}

void Arena::destroy(const Block& block) {
    const auto& fn = device_->fn();
    fn.vkDestroyBuffer(device_->handle(), block.buffer, nullptr);
    fn.vkFreeMemory(device_->handle(), block.memory, nullptr);
    if (block.memory) device_->count(block.heap, -int64_t(block.size));
    device_->give_back(block.size);
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
        destroy(block);
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
    if (auto status = allocate_memory(block); !status) return fail(status.error());
    device_->set_name(VK_OBJECT_TYPE_BUFFER, uint64_t(block.buffer), name_);
    return block;
}

// In the first heap that suits the use and gives it.
Status Arena::allocate_memory(Block& block) {
    const auto& fn = device_->fn();
    VkMemoryRequirements needs;
    fn.vkGetBufferMemoryRequirements(device_->handle(), block.buffer, &needs);
    const MemoryLayout memory = device_->memory();
    const bool map = use_ != MemoryUse::device || device_->maps_memory();
    const auto types = memory.types_for(use_, map, needs.memoryTypeBits, needs.size);
    if (types.empty())
        return Error{ErrorCode::unsupported, name_ + ": the device has no memory of the kind needed", {}};
    const MemoryLayout::Type* type = nullptr;
    for (const uint32_t i : types) {
        // Beyond a budget drivers take the host's memory without a word; without one they know better what is left.
        const MemoryLayout::Heap& heap = memory.heaps[memory.types[i].heap];
        if ((memory.budgeted ? heap.room() : heap.size) < needs.size) continue;
        VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
        allocation.allocationSize = needs.size;
        allocation.memoryTypeIndex = i;
        VkDeviceMemory given = VK_NULL_HANDLE;
        const VkResult result = fn.vkAllocateMemory(device_->handle(), &allocation, nullptr, &given);
        if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY) continue; // others may have been faster
        weft_TRY(check(result, "vkAllocateMemory", name_));
        block.memory = given;
        type = &memory.types[i];
        break;
    }
    if (!type) return memory.no_room(name_, needs.size, types);
    block.heap = type->heap;
    device_->count(block.heap, int64_t(block.size));
    weft_TRY(
        check(fn.vkBindBufferMemory(device_->handle(), block.buffer, block.memory, 0), "vkBindBufferMemory", name_));
    if (!map || !type->visible) return Ok{};
    void* mapped = nullptr;
    weft_TRY(
        check(fn.vkMapMemory(device_->handle(), block.memory, 0, VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory", name_));
    block.mapped = static_cast<std::byte*>(mapped);
    block.cached = type->cached;
    return Ok{};
}

Result<Slice> Arena::allocate(uint64_t bytes, uint64_t coming) {
    const uint64_t size = aligned(std::max<uint64_t>(bytes, 4)); // an empty tensor still needs something to bind
    for (Block& block : blocks_)
        if (block.size - block.used >= size) {
            const Slice slice{block.buffer, block.used, bytes, block.mapped ? block.mapped + block.used : nullptr,
                              block.cached};
            block.used += size;
            return slice;
        }
    const uint64_t largest = device_->limits().allocation;
    if (size > largest)
        return Error{ErrorCode::out_of_memory,
                     name_ + ": one piece of " + std::to_string(bytes >> 20) +
                         " MiB is more than this device allocates at once (" + std::to_string(largest >> 20) + " MiB)",
                     {}};
    const uint64_t shared = std::max(size, std::min({kSharedBlock, largest, aligned(coming)}));
    auto block = make_block(shared);
    if (!block && block.error().code == ErrorCode::out_of_memory && shared > size) block = make_block(size);
    if (!block) return block.error();
    blocks_.push_back(*block);
    return allocate(bytes);
}

} // namespace weft::detail::vk
