// SPDX-License-Identifier: Apache-2.0
// The variable `loop`.
#include "jinja/builtins.hpp"
#include "jinja/objects.hpp"
#include "jinja/operators.hpp"
#include <algorithm>
#include <utility>

namespace weft::detail::jinja {
namespace {

Result<Value> loop_cycle(Interpreter&, Arguments& a) {
    if (a.positional.size() < 2) return failure("no items for cycling given");
    const size_t index = size_t(std::max<int64_t>(a.positional[0].as<Loop>()->index(), 0));
    return a.positional[1 + index % (a.positional.size() - 1)];
}

Result<Value> loop_changed(Interpreter& in, Arguments& a) {
    const Value self = a.positional[0];
    bool result = false;
    weft_TRY(self.as<Loop>()->changed(in, {a.positional.begin() + 1, a.positional.end()}, result));
    return Value::boolean(result);
}

const Builtin kCycle{"cycle", {"self", "*"}, 1, loop_cycle}, kChanged{"changed", {"self", "*"}, 1, loop_changed};

} // namespace

Loop::Loop(Meter* meter, const For& statement, std::shared_ptr<Frame> around, std::shared_ptr<Iterator> items,
           std::optional<int64_t> length, uint32_t depth)
    : Object(meter, sizeof(Loop), 0), statement_(statement), around_(std::move(around)), items_(std::move(items)),
      length_(length), depth_(depth) {}

void Loop::release() {
    around_.reset();
    items_.reset();
    previous_ = current_ = Value();
    next_.reset();
    last_changed_.reset();
    at_end_ = true;
}

Result<bool> Loop::peek(Interpreter& in) {
    if (next_) return true;
    if (at_end_) return false;
    Value item;
    weft_ASSIGN(const bool more, items_->next(in, item));
    if (more) next_ = std::move(item);
    at_end_ = !more;
    return more;
}

Result<bool> Loop::advance(Interpreter& in, Value& item) {
    weft_ASSIGN(const bool more, peek(in));
    if (!more) return false;
    ++index_;
    previous_ = std::exchange(current_, std::move(*next_));
    next_.reset();
    item = current_;
    return true;
}

Result<int64_t> Loop::length(Interpreter& in) {
    if (length_) return *length_;
    if (at_end_) return *(length_ = index_ + 1);
    // A generator has no length: the rest is drawn at once.
    std::vector<Value> rest;
    if (next_) rest.push_back(std::move(*next_));
    next_.reset();
    weft_ASSIGN(const std::vector<Value> more, collect(in, Value(Kind::object, items_)));
    rest.insert(rest.end(), more.begin(), more.end());
    length_ = index_ + 1 + int64_t(rest.size());
    weft_ASSIGN(items_, iterate(in, in.list(std::move(rest))));
    return *length_;
}

Status Loop::changed(Interpreter& in, std::vector<Value> values, bool& result) {
    result = !last_changed_ || last_changed_->size() != values.size();
    for (size_t i = 0; !result && i < values.size(); ++i) {
        weft_ASSIGN(const bool equal, equals(in, (*last_changed_)[i], values[i]));
        result = !equal;
    }
    if (result) last_changed_ = std::move(values);
    return Ok{};
}

Result<Value> Loop::call(Interpreter& in, Arguments arguments) {
    if (!statement_.recursive) return failure("The loop must have the 'recursive' marker to be called recursively.");
    if (arguments.positional.size() != 1 || !arguments.keyword.empty())
        return failure("loop() takes the items to go over, and nothing else");
    if (!around_) return failure("this loop has ended");
    return in.recurse(statement_, around_, arguments.positional[0], depth_ + 1);
}

Result<Value> Loop::attribute(Interpreter& in, std::string_view name) {
    if (name == "index") return Value::integer(index_ + 1);
    if (name == "index0") return Value::integer(index_);
    if (name == "first") return Value::boolean(index_ == 0);
    if (name == "depth") return Value::integer(depth_ + 1);
    if (name == "depth0") return Value::integer(depth_);
    if (name == "cycle" || name == "changed")
        return in.object<Function>(name == "cycle" ? kCycle : kChanged, Value(Kind::object, shared_from_this()));
    if (name == "previtem") return index_ <= 0 ? in.undefined("there is no previous item") : previous_;
    if (name == "nextitem" || name == "last") {
        weft_ASSIGN(const bool more, peek(in));
        if (name == "last") return Value::boolean(!more);
        return more ? *next_ : in.undefined("there is no next item");
    }
    if (name != "length" && name != "revindex" && name != "revindex0") return Value();
    weft_ASSIGN(const int64_t all, length(in));
    return Value::integer(name == "length" ? all : name == "revindex" ? all - index_ : all - index_ - 1);
}

Status Loop::repr(Interpreter&, std::string& out) const {
    out += "<LoopContext " + std::to_string(index_ + 1) + "/" + std::to_string(length_.value_or(index_ + 1)) + ">";
    return Ok{};
}

} // namespace weft::detail::jinja
