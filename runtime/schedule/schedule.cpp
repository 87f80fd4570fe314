// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule.hpp"
#include "schedule/spec_fields.hpp"
#include <algorithm>

namespace weft {
namespace {

std::vector<StateSpec> states_of(const MlpSpec&, const StateOptions&) { return {}; }
std::vector<StateSpec> states_of(const MoeSpec&, const StateOptions&) { return {}; }
std::vector<StateSpec> states_of(const LinearSpec&, const StateOptions&) { return {}; }

// What the kernels' headers allow.
constexpr uint32_t kLargestHead = 256, kLargestState = 256, kFewestTaps = 2, kMostTaps = 8, kMostExperts = 1024,
                   kMostChosen = 32, kLargestVocabulary = 393216;

class Limits {
public:
    void at(std::string place) { place_ = std::move(place); }
    void range(const char* what, uint64_t value, uint64_t least, uint64_t most) {
        if (value >= least && value <= most) return;
        found.push_back(place_ + what + " is " + std::to_string(value) + "; weft takes " + std::to_string(least) +
                        " to " + std::to_string(most));
    }
    void check(const AttentionSpec& a) {
        range("the size of a head", a.head_size, 1, kLargestHead);
        range("the size of a value head", a.value_size, 1, kLargestHead);
    }
    void check(const ConvSpec& c) { range("the number of the convolution's taps", c.taps, kFewestTaps, kMostTaps); }
    void check(const Mamba1Spec& m) {
        check(m.conv);
        range("the size of a state", m.state_size, 1, kLargestState);
    }
    void check(const Mamba2Spec& m) {
        check(m.conv);
        range("the size of a state", m.state_size, 1, kLargestState);
    }
    void check(const GatedDeltaSpec& g) {
        check(g.conv);
        range("the size of a key head", g.key_size, 1, kLargestState);
    }
    void check(const MoeSpec& m) {
        range("the number of experts", m.experts, 1, kMostExperts);
        range("the number of chosen experts", m.chosen, 1, std::min(m.experts, kMostChosen));
    }
    void check(const MlpSpec&) {}
    void check(const LinearSpec&) {}
    std::vector<std::string> found;

private:
    std::string place_;
};

/// Finds the first field that is not what it may be, wherever the schedule comes from.
class Checker {
public:
    std::string found;

    void size(const char*, uint32_t, uint32_t = 0) {}
    template <class T>
    void value(const char*, const T&, const T&) {}
    void number(const char* key, float x, float, Reach reach) {
        if (within(reach, x)) return;
        char digits[32];
        std::snprintf(digits, sizeof digits, "%g", double(x));
        rule(false, key, rule_of(reach) + std::string(", is ") + digits);
    }
    void derived(uint64_t, uint64_t) {}
    void rule(bool holds, const char* key, const std::string& text) {
        if (!holds && found.empty()) found = in_quotes(place_ + key) + " must " + text;
    }
    bool enter(const char* key, bool there, bool) {
        if (there) push(std::string(key) + ".");
        return there;
    }
    void leave() { place_.resize(ends_.back()), ends_.pop_back(); }
    template <class T, class Each>
    void list(const char* key, const std::vector<T>& items, Each each) {
        for (size_t i = 0; i < items.size(); ++i) {
            push(key + ("[" + std::to_string(i) + "]."));
            each(items[i]);
            leave();
        }
    }
    void op(const Op&) {}
    template <class Each>
    void layers(const std::vector<Layer>& all, Each each) {
        for (size_t i = 0; i < all.size(); ++i) {
            push("layers[" + std::to_string(i) + "].");
            list("blocks", all[i].blocks, each);
            leave();
        }
    }
    void weight(const char*, WeightId, WeightShape, WeightUse, WeightKind) {}
    void frequencies(const Rope&) {}

private:
    void push(const std::string& part) { ends_.push_back(place_.size()), place_ += part; }
    std::string place_;
    std::vector<size_t> ends_; // of the places around
};

std::string first_broken_rule(const Schedule& schedule) {
    Checker checker;
    fields(checker, schedule);
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
        for (const SubBlock& block : layers[i].blocks)
            for (const Branch& branch : block.branches)
                std::visit([&](const auto& op) { limits.check(op); }, branch.op);
    }
    for (const WeightSlot& slot : weights) {
        long double elements = 1; // a product of 32-bit sizes may not fit 64 bits
        for (uint32_t d : slot.shape) elements *= d;
        if (elements > kMostElements) limits.found.push_back(slot.name + " has more than 2^46 elements");
    }
    size_t pieces = 0;
    for (const WeightSlot& slot : weights) pieces += slot.piece_count();
    if (pieces > kMostPieces)
        limits.found.push_back("the weights are put together from " + std::to_string(pieces) +
                               " pieces; weft takes at most " + std::to_string(kMostPieces));
    return std::move(limits.found);
}

Status check_limits(const Schedule& schedule, const std::string& origin) {
    if (const std::string broken = first_broken_rule(schedule); !broken.empty())
        return Error{ErrorCode::malformed, origin + ": the model's schedule: " + broken, {}};
    auto beyond = schedule.beyond_limits();
    if (beyond.empty()) return Ok{};
    if (beyond.size() > 20) beyond.resize(20), beyond.push_back("... and more");
    return Error{ErrorCode::unsupported, origin + ": the model has sizes that are not supported", std::move(beyond)};
}

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
