// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule.hpp"
#include "layers/limits.hpp"
#include "schedule/schedule_fields.hpp"
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weft {
namespace {

constexpr uint32_t kLargestVocabulary = 393216; // of the sampling kernels

/// Finds the first field that is not what it may be, wherever the schedule comes from.
class Checker final : public FieldWalker {
public:
    std::string found;

    void number(const char* key, float& x, float, Reach reach) override {
        if (within(reach, x)) return;
        char digits[32];
        std::snprintf(digits, sizeof digits, "%g", double(x));
        rule(false, key, rule_of(reach) + std::string(", is ") + digits);
    }
    void rule(bool holds, const char* key, const std::string& text) override {
        if (!holds && found.empty()) found = in_quotes(place_ + key) + " must " + text;
    }
    bool enter(const char* key, bool there, bool) override {
        if (there) push(std::string(key) + ".");
        return there;
    }
    void leave() override {
        place_.resize(ends_.back());
        ends_.pop_back();
    }
    void list(const char* key, size_t count, const std::function<void(size_t)>& each) override {
        for (size_t i = 0; i < count; ++i) {
            push(key + ("[" + std::to_string(i) + "]."));
            each(i);
            leave();
        }
    }
    void layers(std::vector<Layer>& all, const std::function<void(Block&)>& each) override {
        for (size_t i = 0; i < all.size(); ++i) {
            push("layers[" + std::to_string(i) + "].");
            list("blocks", all[i].blocks.size(), [&](size_t b) { each(all[i].blocks[b]); });
            leave();
        }
    }
    void weight(const char*, WeightId&, WeightShape, WeightUse, WeightKind) override {}
    void frequencies(Rope&) override {}

private:
    void push(const std::string& part) {
        ends_.push_back(place_.size());
        place_ += part;
    }
    std::string place_;
    std::vector<size_t> ends_; // of the places around
};

std::string first_broken_rule(const Schedule& schedule) {
    Checker checker;
    visit_const(checker, schedule);
    for (const WeightSlot& slot : schedule.weights)
        if (checker.found.empty() && !std::ranges::all_of(slot.computed, [](float v) { return std::isfinite(v); }))
            return in_quotes(slot.name) + " must hold finite numbers";
    return checker.found;
}

} // namespace

std::vector<std::string> Schedule::beyond_limits() const {
    Limits limits;
    limits.range("the vocabulary", vocabulary, 1, kLargestVocabulary);
    for (size_t i = 0; i < layers.size(); ++i) {
        limits.at("layer " + std::to_string(i) + ": ");
        for (const Block& block : layers[i].blocks)
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
    if (const std::string broken = first_broken_rule(schedule); !broken.empty())
        return Error{ErrorCode::malformed, origin + ": the model's schedule: " + broken, {}};
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
        for (Block& block : layer.blocks)
            for (Branch& branch : block.branches) branch.op.states(states);
    schedule.states = states.take();
}

std::vector<StateId> states_of(const Schedule& schedule, const Block& block) {
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
