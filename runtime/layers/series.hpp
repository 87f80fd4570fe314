// SPDX-License-Identifier: Apache-2.0
// L3: patches of time series as rows.
#pragma once
#include "kernels/series.hpp"
#include "layers/input.hpp"
#include "layers/op.hpp"

namespace weft::detail {

/// Of each patch of each channel: patch W^T + b + positions[column], of values that are scaled by what their channel is
/// over the whole series; of the columns before a channel's patches: before + positions[column]. Reads no stream.
struct SeriesSpec {
    static constexpr const char* name = "series";
    static constexpr uint32_t colour = 0xb8b8b8;
    static constexpr bool source = true;

    std::string input = kSeries;
    uint32_t channels = 0, length = 0; ///< of the only series that it takes
    uint32_t patch = 0, stride = 0;    ///< values of a patch, and from one to the next; the last ends with the series
    kernel::SeriesScale scale;
    bool apart = false;             ///< every channel has a weight and a bias of its own
    WeightId weight = kNoWeight;    ///< [width, patch], f32 [channels, width, patch]
    WeightId bias = kNoWeight;      ///< [width], [channels, width]
    WeightId before = kNoWeight;    ///< f32 [1, width], [channels, width], less the bias: a column before the patches
    WeightId positions = kNoWeight; ///< [columns, width]

    /// Of a channel; 0 where sizes do not fit.
    uint32_t patches() const { return stride && patch <= length ? (length - patch) / stride + 1 : 0; }
    uint32_t lead() const { return before == kNoWeight ? 0 : 1; }
    PatchGrid grid() const;
    void fields(Fields& f, const Widths& w);
    void inputs(Inputs& i) const { i.pictures(input, grid()); }
    bool sees_ahead() const { return true; }
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    std::string words() const;
};

/// The fields of what a series is scaled by, which ops that scale and scale back share.
void scale_fields(Fields& f, kernel::SeriesScale& scale);

} // namespace weft::detail
