// SPDX-License-Identifier: Apache-2.0
#include "layers/keep.hpp"
#include "kernels/keep_rows.hpp"
#include "layers/context.hpp"
#include "layers/fields.hpp"
#include "layers/work.hpp"

namespace weft::detail {

State kept_rows(const std::string& memory, uint64_t width) {
    return {"rows of " + memory, State::Law::memory, DType::f32, false, {1, uint32_t(width)}};
}

weft_LISTED(KeepSpec, 3); // with its state
void KeepSpec::fields(Fields& f, const Widths& w) {
    f.value("memory", memory, std::string());
    f.rule(!memory.empty(), "memory", "be given: the name by which `place` finds it");
    f.derived(width, w.input);
}

void KeepSpec::states(States& s) { s.declare(rows, kept_rows(memory, width)); }

void KeepSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination&) const {
    kernel::keep_rows(c.r, {.step = c.step, .x = x, .memory = c.state(rows)});
}

void KeepSpec::work(WorkCounter& w) const { w.work.bytes += uint64_t(w.step.tokens()) * width * 4; }

std::string KeepSpec::words() const { return memory + ", " + std::to_string(width) + " wide"; }

weft_OP(KeepSpec);

} // namespace weft::detail
