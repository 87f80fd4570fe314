// SPDX-License-Identifier: Apache-2.0
// L0: the functions that templates find ready: filters, tests, global functions, and the methods of text, lists and
// dicts. Each is a row of a table: name, parameters, what it does.
#pragma once
#include "jinja/interpreter.hpp"
#include <initializer_list>
#include <span>

namespace weft::detail::jinja {

/// A row. When `run` is called, `arguments.positional` has one value a parameter, `missing` where
/// none was given and none is required.
/// A last parameter "*" takes all further positional and keyword arguments as they come.
struct Builtin {
    using Run = Result<Value> (*)(Interpreter& in, Arguments& arguments);
    std::string_view name;
    std::vector<std::string_view> parameters;
    size_t required;
    Run run;
};
using Table = std::span<const Builtin>;

// The tables; one file each.
Table text_filters();
Table sequence_filters();
Table number_filters();
Table choice_filters();
Table value_tests();
Table global_functions();
Table string_search_methods();
Table string_case_methods();
Table string_layout_methods();
Table container_methods(Kind kind);

const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
/// A method of text, a list, a tuple, a dict or a number; null if its type has none of that name.
const Builtin* find_method(const Value& of, std::string_view name);
const Builtin* find_global(std::string_view name);

/// The text whose method runs.
inline const String& self(const Arguments& arguments) { return arguments.positional[0].string(); }

/// Binds `arguments` to the row's parameters and runs it.
Result<Value> call_builtin(Interpreter& in, const Builtin& builtin, Arguments arguments);

/// A function as a value: a global one, or a method with the value that it belongs to.
class Function final : public Object {
public:
    Function(Meter* meter, const Builtin& builtin, Value self)
        : Object(meter, sizeof(Function), self.depth() + 1), builtin_(builtin), self_(std::move(self)) {}
    std::string_view type_name() const override { return "builtin_function_or_method"; }
    bool callable() const override { return true; }
    Result<Value> call(Interpreter& in, Arguments arguments) override;
    Result<Value> attribute(Interpreter& in, std::string_view name) override;
    Status repr(Interpreter& in, std::string& out) const override;

private:
    const Builtin& builtin_;
    Value self_;
};

// Shared by methods and filters.
/// text.replace(from, to, most); `most` below 0: all.
Result<std::string> replaced(Interpreter& in, std::string_view text, std::string_view from, std::string_view to,
                             int64_t most);
/// text.center(width, fill).
Result<Value> centered(Interpreter& in, const Value& text, int64_t width, const std::string& fill);

// Reading arguments; each message names the function's own parameter.
Result<int64_t> integer_argument(const Value& value, std::string_view what);
Result<std::string> text_argument(const Value& value, std::string_view what);
/// The argument, or `otherwise` where it is not given or None.
Result<int64_t> integer_or(const Value& value, int64_t otherwise, std::string_view what);
bool flag_or(const Value& value, bool otherwise);

} // namespace weft::detail::jinja
