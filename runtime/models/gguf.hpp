// SPDX-License-Identifier: Apache-2.0
// L5: GGUF files in the words of config.json and of the weights' names there, and back. What the converter did to
// the values is each architecture's own matter.
#pragma once
#include "io/gguf_writer.hpp"
#include "models/architecture.hpp"

namespace weft::detail {

/// In a config made from metadata: the metadata's key for each of the config's, for messages.
inline constexpr const char* kGgufKeys = "gguf_keys";
/// The metadata's keys that such a config has whatever the architecture: they count as used where it asks for what
/// became of them.
inline constexpr const char* kGgufShared = "gguf_shared_keys";

/// The config of a file that `side` reads: the keys that transformers has for what the metadata give, sizes, positions
/// and experts first, then the side's own.
Result<Json> gguf_config(const GgufSide& side, const ModelFiles& files);
/// The other direction: every key that GGUF has for what a decoder says, the side's own first. Positions are not among
/// them.
void write_gguf_keys(const Schedule& schedule, const GgufSide& side, GgufWriter& writer);

/// Gives what the config has under `from` under another name too.
void gguf_rename(Json& config, const char* from, const char* to);

/// A truth for each of the config's layers, from an array of truths or numbers; nothing where there is no array.
Result<std::optional<std::vector<bool>>> gguf_truths(const ModelFiles& files, const Json& config, const char* key);

/// A whole number for each of the config's layers, from an array, or from one that all have.
Result<std::vector<int64_t>> gguf_each_layer(const ModelFiles& files, const Json& config, const char* key);

/// layer_types of a model whose layers slide, if the config has a window: attention.sliding_window_pattern is a list of
/// truths, or a number of layers of which all but the last slide; without it that is `period`.
Status gguf_windows(const ModelFiles& files, Json& config, uint32_t period);

/// Refuses experts that are not scored by a sigmoid: expert_gating_func, which the config has as "gating"; 0 and 2 are
/// right.
Status gguf_sigmoid_scores(const ModelFiles& files, const Json& config);

/// A size of a config made from metadata; an error speaks of the metadata's key.
Result<uint32_t> gguf_count(const ModelFiles& files, const Json& config, const char* name);

/// An error about a key of a config made from metadata, with the metadata's key in its place.
Error in_gguf_words(Error error, const Json& config);

/// The base of rotary frequencies that nothing scales, as people write it.
double rope_base(const Schedule& schedule, const Rope& rope);
/// Refuses rotary positions that differ between layers that slide and others.
Status gguf_one_rope(const ModelFiles& files, const Json& config);

/// The inner width of the recurrent mixers, ssm.inner_size, as a multiple of the model's under NAME.
Status gguf_expand(const ModelFiles& files, Json& config, const char* name);

/// The name that GGUF files have for a weight: "layers.3.self_attn.q_proj.weight" is "blk.3.attn_q.weight". `own` comes
/// before the usual names. A name without another stays.
std::string gguf_name(const std::string& name, std::span<const GgufName> own = {});

} // namespace weft::detail
