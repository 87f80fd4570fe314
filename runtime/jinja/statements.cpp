// SPDX-License-Identifier: Apache-2.0
#include "jinja/builtins.hpp"
#include "jinja/markup.hpp"
#include "jinja/objects.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"
#include <utility>

namespace weft::detail::jinja {

Interpreter::Interpreter(const Template& tree, const Limits& limits, const Clock& clock)
    : tree_(tree), limits_(limits), clock_(clock) {}

Interpreter::~Interpreter() {
    // What is kept holds on to itself in circles or in long chains: each lets go before any is destroyed.
    for (const auto& object : kept_) object->release();
}

Error Interpreter::exhausted() const {
    if (work_ > limits_.work)
        return failure("the template does not end: it was stopped after " + std::to_string(limits_.work) + " steps");
    if (meter_.bytes > limits_.memory)
        return failure("the template needs more than " + std::to_string(limits_.memory >> 20) + " MiB");
    return failure("a value is nested deeper than " + std::to_string(kDeepestValue));
}

Status Interpreter::room(uint64_t bytes) const {
    if (bytes <= limits_.memory && meter_.bytes + bytes <= limits_.memory) return Ok{};
    return failure("the template needs more than " + std::to_string(limits_.memory >> 20) + " MiB");
}

Status Interpreter::room(uint64_t count, uint64_t each) const {
    return each != 0 && count > limits_.memory / each ? room(UINT64_MAX) : room(count * each);
}

Value Interpreter::make(std::string bytes, bool markup) {
    work_ += bytes.size() / 64;
    return Value(Kind::string, std::make_shared<String>(&meter_, std::move(bytes), markup));
}

Interpreter::Buffer::~Buffer() {
    in.out_ = around;
    in.meter_.bytes -= text.size();
}

std::string Interpreter::Buffer::close() {
    in.meter_.bytes -= text.size();
    return std::exchange(text, {});
}

Result<std::string> Interpreter::render(const Dict& variables) {
    variables_ = &variables;
    Buffer buffer(*this);
    root_ = enter(tree_.scope, nullptr);
    weft_TRY(run(tree_.body, root_));
    return buffer.close();
}

Status Interpreter::write(std::string_view text) {
    if (out_->size() + text.size() > limits_.output)
        return failure("the text is longer than " + std::to_string(limits_.output >> 20) + " MiB");
    out_->append(text);
    meter_.bytes += text.size();
    return step(text.size() / 64);
}

Status Interpreter::write(const Value& value) {
    if (value.is_string() && (!autoescape_ || value.string().markup())) return write(std::string_view(value.text()));
    std::string text;
    weft_TRY(append_str(*this, text, value));
    return write(std::string_view(autoescape_ ? escaped(text) : text));
}

Value Interpreter::context(const std::string& name) const {
    if (const auto it = tree_.exported.find(name);
        it != tree_.exported.end() && root_ && !root_->slots[it->second].is_missing())
        return root_->slots[it->second];
    if (const Value* found = variables_->find(name)) return *found;
    if (const Builtin* builtin = find_global(name))
        return Value(Kind::object, std::make_shared<Function>(nullptr, *builtin, Value()));
    return Value();
}

Interpreter::FramePtr Interpreter::enter(const Scope& scope, const FramePtr& around) {
    auto frame = std::make_shared<Frame>(&meter_, around, scope.slots.size());
    for (size_t i = 0; i < scope.slots.size(); ++i) {
        const SlotPlan& plan = scope.slots[i];
        if (plan.start == SlotPlan::context) frame->slots[i] = context(plan.name);
        if (plan.start == SlotPlan::copy) frame->slots[i] = slot(plan.from, around);
    }
    return frame;
}

Value& Interpreter::slot(Slot slot, const FramePtr& frame) const {
    Frame* at = frame.get();
    for (uint32_t up = slot.up; up > 0; --up) at = at->around.get();
    return at->slots[slot.index];
}

Result<Interpreter::Flow> Interpreter::run(const Body& body, const FramePtr& frame) {
    for (const Statement& statement : body) {
        weft_ASSIGN(const Flow flow, run(statement, frame));
        if (flow != Flow::next) return flow;
    }
    return Flow::next;
}

Result<Interpreter::Flow> Interpreter::run(const Statement& statement, const FramePtr& frame) {
    line_ = statement.line;
    weft_TRY(step());
    return std::visit([&](const auto& s) { return run(s, frame); }, statement.node);
}

Result<Interpreter::Flow> Interpreter::run(const Text& s, const FramePtr&) {
    weft_TRY(write(std::string_view(s.text)));
    return Flow::next;
}

Result<Interpreter::Flow> Interpreter::run(const Output& s, const FramePtr& frame) {
    for (const Ref& e : s.values) {
        weft_ASSIGN(const Value result, value(e, frame));
        weft_TRY(write(result));
    }
    return Flow::next;
}

Result<Interpreter::Flow> Interpreter::run(const If& s, const FramePtr& frame) {
    Nested nested(*this);
    weft_TRY(nested.check());
    for (const auto& [test, body] : s.branches) {
        weft_ASSIGN(const Value result, value(test, frame));
        if (truth(result)) return run(body, frame);
    }
    return run(s.otherwise, frame);
}

Result<Interpreter::Flow> Interpreter::run(const Set& s, const FramePtr& frame) {
    weft_ASSIGN(Value result, value(s.value, frame));
    weft_TRY(assign(s.target, std::move(result), frame));
    return Flow::next;
}

template <class Block, class Then>
Result<Interpreter::Flow> Interpreter::run_into_text(const Block& s, const FramePtr& frame, Then then) {
    Nested nested(*this);
    weft_TRY(nested.check());
    const FramePtr inside = enter(s.scope, frame);
    std::string text;
    {
        Buffer buffer(*this);
        weft_ASSIGN(const Flow flow, run(s.body, inside));
        if (flow != Flow::next) return flow;
        text = buffer.close();
    }
    weft_TRY(then(inside, make(std::move(text), autoescape_)));
    return Flow::next;
}

Result<Interpreter::Flow> Interpreter::run(const SetBlock& s, const FramePtr& frame) {
    return run_into_text(s, frame, [&](const FramePtr& inside, Value text) -> Status {
        if (s.filter) {
            weft_ASSIGN(text, filtered(*s.filter, inside, std::move(text)));
        }
        return assign(s.target, std::move(text), frame);
    });
}

Result<Interpreter::Flow> Interpreter::run(const FilterBlock& s, const FramePtr& frame) {
    return run_into_text(s, frame, [&](const FramePtr& inside, Value text) -> Status {
        weft_ASSIGN(const Value result, filtered(*s.filter, inside, std::move(text)));
        return write(result);
    });
}

Result<Interpreter::Flow> Interpreter::run(const With& s, const FramePtr& frame) {
    Nested nested(*this);
    weft_TRY(nested.check());
    const FramePtr inside = enter(s.scope, frame);
    for (const auto& [to, e] : s.values) {
        weft_ASSIGN(Value result, value(e, frame));
        weft_TRY(assign(to, std::move(result), inside));
    }
    return run(s.body, inside);
}

Result<Interpreter::Flow> Interpreter::run(const Autoescape& s, const FramePtr& frame) {
    Nested nested(*this);
    weft_TRY(nested.check());
    const FramePtr inside = enter(s.scope, frame);
    weft_ASSIGN(const Value on, value(s.on, inside));
    const bool before = std::exchange(autoescape_, truth(on));
    auto flow = run(s.body, inside);
    autoescape_ = before;
    return flow;
}

Result<Interpreter::Flow> Interpreter::run(const Block& s, const FramePtr& frame) {
    Nested nested(*this);
    weft_TRY(nested.check());
    return run(s.body, enter(s.scope, s.isolated ? nullptr : frame));
}

Result<Interpreter::Flow> Interpreter::run(const Jump& s, const FramePtr&) {
    return s.is_break ? Flow::broken : Flow::continued;
}

Status Interpreter::assign(const Target& target, Value value, const FramePtr& frame) {
    return target.is_tuple ? unpack(target, value, frame) : assign_one(target, std::move(value), frame);
}

Status Interpreter::assign_one(const Target& target, Value value, const FramePtr& frame) {
    Value& to = slot(target.slot, frame);
    if (target.attribute.empty()) {
        to = std::move(value);
        return Ok{};
    }
    Namespace* space = to.as<Namespace>();
    if (!space) return failure("cannot assign attribute on non-namespace object");
    return space->set(*this, target.attribute, std::move(value));
}

Status Interpreter::unpack(const Target& target, const Value& value, const FramePtr& frame) {
    if (!iterable(value)) return failure("cannot unpack non-iterable " + std::string(value.type_name()) + " object");
    weft_ASSIGN(const auto items, jinja::iterate(*this, value));
    const size_t wanted = target.parts.size();
    std::vector<Value> found;
    for (;;) {
        Value item;
        weft_ASSIGN(const bool more, items->next(*this, item));
        if (!more) break;
        if (found.size() == wanted)
            return failure("too many values to unpack (expected " + std::to_string(wanted) + ")");
        found.push_back(std::move(item));
    }
    if (found.size() < wanted)
        return failure("not enough values to unpack (expected " + std::to_string(wanted) + ", got " +
                       std::to_string(found.size()) + ")");
    for (size_t i = 0; i < wanted; ++i) weft_TRY(assign(target.parts[i], std::move(found[i]), frame));
    return Ok{};
}

} // namespace weft::detail::jinja
