// SPDX-License-Identifier: Apache-2.0
#include "jinja/operators.hpp"
#include "jinja/arithmetic.hpp"
#include "jinja/format.hpp"
#include "jinja/markup.hpp"
#include "jinja/objects.hpp"
#include "jinja/python_text.hpp"
#include "jinja/strings.hpp"
#include <algorithm>
#include <cmath>
#include <compare>

namespace weft::detail::jinja {
namespace {

constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
constexpr std::string_view kCompareSymbols[] = {"==", "!=", "<", "<=", ">", ">=", "in", "not in"};

bool holds(CompareOp op, std::partial_ordering order) {
    switch (op) {
    case CompareOp::less: return order < 0;
    case CompareOp::less_equal: return order <= 0;
    case CompareOp::greater: return order > 0;
    case CompareOp::greater_equal: return order >= 0;
    case CompareOp::equal: return order == 0;
    default: return order != 0;
    }
}

Result<bool> equal_items(Interpreter& in, const std::vector<Value>& a, const std::vector<Value>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
        weft_ASSIGN(const bool equal, equals(in, a[i], b[i]));
        if (!equal) return false;
    }
    return true;
}

Result<bool> equal_dicts(Interpreter& in, const Dict& a, const Dict& b) {
    if (a.items().size() != b.items().size()) return false;
    for (const auto& [key, value] : a.items()) {
        weft_ASSIGN(const Value* other, b.find(in, key));
        if (!other) return false;
        weft_ASSIGN(const bool equal, equals(in, value, *other));
        if (!equal) return false;
    }
    return true;
}

Result<Value> repeat(Interpreter& in, const Value& value, int64_t times) {
    const uint64_t count = times > 0 ? uint64_t(times) : 0;
    if (value.is_string()) {
        weft_TRY(in.room(count, value.text().size()));
        std::string out;
        out.reserve(count * value.text().size());
        for (uint64_t i = 0; i < count && !value.text().empty(); ++i) out += value.text();
        return in.make(std::move(out), value.string().markup());
    }
    const auto& items = value.list().items();
    weft_TRY(in.room(count, items.size() * sizeof(Value)));
    std::vector<Value> out;
    out.reserve(count * items.size());
    for (uint64_t i = 0; i < count && !items.empty(); ++i) out.insert(out.end(), items.begin(), items.end());
    weft_TRY(in.step(out.size()));
    return value.is(Kind::list) ? in.list(std::move(out)) : in.tuple(std::move(out));
}

Result<Value> add(Interpreter& in, const Value& a, const Value& b) {
    if (a.is_string() && b.is_string()) {
        weft_TRY(in.room(a.text().size() + b.text().size()));
        const bool left = a.string().markup(), right = b.string().markup();
        if (left == right) return in.make(a.text() + b.text(), left);
        return in.markup((left ? a.text() : escaped(a.text())) + (right ? b.text() : escaped(b.text())));
    }
    if (a.is_sequence() && a.kind() == b.kind()) {
        std::vector<Value> items = a.list().items();
        items.insert(items.end(), b.list().items().begin(), b.list().items().end());
        weft_TRY(in.step(items.size()));
        return a.is(Kind::list) ? in.list(std::move(items)) : in.tuple(std::move(items));
    }
    if (b.is_undefined()) return undefined_error(b);
    if (a.is_string() || a.is_sequence()) {
        const std::string type(a.type_name());
        return failure("can only concatenate " + type + " (not \"" + std::string(b.type_name()) + "\") to " + type);
    }
    return operand_error("+", a, b);
}

} // namespace

Error undefined_error(const Value& value) { return failure(value.undefined().message()); }

Error operand_error(std::string_view symbol, const Value& a, const Value& b) {
    if (a.is_undefined()) return undefined_error(a);
    if (b.is_undefined()) return undefined_error(b);
    return failure("unsupported operand type(s) for " + std::string(symbol) + ": '" + std::string(a.type_name()) +
                   "' and '" + std::string(b.type_name()) + "'");
}

bool truth(const Value& value) {
    switch (value.kind()) {
    case Kind::missing:
    case Kind::undefined:
    case Kind::none: return false;
    case Kind::boolean:
    case Kind::integer: return value.as_integer() != 0;
    case Kind::real: return value.as_real() != 0;
    case Kind::string: return !value.text().empty();
    case Kind::list:
    case Kind::tuple: return !value.list().items().empty();
    case Kind::dict: return !value.dict().items().empty();
    case Kind::object: break;
    }
    if (const Range* range = value.as<Range>()) return range->length() > 0;
    if (const DictView* view = value.as<DictView>()) return !view->dict().items().empty();
    return true;
}

Result<bool> equals(Interpreter& in, const Value& a, const Value& b) {
    if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
    if (a.is_string() && b.is_string()) {
        weft_TRY(in.step(1 + a.text().size() / 256));
        return a.text() == b.text();
    }
    if (a.kind() != b.kind()) return false;
    if (a.object() && a.object() == b.object()) return true;
    weft_TRY(in.step());
    switch (a.kind()) {
    case Kind::none:
    case Kind::undefined: return true;
    case Kind::list:
    case Kind::tuple: return equal_items(in, a.list().items(), b.list().items());
    case Kind::dict: return equal_dicts(in, a.dict(), b.dict());
    default: break;
    }
    const Range *left = a.as<Range>(), *right = b.as<Range>();
    if (!left || !right || left->length() != right->length()) return false;
    const int64_t last = left->length() - 1;
    return last < 0 || (left->at(0) == right->at(0) && left->at(last) == right->at(last));
}

