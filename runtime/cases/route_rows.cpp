// SPDX-License-Identifier: Apache-2.0
#include "cases/route_rows.hpp"
#include "kernels/route_rows.hpp"

namespace weft::detail::kernel::cases::route_rows {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const auto tokens = uint32_t(tokens_of(o.sequences)), slots = slots_of(o.sequences);
    const Step step = ctx.step(o.sequences, tokens + o.spare);
    std::vector<float> chosen(step.max_tokens);
    for (float& x : chosen) x = ctx.random().below(1000) < uint32_t(1000 * o.share) ? 1 : 0;
    for (const uint32_t s : o.without) {
        size_t first = 0;
        for (uint32_t i = 0; i < s; ++i) first += o.sequences[i].count;
        std::fill_n(chosen.begin() + long(first), o.sequences[s].count, 0.0f);
    }
    std::vector<uint32_t> counts(size_t(slots) * o.capacity, ~0u); // of tokens that have been there: below their number
    for (const auto& s : o.sequences)
        if (s.past) counts[size_t(s.slot) * o.capacity + s.past - 1] = ctx.random().below(s.past + 1);
    ctx.input_words("counts before", {slots * o.capacity}, counts);
    kernel::route_rows(
        ctx.recorder(),
        {.step = step,
         .chosen = ctx.input("chosen", DType::f32, {step.max_tokens, 1}, chosen),
         .counts = ctx.input_words("counts", {slots, 1, o.capacity, 1}, counts),
         .header = ctx.output("header", DType::u32, {16}),
         .sequences = ctx.output("sequences", DType::u32, {step.max_sequences, 8}),
         .rows = ctx.output("rows", DType::u32, {6, routed_stride(std::max(step.max_tokens, step.max_sequences))})});
}

Case<Options> make(const std::string& name, Options options) {
    Case<Options> c{name, std::move(options)};
    c.bytes = tokens_of(c.options.sequences) * 40;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Sequences three = {{2, 37, 5, 60, 3, 8}, {0, 1, 9}, {1, 120, 0}};
    Sequences many;
    for (uint32_t s = 0; s < 90; ++s) many.push_back({s, 1, 3 * s % 7});
    return {"route_rows",
            build,
            {make("tiny", {{{0, 1, 0}}, 1}), make("tiny, none", {{{0, 1, 4}}, 0}), make("no rows", {{}, 0.5, {}, 5}),
             make("several sequences", {three, 0.4, {}, 7}), make("all", {three, 1}), make("none", {three, 0}),
             make("one without", {three, 0.6, {0}, 2}), make("the last without", {three, 0.6, {2}}),
             make("many of one row", {many, 0.3, {0, 1, 2, 63, 64, 89}, 3}),
             make("a decode step", {{{0, 1, 100}, {2, 1, 7}}, 0.5}),
             make("real prefill", {{{0, 1000, 0}, {1, 24, 100}}, 0.125}), make("long", {{{0, 4096, 0}}, 0.5})}};
}

} // namespace weft::detail::kernel::cases::route_rows
