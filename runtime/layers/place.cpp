// SPDX-License-Identifier: Apache-2.0
#include "layers/place.hpp"
#include "kernels/place_rows.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"

namespace weft::detail {

weft_LISTED(PlaceSpec, 4); // with its state
void PlaceSpec::fields(Fields& f, const Widths& w) {
    f.value("memory", memory, std::string());
    f.rule(!memory.empty(), "memory", "be given: the name of what an earlier stage has kept");
    f.value("added", added, false);
    f.derived(width, w.model);
    f.rule(w.input == w.model, "op", "read a stream as wide as that which it writes");
    f.rule(w.places, "op", "be in a stage whose rows have a placeholder");
}

void PlaceSpec::states(States& s) { s.refer(rows, kept_rows(memory, width)); }

bool PlaceSpec::idle(const LayerContext& c) const { return c.step.decode; }

void PlaceSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    kernel::place_rows(c.r, {.x = added ? kernel::Tensor{} : x,
                             .places = c.places,
                             .memory = c.state(rows),
                             .residual = to.residual,
                             .y = to.y,
                             .scale = to.scale});
}

std::string PlaceSpec::words() const {
    return "rows of " + memory + (added ? ", added" : "") + " at their tokens";
}

weft_OP(PlaceSpec);

} // namespace weft::detail
