// SPDX-License-Identifier: Apache-2.0
// L5: regular expressions as tokenizer files write them (Oniguruma's syntax), run by PCRE2 with limits.
#pragma once
#include "base/result.hpp"
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail::text {

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
    /// Every match in `text`, left to right, as Oniguruma's iterator gives them: an empty
    /// match right after a match is passed over.
    /// Fails with `unsupported` if matching takes more steps, memory or time than any sane pattern needs.
    Result<std::vector<Span>> find_all(std::string_view text) const;

private:
    struct Code;
    std::shared_ptr<const Code> code_;
};

} // namespace weft::detail::text
