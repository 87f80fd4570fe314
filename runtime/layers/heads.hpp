// SPDX-License-Identifier: Apache-2.0
// L3: heads as the attention kernels take them.
#pragma once
#include "kernels/resize_heads.hpp"
#include "layers/context.hpp"

namespace weft::detail {

inline constexpr uint32_t kLargestHead = 256; ///< of the attention kernels

/// The kernels read heads in vectors of four.
inline uint32_t padded(uint32_t size) { return (size + 3) / 4 * 4; }

/// x [T, heads * n] with n channels a head made `size`: cut, or filled with zeros.
inline kernel::Tensor resized(LayerContext& c, const kernel::Tensor& x, uint32_t heads, uint32_t size) {
    if (x.columns() == heads * size) return x;
    const kernel::Tensor y = c.rows(heads * size, "resized heads");
    kernel::resize_heads(c.r, {.x = x, .y = y, .heads = heads});
    return y;
}

} // namespace weft::detail
