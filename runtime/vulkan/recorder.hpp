// SPDX-License-Identifier: Apache-2.0
// L1: Recorder collects typed dispatches into a Program: plain data that is planned, recorded and replayed by others.
#pragma once
#include "vulkan/device.hpp"
#include "vulkan/kernel_info.hpp"
#include "vulkan/machine.hpp"
#include "vulkan/memory.hpp"
#include "vulkan/pipelines.hpp"
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace weft::detail::vk {

/// A number of threads: ceil(count * N / divisor), where N is a number that changes from step to step, by its word in
/// a table that the device reads (Recorder::set_words): such dispatches are indirect, so that a recording serves every
/// size within its bucket. Word 0: N is 1, and the dispatch direct.
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
};

/// Collects calls. Nothing here touches the device; errors of use are programmer errors and end the process. What does
/// not fit the device is not one of them: it is finish()'s error, and what is recorded beside it is never run.
class Recorder {
public:
    explicit Recorder(const Device& device) : Recorder(device, machine_of(device.summary())) {}
    /// With the shapes of another machine than the device: tests make it.
    Recorder(const Device& device, const Machine& machine) : device_(device), machine_(machine) { segment("start"); }

    const Device& device() const { return device_; }
    /// What kernels choose their shapes by.
    const Machine& machine() const { return machine_; }
    /// True if the device has the feature and it was not disabled.
    bool has(Feature f) const { return device_.features().has(f); }

    /// A tensor that lives in `slice`, made by somebody else: weights, states, the step block.
    Tensor external(const Slice& slice, DType dtype, std::initializer_list<uint32_t> shape, const std::string& name);
    /// A tensor that lives only from its first write to its last read; planned into the activation arena.
    Tensor temporary(DType dtype, std::initializer_list<uint32_t> shape, const std::string& name);
    /// A binding for a buffer that this call does not use: one word that nobody reads.
    Tensor unused();
    /// Calls from here on belong to a new segment, a unit of submission.
    void segment(const std::string& name) { program_.segments.push_back(name); }
    /// Words of extents from here on are counted from word `first` of the table. Grids of any step whose numbers are at
    /// most `most`, by their words, must fit what the device dispatches; without it no step is known.
    void set_words(uint32_t first, std::vector<uint64_t> most) {
        first_word_ = first;
        most_ = std::move(most);
    }
    /// Notes a thing that is larger than the device takes; finish() says the first.
    void misfit(const std::string& what);
    /// Where indirect dispatches find their sizes. Must be set before the first dispatch that needs it.
    void set_grid_arguments(const Tensor& arguments) { program_.grid_arguments = arguments; }

    template <class K>
    void dispatch(typename K::Variant variant, const typename K::Spec& spec, const typename K::Buffers& buffers,
                  const typename K::Push& push, const Threads& threads, const std::string& label = "") {
        static_assert(std::is_trivially_copyable_v<typename K::Buffers>);
        Call call;
        call.kernel = &K::info;
        call.variant = uint32_t(variant);
        call.spec.resize(K::info.spec_count);
        if (K::info.spec_count) std::memcpy(call.spec.data(), &spec, 4 * K::info.spec_count);
        call.arguments.resize(K::info.binding_count);
        std::memcpy(static_cast<void*>(call.arguments.data()), &buffers, K::info.binding_count * sizeof(Tensor));
        call.push.resize(K::info.push_bytes);
        if (K::info.push_bytes) std::memcpy(call.push.data(), &push, K::info.push_bytes);
        call.threads[0] = threads.x;
        call.threads[1] = threads.y;
        call.threads[2] = threads.z;
        call.label = label.empty() ? K::info.name : label;
        add(std::move(call));
    }

    /// Hands the program over; the recorder is empty afterwards. Fails (unsupported) with what does not fit.
    Result<Program> finish();

private:
    void add(Call call);
    void check_grid(const Call& call);
    const Device& device_;
    Machine machine_;
    Program program_;
    uint32_t first_word_ = 0;
    std::vector<uint64_t> most_;
    std::optional<Error> misfit_;
    Tensor unused_;
};

} // namespace weft::detail::vk
