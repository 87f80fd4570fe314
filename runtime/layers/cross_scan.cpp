// SPDX-License-Identifier: Apache-2.0
#include "layers/cross_scan.hpp"
#include "kernels/combine.hpp"
#include "kernels/embed.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/glu.hpp"
#include "kernels/selective_scan.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"

namespace weft::detail {

using kernel::Tensor;

weft_ENUM_NAMES(ScanGate, ScanGate::columns, "none", "product", "columns");
weft_LISTED(ScanDirection, 5);
weft_LISTED(CrossScanSpec, 11);
void CrossScanSpec::fields(Fields& f, const Widths& w) {
    constexpr uint32_t kTurns = 5;
    f.size("inner", inner, uint32_t(2 * w.model));
    f.size("state_size", state_size, 16u);
    f.size("rank", rank, uint32_t((w.model + 15) / 16));
    f.value("gate", gate, ScanGate::product);
    if (gate == ScanGate::product) f.value("activation", activation, kernel::Activation::silu);
    const uint64_t both = uint64_t(inner) * (gate == ScanGate::none ? 1 : 2),
                   beside = uint64_t(inner) * (gate == ScanGate::columns ? 2 : 1);
    const auto convolution = [&](ConvolveSpec& conv, uint64_t channels, bool viewed) {
        if (!f.enter("conv", conv.weight != kNoWeight, true)) return;
        Widths own = w;
        own.input = own.model = channels;
        own.viewed |= viewed;
        conv.fields(f, own);
        f.leave();
    };
    f.linear("in", in, w.input, both);
    convolution(conv, beside, false);
    f.list("directions", directions, [&](ScanDirection& d) {
        f.reference("view", d.view, 0, w.views, kViews);
        f.rule(!d.view || (!w.viewed && !w.routed(d.view)), "view",
               "not be there in a block that has one, and not be routed");
        convolution(d.conv, inner, d.view != 0);
        f.linear("x", d.x, inner, rank + uint64_t(2) * state_size);
        f.linear("dt", d.dt, rank, inner);
        f.weight("parameters", d.parameters, {inner * (uint64_t(state_size) + 2)}, WeightUse::always,
                 WeightKind::decay);
    });
    f.rule(!directions.empty() && directions.size() <= 16, "directions", "be 1 to 16");
    f.weight("turns", turns, {kTurns, state_size}, WeightUse::rare, WeightKind::vector);
    for (const ScanDirection& d : directions)
        f.rule(turns == kNoWeight || (d.view && d.conv.weight == kNoWeight), "turns",
               "not be there with a direction that has no view, or a convolution of its own");
    f.norm("norm", norm, inner);
    f.linear("out", out, beside, w.model);
}

namespace {

void pick(LayerContext& c, const Tensor& x, const Tensor& index, const Tensor& y) {
    kernel::gather_rows(c.r, {.x = x, .index = index, .y = y, .rows = {1, kernel::Quantity::tokens}});
}

// The scans of one op's directions.
class Scans {
public:
    Scans(LayerContext& c, const CrossScanSpec& s, const Tensor& x) : c_(c), s_(s), x_(x) {}

