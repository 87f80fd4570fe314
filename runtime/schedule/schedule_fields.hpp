// SPDX-License-Identifier: Apache-2.0
// L4: the fields of a schedule and of how its weights are put together, each listed once, in the order in which they
// are written. Visitors: schedule_read.cpp, schedule_write.cpp, schedule_hash.cpp, weight_order.cpp. The ops' own
// fields: layers/.
#pragma once
#include "layers/fields.hpp"
#include "schedule/schedule.hpp"

namespace weft {

weft_ENUM_NAMES(BlockInput, BlockInput::residual_plus_side, "residual", "residual_and_embedding", "side",
                "residual_plus_side") weft_ENUM_NAMES(BlockOutput, BlockOutput::side, "add_to_residual", "side")
    weft_ENUM_NAMES(WeightTransform, WeightTransform::negative_exp, "none", "transpose", "add_one", "negative_exp")

        class ScheduleFields : public Fields {
public:
    /// The layers, of whose blocks `each` visits the fields.
    virtual void layers(std::vector<Layer>& all, const std::function<void(SubBlock&)>& each) = 0;
};

void visit(ScheduleFields& f, Schedule& schedule);
/// `width` of the model.
void visit(Fields& f, SubBlock& block, uint64_t width);
/// How a slot is put together from tensors of files; its name, shape and kind follow from where it is used.
void visit(Fields& f, WeightSlot& slot);

/// For visitors that change nothing.
template <class F, class T, class... More>
void visit_const(F& f, const T& described, More... more) {
    visit(f, const_cast<T&>(described), more...);
}

} // namespace weft
