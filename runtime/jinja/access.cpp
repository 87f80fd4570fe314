// SPDX-License-Identifier: Apache-2.0
#include "jinja/access.hpp"
#include "jinja/builtins.hpp"
#include "jinja/objects.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::jinja {
namespace {

// What Jinja calls a value in its messages about missing attributes.
std::string object_name(const Value& object) {
    if (object.is_none()) return "None";
    const std::string type(object.type_name());
    if (object.as<Namespace>() || object.as<Macro>() || object.as<Loop>() || object.as<Cycler>() || object.as<Joiner>())
        return "jinja2." + type + " object";
    return type + " object";
}

// Methods that change a list or a dict: the sandbox hides them.
bool is_unsafe(const Value& object, std::string_view name) {
    if (name.starts_with("__")) return !object.is_undefined();
    const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (object.is(Kind::list))
        return is_one_of({"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"});
    if (object.is(Kind::dict)) return is_one_of({"clear", "pop", "popitem", "setdefault", "update"});
    return false;
}

// An attribute of the value itself; `missing` if it has none.
Result<Value> own_attribute(Interpreter& in, const Value& object, const std::string& name) {
    if (is_unsafe(object, name))
        return in.undefined("access to attribute '" + name + "' of '" + std::string(object.type_name()) +
                            "' object is unsafe.");
    if (const Builtin* method = find_method(object, name)) return in.object<Function>(*method, object);
    if (object.is_number() && (name == "real" || name == "numerator")) return object;
    if (object.is_number() && name == "imag") return object.is(Kind::real) ? Value::real(0) : Value::integer(0);
    if (object.is(Kind::object) || object.is(Kind::tuple)) return object.object()->attribute(in, name);
    return Value();
}

// An item; `missing` if there is none or the value has no items.
Result<Value> own_item(Interpreter& in, const Value& object, const Value& key) {
    if (object.is(Kind::dict)) {
        if (key.is_string()) {
            const Value* found = object.dict().find(key.text());
            return found ? *found : Value();
        }
        if (key.is(Kind::list) || key.is(Kind::dict)) return Value(); // unhashable
        weft_ASSIGN(const Value* found, object.dict().find(in, key));
        return found ? *found : Value();
    }
    if (!key.is_integral()) return Value();
    const Range* range = object.as<Range>();
    if (!object.is_string() && !object.is_sequence() && !range) return Value();
    weft_ASSIGN(const int64_t length, length_of(object));
    const int64_t index = key.as_integer() < 0 ? key.as_integer() + length : key.as_integer();
    if (index < 0 || index >= length) return Value();
    if (range) return Value::integer(range->at(index));
    if (object.is_sequence()) return object.list().items()[size_t(index)];
    const String& text = object.string();
    const size_t begin = text.offset(size_t(index)), end = text.offset(size_t(index) + 1);
    return in.make(text.bytes().substr(begin, end - begin), text.markup());
}

} // namespace

Result<Value> get_attribute(Interpreter& in, const Value& object, const std::string& name) {
    if (object.is_undefined()) return undefined_error(object);
    weft_ASSIGN(Value found, own_attribute(in, object, name));
    if (found.is_missing() && object.is(Kind::dict)) {
        if (const Value* item = object.dict().find(name)) return *item;
    }
    if (!found.is_missing()) return found;
    return in.undefined("'" + object_name(object) + "' has no attribute '" + name + "'");
}

Result<Value> get_attribute_only(Interpreter& in, const Value& object, const std::string& name) {
    if (object.is_undefined()) return undefined_error(object);
    weft_ASSIGN(Value found, own_attribute(in, object, name));
    if (!found.is_missing()) return found;
    return in.undefined("'" + object_name(object) + "' has no attribute '" + name + "'");
}

Result<Value> get_item(Interpreter& in, const Value& object, const Value& key) {
    if (object.is_undefined()) return undefined_error(object);
    weft_ASSIGN(Value found, own_item(in, object, key));
    if (!found.is_missing()) return found;
    if (key.is_string()) {
        weft_ASSIGN(found, own_attribute(in, object, key.text()));
        if (!found.is_missing()) return found;
        return in.undefined("'" + object_name(object) + "' has no attribute '" + key.text() + "'");
    }
    std::string shown;
    weft_TRY(append_repr(in, shown, key));
    return in.undefined(object_name(object) + " has no element " + shown);
}

