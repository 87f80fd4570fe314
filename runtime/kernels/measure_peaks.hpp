// SPDX-License-Identifier: Apache-2.0
// L2: the device's peaks, and times against them. Not for use by layers.
#pragma once
#include "vulkan/device.hpp"
#include <weft/bench.hpp>

namespace weft::detail::kernel {

/// Runs the kernels of kernels/peaks.hpp, `repeats` times (at least 5); the medians.
Result<DevicePeaks> measure_peaks(vk::Device& device, uint32_t repeats);

/// Of `us` microseconds, the share that this work needs at the peaks; 0 where there are none.
double share_of(const DevicePeaks& peaks, uint64_t bytes, uint64_t operations, double us);

} // namespace weft::detail::kernel
