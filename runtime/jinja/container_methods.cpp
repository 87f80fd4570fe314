// SPDX-License-Identifier: Apache-2.0
// Methods of lists, tuples, dicts and numbers. What changes a list or dict is not there: the sandbox hides it.
#include "jinja/builtins.hpp"
#include "jinja/objects.hpp"
#include "jinja/operators.hpp"
#include <cmath>

namespace weft::detail::jinja {
namespace {

Result<Value> count(Interpreter& in, Arguments& a) {
    int64_t found = 0;
    for (const Value& item : a.positional[0].list().items()) {
        weft_TRY(in.step());
        weft_ASSIGN(const bool equal, equals(in, item, a.positional[1]));
        found += equal;
    }
    return Value::integer(found);
}

Result<Value> index(Interpreter& in, Arguments& a) {
    const auto& items = a.positional[0].list().items();
    const int64_t length = int64_t(items.size());
    weft_ASSIGN(const int64_t start, integer_or(a.positional[2], 0, "start"));
    weft_ASSIGN(const int64_t stop, integer_or(a.positional[3], length, "stop"));
    for (int64_t i = clamp_index(start, length); i < clamp_index(stop, length); ++i) {
        weft_TRY(in.step());
        weft_ASSIGN(const bool equal, equals(in, items[size_t(i)], a.positional[1]));
        if (equal) return Value::integer(i);
    }
    return failure("the value is not in the " + std::string(a.positional[0].type_name()));
}

Result<Value> copy(Interpreter&, Arguments& a) { return a.positional[0]; } // nothing can change it

Result<Value> get(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const Value* found, a.positional[0].dict().find(in, a.positional[1]));
    if (found) return *found;
    return a.positional[2].is_missing() ? Value::none() : a.positional[2];
}

template <DictView::Kind kKind>
Result<Value> view(Interpreter& in, Arguments& a) {
    return in.object<DictView>(kKind, a.positional[0]);
}

Result<Value> is_integer(Interpreter&, Arguments& a) {
    const double value = a.positional[0].as_real();
    return Value::boolean(std::isfinite(value) && value == std::floor(value));
}

Result<Value> bit_length(Interpreter&, Arguments& a) {
    const int64_t value = a.positional[0].as_integer();
    uint64_t magnitude = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
    int64_t bits = 0;
    for (; magnitude; magnitude >>= 1) ++bits;
    return Value::integer(bits);
}

const Builtin kListMethods[] = {{"count", {"self", "value"}, 2, count},
                                {"index", {"self", "value", "start", "stop"}, 2, index},
                                {"copy", {"self"}, 1, copy}};
const Builtin kTupleMethods[] = {{"count", {"self", "value"}, 2, count},
                                 {"index", {"self", "value", "start", "stop"}, 2, index}};
const Builtin kDictMethods[] = {
    {"get", {"self", "key", "default"}, 2, get},
    {"keys", {"self"}, 1, view<DictView::keys>},
    {"values", {"self"}, 1, view<DictView::values>},
    {"items", {"self"}, 1, view<DictView::items>},
    {"copy", {"self"}, 1, copy},
};
const Builtin kIntegerMethods[] = {{"bit_length", {"self"}, 1, bit_length}, {"conjugate", {"self"}, 1, copy}};
const Builtin kRealMethods[] = {{"is_integer", {"self"}, 1, is_integer}, {"conjugate", {"self"}, 1, copy}};

} // namespace

Table container_methods(Kind kind) {
    switch (kind) {
    case Kind::list: return kListMethods;
    case Kind::tuple: return kTupleMethods;
    case Kind::dict: return kDictMethods;
    case Kind::integer: return kIntegerMethods;
    case Kind::real: return kRealMethods;
    default: return {};
    }
}

} // namespace weft::detail::jinja
