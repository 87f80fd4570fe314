// SPDX-License-Identifier: Apache-2.0
// L2: how ssd, gated_delta, linear_scan and wkv7 share out their work.
#pragma once
#include "vulkan/recorder.hpp"

namespace weft::detail::kernel {

/// Every choice gives the same result within rounding.
enum class ScanShape {
    device, ///< as is best for the device
    gpu     ///< as on GPUs, wherever it runs: tests set it
};

/// True for few threads, each with whole columns of a state; else many share a column.
inline bool few_threads(const vk::Recorder& r, ScanShape shape) {
    return shape == ScanShape::device && r.device().summary().type == "CPU";
}

} // namespace weft::detail::kernel
