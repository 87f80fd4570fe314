// SPDX-License-Identifier: Apache-2.0
// Which tokens stand for which rows of pictures, and where M-RoPE has them, against a loop over the whole sequence.
#include "base/random.hpp"
#include "kernels/place_rows.hpp"
#include "schedule/placement.hpp"
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr uint32_t kStanding = 9; // the placeholder

struct PictureSize {
    uint32_t down, across;
};

// Wang et al. 2024, section 2.1: a text counts on along all axes at once; a picture of down x across is one place along
// the first and its rows and columns along the others, and what follows begins behind its longer side.
std::vector<std::array<uint32_t, 3>> positions_of(const std::vector<uint32_t>& ids,
                                                  const std::vector<PictureSize>& pictures) {
    std::vector<std::array<uint32_t, 3>> all;
    uint32_t next = 0;
    size_t picture = 0;
    for (size_t i = 0; i < ids.size();) {
        if (ids[i] != kStanding || picture == pictures.size()) {
            all.push_back({next, next, next});
            ++next, ++i;
            continue;
        }
        const auto [down, across] = pictures[picture++];
        for (uint32_t y = 0; y < down; ++y)
            for (uint32_t x = 0; x < across; ++x) all.push_back({next, next + y, next + x});
        next += std::max(down, across);
        i += down * across;
    }
    return all;
}

std::vector<uint32_t> text_with(const std::vector<PictureSize>& pictures, Random& random) {
    std::vector<uint32_t> ids;
    for (const PictureSize& p : pictures) {
        ids.insert(ids.end(), random.below(4), 1);
        ids.insert(ids.end(), p.down * p.across, kStanding);
    }
    ids.insert(ids.end(), 1 + random.below(5), 2);
    return ids;
}

} // namespace

TEST_CASE("placement: tokens in pieces of any length stand where a loop over all has them", "[unit]") {
    Random random(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<PictureSize> pictures(random.below(4));
        Placement placement;
        for (PictureSize& p : pictures) {
            p = {1 + random.below(5), 1 + random.below(5)};
            placement.add(p.down, p.across);
        }
        const uint32_t kept = placement.rows();
        const std::vector<uint32_t> ids = text_with(pictures, random);
        const auto expected = positions_of(ids, pictures);
        std::vector<uint32_t> rows;
        for (size_t first = 0, count; first < ids.size(); first += count) {
            count = std::min(size_t(1 + random.below(6)), ids.size() - first);
            const std::vector<uint32_t> piece(ids.begin() + long(first), ids.begin() + long(first + count));
            auto places = placement.place(piece, kStanding, uint32_t(first));
            if (places.empty()) places.resize(count, kernel::kNoPlace);
            for (size_t i = 0; i < count; ++i) {
                CHECK((places[i] != kernel::kNoPlace) == (piece[i] == kStanding));
                if (piece[i] == kStanding) rows.push_back(places[i]);
            }
            const auto turns = placement.turns(uint32_t(first), uint32_t(count));
            for (size_t i = 0; i < count; ++i)
                for (size_t axis = 0; axis < 3; ++axis) CHECK(turns[axis * count + i] == expected[first + i][axis]);
        }
        CHECK(placement.left() == 0);
        REQUIRE(rows.size() == kept); // each once, in their order
        for (uint32_t i = 0; i < kept; ++i) CHECK(rows[i] == i);
    }
}

TEST_CASE("placement: rows that all have their tokens make room for those of the next picture", "[unit]") {
    Placement p;
    p.add(2, 3);
    CHECK(p.rows_with(4) == 10);
    CHECK(p.place(std::vector<uint32_t>{1, 9, 9}, kStanding, 0) == std::vector<uint32_t>{kernel::kNoPlace, 0, 1});
    CHECK(p.left() == 4);
    p.add(1, 2); // behind the six
    CHECK(p.rows() == 8);
    CHECK(p.place(std::vector<uint32_t>(7, 9), kStanding, 3) ==
          std::vector<uint32_t>{2, 3, 4, 5, 6, 7, kernel::kNoPlace});
    CHECK(p.rows_with(4) == 4);
    p.add(2, 2);
    CHECK(p.place(std::vector<uint32_t>(1, 9), kStanding, 10) == std::vector<uint32_t>{0});
}

TEST_CASE("placement: what is cut is as if it had not been, but not within a picture", "[unit]") {
    Placement p;
    p.add(2, 3);
    p.add(2, 2);
    const std::vector<uint32_t> ids = {1, 9, 9, 9, 9, 9, 9, 1, 9, 9, 9, 9, 1};
    (void)p.place(ids, kStanding, 0);
    CHECK(p.turn(13) == 1 + 3 + 1 + 2 + 1);
    for (const uint32_t within : {2u, 6u, 9u, 11u}) CHECK_FALSE(p.cut(within));
    CHECK(p.turn(13) == 8);
    REQUIRE(p.cut(12));
    CHECK(p.turn(12) == 7);
    REQUIRE(p.cut(8));
    CHECK(p.turn(8) == 5);
    CHECK(p.place(std::vector<uint32_t>{9}, kStanding, 8).empty()); // its rows went with its tokens
    REQUIRE(p.cut(0));
    CHECK(p.turn(5) == 5);
    CHECK(p.rows() == 0);
}

TEST_CASE("ids are cut between those that stay together", "[schedule]") {
    const auto cuts = [](const std::vector<uint32_t>& ids, int64_t together, uint32_t most) {
        return cut_between(ids, together, most);
    };
    using Ends = std::vector<uint32_t>;
    const std::vector<uint32_t> ids = {1, 2, 9, 9, 9, 3, 9, 9, 4};
    CHECK(cuts({}, 9, 4) == Ends{});
    CHECK(cuts(ids, -1, 4) == Ends{4, 8, 9});
    CHECK(cuts(ids, 9, 9) == Ends{9});
    CHECK(cuts(ids, 9, 4) == Ends{2, 6, 9}); // before the first three
    CHECK(cuts(ids, 9, 5) == Ends{5, 9});
    CHECK(cuts(ids, 9, 2) == Ends{2, 5, 6, 8, 9}); // three at once, which are more than two
    CHECK(cuts(ids, 9, 1) == Ends{1, 2, 5, 6, 8, 9});
    CHECK(cuts({9, 9, 9, 9}, 9, 3) == Ends{4});
    CHECK(uncut(ids, 9, 2) == 2);
    CHECK(uncut(ids, 9, 3) == 5);
    CHECK(uncut(ids, 9, 0) == 0);
    CHECK(uncut(ids, 9, 9) == 9);
}
