// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/series.
#pragma once
#include "cases/case.hpp"
#include "kernels/series.hpp"

namespace weft::detail::kernel::cases::series {

struct Series {
    uint32_t channels, length;
};
struct Options {
    std::vector<Series> series;
    uint32_t patch = 1, stride = 1, lead = 0;
    SeriesScale scale;
    bool back = false;       ///< a row a channel, of `patch` numbers
    bool sliced = false;     ///< x and y are columns 3 and on of wider matrices
    float mean = 0;          ///< of the values
    uint32_t missing = 0;    ///< of how many values in turn one was not observed; 0: all were
    bool unobserved = false; ///< nothing of the first channel of each series was observed

    /// Columns of a channel's rows.
    uint32_t columns(const Series& s) const { return back ? 1 : lead + (s.length - patch) / stride + 1; }
    /// Where in "values" a series begins; what lies between them is NaN.
    size_t offset(size_t i) const;
};

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::series
