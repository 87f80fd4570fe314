// SPDX-License-Identifier: Apache-2.0
#include "schedule/row_view.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

using Axis = RowView::Axis;

// How far an axis reaches beyond its first row; sizes from files do not fit 64 bits.
long double reach(const Axis& axis) { return (long double)(axis.count - 1) * (long double)(axis.stride); }

} // namespace

uint64_t RowView::count() const {
    uint64_t n = 1;
    for (const Axis& axis : axes) n *= axis.count;
    return n;
}

uint64_t RowView::row(uint64_t i) const {
    uint64_t row = first;
    for (size_t a = axes.size(); a-- > 0; i /= axes[a].count) row += i % axes[a].count * axes[a].stride;
    return row;
}

std::optional<uint64_t> RowView::place_of(uint64_t row) const {
    if (row < first) return std::nullopt;
    // From the widest stride down: each reaches further than all smaller ones together.
    uint64_t rest = row - first, below = ~uint64_t(0), places[kMostAxes] = {};
    for (size_t n = 0; n < axes.size(); ++n) {
        size_t widest = axes.size();
        for (size_t a = 0; a < axes.size(); ++a)
            if (axes[a].count > 1 && axes[a].stride < below &&
                (widest == axes.size() || axes[a].stride > axes[widest].stride))
                widest = a;
        if (widest == axes.size()) break;
        below = axes[widest].stride;
        places[widest] = std::min(rest / below, axes[widest].count - 1);
        rest -= places[widest] * below;
    }
    if (rest != 0) return std::nullopt;
    uint64_t place = 0;
    for (size_t a = 0; a < axes.size(); ++a) place = place * axes[a].count + places[a];
    return place;
}

uint64_t RowView::run() const {
    uint64_t n = 1;
    for (size_t a = axes.size(); a-- > 0; n *= axes[a].count)
        if (axes[a].count > 1 && axes[a].stride != n) break;
    return n;
}

uint64_t RowView::end() const {
    uint64_t last = first;
    for (const Axis& axis : axes) last += (axis.count - 1) * axis.stride;
    return last + 1;
}

std::string RowView::problem(uint64_t rows) const {
    const std::string within = "must lie within its " + std::to_string(rows) + " rows";
    if (whole()) return first == 0 ? "" : "must be counted by axes where the first is not row 0";
    if (axes.size() > kMostAxes) return "must be counted by at most " + std::to_string(kMostAxes) + " axes";
    std::vector<Axis> sorted;
    long double last = (long double)(first);
    for (const Axis& axis : axes) {
        if (axis.count < 1) return "must be counted by axes from 1";
        if (axis.count > 1) sorted.push_back(axis);
        last += reach(axis);
    }
    if (last >= (long double)(rows)) return within;
    std::ranges::sort(sorted, {}, &Axis::stride);
    long double below = 0; // where the axes so far end
    for (const Axis& axis : sorted) {
        if ((long double)(axis.stride) <= below)
            return "must be different ones: an axis must step over what smaller ones reach";
        below += reach(axis);
    }
    return "";
}

RowView rows_of_groups(uint64_t groups, uint64_t group, uint64_t first, uint64_t rows) {
    return {first, {{groups, group}, {rows, 1}}};
}

RowView even_then_odd(uint64_t groups, uint64_t group, uint64_t rows) {
    return {0, {{groups, group}, {2, 1}, {rows / 2, 2}}};
}

} // namespace weft::detail
