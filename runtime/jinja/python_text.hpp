// SPDX-License-Identifier: Apache-2.0
// L0: values as text: Python's str() and repr(), and json.dumps().
#pragma once
#include "jinja/value.hpp"

namespace weft::detail::jinja {

Status append_str(Interpreter& in, std::string& out, const Value& value);
Status append_repr(Interpreter& in, std::string& out, const Value& value);
Result<std::string> str(Interpreter& in, const Value& value);
Result<std::string> repr(Interpreter& in, const Value& value);
/// The repr() of text: in quotes, with escapes for what cannot be printed.
void append_quoted(std::string& out, std::string_view text);
/// The shortest text that reads back as the same number, in Python's form: 1.0, 1e-07, 1e+20, inf.
std::string float_text(double value);

struct JsonStyle {
    bool ensure_ascii = false, sort_keys = false;
    std::optional<std::string> indent;
    std::string item_separator = ", ", key_separator = ": ";
};
Status append_json(Interpreter& in, std::string& out, const Value& value, const JsonStyle& style);
void append_json_string(std::string& out, std::string_view text, bool ensure_ascii);

} // namespace weft::detail::jinja
