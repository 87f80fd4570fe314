// SPDX-License-Identifier: Apache-2.0
#include "cases/grid_positions.hpp"
#include "kernels/grid_positions.hpp"

namespace weft::detail::kernel::cases::grid_positions {
namespace {

// Patches of 3 x 5 every 2 x 4, with zeros around.
constexpr uint32_t kPatchY = 3, kPatchX = 5, kStrideY = 2, kStrideX = 4, kPadY = 1, kPadX = 2;

void build(CaseContext& ctx, const Options& o) {
    Sequences sequences;
    std::vector<uint32_t> sizes, h, w;
    for (size_t i = 0; i < o.pictures.size(); ++i) {
        const auto [down, across] = o.pictures[i];
        sequences.push_back({uint32_t(i), o.extra + down * across, 0});
        sizes.insert(sizes.end(), {7, (down - 1) * kStrideY + kPatchY - 2 * kPadY,
                                   (across - 1) * kStrideX + kPatchX - 2 * kPadX, 9});
        for (uint32_t n = 0; n < o.extra; ++n) {
            h.push_back(kNowhere);
            w.push_back(kNowhere);
        }
        for (uint32_t n = 0; n < down * across; ++n) {
            h.push_back(n / across);
            w.push_back(n % across);
        }
    }
    const auto tokens = uint32_t(h.size());
    const Step step = ctx.step(sequences, tokens + 2);
    h.resize(step.max_tokens);
    w.resize(step.max_tokens);
    h.insert(h.end(), w.begin(), w.end());
    sizes.resize(4 * size_t(step.max_sequences));
    GridPositionsArgs a;
    a.table = ctx.input("table", DType::f32, {o.side, o.side, o.columns},
                        ctx.random().normals(size_t(o.side) * o.side * o.columns));
    a.pictures = ctx.input_words("pictures", {step.max_sequences, 4}, sizes);
    a.token_sequence = step.token_sequence;
    a.axes = ctx.input_words("axes", {2, step.max_tokens}, h);
    a.residual = ctx.input("residual", DType::f32, {step.max_tokens, o.columns},
                           ctx.random().normals(size_t(step.max_tokens) * o.columns));
    a.y = ctx.output("y", DType::f32, {step.max_tokens, o.wide()});
    if (o.sliced) a.y = a.y.slice_columns(3, o.columns);
    a.cubic = o.cubic;
    a.corners = o.corners;
    a.cut = {kPatchY, kPatchX, kStrideY, kStrideX, kPadY, kPadX};
    a.scale = o.scale;
    kernel::grid_positions(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, Options options) {
    Case<Options> c{name, std::move(options)};
    const Options& o = c.options;
    uint64_t rows = 0;
    for (const Grid& g : o.pictures) rows += o.extra + g.down * g.across;
    c.bytes = 4 * (uint64_t(o.side) * o.side * o.columns + 2 * rows * o.columns);
    return c;
}

} // namespace

CaseTable<Options> table() {
    return {"grid_positions",
            build,
            {make("tiny", {1, 1, {{1, 1}}}), make("no pictures", {3, 8, {}}),
             make("the table's own size", {5, 12, {{5, 5}}}),
             make("larger and smaller ones", {5, 33, {{7, 3}, {1, 9}, {12, 1}, {5, 5}, {2, 2}}}),
             make("edges meet", {6, 20, {{4, 9}, {6, 6}, {13, 2}}, false, false}),
             make("cubic", {6, 20, {{4, 9}, {6, 6}, {1, 1}}, true, true}),
             make("cubic, edges meet", {7, 16, {{14, 14}, {3, 5}}, true, false}),
             make("rows that are nowhere", {4, 8, {{3, 3}, {2, 5}}, true, false, 2}),
             make("slices, scaled", {4, 9, {{3, 3}}, false, true, 1, true, -0.5f}),
             make("real: Qwen3-VL, 768 x 512", {48, 1152, {{48, 32}}})}};
}

} // namespace weft::detail::kernel::cases::grid_positions
