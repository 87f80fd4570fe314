// SPDX-License-Identifier: Apache-2.0
// L5: linear attention (Katharopoulos et al. 2020, Transformers are RNNs), as flash-linear-attention's class writes it:
// features of queries and keys, perhaps learned (Yau et al. 2021's products of two layers), and no decay.
#include "models/fla_parts.hpp"

namespace weft::detail::linear_attn {
namespace {

using kernel::Activation;

constexpr float kSumEps = 1e-4f; // of what queries and keys may be divided by

struct Config : FlaSizes {
    FlaHeads heads;
    Activation feature = Activation::none;
    bool learned, tied, norm_q, norm_k, normalize;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<FlaSizes&>(o), read_fla(c, 4));
    weft_ASSIGN(o.heads, read_fla_heads(c, o.width, 4, 1, 1));
    weft_ASSIGN(const std::string map, c.string_or("feature_map", "elementwise_product"));
    o.learned = map == "elementwise_product";
    if (map == "elu") o.feature = Activation::elu_plus_one;
    else if (map == "relu") o.feature = Activation::relu;
    else if (!o.learned && map != "identity")
        return Error{ErrorCode::unsupported,
                     c.origin() + ": key 'feature_map' names the map '" + map + "', which is not supported",
                     {"weft knows: elementwise_product, elu, relu, identity"}};
    weft_ASSIGN(o.tied, c.boolean_or("tie_feature_map_qk", false));
    weft_ASSIGN(o.norm_q, c.boolean_or("norm_q", false));
    weft_ASSIGN(o.norm_k, c.boolean_or("norm_k", false));
    weft_ASSIGN(o.normalize, c.boolean_or("norm_feature_map", false));
    return o;
}

Linear map(Builder& builder, const std::string& name, uint32_t size) {
    return builder.stacked_linear(name, {{name + ".layer1", size}, {name + ".layer2", size}}, size, true);
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    return fla_decoder(config, files, c, [&](Builder& builder, const std::string& at, uint32_t, Op& op) -> Status {
        LinearAttentionSpec a = fla_attention(builder, at, c.heads, c.width);
        a.feature = c.feature;
        if (c.learned) { // one that both share may stand under either name
            const std::string q = at + "feature_map_q", k = at + "feature_map_k";
            a.q_map = map(builder, c.tied && !builder.has(q + ".layer1.weight") ? k : q, c.heads.key_size);
            a.k_map = c.tied && !builder.has(k + ".layer1.weight") ? a.q_map : map(builder, k, c.heads.key_size);
        }
        const Norm by_sum{.present = true, .kind = kernel::NormKind::sum, .eps = kSumEps};
        if (c.norm_q) a.q_norm = by_sum;
        if (c.norm_k) a.k_norm = by_sum;
        a.normalize = c.normalize;
        weft_ASSIGN(a.norm, fla_norm(config, builder, at + "norm.weight", a.value_size, c.eps));
        a.norm_heads = true;
        op = a;
        return Ok{};
    });
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"linear_attn"},
                                "Linear attention",
                                "features of queries and keys, learned or fixed, perhaps normalized; no decay",
                                schedule,
                                {},
                                {},
                                fla_keys_not_read()};

} // namespace weft::detail::linear_attn
