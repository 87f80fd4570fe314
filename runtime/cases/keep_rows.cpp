// SPDX-License-Identifier: Apache-2.0
#include "cases/keep_rows.hpp"
#include "kernels/keep_rows.hpp"

namespace weft::detail::kernel::cases::keep_rows {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const auto tokens = uint32_t(tokens_of(o.sequences));
    const Step step = ctx.step(o.sequences, tokens + o.spare);
    KeepRowsArgs a{.step = step};
    a.x = ctx.input("x", DType::f32, {step.max_tokens, o.wide()},
                    ctx.random().normals(size_t(step.max_tokens) * o.wide()));
    if (o.slices) a.x = a.x.slice_columns(5, o.columns);
    a.memory = ctx.output("memory", DType::f32, {slots_of(o.sequences), 1, o.capacity, o.columns});
    kernel::keep_rows(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Options options) {
    Case<Options> c{name, std::move(options)};
    c.bytes = tokens_of(c.options.sequences) * c.options.columns * 8;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"keep_rows",
            build,
            {make("tiny", {{{0, 1, 0}}, 1, 1}), make("no rows", {{}, 8, 4, 5}),
             make("behind those that are there", {{{0, 3, 0}, {2, 5, 9, 0, 0, 6}}, 12, 11, 4}),
             make("odd columns", {{{1, 4, 0, 0, 0, 1}}, 33, 7, 2}),
             make("slices", {{{1, 4, 0, 0, 0, 1}, {0, 2, 0}}, 33, 7, 0, true}),
             make("more than there is room for", {{{0, 6, 0, 0, 0, 3}, {1, 9, 0}}, 8, 5}),
             make("two pictures of one sequence", {{{0, 4, 0}, {0, 6, 0, 0, 0, 4}}, 16, 10}),
             make("real: a picture's rows", {{{0, 729, 0}}, 4096, 4096})}};
}

} // namespace weft::detail::kernel::cases::keep_rows
