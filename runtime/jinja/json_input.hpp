// SPDX-License-Identifier: Apache-2.0
// L0: JSON as values of a template: objects keep their order, as Python's do.
#pragma once
#include "jinja/interpreter.hpp"

namespace weft::detail::jinja {

/// Messages begin with `origin`. Integers beyond 64 bits are refused.
Result<Value> read_json(Interpreter& in, std::string_view text, const std::string& origin);

} // namespace weft::detail::jinja
