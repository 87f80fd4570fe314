// SPDX-License-Identifier: Apache-2.0
#include "jinja/strings.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <utf8proc.h>

namespace weft::detail::jinja {
namespace {

constexpr size_t kShortNeedle = 8; // up to here the plain search is at most so many times slower than linear

utf8proc_category_t category(char32_t c) { return utf8proc_category(int32_t(c)); }

// Knuth, Morris and Pratt. Random-access iterators, so that it searches from either end.
template <class It>
size_t find_linear(It text, size_t text_size, It what, size_t what_size) {
    std::vector<size_t> border(what_size + 1, 0); // of each prefix, its longest proper prefix that is a suffix too
    for (size_t i = 1, k = 0; i < what_size; ++i) {
        while (k > 0 && what[ptrdiff_t(i)] != what[ptrdiff_t(k)]) k = border[k];
        if (what[ptrdiff_t(i)] == what[ptrdiff_t(k)]) ++k;
        border[i + 1] = k;
    }
    for (size_t i = 0, k = 0; i < text_size; ++i) {
        while (k > 0 && text[ptrdiff_t(i)] != what[ptrdiff_t(k)]) k = border[k];
        if (text[ptrdiff_t(i)] == what[ptrdiff_t(k)]) ++k;
        if (k == what_size) return i + 1 - what_size;
    }
    return std::string_view::npos;
}

} // namespace

bool is_space(char32_t c) { return is_white_space(c) || (c >= 0x1c && c <= 0x1f); }

bool is_printable(char32_t c) {
    if (c < 0x7f) return c >= 0x20;
    switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS: return false;
    default: return true;
    }
}

bool is_line_end(char32_t c) {
    return (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_letter(char32_t c) {
    const auto of = category(c);
    return of >= UTF8PROC_CATEGORY_LU && of <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) { return c < 0x80 ? c >= '0' && c <= '9' : category(c) == UTF8PROC_CATEGORY_ND; }

bool is_digit(char32_t c) {
    if (is_decimal(c)) return true;
    static constexpr char32_t ranges[][2] = {
        {0xb2, 0xb3},     {0xb9, 0xb9},       {0x1369, 0x1371},   {0x19da, 0x19da},   {0x2070, 0x2070},
        {0x2074, 0x2079}, {0x2080, 0x2089},   {0x2460, 0x2468},   {0x2474, 0x247c},   {0x2488, 0x2490},
        {0x24ea, 0x24ea}, {0x24f5, 0x24fd},   {0x24ff, 0x24ff},   {0x2776, 0x277e},   {0x2780, 0x2788},
        {0x278a, 0x2792}, {0x10a40, 0x10a43}, {0x10e60, 0x10e68}, {0x11052, 0x1105a}, {0x1f100, 0x1f10a}};
    return std::any_of(std::begin(ranges), std::end(ranges), [&](const auto& r) { return c >= r[0] && c <= r[1]; });
}

bool is_upper(char32_t c) { return c < 0x80 ? c >= 'A' && c <= 'Z' : utf8proc_isupper(int32_t(c)) != 0; }
bool is_lower(char32_t c) { return c < 0x80 ? c >= 'a' && c <= 'z' : utf8proc_islower(int32_t(c)) != 0; }
bool is_title(char32_t c) { return c >= 0x80 && category(c) == UTF8PROC_CATEGORY_LT; }

int digit_value(char32_t c) {
    if (c < 0x80) return c >= '0' && c <= '9' ? int(c - '0') : -1;
    if (!is_decimal(c)) return -1;
    int value = 0; // decimals stand in runs of ten, from 0 to 9
    while (value < 9 && is_decimal(c - char32_t(value) - 1)) ++value;
    return c >= 0x1d7ce && c <= 0x1d7ff ? int((c - 0x1d7ce) % 10) : value;
}

size_t leading_space(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        const CodePoint c = code_point_at(text, at);
        if (!is_space(c.value)) break;
        at += c.bytes;
    }
    return at;
}

size_t trailing_space(std::string_view text) {
    size_t end = text.size();
    while (end > 0) {
        const CodePoint c = code_point_before(text, end);
        if (!is_space(c.value)) break;
        end -= c.bytes;
    }
    return text.size() - end;
}

std::string_view stripped(std::string_view text) {
    text.remove_prefix(leading_space(text));
    text.remove_suffix(trailing_space(text));
    return text;
}

size_t find_text(std::string_view in, std::string_view what, size_t from) {
    if (from > in.size()) return in.npos;
    if (what.size() <= kShortNeedle) return in.find(what, from);
    const size_t found = find_linear(in.data() + from, in.size() - from, what.data(), what.size());
    return found == in.npos ? found : found + from;
}

size_t rfind_text(std::string_view in, std::string_view what) {
    if (what.size() <= kShortNeedle) return in.rfind(what);
    const size_t found = find_linear(in.rbegin(), in.size(), what.rbegin(), what.size());
    return found == in.npos ? found : in.size() - found - what.size();
}

size_t count_text(std::string_view in, std::string_view what) {
    size_t count = 0;
    for (size_t at = 0; (at = find_text(in, what, at)) != in.npos; at += what.size()) ++count;
    return count;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
    std::vector<std::string_view> lines;
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        size_t next = at + c.bytes;
        if (is_line_end(c.value)) {
            if (c.value == '\r' && next < text.size() && text[next] == '\n') ++next;
            lines.push_back(text.substr(begin, (keep_ends ? next : at) - begin));
            begin = next;
        }
        at = next;
    }
    if (begin < text.size()) lines.push_back(text.substr(begin));
    return lines;
}

} // namespace weft::detail::jinja
