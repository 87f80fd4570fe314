// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/attention_pool.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::attention_pool {

struct Options {
    uint32_t heads = 1, size = 4;
    std::vector<uint32_t> counts{}; ///< rows of each sequence
    float scale = 1;                ///< of scores
    bool sliced = false;            ///< k and v are columns of one matrix, y columns 3 and on of a wider one

    uint32_t columns() const { return heads * size; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::attention_pool
