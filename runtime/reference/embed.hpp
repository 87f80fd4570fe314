// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/embed: one element.
#pragma once
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

/// Element `column` of row `row` of a table with `columns` columns; 0 if there is no such row.
inline double table_element(const std::vector<float>& table, size_t columns, uint64_t row, size_t column) {
    const uint64_t rows = columns ? table.size() / columns : 0;
    return row < rows ? double(table[row * columns + column]) : 0;
}

} // namespace weft::reference
