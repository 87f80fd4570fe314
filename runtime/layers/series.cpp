// SPDX-License-Identifier: Apache-2.0
#include "layers/series.hpp"
#include "kernels/combine.hpp"
#include "kernels/embed.hpp"
#include "kernels/expert_matmul.hpp"
#include "kernels/moe_sort.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

namespace {

// y = x W[c]^T + b[c]: channels are experts that nobody has to choose.
void lower_channels(LayerContext& c, const kernel::Tensor& weight, const kernel::Tensor& bias,
                    const kernel::Tensor& channels, const kernel::Tensor& x, const kernel::Tensor& y) {
    const uint32_t tokens = c.step.max_tokens;
    const kernel::Tensor order = c.r.temporary(DType::u32, {tokens}, "rows by channel"),
                         offsets = c.r.temporary(DType::u32, {weight.shape[0] + 1}, "channels' rows");
    kernel::moe_sort(
        c.r, {.header = c.step.header, .experts = channels.reshape({tokens, 1}), .order = order, .offsets = offsets});
    kernel::expert_matmul(c.r, {.x = x,
                                .weight = weight,
                                .bias = bias,
                                .experts = channels.reshape({tokens}),
                                .order = order,
                                .offsets = offsets,
                                .y = y,
                                .max_tokens = tokens});
}

} // namespace

namespace kernel { // where the compiler looks for the names of these
weft_ENUM_NAMES(SeriesScaling, SeriesScaling::mean, "none", "std", "mean");
} // namespace kernel

weft_LISTED(kernel::SeriesScale, 3);
void scale_fields(Fields& f, kernel::SeriesScale& scale) {
    f.value("scaling", scale.kind, kernel::SeriesScaling::std);
    f.number("least", scale.least, scale.kind == kernel::SeriesScaling::mean ? 1e-10f : 1e-5f, Reach::not_negative);
    f.number("otherwise", scale.otherwise, 0.0f, Reach::not_negative);
}

PatchGrid SeriesSpec::grid() const {
    PatchGrid g;
    g.channels = 2; // values, and whether they were observed
    g.patch_x = patch;
    g.stride_x = stride;
    g.layout = PatchGrid::Layout::series;
    g.lead = lead();
    g.only_down = channels;
    g.only_across = g.lead + patches();
    return g;
}

weft_LISTED(SeriesSpec, 11);
void SeriesSpec::fields(Fields& f, const Widths& w) {
    f.value("input", input, std::string(kSeries));
    f.size("channels", channels);
    f.size("length", length);
    f.size("patch", patch);
    f.size("stride", stride, patch);
    f.rule(patch <= length && length <= 65536 && stride <= 65536, "length",
           "be at least a patch, and at most 65536, as the stride is");
    scale_fields(f, scale);
    f.value("apart", apart, false);
    if (apart) {
        f.weight("weight", weight, {channels, w.model, patch}, WeightUse::always, WeightKind::vector);
        f.weight("bias", bias, {channels, w.model}, WeightUse::usual, WeightKind::vector);
    } else {
        f.weight("weight", weight, {w.model, patch}, WeightUse::always, WeightKind::matrix);
        f.weight("bias", bias, {w.model}, WeightUse::usual, WeightKind::vector);
    }
    f.weight("before", before, {apart ? channels : 1, w.model}, WeightUse::rare, WeightKind::vector);
    f.weight("positions", positions, {uint64_t(lead()) + patches(), w.model}, WeightUse::usual, WeightKind::vector);
}

void SeriesSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const LayerContext::Pictures& series = c.pictures.at(input);
    const auto places = [&](uint32_t axis) {
        kernel::Tensor t = c.step.axes.slice_rows(axis, 1);
        t.rank = 1;
        t.shape = {c.step.max_tokens};
        t.stride = c.step.max_tokens;
        return t;
    };
    const kernel::Tensor channel = places(0), column = places(1), cut = c.rows(patch, "patches of series");
    kernel::series(c.r, {.values = series.values,
                         .series = series.table,
                         .token_sequence = c.step.token_sequence,
                         .channels = channel,
                         .columns = column,
                         .y = cut,
                         .scale = scale,
                         .stride = stride,
                         .lead = lead()});
    const bool apart_from = to.residual || to.scale != 1;
    const kernel::Tensor y = apart_from ? c.rows(to.y.columns(), "rows of series") : to.y;
    if (apart) lower_channels(c, c.weight(weight), c.weight(bias), channel, cut, y);
    else lower_product(c, weight, {.x = cut, .bias = c.weight(bias), .y = y, .max_rows = c.step.max_tokens});
    // Ids of the other rows are in no table.
    if (before != kNoWeight)
        kernel::embed(c.r, {.ids = apart ? series.kinds : column, .table = c.weight(before), .residual = y, .y = y});
    if (positions != kNoWeight)
        kernel::embed(c.r, {.ids = column, .table = c.weight(positions), .residual = y, .y = y});
    if (apart_from) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

void SeriesSpec::work(WorkCounter& w) const {
    if (apart) w.matrices_of(weight, channels, channels, w.step.tokens());
    for (const WeightId table : {before, positions})
        if (table != kNoWeight) w.lookups(table, w.step.tokens());
}

std::string SeriesSpec::words() const {
    constexpr const char* scaled[] = {"as they are", "by mean and deviation", "by their means"};
    return std::to_string(channels) + " channels" + (apart ? " apart" : "") + ", " + std::to_string(patches()) +
           " patches of " + std::to_string(patch) + (stride != patch ? " every " + std::to_string(stride) : "") +
           ", scaled " + scaled[size_t(scale.kind)];
}

weft_OP(SeriesSpec);

} // namespace weft::detail
