// SPDX-License-Identifier: Apache-2.0
// L0: the objects of templates beyond plain data: ranges, views of dicts, namespaces,
// cyclers, macros, the loop variable.
#pragma once
#include "jinja/access.hpp"
#include "jinja/interpreter.hpp"

namespace weft::detail::jinja {

class Range final : public Object {
public:
    Range(Meter* meter, int64_t start, int64_t stop, int64_t step);
    int64_t length() const { return length_; }
    int64_t at(int64_t index) const { return start_ + index * step_; }
    bool contains(int64_t value) const;
    /// A slice of it.
    Value slice(Interpreter& in, int64_t first, int64_t step, int64_t count) const;
    std::string_view type_name() const override { return "range"; }
    Status repr(Interpreter& in, std::string& out) const override;
    Result<Value> attribute(Interpreter& in, std::string_view name) override;

private:
    int64_t start_, stop_, step_, length_;
};

/// What dict.keys(), values() and items() give.
class DictView final : public Object {
public:
    enum Kind { keys, values, items };
    DictView(Meter* meter, Kind kind, Value dict)
        : Object(meter, sizeof(DictView), dict.depth() + 1), kind_(kind), dict_(std::move(dict)) {}
    Kind kind() const { return kind_; }
    const Value& source() const { return dict_; }
    const Dict& dict() const { return dict_.dict(); }
    Value at(Interpreter& in, size_t index) const;
    std::string_view type_name() const override {
        return kind_ == keys ? "dict_keys" : kind_ == values ? "dict_values" : "dict_items";
    }
    Status repr(Interpreter& in, std::string& out) const override;

private:
    Kind kind_;
    Value dict_;
};

/// namespace(): the one thing whose attributes a template may set.
class Namespace final : public Object {
public:
    explicit Namespace(Meter* meter, std::shared_ptr<Dict> values)
        : Object(meter, sizeof(Namespace), 0), values_(std::move(values)) {}
    Status set(Interpreter& in, const std::string& name, Value value);
    std::string_view type_name() const override { return "Namespace"; }
    Result<Value> attribute(Interpreter& in, std::string_view name) override;
    Status repr(Interpreter& in, std::string& out) const override;
    void release() override { values_.reset(); }

    /// An error for names that begin with an underscore, which transformers refuses.
    static Status check_name(const std::string& name);

private:
    std::shared_ptr<Dict> values_;
};

class Cycler final : public Object {
public:
    Cycler(Meter* meter, std::vector<Value> items);
    std::string_view type_name() const override { return "Cycler"; }
    Result<Value> attribute(Interpreter& in, std::string_view name) override;
    Value next();
    void reset() { at_ = 0; }

private:
    std::vector<Value> items_;
    size_t at_ = 0;
};

/// joiner(): nothing on its first call, the separator on every later one.
class Joiner final : public Object {
public:
    Joiner(Meter* meter, Value separator)
        : Object(meter, sizeof(Joiner), separator.depth() + 1), separator_(std::move(separator)) {}
    std::string_view type_name() const override { return "Joiner"; }
    bool callable() const override { return true; }
    Result<Value> call(Interpreter& in, Arguments arguments) override;

private:
    Value separator_;
    bool used_ = false;
};

/// A macro, or the body of a call block. Its frame is kept by the interpreter too.
class Macro final : public Object {
public:
    Macro(Meter* meter, const MacroBody& body, std::shared_ptr<Frame> around)
        : Object(meter, sizeof(Macro), 0), body_(body), around_(std::move(around)) {}
    std::string_view type_name() const override { return "Macro"; }
    bool callable() const override { return true; }
    Result<Value> call(Interpreter& in, Arguments arguments) override {
        return in.call_macro(body_, around_, std::move(arguments));
    }
    Result<Value> attribute(Interpreter& in, std::string_view name) override;
    Status repr(Interpreter& in, std::string& out) const override;

private:
    const MacroBody& body_;
    std::shared_ptr<Frame> around_;
};

/// The variable `loop`. Ends with its loop: what it refers to is released then.
class Loop final : public Object {
public:
    Loop(Meter* meter, const For& statement, std::shared_ptr<Frame> around, std::shared_ptr<Iterator> items,
         std::optional<int64_t> length, uint32_t depth);
    /// Takes the next item; false at the end.
    Result<bool> advance(Interpreter& in, Value& item);
    Result<int64_t> length(Interpreter& in);
    Status changed(Interpreter& in, std::vector<Value> values, bool& result);
    int64_t index() const { return index_; }
    std::string_view type_name() const override { return "LoopContext"; }
    bool callable() const override { return true; }
    Result<Value> call(Interpreter& in, Arguments arguments) override;
    Result<Value> attribute(Interpreter& in, std::string_view name) override;
    Status repr(Interpreter& in, std::string& out) const override;
    void release() override;

private:
    Result<bool> peek(Interpreter& in);

    const For& statement_;
    std::shared_ptr<Frame> around_;
    std::shared_ptr<Iterator> items_;
    std::optional<int64_t> length_;
    uint32_t depth_;
    int64_t index_ = -1;
    Value previous_, current_;
    std::optional<Value> next_;
    bool at_end_ = false;
    std::optional<std::vector<Value>> last_changed_;
};

} // namespace weft::detail::jinja
