// SPDX-License-Identifier: Apache-2.0
// L0: blocks of quantized weights as floats, unpacked by the code that the shaders have (shaders/lib/block.glsl).
#pragma once
#include "base/dtype.hpp"
#include <span>

namespace weft::detail {

/// Unpacks whole blocks of type `type`; `values` has room for all of their elements. At any alignment.
void unpack_blocks(DType type, std::span<const std::byte> blocks, std::span<float> values);

} // namespace weft::detail
