// SPDX-License-Identifier: Apache-2.0
// L6: how a model's files say that it embeds: what sentence-transformers writes beside it (modules.json and the folders
// that it names), or a GGUF file's pooling_type.
#pragma once
#include "io/model_files.hpp"
#include <optional>
#include <weft/embed.hpp>

namespace weft::detail {

struct EmbedderFiles {
    std::optional<Pooling> pooling;
    bool normalize = false;
    uint32_t context = 0; ///< max_seq_length; 0: not said
};

/// Fails (unsupported) on modules, and kinds of pooling, that weft does not have, by their names.
Result<EmbedderFiles> read_embedder_files(const ModelFiles& files, const std::filesystem::path& path);

} // namespace weft::detail
