// SPDX-License-Identifier: Apache-2.0
#include "kernels/expert_matmul.hpp"
#include "expert_matmul.gen.hpp"
#include "expert_matvec.gen.hpp"
#include "kernels/products.hpp"
#include <algorithm>

namespace weft::detail::kernel {
namespace {

// Columns [first, first + count) of y for experts [expert, expert + experts); `weight` and `up` are bound rows of W.
struct Slice {
    uint32_t expert, experts, first, count;
    Tensor weight, up;
};

// The push constants that both shaders have.
template <class K>
typename K::Push push(const ExpertMatmulArgs& a, const Slice& s) {
    const uint32_t rows = a.weight.shape[1];
    typename K::Push p{};
    p.columns = s.count;
    p.depth = a.x.columns();
    p.expert_first = s.expert;
    p.experts = s.experts;
    p.expert_stride = rows * a.weight.stride;
    p.bias_stride = a.bias.stride;
    p.rows_per_x = a.rows_per_x;
    p.x_stride = a.x.stride;
    p.x_start = a.x.start;
    p.w_stride = s.weight.stride;
    p.w_start = s.weight.start;
    p.up_start = s.up.start;
    p.y_stride = a.y.stride;
    p.y_start = a.y.start + s.first;
    p.bias_start = a.bias.start + s.first;
    p.bias_up_start = a.bias.start + a.y.columns() + s.first;
    p.limit = a.limit;
    p.up_offset = a.up_offset;
    return p;
}

void few_tokens(Recorder& r, const ExpertMatmulArgs& a, const Slice& s, uint32_t parts) {
    using K = shader::expert_matvec;
    const RowsShape shape = rows_shape(r.machine(), 1, s.count, a.weight, a.gated);
    auto p = push<K>(a, s);
    p.norm_start = a.norm.start;
    p.eps = a.norm_eps;
    r.dispatch<K>(
        rows_variant<K>(r, a.x, s.weight, a.eight_bits, shape),
        {.LOCAL = shape.local,
         .TYPE = weight_type(a.weight),
         .LANES = shape.lanes,
         .ROWS = shape.rows,
         .PASSES = shape.passes,
         .UNROLL = shape.unroll,
         .SPREAD = shape.spread,
         .ACTIVATION = uint32_t(a.activation),
         .GATED = a.gated,
         .PARTS = parts},
        {.x = a.x,
         .weight = s.weight,
         .weight_up = s.up,
         .bias = r.or_unused(a.bias),
         .scale = r.or_unused(a.scale),
         .experts = a.experts,
         .norm = r.or_unused(a.norm),
         .y = a.y},
        p,
        {.x = {(s.count + shape.columns() - 1) / shape.columns() * shape.local}, .y = {a.choices, Quantity::tokens}});
}

void many_tokens(Recorder& r, const ExpertMatmulArgs& a, const Slice& s, uint32_t parts) {
    using K = shader::expert_matmul;
    const uint32_t pairs = a.max_tokens * a.choices, experts = a.weight.shape[0];
    const TileShape shape = tile_shape(r.machine(), pairs / experts, s.count, a.gated);
    // A workgroup takes every n-th tile; n is as many as there can be in a full bucket,
    // less in proportion in a smaller step.
    const uint32_t tiles = pairs / shape.rows() + experts, divisor = std::max(1u, pairs / tiles);
    r.dispatch<K>(product_variant<K>(r, a.x, s.weight, a.eight_bits),
                  {.LOCAL = shape.local,
                   .TYPE = weight_type(a.weight),
                   .TX = shape.tx,
                   .TM = shape.tm,
                   .TN = shape.tn,
                   .KC = shape.kc,
                   .DIRECT = shape.direct,
                   .ACTIVATION = uint32_t(a.activation),
                   .GATED = a.gated,
                   .PARTS = parts},
                  {.x = a.x,
                   .weight = s.weight,
                   .weight_up = s.up,
                   .bias = r.or_unused(a.bias),
                   .scale = r.or_unused(a.scale),
                   .order = a.order,
                   .offsets = a.offsets,
                   .y = a.y},
                  push<K>(a, s),
                  {.x = {a.choices * shape.local, Quantity::tokens, divisor},
                   .y = {(s.count + shape.columns(a.gated) - 1) / shape.columns(a.gated)}});
}

} // namespace

void expert_matmul(Recorder& r, const ExpertMatmulArgs& args) {
    ExpertMatmulArgs a = args;
    const uint32_t columns = a.y.columns(), rows = columns * (a.gated ? 2 : 1), pairs = a.max_tokens * a.choices;
    weft_CHECK(a.weight.rank == 3 && a.weight.shape[1] == rows && columns > 0,
               "weight must be [experts, columns of y (twice if gated), columns of x]");
    weft_CHECK(a.weight.columns() == a.x.columns(), "weight must have as many columns as x");
    weft_CHECK(!a.bias || (a.bias.columns() == rows && a.bias.rows() == a.weight.shape[0]),
               "bias must be [experts, rows of a weight]");
    weft_CHECK(!a.scale || (a.scale.count() >= pairs && a.scale.contiguous()),
               "scale must have an element for each pair");
    weft_CHECK(a.rows_per_x == 1 || a.rows_per_x == a.choices, "rows_per_x must be 1 or choices");
    weft_CHECK(pairs > 0 && a.x.rows() * a.rows_per_x >= pairs && a.y.rows() >= pairs,
               "x and y must have rows for max_tokens");
    weft_CHECK(a.gated || (a.limit == 0 && a.up_offset == 0), "limit and up_offset belong to a gated product");
    weft_CHECK(a.scale || !a.scale_input, "scale_input needs a scale");
    const bool few = a.max_tokens <= 8;
    weft_CHECK(few ? a.experts && a.experts.count() >= pairs
                   : a.order && a.order.count() >= pairs && a.offsets && a.offsets.count() == a.weight.shape[0] + 1,
               "up to 8 tokens need experts, more need order and offsets");
    weft_CHECK(!a.norm || (few && a.norm.count() == a.x.columns()),
               "norm is for up to 8 tokens, and must have an element for each column of x");
    if (const auto normed = few && !a.norm ? normed_input(r, a.x, a.y) : std::nullopt) {
        a.x = normed->x;
        a.norm = normed->weight;
        a.norm_eps = normed->eps;
    }
    const uint32_t parts = (a.norm ? kPartNorm : 0u) | (a.bias ? kPartBias : 0u) |
                           (a.scale ? a.scale_input ? kPartScaleInput : kPartScale : 0u) |
                           (a.limit != 0 ? kPartLimit : 0u);
    const auto dispatch = [&](uint32_t expert, uint32_t experts, uint32_t first, uint32_t count) {
        // The up rows of several experts: from the first one's up half on.
        const uint64_t at = uint64_t(expert) * rows + first, bound = uint64_t(experts - 1) * rows + count;
        const Slice s{expert,
                      experts,
                      first,
                      count,
                      weight_rows(a.weight, at, bound),
                      weight_rows(a.weight, a.gated ? at + columns : at, bound)};
        few ? few_tokens(r, a, s, parts) : many_tokens(r, a, s, parts);
    };
    // Weights that one binding cannot hold are cut by experts, and if one expert is too large, by rows.
    const uint64_t fit = rows_in_range(a.weight, r.device().limits().storage_range);
    if (fit == 0) return r.misfit(kRowTooLarge);
    const auto experts = uint32_t(std::min<uint64_t>(a.weight.shape[0], fit / rows));
    const auto step = uint32_t(std::min<uint64_t>(columns, fit));
    for (uint32_t e = 0; e < a.weight.shape[0]; e += std::max(1u, experts))
        if (experts) dispatch(e, std::min(experts, a.weight.shape[0] - e), 0, columns);
        else
            for (uint32_t first = 0; first < columns; first += step)
                dispatch(e, 1, first, std::min(step, columns - first));
}

} // namespace weft::detail::kernel
