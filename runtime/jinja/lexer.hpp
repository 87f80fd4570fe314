// SPDX-License-Identifier: Apache-2.0
// L0: a template's source as tokens, with trim_blocks and lstrip_blocks on and comments,
// raw blocks and whitespace control already done.
#pragma once
#include "base/result.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail::jinja {

struct Token {
    enum Kind { data, block_begin, block_end, variable_begin, variable_end, name, string, integer, real, op, end };
    Kind kind = end;
    uint32_t line = 1;
    std::string text; ///< of data and strings: what they mean; of the others: as written
    int64_t integer_value = 0;
    double real_value = 0;

    bool is(Kind k) const { return kind == k; }
    bool is_op(std::string_view symbol) const { return kind == op && text == symbol; }
    bool is_name(std::string_view word) const { return kind == name && text == word; }
    /// How messages call it.
    std::string described() const;
};

/// The tokens of `source`, which is valid UTF-8; the last is `end`. Messages begin with "line N: ".
Result<std::vector<Token>> tokenize(std::string_view source);

/// An error at a line of the template.
Error at_line(uint32_t line, const std::string& message);

} // namespace weft::detail::jinja
