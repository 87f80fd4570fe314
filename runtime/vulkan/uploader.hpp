// SPDX-License-Identifier: Apache-2.0
// L1: bytes between the host and the device: in place where memory is mapped, else through a ring of staging buffers.
#pragma once
#include "vulkan/memory.hpp"

namespace weft::detail::vk {

/// One copy on the device; both slices have the same size.
struct Copy {
    Slice from, to;
};

/// What it copies is done in the order in which it was asked for, and before what is submitted later. In mapped memory
/// it writes at once, so that nothing that reads there may be under way. Staging buffers are made when the first copy
/// needs them. What it copies to outlives it, or finish(). Move-only. One thread at a time.
class Uploader {
public:
    /// `staging_bytes`: of each of the two staging buffers; one that is asked for more becomes larger.
    static Result<Uploader> create(const Device& device, uint64_t staging_bytes = uint64_t(16) << 20);
    Uploader(Uploader&& other) noexcept;
    ~Uploader();

    /// Where the host writes the bytes of `to`, all of them, before the next call: in place, or in a staging buffer
    /// from where a submission copies them, that of staged(), flush() or a full buffer. Slow to read.
    Result<std::byte*> stage(const Slice& to);
    /// stage() and write, in as many parts as the buffers take.
    Status put(const Slice& to, std::span<const std::byte> bytes);
    /// The commands for what is staged, null where nothing is: of a submission that the caller makes, and waits for
    /// before he stages again.
    Result<VkCommandBuffer> staged();
    /// Submits what is staged, and waits only for a buffer that is still read from.
    Status flush();
    /// Submits what is staged, and waits until nothing is under way.
    Status finish();

    Status write(const Slice& to, std::span<const std::byte> bytes);
    Status read(const Slice& from, std::span<std::byte> bytes);
    Status fill_zero(const Slice& to);
    /// Copies on the device, all in one submission; none without copies.
    Status copy(std::span<const Copy> copies);
    uint64_t submissions() const { return submissions_; }

private:
    struct Buffer {
        Slice memory;
        uint64_t used = 0;
        VkCommandBuffer commands = VK_NULL_HANDLE;
        VkFence fence = VK_NULL_HANDLE;
        bool recording = false, submitted = false;
    };
    Uploader(const Device& device, uint64_t staging_bytes)
        : device_(&device), staging_bytes_(staging_bytes), staging_(device, MemoryUse::readback, "staging") {}
    Buffer& current() { return buffers_[at_]; }
    Status begin();
    Status reserve(uint64_t bytes);
    Status wait(Buffer& buffer);
    void record_copy(const Slice& from, const Slice& to);

    const Device* device_;
    uint64_t staging_bytes_;
    Arena staging_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    std::vector<Buffer> buffers_ = std::vector<Buffer>(2);
    size_t at_ = 0;
    uint64_t submissions_ = 0;
};

} // namespace weft::detail::vk
