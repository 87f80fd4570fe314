// SPDX-License-Identifier: Apache-2.0
// L5: phrases in a text that comes piece by piece: stop strings, and the marks that divide an answer.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail::text {

/// Finds phrases whichever pieces the text comes in, and holds back only what may be the beginning of one.
/// Where text and phrases are UTF-8, no character is ever split.
class PhraseScanner {
public:
    /// Phrases must not be empty.
    explicit PhraseScanner(std::vector<std::string> phrases) : phrases_(std::move(phrases)) {}

    struct Found {
        std::string before; ///< text that belongs to no phrase
        /// Which phrase came after it: the one that ended first, and of several the longest.
        std::optional<size_t> phrase;
    };
    void push(std::string_view text) { waiting_ += text; }
    /// The next part of what was pushed; without a phrase there is no more for now.
    Found next();
    /// Ends the text: what was held back.
    std::string flush();

private:
    std::vector<std::string> phrases_;
    std::string waiting_;
};

} // namespace weft::detail::text
