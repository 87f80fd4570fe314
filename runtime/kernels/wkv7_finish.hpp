// SPDX-License-Identifier: Apache-2.0
// L2: norm, bonus and gate behind RWKV-7's recurrence.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// For each head of K channels of r and k, and V of the others:
///   y = (layer_norm(y) weight + bias + (sum of r k r_k) v) gate
struct Wkv7FinishArgs {
    Tensor y;                            ///< f32 [T, H * V]: read and written; may be a column slice
    Tensor r;                            ///< f32 [T, H * K]; may be a column slice
    Tensor k;                            ///< f32 [T, H * K]; may be a column slice
    Tensor v;                            ///< f32 [T, H * V]; may be a column slice
    Tensor gate;                         ///< f32 [T, H * V]; may be a column slice
    Tensor r_k;                          ///< f32 [H * K]
    Tensor weight;                       ///< f32 [H * V]
    Tensor bias;                         ///< f32 [H * V]
    uint32_t heads = 0;                  ///< H
    float eps = 64e-5f;                  ///< added to the variance
    Extent rows = {1, Quantity::tokens}; ///< how many rows are real
};
void wkv7_finish(Recorder& r, const Wkv7FinishArgs& a);

} // namespace weft::detail::kernel
