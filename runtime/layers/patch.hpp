// SPDX-License-Identifier: Apache-2.0
// L3: patches of pictures as rows: a convolution whose windows are a stage's rows.
#pragma once
#include "layers/input.hpp"
#include "layers/op.hpp"

namespace weft::detail {

/// Learned positions of a square of patches, stretched over those that a picture has; at the square's own size they are
/// as they are.
struct Stretched {
    WeightId table = kNoWeight; ///< f32 [side * side, width]
    uint32_t side = 0;
    bool cubic = false;  ///< by four neighbours along an axis, not by two
    bool corners = true; ///< the corners of the table and of the picture meet, not their edges ("align_corners")
    explicit operator bool() const { return table != kNoWeight; }
};

/// Of a patch: act(patch W^T + rows[extra]) + positions[row] + its place in `stretched`; of the extra row i before
/// them: rows[i] + positions[row]. Reads no stream.
struct PatchSpec {
    static constexpr const char* name = "patch";
    static constexpr uint32_t colour = 0xb8b8b8;
    static constexpr bool source = true;

    std::string input = kPixels;
    PatchGrid grid;
    WeightId weight = kNoWeight;    ///< [width, channels * patch_y * patch_x]
    WeightId rows = kNoWeight;      ///< [extra + 1, width]: of the extra rows, and the bias of patches
    WeightId positions = kNoWeight; ///< learned: [position limit, width], or, with `stretched`, [extra, width]
    Stretched stretched = {};
    /// Of patches, where they are nothing but product and bias.
    kernel::Activation activation = kernel::Activation::none;

    /// A row is a product and a bias.
    bool plain() const { return !grid.extra && positions == kNoWeight && !stretched; }
    void fields(Fields& f, const Widths& w);
    void inputs(Inputs& i) const;
    bool sees_ahead() const { return true; }
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    std::string words() const;
};

} // namespace weft::detail
