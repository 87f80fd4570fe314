// SPDX-License-Identifier: Apache-2.0
// L0: what lies where a file of weights should be: pages, pointers and what else downloads leave.
#pragma once
#include "base/result.hpp"
#include <cstddef>
#include <span>

namespace weft::detail {

/// The error for bytes that do not begin as a file of `kind` ("GGUF") does: what they begin with, escaped, and for what
/// is often found so (a Git LFS pointer, a web page, an archive, nothing at all) what that means.
Error not_a_file_of(const char* kind, std::span<const std::byte> bytes);

} // namespace weft::detail
