// SPDX-License-Identifier: Apache-2.0
// L5: the tokens <0x00> to <0xFF>, which spell characters that a vocabulary lacks.
#pragma once
#include "text/tokenizer/vocabulary.hpp"
#include <algorithm>
#include <array>

namespace weft::detail::text {

class ByteTokens {
public:
    explicit ByteTokens(const Vocabulary& vocabulary) {
        constexpr char digits[] = "0123456789ABCDEF";
        for (unsigned b = 0; b < 256; ++b)
            ids_[b] = vocabulary.id_of(std::string("<0x") + digits[b >> 4] + digits[b & 15] + ">");
    }
    /// Appends the tokens of all bytes of `text`. Appends nothing and returns false if one of them does not exist.
    bool add(std::string_view text, std::vector<uint32_t>& ids) const {
        if (!std::all_of(text.begin(), text.end(), [&](char b) { return of(b).has_value(); })) return false;
        for (const char b : text) ids.push_back(*of(b));
        return true;
    }
    std::optional<uint32_t> of(char byte) const { return ids_[static_cast<unsigned char>(byte)]; }

private:
    std::array<std::optional<uint32_t>, 256> ids_;
};

} // namespace weft::detail::text
