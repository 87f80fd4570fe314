// SPDX-License-Identifier: Apache-2.0
#include "jinja/literals.hpp"
#include "jinja/arithmetic.hpp"
#include "jinja/lexer.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <charconv>

namespace weft::detail::jinja {
namespace {

bool is_digit(char c, int base) {
    if (base == 16) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    return c >= '0' && c < char('0' + base);
}

// Where a run of digits ends that may have single underscores between them
// (and, after a prefix as 0x, before the first).
size_t after_digits(std::string_view s, size_t at, int base, bool leading_underscore) {
    size_t end = at;
    for (;;) {
        size_t i = end;
        if ((end > at || leading_underscore) && i < s.size() && s[i] == '_') ++i;
        if (i >= s.size() || !is_digit(s[i], base)) return end;
        end = i + 1;
    }
}

std::string without_underscores(std::string_view s) {
    std::string out;
    for (const char c : s)
        if (c != '_') out += c;
    return out;
}

// The end of a float that begins at 0, or 0.
size_t real_end(std::string_view s) {
    const size_t whole = after_digits(s, 0, 10, false);
    size_t end = whole;
    if (end < s.size() && s[end] == '.') {
        const size_t fraction = after_digits(s, end + 1, 10, false);
        if (fraction > end + 1) end = fraction;
    }
    if (end < s.size() && (s[end] == 'e' || s[end] == 'E')) {
        size_t digits = end + 1;
        if (digits < s.size() && (s[digits] == '+' || s[digits] == '-')) ++digits;
        const size_t exponent = after_digits(s, digits, 10, false);
        if (exponent > digits) end = exponent;
    }
    return end > whole ? end : 0;
}

// The character that `digits` hexadecimal digits at `at` name.
Result<char32_t> hexadecimal(std::string_view s, size_t at, size_t digits, uint32_t line) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(s.data() + at, s.data() + std::min(s.size(), at + digits), value, 16);
    if (error != std::errc() || end != s.data() + at + digits)
        return at_line(line, "an escape in the string lacks hexadecimal digits");
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return at_line(line, "an escape in the string is not a character");
    return char32_t(value);
}

} // namespace

Result<Number> read_number(std::string_view source, bool may_be_real, uint32_t line) {
    Number found;
    if (may_be_real) {
        if (const size_t end = real_end(source)) {
            const std::string digits = without_underscores(source.substr(0, end));
            found.is_real = true;
            found.bytes = end;
            found.real = read_decimal(digits).value_or(0);
            return found;
        }
    }
    int base = 10;
    size_t digits = 0;
    if (source[0] == '0' && source.size() > 1) {
        const char c = char(source[1] | 0x20);
        const int named = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
        if (named != 10 && after_digits(source, 2, named, true) > 2) {
            base = named;
            digits = 2;
        }
    }
    found.bytes = after_digits(source, digits, base, base != 10);
    if (base == 10 && source[0] == '0') { // zeros are one number, and other digits after them begin the next
        size_t zeros = 1;
        while (zeros < found.bytes && (source[zeros] == '0' || (source[zeros] == '_' && source[zeros + 1] == '0')))
            ++zeros;
        found.bytes = zeros;
    }
    const std::string text = without_underscores(source.substr(digits, found.bytes - digits));
    if (std::from_chars(text.data(), text.data() + text.size(), found.integer, base).ec != std::errc())
        return at_line(line, "the integer does not fit 64 bits");
    return found;
}

Result<std::string> unescape(std::string_view s, uint32_t line) {
    std::string out;
    for (size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '\\' || i + 1 == s.size()) {
            out += s[i];
            continue;
        }
        const char c = s[++i];
        if (c == '\n') continue;
        constexpr std::string_view kNames = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
        if (const size_t known = kNames.find(c); known != kNames.npos) {
            out += kMeanings[known];
        } else if (c == 'x' || c == 'u' || c == 'U') {
            const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
            weft_ASSIGN(const char32_t point, hexadecimal(s, i + 1, digits, line));
            append_code_point(out, point);
            i += digits;
        } else if (c >= '0' && c <= '7') {
            char32_t value = 0;
            size_t end = i;
            while (end < s.size() && end < i + 3 && s[end] >= '0' && s[end] <= '7')
                value = value * 8 + char32_t(s[end++] - '0');
            append_code_point(out, value);
            i = end - 1;
        } else if (c == 'N') {
            return at_line(line, "names of characters (\\N{...}) in strings are not supported");
        } else {
            out += '\\';
            out += c;
        }
    }
    return out;
}

} // namespace weft::detail::jinja
