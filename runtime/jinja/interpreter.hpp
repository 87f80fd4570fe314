// SPDX-License-Identifier: Apache-2.0
// L0: renders a template: one interpreter a rendering, one thread. Also what the built-in filters, tests, methods and
// functions need of it: values are made here, work and memory counted.
//
// The folder is the template engine: jinja2's language with Python's exact strings, numbers and undefined values,
// within limits on time, memory and output. It goes lexer, parser (a Template, tree.hpp), Interpreter, and knows of
// nothing around it: what a chat hands to a template is text/chat's. It is finished and frozen: templates are compared
// with jinja2, so that only a difference from it is a reason for a change.
#pragma once
#include "jinja/clock.hpp"
#include "jinja/tree.hpp"

namespace weft::detail::jinja {

/// The variables of one scope while it runs.
struct Frame final : Object {
    Frame(Meter* meter, std::shared_ptr<Frame> around, size_t slots)
        : Object(meter, sizeof(Frame) + slots * sizeof(Value), 0), around(std::move(around)), slots(slots) {}
    std::string_view type_name() const override { return "frame"; }
    void release() override {
        slots.clear();
        around.reset();
    }
    std::shared_ptr<Frame> around;
    std::vector<Value> slots;
};

class Loop;

class Interpreter {
public:
    Interpreter(const Template& tree, const Limits& limits, const Clock& clock);
    ~Interpreter();

    /// Renders with these variables, which must have been made by this interpreter.
    Result<std::string> render(const Dict& variables);
    /// Set where raise_exception() ended the rendering: then the error is what the template itself says.
    bool raised() const { return raised_; }
    void set_raised() { raised_ = true; }
    /// The line of the template that was evaluated last.
    uint32_t line() const { return line_; }
    const Clock& clock() const { return clock_; }
    bool autoescape() const { return autoescape_; }

    // Values.
    Value text(std::string bytes) { return make(std::move(bytes), false); }
    Value markup(std::string bytes) { return make(std::move(bytes), true); }
    Value make(std::string bytes, bool markup);
    Value list(std::vector<Value> items) {
        return Value(Kind::list, std::make_shared<List>(&meter_, std::move(items), "list"));
    }
    Value tuple(std::vector<Value> items, std::string_view type = "tuple") {
        return Value(Kind::tuple, std::make_shared<List>(&meter_, std::move(items), type));
    }
    Value dict(std::shared_ptr<Dict> made) { return Value(Kind::dict, std::move(made)); }
    std::shared_ptr<Dict> new_dict() { return std::make_shared<Dict>(&meter_); }
    Value undefined(std::string message) {
        return Value(Kind::undefined, std::make_shared<Undefined>(&meter_, std::move(message)));
    }
    template <class T, class... Args>
    Value object(Args&&... args) {
        return Value(Kind::object, std::make_shared<T>(&meter_, std::forward<Args>(args)...));
    }
    /// Keeps an object that templates write to until the end, where it gives up what it refers to.
    void keep(const std::shared_ptr<Object>& object) {
        if (kept_.empty() || kept_.back() != object) kept_.push_back(object);
    }

    /// Counts work; fails once the limits on work, memory or nesting are passed. Whatever loops calls it.
    Status step(uint64_t units = 1) {
        work_ += units;
        return work_ <= limits_.work && meter_.bytes <= limits_.memory && meter_.deepest <= kDeepestValue
                   ? Status(Ok{})
                   : Status(exhausted());
    }
    /// Fails if `bytes` more would pass the limit on memory. For what is about to be made at once.
    Status room(uint64_t bytes) const;
    /// count * each, checked.
    Status room(uint64_t count, uint64_t each) const;

    /// Calls anything that can be called.
    Result<Value> call(const Value& callee, Arguments arguments);
    Result<Value> filter(const std::string& name, Arguments arguments);
    Result<Value> test(const std::string& name, Arguments arguments);

    /// One evaluation within another, or one level of a recursion over values; check() before going deeper.
    class Nested {
    public:
        explicit Nested(Interpreter& in) : in_(in) { ++in_.depth_; }
        ~Nested() { --in_.depth_; }
        Status check() const {
            return in_.depth_ <= in_.limits_.depth ? Status(Ok{}) : Status(failure("maximum recursion depth exceeded"));
        }

    private:
        Interpreter& in_;
    };

    /// What a macro gives, called with these arguments (macros.cpp).
    Result<Value> call_macro(const MacroBody& macro, const std::shared_ptr<Frame>& around, Arguments arguments);
    /// The text of one more level of a recursive loop (loops.cpp).
    Result<Value> recurse(const For& loop, const std::shared_ptr<Frame>& around, const Value& items, uint32_t depth);

private:
    enum class Flow { next, broken, continued };
    using FramePtr = std::shared_ptr<Frame>;

