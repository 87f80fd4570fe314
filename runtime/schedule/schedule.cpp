// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule.hpp"

namespace weft {
namespace {

std::vector<StateSpec> states_of(const MlpSpec&, const StateOptions&) { return {}; }
std::vector<StateSpec> states_of(const MoeSpec&, const StateOptions&) { return {}; }
std::vector<StateSpec> states_of(const LinearSpec&, const StateOptions&) { return {}; }

} // namespace

std::vector<StateSpec> Schedule::states(const StateOptions& o) const {
    std::vector<StateSpec> all;
    for (const Layer& layer : layers)
        for (const SubBlock& block : layer.blocks)
            for (const Branch& branch : block.branches) {
                const auto own = std::visit([&](const auto& op) { return states_of(op, o); }, branch.op);
                all.insert(all.end(), own.begin(), own.end());
            }
    return all;
}

uint64_t Schedule::parameters() const {
    uint64_t n = 0;
    for (const WeightSlot& slot : weights)
        if (slot.computed.empty()) n += slot.count();
    return n;
}

const char* name_of(const Op& op) {
    constexpr const char* names[] = {"attention", "mamba", "mamba2", "gated delta", "mlp", "experts", "linear"};
    return names[op.index()];
}

} // namespace weft
