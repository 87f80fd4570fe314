// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/long_conv.
#pragma once
#include "cases/case.hpp"
#include "kernels/long_conv.hpp"

namespace weft::detail::kernel::cases::long_conv {

struct Options {
    std::vector<uint32_t> counts; ///< rows of each sequence
    uint32_t channels = 1, taps = 1;
    bool gates = true, skip = true;
    LongConvForm form = LongConvForm::chosen;
    bool sliced = false; ///< all are columns of wider matrices, from 3 on
    double deviation = 1;
    double decay = 0; ///< of the filter, from its first tap to its last: exp(-decay)

    uint32_t wide() const { return channels + (sliced ? 5 : 0); }
    uint32_t start() const { return sliced ? 3 : 0; }
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::long_conv
