// SPDX-License-Identifier: Apache-2.0
// L3: neighbouring patches as one row.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// The rows of each rectangle of another stage's patches side by side, as columns, or their mean, or of each channel
/// the largest number: for stages whose rows are merged. Reads no stream.
struct MergeSpec {
    static constexpr const char* name = "merge";
    static constexpr uint32_t colour = 0xb8b8b8;
    static constexpr bool source = true;

    bool mean = false, largest = false;
    /// Side by side: down the rectangle's columns, one after another (Swin), not across its rows.
    bool columns_first = false;

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
