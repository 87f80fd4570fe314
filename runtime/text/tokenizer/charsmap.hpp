// SPDX-License-Identifier: Apache-2.0
// L5: SentencePiece's compiled table of replacements: a double array of 32-bit units over bytes
// (the layout of Darts-clone), then the replacements, each ended by a zero byte.
#pragma once
#include "base/result.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail::text {

class Charsmap {
public:
    /// `blob`: the size of the units in bytes as u32, the units, the replacements; all little-endian.
    /// `where` opens every message.
    static Result<Charsmap> read(std::string_view blob, const std::string& where);

    struct Match {
        size_t bytes; ///< of the text
        std::string_view replacement;
    };
    /// What the longest entry that `text` begins with becomes.
    std::optional<Match> longest(std::string_view text) const { return find(text, true); }
    /// The same of the shortest entry.
    std::optional<Match> shortest(std::string_view text) const { return find(text, false); }

private:
    std::optional<Match> find(std::string_view text, bool longest) const;
    std::vector<uint32_t> units_;
    std::string replacements_;
};

} // namespace weft::detail::text
