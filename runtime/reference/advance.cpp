// SPDX-License-Identifier: Apache-2.0
#include "cases/advance.hpp"
#include "kernels/sample.hpp"
#include "reference/advance.hpp"
#include "reference/comparison.hpp"
#include <set>

namespace weft::detail::kernel::cases::advance {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto header = ctx.words("step header"), sequences = ctx.words("step sequences"),
               positions = ctx.words("step positions"), owners = ctx.words("step token sequences"),
               outputs = ctx.words("step outputs");
    reference::Advanced expected;
    uint32_t first = 0;
    for (const auto& s : ctx.sequences()) {
        expected.rows.push_back(
            {s.slot, first, s.count, s.past, std::max(s.length, s.past + s.count), s.slot, s.slot + s.moved, s.memory});
        first += s.count;
    }
    const auto ends = ctx.words("ends");
    expected.ends = ends;
    if (!o.decode) {
        const auto ids = ctx.words("first ids"), sampler = ctx.words("sampler");
        for (size_t s = 0; s < expected.rows.size(); ++s) {
            auto& row = expected.rows[s];
            row.id = ids[s];
            row.stops = !ends.empty() && (sampler[16 * row.slot + 8] & SamplerRow::kStops);
        }
    }
    const size_t stride = o.axes ? positions.size() / (1 + o.axes) : 0;
    for (size_t s = 0; o.axes && s < expected.rows.size(); ++s)
        expected.rows[s].turn = ctx.words("first positions")[stride + s];
    const auto started = expected.rows;
    for (size_t i = 0; i < o.steps; ++i) expected.step();
    const auto count = uint32_t(expected.rows.size());
    verdict.same({header.begin(), header.begin() + 7},
                 {0, count, count, count, std::min(count, 1u), expected.longest(), expected.ring}, "header");
    for (uint32_t s = 0; s < count; ++s) {
        const auto& r = expected.rows[s];
        const std::string who = "sequence " + std::to_string(s);
        verdict.same({sequences.begin() + 8 * s, sequences.begin() + 8 * s + 8},
                     {r.slot, r.first, r.count, r.past, r.length, r.read, r.write, r.memory}, who);
        verdict.same({positions[s], owners[s], outputs[s]}, {r.past, s, s}, who + ": position, owner, output");
        for (uint32_t a = 1; a <= o.axes; ++a) verdict.same({positions[a * stride + s]}, {r.turn}, who + ": turn");
        if (!o.decode) verdict.same({ctx.words("step ids")[s]}, {r.id}, who + ": id");
    }
    for (size_t s = count; s < started.size(); ++s) verdict.same({sequences[8 * s + 2]}, {0}, "tokens of who ended");
    if (!o.decode) return;
    // Each step gives the best token that the sequence has not had: what was fed back
    // shows in history, ids and ring.
    const auto& logits = ctx.data("logits");
    const auto history = ctx.words("history"), ring = ctx.words("ring"), ids = ctx.words("step ids"),
               first_ids = ctx.words("first ids");
    const size_t wide = ring.size() / 4;
    for (uint32_t s = 0; s < count; ++s) {
        std::set<uint32_t> had{first_ids[s]};
        for (size_t i = 0; i < o.steps; ++i) {
            uint32_t best = had.count(0) ? 1 : 0;
            for (uint32_t v = 0; v < kVocabulary; ++v)
                if (!had.count(v) && (had.count(best) || logits[s * kVocabulary + v] > logits[s * kVocabulary + best]))
                    best = v;
            had.insert(best);
            const std::string when = "sequence " + std::to_string(s) + ", step " + std::to_string(i);
            verdict.same({history[started[s].slot * kCapacity + (started[s].past + started[s].count + i) % kCapacity]},
                         {best}, when + ": history");
            if (i + 4 >= o.steps) verdict.same({ring[i % 4 * wide + s]}, {best}, when + ": ring");
            if (i + 1 == o.steps) verdict.same({ids[s]}, {best}, when + ": id");
        }
    }
}

} // namespace weft::detail::kernel::cases::advance
