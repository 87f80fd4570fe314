// SPDX-License-Identifier: Apache-2.0
// L5: tokenizers from what is not a file of theirs.
#pragma once
#include "io/gguf_metadata.hpp"
#include "text/tokenizer/tokenizer_parts.hpp"
#include <weft/tokenizer.hpp>

namespace weft::detail::text {

/// `parts.model` must be set.
Tokenizer tokenizer_of(TokenizerParts parts);
/// From the metadata of a GGUF file.
Result<Tokenizer> tokenizer_of(const GgufMetadata& metadata);

} // namespace weft::detail::text
