// SPDX-License-Identifier: Apache-2.0
// Tests: what the tests of scans and convolutions share.
#pragma once
#include "harness/compare.hpp"
#include <cmath>

namespace weft::test {
using namespace detail;

/// Columns [first, first + columns) of `count` rows from `row` on.
inline std::vector<double> block(const std::vector<double>& all, size_t width, size_t row, size_t count, size_t first,
                                 size_t columns) {
    std::vector<double> v;
    for (size_t t = row; t < row + count; ++t)
        v.insert(v.end(), all.begin() + long(t * width + first), all.begin() + long(t * width + first + columns));
    return v;
}

/// As require_close where `written`; the other places among the first `used` must still be NaN: columns beside a slice.
inline void require_close_where(const std::vector<bool>& written, std::vector<float> got,
                                const std::vector<Expected>& expected, size_t used, const std::string& what) {
    bool beside = false;
    for (size_t i = 0; i < got.size(); ++i) {
        if (written[i]) continue;
        beside |= i < used && !std::isnan(got[i]);
        got[i] = 0;
    }
    INFO(what);
    REQUIRE_FALSE(beside);
    require_close(got, expected, what);
}

/// Where NaN is expected (what a kernel must neither write nor clear), NaN is required; elsewhere as require_close.
inline void require_close_or_untouched(const std::vector<float>& got, const std::vector<Expected>& expected,
                                       const std::string& what) {
    REQUIRE(got.size() == expected.size());
    std::vector<float> numbers;
    std::vector<Expected> due;
    size_t touched = 0;
    for (size_t i = 0; i < got.size(); ++i)
        if (std::isnan(expected[i].value)) touched += !std::isnan(got[i]);
        else {
            numbers.push_back(got[i]);
            due.push_back(expected[i]);
        }
    INFO(what);
    REQUIRE(touched == 0);
    require_close(numbers, due, what);
}

} // namespace weft::test
