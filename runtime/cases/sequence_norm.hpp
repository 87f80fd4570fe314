// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/sequence_norm.
#pragma once
#include "cases/case.hpp"
#include "kernels/kinds.hpp"

namespace weft::detail::kernel::cases::sequence_norm {

struct Options {
    std::vector<uint32_t> counts; ///< rows of each sequence
    uint32_t columns = 1;
    double mean = 0, deviation = 1;
    float eps = 1e-5f;
    Activation activation = Activation::none;
    bool slices = false; ///< x and y are columns of wider matrices, from 5 and from 1 on
    uint32_t lanes = 0;  ///< 0: as the machine likes

    uint32_t wide() const { return columns + (slices ? 7 : 0); }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::sequence_norm
