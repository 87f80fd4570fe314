// SPDX-License-Identifier: Apache-2.0
#include "jinja/objects.hpp"
#include "jinja/builtins.hpp"
#include "jinja/python_text.hpp"
#include <algorithm>
#include <utility>

namespace weft::detail::jinja {
namespace {

Result<Value> cycler_next(Interpreter&, Arguments& a) { return a.positional[0].as<Cycler>()->next(); }

Result<Value> cycler_reset(Interpreter&, Arguments& a) {
    a.positional[0].as<Cycler>()->reset();
    return Value::none();
}

const Builtin kCyclerNext{"next", {"self"}, 1, cycler_next}, kCyclerReset{"reset", {"self"}, 1, cycler_reset};

} // namespace

Range::Range(Meter* meter, int64_t start, int64_t stop, int64_t step)
    : Object(meter, sizeof(Range), 0), start_(start), stop_(stop), step_(step), length_(0) {
    const uint64_t distance = step > 0 ? (stop > start ? uint64_t(stop) - uint64_t(start) : 0)
                                       : (start > stop ? uint64_t(start) - uint64_t(stop) : 0);
    const uint64_t stride = step > 0 ? uint64_t(step) : 0 - uint64_t(step);
    if (distance > 0) length_ = int64_t(std::min<uint64_t>((distance - 1) / stride + 1, uint64_t(INT64_MAX)));
}

bool Range::contains(int64_t value) const {
    if (length_ == 0) return false;
    const int64_t low = std::min(at(0), at(length_ - 1)), high = std::max(at(0), at(length_ - 1));
    if (value < low || value > high) return false;
    return (uint64_t(value) - uint64_t(low)) % (step_ > 0 ? uint64_t(step_) : 0 - uint64_t(step_)) == 0;
}

Value Range::slice(Interpreter& in, int64_t first, int64_t step, int64_t count) const {
    if (count == 0) return in.object<Range>(start_, start_, step_);
    const int64_t begin = at(first), stride = step_ * step;
    return in.object<Range>(begin, begin + count * stride, stride);
}

Status Range::repr(Interpreter&, std::string& out) const {
    out += "range(" + std::to_string(start_) + ", " + std::to_string(stop_) +
           (step_ == 1 ? "" : ", " + std::to_string(step_)) + ")";
    return Ok{};
}

Result<Value> Range::attribute(Interpreter&, std::string_view name) {
    return name == "start"  ? Value::integer(start_)
           : name == "stop" ? Value::integer(stop_)
           : name == "step" ? Value::integer(step_)
                            : Value();
}

Value DictView::at(Interpreter& in, size_t index) const {
    const auto& [key, value] = dict().items()[index];
    return kind_ == keys ? key : kind_ == values ? value : in.tuple({key, value});
}

Status DictView::repr(Interpreter& in, std::string& out) const {
    out += std::string(type_name()) + "([";
    for (size_t i = 0; i < dict().items().size(); ++i) {
        if (i > 0) out += ", ";
        weft_TRY(append_repr(in, out, at(in, i)));
    }
    out += "])";
    return Ok{};
}

Status Namespace::check_name(const std::string& name) {
    if (!name.starts_with("_")) return Ok{};
    return failure("Chat templates cannot store underscore-prefixed attributes on a namespace, but got '" + name +
                   "'. Please rename the attribute.");
}

Status Namespace::set(Interpreter&, const std::string& name, Value value) {
    weft_TRY(check_name(name));
    values_->put(Value(Kind::string, std::make_shared<String>(nullptr, name, false)), std::move(value));
    return Ok{};
}

Result<Value> Namespace::attribute(Interpreter&, std::string_view name) {
    const Value* found = values_->find(name);
    return found ? *found : Value();
}

Status Namespace::repr(Interpreter& in, std::string& out) const {
    out += "<Namespace ";
    weft_TRY(append_repr(in, out, Value(Kind::dict, values_)));
    out += '>';
    return Ok{};
}

Cycler::Cycler(Meter* meter, std::vector<Value> items)
    : Object(meter, sizeof(Cycler) + items.size() * sizeof(Value), 1), items_(std::move(items)) {
    for (const Value& item : items_) contain(item);
}

Value Cycler::next() {
    const Value item = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return item;
}

Result<Value> Cycler::attribute(Interpreter& in, std::string_view name) {
    if (name == "current") return items_[at_];
    if (name == "next" || name == "reset")
        return in.object<Function>(name == "next" ? kCyclerNext : kCyclerReset,
                                   Value(Kind::object, shared_from_this()));
    return Value();
}

Result<Value> Joiner::call(Interpreter& in, Arguments) { return std::exchange(used_, true) ? separator_ : in.text(""); }

Result<Value> Macro::attribute(Interpreter& in, std::string_view name) {
    if (name == "name") return body_.name.empty() ? Value::none() : in.text(body_.name);
    if (name == "catch_kwargs") return Value::boolean(body_.kwargs.has_value());
    if (name == "catch_varargs") return Value::boolean(body_.varargs.has_value());
    if (name == "caller") return Value::boolean(body_.caller.has_value());
    if (name != "arguments") return Value();
    std::vector<Value> names;
    for (const auto& parameter : body_.parameters) names.push_back(in.text(parameter.name));
    return in.tuple(std::move(names));
}

Status Macro::repr(Interpreter&, std::string& out) const {
    out += body_.name.empty() ? "<Macro anonymous>" : "<Macro '" + body_.name + "'>";
    return Ok{};
}

} // namespace weft::detail::jinja
