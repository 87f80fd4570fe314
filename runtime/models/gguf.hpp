// SPDX-License-Identifier: Apache-2.0
// L5: GGUF files in the words of config.json and of the weights' names there. What the converter did to
// the values is each architecture's own matter.
#pragma once
#include "models/architecture.hpp"

namespace weft {

/// In a config made from metadata: the metadata's key for each of the config's, for messages.
inline constexpr const char* kGgufKeys = "gguf_keys";

/// The config of a decoder: the keys that transformers has for the sizes, positions and experts
/// that most architectures' metadata give.
Result<Json> gguf_decoder(const ModelFiles& files, const char* model_type);

/// Adds what the metadata have under ARCHITECTURE.KEY as NAME; what they do not have stays absent.
Status gguf_copy(const ModelFiles& files, Json& config,
                 std::initializer_list<std::pair<const char*, const char*>> keys_and_names);

/// layer_types of a hybrid: attention where head_count_kv, an array, is not 0.
Status gguf_layer_types(const ModelFiles& files, Json& config);

/// The inner width of the recurrent mixers, ssm.inner_size, as a multiple of the model's under NAME.
Status gguf_expand(const ModelFiles& files, Json& config, const char* name);

/// True if layer 0, or else any of the layers, has the tensor blk.N.NAME.
bool gguf_has(const ModelFiles& files, const std::string& name);

/// The name that GGUF files have for a weight: "layers.3.self_attn.q_proj.weight" is "blk.3.attn_q.weight".
/// `own` comes before the usual names. A name without another stays.
std::string gguf_name(const std::string& name, std::span<const GgufName> own = {});

} // namespace weft
