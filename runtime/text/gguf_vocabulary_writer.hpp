// SPDX-License-Identifier: Apache-2.0
// L5: a directory's tokenizer as the vocabulary of a GGUF file.
#pragma once
#include "io/gguf_writer.hpp"
#include "io/model_files.hpp"

namespace weft {

/// Writes tokenizer.ggml.* from tokenizer.json, tokenizer_config.json and the configs: byte-level BPE as "gpt2", BPE with byte fallback as "llama". `vocabulary` is the number of rows of
/// the embedding; ids without a token become unused ones. Returns tokenizer.ggml.model, or "" where there is no tokenizer that GGUF can hold: then nothing is written.
Result<std::string> write_gguf_vocabulary(const ModelFiles& files, uint32_t vocabulary, GgufWriter& writer);

} // namespace weft
