// SPDX-License-Identifier: Apache-2.0
// L1: Recorder collects typed dispatches into a Program: plain data that is planned, recorded and replayed by others.
#pragma once
#include "vulkan/device.hpp"
#include "vulkan/program.hpp"
#include <cstring>
#include <optional>
#include <type_traits>

namespace weft::detail::vk {

/// Collects calls. Nothing here touches the device; errors of use are programmer errors and end the process. What does
/// not fit the device is not one of them: it is finish()'s error, and what is recorded beside it is never run.
class Recorder {
public:
    explicit Recorder(const Device& device) : device_(device), machine_(device.machine()) { segment("start"); }

    const Device& device() const { return device_; }
    /// What kernels choose their shapes by.
    const Machine& machine() const { return machine_; }
    /// True if the device has the feature and it was not disabled.
    bool has(Feature f) const { return device_.features().has(f); }

    /// A tensor that lives in `slice`, made by somebody else: weights, states, the step block.
    Tensor external(const Slice& slice, DType dtype, std::initializer_list<uint32_t> shape, const std::string& name);
    /// A tensor that lives only from its first write to its last read; planned into the activation arena.
    Tensor temporary(DType dtype, std::initializer_list<uint32_t> shape, const std::string& name);
    /// The tensor, or if there is none a binding for a buffer that the next call does not use: one word that nobody
    /// reads, and no other call's, or calls would wait for each other.
    Tensor or_unused(const Tensor& t);
    /// Calls from here on belong to a new segment, a unit of submission.
    void segment(const std::string& name) { program_.segments.push_back(name); }
    /// What is known of a number that changes from step to step.
    struct Word {
        uint32_t most = 1;  ///< grids of any step whose numbers are at most these must fit what the device dispatches
        bool exact = false; ///< dispatches of this many, directly: kernels with effects pass over what is not there
    };
    /// Words of extents from here on are counted from word `first` of the table; without it no step is known.
    void set_words(uint32_t first, std::vector<Word> words) {
        first_word_ = first;
        words_ = std::move(words);
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

    /// The call that wrote all of `t`, a temporary, if `t` and what that call read are still as they were then; or
    /// null. Valid until the next dispatch.
    const Call* made_by(const Tensor& t) const;

    /// Hands the program over, without calls whose results nobody reads; the recorder is empty afterwards. Fails
    /// (unsupported) with what does not fit.
    Result<Program> finish();

private:
    void add(Call call);
    void check_workgroup(const Call& call);
    void drop_unread();
    void check_grid(const Call& call);
    const Device& device_;
    Machine machine_;
    Program program_;
    uint32_t first_word_ = 0;
    std::vector<Word> words_;
    std::optional<Error> misfit_;
    Tensor unused_; // of the next call, once it has one
};

} // namespace weft::detail::vk