    // to = the scan of the rows in one order, in theirs.
    void add(const ScanDirection& d, const Tensor& to) {
        if (s_.turns != kNoWeight) project(d, x_);
        const ViewRows view = d.view ? c_.enter(d.view) : ViewRows{};
        Tensor rows = x_;
        if (d.view) {
            rows = c_.rows(s_.inner, "rows of a view");
            pick(c_, x_, view.index, rows);
        }
        if (d.conv.weight != kNoWeight) {
            const Tensor convolved = c_.rows(s_.inner, "convolved");
            d.conv.lower(c_, rows, {convolved});
            rows = convolved;
        }
        if (s_.turns == kNoWeight) project(d, rows);
        const Tensor bc = s_.turns == kNoWeight ? dbc_.slice_columns(s_.rank, 2 * s_.state_size) : turned(view.turns),
                     y = d.view ? c_.rows(s_.inner, "scanned") : to;
        kernel::selective_scan(c_.r, {.step = c_.step,
                                      .x = rows,
                                      .dt = dt_,
                                      .parameters = c_.weight(d.parameters),
                                      .b = bc.slice_columns(0, s_.state_size),
                                      .c = bc.slice_columns(s_.state_size, s_.state_size),
                                      .y = y});
        if (!d.view) return;
        c_.enter(0);
        pick(c_, y, view.inverse, to);
    }

private:
    // Directions that share weights and rows share what they make of them.
    void project(const ScanDirection& d, const Tensor& rows) {
        if (rows.resource == rows_ && d.x.weight == x_weight_ && d.dt.weight == dt_weight_) return;
        rows_ = rows.resource;
        x_weight_ = d.x.weight;
        dt_weight_ = d.dt.weight;
        dbc_ = c_.rows(d.x.out, "dt, B, C");
        dt_ = c_.rows(s_.inner, "dt");
        lower_linear(c_, d.x, rows, {dbc_});
        lower_linear(c_, d.dt, dbc_.slice_columns(0, s_.rank), {dt_});
    }
    // B with what the way to each place adds to it, and C.
    Tensor turned(const Tensor& turns) {
        const Tensor bc = c_.rows(2 * s_.state_size, "B by direction, C"),
                     projected = dbc_.slice_columns(s_.rank, 2 * s_.state_size);
        kernel::combine(c_.r, {.x = projected, .y = bc});
        const Tensor b = bc.slice_columns(0, s_.state_size);
        kernel::embed(c_.r, {.ids = turns, .table = c_.weight(s_.turns), .residual = b, .y = b});
        return bc;
    }

    LayerContext& c_;
    const CrossScanSpec& s_;
    const Tensor x_;
    Tensor dbc_, dt_;
    uint32_t rows_ = ~0u; // that they are of
    WeightId x_weight_ = kNoWeight, dt_weight_ = kNoWeight;
};

} // namespace

void CrossScanSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const Tensor xz = c.rows(in.out, "x, z");
    lower_linear(c, in, x, {xz});
    Tensor mixed = xz; // x, and what the convolution is of beside it
    if (conv.weight != kNoWeight) {
        mixed = c.rows(conv.out, "convolved");
        conv.lower(c, xz.slice_columns(0, conv.in), {mixed});
    }
    const Tensor all = c.rows(out.in, "y, z"), y = all.slice_columns(0, inner);
    Scans scans(c, *this, mixed.slice_columns(0, inner));
    for (size_t i = 0; i < directions.size(); ++i) {
        const Tensor own = i ? c.rows(inner, "scanned back") : y;
        scans.add(directions[i], own);
        if (i) kernel::combine(c.r, {.x = own, .w = y, .y = y});
    }
    if (norm) lower_norm(c, norm, y, y);
    if (gate == ScanGate::product)
        kernel::glu(c.r, {.a = xz.slice_columns(inner, inner), .b = y, .y = y, .activation = activation});
    if (gate == ScanGate::columns)
        kernel::combine(c.r, {.x = mixed.slice_columns(inner, inner), .y = all.slice_columns(inner, inner)});
    lower_linear(c, out, all, to);
}

// Operations as in the kernel's case table.
void CrossScanSpec::work(WorkCounter& w) const {
    if (conv.weight != kNoWeight) conv.work(w);
    for (const ScanDirection& d : directions) {
        if (d.conv.weight != kNoWeight) d.conv.work(w);
        w.recurrence(0, 7 * uint64_t(inner) * state_size);
    }
}

void CrossScanSpec::limits(Limits& l) const {
    l.range("the size of a state", state_size, 1, 256); // of selective_scan
}

std::string CrossScanSpec::words() const {
    return std::to_string(inner) + " channels, state " + std::to_string(state_size) + ", " +
           std::to_string(directions.size()) + (directions.size() == 1 ? " order" : " orders");
}

weft_OP(CrossScanSpec);

} // namespace weft::detail
