// SPDX-License-Identifier: Apache-2.0
// L5: what the models of flash-linear-attention (Yang and Zhang) share: their configs' words, weight names and layers.
#pragma once
#include "layers/linear_attention.hpp"
#include "models/decoder_parts.hpp"

namespace weft::detail {

struct FlaSizes {
    uint32_t layers = 0, width = 0, inner = 0;
    double eps = 0; ///< norm_eps
    kernel::Activation activation = kernel::Activation::silu;
};
/// `ratio`: hidden_ratio where a config has none. Attention between such layers (attn) is refused.
Result<FlaSizes> read_fla(const JsonObject& config, double ratio);
/// Settings of how the library computes and trains; with what an architecture has itself.
std::vector<NotRead> fla_keys_not_read(std::vector<NotRead> own = {});

/// Queries' heads, with keys and values of which neighbours share one.
struct FlaHeads {
    uint32_t heads = 0, kv_heads = 0, key_size = 0, value_size = 0;
    uint32_t keys() const { return heads * key_size; }
    uint32_t values() const { return heads * value_size; }
};
/// num_heads, num_kv_heads, expand_k and expand_v; the arguments are what absent ones mean.
Result<FlaHeads> read_fla_heads(const JsonObject& config, uint32_t width, uint32_t heads, double expand_k,
                                double expand_v);
/// Taps of the convolutions of q, k and v: conv_size, 0 if use_short_conv says that there are none.
Result<uint32_t> read_fla_taps(const JsonObject& config, bool there);

/// Rows of `name` for heads of `size` channels each, from row `first` of the weight on: as often as queries share them.
std::vector<Builder::Part> fla_shared(const FlaHeads& h, const std::string& name, uint32_t size, uint32_t first = 0);
/// Sizes and scale, at + q_proj, k_proj, v_proj and o_proj.
LinearAttentionSpec fla_attention(Builder& builder, const std::string& at, const FlaHeads& h, uint32_t width);
/// The same of its convolution: at + q_conv1d, k_conv1d and v_conv1d.
Conv fla_conv(Builder& builder, const std::string& at, const FlaHeads& h, uint32_t taps);
/// The norm of each head and the gate behind it, of GLA and RetNet: use_output_gate, elementwise_affine.
Status add_fla_gate(const JsonObject& config, Builder& builder, const std::string& at, const FlaSizes& sizes,
                    LinearAttentionSpec& a);
/// Weights unless elementwise_affine says that there are none.
Result<Norm> fla_norm(const JsonObject& config, Builder& builder, const std::string& name, uint32_t width, double eps);

/// Makes the mixer of layer i under the names `at`.
using FlaMixer = std::function<Status(Builder&, const std::string& at, uint32_t i, Op& mixer)>;
Result<Schedule> fla_decoder(const JsonObject& config, const ModelFiles& files, const FlaSizes& sizes,
                             const FlaMixer& mixer);

} // namespace weft::detail