    Error exhausted() const;

    // Statements (statements.cpp, loops.cpp, macros.cpp).
    Result<Flow> run(const Body& body, const FramePtr& frame);
    Result<Flow> run(const Statement& statement, const FramePtr& frame);
    Result<Flow> run(const Text& s, const FramePtr& frame);
    Result<Flow> run(const Output& s, const FramePtr& frame);
    Result<Flow> run(const If& s, const FramePtr& frame);
    Result<Flow> run(const For& s, const FramePtr& frame);
    Result<Flow> run(const Set& s, const FramePtr& frame);
    Result<Flow> run(const SetBlock& s, const FramePtr& frame);
    Result<Flow> run(const DefineMacro& s, const FramePtr& frame);
    Result<Flow> run(const CallBlock& s, const FramePtr& frame);
    Result<Flow> run(const FilterBlock& s, const FramePtr& frame);
    /// Runs a block's body into a text of its own, then `then` with the frame inside and the text.
    template <class Block, class Then>
    Result<Flow> run_into_text(const Block& s, const FramePtr& frame, Then then);
    Result<Flow> run(const With& s, const FramePtr& frame);
    Result<Flow> run(const Autoescape& s, const FramePtr& frame);
    Result<Flow> run(const Block& s, const FramePtr& frame);
    Result<Flow> run(const Jump& s, const FramePtr& frame);
    Result<Flow> loop(const For& s, const FramePtr& frame, const Value& items, uint32_t depth);
    Result<Flow> iterate(const For& s, const FramePtr& frame, const std::shared_ptr<Loop>& variable, bool& completed);
    Value define(const MacroBody& macro, const FramePtr& frame);

    FramePtr enter(const Scope& scope, const FramePtr& around);
    Value context(const std::string& name) const;
    Status assign(const Target& target, Value value, const FramePtr& frame);
    Status assign_one(const Target& target, Value value, const FramePtr& frame);
    Status unpack(const Target& target, const Value& value, const FramePtr& frame);
    Value& slot(Slot slot, const FramePtr& frame) const;

    // Output goes to the innermost buffer.
    struct Buffer {
        Interpreter& in;
        std::string text;
        std::string* around;
        explicit Buffer(Interpreter& in) : in(in), around(std::exchange(in.out_, &text)) {}
        ~Buffer();
        std::string close(); ///< what was written
    };
    Status write(std::string_view text);
    Status write(const Value& value);

    // Expressions (expressions.cpp).
    Result<Value> value(const Ref& e, const FramePtr& frame) { return value(*e, frame); }
    Result<Value> value(const Expression& e, const FramePtr& frame);
    Result<Value> value(const Literal& e, const FramePtr&) { return e.value; }
    Result<Value> value(const Name& e, const FramePtr& frame);
    Result<Value> value(const Sequence& e, const FramePtr& frame);
    Result<Value> value(const Mapping& e, const FramePtr& frame);
    Result<Value> value(const Unary& e, const FramePtr& frame);
    Result<Value> value(const Binary& e, const FramePtr& frame);
    Result<Value> value(const Logical& e, const FramePtr& frame);
    Result<Value> value(const Comparison& e, const FramePtr& frame);
    Result<Value> value(const Concatenation& e, const FramePtr& frame);
    Result<Value> value(const Conditional& e, const FramePtr& frame);
    Result<Value> value(const Attribute& e, const FramePtr& frame);
    Result<Value> value(const Item& e, const FramePtr& frame);
    Result<Value> value(const Slice& e, const FramePtr& frame);
    Result<Value> value(const Call& e, const FramePtr& frame) { return call(e, frame, Value()); }
    Result<Value> value(const Applied& e, const FramePtr& frame);
    Result<Value> call(const Call& e, const FramePtr& frame, Value caller);
    Result<Value> apply(const Applied& e, const FramePtr& frame, std::optional<Value> input);
    /// The value of a filter whose innermost input is `text`: of filter blocks and set blocks.
    Result<Value> filtered(const Expression& e, const FramePtr& frame, Value text);
    Status add_arguments(const CallArguments& given, const FramePtr& frame, Arguments& out);

    const Template& tree_;
    const Limits limits_;
    const Clock clock_;
    Meter meter_;
    uint64_t work_ = 0;
    uint32_t depth_ = 0, line_ = 1;
    bool raised_ = false, autoescape_ = false;
    const Dict* variables_ = nullptr;
    FramePtr root_;
    std::string* out_ = nullptr;
    std::vector<std::shared_ptr<Object>> kept_;
};

} // namespace weft::detail::jinja
