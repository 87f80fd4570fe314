// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule_fields.hpp"
#include "schedule/weight_order.hpp"
#include <bit>

namespace weft::detail {
namespace {

/// Every field in its order, with its name, so that neighbours of equal values cannot stand for each other.
class Hasher final : public ScheduleFields {
public:
    explicit Hasher(const std::vector<WeightSlot>& slots) : slots_(slots), ids_(slots.size(), kNoWeight) {}
    uint64_t result() const { return hash_; }

    using Fields::list;
    using Fields::value;
    void size(const char* key, uint32_t& x) override { keyed(key, x); }
    void size(const char* key, uint32_t& x, uint32_t) override { keyed(key, x); }
    void value(const char* key, bool& x, bool) override { keyed(key, x); }
    void value(const char* key, uint32_t& x, uint32_t) override { keyed(key, x); }
    void value(const char* key, uint64_t& x, uint64_t) override { keyed(key, x); }
    void value(const char* key, int64_t& x, int64_t) override { keyed(key, x); }
    void number(const char* key, float& x, float, Reach) override { keyed(key, x); }
    void value(const char* key, std::string& x, const std::string&) override { keyed(key, x); }
    void value(const char* key, std::vector<uint64_t>& x, const std::vector<uint64_t>&) override { keyed(key, x); }
    void value(const char* key, std::vector<float>& x, const std::vector<float>&) override { keyed(key, x); }
    void value(const char* key, std::vector<std::string>& x, const std::vector<std::string>&) override {
        keyed(key, x);
    }
    void choice(const char* key, uint32_t& x, uint32_t, std::span<const char* const> names) override {
        keyed(key, names[x]);
    }
    void reference(const char* key, uint32_t& id, uint32_t, const std::vector<std::string>&, const char*) override {
        keyed(key, id);
    }
    void references(const char* key, std::vector<uint32_t>& ids, const std::vector<uint32_t>&,
                    const std::vector<std::string>&, const char*) override {
        keyed(key, ids);
    }
    void derived(bool&, bool) override {}
    void derived(uint32_t&, uint64_t) override {}
    void rule(bool, const char*, const std::string&) override {}
    bool enter(const char* key, bool there, bool) override {
        keyed(key, there);
        return there;
    }
    void leave() override {}
    void list(const char* key, size_t count, const std::function<void(size_t)>& each) override {
        keyed(key, uint64_t(count));
        for (size_t i = 0; i < count; ++i) each(i);
    }
    void op(Op& op) override { add(op.name()); }
    void stages(std::vector<Stage>& all, const std::function<void(Stage&)>& each) override {
        list("stages", all, each);
    }
    void layers(std::vector<Layer>& all, const std::function<void(Block&)>& each) override {
        add(uint64_t(all.size()));
        for (Layer& layer : all) {
            add(uint64_t(layer.blocks.size()));
            for (Block& block : layer.blocks) each(block);
        }
    }
    void program(const char* key, std::shared_ptr<const Schedule>& program) override {
        if (program) keyed(key, hash_of(*program));
    }
    void weight(const char* key, WeightId& id, WeightShape, WeightUse, WeightKind) override {
        keyed(key, id != kNoWeight);
        if (id == kNoWeight) return;
        const bool fresh = ids_[id] == kNoWeight;
        if (fresh) ids_[id] = next_++;
        add(ids_[id]);
        if (!fresh) return;
        add(slots_[id].matrix);
        for (uint32_t d : slots_[id].shape) add(d);
        visit_const(*this, slots_[id]);
    }
    void frequencies(Rope& r) override {
        weight("frequencies", r.frequencies, {}, WeightUse::always, WeightKind::vector);
    }

private:
    template <class T>
    void keyed(const char* key, const T& x) {
        for (const char* silent : {"architecture", "trained_context", "begin_token"})
            if (std::string_view(key) == silent) return;
        add(key);
        add(x);
    }
    void add(uint64_t x) { // a multiplication and a fold a word: every bit of x reaches every bit of the sum
        hash_ = (hash_ ^ x) * 0x9e3779b97f4a7c15u;
        hash_ ^= hash_ >> 32;
        hash_ *= 0xd6e8feb86659fd93u;
        hash_ ^= hash_ >> 29;
    }
    void add(std::string_view text) {
        add(text.size());
        for (const char c : text) add(uint64_t(static_cast<unsigned char>(c)));
    }
    void add(const char* text) { add(std::string_view(text)); }
    void add(const std::string& text) { add(std::string_view(text)); }
    void add(float x) { add(uint64_t(std::bit_cast<uint32_t>(x))); }
    void add(bool x) { add(uint64_t(x)); }
    void add(uint32_t x) { add(uint64_t(x)); }
    void add(int64_t x) { add(uint64_t(x)); }
    template <class T>
    void add(const std::vector<T>& list) {
        add(uint64_t(list.size()));
        for (const T& item : list) add(item);
    }

    const std::vector<WeightSlot>& slots_;
    std::vector<WeightId> ids_; // in the order of first use, whatever the order of the slots
    uint32_t next_ = 0;
    uint64_t hash_ = 0x77656674; // "weft"
};

} // namespace

uint64_t hash_of(const Schedule& schedule) {
    Hasher hasher(schedule.weights);
    visit_const(hasher, schedule);
    return hasher.result();
}

} // namespace weft::detail
