// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/route.
#pragma once
#include "cases/case.hpp"
#include "kernels/route.hpp"

namespace weft::detail::kernel::cases::route {

struct Shape {
    uint32_t tokens, experts, choices;
};
/// Logits lie on a grid: many exact ties, and no near ones that rounding could turn round.
struct Options {
    Shape shape;
    RouteArgs args; ///< kinds and scalars; tensors are made by build()
    bool bias;
    double magnitude;
    bool slice, strange;

    uint32_t wide() const { return shape.experts + (slice ? 7 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::route
