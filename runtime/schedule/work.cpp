// SPDX-License-Identifier: Apache-2.0
#include "schedule/work.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>

namespace weft {
namespace {

class Counter final : public WorkCounter {
public:
    Counter(const Schedule& s, const std::vector<uint64_t>& weight_bytes, const WorkStep& step)
        : WorkCounter(step), s_(s), weight_bytes_(weight_bytes) {}

    void count(const Stage& stage) {
        each_block(stage, [&](const Block& block) {
            left_ = weights_of(block);
            for (const Branch& branch : block.branches) branch.op.work(*this);
            for (const WeightId id : left_) product(id, step.tokens());
        });
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

} // namespace

Work work_of(const Schedule& schedule, const std::vector<uint64_t>& weight_bytes, const WorkStep& step) {
    Work sum;
    for (const Stage& stage : schedule.stages) {
        WorkStep own = step;
        if (!stage.rows.own()) { // a row a sequence
            if (!step.logits) continue;
            own.past = 0;
            own.count = 1;
        }
        Counter counter(schedule, weight_bytes, own);
        counter.count(stage);
        sum.bytes += counter.work.bytes;
        sum.operations += counter.work.operations;
    }
    return sum;
}

} // namespace weft
