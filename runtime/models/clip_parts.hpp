// SPDX-License-Identifier: Apache-2.0
// L5: the parts that CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023) share, in towers of pictures and of
// texts.
#pragma once
#include "models/encoder_parts.hpp"

namespace weft::detail {

/// The outputs of one row each, in the space that pictures and texts share.
inline constexpr const char *kImageEmbeds = "image_embeds", *kTextEmbeds = "text_embeds";

struct ClipConfig {
    uint32_t layers = 0, width = 0, inner = 0;
    Heads heads;
    double eps = 0;
    kernel::Activation activation = kernel::Activation::quick_gelu;
};
/// What config classes take where a key is absent.
struct ClipDefaults {
    uint32_t width, inner, heads;
    double eps;
    const char* activation;
};
Result<ClipConfig> read_clip(const JsonObject& config, const ClipDefaults& defaults);
/// Whether the pooled row goes through `tensor` too: the file has it, or, of a config alone, its class says so.
Result<bool> has_projection(const JsonObject& config, const Builder& builder, const ModelFiles& files,
                            const std::string& tensor);
/// Adds a product with the pooled row, the last stage's, and its result as an output.
void add_projection(Schedule& schedule, const std::string& name, const Linear& product);
/// Makes the rows of an output of one length, as an output of that name in its place.
void normalise_output(Schedule& schedule, const std::string& output, const std::string& name);
/// The layers encoder.layers.N.
std::vector<Layer> clip_layers(Builder& builder, const ClipConfig& config, bool causal);

} // namespace weft::detail
