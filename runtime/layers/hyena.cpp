// SPDX-License-Identifier: Apache-2.0
#include "layers/hyena.hpp"
#include "kernels/long_conv.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"

namespace weft::detail {

weft_LISTED(HyenaSpec, 8);
void HyenaSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner, uint32_t(w.model));
    f.size("order", order, 2u);
    f.size("length", length, uint32_t(w.positions));
    f.rule(order >= 2 && order <= 64, "order", "be from 2 to 64");
    const uint64_t all = (uint64_t(order) + 1) * inner, filters = (uint64_t(order) - 1) * inner;
    f.linear("in", in, w.input, all);
    if (f.enter("conv", true, false)) {
        Widths own = w;
        own.input = own.model = all;
        own.viewed = true; // along the sequence, whatever its rows are
        conv.fields(f, own);
        f.leave();
    }
    f.weight("filter", filter, {length, filters}, WeightUse::always, WeightKind::vector);
    f.weight("skip", skip, {filters}, WeightUse::always, WeightKind::vector);
    f.linear("out", out, inner, w.model);
}

void HyenaSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor projected = c.rows(in.out, "projected"), all = c.rows(in.out, "x, v");
    lower_linear(c, in, x, {projected});
    conv.lower(c, projected, {all});
    kernel::Tensor v = all.slice_columns(order * inner, inner);
    const kernel::Tensor filters = c.weight(filter), skips = c.weight(skip);
    for (uint32_t i = order - 1; i > 0; --i) {
        const uint32_t from = (order - 1 - i) * inner;
        const kernel::Tensor y = c.rows(inner, "convolved");
        kernel::long_conv(c.r, {.step = c.step,
                                .x = v,
                                .before = all.slice_columns(i * inner, inner),
                                .after = i == 1 ? all.slice_columns(0, inner) : kernel::Tensor{},
                                .filter = filters.slice_columns(from, inner),
                                .skip = skips.slice_columns(from, inner),
                                .y = y});
        v = y;
    }
    lower_linear(c, out, v, to);
}

void HyenaSpec::work(WorkCounter& w) const {
    conv.work(w);
    w.recurrence(0, 64 * uint64_t(inner) * (order - 1)); // of transforms of 512
}

void HyenaSpec::limits(Limits& l) const { l.range("the order of hyena", order, 2, 64); }

std::string HyenaSpec::words() const {
    return std::to_string(inner) + " channels, order " + std::to_string(order) + ", filters of " +
           std::to_string(length);
}

weft_OP(HyenaSpec);

} // namespace weft::detail
