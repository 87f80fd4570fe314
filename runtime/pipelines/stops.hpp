// SPDX-License-Identifier: Apache-2.0
// L6: stop strings of a text that is being made.
#pragma once
#include "text/chat/phrases.hpp"
#include <weft/tokenizer.hpp>

namespace weft::detail {

/// Passes text on up to the first stop string.
class Stops {
public:
    /// A stop string that is the name of a special token is looked for among ids, since such tokens have no text.
    static Result<Stops> create(const std::vector<std::string>& strings, const Tokenizer& tokenizer);

    /// Whether this token is a stop by itself.
    bool is_stop(uint32_t id);
    /// Takes text; gives what is certain to stand before any stop string.
    std::string push(std::string_view text);
    /// What was held back, once the text has ended.
    std::string flush() { return found_ ? std::string() : scanner_.flush(); }
    const std::optional<std::string>& found() const { return found_; }

private:
    explicit Stops(std::vector<std::string> strings) : strings_(strings), scanner_(std::move(strings)) {}

    std::vector<std::string> strings_;
    std::vector<std::pair<uint32_t, std::string>> tokens_;
    text::PhraseScanner scanner_;
    std::optional<std::string> found_;
};

} // namespace weft::detail