Result<bool> ordered(Interpreter& in, CompareOp op, const Value& a, const Value& b) {
    if (a.is_number() && b.is_number()) return holds(op, compare_numbers(a, b));
    if (a.is_string() && b.is_string()) {
        weft_TRY(in.step(1 + a.text().size() / 256));
        return holds(op, a.text() <=> b.text()); // the order of UTF-8 is that of code points
    }
    if (a.is_sequence() && a.kind() == b.kind()) {
        Interpreter::Nested nested(in);
        weft_TRY(nested.check());
        const auto &left = a.list().items(), &right = b.list().items();
        for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
            weft_ASSIGN(const bool equal, equals(in, left[i], right[i]));
            if (!equal) return ordered(in, op, left[i], right[i]);
        }
        return holds(op, left.size() <=> right.size());
    }
    if (a.is_undefined()) return undefined_error(a);
    if (b.is_undefined()) return undefined_error(b);
    const std::string symbol(kCompareSymbols[size_t(op)]);
    return failure("'" + symbol + "' not supported between instances of '" + std::string(a.type_name()) + "' and '" +
                   std::string(b.type_name()) + "'");
}

Result<bool> contains(Interpreter& in, const Value& container, const Value& item) {
    switch (container.kind()) {
    case Kind::string:
        if (!item.is_string())
            return failure("'in <string>' requires string as left operand, not " + std::string(item.type_name()));
        weft_TRY(in.step(container.text().size() / 64));
        return find_text(container.text(), item.text()) != std::string::npos;
    case Kind::dict: {
        weft_ASSIGN(const Value* found, container.dict().find(in, item));
        return found != nullptr;
    }
    case Kind::undefined: return false;
    default: break;
    }
    if (const Range* range = container.as<Range>()) {
        if (!item.is_number()) return false;
        if (item.is_integral()) return range->contains(item.as_integer());
        const double d = item.as_real();
        return d == std::floor(d) && std::abs(d) < 0x1p53 && range->contains(int64_t(d));
    }
    if (const DictView* view = container.as<DictView>(); view && view->kind() == DictView::keys)
        return contains(in, view->source(), item);
    if (!iterable(container))
        return failure("argument of type '" + std::string(container.type_name()) + "' is not iterable");
    weft_ASSIGN(const auto items, iterate(in, container));
    for (;;) {
        Value one;
        weft_ASSIGN(const bool more, items->next(in, one));
        if (!more) return false;
        weft_TRY(in.step());
        weft_ASSIGN(const bool equal, equals(in, one, item));
        if (equal) return true;
    }
}

Result<Value> binary(Interpreter& in, BinaryOp op, const Value& a, const Value& b) {
    const std::string_view symbol = kSymbols[size_t(op)];
    if (op == BinaryOp::modulo && a.is_string()) {
        weft_ASSIGN(std::string text, format_percent(in, a, b));
        return in.make(std::move(text), a.string().markup());
    }
    if (op == BinaryOp::multiply) {
        if ((a.is_string() || a.is_sequence()) && b.is_integral()) return repeat(in, a, b.as_integer());
        if ((b.is_string() || b.is_sequence()) && a.is_integral()) return repeat(in, b, a.as_integer());
        const bool left = a.is_string() || a.is_sequence(), right = b.is_string() || b.is_sequence();
        if (left && !b.is_undefined())
            return failure("can't multiply sequence by non-int of type '" + std::string(b.type_name()) + "'");
        if (right && !a.is_undefined())
            return failure("can't multiply sequence by non-int of type '" + std::string(a.type_name()) + "'");
    }
    if (a.is_number() && b.is_number()) return calculate(op, a, b);
    if (op == BinaryOp::add) return add(in, a, b);
    return operand_error(symbol, a, b);
}

Result<Value> unary(Interpreter&, UnaryOp op, const Value& operand) {
    if (op == UnaryOp::logical_not) return Value::boolean(!truth(operand));
    if (operand.is_undefined()) return undefined_error(operand);
    if (operand.is(Kind::real)) return Value::real(op == UnaryOp::negative ? -operand.as_real() : operand.as_real());
    if (!operand.is_integral())
        return failure(std::string("bad operand type for unary ") + (op == UnaryOp::negative ? "-" : "+") + ": '" +
                       std::string(operand.type_name()) + "'");
    if (op == UnaryOp::positive) return Value::integer(operand.as_integer());
    return calculate(BinaryOp::subtract, Value::integer(0), operand);
}

Status sort_values(Interpreter& in, std::vector<Value>& keys, std::vector<Value>& values, bool reverse) {
    std::vector<Value> keys_to(keys.size()), values_to(values.size());
    for (size_t width = 1; width < keys.size(); width *= 2) {
        for (size_t begin = 0; begin < keys.size(); begin += 2 * width) {
            const size_t middle = std::min(begin + width, keys.size()), end = std::min(begin + 2 * width, keys.size());
            for (size_t left = begin, right = middle, to = begin; to < end; ++to) {
                bool take_right = left == middle;
                if (!take_right && right < end) {
                    weft_TRY(in.step());
                    weft_ASSIGN(take_right, reverse ? ordered(in, CompareOp::less, keys[left], keys[right])
                                                    : ordered(in, CompareOp::less, keys[right], keys[left]));
                }
                size_t& from = take_right ? right : left;
                keys_to[to] = std::move(keys[from]);
                values_to[to] = std::move(values[from]);
                ++from;
            }
        }
        keys.swap(keys_to);
        values.swap(values_to);
    }
    return Ok{};
}

} // namespace weft::detail::jinja
