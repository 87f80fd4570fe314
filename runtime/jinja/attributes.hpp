// SPDX-License-Identifier: Apache-2.0
// L0: what the filters on sequences share: attributes by a path as "address.city" or 0, and keys that ignore case.
#pragma once
#include "jinja/interpreter.hpp"

namespace weft::detail::jinja {

/// The parts of an attribute's path: names and indices. None or `missing`: no parts, the item itself.
Result<std::vector<Value>> attribute_path(Interpreter& in, const Value& attribute);
/// Follows the path from `item`; where something is undefined, `otherwise` if that is given.
Result<Value> follow(Interpreter& in, Value item, const std::vector<Value>& path, const Value& otherwise = Value());
/// Text in lower case, unless case counts; all else as it is.
Value sort_key(Interpreter& in, const Value& value, bool case_sensitive);

} // namespace weft::detail::jinja
