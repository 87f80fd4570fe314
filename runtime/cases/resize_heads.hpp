// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/resize_heads.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::resize_heads {

constexpr float kEps = 0.01f; ///< beside what is divided by

struct Options {
    uint32_t tokens, heads, from, to;
    bool slices;
    float fill;
    bool divides;

    uint32_t extra() const { return slices ? 7 : 0; } ///< columns around x and y
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::resize_heads
