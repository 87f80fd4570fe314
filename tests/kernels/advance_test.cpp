// SPDX-License-Identifier: Apache-2.0
#include "cases/advance.hpp"
#include "harness/compare.hpp"
#include "kernels/sample.hpp"
#include "reference/advance.hpp"
#include <set>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("advance", "[kernels]") {
    test::run_cases(cases::advance::table(), [](CaseContext& ctx, const cases::advance::Options& o) {
        const auto header = ctx.words("step header"), sequences = ctx.words("step sequences"),
                   positions = ctx.words("step positions"), owners = ctx.words("step token sequences"),
                   outputs = ctx.words("step outputs");
        reference::Advanced expected;
        uint32_t first = 0;
        for (const auto& s : ctx.sequences()) {
            expected.rows.push_back({s.slot, first, s.count, s.past, std::max(s.length, s.past + s.count), s.slot,
                                     s.slot + s.moved, s.memory});
            first += s.count;
        }
        const auto ends = ctx.words("ends");
        expected.ends = ends;
        if (!o.decode) {
            const auto ids = ctx.words("first ids"), sampler = ctx.words("sampler");
            for (size_t s = 0; s < expected.rows.size(); ++s) {
                auto& row = expected.rows[s];
                row.id = ids[s];
                row.stops = !ends.empty() && (sampler[16 * row.slot + 8] & kernel::SamplerRow::kStops);
            }
        }
        const size_t stride = o.axes ? positions.size() / (1 + o.axes) : 0;
        for (size_t s = 0; o.axes && s < expected.rows.size(); ++s)
            expected.rows[s].turn = ctx.words("first positions")[stride + s];
        const auto started = expected.rows;
        for (size_t i = 0; i < o.steps; ++i) expected.step();
        const auto count = uint32_t(expected.rows.size());
        REQUIRE(std::vector<uint32_t>(header.begin(), header.begin() + 7) ==
                std::vector<uint32_t>{0, count, count, count, std::min(count, 1u), expected.longest(), expected.ring});
        for (uint32_t s = 0; s < count; ++s) {
            const auto& r = expected.rows[s];
            INFO("sequence " << s);
            REQUIRE(std::vector<uint32_t>(sequences.begin() + 8 * s, sequences.begin() + 8 * s + 8) ==
                    std::vector<uint32_t>{r.slot, r.first, r.count, r.past, r.length, r.read, r.write, r.memory});
            REQUIRE(std::vector<uint32_t>{positions[s], owners[s], outputs[s]} == std::vector<uint32_t>{r.past, s, s});
            for (uint32_t a = 1; a <= o.axes; ++a) REQUIRE(positions[a * stride + s] == r.turn);
            if (!o.decode) REQUIRE(ctx.words("step ids")[s] == r.id);
        }
        for (size_t s = count; s < started.size(); ++s) REQUIRE(sequences[8 * s + 2] == 0);
        if (!o.decode) return;
        // Each step gives the best token that the sequence has not had: what was fed back
        // shows in history, ids and ring.
        const auto& logits = ctx.data("logits");
        const auto history = ctx.words("history"), ring = ctx.words("ring"), ids = ctx.words("step ids"),
                   first_ids = ctx.words("first ids");
        using cases::advance::kVocabulary, cases::advance::kCapacity;
        const size_t wide = ring.size() / 4;
        for (uint32_t s = 0; s < count; ++s) {
            std::set<uint32_t> had{first_ids[s]};
            for (size_t i = 0; i < o.steps; ++i) {
                uint32_t best = had.count(0) ? 1 : 0;
                for (uint32_t v = 0; v < kVocabulary; ++v)
                    if (!had.count(v) &&
                        (had.count(best) || logits[s * kVocabulary + v] > logits[s * kVocabulary + best]))
                        best = v;
                had.insert(best);
                INFO("sequence " << s << ", step " << i);
                REQUIRE(history[started[s].slot * kCapacity + (started[s].past + started[s].count + i) % kCapacity] ==
                        best);
                if (i + 4 >= o.steps) REQUIRE(ring[i % 4 * wide + s] == best);
                if (i + 1 == o.steps) REQUIRE(ids[s] == best);
            }
        }
    });
}
