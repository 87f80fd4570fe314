// SPDX-License-Identifier: Apache-2.0
// L0: Python's operators on values.
#pragma once
#include "jinja/tree.hpp"

namespace weft::detail::jinja {

bool truth(const Value& value);
Result<bool> equals(Interpreter& in, const Value& a, const Value& b);
/// `op`: one of <, <=, >, >=.
Result<bool> ordered(Interpreter& in, CompareOp op, const Value& a, const Value& b);
Result<bool> contains(Interpreter& in, const Value& container, const Value& item);
Result<Value> binary(Interpreter& in, BinaryOp op, const Value& a, const Value& b);
Result<Value> unary(Interpreter& in, UnaryOp op, const Value& operand);
/// Stable, by <.
Status sort_values(Interpreter& in, std::vector<Value>& keys, std::vector<Value>& values, bool reverse);

/// "unsupported operand type(s) for ..." and its like.
Error operand_error(std::string_view symbol, const Value& a, const Value& b);
/// What an operation on an undefined value says.
Error undefined_error(const Value& value);

} // namespace weft::detail::jinja
