// SPDX-License-Identifier: Apache-2.0
#include "schedule/spec_fields.hpp"
#include "schedule/weight_order.hpp"
#include <bit>

namespace weft {
namespace {

/// Every field in its order, with its name, so that neighbours of equal values cannot stand for each other.
class Hasher {
public:
    explicit Hasher(const std::vector<WeightSlot>& slots) : slots_(slots), ids_(slots.size(), kNoWeight) {}
    uint64_t result() const { return hash_; }

    void size(const char* key, uint32_t x, uint32_t = 0) { add(key), add(x); }
    template <class T>
    void value(const char* key, const T& x, const T&) {
        for (const char* silent : {"architecture", "trained_context", "begin_token"})
            if (std::string_view(key) == silent) return;
        add(key), add(x);
    }
    void number(const char* key, float x, float otherwise, Reach) { value(key, x, otherwise); }
    void derived(uint64_t, uint64_t) {}
    void rule(bool, const char*, const char*) {}
    bool enter(const char* key, bool there, bool) {
        add(key), add(there);
        return there;
    }
    void leave() {}
    template <class T, class Each>
    void list(const char* key, const std::vector<T>& items, Each each) {
        add(key), add(items.size());
        for (const T& item : items) each(item);
    }
    void op(const Op& op) { add(kOpNames[op.index()]); }
    template <class Each>
    void layers(const std::vector<Layer>& all, Each each) {
        add(all.size());
        for (const Layer& layer : all) {
            add(layer.blocks.size());
            for (const SubBlock& block : layer.blocks) each(block);
        }
    }
    void weight(const char* key, WeightId id, WeightShape, WeightUse, WeightKind) {
        add(key), add(id != kNoWeight);
        if (id == kNoWeight) return;
        const bool fresh = ids_[id] == kNoWeight;
        if (fresh) ids_[id] = next_++;
        add(ids_[id]);
        if (!fresh) return;
        add(slots_[id].matrix);
        for (uint32_t d : slots_[id].shape) add(d);
        fields(*this, slots_[id]);
    }
    void frequencies(const Rope& r) { weight("frequencies", r.frequencies, {}, WeightUse::always, WeightKind::vector); }

private:
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
    template <class E>
    requires std::is_enum_v<E>
    void add(E x) { add(names_of(x)[size_t(x)]); }
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
    fields(hasher, schedule);
    return hasher.result();
}

} // namespace weft
