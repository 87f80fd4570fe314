// SPDX-License-Identifier: Apache-2.0
#include "layers/cross_scan.hpp"
#include "kernels/combine.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/glu.hpp"
#include "kernels/selective_scan.hpp"
#include "layers/context.hpp"
#include "layers/conv.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

using kernel::Tensor;

weft_ENUM_NAMES(ScanGate, ScanGate::columns, "none", "product", "columns");
weft_LISTED(ScanDirection, 5);
weft_LISTED(CrossScanSpec, 9);
void CrossScanSpec::fields(Fields& f, const Widths& w) {
    f.size("inner", inner, uint32_t(2 * w.model));
    f.size("state_size", state_size, 16u);
    f.size("rank", rank, uint32_t((w.model + 15) / 16));
    f.value("gate", gate, ScanGate::product);
    const uint64_t both = uint64_t(inner) * (gate == ScanGate::none ? 1 : 2),
                   beside = uint64_t(inner) * (gate == ScanGate::columns ? 2 : 1);
    f.linear("in", in, w.input, both);
    f.conv("conv", conv, beside, true);
    f.list("directions", directions, [&](ScanDirection& d) {
        f.reference("view", d.view, 0, w.views, kViews);
        f.rule(!d.view || !w.viewed, "view", "not be there in a block that has one");
        f.conv("conv", d.conv, inner, true);
        f.linear("x", d.x, inner, rank + uint64_t(2) * state_size);
        f.linear("dt", d.dt, rank, inner);
        f.weight("parameters", d.parameters, {inner * (uint64_t(state_size) + 2)}, WeightUse::always,
                 WeightKind::decay);
    });
    f.rule(!directions.empty() && directions.size() <= 16, "directions", "be 1 to 16");
    f.norm("norm", norm, inner);
    f.linear("out", out, beside, w.model);
}

namespace {

void pick(LayerContext& c, const Tensor& x, const Tensor& index, const Tensor& y) {
    kernel::gather_rows(c.r, {.x = x, .index = index, .y = y, .rows = {1, kernel::Quantity::tokens}});
}

// to = the scan of the rows of x in one order, in theirs.
void scan(LayerContext& c, const CrossScanSpec& s, const ScanDirection& d, const Tensor& x, const Tensor& to) {
    const ViewRows view = d.view ? c.enter(d.view) : ViewRows{};
    Tensor rows = x;
    if (d.view) {
        rows = c.rows(s.inner, "rows of a view");
        pick(c, x, view.index, rows);
    }
    if (d.conv) {
        const Tensor convolved = c.rows(s.inner, "convolved");
        lower_conv(c, d.conv, kNoState, rows, convolved);
        rows = convolved;
    }
    const Tensor dbc = c.rows(s.rank + 2 * s.state_size, "dt, B, C"), dt = c.rows(s.inner, "dt"),
                 y = d.view ? c.rows(s.inner, "scanned") : to;
    lower_linear(c, d.x, rows, {dbc});
    lower_linear(c, d.dt, dbc.slice_columns(0, s.rank), {dt});
    kernel::selective_scan(c.r, {.step = c.step,
                                 .x = rows,
                                 .dt = dt,
                                 .parameters = c.weight(d.parameters),
                                 .b = dbc.slice_columns(s.rank, s.state_size),
                                 .c = dbc.slice_columns(s.rank + s.state_size, s.state_size),
                                 .y = y});
    if (!d.view) return;
    c.enter(0);
    pick(c, y, view.inverse, to);
}

} // namespace

void CrossScanSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const Tensor xz = c.rows(in.out, "x, z");
    lower_linear(c, in, x, {xz});
    Tensor mixed = xz; // x, and what the convolution is of beside it
    if (conv) {
        mixed = c.rows(conv.channels, "convolved");
        lower_conv(c, conv, kNoState, xz.slice_columns(0, conv.channels), mixed);
    }
    const Tensor all = c.rows(out.in, "y, z"), y = all.slice_columns(0, inner);
    for (size_t i = 0; i < directions.size(); ++i) {
        const Tensor own = i ? c.rows(inner, "scanned back") : y;
        scan(c, *this, directions[i], mixed.slice_columns(0, inner), own);
        if (i) kernel::combine(c.r, {.x = own, .w = y, .y = y});
    }
    if (norm) lower_norm(c, norm, y, y);
    if (gate == ScanGate::product) kernel::glu(c.r, {.a = xz.slice_columns(inner, inner), .b = y, .y = y});
    if (gate == ScanGate::columns)
        kernel::combine(c.r, {.x = mixed.slice_columns(inner, inner), .y = all.slice_columns(inner, inner)});
    lower_linear(c, out, all, to);
}

// Operations as in the kernels' case tables.
void CrossScanSpec::work(WorkCounter& w) const {
    w.recurrence(0, conv ? operations_of(conv) : 0);
    for (const ScanDirection& d : directions)
        w.recurrence(0, 7 * uint64_t(inner) * state_size + (d.conv ? operations_of(d.conv) : 0));
}

void CrossScanSpec::limits(Limits& l) const {
    if (conv) check_conv(conv, l);
    for (const ScanDirection& d : directions)
        if (d.conv) check_conv(d.conv, l);
    l.range("the size of a state", state_size, 1, 256); // of selective_scan
}

std::string CrossScanSpec::words() const {
    return std::to_string(inner) + " channels, state " + std::to_string(state_size) + ", " +
           std::to_string(directions.size()) + (directions.size() == 1 ? " direction" : " directions");
}

weft_OP(CrossScanSpec);

} // namespace weft::detail
