// SPDX-License-Identifier: Apache-2.0
// L4: some rows of a matrix in an order of their own, as strides: what a piece of a weight takes of a file's tensor,
// and where it puts it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft::detail {

/// Row first + i * stride of the outermost axis + j * stride of the next + ..., for all i, j ... below the axes'
/// counts, the last axis running fastest. No row stands twice in it, so that it can be read backwards.
struct RowView {
    struct Axis {
        uint64_t count = 1, stride = 1;
        bool operator==(const Axis&) const = default;
    };
    static constexpr size_t kMostAxes = 3;

    uint64_t first = 0;
    std::vector<Axis> axes = {}; ///< at most kMostAxes; none: all rows from `first` = 0 on, as they are

    bool operator==(const RowView&) const = default;
    bool whole() const { return axes.empty(); }
    /// The same of a matrix of so many rows, with an axis.
    RowView of(uint64_t rows) const { return whole() ? RowView{0, {{rows, 1}}} : *this; }

    // Of a view that has axes and no problem:
    uint64_t count() const;
    /// The row that stands in place i, below count().
    uint64_t row(uint64_t i) const;
    /// The place of a row; nothing if it is not in the view.
    std::optional<uint64_t> place_of(uint64_t row) const;
    /// So many rows from any multiple of it on stand one below the other in the matrix too.
    uint64_t run() const;
    /// One above the largest row.
    uint64_t end() const;

    /// Why these cannot be rows of a matrix of so many: "must ..."; empty: they can.
    std::string problem(uint64_t rows) const;
};

/// Of each of `groups` groups of `group` rows those from `first` on, `rows` of them: a head's share of one projection.
RowView rows_of_groups(uint64_t groups, uint64_t group, uint64_t first, uint64_t rows);
/// Of each of `groups` groups of `group` rows the first `rows`: the even ones, then the odd ones. Undoes two halves
/// that the file has in turn.
RowView even_then_odd(uint64_t groups, uint64_t group, uint64_t rows);

} // namespace weft::detail
