// SPDX-License-Identifier: Apache-2.0
// L2: RWKV-7's keys and values as its recurrence takes them.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// For each head of K channels of k and rate, and V of v:
///   n = k k_k / max(|k k_k|, 1e-12);  a = -n;  b = n rate;  k = k (1 + (rate - 1) k_a);  v = v + gate (v_first - v)
struct Wkv7PrepareArgs {
    Tensor k;                            ///< f32 [T, H * K]: read and written; may be a column slice
    Tensor rate;                         ///< f32 [T, H * K], 0 to 1: read, becomes b; may be a column slice
    Tensor a;                            ///< f32 [T, H * K]: written; may be a column slice
    Tensor v;                            ///< f32 [T, H * V]: read and written; absent: values stay as they are
    Tensor v_first;                      ///< f32 [T, H * V]; may be a column slice; with v
    Tensor gate;                         ///< f32 [T, H * V], 0 to 1; may be a column slice; with v
    Tensor k_k;                          ///< f32 [H * K]
    Tensor k_a;                          ///< f32 [H * K]
    uint32_t heads = 0;                  ///< H
    Extent rows = {1, Quantity::tokens}; ///< how many rows are real
};
void wkv7_prepare(Recorder& r, const Wkv7PrepareArgs& a);

} // namespace weft::detail::kernel
