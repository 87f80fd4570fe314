// SPDX-License-Identifier: Apache-2.0
// What references of scans take their inputs from.
#pragma once
#include <cstddef>
#include <vector>

namespace weft::reference {

/// Columns [first, first + columns) of `count` rows from `row` on.
inline std::vector<double> block(const std::vector<double>& all, size_t width, size_t row, size_t count, size_t first,
                                 size_t columns) {
    std::vector<double> v;
    for (size_t t = row; t < row + count; ++t)
        v.insert(v.end(), all.begin() + long(t * width + first), all.begin() + long(t * width + first + columns));
    return v;
}

} // namespace weft::reference
