// SPDX-License-Identifier: Apache-2.0
#include "jinja/arithmetic.hpp"
#include "jinja/python_text.hpp"
#include "jinja/strings.hpp"
#include "unicode/utf8.hpp"
#include <charconv>
#include <cmath>
#include <utility>

namespace weft::detail::jinja {
namespace {

Error too_large() { return failure("the result does not fit the 64 bits that integers have here"); }

// Floor division and its remainder, which has the divisor's sign.
void divide_floor(double a, double b, double& quotient, double& remainder) {
    remainder = std::fmod(a, b);
    double division = (a - remainder) / b;
    if (remainder != 0) {
        if ((b < 0) != (remainder < 0)) {
            remainder += b;
            division -= 1;
        }
    } else {
        remainder = std::copysign(0.0, b);
    }
    if (division == 0) {
        quotient = std::copysign(0.0, a / b);
        return;
    }
    quotient = std::floor(division);
    if (division - quotient > 0.5) quotient += 1;
}

Result<Value> integer_power(int64_t base, int64_t exponent) {
    int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) return too_large();
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return too_large();
    }
    return Value::integer(result);
}

Result<Value> float_power(double base, double exponent) {
    if (base == 0 && exponent < 0) return failure("0.0 cannot be raised to a negative power");
    if (base < 0 && std::isfinite(base) && std::isfinite(exponent) && exponent != std::floor(exponent))
        return failure("a root of a negative number is complex, which is not supported");
    const double result = std::pow(base, exponent);
    if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent))
        return failure("Numerical result out of range");
    return Value::real(result);
}

Result<Value> calculate_integers(BinaryOp op, int64_t a, int64_t b) {
    int64_t result = 0;
    switch (op) {
    case BinaryOp::add:
        if (__builtin_add_overflow(a, b, &result)) return too_large();
        return Value::integer(result);
    case BinaryOp::subtract:
        if (__builtin_sub_overflow(a, b, &result)) return too_large();
        return Value::integer(result);
    case BinaryOp::multiply:
        if (__builtin_mul_overflow(a, b, &result)) return too_large();
        return Value::integer(result);
    case BinaryOp::divide:
        if (b == 0) return failure("division by zero");
        return Value::real(double((long double)(a) / (long double)(b)));
    case BinaryOp::floor_divide:
        if (b == 0) return failure("integer division or modulo by zero");
        if (b == -1) return calculate_integers(BinaryOp::subtract, 0, a);
        return Value::integer(a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0));
    case BinaryOp::modulo:
        if (b == 0) return failure("integer modulo by zero");
        if (b == -1) return Value::integer(0);
        return Value::integer(a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0));
    case BinaryOp::power: return b >= 0 ? integer_power(a, b) : float_power(double(a), double(b));
    }
    return Value();
}

} // namespace

std::partial_ordering compare_numbers(const Value& a, const Value& b) {
    if (a.is_integral() && b.is_integral()) return a.as_integer() <=> b.as_integer();
    if (!a.is_integral() && !b.is_integral()) return a.as_real() <=> b.as_real();
    if (!a.is_integral()) return 0 <=> compare_numbers(b, a);
    const double d = b.as_real();
    if (std::isnan(d)) return std::partial_ordering::unordered;
    if (d >= 0x1p63) return std::partial_ordering::less;
    if (d < -0x1p63) return std::partial_ordering::greater;
    const int64_t whole = int64_t(d);
    if (a.as_integer() != whole) return a.as_integer() <=> whole;
    return 0.0 <=> d - double(whole);
}

Result<Value> calculate(BinaryOp op, const Value& left, const Value& right) {
    if (left.is_integral() && right.is_integral()) return calculate_integers(op, left.as_integer(), right.as_integer());
    const double a = left.as_real(), b = right.as_real();
    double quotient = 0, remainder = 0;
    switch (op) {
    case BinaryOp::add: return Value::real(a + b);
    case BinaryOp::subtract: return Value::real(a - b);
    case BinaryOp::multiply: return Value::real(a * b);
    case BinaryOp::divide:
        if (b == 0) return failure("float division by zero");
        return Value::real(a / b);
    case BinaryOp::power: return float_power(a, b);
    default: break;
    }
    if (b == 0) return failure(op == BinaryOp::modulo ? "float modulo" : "float floor division by zero");
    divide_floor(a, b, quotient, remainder);
    return Value::real(op == BinaryOp::modulo ? remainder : quotient);
}

Result<Value> truncated(double value) {
    if (std::isnan(value)) return failure("cannot convert float NaN to integer");
    if (std::isinf(value)) return failure("cannot convert float infinity to integer");
    if (std::abs(value) >= 0x1p63) return too_large();
    return Value::integer(int64_t(value));
}

