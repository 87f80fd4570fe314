// SPDX-License-Identifier: Apache-2.0
// Reference of remember() in kernels/sample: one token after another.
#pragma once
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

inline void remember(std::vector<uint32_t>& history, size_t capacity, size_t slot, size_t position, uint32_t id) {
    history[slot * capacity + position % capacity] = id;
}

} // namespace weft::reference
