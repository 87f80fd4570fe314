// SPDX-License-Identifier: Apache-2.0
// L4: blocks as calls of kernels: the streams of one stage while it is lowered.
#pragma once
#include "layers/context.hpp"
#include "schedule/schedule.hpp"
#include <functional>

namespace weft::detail {

class StreamLowering {
public:
    /// Where the value of a stream that this block writes must lie; absent: anywhere.
    using Place = std::function<kernel::Tensor(StreamId, const Block&)>;
    /// `x`: what the residual stream holds from the start; absent: a block writes it first.
    StreamLowering(LayerContext& c, const Schedule& schedule, const Stage& stage, const kernel::Tensor& x, Place place);

    void lower(const Block& block);
    /// Gives the streams that start as the residual stream does their values.
    void start();
    kernel::Tensor value(StreamId id) const;
    /// The normed input of the block that was lowered last.
    const kernel::Tensor& normed() const { return normed_; }

private:
    void copy(const kernel::Tensor& from, const kernel::Tensor& to);
    void pick(const kernel::Tensor& from, const kernel::Tensor& index, const kernel::Tensor& to);
    kernel::Tensor picked(const kernel::Tensor& from, const kernel::Tensor& index, const char* name);
    void add(const kernel::Tensor& x, StreamId row_scale, const Destination& to);
    template <class InputFor>
    void lower_branches(const Block& block, const InputFor& input_for, const Destination& to);
    template <class InputFor>
    kernel::Tensor lower_in_view(const Block& block, const InputFor& input_for);
    void carry_states(const Block& block, const ViewRows& view);
    kernel::Tensor fresh(StreamId id, const Block& block);
    kernel::Tensor input_of(const Block& block, const ViewRows& view);
    kernel::Tensor old_value(const Block& block);
    void lower(const Branch& branch, const kernel::Tensor& x, const Destination& to);
    void lower_norm_to(const Norm& norm, const kernel::Tensor& x, const Destination& to);

    LayerContext& c_;
    const Schedule& schedule_;
    const Stage& stage_;
    const Place place_;
    std::vector<kernel::Tensor> values_; // of each stream at present
    kernel::Tensor normed_;
};

} // namespace weft::detail