std::optional<double> read_decimal(std::string_view text) {
    double value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ptr != text.data() + text.size() || text.empty() || result.ec == std::errc::invalid_argument)
        return std::nullopt;
    if (result.ec == std::errc()) return value;
    // Out of range: too small if the exponent is negative or the first digit stands far behind the point.
    const size_t e = text.find_first_of("eE");
    const bool small =
        e != text.npos ? text.find('-', e) != text.npos : text.starts_with("0.") || text.starts_with(".");
    return small ? 0.0 : INFINITY;
}

std::string fixed_text(double value, char conversion, int64_t digits) {
    if (!std::isfinite(value)) return float_text(value);
    const auto format = conversion == 'f'   ? std::chars_format::fixed
                        : conversion == 'e' ? std::chars_format::scientific
                                            : std::chars_format::general;
    std::string out(size_t(digits) + 350, 0);
    const auto result = std::to_chars(out.data(), out.data() + out.size(), value, format, int(digits));
    out.resize(size_t(result.ptr - out.data()));
    return out;
}

Result<Value> rounded(const Value& value, int64_t digits) {
    if (value.is_integral()) {
        if (digits >= 0) return Value::integer(value.as_integer());
        if (digits < -18) return Value::integer(0);
        int64_t unit = 1;
        for (int64_t i = 0; i < -digits; ++i) unit *= 10;
        const int64_t v = value.as_integer(), rest = ((v % unit) + unit) % unit, down = v - rest;
        const bool up = rest > unit - rest || (rest == unit - rest && (down / unit) % 2 != 0);
        return calculate(BinaryOp::add, Value::integer(down), Value::integer(up ? unit : 0));
    }
    const double d = value.as_real();
    if (!std::isfinite(d) || digits > 323) return value;
    if (digits < -308) return Value::real(std::copysign(0.0, d));
    if (digits < 0) {
        const double unit = std::pow(10.0, double(-digits));
        return Value::real(std::nearbyint(d / unit) * unit);
    }
    return Value::real(read_decimal(fixed_text(d, 'f', digits)).value_or(d)); // the digits of a double are exact
}

Result<Value> parse_integer(std::string_view text, int64_t base) {
    if (base != 0 && (base < 2 || base > 36)) return failure("int() base must be >= 2 and <= 36, or 0");
    text = stripped(text);
    std::string digits;
    bool negative = false;
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
        negative = text[0] == '-';
        text.remove_prefix(1);
    }
    bool after_prefix = false;
    if (text.size() > 1 && text[0] == '0') {
        const char c = char(text[1] | 0x20);
        const int64_t named = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
        if (named && (base == 0 || base == named)) {
            base = named;
            text.remove_prefix(2);
            after_prefix = true;
        } else if (base == 0 && text.find_first_not_of("0_") != text.npos) {
            return Value(); // 010 is no number
        }
    }
    if (base == 0) base = 10;
    bool underscore = !after_prefix; // where none may stand
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        at += c.bytes;
        if (c.value == '_') {
            if (std::exchange(underscore, true)) return Value();
            continue;
        }
        const int digit = digit_value(c.value) >= 0          ? digit_value(c.value)
                          : c.value >= 'a' && c.value <= 'z' ? int(c.value - 'a') + 10
                          : c.value >= 'A' && c.value <= 'Z' ? int(c.value - 'A') + 10
                                                             : 99;
        if (digit >= base) return Value();
        digits += char(digit < 10 ? '0' + digit : 'a' + digit - 10);
        underscore = false;
    }
    if (digits.empty() || underscore) return Value();
    if (negative) digits.insert(digits.begin(), '-');
    int64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value, int(base)).ec != std::errc())
        return too_large();
    return Value::integer(value);
}

Value parse_float(std::string_view text) {
    text = stripped(text);
    std::string plain;
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        at += c.bytes;
        const auto digit_at = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
        if (c.value == '_') {
            if (plain.empty() || plain.back() < '0' || plain.back() > '9' || !digit_at(at)) return Value();
        } else if (const int digit = digit_value(c.value); digit >= 0) {
            plain += char('0' + digit);
        } else {
            if (c.value >= 0x80) return Value();
            plain += char(c.value | (c.value >= 'A' && c.value <= 'Z' ? 0x20 : 0));
        }
    }
    const std::string unsigned_part = plain.substr(!plain.empty() && (plain[0] == '+' || plain[0] == '-') ? 1 : 0);
    const double sign = !plain.empty() && plain[0] == '-' ? -1 : 1;
    if (unsigned_part == "inf" || unsigned_part == "infinity") return Value::real(sign * INFINITY);
    if (unsigned_part == "nan") return Value::real(NAN);
    if (unsigned_part.empty() || (unsigned_part[0] != '.' && (unsigned_part[0] < '0' || unsigned_part[0] > '9')))
        return Value();
    const auto value = read_decimal(unsigned_part);
    return value ? Value::real(sign * *value) : Value();
}

} // namespace weft::detail::jinja
