// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/carry_state.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

/// One row of all states becomes another.
template <class T>
void carry(std::vector<T>& states, uint32_t words, uint32_t from, uint32_t to) {
    std::copy_n(states.begin() + long(size_t(from) * words), words, states.begin() + long(size_t(to) * words));
}

} // namespace weft::reference
