// SPDX-License-Identifier: Apache-2.0
#include "schedule/work.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>

namespace weft {
namespace {

class Counter {
public:
    Counter(const Schedule& s, const std::vector<uint64_t>& weight_bytes, DType kv, const WorkStep& step)
        : s_(s), weight_bytes_(weight_bytes), kv_(kv), step_(step), tokens_(step.sequences * step.count) {}

    Work all() {
        row_of(s_.embedding.table);
        row_of(s_.embedding.positions);
        for (const Layer& layer : s_.layers)
            for (const SubBlock& block : layer.blocks) count(block);
        if (!step_.logits) return work_;
        for (WeightId id : {s_.head.norm.weight, s_.head.norm.bias})
            if (id != kNoWeight) work_.bytes += weight_bytes_[id];
        product(s_.head.linear.weight, step_.sequences);
        return work_;
    }

private:
    void row_of(WeightId id) {
        if (id != kNoWeight) work_.bytes += tokens_ * (weight_bytes_[id] / s_.weights[id].shape[0]);
    }
    void product(WeightId id, uint64_t rows) {
        work_.bytes += weight_bytes_[id];
        if (s_.weights[id].matrix && s_.weights[id].shape.size() > 1)
            work_.operations += 2 * rows * s_.weights[id].count();
    }

    void count(const SubBlock& block) {
        std::vector<WeightId> left = weights_of(block);
        for (const Branch& branch : block.branches) {
            if (const auto* moe = std::get_if<MoeSpec>(&branch.op)) {
                const uint64_t used = std::min<uint64_t>(moe->experts, tokens_ * moe->chosen);
                for (WeightId id : {moe->gate_up, moe->down, moe->gate_up_bias, moe->down_bias}) {
                    if (std::erase(left, id) == 0) continue;
                    work_.bytes += weight_bytes_[id] / moe->experts * used;
                    if (s_.weights[id].matrix)
                        work_.operations += 2 * tokens_ * moe->chosen * (s_.weights[id].count() / moe->experts);
                }
            }
            std::visit([&](const auto& op) { mixer(op); }, branch.op);
        }
        for (WeightId id : left) product(id, tokens_);
    }

    void mixer(const AttentionSpec& a) {
        uint64_t pairs = 0; // of a query and a key it sees
        for (uint64_t at = step_.past; at < step_.past + step_.count; ++at)
            pairs += a.window ? std::min<uint64_t>(at + 1, a.window) : a.chunk ? at % a.chunk + 1 : at + 1;
        const uint64_t length = step_.past + step_.count,
                       first = a.window  ? step_.past + 1 - std::min<uint64_t>(step_.past + 1, a.window)
                               : a.chunk ? step_.past / a.chunk * a.chunk
                                         : 0;
        const uint64_t row = uint64_t(a.kv_heads) * (a.head_size + a.value_size) * size_of(kv_);
        work_.bytes += step_.sequences * (length - first + step_.count) * row;
        work_.operations += step_.sequences * 2 * pairs * a.heads * (a.head_size + a.value_size);
    }
    // The operations of the recurrences are those of the kernels' case tables, in the step form.
    void mixer(const Mamba1Spec& m) { recurrence(states_of(m, {}), m.conv, 7 * uint64_t(m.inner) * m.state_size); }
    void mixer(const Mamba2Spec& m) {
        recurrence(states_of(m, {}), m.conv, 5 * uint64_t(m.heads) * m.head_size * m.state_size);
    }
    void mixer(const GatedDeltaSpec& g) {
        recurrence(states_of(g, {}), g.conv, 7 * uint64_t(g.value_heads) * g.key_size * g.value_size);
    }
    void mixer(const MlpSpec&) {}
    void mixer(const MoeSpec&) {}
    void mixer(const LinearSpec&) {}
    void recurrence(const std::vector<StateSpec>& states, const ConvSpec& conv, uint64_t operations) {
        for (const StateSpec& state : states)
            work_.bytes += step_.sequences * state.bytes() * (step_.past ? 2 : 1); // a new sequence has nothing to read
        work_.operations += tokens_ * (operations + 2 * uint64_t(conv.channels) * conv.taps);
    }

    const Schedule& s_;
    const std::vector<uint64_t>& weight_bytes_;
    const DType kv_;
    const WorkStep step_;
    const uint64_t tokens_;
    Work work_;
};

} // namespace

Work work_of(const Schedule& schedule, const std::vector<uint64_t>& weight_bytes, DType kv, const WorkStep& step) {
    return Counter(schedule, weight_bytes, kv, step).all();
}

} // namespace weft
