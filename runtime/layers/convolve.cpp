// SPDX-License-Identifier: Apache-2.0
#include "layers/convolve.hpp"
#include "kernels/combine.hpp"
#include "kernels/depthwise_conv.hpp"
#include "kernels/glu.hpp"
#include "kernels/products.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

constexpr uint32_t kMostTaps = 4096;     // of a side: places of taps stay within 32 bits
constexpr uint32_t kPieceColumns = 2048; // of windows that lie unfolded at the same time

} // namespace

// Windows are unfolded some taps at a time, so that they take no more memory than some wide rows, however large they
// are.
void lower_windows(LayerContext& c, const Windows& o, const Destination& to) {
    const kernel::PatchCut& cut = o.from.cut;
    const uint32_t taps = cut.patch_y * cut.patch_x, in = o.from.x.columns() / o.groups,
                   out = to.y.columns() / o.groups, piece = std::clamp(kPieceColumns / in, 1u, taps);
    const bool whole = piece == taps, apart = !whole && (o.activation != kernel::Activation::none || to.scale != 1);
    const kernel::Tensor weight = c.weight(o.weight), bias = c.weight(o.bias),
                         sum = apart ? c.rows(to.y.columns(), "convolved") : to.y;
    for (uint32_t g = 0; g < o.groups; ++g) {
        const auto columns = [&](const kernel::Tensor& t) {
            return t && o.groups > 1 ? t.slice_columns(g * out, out) : t;
        };
        const kernel::Tensor rows = o.groups > 1 ? kernel::weight_rows(weight, uint64_t(g) * out, out) : weight;
        for (uint32_t tap = 0; tap < taps; tap += piece) {
            const uint32_t now = std::min(piece, taps - tap);
            kernel::UnfoldRowsArgs u = o.from;
            u.x = o.groups > 1 ? u.x.slice_columns(g * in, in) : u.x;
            u.y = c.rows(now * in, "windows");
            u.first_tap = tap;
            u.taps = now;
            kernel::unfold_rows(c.r, u);
            kernel::matmul(c.r, {.x = u.y,
                                 .weight = whole ? rows : rows.slice_columns(tap * in, now * in),
                                 .bias = tap == 0 ? columns(bias) : kernel::Tensor{},
                                 .residual = columns(tap > 0 ? sum
                                                     : apart ? kernel::Tensor{}
                                                             : to.residual),
                                 .y = columns(sum),
                                 .activation = whole ? o.activation : kernel::Activation::none,
                                 .scale = whole ? to.scale : 1,
                                 .max_rows = c.step.max_tokens});
        }
    }
    if (!apart) return;
    if (o.activation != kernel::Activation::none) kernel::glu(c.r, {.a = sum, .y = sum, .activation = o.activation});
    kernel::combine(c.r, {.x = sum, .w = to.residual, .y = to.y, .alpha = to.scale});
}

weft_LISTED(ConvolveSpec, 11);
void ConvolveSpec::fields(Fields& f, const Widths& w) {
    f.derived(in, w.input);
    f.derived(out, w.model);
    f.value("line", line, !w.placed || w.viewed);
    f.rule(line || (w.placed && !w.viewed), "line", "be true where rows have no places in a picture");
    f.value("taps", taps, 1u);
    f.size("taps_across", taps_across, line ? 1 : taps);
    f.value("pad", pad, taps / 2);
    f.value("pad_across", pad_across, taps_across / 2);
    f.rule(taps >= 1 && taps <= kMostTaps && taps_across <= kMostTaps && pad < taps && pad_across < taps_across, "taps",
           "be from 1 to " + std::to_string(kMostTaps) + " each way, and more than the padding");
    f.rule(!line || taps == 1, "taps", "be 1 down a line");
    f.size("groups", groups, 1u);
    const bool shares = groups && w.input % groups == 0 && w.model % groups == 0;
    f.rule(shares, "groups", "divide the channels that are read, and those that are written");
    f.value("activation", activation, kernel::Activation::none);
    const uint64_t all = uint64_t(taps) * taps_across;
    if (groups == w.input && groups == w.model)
        f.weight("weight", weight, {all, w.model}, WeightUse::always, WeightKind::vector);
    else
        f.weight("weight", weight, {w.model, all * (shares ? w.input / groups : 1)}, WeightUse::always,
                 WeightKind::matrix);
    f.weight("bias", bias, {w.model}, WeightUse::usual, WeightKind::vector);
}

void ConvolveSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor sides = line ? kernel::Tensor{} : c.sides;
    if (!depthwise())
        return lower_windows(c,
                             {.from = {.x = x,
                                       .sequences = c.step.sequences,
                                       .sides = sides,
                                       .token_sequence = c.step.token_sequence,
                                       .positions = c.step.positions,
                                       .cut = {taps, taps_across, 1, 1, pad, pad_across},
                                       .same = true},
                              .weight = weight,
                              .bias = bias,
                              .groups = groups,
                              .activation = activation},
                             to);
    const bool apart = to.residual || to.scale != 1;
    const kernel::Tensor y = apart ? c.rows(out, "convolved") : to.y;
    kernel::depthwise_conv(c.r, {.step = c.step,
                                 .sides = sides,
                                 .x = x,
                                 .weight = c.weight(weight),
                                 .bias = c.weight(bias),
                                 .y = y,
                                 .taps_y = taps,
                                 .taps_x = taps_across,
                                 .pad_y = pad,
                                 .pad_x = pad_across,
                                 .activation = activation});
    if (apart) kernel::combine(c.r, {.x = y, .w = to.residual, .y = to.y, .alpha = to.scale});
}

void ConvolveSpec::work(WorkCounter& w) const {
    if (depthwise()) w.work.operations += 2 * w.step.tokens() * taps * taps_across * in;
}

std::string ConvolveSpec::words() const {
    const std::string size = std::to_string(taps_across);
    return (line ? size + " taps" : std::to_string(taps) + " x " + size) +
           (depthwise()  ? ", each channel by itself"
            : groups > 1 ? ", " + std::to_string(groups) + " groups"
                         : "");
}

weft_OP(ConvolveSpec);

} // namespace weft::detail
