// SPDX-License-Identifier: Apache-2.0
// L2: how kernels choose among shapes.
#pragma once
#include <cstdint>
#include <iterator>

namespace weft::detail::kernel {

/// The first of `shapes`, which stand best first, whose cost is within the budget; the last of them if none is.
/// Kernels count the 32-bit values of a thread's arrays that live at the same time, and what is loaded for them.
template <class Shapes, class Cost>
auto fit(uint32_t budget, const Shapes& shapes, const Cost& cost) {
    for (const auto& shape : shapes)
        if (cost(shape) <= budget) return shape;
    return *std::prev(std::end(shapes));
}

} // namespace weft::detail::kernel
