// SPDX-License-Identifier: Apache-2.0
// L6: what a device is asked for by itself, before any kernel of weft's.
#pragma once
#include "vulkan/device.hpp"
#include <span>
#include <weft/selftest.hpp>

namespace weft::detail {

/// What belongs together; an error is a device that cannot run it.
struct Probe {
    const char* name;
    Result<std::vector<SelftestProbe>> (*run)(vk::Device&);
};
/// In the order of a report.
std::span<const Probe> all_probes();

} // namespace weft::detail
