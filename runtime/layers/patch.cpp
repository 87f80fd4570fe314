// SPDX-License-Identifier: Apache-2.0
#include "layers/patch.hpp"
#include "kernels/combine.hpp"
#include "kernels/embed.hpp"
#include "kernels/grid_positions.hpp"
#include "kernels/unfold.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(kernel::PatchCut, 6);
weft_LISTED(PatchGrid, 8); // with the cut; the lead is of series
weft_ENUM_NAMES(PatchGrid::ExtraAt, PatchGrid::ExtraAt::ends, "first", "middle", "last", "ends");
weft_ENUM_NAMES(PatchGrid::Layout, PatchGrid::Layout::series, "rows", "columns", "sound", "series");
weft_LISTED(Stretched, 4);
weft_LISTED(PatchSpec, 7);
void PatchSpec::fields(Fields& f, const Widths& w) {
    f.value("input", input, std::string(kPixels));
    f.size("channels", grid.channels, 3u);
    f.size("patch", grid.patch_y);
    f.size("patch_across", grid.patch_x, grid.patch_y);
    f.size("stride", grid.stride_y, grid.patch_y);
    f.size("stride_across", grid.stride_x, grid.stride_y);
    f.value("pad", grid.pad_y, 0u);
    f.value("pad_across", grid.pad_x, grid.pad_y);
    f.value("extra", grid.extra, 0u);
    f.value("extra_at", grid.extra_at, PatchGrid::ExtraAt::first);
    f.value("layout", grid.layout, PatchGrid::Layout::rows);
    f.rule(!grid.series(), "layout", "not be series, which the op of that name reads");
    f.value("only_down", grid.only_down, 0u);
    f.value("only_across", grid.only_across, 0u);
    f.rule(!grid.only_down == !grid.only_across, "only_down", "be given where only_across is, and only there");
    f.rule(!grid.sound() || (grid.patch_y == 1 && grid.stride_y == 1 && !grid.pad_y), "patch",
           "be 1 down a sound, without stride and padding");
    f.rule(grid.sane(), "patch", "have at most 2^24 numbers with its channels, and be larger than its padding");
    f.weight("weight", weight, {w.model, uint64_t(grid.channels) * grid.patch_y * grid.patch_x}, WeightUse::always,
             WeightKind::matrix);
    f.weight("rows", rows, {uint64_t(grid.extra) + 1, w.model}, WeightUse::usual, WeightKind::vector);
    if (f.enter("stretched", bool(stretched), true)) {
        Stretched& t = stretched;
        f.size("side", t.side);
        f.rule(t.side <= 4096, "side", "be at most 4096");
        f.weight("table", t.table, {uint64_t(t.side) * t.side, w.model}, WeightUse::always, WeightKind::vector);
        f.value("cubic", t.cubic, false);
        f.value("corners", t.corners, true);
        f.leave();
    }
    f.weight("positions", positions, {stretched ? grid.extra : w.positions, w.model}, WeightUse::rare,
             WeightKind::vector);
    f.value("activation", activation, kernel::Activation::none);
    f.rule(activation == kernel::Activation::none || plain(), "activation", "be none with extra rows or positions");
    f.rule(rows != kNoWeight || (grid.extra == 0 && positions == kNoWeight), "rows",
           "not be false with extra rows or positions");
}

void PatchSpec::inputs(Inputs& i) const { i.pictures(input, grid); }

void PatchSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const LayerContext::Pictures& p = c.pictures.at(input);
    const kernel::Tensor patches = c.rows(grid.columns(), "patches");
    kernel::unfold(c.r, {.x = p.values,
                         .pictures = p.table,
                         .token_sequence = c.step.token_sequence,
                         .positions = c.step.axes,
                         .y = patches,
                         .channels = grid.channels,
                         .cut = grid});
    const bool apart = to.scale != 1;
    const kernel::Tensor y = apart ? c.rows(to.y.columns(), "patches") : to.y;
    lower_product(c, weight,
                  {.x = patches,
                   .bias = plain() ? c.weight(rows) : kernel::Tensor{},
                   .residual = apart ? kernel::Tensor{} : to.residual,
                   .y = y,
                   .activation = activation,
                   .max_rows = c.step.max_tokens});
    if (rows != kNoWeight && !plain())
        kernel::embed(c.r, {.ids = p.kinds,
                            .table = c.weight(rows),
                            .positions = stretched ? p.kinds : c.step.positions, // patches are behind the table's rows
                            .position_table = c.weight(positions),
                            .residual = y,
                            .y = y});
    if (stretched) {
        const uint32_t side = stretched.side;
        kernel::grid_positions(c.r, {.table = c.weight(stretched.table).reshape({side, side, to.y.columns()}),
                                     .pictures = p.table,
                                     .token_sequence = c.step.token_sequence,
                                     .axes = c.step.axes,
                                     .residual = y,
                                     .y = y,
                                     .cubic = stretched.cubic,
                                     .corners = stretched.corners,
                                     .cut = grid});
    }
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

void PatchSpec::work(WorkCounter& w) const {
    if (positions != kNoWeight) w.lookups(positions, w.step.tokens());
    if (stretched) w.lookups(stretched.table, w.step.tokens());
}

std::string PatchSpec::words() const {
    std::string s = std::to_string(grid.patch_y) + " x " + std::to_string(grid.patch_x);
    if (grid.stride_y != grid.patch_y || grid.stride_x != grid.patch_x)
        s += " every " + std::to_string(grid.stride_y) + " x " + std::to_string(grid.stride_x);
    s += " of " + std::to_string(grid.channels) + " channels";
    if (grid.extra) {
        s += ", " + std::to_string(grid.extra) + " more rows";
        if (grid.extra_at != PatchGrid::ExtraAt::first)
            s += std::string(" ") + names_of(grid.extra_at)[size_t(grid.extra_at)];
    }
    if (stretched)
        s += ", learned positions of " + std::to_string(stretched.side) + " x " + std::to_string(stretched.side) +
             " stretched over them";
    return s + (positions == kNoWeight || stretched ? "" : ", learned positions");
}

weft_OP(PatchSpec);

} // namespace weft::detail
