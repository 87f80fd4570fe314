// SPDX-License-Identifier: Apache-2.0
// L5: regular expressions as tokenizer files write them (Oniguruma's syntax), run by PCRE2 with limits, and the pattern of a Split or Replace.
#pragma once
#include "base/json.hpp"
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::text {

/// Rewrites an Oniguruma pattern as the PCRE2 pattern that matches the same, code point for code point.
/// Fails with `unsupported` on a construct it does not know; PCRE2 judges the rest.
Result<std::string> pcre2_from_oniguruma(std::string_view pattern);

/// A compiled pattern. Immutable and shareable between threads.
class Regex {
public:
    /// `where` opens every message. Patterns over 64 KiB, and whatever PCRE2 cannot compile, are `unsupported`.
    static Result<Regex> compile(std::string_view pattern, const std::string& where);

    struct Span {
        size_t begin, end;
    };
    /// Every match in `text`, left to right, as Oniguruma's iterator gives them: an empty match right after a match is passed over.
    /// Fails with `unsupported` if matching takes more steps, memory or time than any sane pattern needs.
    Result<std::vector<Span>> find_all(std::string_view text) const;

private:
    struct Code;
    std::shared_ptr<const Code> code_;
};

/// A stretch of text between two cuts.
struct Cut {
    size_t begin, end;
    bool match;
};

/// What Split and Replace look for: {"String": ...} or {"Regex": ...}.
class Pattern {
public:
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

} // namespace weft::text
