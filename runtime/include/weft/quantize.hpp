// SPDX-License-Identifier: Apache-2.0
// Public: a model directory as one quantized GGUF file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
#include <weft/error.hpp>
#include <weft/export.hpp>
#include <weft/progress.hpp>

namespace weft {

struct QuantizeOptions {
    /// How matrices are written: "f32", "f16", "bf16", "q8_0", "q4_0", "q5_0", "q5_1", "q4_k", "q5_k" or "q6_k".
    /// Vectors, convolutions, routers and learned positions stay f32; the table of tokens and the head are at least
    /// q6_k. Rows that are not whole blocks of a type get the next finer one that fits.
    std::string type = "q8_0";
    /// Other types for tensors whose names match a shell pattern ("blk.*.ffn_down.weight" and "q6_k");
    /// the last match counts.
    std::vector<std::pair<std::string, std::string>> keep;
    ProgressFunction progress; ///< stage write, in bytes; a call that is stopped leaves nothing behind
};

struct QuantizeReport {
    std::string architecture; ///< general.architecture
    uint32_t tensors = 0;
    uint64_t bytes = 0; ///< of the file
    /// tokenizer.ggml.model. "none": no kind can hold the tokenizer, and the file has its tokenizer.json
    /// (key tokenizer.huggingface.json), which weft reads. Empty: the file has no tokenizer.
    std::string vocabulary;
    /// What the kind cannot say of the tokenizer, or why there is no kind; then weft reads tokenizer.huggingface.json
    /// where there is one. Empty: it says everything.
    std::string vocabulary_note;
    bool text_alone = false; ///< the model sees pictures, too: its towers are not in the file
};

/// Writes the model directory `from` as the GGUF file `to`, whole or not at all. The file is read back before any
/// weight is written: a model that GGUF cannot say exactly is refused (ErrorCode::unsupported), with what would be
/// lost; and so is one with weights that are NaN, infinite or too large for their type (ErrorCode::malformed). On one
/// thread; other processes may read `to` meanwhile and see the old file.
weft_API Result<QuantizeReport> quantize(const std::filesystem::path& from, const std::filesystem::path& to,
                                         const QuantizeOptions& options);

} // namespace weft
