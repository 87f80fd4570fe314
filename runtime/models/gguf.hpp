// SPDX-License-Identifier: Apache-2.0
// L5: GGUF files in the words of config.json and of the weights' names there. What the converter did to the values is each architecture's own matter.
#pragma once
#include "base/json.hpp"
#include "io/model_files.hpp"

namespace weft {

/// The config of a decoder: the keys that transformers has for the sizes, positions and experts that most architectures' metadata give.
Result<Json> gguf_decoder(const ModelFiles& files, const char* model_type);

/// The names that GGUF files may have for a weight: "layers.3.self_attn.q_proj.weight" is "blk.3.attn_q.weight". A name without another stays.
std::vector<std::string> gguf_names(const std::string& name);

} // namespace weft
