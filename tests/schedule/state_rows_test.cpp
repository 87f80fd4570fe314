// SPDX-License-Identifier: Apache-2.0
// The rows of constant states, played through with the tokens that they would hold: whatever is forked, held, given
// free and moved on together, a step reads what its slot had, and what is held stays.
#include "base/random.hpp"
#include "schedule/state_rows.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <optional>

using namespace weft;
using namespace weft::detail;

namespace {

using Text = std::vector<uint32_t>;

struct Kept {
    StateHold hold;
    Text text;
};

} // namespace

TEST_CASE("rows of constant states hold what their slots read, in any order of events", "[schedule]") {
    for (uint32_t seed = 0; seed < 300; ++seed) {
        INFO("seed " << seed);
        Random random(seed);
        const uint32_t slots = 1 + random.below(5), most = random.below(4);
        const auto rows = std::make_shared<StateRows>(slots, most);
        std::vector<Text> row(slots + most), text(slots); // what lies in the rows, and what the slots have seen
        std::vector<Kept> kept;
        uint32_t copies = 0;
        const auto check = [&] {
            for (uint32_t s = 0; s < slots; ++s) REQUIRE(row[rows->of(s)] == text[s]);
            for (const Kept& k : kept)
                if (!k.hold->lost) REQUIRE(row[k.hold->row] == k.text);
        };
        for (uint32_t event = 1; event < 200; ++event) {
            const uint32_t slot = random.below(slots), other = random.below(slots);
            const uint32_t what = random.below(6);
            if (what == 0) {
                rows->write_all(other);
                rows->read(other, rows->of(slot));
                text[other] = text[slot];
            } else if (what == 1) {
                StateHold hold = rows->hold(slot, uint32_t(text[slot].size()));
                const auto alive = uint32_t(std::ranges::count_if(kept, [](const Kept& k) { return !k.hold->lost; }));
                REQUIRE(bool(hold) == (alive < most));
                if (hold) kept.push_back({std::move(hold), text[slot]});
            } else if (what == 2 && !kept.empty()) {
                kept.erase(kept.begin() + random.below(uint32_t(kept.size())));
            } else if (what == 3 && !kept.empty()) {
                const Kept& k = kept[random.below(uint32_t(kept.size()))];
                if (k.hold->lost) continue;
                rows->read(k.hold->slot, k.hold->row);
                text[k.hold->slot] = k.text;
            } else if (what == 4) { // a copy of another sequence is written over the slot's own row
                rows->moved();
                const auto own = rows->own(slot);
                REQUIRE(own);
                rows->write_all(slot);
                text[slot] = {1000 + event};
                row[*own] = text[slot];
            } else {
                std::vector<StateMove> step;
                for (uint32_t s = 0; s < slots; ++s)
                    if (random.below(2)) step.push_back({s});
                for (const StateMove& m : step) rows->write_from(m.slot, uint32_t(text[m.slot].size()));
                rows->move(step);
                for (const StateMove& m : step)
                    if (m.read != m.from) {
                        row[m.read] = row[m.from];
                        ++copies;
                    }
                for (const StateMove& m : step)
                    for (const StateMove& n : step)
                        if (m.slot != n.slot) REQUIRE((m.write != n.write && m.write != n.read));
                for (const StateMove& m : step) {
                    REQUIRE(row[m.read] == text[m.slot]);
                    text[m.slot].push_back(event);
                    row[m.write] = text[m.slot];
                }
            }
            check();
        }
        kept.clear();
        if (slots == 1) CHECK(copies == 0);
    }
}

TEST_CASE("forks that move on together need no copy where rows are spare", "[schedule]") {
    const auto rows = std::make_shared<StateRows>(2, 1);
    for (const bool held : {false, true}) {
        rows->read(1, rows->of(0));
        const StateHold hold = held ? rows->hold(0, 5) : nullptr;
        std::vector<StateMove> step{{0}, {1}};
        rows->move(step);
        // Three rows: with the held one as many as the slots need.
        for (const StateMove& m : step) CHECK((m.read == m.from && m.write != m.from));
        CHECK(rows->of(0) != rows->of(1));
    }
    const auto few = std::make_shared<StateRows>(2, 0);
    few->read(1, few->of(0));
    std::vector<StateMove> step{{0}, {1}};
    few->move(step);
    CHECK((step[0].read == step[0].write && step[0].read != step[0].from)); // copied: the other stays
    CHECK((step[1].read == step[1].from && step[1].write == step[1].from));
}
