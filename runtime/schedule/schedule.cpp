// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule.hpp"
#include "layers/limits.hpp"
#include <algorithm>

namespace weft {
namespace {

constexpr uint32_t kLargestVocabulary = 393216; // of the sampling kernels

} // namespace

std::vector<std::string> Schedule::beyond_limits() const {
    Limits limits;
    limits.range("the vocabulary", vocabulary, 1, kLargestVocabulary);
    for (size_t i = 0; i < layers.size(); ++i) {
        limits.at("layer " + std::to_string(i) + ": ");
        for (const SubBlock& block : layers[i].blocks)
            for (const Branch& branch : block.branches) branch.op.limits(limits);
    }
    for (const WeightSlot& slot : weights) {
        long double elements = 1; // a product of 32-bit sizes may not fit 64 bits
        for (uint32_t d : slot.shape) elements *= d;
        if (elements > kMostElements) limits.add(slot.name + " has more than 2^46 elements");
    }
    size_t pieces = 0;
    for (const WeightSlot& slot : weights) pieces += slot.piece_count();
    if (pieces > kMostPieces)
        limits.add("the weights are put together from " + std::to_string(pieces) + " pieces; weft takes at most " +
                   std::to_string(kMostPieces));
    return limits.take();
}

Status check_limits(const Schedule& schedule, const std::string& origin) {
    auto beyond = schedule.beyond_limits();
    if (beyond.empty()) return Ok{};
    if (beyond.size() > 20) {
        beyond.resize(20);
        beyond.push_back("... and more");
    }
    return Error{ErrorCode::unsupported, origin + ": the model has sizes that are not supported", std::move(beyond)};
}

void number_states(Schedule& schedule) {
    States states(std::move(schedule.states));
    for (Layer& layer : schedule.layers)
        for (SubBlock& block : layer.blocks)
            for (Branch& branch : block.branches) branch.op.states(states);
    schedule.states = states.take();
}

std::vector<StateId> states_of(const Schedule& schedule, const SubBlock& block) {
    States states(schedule.states);
    for (const Branch& branch : block.branches) Op(branch.op).states(states);
    return states.used();
}

std::vector<StateLayout> layouts_of(const std::vector<State>& states, const StateOptions& o) {
    std::vector<StateLayout> all;
    for (const State& state : states) all.push_back(layout_of(state, o));
    return all;
}

uint64_t Schedule::parameters() const {
    uint64_t n = 0;
    for (const WeightSlot& slot : weights)
        if (slot.computed.empty()) n += slot.count();
    return n;
}

} // namespace weft
