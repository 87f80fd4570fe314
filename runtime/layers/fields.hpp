// SPDX-License-Identifier: Apache-2.0
// L3: the fields of descriptions. Each description lists its own once, in the order in which they are written; a
// visitor reads them from JSON, writes them, hashes them, or walks over their weights (schedule/).
#pragma once
#include "layers/spec.hpp"
#include <cmath>
#include <functional>
#include <initializer_list>
#include <span>
#include <type_traits>

namespace weft::detail {

class Op;

/// `usual` is there unless the file says false, `rare` only if the file says so.
enum class WeightUse { always, usual, rare };
enum class WeightKind { matrix, vector, decay }; ///< decay: a vector of numbers below 0
using WeightShape = std::initializer_list<uint64_t>;

// Names of enumerators, in their order.
#define weft_ENUM_NAMES(type, last, ...)                                                                               \
    inline std::span<const char* const> names_of(type) {                                                               \
        static constexpr const char* names[] = {__VA_ARGS__};                                                          \
        static_assert(std::size(names) == size_t(last) + 1, "every enumerator needs a name");                          \
        return names;                                                                                                  \
    }                                                                                                                  \
    static_assert(true)

namespace kernel { // where the compiler looks for the names of these
weft_ENUM_NAMES(Activation, Activation::elu_plus_one, "none", "silu", "gelu", "gelu_tanh", "relu", "relu2", "sigmoid",
                "quick_gelu", "tanh", "sine", "exp", "elu_plus_one");
weft_ENUM_NAMES(NormKind, NormKind::sum, "rms", "layer", "l2", "sum");
weft_ENUM_NAMES(RouterScore, RouterScore::sqrt_softplus, "softmax", "sigmoid", "logit", "sqrt_softplus");
weft_ENUM_NAMES(RouterWeight, RouterWeight::sigmoid_of_chosen, "score", "softmax_of_chosen", "sigmoid_of_chosen");
weft_ENUM_NAMES(GroupScore, GroupScore::best_two, "best", "best_two");
} // namespace kernel
weft_ENUM_NAMES(RopeKind, RopeKind::pairs, "none", "half", "pairs");

/// `what` of references that are views.
inline constexpr const char* kViews = "views of the stage";

/// What a float may be. All but a bound are finite.
enum class Reach { finite, not_negative, positive, bound };
inline bool within(Reach reach, float x) {
    switch (reach) {
    case Reach::finite: return std::isfinite(x);
    case Reach::not_negative: return std::isfinite(x) && x >= 0;
    case Reach::positive: return std::isfinite(x) && x > 0;
    default: return !std::isnan(x);
    }
}
inline const char* rule_of(Reach reach) {
    constexpr const char* rules[] = {"be finite", "be finite and not negative", "be finite and above 0", "not be NaN"};
    return rules[size_t(reach)];
}

class Fields {
public:
    virtual ~Fields() = default;

    /// A count from 1 that must be given; one that is `otherwise` where it is not.
    virtual void size(const char* key, uint32_t& x) = 0;
    virtual void size(const char* key, uint32_t& x, uint32_t otherwise) = 0;

    /// Left out of files where it is `otherwise`, which may follow from fields before it.
    virtual void value(const char* key, bool& x, bool otherwise) = 0;
    virtual void value(const char* key, uint32_t& x, uint32_t otherwise) = 0;
    virtual void value(const char* key, uint64_t& x, uint64_t otherwise) = 0;
    virtual void value(const char* key, int64_t& x, int64_t otherwise) = 0;
    virtual void value(const char* key, std::string& x, const std::string& otherwise) = 0;
    virtual void value(const char* key, std::vector<uint64_t>& x, const std::vector<uint64_t>& otherwise) = 0;
    virtual void value(const char* key, std::vector<float>& x, const std::vector<float>& otherwise) = 0;
    virtual void value(const char* key, std::vector<std::string>& x, const std::vector<std::string>& otherwise) = 0;
    /// The same with a float, which must be within its reach.
    virtual void number(const char* key, float& x, float otherwise, Reach reach) = 0;
    /// One of `names`, by its number.
    virtual void choice(const char* key, uint32_t& x, uint32_t otherwise, std::span<const char* const> names) = 0;
    template <class E>
    requires std::is_enum_v<E>
    void value(const char* key, E& x, E otherwise) {
        uint32_t number = uint32_t(x);
        choice(key, number, uint32_t(otherwise), names_of(E{}));
        if (x != E(number)) x = E(number); // visitors that only read may share what they visit between threads
    }

    /// Things that the schedule itself names, by their numbers among `names`; `what` they are: "streams of the stage".
    virtual void reference(const char* key, uint32_t& id, uint32_t otherwise, const std::vector<std::string>& names,
                           const char* what) = 0;
    virtual void references(const char* key, std::vector<uint32_t>& ids, const std::vector<uint32_t>& otherwise,
                            const std::vector<std::string>& names, const char* what) = 0;

    /// Follows from other fields, so it is never written.
    virtual void derived(bool& x, bool value) = 0;
    virtual void derived(uint32_t& x, uint64_t value) = 0;
    /// What a schedule must obey: "key ... must TEXT".
    virtual void rule(bool holds, const char* key, const std::string& text) = 0;

    virtual void weight(const char* key, WeightId& id, WeightShape shape, WeightUse use, WeightKind kind) = 0;
    /// The rotary frequencies: a base, or a table.
    virtual void frequencies(Rope& rope) = 0;

    /// A nested object; if true, its fields follow, and then leave().
    virtual bool enter(const char* key, bool there, bool optional) = 0;
    virtual void leave() = 0;
    /// `count` objects, each of whose fields `each` visits, in order.
    virtual void list(const char* key, size_t count, const std::function<void(size_t)>& each) = 0;
    template <class T, class Each>
    void list(const char* key, std::vector<T>& items, Each each) {
        list(key, items.size(), std::function<void(size_t)>([&](size_t i) {
                 if (i == items.size()) items.emplace_back();
                 each(items[i]);
             }));
    }
    /// Parts that many descriptions have, each an object under `key`.
    void linear(const char* key, Linear& l, uint64_t in, uint64_t out, bool optional = false);
    void norm(const char* key, Norm& n, uint64_t width, bool optional = true);
    void conv(const char* key, Conv& c, uint64_t channels, bool optional = false);
    void rope(const char* key, Rope& r, uint32_t head_size);
    /// What kind of op it is; those that follow are its own fields.
    virtual void op(Op& op) = 0;
    /// Behind the fields of an op: what it keeps, and reads of what ops before it keep.
    virtual void states(const Op&) {}
};

// A member that is added to a description but not to its list of fields would be lost in files and hashes without a
// word: the number of members guards it. A member that is an array counts as its elements.
struct AnyMember {
    template <class T>
    operator T() const;
};
template <class T, class... Members>
constexpr size_t member_count() {
    if constexpr (requires { T{Members{}..., AnyMember{}}; }) return member_count<T, Members..., AnyMember>();
    else return sizeof...(Members);
}
#define weft_LISTED(type, count)                                                                                       \
    static_assert(member_count<type>() == count, "the list of fields must have every member of " #type)

} // namespace weft::detail
