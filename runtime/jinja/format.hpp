// SPDX-License-Identifier: Apache-2.0
// L0: Python's two ways to format: "%s" % value and "{}".format(value).
#pragma once
#include "jinja/value.hpp"

namespace weft::detail::jinja {

/// `arguments`: a tuple, a dict for %(name)s, or the one value.
Result<std::string> format_percent(Interpreter& in, const Value& format, const Value& arguments);
Result<std::string> format_braces(Interpreter& in, const std::string& format, const Arguments& arguments);

/// A template cannot ask for more than this of padding and of precision.
constexpr int64_t kWidest = 1'000'000, kMostDigits = 2'000;

/// How one value is laid out: [[fill]align][sign][#][0][width][,][.precision][type].
struct FormatSpec {
    std::string fill = " ";
    char align = 0, sign = '-', grouping = 0, type = 0; ///< 0: not given
    bool alternate = false;
    int64_t width = 0, precision = -1;
};
Result<FormatSpec> parse_format_spec(std::string_view text);
Result<std::string> format_value(Interpreter& in, const Value& value, const FormatSpec& spec);
/// Text in its width; `align`: <, >, ^, or = with the sign before the padding.
Result<std::string> aligned(Interpreter& in, std::string_view sign, std::string_view text, const FormatSpec& spec,
                            char default_align);

} // namespace weft::detail::jinja
