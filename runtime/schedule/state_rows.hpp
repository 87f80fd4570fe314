// SPDX-License-Identifier: Apache-2.0
// L4: which row of the constant states each slot of a session reads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace weft {

/// A fork copies no constant state: both slots read one row, and whoever moves on first writes another one. There are
/// as many rows as slots, so that where two share one, one is free.
class StateRows {
public:
    explicit StateRows(uint32_t slots) : row_(slots), readers_(slots, 1) { std::iota(row_.begin(), row_.end(), 0u); }

    uint32_t of(uint32_t slot) const { return row_[slot]; }
    /// `to` reads what `from` does.
    void share(uint32_t from, uint32_t to) {
        --readers_[row_[to]];
        ++readers_[row_[to] = row_[from]];
    }
    /// The row that the slot is to write, which is its own from now on.
    uint32_t own(uint32_t slot) {
        uint32_t& row = row_[slot];
        if (readers_[row] == 1) return row;
        --readers_[row];
        row = uint32_t(std::ranges::find(readers_, 0u) - readers_.begin());
        ++readers_[row];
        return row;
    }

private:
    std::vector<uint32_t> row_;     // of each slot
    std::vector<uint32_t> readers_; // of each row
};

} // namespace weft
