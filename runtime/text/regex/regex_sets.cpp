// SPDX-License-Identifier: Apache-2.0
#include "text/regex/regex_sets.hpp"
#include "unicode/unicode_versions.hpp"
#include <cstdio>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace weft::detail::text {
namespace {

// Long names of categories, which PCRE2 knows by their short names only, and POSIX names.
struct Name {
    std::string_view name, inside;
};
constexpr Name kNames[] = {
    {"letter", "\\p{L}"},
    {"casedletter", "\\p{Lu}\\p{Ll}\\p{Lt}"},
    {"lc", "\\p{Lu}\\p{Ll}\\p{Lt}"},
    {"uppercaseletter", "\\p{Lu}"},
    {"lowercaseletter", "\\p{Ll}"},
    {"titlecaseletter", "\\p{Lt}"},
    {"modifierletter", "\\p{Lm}"},
    {"otherletter", "\\p{Lo}"},
    {"mark", "\\p{M}"},
    {"combiningmark", "\\p{M}"},
    {"nonspacingmark", "\\p{Mn}"},
    {"spacingmark", "\\p{Mc}"},
    {"enclosingmark", "\\p{Me}"},
    {"number", "\\p{N}"},
    {"decimalnumber", "\\p{Nd}"},
    {"letternumber", "\\p{Nl}"},
    {"othernumber", "\\p{No}"},
    {"punctuation", "\\p{P}"},
    {"connectorpunctuation", "\\p{Pc}"},
    {"dashpunctuation", "\\p{Pd}"},
    {"openpunctuation", "\\p{Ps}"},
    {"closepunctuation", "\\p{Pe}"},
    {"initialpunctuation", "\\p{Pi}"},
    {"finalpunctuation", "\\p{Pf}"},
    {"otherpunctuation", "\\p{Po}"},
    {"symbol", "\\p{S}"},
    {"mathsymbol", "\\p{Sm}"},
    {"currencysymbol", "\\p{Sc}"},
    {"modifiersymbol", "\\p{Sk}"},
    {"othersymbol", "\\p{So}"},
    {"separator", "\\p{Z}"},
    {"spaceseparator", "\\p{Zs}"},
    {"lineseparator", "\\p{Zl}"},
    {"paragraphseparator", "\\p{Zp}"},
    {"other", "\\p{C}"},
    {"control", "\\p{Cc}"},
    {"format", "\\p{Cf}"},
    {"surrogate", "\\p{Cs}"},
    {"privateuse", "\\p{Co}"},
    {"unassigned", "\\p{Cn}"},
    {"alpha", "\\p{Alphabetic}"},
    {"alnum", "\\p{Alphabetic}\\p{Nd}"},
    {"blank", "\\t\\p{Zs}"},
    {"cntrl", "\\p{Cc}"},
    {"digit", "\\p{Nd}"},
    {"lower", "\\p{Lowercase}"},
    {"upper", "\\p{Uppercase}"},
    {"punct", "\\p{P}"},
    {"space", kSpace},
    {"whitespace", kSpace},
    {"word", kWord},
    {"xdigit", kHex},
    {"ascii", "\\x00-\\x7f"},
    {"any", "\\x{0}-\\x{10ffff}"},
};
// What [[:name:]] means where it differs from \p{name}.
constexpr Name kPosix[] = {
    {"punct", "\\p{P}\\p{S}"},
    {"graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}"},
    {"print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}"},
};

std::string range_text(char32_t first, char32_t last) {
    char text[40];
    std::snprintf(text, sizeof text, "\\x{%x}-\\x{%x}", unsigned(first), unsigned(last));
    return text;
}

template <size_t N>
void add_ranges(std::string& inside, const Range (&ranges)[N]) {
    for (const Range& r : ranges) inside += range_text(r.first, r.last);
}

std::string lower_case(std::string_view name) {
    std::string out;
    for (const char c : name) out += c >= 'A' && c <= 'Z' ? char(c + 32) : c;
    return out;
}

// A category's name in PCRE2's spelling, or nothing.
std::string_view category(std::string_view folded) {
    for (std::string_view known : {"L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N",  "Nd", "Nl",
                                   "No", "P",  "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk",
                                   "So", "Z",  "Zs", "Zl", "Zp", "C",  "Cc", "Cf", "Cn", "Co", "Cs"}) {
        if (lower_case(known) == folded) return known;
    }
    return {};
}

bool compiles(const std::string& pattern) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error,
                                     &offset, nullptr);
    pcre2_code_free(code);
    return code != nullptr;
}

} // namespace

std::string with_new_characters(std::string_view inside) {
    std::string all(inside);
    for (size_t at = inside.find("\\p{"); at != inside.npos; at = inside.find("\\p{", at + 1)) {
        const std::string_view name = inside.substr(at + 3, inside.find('}', at) - at - 3);
        if (name == "Alphabetic") add_ranges(all, kNewAlphabetic);
        if (name == "Lowercase") add_ranges(all, kNewLowercase);
        if (name == "sc:Han") add_ranges(all, kNewHan);
        for (const Categorized& r : kNewCharacters) {
            if (name == "Uppercase" ? r.category == "Lu" : r.category.starts_with(name))
                all += range_text(r.first, r.last);
        }
    }
    return all;
}

std::optional<std::string> property_inside(std::string_view name) {
    std::string folded;
    for (const char c : name) {
        if (c == ' ' || c == '_' || c == '-') continue;
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) return std::nullopt;
        folded += c;
    }
    folded = lower_case(folded);
    for (const Name& known : kNames) {
        if (known.name == folded) return std::string(known.inside);
    }
    std::string text(category(folded));
    if (text.empty()) {
        // A script without sc: would mean its extensions too.
        text = "sc:" + (folded == "han" ? std::string("Han") : std::string(name));
        if (!compiles("\\p{" + text + "}")) text = name;
        if (!compiles("\\p{" + text + "}")) return std::nullopt;
    }
    return "\\p{" + text + "}";
}

std::optional<std::string> posix_inside(std::string_view name) {
    for (const Name& entry : kPosix) {
        if (entry.name == name) return std::string(entry.inside);
    }
    for (std::string_view known :
         {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "lower", "space", "upper", "word", "xdigit"}) {
        if (name == known) return property_inside(name);
    }
    return std::nullopt;
}

} // namespace weft::detail::text
