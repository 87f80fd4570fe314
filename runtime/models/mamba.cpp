// SPDX-License-Identifier: Apache-2.0
// L5: Mamba (Gu & Dao 2023): selective scans alone. Falcon-Mamba (Zuo et al. 2024) adds
// norms without weights on dt, B and C.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"

namespace weft::detail::mamba {
namespace {

// What the two config classes disagree on.
struct Class {
    const char* type;
    bool inner_norms; // on dt, B and C
};
constexpr Class kClasses[] = {{"mamba", false}, {"falcon_mamba", true}};

struct Config {
    uint32_t layers, width;
    double eps, inner_eps;
    Mamba1Sizes mamba;
};

constexpr Mamba1Keys kKeys{"expand",   "state_size",    "time_step_rank",   "conv_kernel",
                           "use_bias", "use_conv_bias", "intermediate_size"};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_epsilon", 1e-5));
    weft_ASSIGN(o.inner_eps, epsilon_or(c, "mixer_rms_eps", 1e-6));
    weft_ASSIGN(o.mamba, read_mamba1(c, o.width, kKeys));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    const Class& k = class_of(kClasses, config);
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"backbone.", "model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, true,
                           {.embedding = "embeddings.weight|embedding.weight", .norm = "norm_f.weight"}));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        MambaSpec m = usual_mamba1(builder, at + "mixer.", c.width, c.mamba);
        if (k.inner_norms) m.dt_norm = m.b_norm = m.c_norm = {.present = true, .eps = float(c.inner_eps)};
        decoder_of(s).layers.push_back({{{.pre = builder.rms(at + "norm.weight", c.width, c.eps), .branches = {{m}}}}});
    }
    return s;
}

Status complete(const ModelFiles& files, Json& config) {
    weft_TRY(gguf_expand(files, config, "expand"));
    config.erase("intermediate_size"); // of a feed-forward network, which there is not
    if (config["inner_norms"] == true) config["model_type"] = "falcon_mamba";
    config["use_conv_bias"] = config["use_bias"] = true;
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"mamba", "falcon_mamba"},
                                "Mamba, Falcon-Mamba",
                                "selective scans alone; norms on dt, B and C",
                                schedule,
                                {{.name = "mamba",
                                  .model_type = "mamba",
                                  .keys = mamba1_gguf(kKeys, "inner_norms"),
                                  .complete = complete,
                                  .epsilon = {"attention.layer_norm_rms_epsilon", "layer_norm_epsilon", said_epsilon}}},
                                {},
                                {{"expand", "intermediate_size says the same"},
                                 {"d_model", "hidden_size says the same"},
                                 {"d_inner", "intermediate_size says the same"},
                                 {"n_layer", "num_hidden_layers says the same"},
                                 {"rms_norm", "always"},
                                 {"fused_add_norm", "how the reference implementation computes"},
                                 {"pad_vocab_size_multiple", "vocab_size counts"},
                                 {"time_step_*", "training"}}};

} // namespace weft::detail::mamba
