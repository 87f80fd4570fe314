// SPDX-License-Identifier: Apache-2.0
// L5: a tokenizer.json as transformers understands it: with what the class of the tokenizer and the files beside it
// change.
#pragma once
#include "text/files/tokenizer_settings.hpp"

namespace weft::detail::text {

/// Adds what only `settings` say: special tokens, and the keys `split_special_tokens` and
/// `clean_up_tokenization_spaces` where they count, which read_tokenizer_json() knows. What cannot be understood is
/// left to that reader. Does nothing where there was no directory to look in.
Status apply_settings(Json& tokenizer, const TokenizerSettings& settings);

/// The same for what was read from a tokenizer.json: some classes take the vocabulary, merges and post-processor alone
/// from it and make the other parts themselves, from settings such as `add_prefix_space`, with special tokens of their
/// own. Which class it is follows from `tokenizer_class` and from the model's type. Source: transformers 5.24,
/// tokenization_auto.py and the classes' own files.
Status apply_class_and_settings(Json& tokenizer, const TokenizerSettings& settings);

} // namespace weft::detail::text
