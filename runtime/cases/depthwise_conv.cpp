// SPDX-License-Identifier: Apache-2.0
#include "cases/depthwise_conv.hpp"

namespace weft::detail::kernel::cases::depthwise_conv {
namespace {

void build(CaseContext& ctx, const Options& o) {
    DepthwiseConvArgs a = o.args;
    Random& random = ctx.random();
    Sequences sequences;
    std::vector<uint32_t> sides;
    for (const Grid& g : o.grids) {
        sequences.push_back({uint32_t(sequences.size()), g.count(), 0});
        sides.insert(sides.end(), {g.height, g.width});
    }
    a.step = ctx.step(sequences, uint32_t(tokens_of(sequences)) + 3);
    sides.resize(2 * size_t(a.step.max_sequences));
    const uint32_t rows = a.step.max_tokens, taps = a.taps_y * a.taps_x;
    if (!o.line) a.sides = ctx.input_words("sides", {a.step.max_sequences, 2}, sides);
    a.x = ctx.input("x", DType::f32, {rows, o.x_wide()}, random.normals(size_t(rows) * o.x_wide(), o.deviation));
    a.weight = ctx.input("weight", DType::f32, {taps, o.channels}, random.normals(size_t(taps) * o.channels));
    if (o.bias) a.bias = ctx.input("bias", DType::f32, {o.channels}, random.normals(o.channels));
    a.y = ctx.output("y", DType::f32, {rows, o.y_wide()});
    if (o.sliced) {
        a.x = a.x.slice_columns(5, o.channels);
        a.y = a.y.slice_columns(3, o.channels);
    }
    kernel::depthwise_conv(ctx.recorder(), a);
}

std::vector<Case<Options>> make_list() {
    const auto args = [](uint32_t taps_y, uint32_t taps_x, Activation activation = Activation::none) {
        DepthwiseConvArgs a;
        a.taps_y = taps_y;
        a.taps_x = taps_x;
        a.pad_y = taps_y / 2;
        a.pad_x = taps_x / 2;
        a.activation = activation;
        return a;
    };
    DepthwiseConvArgs aside = args(2, 4);
    aside.pad_y = 0;
    aside.pad_x = 3;
    return {{"tiny", {args(1, 1), {{1, 1}}, 1}},
            {"no sequences", {args(3, 3), {}, 4}},
            {"grids of many sizes", {args(3, 3), {{5, 6}, {1, 1}, {1, 4}, {6, 1}, {7, 9}}, 7}},
            {"grids of many sizes, by four", {args(3, 3), {{5, 6}, {1, 1}, {1, 4}, {6, 1}, {7, 9}}, 12}},
            {"an even window, no bias", {args(2, 4), {{5, 6}, {1, 2}}, 8, false}},
            {"a window to one side", {aside, {{5, 6}, {1, 2}}, 5}},
            {"a window larger than the grid", {args(7, 9), {{3, 2}, {2, 4}}, 4}},
            {"lines", {args(1, 3), {{1, 31}, {1, 7}, {1, 1}}, 12, true, true}},
            {"activation", {args(3, 3, Activation::silu), {{4, 4}}, 6}},
            {"activation, by four", {args(1, 5, Activation::gelu), {{1, 9}}, 8, true, true}},
            {"column slices", {args(3, 2), {{9, 10}, {5, 6}}, 7, true, false, true}},
            {"zeros", {args(3, 3), {{4, 4}}, 8, true, false, false, 0}},
            {"large numbers", {args(3, 3), {{4, 4}}, 8, true, false, false, 1e30}},
            {"real: VMamba's first layers, two pictures", {args(3, 3, Activation::silu), {{56, 56}, {56, 56}}, 192}},
            {"real: windows of MambaVision", {args(1, 3, Activation::silu), {{1, 196}}, 160, false, true}}};
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{"depthwise_conv", build, make_list()};
    for (auto& c : table.cases)
        for (const Grid& g : c.options.grids) {
            const uint64_t values = uint64_t(c.options.channels) * g.count();
            c.bytes += 8 * values;
            c.operations += 2 * values * c.options.args.taps_y * c.options.args.taps_x;
        }
    return table;
}

} // namespace weft::detail::kernel::cases::depthwise_conv
