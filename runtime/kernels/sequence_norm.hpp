// SPDX-License-Identifier: Apache-2.0
// L2: norm of each channel over the rows of a sequence.
#pragma once
#include "kernels/kinds.hpp"
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t, c] = act((x[t, c] - mean) / sqrt(variance + eps) * weight[c] + bias[c]), with the mean and the variance of
/// channel c over the new tokens of t's sequence.
struct SequenceNormArgs {
    Step step;
    Tensor x;            ///< f32 [T, C]; may be a column slice
    Tensor weight, bias; ///< f32 [C], contiguous
    Tensor y;            ///< f32 [T, C]; may be a column slice; must not overlap x
    float eps = 0;
    Activation activation = Activation::none;
};
void sequence_norm(Recorder& r, const SequenceNormArgs& a);
/// With so many lanes a channel, a power of two up to 8; 0: as the machine likes.
void sequence_norm(Recorder& r, const SequenceNormArgs& a, uint32_t lanes);

} // namespace weft::detail::kernel
