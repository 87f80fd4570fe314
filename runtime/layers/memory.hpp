// SPDX-License-Identifier: Apache-2.0
// L3: keys and values of another stage's rows, for cross attention: an encoder's last op for each layer of a decoder.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// What an op that writes a memory and those that read it must agree on.
struct MemoryShape {
    std::string name;                                  ///< of the memory, in the schedule
    uint32_t heads = 0, head_size = 0, value_size = 0; ///< of keys and of values
    State keys() const;
    State values() const;
    uint64_t bytes(DType cache) const; ///< of a row, in caches of that type
};

/// keys | values = x W^T + b, as they are kept.
struct MemorySpec {
    static constexpr const char* name = "memory";
    static constexpr uint32_t colour = 0xf6d3a8;
    static constexpr bool sink = true;

    MemoryShape memory;
    Linear kv; ///< rows: k [G*d] | v [G*dv]
    StateId keys = kNoState, values = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
