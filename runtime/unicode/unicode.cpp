// SPDX-License-Identifier: Apache-2.0
#include "unicode/unicode.hpp"
#include "unicode/unicode_scripts.hpp"
#include "unicode/unicode_versions.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <utf8proc.h>
#include <vector>

namespace weft::detail {
namespace {

bool is_new(char32_t c) {
    return std::any_of(std::begin(kNewCharacters), std::end(kNewCharacters),
                       [&](const Categorized& r) { return c >= r.first && c <= r.last; });
}

int combining_class(int32_t c) {
    const int value = utf8proc_get_property(c)->combining_class;
    return value != 0 && contains(kUnknownClasses, char32_t(c)) ? 0 : value;
}

void decompose(char32_t c, bool compatibility, std::vector<int32_t>& out) {
    if (c < 0xc0 && !compatibility) {
        out.push_back(int32_t(c));
        return;
    }
    const auto options =
        utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0));
    int32_t parts[32]; // the longest decomposition has 18
    int boundary = 0;
    const auto count = utf8proc_decompose_char(int32_t(c), parts, 32, options, &boundary);
    const bool changed = count != 1 || parts[0] != int32_t(c);
    if (count <= 0 || count > 32 || (changed && (contains(kUndecomposed, c) || is_new(c)))) out.push_back(int32_t(c));
    else out.insert(out.end(), parts, parts + count);
}

// Each run of marks with a class above 0, in order of class. Sorted, not bubbled as utf8proc does:
// a long run must not be quadratic.
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

// Composes what is decomposed and ordered. A mark whose class is not known composes with
// nothing and keeps its neighbours apart.
void compose(std::vector<int32_t>& points) {
    const auto options = utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    size_t kept = 0;
    for (size_t begin = 0; begin < points.size();) {
        size_t end = begin;
        while (end < points.size() && !contains(kUnknownClasses, char32_t(points[end]))) ++end;
        const auto count = utf8proc_normalize_utf32(points.data() + begin, ptrdiff_t(end - begin), options);
        std::copy_n(points.begin() + ptrdiff_t(begin), count, points.begin() + ptrdiff_t(kept));
        kept += size_t(count);
        if (end < points.size()) points[kept++] = points[end++];
        begin = end;
    }
    points.resize(kept);
}

} // namespace

bool is_white_space(char32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_numeric(char32_t c) {
    if (c < 0x80) return c >= '0' && c <= '9';
    const auto category = utf8proc_category(int32_t(c));
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO ||
           contains(kNewNumeric, c);
}

bool is_punctuation(char32_t c) {
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    const auto category = utf8proc_category(int32_t(c));
    if (c == 0x166d || c == 0x111c9) return true;
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO && !contains(kUnknownPunctuation, c);
}

bool is_mark(char32_t c) {
    const auto category = utf8proc_category(int32_t(c));
    if (c == 0x1cf2 || c == 0x1cf3) return true;
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME && !contains(kUnknownMarks, c);
}

bool is_nonspacing_mark(char32_t c) {
    if (c == 0x1734) return true;
    return utf8proc_category(int32_t(c)) == UTF8PROC_CATEGORY_MN && !contains(kUnknownMarks, c) &&
           !contains(kUnknownNonspacing, c);
}

bool is_other(char32_t c) {
    const auto category = utf8proc_category(int32_t(c));
    // These are younger.
    if (category == UTF8PROC_CATEGORY_CF)
        return c != 0x8e2 && c != 0x890 && c != 0x891 && c != 0x110cd && !(c >= 0x13430 && c <= 0x1343f);
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CO;
}

bool is_cjk(char32_t c) {
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

bool is_word(char32_t c) {
    if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    if (c == 0x200c || c == 0x200d) return true;
    const auto category = utf8proc_category(int32_t(c));
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) return true; // L*, M*, Nd, Nl
    if (category == UTF8PROC_CATEGORY_PC) return true;
    // The only Alphabetic characters of other categories: letters in circles and squares.
    return (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
           (c >= 0x1f170 && c <= 0x1f189) || contains(kNewWord, c);
}

void append_lower(std::string& out, char32_t c) {
    if (c == 0x130) {
        out += "i\xcc\x87";
        return;
    }
    char32_t lower = c;
    if (c < 0x80) {
        if (c >= 'A' && c <= 'Z') lower = c + 32;
    } else {
        lower = char32_t(utf8proc_tolower(int32_t(c)));
        for (const LowerRange& r : kNewLower) {
            if (lower == c && c >= r.first && c <= r.last) lower = char32_t(int(c) + r.offset);
        }
    }
    append_code_point(out, lower);
}

int script_of(char32_t c) {
    const auto* after = std::upper_bound(std::begin(kScripts), std::end(kScripts), c,
                                         [](char32_t x, const ScriptRange& r) { return x < r.first; });
    return after != std::begin(kScripts) && c <= after[-1].last ? after[-1].script : -1;
}

size_t grapheme_end(std::string_view text, size_t at) {
    CodePoint left = code_point_at(text, at);
    int32_t state = 0;
    for (at += left.bytes; at < text.size();) {
        const CodePoint right = code_point_at(text, at);
        if (utf8proc_grapheme_break_stateful(int32_t(left.value), int32_t(right.value), &state)) break;
        left = right;
        at += right.bytes;
    }
    return at;
}

namespace {

// Normalizes `text`, which holds characters that may change, and appends it.
void normalize_slowly(std::string_view text, NormalForm form, std::string& out) {
    const bool compatibility = form == NormalForm::kc || form == NormalForm::kd;
    std::vector<int32_t> points;
    points.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        decompose(c.value, compatibility, points);
        at += c.bytes;
    }
    reorder_marks(points);
    if (form == NormalForm::c || form == NormalForm::kc) compose(points);
    for (const int32_t c : points) append_code_point(out, char32_t(c));
}

} // namespace

std::string normalize(std::string_view text, NormalForm form) {
    // Below this no character changes by itself, and none joins the one before it:
    // only one that stands before others can change.
    const char32_t inert = form == NormalForm::c ? 0x300 : 0x80;
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const size_t begin = at;
        size_t last = at; // the last inert character
        while (at < text.size()) {
            const CodePoint c = code_point_at(text, at);
            if (c.value >= inert) break;
            last = at;
            at += c.bytes;
        }
        if (at == text.size()) {
            out += text.substr(begin);
            break;
        }
        out += text.substr(begin, last - begin);
        while (at < text.size()) {
            const CodePoint c = code_point_at(text, at);
            if (c.value < inert) break;
            at += c.bytes;
        }
        normalize_slowly(text.substr(last, at - last), form, out);
    }
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
    size_t done = 0; // runs of bytes that stand for themselves are copied at once
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] >= '!' && bytes[i] <= '~') continue;
        out += bytes.substr(done, i - done);
        out += text[static_cast<unsigned char>(bytes[i])];
        done = i + 1;
    }
    out += bytes.substr(done);
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

} // namespace weft::detail
