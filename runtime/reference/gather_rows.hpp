// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/gather_rows.
#pragma once
#include <cstdint>

namespace weft::reference {
using namespace detail;

/// The row of x that row o of y is, or -1: zeros.
inline int64_t gathered_row(uint32_t index, uint32_t divisor, uint64_t rows) {
    return index / divisor < rows ? int64_t(index / divisor) : -1;
}

} // namespace weft::reference
