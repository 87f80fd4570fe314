// SPDX-License-Identifier: Apache-2.0
// L2: the part of linear_scan that has a decay a key channel. Not for use by layers.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// matrix_scan takes no such decays: it scales the whole state of a head by one number a chunk.
struct LinearScanChannelsArgs {
    Step step;
    Tensor q;     ///< f32 [T, Hk * padded], from pad_heads()
    Tensor k;     ///< f32 [T, Hk * padded], from pad_heads()
    Tensor v;     ///< f32 [T, H * V]; may be a column slice
    Tensor decay; ///< f32 [T, H * K]: logarithms; may be a column slice
    Tensor bonus; ///< f32 [H, K]; absent: none
    Tensor y;     ///< f32 [T, H * V]; may be a column slice
    Tensor state; ///< f32 [slots, H, K, V]
    uint32_t key_heads = 0;
    float scale = 1.0f;
};
void linear_scan_channels(Recorder& r, const LinearScanChannelsArgs& args);

} // namespace weft::detail::kernel
