// SPDX-License-Identifier: Apache-2.0
#include "cases/unfold_rows.hpp"

namespace weft::detail::kernel::cases::unfold_rows {

Grid Options::own(const Grid& g) const {
    const PatchCut& c = args.cut;
    if (args.same) return g;
    return {(g.height + 2 * c.pad_y - c.patch_y) / c.stride_y + 1,
            (g.width + 2 * c.pad_x - c.patch_x) / c.stride_x + 1};
}

namespace {

void build(CaseContext& ctx, const Options& o) {
    UnfoldRowsArgs a = o.args;
    Sequences sequences;
    std::vector<uint32_t> of_x, sides;
    uint32_t rows = 0;
    for (const Grid& g : o.grids) {
        of_x.insert(of_x.end(), {0, rows, g.count(), 0, 0, 0, 0, 0});
        sides.insert(sides.end(), {g.height, g.width});
        rows += g.count();
        sequences.push_back({uint32_t(sequences.size()), o.own(g).count(), 0});
    }
    const Step step = ctx.step(sequences, uint32_t(tokens_of(sequences)) + 3);
    of_x.resize(8 * size_t(step.max_sequences));
    sides.resize(2 * size_t(step.max_sequences));
    const uint32_t x_wide = o.channels + (o.sliced ? 9 : 0), y_wide = o.columns() + (o.sliced ? 7 : 0);
    a.x = ctx.input("x", DType::f32, {rows + 1, x_wide}, ctx.random().normals(size_t(rows + 1) * x_wide));
    a.sequences = ctx.input_words("sequences of x", {step.max_sequences, 8}, of_x);
    if (!o.line) a.sides = ctx.input_words("sides", {step.max_sequences, 2}, sides);
    a.token_sequence = step.token_sequence;
    a.positions = step.positions;
    a.y = ctx.output("y", DType::f32, {step.max_tokens, y_wide});
    if (o.sliced) {
        a.x = a.x.slice_columns(5, o.channels);
        a.y = a.y.slice_columns(3, o.columns());
    }
    kernel::unfold_rows(ctx.recorder(), a);
}

std::vector<Case<Options>> make_list() {
    // Window, stride, padding; each height, then width.
    const auto args = [](Grid window, Grid stride = {1, 1}, Grid pad = {0, 0}) {
        UnfoldRowsArgs a;
        a.cut = {window.height, window.width, stride.height, stride.width, pad.height, pad.width};
        return a;
    };
    const auto same = [&](Grid window) {
        UnfoldRowsArgs a = args(window, {1, 1}, {window.height / 2, window.width / 2});
        a.same = true;
        return a;
    };
    const auto part = [](UnfoldRowsArgs a, uint32_t first, uint32_t taps) {
        a.first_tap = first;
        a.taps = taps;
        return a;
    };
    UnfoldRowsArgs merged = args({2, 2}, {2, 2});
    merged.columns_first = true;
    UnfoldRowsArgs tall = args({2, 3}, {1, 1});
    tall.columns_first = true;
    return {{"tiny", {args({1, 1}), {{1, 1}}, 1}},
            {"no sequences", {args({3, 3}, {2, 2}, {1, 1}), {}, 4}},
            {"windows side by side", {args({2, 3}, {2, 3}), {{4, 9}, {2, 3}}, 5}},
            {"windows side by side, down their columns", {merged, {{4, 6}, {2, 2}}, 8}},
            {"wide windows, down their columns", {tall, {{4, 6}, {2, 3}}, 3}},
            {"overlap, zeros around, grids of many sizes",
             {args({3, 3}, {2, 2}, {1, 1}), {{8, 12}, {1, 1}, {7, 5}, {2, 9}, {1, 6}}, 6}},
            {"strides beyond the window", {args({1, 2}, {3, 4}), {{7, 10}}, 3}},
            {"the same grid", {same({3, 3}), {{5, 6}, {1, 1}, {1, 4}, {6, 1}}, 4}},
            {"the same grid, an even window", {same({2, 4}), {{5, 6}, {1, 2}}, 4}},
            {"a window larger than the grid", {same({7, 9}), {{3, 2}}, 2}},
            {"lines", {args({1, 3}, {1, 2}, {0, 1}), {{1, 31}, {1, 7}, {1, 1}}, 12, true}},
            {"lines, the same", {same({1, 16}), {{1, 31}, {1, 7}, {1, 1}}, 4, true}},
            {"some taps of a window", {part(same({3, 3}), 2, 5), {{5, 6}, {2, 2}}, 6}},
            {"column slices", {args({3, 2}, {2, 2}, {1, 0}), {{9, 10}, {5, 6}}, 7, false, true}},
            {"real: Whisper's second convolution", {args({1, 3}, {1, 2}, {0, 1}), {{1, 3000}}, 384, true}},
            {"real: MambaVision's downsampling", {args({3, 3}, {2, 2}, {1, 1}), {{56, 56}, {56, 56}}, 80}},
            {"real: taps of wav2vec2's positional convolution", {part(same({1, 128}), 32, 32), {{1, 1500}}, 48, true}}};
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{"unfold_rows", build, make_list()};
    for (auto& c : table.cases)
        for (const Grid& g : c.options.grids)
            c.bytes += 4 * (uint64_t(c.options.channels) * g.count() + c.options.own(g).count() * c.options.columns());
    return table;
}

} // namespace weft::detail::kernel::cases::unfold_rows
