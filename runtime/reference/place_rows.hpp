// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/place_rows.
#pragma once
#include <cstdint>

namespace weft::reference {
using namespace detail;

/// `elsewhere` is x's number, or 0.
inline double placed(uint32_t place, uint64_t rows, double memory, double elsewhere, double residual, double scale) {
    return residual + scale * (place < rows ? memory : elsewhere);
}

} // namespace weft::reference
