// SPDX-License-Identifier: Apache-2.0
// L0: base64, as tokenizer files and conversations hold bytes.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft::detail {

/// The bytes that `text` stands for (the alphabet with + and /, padded with =), or nothing if it is not base64.
inline std::optional<std::string> from_base64(std::string_view text) {
    const auto digit = [](char c) {
        return c >= 'A' && c <= 'Z'   ? c - 'A'
               : c >= 'a' && c <= 'z' ? c - 'a' + 26
               : c >= '0' && c <= '9' ? c - '0' + 52
               : c == '+'             ? 62
               : c == '/'             ? 63
                                      : -1;
    };
    if (text.size() % 4 != 0) return std::nullopt;
    size_t digits = text.size();
    while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
    std::string bytes;
    bytes.reserve(digits * 3 / 4);
    unsigned bits = 0;
    for (size_t i = 0; i < digits; ++i) {
        const int value = digit(text[i]);
        if (value < 0) return std::nullopt;
        bits = bits << 6 | unsigned(value);
        const size_t known = i % 4; // the first digit completes no byte, each of the others one
        if (known > 0) bytes += char(bits >> (6 - 2 * known) & 0xff);
    }
    return bytes;
}

/// The other way round.
inline std::string to_base64(std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t here = std::min<size_t>(3, bytes.size() - i);
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < here ? uint32_t(bytes[i + k]) : 0);
        for (size_t k = 0; k < 4; ++k) text += k <= here ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

} // namespace weft::detail
