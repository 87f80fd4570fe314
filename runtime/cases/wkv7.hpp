// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/wkv7.
#pragma once
#include "cases/scan_inputs.hpp"
#include "kernels/wkv7.hpp"

namespace weft::detail::kernel::cases::wkv7 {

struct Shape {
    uint32_t heads, size, columns;
};
/// As RWKV-7's w; at 0, or nearly: nothing is forgotten; far below: everything is.
enum class Decay { usual, faint, strong, mixed };
struct Options {
    Decay decay = Decay::usual;
    bool apart = false; ///< inputs in tensors of their own, else slices of one
    bool free = false;  ///< a and b that have nothing to do with each other
    uint32_t lead = 4;  ///< columns before the first slice
    double rate = 1;    ///< the largest
    Shape shape{};
    Sequences sequences{};
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::wkv7
