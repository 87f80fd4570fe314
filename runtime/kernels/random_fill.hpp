// SPDX-License-Identifier: Apache-2.0
// L2: random weights.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Numbers between -deviation and deviation, each as likely as another; the same bits on every device.
/// An odd number of halves is followed by one more.
struct RandomFillArgs {
    Tensor words;            ///< u32 [n]: one f32 each, or two halves
    DType type = DType::f32; ///< what the words hold: f32, f16 or bf16
    float deviation = 1;
    bool negative = false; ///< all of them below 0 (or 0), for logarithms of decays
    uint64_t seed = 0;
    uint32_t stream = 0; ///< streams of one seed are independent
};
/// A tensor of any size: what one binding cannot hold takes several dispatches.
void random_fill(Recorder& r, const RandomFillArgs& a);

} // namespace weft::detail::kernel
