// SPDX-License-Identifier: Apache-2.0
#include "cases/carry_state.hpp"
#include "kernels/carry_state.hpp"
#include "kernels/route_rows.hpp"

namespace weft::detail::kernel::cases::carry_state {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Step step = ctx.step(o.sequences, uint32_t(tokens_of(o.sequences)) + 2);
    std::vector<uint32_t> inverse(step.max_tokens, kNotRouted);
    uint32_t rows = 1;
    for (uint32_t s = 0, end = 0; s < o.sequences.size(); ++s) {
        rows = std::max(rows, o.sequences[s].slot + o.sequences[s].moved + 1);
        end += o.sequences[s].count;
        if (std::ranges::find(o.routed, s) != o.routed.end()) inverse[end - 1] = s;
    }
    const auto values = ctx.random().normals(size_t(rows) * o.words);
    ctx.input("before", DType::f32, {rows, o.words}, values);
    kernel::carry_state(ctx.recorder(), {.step = step,
                                         .inverse = ctx.input_words("inverse", {step.max_tokens}, inverse),
                                         .state = ctx.input("state", DType::f32, {rows, o.words}, values)});
}

Case<Options> make(const std::string& name, Options options) {
    Case<Options> c{name, std::move(options)};
    c.bytes = uint64_t(c.options.words) * 8 * c.options.sequences.size();
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"carry_state",
            build,
            {make("tiny", {{{0, 1, 3, 0, 1}}, 1}), make("no sequences", {{}, 7}),
             make("written where it is read", {{{0, 1, 3}, {1, 4, 0}}, 33}),
             make("some have rows", {{{0, 3, 3, 0, 4}, {1, 4, 0, 0, 5}, {2, 1, 9, 0, 1}}, 100, {1}}),
             make("all have rows", {{{0, 3, 3, 0, 4}, {1, 4, 0, 0, 5}}, 100, {0, 1}}),
             make("more words than threads", {{{0, 2, 3, 0, 2}, {1, 2, 3}}, 9001}),
             make("real: a step of Mamba-2", {{{0, 1, 100, 0, 1}}, 262144})}};
}

} // namespace weft::detail::kernel::cases::carry_state
