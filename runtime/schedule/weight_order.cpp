// SPDX-License-Identifier: Apache-2.0
#include "schedule/weight_order.hpp"
#include "base/check.hpp"
#include "schedule/rotary_base.hpp"
#include "schedule/schedule_fields.hpp"
#include <algorithm>
#include <map>

namespace weft::detail {
namespace {

class Collector final : public FieldWalker {
public:
    void weight(const char*, WeightId& id, WeightShape, WeightUse, WeightKind) override {
        if (id != kNoWeight && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    void frequencies(Rope& r) override { weight("", r.frequencies, {}, WeightUse::always, WeightKind::vector); }
    std::vector<WeightId> ids;
};

class Orderer final : public FieldWalker {
public:
    explicit Orderer(std::vector<WeightSlot> slots) : slots_(std::move(slots)), ids_(slots_.size(), kNoWeight) {}
    std::vector<WeightSlot> take() { return std::move(ordered_); }

    void derived(uint32_t& x, uint64_t value) override {
        weft_CHECK(x == value, "the sizes of a schedule follow from each other");
    }
    void weight(const char* key, WeightId& id, WeightShape shape, WeightUse use, WeightKind kind) override {
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
    void frequencies(Rope& r) override {
        const uint64_t pairs = r.rotary / 2;
        if (r.rows() > 1)
            weight("frequencies", r.frequencies, {r.rows(), pairs}, WeightUse::always, WeightKind::vector);
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
    visit(orderer, schedule);
    schedule.weights = orderer.take();
}

std::vector<WeightId> weights_of(const Block& block) {
    Collector collector;
    visit_const(collector, block, BlockScope{1}); // sizes and names are not looked at
    return std::move(collector.ids);
}

} // namespace weft::detail
