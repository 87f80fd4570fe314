// SPDX-License-Identifier: Apache-2.0
#include "cases/embed.hpp"
#include "kernels/embed.hpp"

namespace weft::detail::kernel::cases::embed {
namespace {

void build(CaseContext& ctx, const Options& o) {
    const Shape& s = o.shape;
    Random& random = ctx.random();
    std::vector<uint32_t> ids(s.tokens);
    for (uint32_t& id : ids) id = random.below(s.vocabulary);
    if (s.tokens > 2) {
        ids[1] = s.vocabulary;
        ids[2] = ~0u; // in no table
    }
    if (s.tokens > 4) {
        ids[3] = 0;
        ids[4] = s.vocabulary - 1;
    }
    const uint32_t half = s.tokens / 2;
    // A bucket larger than the step.
    const Step step = ctx.step({{1, half, 5}, {0, s.tokens - half, 0}}, s.tokens + 3, ids);
    EmbedArgs a;
    a.ids = step.ids;
    a.positions = step.positions;
    a.scale = o.scale;
    a.position_offset = o.offset;
    a.slice_bytes = o.slice_bytes;
    if (in_blocks(o.table)) a.table = ctx.weight("table", o.table, {s.vocabulary, s.columns}, o.magnitude);
    else
        a.table = ctx.input("table", o.table, {s.vocabulary, s.columns},
                            random.uniforms(size_t(s.vocabulary) * s.columns, -o.magnitude, o.magnitude));
    if (o.positions)
        a.position_table = ctx.input("position table", o.position_table, {o.positions, s.columns},
                                     random.uniforms(size_t(o.positions) * s.columns, -1, 1));
    const uint32_t wide = o.slice ? s.columns + 9 : s.columns;
    a.y = ctx.output("y", DType::f32, {step.max_tokens, wide});
    if (o.slice) a.y = a.y.slice_columns(o.start(), s.columns);
    if (o.residual)
        a.residual = ctx.input("residual", DType::f32, {step.max_tokens, s.columns},
                               random.normals(size_t(step.max_tokens) * s.columns));
    kernel::embed(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Shape s, Options o, double magnitude = 1) {
    o.shape = s;
    o.magnitude = magnitude;
    Case<Options> c{name, o};
    const uint64_t elements = uint64_t(s.tokens) * s.columns;
    c.bytes = bytes_of(o.table, elements) +
              elements * (4 + (o.positions ? size_of(o.position_table) : 0) + (o.residual ? 4 : 0));
    c.operations = elements * 2;
    return c;
}

} // namespace

CaseTable<Options> table() {
    const DType f16 = DType::f16, bf16 = DType::bf16;
    CaseTable<Options> table{
        "embed",
        build,
        {make("tiny", {1, 1, 1}, {}), make("odd f16 rows", {7, 11, 33}, {.table = f16}),
         make("odd bf16 rows", {9, 5, 7}, {.table = bf16}), make("no tokens", {0, 8, 16}, {}),
         make("scaled by a large number", {5, 20, 64}, {.table = bf16, .scale = 78.384f}),
         make("extreme values", {6, 20, 40}, {.scale = 3}, 1e37),
         make("f32 positions, offset 2", {12, 30, 48}, {.positions = 20, .offset = 2}),
         make("f16 positions that run out", {12, 30, 33}, {.table = f16, .position_table = f16, .positions = 4}),
         make("bf16 positions", {8, 30, 32}, {.position_table = bf16, .positions = 16}),
         make("added to a residual, into a slice", {10, 6, 25}, {.residual = true, .slice = true, .scale = 0.5f}),
         make("table in five dispatches", {40, 300, 8}, {.residual = true, .slice_bytes = 2048}),
         make("f16 table in dispatches of odd rows", {40, 300, 96},
              {.table = f16, .positions = 30, .slice_bytes = 8000}),
         make("more tokens than workgroups along an axis", {70001, 6, 1}, {}),
         make("real decode step", {1, 32000, 512}, {.table = bf16}),
         make("real prefill", {256, 8000, 1024}, {.table = bf16, .scale = 2}),
         make("large", {512, 3000, 4096}, {.table = f16}),
         make("q8_0 table in dispatches", {40, 300, 96},
              {.table = DType::q8_0, .positions = 30, .residual = true, .scale = 3, .slice_bytes = 60000}),
         make("q6_k table in dispatches", {40, 300, 512}, {.table = DType::q6_k, .slice_bytes = 120000}),
         make("real decode step q8_0", {1, 32000, 512}, {.table = DType::q8_0})}};
#define weft_ROW(id, NAME, number, elements, bytes, scale)                                                             \
    table.cases.push_back(make(#id " table", {7, 11, 512}, {.table = DType::id}));
    BLOCK_TYPES(weft_ROW)
    OWN_TYPES(weft_ROW)
#undef weft_ROW
    return table;
}

} // namespace weft::detail::kernel::cases::embed
