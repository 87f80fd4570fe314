// SPDX-License-Identifier: Apache-2.0
// L3: one row of a sequence's, by attention with a learned query.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// out(softmax(scale * q(probe) k^T) v) over the rows that a stage with one row a sequence is made of; k and v are
/// theirs. Reads no stream.
struct AttentionPoolSpec {
    static constexpr const char* name = "attention_pool";
    static constexpr uint32_t colour = 0xf2b872;
    static constexpr bool source = true;

    uint32_t heads = 0;
    WeightId probe = kNoWeight; ///< f32 [1, width of the rows]
    Linear q;                   ///< of the probe; heads share its rows evenly
    Linear kv;                  ///< of the rows: k, then v, each as wide as q
    float scale = 1;
    Linear out;

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
