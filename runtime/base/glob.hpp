// SPDX-License-Identifier: Apache-2.0
// L0: names by shell patterns.
#pragma once
#include <string_view>

namespace weft::detail {

/// Whether the part of a pattern that begins at `at` fits a character, and where the next part begins: ? fits all,
/// [a-c_] those of a set and [!a-c_] all others, anything else itself, also a [ that nothing closes.
inline bool fits_one(std::string_view pattern, size_t& at, char c) {
    const char first = pattern[at++];
    if (first == '?') return true;
    const bool others = at < pattern.size() && pattern[at] == '!';
    const size_t begin = at + others, end = pattern.find(']', begin + 1); // a ] that comes first is of the set
    if (first != '[' || end == pattern.npos) return first == c;
    at = end + 1;
    bool found = false;
    for (size_t i = begin; i < end; ++i) {
        const bool range = i + 2 < end && pattern[i + 1] == '-';
        found = found || (range ? pattern[i] <= c && c <= pattern[i + 2] : pattern[i] == c);
        if (range) i += 2;
    }
    return found != others;
}

/// Whether a pattern fits the whole of a text: * stands for any characters, or none.
inline bool pattern_fits(std::string_view pattern, std::string_view text) {
    size_t p = 0, t = 0, star = pattern.npos, behind = 0; // the last star, and where what it stands for ends
    while (t < text.size()) {
        size_t next = p;
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            behind = t;
        } else if (p < pattern.size() && fits_one(pattern, next, text[t])) {
            p = next;
            ++t;
        } else if (star != pattern.npos) {
            p = star;
            t = ++behind;
        } else return false;
    }
    return pattern.find_first_not_of('*', p) == pattern.npos;
}

} // namespace weft::detail
