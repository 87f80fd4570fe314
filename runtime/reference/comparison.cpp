// SPDX-License-Identifier: Apache-2.0
#include "reference/comparison.hpp"
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weft::reference {
namespace {

std::string number(double v) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", v);
    return text;
}

} // namespace

void Comparison::close(std::span<const float> got, std::span<const Expected> expected, std::string_view what) {
    const std::string name(what);
    if (got.size() < expected.size()) {
        faults_.push_back(name + ": there are " + std::to_string(got.size()) + " numbers instead of " +
                          std::to_string(expected.size()));
        return;
    }
    double worst = 0;
    size_t worst_at = 0, off = 0, touched = 0, first_touched = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        const auto [value, tolerance] = expected[i];
        if (std::isnan(value) && tolerance == 0) {
            if (!std::isnan(got[i]) && touched++ == 0) first_touched = i;
            continue;
        }
        const double error = std::abs(double(got[i]) - value);
        const double share = value == double(got[i]) ? 0
                             : std::isnan(error)     ? INFINITY
                                                     : error / std::max(tolerance, 1e-300);
        off += share > 1;
        if (share > worst) {
            worst = share;
            worst_at = i;
        }
    }
    worst_ = std::max(worst_, worst);
    const std::string of = " of " + std::to_string(expected.size());
    if (off)
        faults_.push_back(name + ": " + std::to_string(off) + of + " are off, most at " + std::to_string(worst_at) +
                          ": got " + number(got[worst_at]) + ", expected " + number(expected[worst_at].value) +
                          ", tolerance " + number(expected[worst_at].tolerance) + ", error / tolerance " +
                          number(worst));
    if (touched)
        faults_.push_back(name + ": " + std::to_string(touched) + of +
                          " were written that nobody may write, first at " + std::to_string(first_touched) + ": got " +
                          number(got[first_touched]));
}

void Comparison::same(const std::vector<uint32_t>& got, const std::vector<uint32_t>& expected, std::string_view what) {
    if (got == expected) return;
    const std::string name(what);
    if (got.size() != expected.size()) {
        faults_.push_back(name + ": there are " + std::to_string(got.size()) + " words instead of " +
                          std::to_string(expected.size()));
        return;
    }
    const size_t at = size_t(std::ranges::mismatch(got, expected).in1 - got.begin());
    faults_.push_back(name + ": the first wrong word is at " + std::to_string(at) + ": got " + std::to_string(got[at]) +
                      ", expected " + std::to_string(expected[at]));
}

void Comparison::none(size_t count, std::string_view what) {
    if (count) faults_.push_back(std::to_string(count) + " " + std::string(what));
}

void Comparison::that(bool holds, std::string_view fault) {
    if (!holds) faults_.emplace_back(fault);
}

} // namespace weft::reference
