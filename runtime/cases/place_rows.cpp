// SPDX-License-Identifier: Apache-2.0
#include "cases/place_rows.hpp"
#include "kernels/place_rows.hpp"

namespace weft::detail::kernel::cases::place_rows {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    const Step step = ctx.step({{0, o.tokens, 0}}, o.tokens + 2);
    const uint32_t rows = step.max_tokens, all = o.slots * o.capacity;
    std::vector<uint32_t> places(rows, kNoPlace);
    for (uint32_t t = 0; t < o.tokens; ++t) // two of three have one
        if (all && t % 3 != 1) places[t] = random.below(all);
    if (o.tokens > 3) places[3] = all; // beyond the last
    PlaceRowsArgs a{.scale = o.scale};
    const auto values = [&](const char* name, uint32_t wide) {
        return ctx.input(name, DType::f32, {rows, wide}, random.normals(size_t(rows) * wide));
    };
    if (o.x) a.x = values("x", o.wide());
    if (o.residual) a.residual = values("residual", o.columns);
    a.places = ctx.input_words("places", {rows}, places);
    a.memory =
        ctx.input("memory", DType::f32, {o.slots, 1, o.capacity, o.columns}, random.normals(size_t(all) * o.columns));
    a.y = ctx.output("y", DType::f32, {rows, o.wide()});
    if (o.slices) {
        a.x = a.x.slice_columns(5, o.columns);
        a.y = a.y.slice_columns(1, o.columns);
    }
    kernel::place_rows(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Options options) {
    Case<Options> c{name, options};
    c.bytes = uint64_t(options.tokens) * options.columns * (options.residual ? 12 : 8);
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"place_rows",
            build,
            {make("tiny", {1, 1, 1, 1}), make("no tokens", {0, 8, 2, 3}), make("odd", {13, 33, 3, 5}),
             make("added to a residual", {13, 36, 2, 7, false, true}),
             make("in place of rows, and added", {9, 12, 2, 7, true, true, 0.25f}),
             make("nothing elsewhere", {10, 8, 1, 4, false, false, -2}),
             make("slices", {11, 33, 2, 4, true, false, 1, true}), make("real prefill", {512, 4096, 2, 300})}};
}

} // namespace weft::detail::kernel::cases::place_rows
