// SPDX-License-Identifier: Apache-2.0
// L5: Mamba-2 (Dao & Gu 2024): state-space duality layers alone.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"

namespace weft::detail::mamba2 {
namespace {

struct Config {
    uint32_t layers, width;
    double eps;
    Mamba2Sizes mamba;
};

constexpr Mamba2Keys kKeys{.heads = {"num_heads", 128},
                           .groups = {"n_groups", 8},
                           .state_size = {"state_size", 128},
                           .taps = {"conv_kernel", 4},
                           .head_size = {"head_dim", 64},
                           .bias = "use_bias",
                           .conv_bias = "use_conv_bias"};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_epsilon", 1e-5));
    weft_ASSIGN(const uint32_t expand, c.count_or("expand", 2));
    weft_ASSIGN(o.mamba, read_mamba2(c, uint64_t(expand) * o.width, kKeys));
    weft_TRY(read_time_step_limit(c, o.mamba));
    return o;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"backbone.", "model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false,
                           {.embedding = "embeddings.weight|embedding.weight", .norm = "norm_f.weight"}));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        const Mamba2Spec m = usual_mamba2(builder, at + "mixer.", c.width, c.mamba, c.eps);
        decoder_of(s).layers.push_back({{{.pre = builder.rms(at + "norm.weight", c.width, c.eps), .branches = {{m}}}}});
    }
    return s;
}

Status complete(const ModelFiles& files, Json& config) {
    weft_TRY(gguf_expand(files, config, "expand"));
    weft_ASSIGN(const uint32_t inner, gguf_count(files, config, "inner"));
    weft_ASSIGN(const uint32_t heads, gguf_count(files, config, "num_heads"));
    config["head_dim"] = inner / heads;
    config["use_conv_bias"] = config["use_bias"] = true;
    return Ok{};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"mamba2"},
                                "Mamba-2",
                                "state-space duality alone: head groups, limits on dt, gate before a grouped norm",
                                schedule,
                                {{.name = "mamba2",
                                  .model_type = "mamba2",
                                  .keys = mamba2_gguf(kKeys, "inner"),
                                  .complete = complete,
                                  .epsilon = {"attention.layer_norm_rms_epsilon", "layer_norm_epsilon", said_epsilon}}},
                                {},
                                {{"chunk_size", "how the reference implementation computes"},
                                 {"time_step_rank", "of Mamba-1"},
                                 {"time_step_min", "training"},
                                 {"time_step_max", "training"},
                                 {"time_step_floor", "training"}}};

} // namespace weft::detail::mamba2
