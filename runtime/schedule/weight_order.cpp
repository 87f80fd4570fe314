// SPDX-License-Identifier: Apache-2.0
#include "schedule/weight_order.hpp"
#include "base/check.hpp"
#include "schedule/rotary_base.hpp"
#include "schedule/spec_fields.hpp"
#include <algorithm>
#include <map>

namespace weft {
namespace {

/// What both visitors pass over.
struct Walker {
    template <class... T>
    void size(const char*, T&&...) {}
    template <class T>
    void value(const char*, const T&, const T&) {}
    void number(const char*, float, float, Reach) {}
    template <class T>
    void derived(const T& x, uint64_t value) {
        weft_CHECK(uint64_t(x) == value, "the sizes of a schedule follow from each other");
    }
    void rule(bool, const char*, const char*) {}
    bool enter(const char*, bool there, bool) { return there; }
    void leave() {}
    template <class Items, class Each>
    void list(const char*, Items& items, Each each) {
        for (auto& item : items) each(item);
    }
    void op(const Op&) {}
};

class Collector : public Walker {
public:
    void weight(const char*, WeightId id, WeightShape, WeightUse, WeightKind) {
        if (id != kNoWeight && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    void frequencies(const Rope& r) { weight("", r.frequencies, {}, WeightUse::always, WeightKind::vector); }
    // Sizes follow from a width that is not known here.
    void derived(uint64_t, uint64_t) {}
    std::vector<WeightId> ids;
};

class Orderer : public Walker {
public:
    explicit Orderer(std::vector<WeightSlot> slots) : slots_(std::move(slots)), ids_(slots_.size(), kNoWeight) {}
    std::vector<WeightSlot> take() { return std::move(ordered_); }

    template <class Each>
    void layers(std::vector<Layer>& all, Each each) {
        for (Layer& layer : all)
            for (SubBlock& block : layer.blocks) each(block);
    }
    void weight(const char* key, WeightId& id, WeightShape shape, WeightUse use, WeightKind kind) {
        if (id == kNoWeight) {
            weft_CHECK(use != WeightUse::always, key);
            return;
        }
        weft_CHECK(id < slots_.size(), key);
        if (ids_[id] == kNoWeight) ids_[id] = place(slots_[id]);
        id = ids_[id];
        WeightSlot& slot = ordered_[id];
        weft_CHECK(std::equal(shape.begin(), shape.end(), slot.shape.begin(), slot.shape.end()) &&
                       slot.matrix == (kind == WeightKind::matrix),
                   slot.name.c_str());
        slot.decay = kind == WeightKind::decay;
    }
    void frequencies(Rope& r) {
        const uint64_t pairs = r.rotary / 2;
        if (r.long_table) weight("frequencies", r.frequencies, {2, pairs}, WeightUse::always, WeightKind::vector);
        else weight("frequencies", r.frequencies, {pairs}, WeightUse::always, WeightKind::vector);
    }

private:
    WeightId place(WeightSlot& slot) {
        if (!slot.computed.empty())
            for (WeightId known : computed_)
                if (ordered_[known].shape == slot.shape && ordered_[known].computed == slot.computed) return known;
        const auto id = WeightId(ordered_.size());
        if (!slot.computed.empty()) computed_.push_back(id);
        slot.name = free_name(slot.name, [&](const std::string& n) { return names_.count(n) != 0; });
        names_[slot.name] = id;
        ordered_.push_back(std::move(slot));
        return id;
    }

    std::vector<WeightSlot> slots_, ordered_;
    std::vector<WeightId> ids_, computed_; // new ids of old ones
    std::map<std::string, WeightId> names_;
};

} // namespace

void order_weights(Schedule& schedule) {
    Orderer orderer(std::move(schedule.weights));
    fields(orderer, schedule);
    schedule.weights = orderer.take();
}

std::vector<WeightId> weights_of(const SubBlock& block) {
    Collector collector;
    fields(collector, block, 1);
    return std::move(collector.ids);
}

} // namespace weft
