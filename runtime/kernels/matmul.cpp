// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul.hpp"
#include "kernels/products.hpp"
#include "matmul.gen.hpp"
#include "matvec.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {
namespace {

// Columns [first, first + count) of y; `weight` and `up` are bound rows of W.
struct Slice {
    uint32_t first, count, max_rows;
    Tensor weight, up;
};

// The push constants that both shaders have.
template <class K>
typename K::Push push(const MatmulArgs& a, const Slice& s) {
    typename K::Push p{};
    p.columns = s.count;
    p.depth = a.x.columns();
    p.x_stride = a.x.stride;
    p.x_start = a.x.start;
    p.w_stride = s.weight.stride;
    p.w_start = s.weight.start;
    p.up_start = s.up.start;
    p.y_stride = a.y.stride;
    p.y_start = a.y.start + s.first;
    p.residual_stride = a.residual.stride;
    p.residual_start = a.residual.start + s.first;
    p.bias_start = a.bias.start + s.first;
    p.bias_up_start = a.bias.start + a.y.columns() + s.first;
    p.limit = a.limit;
    p.up_offset = a.up_offset;
    p.scale = a.scale;
    p.softcap = a.softcap;
    return p;
}

void few_rows(Recorder& r, const MatmulArgs& a, const Slice& s, uint32_t parts) {
    using K = shader::matvec;
    const RowsShape shape = rows_shape(r.machine(), s.max_rows, s.count, a.weight, a.gated);
    auto p = push<K>(a, s);
    p.norm_start = a.norm.start;
    p.eps = a.norm_eps;
    r.dispatch<K>(rows_variant<K>(r, a.x, s.weight, a.eight_bits, shape),
                  {.LOCAL = shape.local,
                   .TYPE = weight_type(a.weight),
                   .LANES = shape.lanes,
                   .ROWS = shape.rows,
                   .PASSES = shape.passes,
                   .UNROLL = shape.unroll,
                   .SPREAD = shape.spread,
                   .TOKENS = s.max_rows,
                   .ACTIVATION = uint32_t(a.activation),
                   .GATED = a.gated,
                   .PARTS = parts},
                  {.x = a.x,
                   .weight = s.weight,
                   .weight_up = s.up,
                   .bias = r.or_unused(a.bias),
                   .residual = r.or_unused(a.residual),
                   .norm = r.or_unused(a.norm),
                   .y = a.y},
                  p,
                  {.x = {(s.count + shape.columns() - 1) / shape.columns() * shape.local},
                   .y = {a.rows.count, a.rows.per, a.rows.divisor * s.max_rows}});
}

void many_rows(Recorder& r, const MatmulArgs& a, const Slice& s, uint32_t parts) {
    using K = shader::matmul;
    const TileShape shape = tile_shape(r.machine(), s.max_rows, s.count, a.gated);
    auto p = push<K>(a, s);
    p.rows = s.max_rows;
    // Neighbouring workgroups share rows of W.
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
                   .residual = r.or_unused(a.residual),
                   .y = a.y},
                  p,
                  {.x = {a.rows.count * shape.local, a.rows.per, a.rows.divisor * shape.rows()},
                   .y = {(s.count + shape.columns(a.gated) - 1) / shape.columns(a.gated)}});
}

} // namespace

void matmul(Recorder& r, const MatmulArgs& args) {
    MatmulArgs a = args;
    const uint32_t columns = a.y.columns(), halves = a.gated ? 2 : 1,
                   max_rows = a.max_rows ? a.max_rows : uint32_t(a.y.rows());
    weft_CHECK(columns > 0 && a.weight.rows() == uint64_t(columns) * halves,
               "weight must have a row for each column of y (two if gated)");
    weft_CHECK(a.weight.columns() == a.x.columns(), "weight must have as many columns as x");
    weft_CHECK(!a.bias || a.bias.count() == columns * halves, "bias must have an element for each row of weight");
    weft_CHECK(!a.residual || a.residual.columns() == columns, "residual must have as many columns as y");
    weft_CHECK(a.x.rows() >= max_rows && a.y.rows() >= max_rows && (!a.residual || a.residual.rows() >= max_rows),
               "x, y and residual must have max_rows rows");
    weft_CHECK(a.gated || (a.limit == 0 && a.up_offset == 0), "limit and up_offset belong to a gated product");
    weft_CHECK(!a.norm || (max_rows <= 8 && a.norm.count() == a.x.columns()),
               "norm is for products of up to 8 rows, and must have an element for each column of x");
    weft_CHECK(!a.norm || a.norm.start % 4 == 0 || a.x.start % 4 != 0, "norm must be aligned as x is");
    const bool few = a.norm || few_rows_fit(r.machine(), max_rows, a.weight, a.gated); // norm: for few rows alone
    if (const auto normed = few && !a.norm ? normed_input(r, a.x, a.y) : std::nullopt) {
        a.x = normed->x;
        a.norm = normed->weight;
        a.norm_eps = normed->eps;
    }
    const uint32_t parts = (a.norm ? kPartNorm : 0u) | (a.bias ? kPartBias : 0u) | (a.residual ? kPartResidual : 0u) |
                           (a.softcap != 0 ? kPartSoftcap : 0u) | (a.limit != 0 ? kPartLimit : 0u);
    // A weight that one binding cannot hold is cut by rows; both halves of a gated one are bound by themselves.
    const auto step = uint32_t(std::min<uint64_t>(columns, rows_in_range(a.weight, r.device().limits().storage_range)));
    if (step == 0) return r.misfit(kRowTooLarge);
    for (uint32_t first = 0; first < columns; first += step) {
        const uint32_t count = std::min(step, columns - first);
        const Slice s{first, count, max_rows, weight_rows(a.weight, first, count),
                      weight_rows(a.weight, a.gated ? columns + first : first, count)};
        few ? few_rows(r, a, s, parts) : many_rows(r, a, s, parts);
    }
}

} // namespace weft::detail::kernel
