// SPDX-License-Identifier: Apache-2.0
// Reference of kernels/expert_matmul: each pair is a product of its own (reference/matmul.hpp)
// with the weights of its expert.
#pragma once
#include "reference/matmul.hpp"
#include <vector>

namespace weft::reference {
using namespace detail;

/// Row `row` of expert `expert` of stacked weights [E, rows, depth].
inline const float* expert_row(const std::vector<float>& weight, size_t expert, size_t row, size_t rows, size_t depth) {
    return weight.data() + (expert * rows + row) * depth;
}

} // namespace weft::reference
