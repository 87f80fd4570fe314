// SPDX-License-Identifier: Apache-2.0
// The cases of kernels/peaks.
#pragma once
#include "cases/case.hpp"

namespace weft::detail::kernel::cases::peaks {

enum class Options { copy, multiply_add };

CaseTable<Options> table();

} // namespace weft::detail::kernel::cases::peaks
