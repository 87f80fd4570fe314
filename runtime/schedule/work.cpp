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

    Work all() {
        row_of(s_.embedding.table);
        row_of(s_.embedding.positions);
        for (const Layer& layer : s_.layers)
            for (const Block& block : layer.blocks) count(block);
        if (!step.logits) return work;
        for (WeightId id : {s_.head.norm.weight, s_.head.norm.bias})
            if (id != kNoWeight) work.bytes += weight_bytes_[id];
        product(s_.head.linear.weight, step.sequences);
        return work;
    }

    void matrices_of(WeightId id, uint64_t matrices, uint64_t used, uint64_t rows) override {
        if (std::erase(left_, id) == 0) return; // another op of the block has counted it
        work.bytes += weight_bytes_[id] / matrices * used;
        if (s_.weights[id].matrix) work.operations += 2 * rows * (s_.weights[id].count() / matrices);
    }

private:
    void row_of(WeightId id) {
        if (id != kNoWeight) work.bytes += step.tokens() * (weight_bytes_[id] / s_.weights[id].shape[0]);
    }
    void product(WeightId id, uint64_t rows) {
        work.bytes += weight_bytes_[id];
        if (s_.weights[id].matrix && s_.weights[id].shape.size() > 1)
            work.operations += 2 * rows * s_.weights[id].count();
    }
    void count(const Block& block) {
        left_ = weights_of(block);
        for (const Branch& branch : block.branches) branch.op.work(*this);
        for (WeightId id : left_) product(id, step.tokens());
    }

    const Schedule& s_;
    const std::vector<uint64_t>& weight_bytes_;
    std::vector<WeightId> left_; // of the block, not counted yet
};

} // namespace

Work work_of(const Schedule& schedule, const std::vector<uint64_t>& weight_bytes, const WorkStep& step) {
    return Counter(schedule, weight_bytes, step).all();
}

} // namespace weft
