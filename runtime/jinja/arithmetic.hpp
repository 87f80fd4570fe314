// SPDX-License-Identifier: Apache-2.0
// L0: Python's numbers. Integers are those of 64 bits; a result beyond is refused, never wrong.
#pragma once
#include "jinja/tree.hpp"
#include <compare>

namespace weft::detail::jinja {

/// Exact, also between integers and floats.
std::partial_ordering compare_numbers(const Value& a, const Value& b);
Result<Value> calculate(BinaryOp op, const Value& a, const Value& b);
/// round(value, digits) as Python rounds: half to even, on the exact value.
Result<Value> rounded(const Value& value, int64_t digits);
/// The integer part of a float; fails for infinity, NaN and what does not fit.
Result<Value> truncated(double value);
/// int(text, base) and float(text); missing where the text is no number.
Result<Value> parse_integer(std::string_view text, int64_t base);
Value parse_float(std::string_view text);
/// The number that `text` is, in digits with a point and an exponent and nothing else;
/// beyond the range: infinity or zero.
std::optional<double> read_decimal(std::string_view text);
/// "%.{digits}f" and its like for the conversions f, e, g; the same in every locale.
std::string fixed_text(double value, char conversion, int64_t digits);

} // namespace weft::detail::jinja
