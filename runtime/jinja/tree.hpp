// SPDX-License-Identifier: Apache-2.0
// L0: a parsed template: statements and expressions as plain data. Immutable once the scopes are bound,
// so any number of threads may render it.
#pragma once
#include "jinja/value.hpp"
#include <variant>

namespace weft::detail::jinja {

struct Builtin;
struct Expression;
struct Statement;
using Ref = std::unique_ptr<Expression>; ///< null where an expression is left out
using Body = std::vector<Statement>;

/// A variable: how many scopes out, and which of that scope's slots.
struct Slot {
    uint32_t up = 0, index = 0;
};

/// What the slots of a scope hold when it is entered.
struct SlotPlan {
    enum Start {
        missing,
        context,
        copy
    } start = missing; ///< nothing; what the context has under the name; what an outer slot holds
    std::string name;
    Slot from; ///< of copy, seen from the scope around
};
struct Scope {
    std::vector<SlotPlan> slots;
};

enum class UnaryOp : uint8_t { negative, positive, logical_not };
enum class BinaryOp : uint8_t { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class CompareOp : uint8_t { equal, unequal, less, less_equal, greater, greater_equal, in, not_in };

struct CallArguments {
    std::vector<Ref> positional;
    std::vector<std::pair<std::string, Ref>> keyword;
    Ref more_positional, more_keyword; ///< *list, **dict
};

struct Literal {
    Value value;
};
struct Name {
    std::string name;
    Slot slot;
};
struct Sequence {
    bool tuple = false;
    std::vector<Ref> items;
};
struct Mapping {
    std::vector<std::pair<Ref, Ref>> items;
};
struct Unary {
    UnaryOp op;
    Ref operand;
};
struct Binary {
    BinaryOp op;
    Ref left, right;
};
struct Logical {
    bool is_and;
    Ref left, right;
};
struct Comparison {
    Ref first;
    std::vector<std::pair<CompareOp, Ref>> rest;
};
struct Concatenation {
    std::vector<Ref> parts;
};
struct Conditional {
    Ref test, then, otherwise;
};
struct Attribute {
    Ref object;
    std::string name;
};
struct Item {
    Ref object, key;
};
struct Slice {
    Ref object, start, stop, step;
};
struct Call {
    Ref callee;
    CallArguments arguments;
};
/// A filter or a test. `input` is null for the text of a filter block; `builtin` is null for an unknown name,
/// which is an error only where it runs.
struct Applied {
    bool is_test = false;
    Ref input;
    std::string name;
    CallArguments arguments;
    const Builtin* builtin = nullptr;
};

struct Expression {
    uint32_t line = 0;
    uint32_t depth = 0; ///< of the tree below; bounded, as evaluation and destruction recurse
    std::variant<Literal, Name, Sequence, Mapping, Unary, Binary, Logical, Comparison, Concatenation, Conditional,
                 Attribute, Item, Slice, Call, Applied>
        node;
};

/// Where an assignment goes: a name, a name of a namespace (`attribute` set), or several targets.
struct Target {
    uint32_t line = 0;
    std::string name, attribute;
    Slot slot;
    std::vector<Target> parts;
    bool is_tuple = false;
};

/// The parameters and body of a macro or a call block.
struct MacroBody {
    struct Parameter {
        std::string name;
        uint32_t slot = 0;
        Ref value;
    };
    std::string name; ///< empty: of a call block
    std::vector<Parameter> parameters;
    std::optional<uint32_t> caller, varargs, kwargs; ///< slots, where the body mentions them
    Scope scope;
    Body body;
};

struct Text {
    std::string text;
};
struct Output {
    std::vector<Ref> values;
};
struct If {
    std::vector<std::pair<Ref, Body>> branches;
    Body otherwise;
};
struct For {
    Target target, test_target;
    Ref items, test;
    bool recursive = false;
    std::optional<uint32_t> loop;
    Scope scope, test_scope, else_scope;
    Body body, otherwise;
};
struct Set {
    Target target;
    Ref value;
};
struct SetBlock {
    Target target;
    Ref filter;
    Scope scope;
    Body body;
};
struct DefineMacro {
    Target target;
    MacroBody macro;
};
struct CallBlock {
    Ref call;
    MacroBody caller;
};
struct FilterBlock {
    Ref filter;
    Scope scope;
    Body body;
};
struct With {
    std::vector<std::pair<Target, Ref>> values;
    Scope scope;
    Body body;
};
struct Autoescape {
    Ref on;
    Scope scope;
    Body body;
};
/// {% block %} and {% generation %}: rendered where they stand. A block does not see the loop variables
/// and locals around it unless it is scoped.
struct Block {
    bool isolated = false;
    Scope scope;
    Body body;
};
struct Jump {
    bool is_break = false;
};

struct Statement {
    uint32_t line = 0;
    std::variant<Text, Output, If, For, Set, SetBlock, DefineMacro, CallBlock, FilterBlock, With, Autoescape, Block,
                 Jump>
        node;
};

struct Template {
    Scope scope;
    Body body;
    std::unordered_map<std::string, uint32_t> exported; ///< the slots by name, where blocks look into them
};

} // namespace weft::detail::jinja
