// SPDX-License-Identifier: Apache-2.0
// L2: cases of kernels/gather_rows.
#include "kernels/gather_rows.hpp"
#include "kernels/case.hpp"

namespace weft::kernel {
namespace {

/// `count` indices into `rows` rows (times `divisor`), some beyond them.
KernelCase make(const std::string& name, uint32_t rows, uint32_t columns, uint32_t count, uint32_t divisor = 1,
                bool slices = false) {
    KernelCase c;
    c.name = name;
    c.bytes = uint64_t(count) * columns * 8;
    c.build = [=](CaseContext& ctx) {
        Random& random = ctx.random();
        const Step step = ctx.step({{0, count, 0}}, count + 2); // header: outputs = count
        GatherRowsArgs a;
        std::vector<uint32_t> index(step.max_outputs, ~0u);
        for (uint32_t o = 0; o < count; ++o) index[o] = random.below(rows * divisor);
        if (count > 3) {
            index[2] = rows * divisor;
            index[3] = rows * divisor - 1;
        }
        a.x = ctx.input("x", DType::f32, {rows, columns + (slices ? 6u : 0u)},
                        random.normals(size_t(rows) * (columns + (slices ? 6u : 0u))));
        a.index = ctx.input_words("index", {step.max_outputs}, index);
        a.y = ctx.output("y", DType::f32, {step.max_outputs, columns + (slices ? 4u : 0u)});
        if (slices) {
            a.x = a.x.slice_columns(5, columns);
            a.y = a.y.slice_columns(1, columns);
        }
        a.divisor = divisor;
        ctx.input("settings", DType::f32, {4}, {float(columns), float(count), float(divisor), float(slices)});
        gather_rows(ctx.recorder(), a);
    };
    return c;
}

} // namespace

KernelTable gather_rows_cases() {
    return {"gather_rows",
            {make("tiny", 1, 1, 1), make("no outputs", 4, 8, 0), make("odd", 9, 33, 13),
             make("slices", 9, 33, 13, 1, true), make("pairs", 40, 24, 120, 3),
             make("last token of a prompt", 512, 2048, 1), make("real batch", 512, 2048, 32),
             make("large, all pairs", 512, 2048, 2048, 4)}};
}

} // namespace weft::kernel
