// SPDX-License-Identifier: Apache-2.0
#include "jinja/python_text.hpp"
#include "jinja/interpreter.hpp"
#include "jinja/strings.hpp"
#include "unicode/utf8.hpp"
#include <charconv>
#include <cmath>
#include <utility>

namespace weft::detail::jinja {
namespace {

Status append_items(Interpreter& in, std::string& out, const std::vector<Value>& items) {
    for (size_t i = 0; i < items.size(); ++i) {
        if (i > 0) out += ", ";
        weft_TRY(append_repr(in, out, items[i]));
    }
    return Ok{};
}

void append_escape(std::string& out, char32_t c) {
    static constexpr char digits[] = "0123456789abcdef";
    const int length = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
    out += '\\';
    out += length == 2 ? 'x' : length == 4 ? 'u' : 'U';
    for (int shift = 4 * (length - 1); shift >= 0; shift -= 4) out += digits[(c >> shift) & 15];
}

} // namespace

std::string float_text(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    char buffer[40];
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    const std::string_view text(buffer, size_t(result.ptr - buffer));
    const size_t e = text.find('e');
    int exponent = 0;
    std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), text.data() + text.size(), exponent);
    std::string digits;
    for (const char c : text.substr(0, e))
        if (c >= '0' && c <= '9') digits += c;
    std::string out = text[0] == '-' ? "-" : "";
    if (exponent < -4 || exponent >= 16) {
        out += digits[0];
        if (digits.size() > 1) out += "." + digits.substr(1);
        const std::string power = std::to_string(std::abs(exponent));
        return out + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
    }
    if (exponent < 0) return out + "0." + std::string(size_t(-exponent - 1), '0') + digits;
    if (digits.size() <= size_t(exponent) + 1)
        return out + digits + std::string(size_t(exponent) + 1 - digits.size(), '0') + ".0";
    return out + digits.substr(0, size_t(exponent) + 1) + "." + digits.substr(size_t(exponent) + 1);
}

void append_quoted(std::string& out, std::string_view text) {
    const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
    out += quote;
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        at += c.bytes;
        if (c.value == char32_t(quote) || c.value == '\\') {
            out += '\\';
            out += char(c.value);
        } else if (c.value == '\n') {
            out += "\\n";
        } else if (c.value == '\r') {
            out += "\\r";
        } else if (c.value == '\t') {
            out += "\\t";
        } else if (!is_printable(c.value)) {
            append_escape(out, c.value);
        } else {
            append_code_point(out, c.value);
        }
    }
    out += quote;
}

Status append_str(Interpreter& in, std::string& out, const Value& value) {
    if (value.is_string()) {
        out += value.text();
        return in.step(value.text().size() / 64);
    }
    if (value.is_undefined()) return Ok{};
    return append_repr(in, out, value);
}

Status append_repr(Interpreter& in, std::string& out, const Value& value) {
    Interpreter::Nested nested(in);
    weft_TRY(nested.check());
    weft_TRY(in.step());
    weft_TRY(in.room(out.size()));
    switch (value.kind()) {
    case Kind::missing:
    case Kind::none: out += "None"; return Ok{};
    case Kind::undefined: out += "Undefined"; return Ok{};
    case Kind::boolean: out += value.as_boolean() ? "True" : "False"; return Ok{};
    case Kind::integer: out += std::to_string(value.as_integer()); return Ok{};
    case Kind::real: out += float_text(value.as_real()); return Ok{};
    case Kind::string:
        if (value.string().markup()) out += "Markup(";
        append_quoted(out, value.text());
        if (value.string().markup()) out += ')';
        return in.step(value.text().size() / 64);
    case Kind::list:
        out += '[';
        weft_TRY(append_items(in, out, value.list().items()));
        out += ']';
        return Ok{};
    case Kind::tuple:
        out += '(';
        weft_TRY(append_items(in, out, value.list().items()));
        out += value.list().items().size() == 1 ? ",)" : ")";
        return Ok{};
    case Kind::dict: {
        out += '{';
        bool first = true;
        for (const auto& [key, item] : value.dict().items()) {
            if (!std::exchange(first, false)) out += ", ";
            weft_TRY(append_repr(in, out, key));
            out += ": ";
            weft_TRY(append_repr(in, out, item));
        }
        out += '}';
        return Ok{};
    }
    case Kind::object: break;
    }
    return value.object()->repr(in, out);
}

Result<std::string> str(Interpreter& in, const Value& value) {
    std::string out;
    weft_TRY(append_str(in, out, value));
    return out;
}

Result<std::string> repr(Interpreter& in, const Value& value) {
    std::string out;
    weft_TRY(append_repr(in, out, value));
    return out;
}

} // namespace weft::detail::jinja
