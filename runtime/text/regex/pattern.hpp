// SPDX-License-Identifier: Apache-2.0
// L5: what a Split or Replace looks for, and the stretches into which it cuts a text.
#pragma once
#include "text/regex/regex.hpp"
#include <optional>

namespace weft::detail {
class JsonObject;
}

namespace weft::detail::text {

/// A stretch of text between two cuts.
struct Cut {
    size_t begin, end;
    bool match;
};

/// What Split and Replace look for: {"String": ...} or {"Regex": ...}.
class Pattern {
public:
    Pattern() = default;
    explicit Pattern(std::string literal) : literal_(std::move(literal)) {}
    /// Reads the key `pattern` of `part`.
    static Result<Pattern> read(const JsonObject& part);

    /// Cuts all of `text` into matches and what lies between them; an empty text is one stretch without a match.
    Result<std::vector<Cut>> cut(std::string_view text) const;

    /// The string looked for, if it is one and not empty.
    std::optional<std::string_view> literal() const;

private:
    std::string literal_;
    std::optional<Regex> regex_;
};

} // namespace weft::detail::text
