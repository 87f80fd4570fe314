// SPDX-License-Identifier: Apache-2.0
#include "layers/choose.hpp"
#include "kernels/choose_rows.hpp"
#include "kernels/combine.hpp"
#include "kernels/route_rows.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(ChooseSpec, 3); // with its state
void ChooseSpec::fields(Fields& f, const Widths& w) {
    f.rule(w.input == 1 && w.model == 1, "op",
           "be another op where the streams that are read and written are wider than 1");
    f.rule(!w.viewed, "op", "be another op in a block that has a view");
    f.reference("view", view, 0, w.views, kViews);
    f.rule(w.routed(view), "view", "be one whose order is routed");
    f.number("capacity", capacity, 0.0f, Reach::not_negative);
    f.rule(capacity <= 1, "capacity", "be at most 1");
}

void ChooseSpec::states(States& s) { s.declare(counts, {"chosen", State::Law::rows, DType::u32, false, {1, 1}}); }

void ChooseSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const kernel::Tensor chosen = to.residual || to.scale != 1 ? c.rows(1, "chosen") : to.y;
    kernel::choose_rows(c.r, {.step = c.step, .x = x, .y = chosen, .capacity = capacity});
    const LayerContext::Routed routed = c.route(view);
    kernel::route_rows(c.r, {.step = c.step,
                             .chosen = chosen,
                             .counts = c.state(counts),
                             .header = routed.header,
                             .sequences = routed.sequences,
                             .rows = routed.rows});
    if (chosen.resource != to.y.resource)
        kernel::combine(c.r, {.x = chosen, .w = to.residual, .y = to.y, .alpha = to.scale});
}

std::string ChooseSpec::words() const {
    if (capacity == 0) return "those above 0";
    char share[32];
    std::snprintf(share, sizeof share, "%.4g %% of a sequence", double(capacity) * 100);
    return share;
}

weft_OP(ChooseSpec);

} // namespace weft::detail
