// SPDX-License-Identifier: Apache-2.0
// Upper, lower and title case of whole texts.
#include "jinja/special_case.hpp"
#include "jinja/strings.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <cstdlib>
#include <utf8proc.h>

namespace weft::detail::jinja {
namespace {

const SpecialCase* special(char32_t c) {
    const auto* found = std::lower_bound(std::begin(kSpecialCases), std::end(kSpecialCases), c,
                                         [](const SpecialCase& s, char32_t x) { return s.c < x; });
    return found != std::end(kSpecialCases) && found->c == c ? found : nullptr;
}

void append_all(std::string& out, const char32_t (&points)[3]) {
    for (const char32_t c : points)
        if (c) append_code_point(out, c);
}

void append_upper(std::string& out, char32_t c) {
    if (c < 0x80) out += char(c >= 'a' && c <= 'z' ? c - 32 : c);
    else if (const SpecialCase* s = special(c)) append_all(out, s->upper);
    else append_code_point(out, char32_t(utf8proc_toupper(int32_t(c))));
}

void append_title(std::string& out, char32_t c) {
    if (c < 0x80) append_upper(out, c);
    else if (const SpecialCase* s = special(c)) append_all(out, s->title);
    else append_code_point(out, char32_t(utf8proc_totitle(int32_t(c))));
}

bool is_cased(char32_t c) { return is_upper(c) || is_lower(c) || is_title(c); }

bool is_case_ignorable(char32_t c) {
    switch (utf8proc_category(int32_t(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default:
        return std::u32string_view(
                   U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a")
                   .find(c) != std::u32string_view::npos;
    }
}

// Whether the sigma at `at` (two bytes) ends a word.
bool is_final_sigma(std::string_view text, size_t at) {
    size_t before = at;
    char32_t c = 0;
    while (before > 0) {
        const CodePoint point = code_point_before(text, before);
        c = point.value;
        if (!is_case_ignorable(c)) break;
        before -= point.bytes;
    }
    if (before == 0 || !is_cased(c)) return false;
    for (size_t after = at + 2; after < text.size();) {
        const CodePoint point = code_point_at(text, after);
        if (!is_case_ignorable(point.value)) return !is_cased(point.value);
        after += point.bytes;
    }
    return true;
}

void append_lower_at(std::string& out, std::string_view text, size_t at, char32_t c) {
    if (c == 0x3a3) append_code_point(out, is_final_sigma(text, at) ? 0x3c2 : 0x3c3);
    else append_lower(out, c);
}

// Calls `each` with every character and its offset.
template <class Each>
std::string mapped(std::string_view text, const Each& each) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        each(out, c.value, at);
        at += c.bytes;
    }
    return out;
}

} // namespace

std::string upper_case(std::string_view text) {
    return mapped(text, [](std::string& out, char32_t c, size_t) { append_upper(out, c); });
}

std::string lower_case(std::string_view text) {
    return mapped(text, [&](std::string& out, char32_t c, size_t at) { append_lower_at(out, text, at, c); });
}

std::string capitalized(std::string_view text) {
    return mapped(text, [&](std::string& out, char32_t c, size_t at) {
        if (at == 0) append_title(out, c);
        else append_lower_at(out, text, at, c);
    });
}

std::string title_case(std::string_view text) {
    bool in_word = false;
    return mapped(text, [&](std::string& out, char32_t c, size_t at) {
        if (in_word) append_lower_at(out, text, at, c);
        else append_title(out, c);
        in_word = is_cased(c);
    });
}

std::string swapped_case(std::string_view text) {
    return mapped(text, [&](std::string& out, char32_t c, size_t at) {
        if (is_upper(c)) append_lower_at(out, text, at, c);
        else if (is_lower(c)) append_upper(out, c);
        else append_code_point(out, c);
    });
}

std::string folded_case(std::string_view text) {
    utf8proc_uint8_t* folded = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   utf8proc_ssize_t(text.size()), &folded, UTF8PROC_CASEFOLD);
    if (size < 0) return std::string(text);
    std::string out(reinterpret_cast<const char*>(folded), size_t(size));
    std::free(folded);
    return out;
}

} // namespace weft::detail::jinja
