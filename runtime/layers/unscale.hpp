// SPDX-License-Identifier: Apache-2.0
// L3: what was computed of a scaled series, in the series' own measure.
#pragma once
#include "kernels/series.hpp"
#include "layers/op.hpp"

namespace weft::detail {

/// x * scale + loc with those of the row's channel: for stages whose rows are the channels of a series, in their order.
struct UnscaleSpec {
    static constexpr const char* name = "unscale";
    static constexpr uint32_t colour = 0xd8d8d8;

    kernel::SeriesScale scale; ///< as SeriesSpec has it

    void fields(Fields& f, const Widths& w);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
