// SPDX-License-Identifier: Apache-2.0
#include "unicode/utf8.hpp"
#include <cstring>

namespace weft::detail {
namespace {
constexpr std::string_view kReplacement = "\xef\xbf\xbd";
}

Utf8Step next_utf8(std::string_view bytes) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {Utf8Step::whole, 1};
    size_t length = 0;
    // The second byte's range: no overlong forms, no surrogates, nothing above U+10FFFF.
    unsigned char low = 0x80, high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        length = 3;
        if (lead == 0xe0) low = 0xa0;
        if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        length = 4;
        if (lead == 0xf0) low = 0x90;
        if (lead == 0xf4) high = 0x8f;
    } else {
        return {Utf8Step::invalid, 1};
    }
    for (size_t i = 1; i < length; ++i) {
        if (i == bytes.size()) return {Utf8Step::incomplete, i};
        if (byte(i) < low || byte(i) > high) return {Utf8Step::invalid, i};
        low = 0x80;
        high = 0xbf;
    }
    return {Utf8Step::whole, length};
}

size_t valid_utf8_prefix(std::string_view bytes) {
    size_t at = 0;
    while (at < bytes.size()) {
        if (at + 8 <= bytes.size()) { // eight ASCII bytes at once
            uint64_t word;
            std::memcpy(&word, bytes.data() + at, 8);
            if ((word & 0x8080808080808080u) == 0) {
                at += 8;
                continue;
            }
        }
        const Utf8Step step = next_utf8(bytes.substr(at));
        if (step.kind != Utf8Step::whole) break;
        at += step.bytes;
    }
    return at;
}

std::string Utf8Repair::push(std::string_view bytes) {
    std::string out;
    waiting_ += bytes;
    size_t at = 0;
    while (at < waiting_.size()) {
        const std::string_view rest = std::string_view(waiting_).substr(at);
        const size_t valid = valid_utf8_prefix(rest);
        out += rest.substr(0, valid);
        at += valid;
        if (valid == rest.size()) break;
        const Utf8Step step = next_utf8(rest.substr(valid));
        if (step.kind == Utf8Step::incomplete) break;
        out += kReplacement;
        at += step.bytes;
    }
    waiting_.erase(0, at);
    return out;
}

std::string Utf8Repair::finish() {
    const bool unfinished = !waiting_.empty();
    waiting_.clear();
    return unfinished ? std::string(kReplacement) : std::string();
}

} // namespace weft::detail
