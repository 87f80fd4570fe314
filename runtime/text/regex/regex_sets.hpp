// SPDX-License-Identifier: Apache-2.0
// L5: sets of characters in a regular expression: what \w, \p{Name} and [[:name:]] mean to Oniguruma, in PCRE2's terms.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail::text {

// The insides of a class.
constexpr std::string_view kSpace =
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
constexpr std::string_view kHex = "0-9a-fA-F";
constexpr std::string_view kDigit = "\\p{Nd}";
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
/// What \w and \b match besides, but \w inside a class does not.
constexpr std::string_view kOddWord = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

/// The inside of a class for \p{name} or for [[:name:]]; nothing if there is no such name.
std::optional<std::string> property_inside(std::string_view name);
std::optional<std::string> posix_inside(std::string_view name);

/// `inside` with the characters of its properties that PCRE2's tables may not have yet.
std::string with_new_characters(std::string_view inside);

/// A set of characters on its way to PCRE2: what goes between [ and ], and sets that cannot stand there.
struct CharacterSet {
    std::string inside;
    std::vector<std::string> others; ///< patterns that each match exactly one character

    /// Adds the characters of the class [positive], or all but them.
    void add(std::string_view positive, bool negated) {
        if (negated) others.push_back("[^" + with_new_characters(positive) + "]");
        else inside += with_new_characters(positive);
    }
    /// A pattern that matches one character of the set, or one that is not of it.
    std::string text(bool negated) const {
        if (others.empty()) {
            if (inside.empty()) return negated ? "(?s:.)" : "(?!)";
            return (negated ? "[^" : "[") + inside + "]";
        }
        if (!negated && inside.empty() && others.size() == 1) return others[0];
        std::string all = inside.empty() ? "" : "[" + inside + "]";
        for (const auto& other : others) all += (all.empty() ? "" : "|") + other;
        return negated ? "(?:(?!" + all + ")(?s:.))" : "(?:" + all + ")";
    }
};

} // namespace weft::detail::text
