// SPDX-License-Identifier: Apache-2.0
// Tests: the public Device of this process.
#pragma once
#include "base/access.hpp"
#include "harness/gpu.hpp"
#include <weft/device.hpp>

namespace weft::test {
using namespace detail;

/// As gpu(), with the public face.
Device& device();

} // namespace weft::test
