// SPDX-License-Identifier: Apache-2.0
// L3: rows of tables: of tokens, of token types, of positions.
#pragma once
#include "layers/input.hpp"
#include "layers/op.hpp"

namespace weft::detail {

/// scale * table[ids] + positions[position + position_offset]. Reads no stream.
struct EmbedSpec {
    static constexpr const char* name = "embed";
    static constexpr uint32_t colour = 0xb8b8b8;
    static constexpr bool source = true;

    std::string input = kTokens;
    uint32_t rows = 0;              ///< of the table: ids are below it
    WeightId table = kNoWeight;     ///< [rows, width]
    WeightId positions = kNoWeight; ///< learned positions [position limit + offset, width]
    uint32_t position_offset = 0;
    float scale = 1; ///< of the table's row alone

    void fields(Fields& f, const Widths& w);
    void inputs(Inputs& i) const;
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    std::string words() const;
};

} // namespace weft::detail
