// SPDX-License-Identifier: Apache-2.0
#include "layers/attention_pool.hpp"
#include "kernels/attention_pool.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/heads.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {

weft_LISTED(AttentionPoolSpec, 6);
void AttentionPoolSpec::fields(Fields& f, const Widths& w) {
    f.rule(w.source > 0, "op", "be in a stage that has one row for each sequence of another's, which comes whole");
    f.size("heads", heads);
    uint32_t width = q.out;
    f.size("width", width, uint32_t(w.source));
    f.rule(width % std::max(1u, heads) == 0, "heads", "divide the width of q");
    f.weight("probe", probe, {1, w.source}, WeightUse::always, WeightKind::vector);
    f.linear("q", q, w.source, width);
    f.linear("kv", kv, w.source, uint64_t(2) * width);
    f.number("scale", scale, float(1 / std::sqrt(double(width) / std::max(1u, heads))), Reach::finite);
    f.linear("out", out, width, w.model);
}

void AttentionPoolSpec::lower(LayerContext& c, const vk::Tensor&, const Destination& to) const {
    const uint32_t width = q.out;
    const kernel::Tensor query = c.r.temporary(DType::f32, {1, width}, "query"), pooled = c.rows(width, "pooled rows");
    lower_product(c, q.weight,
                  {.x = c.weight(probe), .bias = c.weight(q.bias), .y = query, .rows = {1}, .max_rows = 1});
    c.source.enter(); // whose sequences are pooled
    const kernel::Tensor both = c.rows(2 * width, "k, v");
    lower_linear(c, kv, c.source.x, {both});
    kernel::attention_pool(c.r, {.step = c.step,
                                 .q = query,
                                 .k = both.slice_columns(0, width),
                                 .v = both.slice_columns(width, width),
                                 .y = pooled,
                                 .heads = heads,
                                 .scale = scale});
    c.source.leave();
    lower_linear(c, out, pooled, to);
}

// How many rows a sequence has is not this stage's to say: products with them are counted as of one.
void AttentionPoolSpec::work(WorkCounter& w) const { w.work.operations += w.step.tokens() * 4 * q.out; }

void AttentionPoolSpec::limits(Limits& l) const { l.range("the size of a head", q.out / heads, 1, kLargestHead); }

std::string AttentionPoolSpec::words() const {
    return std::to_string(heads) + " heads, " + std::to_string(q.out / heads) + " wide, one query";
}

weft_OP(AttentionPoolSpec);

} // namespace weft::detail
