// SPDX-License-Identifier: Apache-2.0
// L2: the simplest work a device can do, to measure what it can reach.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// y = x; u32 [n], n a multiple of 4.
void peak_copy(Recorder& r, const Tensor& x, const Tensor& y);
/// 2 * 16 * 4096 operations for each of the n threads; y f32 [n].
void peak_fma(Recorder& r, const Tensor& y);
inline constexpr uint64_t kPeakFmaOperations = 2 * 16 * 4096;
/// Sizes at which the peaks are measured.
inline constexpr uint32_t kPeakWords = 4u << 20, kPeakThreads = 4096;

} // namespace weft::detail::kernel
