// SPDX-License-Identifier: Apache-2.0
// Tests: what stands after `is`.
#include "jinja/access.hpp"
#include "jinja/builtins.hpp"
#include "jinja/objects.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"

namespace weft::detail::jinja {
namespace {

using Is = bool (*)(const Value&);

template <Is kIs>
Result<Value> is(Interpreter&, Arguments& a) {
    return Value::boolean(kIs(a.positional[0]));
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is(Kind::boolean); }
bool is_true(const Value& v) { return v.is(Kind::boolean) && v.as_boolean(); }
bool is_false(const Value& v) { return v.is(Kind::boolean) && !v.as_boolean(); }
bool is_integer(const Value& v) { return v.is(Kind::integer); }
bool is_float(const Value& v) { return v.is(Kind::real); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.is(Kind::dict); }
bool is_iterable(const Value& v) { return iterable(v) || v.as<Loop>(); }
bool is_sequence(const Value& v) { return has_length(v) && !v.as<DictView>(); }
bool is_callable(const Value& v) { return v.callable() || v.is_undefined(); }
bool is_escaped(const Value& v) { return v.is_string() && v.string().markup(); }
bool is_filter(const Value& v) { return v.is_string() && find_filter(v.text()); }
bool is_test(const Value& v) { return v.is_string() && find_test(v.text()); }

Result<bool> remainder_is(Interpreter& in, const Value& value, const Value& divisor, int64_t wanted) {
    weft_ASSIGN(const Value rest, binary(in, BinaryOp::modulo, value, divisor));
    return equals(in, rest, Value::integer(wanted));
}

template <int64_t kRemainder>
Result<Value> is_parity(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const bool holds, remainder_is(in, a.positional[0], Value::integer(2), kRemainder));
    return Value::boolean(holds);
}

Result<Value> is_divisible(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const bool holds, remainder_is(in, a.positional[0], a.positional[1], 0));
    return Value::boolean(holds);
}

template <bool kUpper>
Result<Value> is_text_of_case(Interpreter& in, Arguments& a) {
    weft_ASSIGN(std::string text, str(in, a.positional[0]));
    const Value value = in.text(std::move(text));
    return call_builtin(in, *find_method(value, kUpper ? "isupper" : "islower"), {{value}, {}});
}

Result<Value> is_same(Interpreter&, Arguments& a) { return Value::boolean(a.positional[0].same_as(a.positional[1])); }

Result<Value> is_in(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const bool holds, contains(in, a.positional[1], a.positional[0]));
    return Value::boolean(holds);
}

template <bool kEqual>
Result<Value> is_equal(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const bool equal, equals(in, a.positional[0], a.positional[1]));
    return Value::boolean(equal == kEqual);
}

template <CompareOp kOp>
Result<Value> is_ordered(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const bool holds, ordered(in, kOp, a.positional[0], a.positional[1]));
    return Value::boolean(holds);
}

const Builtin kTests[] = {
    {"defined", {"value"}, 1, is<is_defined>},
    {"undefined", {"value"}, 1, is<is_undefined>},
    {"none", {"value"}, 1, is<is_none>},
    {"boolean", {"value"}, 1, is<is_boolean>},
    {"true", {"value"}, 1, is<is_true>},
    {"false", {"value"}, 1, is<is_false>},
    {"integer", {"value"}, 1, is<is_integer>},
    {"float", {"value"}, 1, is<is_float>},
    {"number", {"value"}, 1, is<is_number>},
    {"string", {"value"}, 1, is<is_string>},
    {"mapping", {"value"}, 1, is<is_mapping>},
    {"iterable", {"value"}, 1, is<is_iterable>},
    {"sequence", {"value"}, 1, is<is_sequence>},
    {"callable", {"value"}, 1, is<is_callable>},
    {"escaped", {"value"}, 1, is<is_escaped>},
    {"filter", {"value"}, 1, is<is_filter>},
    {"test", {"value"}, 1, is<is_test>},
    {"odd", {"value"}, 1, is_parity<1>},
    {"even", {"value"}, 1, is_parity<0>},
    {"divisibleby", {"value", "num"}, 2, is_divisible},
    {"lower", {"value"}, 1, is_text_of_case<false>},
    {"upper", {"value"}, 1, is_text_of_case<true>},
    {"sameas", {"value", "other"}, 2, is_same},
    {"in", {"value", "seq"}, 2, is_in},
    {"==", {"a", "b"}, 2, is_equal<true>},
    {"eq", {"a", "b"}, 2, is_equal<true>},
    {"equalto", {"a", "b"}, 2, is_equal<true>},
    {"!=", {"a", "b"}, 2, is_equal<false>},
    {"ne", {"a", "b"}, 2, is_equal<false>},
    {">", {"a", "b"}, 2, is_ordered<CompareOp::greater>},
    {"gt", {"a", "b"}, 2, is_ordered<CompareOp::greater>},
    {"greaterthan", {"a", "b"}, 2, is_ordered<CompareOp::greater>},
    {">=", {"a", "b"}, 2, is_ordered<CompareOp::greater_equal>},
    {"ge", {"a", "b"}, 2, is_ordered<CompareOp::greater_equal>},
    {"<", {"a", "b"}, 2, is_ordered<CompareOp::less>},
    {"lt", {"a", "b"}, 2, is_ordered<CompareOp::less>},
    {"lessthan", {"a", "b"}, 2, is_ordered<CompareOp::less>},
    {"<=", {"a", "b"}, 2, is_ordered<CompareOp::less_equal>},
    {"le", {"a", "b"}, 2, is_ordered<CompareOp::less_equal>},
};

} // namespace

Table value_tests() { return kTests; }

} // namespace weft::detail::jinja
