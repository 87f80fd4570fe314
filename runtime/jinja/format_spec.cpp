// SPDX-License-Identifier: Apache-2.0
// The layout of one value.
#include "jinja/arithmetic.hpp"
#include "jinja/format.hpp"
#include "jinja/interpreter.hpp"
#include "jinja/python_text.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::jinja {
namespace {

bool is_align(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

Result<int64_t> read_count(std::string_view text, size_t& at, int64_t most) {
    int64_t value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
        value = value * 10 + (text[at] - '0');
        if (value > most) return failure("a width or precision above " + std::to_string(most) + " in a format");
    }
    return value;
}

size_t characters(std::string_view text) {
    return size_t(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string upper_ascii(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = char(c - 32);
    return text;
}

// Separators between groups of digits, counted from the point or the end.
std::string grouped(const std::string& digits, char separator, size_t group) {
    const size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
    std::string out;
    for (size_t i = 0; i < whole; ++i) {
        if (i > 0 && (whole - i) % group == 0) out += separator;
        out += digits[i];
    }
    return out + digits.substr(whole);
}

std::string_view sign_of(bool negative, char sign) {
    return negative ? "-" : sign == '+' ? "+" : sign == ' ' ? " " : "";
}

std::string digits_of(uint64_t value, uint64_t base) {
    std::string out;
    do {
        out += "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    std::reverse(out.begin(), out.end());
    return out;
}

Result<std::string> format_integer(Interpreter& in, int64_t value, const FormatSpec& spec) {
    if (spec.type == 'c') {
        if (value < 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
            return failure("%c arg not in range(0x110000)");
        std::string text;
        append_code_point(text, char32_t(value));
        return aligned(in, "", text, spec, '<');
    }
    const uint64_t base = spec.type == 'b' ? 2 : spec.type == 'o' ? 8 : (spec.type | 0x20) == 'x' ? 16 : 10;
    std::string digits = digits_of(value < 0 ? 0 - uint64_t(value) : uint64_t(value), base);
    if (spec.precision > int64_t(digits.size())) digits.insert(0, size_t(spec.precision) - digits.size(), '0');
    if (spec.grouping) digits = grouped(digits, spec.grouping, base == 10 ? 3 : 4);
    std::string sign(sign_of(value < 0, spec.sign));
    if (spec.alternate && base != 10) sign += base == 2 ? "0b" : base == 8 ? "0o" : "0x";
    return spec.type == 'X' ? aligned(in, upper_ascii(sign), upper_ascii(digits), spec, '>')
                            : aligned(in, sign, digits, spec, '>');
}

Result<std::string> format_float(Interpreter& in, double value, const FormatSpec& spec) {
    const char type = char(spec.type | 0x20);
    const double magnitude = std::abs(value);
    std::string digits;
    if (!std::isfinite(value)) {
        digits = std::isnan(value) ? "nan" : "inf";
    } else if (spec.type == '%') {
        digits = fixed_text(magnitude * 100, 'f', spec.precision < 0 ? 6 : spec.precision);
    } else if (spec.type == 0 && spec.precision < 0) {
        digits = float_text(magnitude);
    } else if (spec.type == 0) {
        digits = fixed_text(magnitude, 'g', std::max<int64_t>(spec.precision, 1));
        if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
    } else {
        const int64_t precision = spec.precision < 0 ? 6 : spec.precision;
        digits = fixed_text(magnitude, type == 'n' ? 'g' : type,
                            type == 'g' || type == 'n' ? std::max<int64_t>(precision, 1) : precision);
    }
    if (spec.type == '%') digits += '%';
    if (spec.grouping) digits = grouped(digits, spec.grouping, 3);
    if (spec.type >= 'A' && spec.type <= 'Z') digits = upper_ascii(digits);
    return aligned(in, sign_of(std::signbit(value) && !std::isnan(value), spec.sign), digits, spec, '>');
}

} // namespace

Result<std::string> aligned(Interpreter& in, std::string_view sign, std::string_view text, const FormatSpec& spec,
                            char default_align) {
    const size_t width = size_t(spec.width), length = characters(sign) + characters(text);
    if (width <= length) return std::string(sign) + std::string(text);
    weft_TRY(in.room(width * spec.fill.size() + text.size()));
    const char align = spec.align ? spec.align : default_align;
    const size_t padding = width - length, left = align == '<' ? 0 : align == '^' ? padding / 2 : padding;
    const auto fill = [&](size_t count) {
        std::string out;
        for (size_t i = 0; i < count; ++i) out += spec.fill;
        return out;
    };
    if (align == '=') return std::string(sign) + fill(padding) + std::string(text);
    return fill(left) + std::string(sign) + std::string(text) + fill(padding - left);
}

Result<FormatSpec> parse_format_spec(std::string_view text) {
    FormatSpec spec;
    size_t at = 0;
    if (!text.empty()) {
        const size_t first = code_point_at(text, 0).bytes;
        if (first < text.size() && is_align(text[first])) {
            spec.fill = text.substr(0, first);
            spec.align = text[first];
            at = first + 1;
        } else if (is_align(text[0])) {
            spec.align = text[0];
            at = 1;
        }
    }
    const auto next_is = [&](std::string_view any) { return at < text.size() && any.find(text[at]) != any.npos; };
    if (next_is("+- ")) spec.sign = text[at++];
    if (next_is("#")) spec.alternate = ++at > 0;
    if (next_is("0")) {
        ++at;
        if (!spec.align) {
            spec.align = '=';
            spec.fill = "0";
        }
    }
    weft_ASSIGN(spec.width, read_count(text, at, kWidest));
    if (next_is(",_")) spec.grouping = text[at++];
    if (next_is(".")) {
        const size_t begin = ++at;
        weft_ASSIGN(spec.precision, read_count(text, at, kMostDigits));
        if (at == begin) return failure("Format specifier missing precision");
    }
    if (at < text.size()) spec.type = text[at++];
    if (at < text.size()) return failure("Invalid format specifier '" + std::string(text) + "'");
    return spec;
}

Result<std::string> format_value(Interpreter& in, const Value& value, const FormatSpec& spec) {
    const bool is_float_type = std::string_view("eEfFgG%").find(spec.type ? spec.type : 'd') != std::string_view::npos;
    const bool is_integer_type =
        spec.type == 0 || std::string_view("bcdnoxX").find(spec.type) != std::string_view::npos;
    if (value.is_integral() && is_integer_type) {
        if (spec.precision >= 0) return failure("Precision not allowed in integer format specifier");
        return format_integer(in, value.as_integer(), spec);
    }
    if (value.is_number() && (is_float_type || (value.is(Kind::real) && (spec.type == 0 || spec.type == 'n'))))
        return format_float(in, value.as_real(), spec);
    if (value.is_string() && (spec.type == 0 || spec.type == 's')) {
        if (spec.align == '=' && spec.fill != "0")
            return failure("'=' alignment not allowed in string format specifier");
        FormatSpec plain = spec;
        if (spec.align == '=') plain.align = '<';
        const String& text = value.string();
        const size_t length = spec.precision < 0 ? text.length() : std::min(text.length(), size_t(spec.precision));
        return aligned(in, "", std::string_view(text.bytes()).substr(0, text.offset(length)), plain, '<');
    }
    if (value.is_string() || value.is_number())
        return failure("Unknown format code '" + std::string(1, spec.type) + "' for object of type '" +
                       std::string(value.type_name()) + "'");
    return failure("unsupported format string passed to " + std::string(value.type_name()) + ".__format__");
}

} // namespace weft::detail::jinja
