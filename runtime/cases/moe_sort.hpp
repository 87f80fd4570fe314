// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/moe_sort.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::moe_sort {

struct Shape {
    uint32_t tokens, choices, experts;
};
enum class Spread { even, skewed, one, dropped };
struct Options {
    Shape shape;
    Spread spread;
    uint32_t spare; ///< tokens of the bucket beyond the step's
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::moe_sort
