// SPDX-License-Identifier: Apache-2.0
// L5: DeltaNet (Schlag et al. 2021; Yang et al. 2024, Parallelizing linear transformers with the delta rule) and Gated
// DeltaNet (Yang et al. 2024), as flash-linear-attention's classes write them.
#include "models/fla_parts.hpp"
#include "models/mixer_parts.hpp"
#include <cmath>

namespace weft::detail::delta_net {
namespace {

using kernel::Activation;

struct Config : FlaSizes {
    DeltaSizes delta; // taps 0: no convolutions
    bool decays, gated, negative_eigenvalues, by_sum = false;
    Activation keys = Activation::silu; // on q and k
};

Result<Config> read_gated(const JsonObject& c, Config o) {
    DeltaSizes& d = o.delta;
    weft_ASSIGN(d.key_heads, c.count_or("num_heads", 6));
    weft_ASSIGN(d.value_heads, count_or_none(c, "num_v_heads", 0));
    if (d.value_heads == 0) d.value_heads = d.key_heads;
    if (d.value_heads % d.key_heads) return c.bad("num_v_heads", "must be a multiple of num_heads");
    weft_ASSIGN(d.key_size, c.count_or("head_dim", 256));
    weft_ASSIGN(const double expand, c.number_or("expand_v", 2));
    const double size = d.key_size * expand, whole = std::round(size);
    if (!(whole >= 1 && whole <= 0x1p20) || std::abs(size - whole) > 1e-5 * whole)
        return c.bad("expand_v", "times head_dim must be channels of a head, at most 2^20");
    d.value_size = uint32_t(whole);
    weft_ASSIGN(o.gated, c.boolean_or("use_gate", true));
    o.decays = true;
    return o;
}

Result<Config> read_plain(const JsonObject& c, Config o) {
    weft_ASSIGN(const FlaHeads h, read_fla_heads(c, o.width, 16, 1, 1));
    o.delta.key_heads = o.delta.value_heads = h.heads;
    o.delta.key_size = h.key_size;
    o.delta.value_size = h.value_size;
    weft_ASSIGN(o.gated, c.boolean_or("use_gate", false));
    for (const char* key : {"use_beta", "use_output_norm"}) {
        weft_ASSIGN(const bool there, c.boolean_or(key, true));
        if (!there)
            return Error{ErrorCode::unsupported,
                         c.origin() + ": key '" + key + "' is false, which is not supported for this model",
                         {}};
    }
    const std::pair<const char*, Activation> known[] = {{"silu", Activation::silu},
                                                        {"relu", Activation::relu},
                                                        {"elu", Activation::elu_plus_one},
                                                        {"identity", Activation::none}};
    weft_ASSIGN(const std::string activation, c.string_or("qk_activation", "silu"));
    const auto found = std::ranges::find(known, activation, [](const auto& k) { return std::string(k.first); });
    if (found == std::end(known)) return c.bad("qk_activation", "must be silu, relu, elu or identity");
    o.keys = found->second;
    weft_ASSIGN(const std::string norm, c.string_or("qk_norm", "l2"));
    if (norm != "l2" && norm != "sum") return c.bad("qk_norm", "must be l2 or sum");
    o.by_sum = norm == "sum";
    return o;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<FlaSizes&>(o), read_fla(c, 4));
    weft_ASSIGN(const std::string type, c.string("model_type"));
    weft_ASSIGN(o, type == "delta_net" ? read_plain(c, o) : read_gated(c, o));
    const DeltaSizes& d = o.delta;
    if (2 * uint64_t(d.key_heads) * d.key_size + 2 * uint64_t(d.value_heads) * (d.value_size + 1) >= uint64_t(1) << 31)
        return c.bad("num_heads", "times the size of a head is too large");
    weft_ASSIGN(o.negative_eigenvalues, c.boolean_or("allow_neg_eigval", false));
    weft_ASSIGN(o.delta.taps, read_fla_taps(c, true));
    return o;
}

GatedDeltaSpec delta(Builder& builder, const std::string& at, const Config& c) {
    const DeltaSizes& d = c.delta;
    GatedDeltaSpec g;
    g.key_heads = d.key_heads;
    g.value_heads = d.value_heads;
    g.key_size = d.key_size;
    g.value_size = d.value_size;
    g.gated = c.gated;
    g.decays = c.decays;
    if (c.decays) {
        g.dt_bias = builder.vector(at + "dt_bias", {d.value_heads});
        g.a = builder.vector(at + "A_log", {d.value_heads}, builder.decay());
    }
    std::vector<Builder::Part> parts{{at + "q_proj", d.keys()}, {at + "k_proj", d.keys()}, {at + "v_proj", d.values()}};
    if (c.gated) parts.push_back({at + "g_proj", d.values()});
    parts.push_back({at + "b_proj", d.value_heads});
    if (c.decays) parts.push_back({at + "a_proj", d.value_heads});
    g.in = builder.stacked_linear(at + "in", parts, c.width);
    const bool alike = c.keys == Activation::silu; // q, k and v: then the convolution has it
    if (d.taps)
        g.conv = {builder.stacked(at + "conv1d",
                                  {{at + "q_conv1d.weight", d.keys()},
                                   {at + "k_conv1d.weight", d.keys()},
                                   {at + "v_conv1d.weight", d.values()}},
                                  d.taps, false),
                  kNoWeight, d.mixed(), d.taps, alike ? Activation::silu : Activation::none};
    if (!d.taps || !alike) {
        g.key_activation = c.keys;
        g.value_activation = Activation::silu;
    }
    if (c.by_sum) g.key_norm = {.present = true, .kind = kernel::NormKind::sum, .eps = 0};
    g.beta_scale = c.negative_eigenvalues ? 2 : 1;
    g.norm = builder.rms(at + "o_norm.weight", d.value_size, c.eps);
    g.out = builder.linear(at + "o_proj", c.width, d.values());
    return g;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    return fla_decoder(config, files, c, [&](Builder& builder, const std::string& at, uint32_t, Op& op) -> Status {
        op = delta(builder, at, c);
        return Ok{};
    });
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"delta_net", "gated_deltanet"},
                                "DeltaNet and Gated DeltaNet",
                                "the delta rule, with a decay or without, short convolutions, negative eigenvalues",
                                schedule,
                                {},
                                {},
                                fla_keys_not_read({{"conv_size", "there are no convolutions"}})};

} // namespace weft::detail::delta_net
