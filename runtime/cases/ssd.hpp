// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/ssd.
#pragma once
#include "cases/scan_inputs.hpp"

namespace weft::detail::kernel::cases::ssd {

struct Shape {
    uint32_t heads, groups, columns, size;
};
enum class Decay { usual, strong, none, mixed };
struct Options {
    Decay decay = Decay::usual;
    bool bias = true, d = true, apart = false; ///< apart: x, b and c in tensors of their own, else slices of one
    uint32_t lead = 4;                         ///< columns before the first slice
    float dt_min = 0, dt_max = std::numeric_limits<float>::infinity();
    Shape shape{};
    Sequences sequences{};
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::ssd
