// SPDX-License-Identifier: Apache-2.0
// L0: UTF-8: steps over valid text, validation, and the replacement of invalid bytes as they come in.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::detail {

struct CodePoint {
    char32_t value;
    size_t bytes;
};

/// The code point that starts at `at`. `text` must be valid UTF-8 and `at` on a boundary before its end.
inline CodePoint code_point_at(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return char32_t(static_cast<unsigned char>(text[at + i])); };
    const char32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    if (lead < 0xe0) return {((lead & 0x1f) << 6) | (byte(1) & 0x3f), 2};
    if (lead < 0xf0) return {((lead & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f), 3};
    return {((lead & 0x07) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) | (byte(3) & 0x3f), 4};
}

/// The code point that ends right before `at`; `at` must be a boundary after the text's start.
inline CodePoint code_point_before(std::string_view text, size_t at) {
    size_t start = at - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
    return code_point_at(text, start);
}

inline size_t count_code_points(std::string_view text) {
    size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return count;
}

inline void append_code_point(std::string& out, char32_t c) {
    if (c < 0x80) {
        out += char(c);
    } else if (c < 0x800) {
        out += {char(0xc0 | (c >> 6)), char(0x80 | (c & 0x3f))};
    } else if (c < 0x10000) {
        out += {char(0xe0 | (c >> 12)), char(0x80 | ((c >> 6) & 0x3f)), char(0x80 | (c & 0x3f))};
    } else {
        out += {char(0xf0 | (c >> 18)), char(0x80 | ((c >> 12) & 0x3f)), char(0x80 | ((c >> 6) & 0x3f)),
                char(0x80 | (c & 0x3f))};
    }
}

/// What the first bytes of arbitrary input are: a whole character, an invalid sequence (the longest start of a valid
/// one, which becomes one U+FFFD), or the start of a character whose rest is not there yet.
struct Utf8Step {
    enum Kind { whole, invalid, incomplete } kind;
    size_t bytes;
};
Utf8Step next_utf8(std::string_view bytes);

/// The number of bytes before the first invalid or incomplete sequence: the size of `bytes` if all of it is UTF-8.
size_t valid_utf8_prefix(std::string_view bytes);

/// Turns a stream of bytes into text: each invalid sequence becomes U+FFFD, an unfinished character waits for its rest.
class Utf8Repair {
public:
    /// Takes `bytes` and returns the text that is complete now.
    std::string push(std::string_view bytes);
    /// Returns U+FFFD if a character was left unfinished.
    std::string finish();

private:
    std::string waiting_; // at most 3 bytes between calls
};

} // namespace weft::detail
