// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/pool.
#pragma once
#include "cases/case.hpp"
#include "kernels/kinds.hpp"

namespace weft::detail::kernel::cases::pool {

struct Options {
    double mean = 0, deviation = 1;
    PoolKind kind = PoolKind::mean;
    bool slices = false;
    uint32_t lanes = 0, skip = 0, most = ~0u;
    std::vector<uint32_t> counts{}; ///< new tokens of each sequence
    uint32_t columns = 0;

    uint32_t wide() const { return columns + (slices ? 7 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::pool
