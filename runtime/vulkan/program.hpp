// SPDX-License-Identifier: Apache-2.0
// L1: Program: dispatches as plain data, and what follows from them: their pipelines, and what waits for what.
#pragma once
#include "vulkan/kernel_info.hpp"
#include "vulkan/memory.hpp"
#include "vulkan/pipelines.hpp"
#include <span>
#include <string>
#include <vector>

namespace weft::detail::vk {

/// A number of threads: ceil(count * N / divisor), where N is a number that changes from step to step, by its word in
/// a table that the device reads (Recorder::set_words): such dispatches are indirect, so that a recording serves every
/// size within its bucket, but where the word is said to be exact. Word 0: N is 1, and the dispatch direct.
struct Extent {
    uint32_t count = 1;
    uint32_t per = 0;
    uint32_t divisor = 1;
    auto operator<=>(const Extent&) const = default;
};

/// Threads wanted along each axis; the recorder divides by the kernel's workgroup size and rounds up.
struct Threads {
    Extent x, y, z;
};

struct Resource {
    std::string name;
    uint64_t bytes = 0;
    Slice slice; ///< where it lies; for a temporary, set by the plan
    bool temporary = false;
    bool unused = false; ///< Recorder::or_unused()
};

/// One dispatch.
struct Call {
    const KernelInfo* kernel = nullptr;
    uint32_t variant = 0;
    std::vector<uint32_t> spec;
    std::vector<Tensor> arguments; ///< in binding order
    std::vector<std::byte> push;
    Extent threads[3];
    uint32_t local[3] = {1, 1, 1};
    int32_t grid_row = -1; ///< row of the grid table for an indirect dispatch
    std::string label;
    uint32_t segment = 0;
    bool indirect() const { return grid_row >= 0; }
};

/// One row of the table from which the `grids` kernel computes indirect dispatch sizes:
/// groups = ceil(ceil(count * words[per] / divisor) / local).
struct GridRow {
    struct Axis {
        uint32_t count, per, divisor, local;
    } axis[3];
};
static_assert(sizeof(GridRow) == 48);

struct Program {
    std::vector<Resource> resources;
    std::vector<Call> calls;
    std::vector<std::string> segments;
    std::vector<GridRow> grid_rows;
    Tensor grid_arguments; ///< u32 [rows, 4]: what vkCmdDispatchIndirect reads
    std::vector<PipelineKey> pipelines() const;
    Slice slice_of(const Tensor& t) const;
};

/// A range that a call reads or writes.
struct Touch {
    Slice slice;
    uint32_t unplaced = Tensor::kNone; ///< a temporary that has no place yet: its number, and it overlaps no other
    bool writes = false;
};
std::vector<Touch> touches(const Program& program, const Call& call);
/// Whether a call that touches `after` must wait for those that touch `before`.
bool conflict(std::span<const Touch> before, std::span<const Touch> after);

/// What stands before a call.
enum class Wait : uint8_t {
    none,
    work,      ///< what ran before has written what kernels read, and read what they write
    arguments, ///< and what indirect dispatches read
};

/// What each call of a placed program waits for: a call that reads what was written since the last wait, or writes what
/// was touched. Whatever ran before the program has touched everything, and written the sizes of its dispatches.
/// Uploads wait by themselves (Uploader).
std::vector<Wait> waits(const Program& program);

} // namespace weft::detail::vk
