// SPDX-License-Identifier: Apache-2.0
// L1: device memory as a few large blocks handed out by bumping a pointer, under the Device's budget.
#pragma once
#include "vulkan/device.hpp"
#include <cstddef>

namespace weft::detail::vk {

/// A range of a VkBuffer. Owns nothing; lives as long as the Arena that gave it.
struct Slice {
    VkBuffer buffer = VK_NULL_HANDLE;
    uint64_t offset = 0, size = 0;
    std::byte* mapped = nullptr; ///< the host's address of the first byte, or null
    bool cached = false;         ///< by the host

    explicit operator bool() const { return buffer != VK_NULL_HANDLE; }
    Slice part(uint64_t first, uint64_t bytes) const {
        return {buffer, offset + first, bytes, mapped ? mapped + first : nullptr, cached};
    }
};

/// Grows by whole blocks, frees all at once. Move-only. One thread at a time.
class Arena {
public:
    Arena(const Device& device, MemoryUse use, std::string name)
        : device_(&device), use_(use), name_(std::move(name)) {}
    Arena(Arena&& other) noexcept;
    Arena& operator=(Arena&& other) noexcept;
    ~Arena();

    /// `bytes` aligned to Tensor::kAlignment, contents undefined. `coming` says how much will be asked for in all
    /// from now on, so that one block can hold it.
    Result<Slice> allocate(uint64_t bytes, uint64_t coming = 0);
    uint64_t bytes() const;

private:
    struct Block {
        VkBuffer buffer = VK_NULL_HANDLE;
        VkDeviceMemory memory = VK_NULL_HANDLE;
        uint64_t size = 0, used = 0;
        std::byte* mapped = nullptr;
        uint32_t heap = 0;
        bool cached = false;
    };
    Result<Block> make_block(uint64_t bytes);
    Status allocate_memory(Block& block);
    void destroy(const Block& block);
    void free_all();

    const Device* device_ = nullptr;
    MemoryUse use_ = MemoryUse::device;
    std::string name_;
    std::vector<Block> blocks_;
};

} // namespace weft::detail::vk
