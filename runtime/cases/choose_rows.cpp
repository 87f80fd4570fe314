// SPDX-License-Identifier: Apache-2.0
#include "cases/choose_rows.hpp"
#include "kernels/choose_rows.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::choose_rows {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const auto tokens = uint32_t(tokens_of(o.sequences));
    const Step step = ctx.step(o.sequences, tokens + o.spare);
    const uint32_t wide = o.slices ? 5 : 1;
    std::vector<float> scores = ctx.random().normals(size_t(step.max_tokens) * wide);
    for (float& x : scores) {
        if (o.scores == Scores::ties) x = std::round(x);
        if (o.scores == Scores::zeros) x = std::copysign(0.0f, x);
        if (o.scores == Scores::extreme)
            x = std::abs(x) < 0.5f ? x * 1e-42f : std::abs(x) < 1 ? x * 3e38f : std::copysign(INFINITY, x);
    }
    ChooseRowsArgs a{.step = step, .capacity = o.capacity};
    a.x = ctx.input("x", DType::f32, {step.max_tokens, wide}, scores);
    a.y = ctx.output("y", DType::f32, {step.max_tokens, wide});
    if (o.slices) {
        a.x = a.x.slice_columns(3, 1);
        a.y = a.y.slice_columns(2, 1);
    }
    kernel::choose_rows(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Options options) {
    Case<Options> c{name, std::move(options)};
    c.bytes = tokens_of(c.options.sequences) * 8;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const Sequences three = {{2, 37, 5}, {0, 1, 9}, {1, 120, 0}}, tiny = {{0, 1, 0}}, long_one = {{0, 4096, 0}};
    return {"choose_rows",
            build,
            {make("tiny", {tiny}), make("tiny, with a capacity", {tiny, 0.5f}), make("all of one", {tiny, 1}),
             make("no rows", {{}, 0, Scores::normal, 5}), make("those above 0", {three, 0, Scores::normal, 7}),
             make("zeros of both signs", {three, 0, Scores::zeros}),
             make("the largest", {three, 0.35f, Scores::normal, 7}), make("all", {three, 1}),
             make("none fits", {{{0, 7, 0}, {1, 3, 0}}, 0.125f}), make("equal ones", {three, 0.35f, Scores::ties}),
             make("equal zeros of both signs", {three, 0.4f, Scores::zeros}),
             make("denormal and infinite", {three, 0.6f, Scores::extreme}),
             make("slices", {three, 0.35f, Scores::ties, 3, true}), make("a decode step", {{{0, 1, 9}, {3, 1, 70}}}),
             make("real: one sequence", {long_one, 0.125f}), make("real: above 0", {long_one})}};
}

} // namespace weft::detail::kernel::cases::choose_rows
