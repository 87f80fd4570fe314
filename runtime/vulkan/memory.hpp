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

    explicit operator bool() const { return buffer != VK_NULL_HANDLE; }
    Slice part(uint64_t first, uint64_t bytes) const {
        return {buffer, offset + first, bytes, mapped ? mapped + first : nullptr};
    }
};

enum class MemoryUse {
    device,   ///< weights, activations, states: fastest for shaders; mapped only where memory is unified
    upload,   ///< written by the host, read by copies or shaders
    readback, ///< written by the device, read by the host
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
    };
    Result<Block> make_block(uint64_t bytes);
    void free_all();

    const Device* device_ = nullptr;
    MemoryUse use_ = MemoryUse::device;
    std::string name_;
    std::vector<Block> blocks_;
};

/// One copy on the device; both slices have the same size.
struct Copy {
    Slice from, to;
};

/// Copies host bytes to the device through mapped memory, or through a staging buffer where
/// there is none. One thread at a time.
class Uploader {
public:
    static Result<Uploader> create(const Device& device, uint64_t staging_bytes = uint64_t(16) << 20);
    Uploader(Uploader&& other) noexcept;
    ~Uploader();

    Status write(const Slice& to, std::span<const std::byte> bytes);
    Status read(const Slice& from, std::span<std::byte> bytes);
    Status fill_zero(const Slice& to);
    /// Copies on the device, all in one submission; none without copies.
    Status copy(std::span<const Copy> copies);
    uint64_t submissions() const { return submissions_; }

private:
    explicit Uploader(const Device& device) : device_(&device), staging_(device, MemoryUse::readback, "staging") {}
    template <class Record>
    Status run(Record&& record);

    const Device* device_;
    Arena staging_;
    Slice buffer_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;
    uint64_t submissions_ = 0;
};

} // namespace weft::detail::vk
