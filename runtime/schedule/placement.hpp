// SPDX-License-Identifier: Apache-2.0
// L4: pictures among the tokens of a sequence: which row of its memory each token stands for that stands for one, and
// the positions that M-RoPE counts.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace weft::detail {

/// The first place from `end` on where ids may be cut so that neighbours that are `placeholder` stay together.
uint32_t uncut(std::span<const uint32_t> ids, int64_t placeholder, uint32_t end);
/// The pieces, each by its end, into which ids are cut so that they stay together: of `most` ids each, or, where more
/// stay together, of so many.
std::vector<uint32_t> cut_between(std::span<const uint32_t> ids, int64_t placeholder, uint32_t most);

/// The pictures of one sequence, in the order of their tokens. Plain data: it is copied with the sequence.
class Placement {
public:
    /// A picture of down x across rows has been kept; where all before have their tokens it begins the memory anew.
    void add(uint32_t down, uint32_t across);
    /// Rows of the memory that are in use, and how many there would be with a further picture of `rows`.
    uint32_t rows() const { return rows_; }
    uint32_t rows_with(uint32_t rows) const { return placed_all() ? rows : rows_ + rows; }
    /// Rows that no token stands for yet; `begun`: of pictures some of whose rows have tokens.
    uint32_t left() const;
    bool begun() const;

    /// The tokens from `position` on are `ids`: of each that is `placeholder` the row of the memory that it stands for,
    /// as long as there are some; of others kNoPlace. Empty if all are others.
    std::vector<uint32_t> place(std::span<const uint32_t> ids, uint32_t placeholder, uint32_t position);
    /// The position of a token that is none of a picture's along every axis.
    uint32_t turn(uint32_t position) const;
    /// The positions of `count` tokens from `position` on along three axes, [3, count] (Wang et al. 2024, section 2.1).
    std::vector<uint32_t> turns(uint32_t position, uint32_t count) const;
    /// Forgets the tokens from `length` on, and pictures that have none. False, and nothing changes, where that is
    /// among the rows of a picture.
    bool cut(uint32_t length);

private:
    struct Picture {
        uint32_t first, down, across; // its row in the memory, and its size
        std::vector<uint32_t> at;     // positions of its tokens so far
        uint32_t count() const { return down * across; }
        bool placed() const { return at.size() == count(); }
    };
    bool placed_all() const { return pictures_.empty() || pictures_.back().placed(); }

    std::vector<Picture> pictures_;
    uint32_t rows_ = 0;
};

} // namespace weft::detail
