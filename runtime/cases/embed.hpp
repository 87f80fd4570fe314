// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/embed.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::embed {

struct Shape {
    uint32_t tokens, vocabulary, columns;
};
struct Options {
    DType table = DType::f32, position_table = DType::f32;
    uint32_t positions = 0, offset = 0; ///< rows of the position table
    bool residual = false, slice = false;
    float scale = 1;
    uint64_t slice_bytes = 0;
    Shape shape{};
    double magnitude = 1;

    uint32_t start() const { return slice ? 4 : 0; } ///< of y's columns, in 9 more
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::embed
