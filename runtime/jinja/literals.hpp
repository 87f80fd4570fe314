// SPDX-License-Identifier: Apache-2.0
// L0: numbers and strings as a template writes them.
#pragma once
#include "base/result.hpp"
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::detail::jinja {

struct Number {
    bool is_real = false;
    int64_t integer = 0;
    double real = 0;
    size_t bytes = 0; ///< how much of the source it takes
};

/// The number that `source` begins with; it begins with a digit. After a dot there are only integers (x.0.1).
Result<Number> read_number(std::string_view source, bool may_be_real, uint32_t line);

/// What a string means, given what stands between its quotes: Python's escapes.
Result<std::string> unescape(std::string_view inside, uint32_t line);

} // namespace weft::detail::jinja