int64_t clamp_index(int64_t index, int64_t length) {
    if (index < 0) index = index < -length ? 0 : index + length;
    return std::min(index, length);
}

Result<Steps> slice_steps(const Value& start, const Value& stop, const Value& step, int64_t length) {
    for (const Value* bound : {&start, &stop, &step})
        if (!bound->is_missing() && !bound->is_none() && !bound->is_integral()) {
            if (bound->is_undefined()) return undefined_error(*bound);
            return failure("slice indices must be integers or None or have an __index__ method");
        }
    const auto given = [](const Value& v) { return v.is_integral(); };
    Steps out;
    out.step = given(step) ? step.as_integer() : 1;
    if (out.step == 0) return failure("slice step cannot be zero");
    const bool backward = out.step < 0;
    out.step = std::clamp<int64_t>(out.step, -length - 1, length + 1);
    // Backwards, the positions run from length - 1 down to -1.
    const auto position = [&](int64_t index) {
        if (index < 0) index = index < -length ? (backward ? -1 : 0) : index + length;
        return std::min(index, backward ? length - 1 : length);
    };
    out.start = given(start) ? position(start.as_integer()) : backward ? length - 1 : 0;
    const int64_t end = given(stop) ? position(stop.as_integer()) : backward ? -1 : length;
    const int64_t distance = backward ? out.start - end : end - out.start, stride = std::abs(out.step);
    out.count = distance > 0 ? (distance + stride - 1) / stride : 0;
    return out;
}

Result<Value> get_slice(Interpreter& in, const Value& object, const Value& start, const Value& stop,
                        const Value& step) {
    if (object.is_undefined()) return undefined_error(object);
    const Range* range = object.as<Range>();
    if (object.is(Kind::dict)) return failure("unhashable type: 'slice'");
    if (!object.is_string() && !object.is_sequence() && !range)
        return failure("'" + std::string(object.type_name()) + "' object is not subscriptable");
    weft_ASSIGN(const int64_t length, length_of(object));
    weft_ASSIGN(const Steps steps, slice_steps(start, stop, step, length));
    if (range) return range->slice(in, steps.start, steps.step, steps.count);
    weft_TRY(in.step(1 + uint64_t(steps.count) / 16));
    if (object.is_sequence()) {
        std::vector<Value> items;
        items.reserve(size_t(steps.count));
        for (int64_t i = 0; i < steps.count; ++i)
            items.push_back(object.list().items()[size_t(steps.start + i * steps.step)]);
        return object.is(Kind::list) ? in.list(std::move(items)) : in.tuple(std::move(items));
    }
    const String& text = object.string();
    if (steps.step == 1) {
        const size_t begin = text.offset(size_t(steps.start)), end = text.offset(size_t(steps.start + steps.count));
        return in.make(steps.count > 0 ? text.bytes().substr(begin, end - begin) : std::string(), text.markup());
    }
    std::string out;
    for (int64_t i = 0; i < steps.count; ++i) {
        const size_t index = size_t(steps.start + i * steps.step), begin = text.offset(index);
        out.append(text.bytes(), begin, text.offset(index + 1) - begin);
    }
    return in.make(std::move(out), text.markup());
}

bool has_length(const Value& value) {
    return value.is_undefined() || value.is_string() || value.is_sequence() || value.is(Kind::dict) ||
           value.as<Range>() || value.as<DictView>();
}

Result<int64_t> length_of(const Value& value) {
    switch (value.kind()) {
    case Kind::undefined: return int64_t(0);
    case Kind::string: return int64_t(value.string().length());
    case Kind::list:
    case Kind::tuple: return int64_t(value.list().items().size());
    case Kind::dict: return int64_t(value.dict().items().size());
    default: break;
    }
    if (const Range* range = value.as<Range>()) return range->length();
    if (const DictView* view = value.as<DictView>()) return int64_t(view->dict().items().size());
    return failure("object of type '" + std::string(value.type_name()) + "' has no len()");
}

} // namespace weft::detail::jinja
