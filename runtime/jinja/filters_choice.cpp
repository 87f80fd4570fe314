// SPDX-License-Identifier: Apache-2.0
// Filters that choose: a default, an attribute, items by a test, another filter for each item.
#include "jinja/access.hpp"
#include "jinja/attributes.hpp"
#include "jinja/builtins.hpp"
#include "jinja/operators.hpp"
#include <algorithm>

namespace weft::detail::jinja {
namespace {

Value nothing(Interpreter& in) {
    return generator(in, 0, [](Interpreter&, Value&) -> Result<bool> { return false; });
}

// How deep the values are that a generator keeps.
uint32_t depth_of(const Arguments& a) {
    uint32_t depth = 0;
    for (const Value& value : a.positional) depth = std::max(depth, value.depth());
    for (const auto& [key, value] : a.keyword) depth = std::max(depth, value.depth());
    return depth;
}

Result<Value> default_(Interpreter& in, Arguments& a) {
    const Value& value = a.positional[0];
    if (!value.is_undefined() && !(flag_or(a.positional[2], false) && !truth(value))) return value;
    return a.positional[1].is_missing() ? in.text("") : a.positional[1];
}

Result<Value> attr(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::string name, text_argument(a.positional[1], "name"));
    return get_attribute_only(in, a.positional[0], name);
}

Result<Value> map(Interpreter& in, Arguments& a) {
    const Value value = a.positional[0];
    if (!truth(value)) return nothing(in);
    weft_ASSIGN(const auto items, iterate(in, value));
    Arguments rest{{a.positional.begin() + 1, a.positional.end()}, a.keyword};
    const auto keyword = [&](std::string_view name) {
        for (const auto& [key, given] : a.keyword)
            if (key == name) return given;
        return Value();
    };
    const Value attribute = keyword("attribute");
    if (rest.positional.empty() && !attribute.is_missing()) {
        for (const auto& [key, given] : a.keyword)
            if (key != "attribute" && key != "default") return failure("Unexpected keyword argument '" + key + "'");
        weft_ASSIGN(const std::vector<Value> path, attribute_path(in, attribute));
        const Value otherwise = keyword("default").is_none() ? Value() : keyword("default");
        return generator(in, depth_of(a), [=](Interpreter& inside, Value& item) -> Result<bool> {
            Value from;
            weft_ASSIGN(const bool more, items->next(inside, from));
            if (!more) return false;
            weft_ASSIGN(item, follow(inside, from, path, otherwise));
            return true;
        });
    }
    if (rest.positional.empty()) return failure("map requires a filter argument");
    weft_ASSIGN(const std::string name, text_argument(rest.positional[0], "name"));
    return generator(in, depth_of(a), [=](Interpreter& inside, Value& item) -> Result<bool> {
        Arguments with = rest;
        weft_ASSIGN(const bool more, items->next(inside, with.positional[0]));
        if (!more) return false;
        weft_ASSIGN(item, inside.filter(name, std::move(with)));
        return true;
    });
}

template <bool kSelect, bool kAttribute>
Result<Value> choose(Interpreter& in, Arguments& a) {
    const Value value = a.positional[0];
    if (!truth(value)) return nothing(in);
    weft_ASSIGN(const auto items, iterate(in, value));
    std::vector<Value> path;
    Arguments rest{{a.positional.begin() + 1, a.positional.end()}, a.keyword};
    if (kAttribute) {
        if (rest.positional.empty()) return failure("Missing parameter for attribute name");
        weft_ASSIGN(path, attribute_path(in, rest.positional[0]));
        rest.positional.erase(rest.positional.begin());
    }
    std::string name;
    if (!rest.positional.empty()) {
        weft_ASSIGN(name, text_argument(rest.positional[0], "name"));
    }
    return generator(in, depth_of(a), [=](Interpreter& inside, Value& item) -> Result<bool> {
        for (;;) {
            weft_ASSIGN(const bool more, items->next(inside, item));
            if (!more) return false;
            weft_ASSIGN(Value tested, follow(inside, item, path));
            if (!rest.positional.empty()) {
                Arguments with = rest;
                with.positional[0] = std::move(tested);
                weft_ASSIGN(tested, inside.test(name, std::move(with)));
            }
            weft_TRY(inside.step());
            if (truth(tested) == kSelect) return true;
        }
    });
}

const Builtin kChoiceFilters[] = {
    {"default", {"value", "default_value", "boolean"}, 1, default_},
    {"d", {"value", "default_value", "boolean"}, 1, default_},
    {"attr", {"obj", "name"}, 2, attr},
    {"map", {"value", "*"}, 1, map},
    {"select", {"value", "*"}, 1, choose<true, false>},
    {"reject", {"value", "*"}, 1, choose<false, false>},
    {"selectattr", {"value", "*"}, 1, choose<true, true>},
    {"rejectattr", {"value", "*"}, 1, choose<false, true>},
};

} // namespace

Table choice_filters() { return kChoiceFilters; }

} // namespace weft::detail::jinja
