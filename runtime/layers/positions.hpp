// SPDX-License-Identifier: Apache-2.0
// L3: a table's row for each place in a sequence.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// table[position]: positions that are added to what a stage has made of another's rows. Reads no stream.
struct PositionsSpec {
    static constexpr const char* name = "positions";
    static constexpr uint32_t colour = 0xb8b8b8;
    static constexpr bool source = true;

    uint32_t rows = 0;          ///< of the table: sequences are no longer
    WeightId table = kNoWeight; ///< [rows, width]

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    std::string words() const;
};

} // namespace weft::detail
