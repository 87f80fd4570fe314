// SPDX-License-Identifier: Apache-2.0
// L3: norm of each channel over time.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// act((x - mean) / sqrt(variance + eps) * w + b), with each channel's mean and variance over all rows of the sequence.
struct SequenceNormSpec {
    static constexpr const char* name = "sequence_norm";
    static constexpr uint32_t colour = 0xd8d8d8;

    WeightId weight = kNoWeight, bias = kNoWeight; ///< [width]
    float eps = 1e-5f;
    kernel::Activation activation = kernel::Activation::none;

    void fields(Fields& f, const Widths& w);
    bool sees_ahead() const { return true; }
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
