// SPDX-License-Identifier: Apache-2.0
// L5: finds out what a path holds and lets the reader of that kind make the parts.
#pragma once
#include "text/files/tokenizer_settings.hpp"

namespace weft::detail::text {

/// A tokenizer file of any kind, a GGUF file, or a directory.
Result<TokenizerParts> load_tokenizer(const std::filesystem::path& path);

/// tokenizer.json, or in its words a vocab.json with the merges.txt beside it, if there
/// is one, or a vocab.txt of `text`.
Result<Json> tokenizer_as_json(const std::filesystem::path& path, std::string_view text,
                               const TokenizerSettings& settings);

} // namespace weft::detail::text
