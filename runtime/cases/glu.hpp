// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/glu.
#pragma once
#include "cases/case.hpp"
#include "kernels/glu.hpp"

namespace weft::detail::kernel::cases::glu {

struct Shape {
    uint32_t tokens, columns;
};
struct Options {
    Shape shape;
    GluArgs args; ///< activation and scalars; tensors are made by build()
    bool has_b;
    bool fused;    ///< a and b are the two halves of one tensor [T, 2 I + 3]
    bool in_place; ///< y is a
    double magnitude;
    uint32_t per_token;

    uint32_t wide() const {
        return args.interleaved ? 2 * shape.columns : fused ? 2 * shape.columns + 3 : shape.columns;
    }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::glu
