// SPDX-License-Identifier: Apache-2.0
// L3: attention over a memory: the keys and values that another stage has left (memory.hpp).
#pragma once
#include "layers/memory.hpp"

namespace weft::detail {

/// out(softmax(scale * q k^T) v), k and v those of the memory, all of which every query sees.
struct CrossAttentionSpec {
    static constexpr const char* name = "cross_attention";
    static constexpr uint32_t colour = 0xe89f4c;

    MemoryShape memory; ///< heads: those of k and v
    uint32_t heads = 0; ///< of q
    Linear q;
    float scale = 1;
    Linear out;
    StateId keys = kNoState, values = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
