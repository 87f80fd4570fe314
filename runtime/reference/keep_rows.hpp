// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/keep_rows.
#pragma once
#include <cstdint>

namespace weft::reference {
using namespace detail;

/// The row of all memories that a sequence's new row `i` becomes, or -1: there is no room.
inline int64_t kept_row(uint32_t slot, uint32_t memory, uint32_t i, uint32_t capacity) {
    return memory + i < capacity ? int64_t(slot) * capacity + memory + i : -1;
}

} // namespace weft::reference
