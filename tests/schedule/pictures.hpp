// SPDX-License-Identifier: Apache-2.0
// Test support: pictures of random numbers for towers that have two channels and patches of 3 x 3, and the rows that a
// step gives as output "rows".
#pragma once
#include "base/random.hpp"
#include "schedule/session.hpp"
#include <catch2/catch_test_macros.hpp>

namespace weft::test {
using namespace detail;

/// Of patches.
struct Rectangle {
    uint32_t y, x, down, across;
};

struct TestPicture {
    static constexpr uint32_t kChannels = 2, kPatch = 3;

    uint32_t down = 0, across = 0; // of patches
    std::vector<float> values = {};

    static TestPicture random(uint32_t down, uint32_t across, uint64_t seed) {
        Random random(seed);
        return {down, across, random.normals(size_t(kChannels) * down * across * kPatch * kPatch)};
    }
    TestPicture cut(const Rectangle& r) const {
        TestPicture p{r.down, r.across, {}};
        for (uint32_t c = 0; c < kChannels; ++c)
            for (uint32_t y = 0; y < r.down * kPatch; ++y)
                for (uint32_t x = 0; x < r.across * kPatch; ++x)
                    p.values.push_back(
                        values[(size_t(c) * down * kPatch + r.y * kPatch + y) * across * kPatch + r.x * kPatch + x]);
        return p;
    }
    Feed feed(uint32_t slot) const { return {.slot = slot, .picture = {values, down * kPatch, across * kPatch}}; }
};

inline std::vector<float> read_rows(Session& s, const std::vector<Feed>& feeds) {
    const auto status = s.forward(feeds, Want::nothing);
    INFO((status ? "" : status.error().text()));
    REQUIRE(bool(status));
    const auto rows = s.output("rows");
    REQUIRE(rows);
    return *rows;
}

} // namespace weft::test
