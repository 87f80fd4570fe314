// SPDX-License-Identifier: Apache-2.0
// Filters on numbers.
#include "jinja/arithmetic.hpp"
#include "jinja/builtins.hpp"
#include "jinja/operators.hpp"
#include <cmath>

namespace weft::detail::jinja {
namespace {

Error not_a_number(const Value& value, const std::string& what) {
    if (value.is_undefined()) return undefined_error(value);
    return failure(what + " wants a number, not " + std::string(value.type_name()));
}

Result<Value> abs(Interpreter&, Arguments& a) {
    const Value& value = a.positional[0];
    if (!value.is_number()) return not_a_number(value, "abs()");
    if (value.is(Kind::real)) return Value::real(std::abs(value.as_real()));
    return value.as_integer() < 0 ? calculate(BinaryOp::subtract, Value::integer(0), value)
                                  : Value::integer(value.as_integer());
}

Result<Value> round(Interpreter&, Arguments& a) {
    const Value& value = a.positional[0];
    if (!value.is_number()) return not_a_number(value, "round()");
    weft_ASSIGN(const int64_t digits, integer_or(a.positional[1], 0, "precision"));
    std::string method = "common";
    if (!a.positional[2].is_missing()) {
        weft_ASSIGN(method, text_argument(a.positional[2], "method"));
    }
    if (method == "common") return rounded(value, digits);
    if (method != "ceil" && method != "floor") return failure("method must be common, ceil or floor");
    const double unit = std::pow(10.0, double(digits)), scaled = value.as_real() * unit;
    return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

Result<Value> integer(Interpreter&, Arguments& a) {
    const Value &value = a.positional[0],
                otherwise = a.positional[1].is_missing() ? Value::integer(0) : a.positional[1];
    if (value.is_undefined()) return undefined_error(value);
    if (value.is_integral()) return Value::integer(value.as_integer());
    if (value.is(Kind::real))
        return std::isnan(value.as_real()) ? Result<Value>(otherwise) : truncated(value.as_real());
    if (!value.is_string()) return otherwise;
    weft_ASSIGN(const int64_t base, integer_or(a.positional[2], 10, "base"));
    weft_ASSIGN(const Value whole, parse_integer(value.text(), base));
    if (!whole.is_missing()) return whole;
    const Value real = parse_float(value.text());
    return real.is_missing() || !std::isfinite(real.as_real()) ? Result<Value>(otherwise) : truncated(real.as_real());
}

Result<Value> real(Interpreter&, Arguments& a) {
    const Value &value = a.positional[0], otherwise = a.positional[1].is_missing() ? Value::real(0) : a.positional[1];
    if (value.is_undefined()) return undefined_error(value);
    if (value.is_number()) return Value::real(value.as_real());
    if (!value.is_string()) return otherwise;
    const Value parsed = parse_float(value.text());
    return parsed.is_missing() ? otherwise : parsed;
}

Result<Value> filesizeformat(Interpreter& in, Arguments& a) {
    static constexpr std::string_view prefixes = "kMGTPEZY";
    Value value = a.positional[0];
    if (value.is_string()) value = parse_float(value.text());
    if (!value.is_number())
        return value.is_missing() ? failure("could not convert string to float")
                                  : not_a_number(value, "filesizeformat()");
    const bool binary = flag_or(a.positional[1], false);
    const double bytes = value.as_real(), base = binary ? 1024 : 1000;
    if (bytes == 1) return in.text("1 Byte");
    if (bytes < base) {
        weft_ASSIGN(const Value whole, truncated(bytes));
        return in.text(std::to_string(whole.as_integer()) + " Bytes");
    }
    double unit = base * base;
    size_t at = 0;
    for (; at + 1 < prefixes.size() && bytes >= unit; ++at) unit *= base;
    const std::string prefix(1, binary && at == 0 ? 'K' : prefixes[at]);
    return in.text(fixed_text(base * bytes / unit, 'f', 1) + " " + prefix + (binary ? "iB" : "B"));
}

const Builtin kNumberFilters[] = {
    {"abs", {"x"}, 1, abs},
    {"round", {"value", "precision", "method"}, 1, round},
    {"int", {"value", "default", "base"}, 1, integer},
    {"float", {"value", "default"}, 1, real},
    {"filesizeformat", {"value", "binary"}, 1, filesizeformat},
};

} // namespace

Table number_filters() { return kNumberFilters; }

} // namespace weft::detail::jinja
