// SPDX-License-Identifier: Apache-2.0
// L2: weighted sums of up to three tensors; also copies and scales column slices.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y[t,c] = alpha * x[t,c] * multiplier[c] + beta * z[t,c] * sigmoid(gate[t,c or 0]) + gamma * w[t,c]; with a plain
/// gate z is multiplied by gate[t,0] itself.
/// What is absent is left out; at least x or z is there.
/// All tensors have the columns of y, may be column slices, and x, z or w may be y itself.
struct CombineArgs {
    Tensor x;          ///< f32 [T, D]
    Tensor multiplier; ///< f32 [D]: of x
    Tensor z;          ///< f32 [T, D]
    Tensor gate;       ///< f32 [T, 1] (one a token) or [T, D]: of z, through a sigmoid
    bool plain_gate = false;
    Tensor w; ///< f32 [T, D]
    Tensor y; ///< f32 [T, D]
    float alpha = 1.0f, beta = 1.0f, gamma = 1.0f;
    Extent rows = {1, Quantity::tokens}; ///< how many rows are real
};
void combine(Recorder& r, const CombineArgs& a);

} // namespace weft::detail::kernel
