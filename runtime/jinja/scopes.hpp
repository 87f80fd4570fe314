// SPDX-License-Identifier: Apache-2.0
// L0: which variable a name means. Jinja decides it before rendering: each loop, macro and block with a scope owns the
// names that it assigns, and a name that is assigned anywhere in a scope is that scope's from its beginning.
#pragma once
#include "jinja/tree.hpp"

namespace weft::detail::jinja {

/// Plans the slots of every scope of `tree` and points every name to its slot. Fails on filters
/// and tests that nobody has, outside a condition.
Status bind_names(Template& tree);

} // namespace weft::detail::jinja
