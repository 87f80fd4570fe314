// SPDX-License-Identifier: Apache-2.0
// L3: one row of some of a sequence's.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// The mean of some of the rows that a stage with one row a sequence is made of: at most `most` from `skip` on; zeros
/// where there are none. Reads no stream.
struct PoolSpec {
    static constexpr const char* name = "pool";
    static constexpr uint32_t colour = 0xb8b8b8;
    static constexpr bool source = true;

    uint32_t skip = 0;
    uint32_t most = 0; ///< 0: all that there are

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
