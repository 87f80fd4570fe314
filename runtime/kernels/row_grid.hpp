// SPDX-License-Identifier: Apache-2.0
// L2: how elementwise kernels share out the rows and columns of a matrix: one lane an element,
// or four neighbouring columns.
#pragma once
#include "kernels/step.hpp"
#include <algorithm>

namespace weft::detail::kernel {

/// Workgroups of x columns and y rows. Straight code with one element a lane: on software drivers
/// a loop in such a kernel costs three times as much.
struct RowGrid {
    uint32_t x, y;
    Threads threads;
};

inline RowGrid row_grid(uint32_t columns, uint64_t bucket_rows, Extent rows) {
    uint32_t x = 128, y = 1;
    while (x > 1 && x / 2 >= columns) x /= 2;
    while (x * y < 128 && y < bucket_rows) y *= 2;
    while (bucket_rows > uint64_t(y) * 65535 && x > 1) {
        x /= 2;
        y *= 2; // the most workgroups along an axis that every device allows
    }
    return {x, y, {.x = {columns}, .y = rows}};
}

/// True if all of the tensors that are there can be read four columns at a time.
inline bool by_four(std::initializer_list<Tensor> tensors) {
    return std::all_of(tensors.begin(), tensors.end(), [](const Tensor& t) {
        return !t || (t.columns() % 4 == 0 && t.start % 4 == 0 && t.stride % 4 == 0);
    });
}

} // namespace weft::detail::kernel
