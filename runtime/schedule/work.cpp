// SPDX-License-Identifier: Apache-2.0
#include "schedule/work.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

class Counter final : public WorkCounter {
public:
    Counter(const Schedule& s, const std::vector<uint64_t>& weight_bytes, const WorkStep& step)
        : WorkCounter(step), s_(s), weight_bytes_(weight_bytes) {}

    void count(const Block& block) {
        left_ = weights_of(block);
        for (const Branch& branch : block.branches) branch.op.work(*this);
        for (const WeightId id : left_) product(id, step.tokens());
    }

    void lookups(WeightId id, uint64_t rows) override {
        if (std::erase(left_, id)) work.bytes += rows * (weight_bytes_[id] / s_.weights[id].shape[0]);
    }
    void matrices_of(WeightId id, uint64_t matrices, uint64_t used, uint64_t rows) override {
        if (std::erase(left_, id) == 0) return; // another op of the block has counted it
        work.bytes += weight_bytes_[id] / matrices * used;
        if (s_.weights[id].matrix) work.operations += 2 * rows * (s_.weights[id].count() / matrices);
    }

private:
    void product(WeightId id, uint64_t rows) {
        work.bytes += weight_bytes_[id];
        if (s_.weights[id].matrix && s_.weights[id].shape.size() > 1)
            work.operations += 2 * rows * s_.weights[id].count();
    }

    const Schedule& s_;
    const std::vector<uint64_t>& weight_bytes_;
    std::vector<WeightId> left_; // of the block, not counted yet
};

// Of each sequence.
uint64_t rows_of(const Schedule& schedule, StageId id, const WorkStep& step) {
    const RowSpace& rows = schedule.stages[id].rows;
    if (rows.own()) return step.count;
    if (rows.of == RowSpace::Of::extra) return extra_rows(schedule, rows.from);
    if (rows.placed()) return std::max<uint64_t>(1, step.count / patches_of_a_row(schedule, id));
    return rows.of == RowSpace::Of::wanted && !step.logits ? 0 : 1;
}

} // namespace

Work work_of(const Schedule& schedule, const std::vector<uint64_t>& weight_bytes, const WorkStep& step) {
    Work sum;
    for (StageId id = 0; id < schedule.stages.size(); ++id) {
        const Stage& stage = schedule.stages[id];
        WorkStep own = step;
        own.count = rows_of(schedule, id, step);
        if (!stage.rows.own()) own.past = 0;
        if (step.before != (stage.when != When::every_step) || own.count == 0) continue;
        each_block(stage, [&](const Block& block) {
            WorkStep in_view = own;
            if (block.view && stage.views[block.view - 1].order == View::Order::windows) {
                const View& view = stage.views[block.view - 1];
                in_view.sequences = std::max<uint64_t>(1, own.tokens() / (uint64_t(view.window) * view.width()));
                in_view.count = own.tokens() / in_view.sequences;
            }
            Counter counter(schedule, weight_bytes, in_view);
            counter.count(block);
            sum.bytes += counter.work.bytes;
            sum.operations += counter.work.operations;
        });
    }
    return sum;
}

} // namespace weft::detail
