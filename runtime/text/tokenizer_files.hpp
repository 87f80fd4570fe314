// SPDX-License-Identifier: Apache-2.0
// L5: finds out what a path holds and lets the reader of that kind make the parts.
#pragma once
#include "text/tokenizer_parts.hpp"
#include <filesystem>

namespace weft::text {

/// A tokenizer file of any kind, a GGUF file, or a directory.
Result<TokenizerParts> load_tokenizer(const std::filesystem::path& path);

} // namespace weft::text
