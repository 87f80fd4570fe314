// SPDX-License-Identifier: Apache-2.0
// L0: what is in a value: its attributes, items, slices, length and iteration, by the rules of Jinja's sandbox.
#pragma once
#include "jinja/value.hpp"
#include <functional>

namespace weft::detail::jinja {

/// object.name: an attribute or method, else the item of that name, else undefined.
Result<Value> get_attribute(Interpreter& in, const Value& object, const std::string& name);
/// object[key]: the item, else for text the attribute of that name, else undefined.
Result<Value> get_item(Interpreter& in, const Value& object, const Value& key);
/// object[start:stop:step]; `missing` or None: left out.
Result<Value> get_slice(Interpreter& in, const Value& object, const Value& start, const Value& stop, const Value& step);
/// Only attributes; undefined where there is none.
Result<Value> get_attribute_only(Interpreter& in, const Value& object, const std::string& name);

Result<int64_t> length_of(const Value& value);
bool has_length(const Value& value);

/// Gives one item after another.
class Iterator : public Object {
public:
    Iterator(Meter* meter, size_t bytes, uint32_t depth) : Object(meter, bytes, depth) {}
    /// False at the end.
    virtual Result<bool> next(Interpreter& in, Value& item) = 0;
    std::string_view type_name() const override { return "generator"; }
};

bool iterable(const Value& value);
Result<std::shared_ptr<Iterator>> iterate(Interpreter& in, const Value& value);
/// All items.
Result<std::vector<Value>> collect(Interpreter& in, const Value& value);
/// An iterator whose items `next` makes, one a call; false at the end. `depth`: of what it refers to.
Value generator(Interpreter& in, uint32_t depth, std::function<Result<bool>(Interpreter&, Value&)> next);
/// The items in the other order. Fails for what has no end to begin from.
Result<Value> reversed(Interpreter& in, const Value& value);

/// Where a slice begins and how it goes on, for a sequence of `length`.
struct Steps {
    int64_t start = 0, step = 1, count = 0;
};
Result<Steps> slice_steps(const Value& start, const Value& stop, const Value& step, int64_t length);
/// A start or stop as find() and index() take it: negative ones count from the end.
int64_t clamp_index(int64_t index, int64_t length);

} // namespace weft::detail::jinja
