// SPDX-License-Identifier: Apache-2.0
#include "cases/gather_rows.hpp"
#include "kernels/gather_rows.hpp"

namespace weft::detail::kernel::cases::gather_rows {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    const Step step = ctx.step({{0, o.count, 0}}, o.count + 2); // header: outputs = count
    GatherRowsArgs a;
    std::vector<uint32_t> index(step.max_outputs, ~0u);
    for (uint32_t i = 0; i < o.count; ++i) index[i] = random.below(o.rows * o.divisor);
    if (o.count > 3) {
        index[2] = o.rows * o.divisor;
        index[3] = o.rows * o.divisor - 1;
    }
    a.x = ctx.input("x", DType::f32, {o.rows, o.x_wide()}, random.normals(size_t(o.rows) * o.x_wide()));
    a.index = ctx.input_words("index", {step.max_outputs}, index);
    a.y = ctx.output("y", DType::f32, {step.max_outputs, o.y_wide()});
    if (o.slices) {
        a.x = a.x.slice_columns(5, o.columns);
        a.y = a.y.slice_columns(1, o.columns);
    }
    a.divisor = o.divisor;
    kernel::gather_rows(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, uint32_t rows, uint32_t columns, uint32_t count, uint32_t divisor = 1,
                   bool slices = false) {
    Case<Options> c{name, {rows, columns, count, divisor, slices}};
    c.bytes = uint64_t(count) * columns * 8;
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"gather_rows",
            build,
            {make("tiny", 1, 1, 1), make("no outputs", 4, 8, 0), make("odd", 9, 33, 13),
             make("slices", 9, 33, 13, 1, true), make("pairs", 40, 24, 120, 3),
             make("last token of a prompt", 512, 2048, 1), make("real batch", 512, 2048, 32),
             make("large, all pairs", 512, 2048, 2048, 4)}};
}

} // namespace weft::detail::kernel::cases::gather_rows
