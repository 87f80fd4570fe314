// SPDX-License-Identifier: Apache-2.0
// L2: how elementwise kernels share out the rows and columns of a matrix.
#pragma once
#include "kernels/step.hpp"
#include <algorithm>

namespace weft::kernel {

/// A workgroup of `local` lanes along x takes `block` columns of `rows_each` rows.
struct RowGrid {
    uint32_t local, block, rows_each;
    Threads threads;
};

/// Few elements: one a lane, so that they spread over the device. Many: several a lane, because a workgroup has a price of its own. Never more workgroups
/// along y than every device allows (65535).
inline RowGrid row_grid(uint32_t columns, uint64_t bucket_rows, Extent rows) {
    uint32_t local = 128;
    while (local > 8 && local / 2 >= columns) local /= 2;
    const uint64_t elements = bucket_rows * columns;
    const uint32_t each = elements >= (1u << 20) ? 8 : elements >= (1u << 17) ? 4 : 1; // elements a lane
    const uint32_t block = std::min((columns + local - 1) / local, each) * local;
    uint32_t rows_each = std::max(1u, each * local / std::max(block, columns));
    rows_each = std::max(rows_each, uint32_t((bucket_rows + 65534) / 65535));
    rows.divisor *= rows_each;
    return {local, block, rows_each, {.x = {(columns + block - 1) / block * local}, .y = rows}};
}

} // namespace weft::kernel
