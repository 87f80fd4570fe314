// SPDX-License-Identifier: Apache-2.0
// L5: a directory's tokenizer as the vocabulary of a GGUF file.
#pragma once
#include "io/gguf_writer.hpp"
#include "io/model_files.hpp"

namespace weft::detail {

struct GgufVocabularyReport {
    std::string kind; ///< tokenizer.ggml.model; "none": only tokenizer.huggingface.json; empty: nothing is written
    std::string note; ///< what the kind cannot say of the tokenizer, or why there is no kind; empty: it says everything
};

/// Writes tokenizer.ggml.* from tokenizer.json, a SentencePiece model or RWKV's vocabulary: byte-level BPE as "gpt2",
/// BPE with byte fallback as "llama", Unigram as "t5", WordPiece as "bert".
/// Where these keys cannot say all of a tokenizer.json, the key tokenizer.huggingface.json holds it whole.
/// `vocabulary` is the number of rows of the embedding; ids without a token become unused ones.
Result<GgufVocabularyReport> write_gguf_vocabulary(const ModelFiles& files, uint32_t vocabulary, GgufWriter& writer);

} // namespace weft::detail
