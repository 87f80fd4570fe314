// SPDX-License-Identifier: Apache-2.0
// L2: the real-gated linear recurrent unit of Griffin.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Per channel:
///   d = 8 sigmoid(gate_r) softplus(rate);  h = exp(-d) h + sqrt(1 - exp(-2 d)) sigmoid(gate_i) x;  y = h
/// A sequence without a past starts with h = sigmoid(gate_i) x.
struct RgLruArgs {
    Step step;
    Tensor x;           ///< f32 [T, C]; may be a column slice
    Tensor gates;       ///< f32 [T, 2 C], contiguous: of each block of channels gate_i, then gate_r; before the sigmoid
    Tensor rate;        ///< f32 [C]
    Tensor y;           ///< f32 [T, C]; may be a column slice; not x
    Tensor state;       ///< f32 [slots, C]: h, read (with a past) and written
    uint32_t width = 0; ///< channels of a block; divides C
    uint32_t chunk = 0; ///< tokens of a chunk, which are scanned side by side; 0: chosen from the shapes and the device
};
void rg_lru(Recorder& r, const RgLruArgs& a);

} // namespace weft::detail::kernel
