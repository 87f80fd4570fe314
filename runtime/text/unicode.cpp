// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.hpp"
#include "text/utf8.hpp"
#include <algorithm>
#include <utf8proc.h>
#include <vector>

namespace weft::text {
namespace {

bool is_ascii(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

int combining_class(int32_t c) { return utf8proc_get_property(c)->combining_class; }

void decompose(char32_t c, bool compatibility, std::vector<int32_t>& out) {
    const auto options = utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0));
    int32_t parts[32]; // the longest decomposition has 18
    int boundary = 0;
    const auto count = utf8proc_decompose_char(int32_t(c), parts, 32, options, &boundary);
    if (count <= 0 || count > 32) out.push_back(int32_t(c));
    else out.insert(out.end(), parts, parts + count);
}

// Each run of marks with a class above 0, in order of class. Sorted, not bubbled as utf8proc does: a long run must not be quadratic.
void reorder_marks(std::vector<int32_t>& points) {
    for (size_t i = 0; i < points.size();) {
        if (combining_class(points[i]) == 0) {
            ++i;
            continue;
        }
        size_t end = i + 1;
        while (end < points.size() && combining_class(points[end]) != 0) ++end;
        std::stable_sort(points.begin() + ptrdiff_t(i), points.begin() + ptrdiff_t(end),
                         [](int32_t a, int32_t b) { return combining_class(a) < combining_class(b); });
        i = end;
    }
}

} // namespace

bool is_white_space(char32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

bool is_numeric(char32_t c) {
    if (c < 0x80) return c >= '0' && c <= '9';
    const auto category = utf8proc_category(int32_t(c));
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t c) {
    if (c < 0x80) return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    const auto category = utf8proc_category(int32_t(c));
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool is_mark(char32_t c) {
    const auto category = utf8proc_category(int32_t(c));
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

void append_lower(std::string& out, char32_t c) {
    if (c == 0x130) {
        out += "i\xcc\x87";
        return;
    }
    append_code_point(out, c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : char32_t(utf8proc_tolower(int32_t(c))));
}

std::string normalize(std::string_view text, NormalForm form) {
    if (is_ascii(text)) return std::string(text);
    const bool compatibility = form == NormalForm::kc || form == NormalForm::kd;
    std::vector<int32_t> points;
    points.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        decompose(c.value, compatibility, points);
        at += c.bytes;
    }
    reorder_marks(points);
    auto count = ptrdiff_t(points.size());
    if (form == NormalForm::c || form == NormalForm::kc) {
        count = utf8proc_normalize_utf32(points.data(), count, utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    }
    std::string out;
    out.reserve(text.size());
    for (ptrdiff_t i = 0; i < count; ++i) append_code_point(out, char32_t(points[size_t(i)]));
    return out;
}

ByteAlphabet::ByteAlphabet() {
    byte_of.fill(-1);
    char32_t next = 256; // bytes that are not printable take the characters from U+0100 on, in order
    for (int b = 0; b < 256; ++b) {
        const bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        const char32_t c = printable ? char32_t(b) : next++;
        append_code_point(text[size_t(b)], c);
        byte_of[c] = int16_t(b);
    }
}

const ByteAlphabet& ByteAlphabet::get() {
    static const ByteAlphabet alphabet;
    return alphabet;
}

void ByteAlphabet::encode(std::string_view bytes, std::string& out) const {
    for (const char b : bytes) out += text[static_cast<unsigned char>(b)];
}

std::optional<std::string> ByteAlphabet::decode(std::string_view text_in) const {
    std::string out;
    for (size_t at = 0; at < text_in.size();) {
        const CodePoint c = code_point_at(text_in, at);
        if (c.value >= byte_of.size() || byte_of[c.value] < 0) return std::nullopt;
        out += char(byte_of[c.value]);
        at += c.bytes;
    }
    return out;
}

} // namespace weft::text
