// SPDX-License-Identifier: Apache-2.0
#include "schedule/compose.hpp"
#include "base/result.hpp"
#include "schedule/schedule_fields.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

class Shift final : public FieldWalker {
public:
    explicit Shift(size_t by) : by_(WeightId(by)) {}
    void weight(const char*, WeightId& id, WeightShape, WeightUse, WeightKind) override {
        if (id != kNoWeight) id += by_;
    }
    void frequencies(Rope& r) override { r.frequencies += by_; }

private:
    WeightId by_;
};

// Tokens' positions along one axis alone.
class OneAxis final : public FieldWalker {
public:
    explicit OneAxis(std::vector<WeightSlot>& slots) : slots_(slots) {}
    void weight(const char*, WeightId&, WeightShape, WeightUse, WeightKind) override {}
    void frequencies(Rope& r) override {
        if (r.axes == 1) return;
        r.axes = 1;
        WeightSlot& slot = slots_[r.frequencies]; // the last row says which axis
        const uint32_t pairs = r.rotary / 2;
        slot.computed.resize(size_t(pairs) * r.rows());
        slot.shape = r.rows() > 1 ? std::vector{r.rows(), pairs} : std::vector{pairs};
    }
    void stages(std::vector<Stage>& all, const std::function<void(Stage&)>& each) override {
        for (Stage& stage : all)
            if (stage.rows.of == RowSpace::Of::tokens) each(stage);
    }

private:
    std::vector<WeightSlot>& slots_;
};

} // namespace

void put_before(Schedule& whole, Schedule part) {
    Shift shift(whole.weights.size());
    visit(shift, part);
    std::ranges::move(part.weights, std::back_inserter(whole.weights));
    std::ranges::move(part.unneeded, std::back_inserter(whole.unneeded));
    const auto count = StageId(part.stages.size());
    for (Stage& stage : whole.stages)
        if (!stage.rows.own()) stage.rows.from += count;
    for (Output& output : whole.outputs) output.stage += count;
    whole.stages.insert(whole.stages.begin(), std::make_move_iterator(part.stages.begin()),
                        std::make_move_iterator(part.stages.end()));
}

Status without_given(Schedule& s, const std::string& origin) {
    std::vector<StageId> at; // of each stage its new number
    for (const Stage& stage : s.stages)
        at.push_back(stage.when == When::given
                         ? kNoStage
                         : StageId(std::ranges::count_if(at, [](StageId id) { return id != kNoStage; })));
    if (std::ranges::find(at, kNoStage) == at.end()) return Ok{};
    std::erase_if(s.outputs, [&](const Output& output) { return at[output.stage] == kNoStage; });
    for (Output& output : s.outputs) output.stage = at[output.stage];
    const auto gone = [&](const std::string& name) { return output_of(s, name) == s.outputs.size(); };
    std::erase_if(s.similarities, [&](const Similarity& pair) { return gone(pair.rows) || gone(pair.columns); });
    std::erase_if(s.stages, [](const Stage& stage) { return stage.when == When::given; });
    const auto places = [](const Block& block) { return block.branches[0].op.can_idle(); };
    for (Stage& stage : s.stages) {
        if (!stage.rows.own()) stage.rows.from = at[stage.rows.from];
        std::erase_if(stage.first, places);
        std::erase_if(stage.last, places);
        for (Layer& layer : stage.layers) std::erase_if(layer.blocks, places);
        stage.rows.placeholder = -1;
        stage.rows.spans = false;
        stage.rows.axes = 1; // those of a text are the same along all
    }
    OneAxis one(s.weights);
    visit(one, s);
    order_weights(s);
    States left = States::anew(std::move(s.states));
    for (Stage& stage : s.stages) each_op(stage, [&](Op& op) { op.states(left); });
    s.states = left.take();
    return settle(s, origin);
}

Status only(Schedule& s, const Output& output, const std::string& origin) {
    Schedule left{.architecture = s.architecture, .weights = std::move(s.weights), .unneeded = std::move(s.unneeded)};
    for (StageId id = output.stage;; id = s.stages[id].rows.from) {
        left.stages.push_back(s.stages[id]);
        if (s.stages[id].rows.own()) break;
    }
    std::ranges::reverse(left.stages);
    if (left.stages[0].when == When::every_step) { // else they are those of other stages
        left.vocabulary = s.vocabulary;
        left.trained_context = s.trained_context;
        left.position_limit = s.position_limit;
    }
    for (StageId id = 0; id < left.stages.size(); ++id) {
        left.stages[id].when = When::every_step;
        if (id) left.stages[id].rows.from = id - 1;
    }
    left.outputs = {{output.name, StageId(left.stages.size()) - 1, output.stream}};
    States states = States::anew(std::move(s.states));
    for (Stage& stage : left.stages) each_op(stage, [&](Op& op) { op.states(states); });
    left.states = states.take();
    s = std::move(left);
    weft_TRY(settle(s, origin)); // what is read from outside says how wide some streams are
    order_weights(s);
    return Ok{};
}

} // namespace weft::detail
