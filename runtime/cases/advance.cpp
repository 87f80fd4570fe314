// SPDX-License-Identifier: Apache-2.0
#include "cases/advance.hpp"
#include "kernels/sample.hpp"
#include <cstring>

namespace weft::detail::kernel::cases::advance {
namespace {

constexpr uint32_t kSlots = 12, kManySlots = 150;

void build(CaseContext& ctx, const Options& o) {
    const auto tokens = uint32_t(tokens_of(o.sequences));
    std::vector<uint32_t> ids(tokens);
    for (uint32_t& id : ids) id = ctx.random().below(kVocabulary);
    for (uint32_t w : o.without) ids[w] = kNoToken; // the sequences in these places got no token
    const Step step = ctx.step(o.sequences, std::max(tokens, uint32_t(o.sequences.size())) + o.spare, ids, o.axes);
    ctx.input_words("first ids", {uint32_t(ids.size()) + 1}, [&] {
        auto copy = ids;
        copy.push_back(0);
        return copy;
    }());
    SampleArgs a;
    Tensor ends;
    if (!o.ending.empty()) { // the tokens in these places are end tokens; every third slot goes on all the same
        std::vector<uint32_t> words(16 * kManySlots), tokens_of;
        for (uint32_t s = 0; s < kManySlots; ++s) words[16 * s + 8] = s % 3 ? SamplerRow::kStops : 0;
        for (uint32_t e : o.ending) tokens_of.push_back(ids[e]);
        a.sampler = ctx.input_words("sampler", {kManySlots, 16}, words);
        ends = ctx.input_words("ends", {uint32_t(o.ending.size())}, tokens_of);
    }
    if (o.decode) {
        a.step = step;
        a.logits = ctx.input("logits", DType::f32, {step.max_outputs, kVocabulary},
                             ctx.random().normals(size_t(step.max_outputs) * kVocabulary));
        SamplerRow row; // greedy, but never the same token twice: the choice shows what the history holds
        row.no_repeat_ngram = 1;
        std::vector<uint32_t> words(16 * kSlots);
        for (uint32_t s = 0; s < kSlots; ++s) std::memcpy(&words[16 * s], &row, sizeof row);
        a.sampler = ctx.input_words("sampler", {kSlots, 16}, words);
        a.history =
            ctx.input_words("history", {kSlots, kCapacity}, std::vector<uint32_t>(kSlots * kCapacity, kVocabulary));
        a.ring = ctx.output("ring", DType::u32, {4, step.max_outputs});
        kernel::remember(ctx.recorder(), step, a.history);
    }
    for (uint32_t i = 0; i < o.steps; ++i) {
        if (o.decode) kernel::sample(ctx.recorder(), a);
        kernel::advance(ctx.recorder(), step, ends ? a.sampler : Tensor{}, ends);
    }
}

Case<Options> make(const std::string& name, Sequences sequences, uint32_t steps, bool decode = false,
                   uint32_t spare = 3, std::vector<uint32_t> ending = {}, std::vector<uint32_t> without = {},
                   uint32_t axes = 0) {
    Case<Options> c{name, {sequences, steps, decode, spare, ending, without, axes}};
    c.bytes = 64 * sequences.size();
    return c;
}

} // namespace

CaseTable<Options> table() {
    Sequences many;
    for (uint32_t s = 0; s < 150; ++s) many.push_back({s, 1 + s % 3, 11 * s % 97, s % 5 ? 0u : 500u, 0, 7 * s});
    return {"advance",
            build,
            {make("tiny", {{0, 1, 0}}, 1, false, 0), make("no sequences", {}, 2),
             make("after a prompt", {{2, 9, 0}, {0, 1, 40}, {1, 3, 7}}, 1),
             make("states written elsewhere", {{2, 9, 3, 0, 5}, {0, 1, 40}, {1, 3, 7, 0, 2}}, 2),
             make("memories", {{2, 9, 0, 0, 0, 1500}, {0, 1, 40}, {1, 3, 7, 0, 2, 77}}, 2),
             make("many sequences, three steps", many, 3),
             make("decode loop", {{3, 1, 0}, {0, 1, 20}, {7, 1, 5}}, 3, true),
             make("decode loop that fills the ring twice", {{1, 1, 60}, {11, 1, 2}}, 7, true),
             make("one ends", {{4, 1, 9}, {2, 1, 40}, {1, 1, 7}}, 2, false, 3, {1}),
             make("all end", {{4, 1, 9}, {2, 1, 40}}, 3, false, 3, {0, 1}),
             make("many end", many, 2, false, 3, {0, 1, 2, 5, 63, 64, 65, 66, 127, 128, 140, 149}),
             make("one without a token", {{4, 1, 9}, {2, 1, 40}, {1, 1, 7}}, 2, false, 3, {}, {1}),
             make("ends, and none of the tokens there were", many, 2, false, 3, {0, 5, 63, 64}, {1, 2, 65, 128, 149}),
             make("all without a token", {{4, 1, 9}, {2, 1, 40}}, 3, false, 3, {}, {0, 1}),
             make("positions of three axes", {{4, 1, 9}, {2, 1, 40}, {1, 1, 7}}, 2, false, 3, {1}, {}, 3),
             make("many of two axes end", many, 2, false, 3, {0, 1, 5, 63, 64, 140, 149}, {}, 2),
             make("real decode step", {{0, 1, 100}}, 1, false, 0)}};
}

} // namespace weft::detail::kernel::cases::advance
