// SPDX-License-Identifier: Apache-2.0
// L5: Nemotron-H and Nemotron 3 (NVIDIA 2025): one block a layer, which is Mamba-2, attention without positions, a
// feed-forward block or experts, all of them with squared ReLUs and without gates.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"
#include "models/mixer_parts.hpp"
#include <algorithm>

namespace weft::detail::nemotron_h {
namespace {

enum class Kind { mamba, attention, mlp, experts };
struct KindWords {
    Kind kind;
    char letter;      ///< in hybrid_override_pattern
    const char *word, ///< in layers_block_type
        *older;
};
constexpr KindWords kKinds[] = {{Kind::mamba, 'M', "linear_attention", "mamba"},
                                {Kind::attention, '*', "full_attention", "attention"},
                                {Kind::mlp, '-', "mlp", "mlp"},
                                {Kind::experts, 'E', "moe", "moe"}};

struct Config {
    std::vector<Kind> layers;
    uint32_t width, inner, shared_inner;
    double eps;
    Heads heads;
    bool mlp_bias;
    kernel::Activation activation;
    Mamba2Sizes mamba;
    Experts experts;
    CorrectedRouting routing;
    bool has(Kind kind) const { return std::ranges::find(layers, kind) != layers.end(); }
};

// A list of words, or a string of letters, which counts where there is no list.
Result<std::vector<Kind>> read_layers(const JsonObject& c) {
    std::vector<Kind> layers;
    const auto add = [&](auto is) {
        const auto* found = std::ranges::find_if(kKinds, is);
        if (found == std::end(kKinds)) return false;
        layers.push_back(found->kind);
        return true;
    };
    const char* key = either(c, "layers_block_type", "layer_types");
    if (c.has(key)) {
        weft_ASSIGN(const auto words, c.strings(key));
        for (const std::string& word : words)
            if (!add([&](const KindWords& k) { return word == k.word || word == k.older; }))
                return c.bad(key, "holds " + in_quotes(word) +
                                      "; layers are 'linear_attention', 'full_attention', 'mlp' or 'moe'");
    } else {
        key = "hybrid_override_pattern";
        weft_ASSIGN(const std::string letters, c.string(key));
        for (const char letter : letters)
            if (!add([&](const KindWords& k) { return letter == k.letter; }))
                return c.bad(key, "holds " + in_quotes(std::string(1, letter)) + "; its letters are M, *, - and E");
    }
    if (layers.empty() || layers.size() > kMostLayers)
        return c.bad(key, "must name 1 to " + std::to_string(kMostLayers) + " layers");
    weft_ASSIGN(const uint32_t count, c.count_or("num_hidden_layers", uint32_t(layers.size())));
    if (count != layers.size())
        return c.bad("num_hidden_layers", "is " + std::to_string(count) + ", but '" + key + "' names " +
                                              std::to_string(layers.size()) + " layers");
    return layers;
}

Mamba2Keys mamba_keys(const JsonObject& c) {
    return {.heads = {"mamba_num_heads", 128},
            .groups = {either(c, "mamba_n_groups", "n_groups"), 8},
            .state_size = {"ssm_state_size", 128},
            .taps = {either(c, "mamba_d_conv", "conv_kernel"), 4},
            .head_size = {"mamba_head_dim", 64},
            .bias = "use_bias",
            .conv_bias = either(c, "mamba_conv_bias", "use_conv_bias"),
            .activation = "mamba_hidden_act"};
}

Status read_mamba(const JsonObject& c, Config& o) {
    const Mamba2Keys keys = mamba_keys(c);
    weft_ASSIGN(const uint32_t heads, c.count_or(keys.heads.name, keys.heads.otherwise));
    weft_ASSIGN(const uint32_t size, c.count_or(keys.head_size.name, keys.head_size.otherwise));
    if (uint64_t(heads) * size > INT32_MAX)
        return c.bad(heads > size ? keys.heads.name : keys.head_size.name, "is too large");
    weft_ASSIGN(o.mamba, read_mamba2(c, uint64_t(heads) * size, keys));
    const char* least = either(c, "mamba_dt_min", "time_step_min");
    weft_ASSIGN(o.mamba.dt_min, c.number_or(least, 0.001));
    if (!(o.mamba.dt_min >= 0)) return c.bad(least, "must not be negative");
    return Ok{};
}

Status read_experts(const JsonObject& c, Config& o) {
    const char* count_key = either(c, "n_routed_experts", "num_local_experts");
    weft_ASSIGN(o.experts.count, c.count_or(count_key, 8));
    weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 2));
    weft_ASSIGN(o.experts.inner, inner_width_or(c, "moe_intermediate_size", 7688));
    weft_ASSIGN(o.experts.renormalise, c.boolean_or("norm_topk_prob", true));
    weft_ASSIGN(o.experts.width, count_or_none(c, "moe_latent_size", 0));
    weft_TRY(check_experts(c, o.experts, uint32_t(o.layers.size()), count_key, "num_experts_per_tok"));
    weft_ASSIGN(o.shared_inner, inner_width_or(c, "moe_shared_expert_intermediate_size", 7688));
    weft_ASSIGN(o.routing, read_corrected_routing(c, o.experts));
    return Ok{};
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, read_layers(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_epsilon", 1e-5));
    weft_ASSIGN(o.heads, read_heads(c, o.width, 8, 128));
    weft_ASSIGN(o.activation, activation_of(c, "mlp_hidden_act", "relu2"));
    weft_ASSIGN(o.mlp_bias, c.boolean_or("mlp_bias", false));
    weft_ASSIGN(o.inner, inner_width_or(c, "intermediate_size", 21504));
    weft_TRY(read_mamba(c, o));
    if (o.has(Kind::experts)) weft_TRY(read_experts(c, o));
    return o;
}

MlpSpec mlp(Builder& builder, const std::string& at, const Config& c, uint32_t inner) {
    return {.in = builder.linear(at + "up_proj", inner, c.width, c.mlp_bias),
            .out = builder.linear(at + "down_proj", c.width, inner, c.mlp_bias),
            .inner = inner,
            .gated = false,
            .activation = c.activation};
}

MoeSpec experts(Builder& builder, const std::string& at, const Config& c) {
    MoeSpec m = usual_experts(builder, at, c.width, c.experts, c.activation, {.gate = ""});
    correct_routing(builder, m, at + "gate", c.routing);
    if (const uint32_t latent = c.experts.width) {
        m.latent_in = builder.linear(at + "fc1_latent_proj", latent, c.width, c.mlp_bias);
        m.latent_out = builder.linear(at + "fc2_latent_proj", c.width, latent, c.mlp_bias);
    }
    m.shared = mlp(builder, at + "shared_experts.", c, c.shared_inner);
    return m;
}

Op mixer(Builder& builder, const std::string& at, const Config& c, Kind kind) {
    switch (kind) {
    case Kind::mamba: return usual_mamba2(builder, at, c.width, c.mamba, c.eps);
    case Kind::attention: return usual_attention(builder, at, c.heads, c.width);
    case Kind::mlp: return mlp(builder, at, c, c.inner);
    default: return experts(builder, at, c);
    }
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"backbone.", "model.", ""});
    weft_TRY(
        decoder_frame(config, builder, s, c.eps, false, {.embedding = "embeddings.weight", .norm = "norm_f.weight"}));
    for (size_t i = 0; i < c.layers.size(); ++i) {
        const std::string at = layer_name(uint32_t(i));
        decoder_of(s).layers.push_back({{{.pre = builder.rms(at + "norm.weight", c.width, c.eps),
                                          .branches = {{mixer(builder, at + "mixer.", c, c.layers[i])}}}}});
    }
    return s;
}

constexpr const char* kInner = "feed_forward_length"; // 0 where a layer has no feed-forward block or experts

GgufSaid said_inner(const Schedule& s) {
    std::vector<int32_t> widths;
    for (const Layer& layer : decoder_of(s).layers) {
        const auto* dense = op_of<MlpSpec>(layer);
        const auto* sparse = op_of<MoeSpec>(layer);
        widths.push_back(int32_t(dense ? dense->inner : sparse ? sparse->inner : 0));
    }
    return widths;
}
GgufSaid said_latent(const Schedule& s) {
    const auto* m = first_op<MoeSpec>(s);
    return m && m->latent_in ? GgufSaid(m->latent_in.out) : GgufSaid();
}

constexpr Mamba2Keys kMambaKeys{.heads = {"mamba_num_heads", 0},
                                .groups = {"n_groups", 0},
                                .state_size = {"ssm_state_size", 0},
                                .taps = {"conv_kernel", 0}};

std::vector<GgufKey> gguf_keys() {
    std::vector<GgufKey> keys = mamba2_gguf(kMambaKeys, "inner");
    for (const GgufKey& key :
         {GgufKey{kInner, nullptr, said_inner},
          {"moe_latent_size", "moe_latent_size", said_latent, nullptr},
          {"expert_count", "n_routed_experts", nullptr, 0},
          {"expert_shared_feed_forward_length", "moe_shared_expert_intermediate_size", nullptr, nullptr},
          {"expert_weights_scale", "routed_scaling_factor", nullptr, 0},
          {"expert_weights_norm", "norm_topk_prob", nullptr, false},
          {"expert_group_count", "n_group", nullptr, 1},
          {"expert_group_used_count", "topk_group", nullptr, 1}})
        keys.push_back(key);
    return keys;
}

std::vector<NotRead> keys_not_read() {
    std::vector<NotRead> keys{{"moe_shared_expert_overlap", "how the reference implementation computes"}};
    for (const char* key : {"n_routed_experts", "num_experts_per_tok", "n_group", "topk_group", "norm_topk_prob",
                            "routed_scaling_factor", "moe_*"})
        keys.push_back({key, "no layer has experts"});
    for (const char* key : {"expand", "mamba_expand"})
        keys.push_back({key, "mamba_num_heads and mamba_head_dim say it"});
    for (const char* key : {"time_step_limit", "mamba_dt_limit"}) keys.push_back({key, "time_step_min says it"});
    for (const char* key : {"time_step_max", "mamba_dt_max", "time_step_floor", "mamba_dt_init_floor"})
        keys.push_back({key, "training"});
    keys.push_back({"*rope*", "there are no positions"});
    keys.push_back({"attention_bias", "the class has none"});
    keys.push_back({"mamba_proj_bias", "use_bias says it"});
    keys.push_back({"chunk_size", "how the reference implementation computes"});
    keys.push_back({"mamba_ssm_cache_dtype", "states are f32"});
    keys.push_back({"n_shared_experts", "one; moe_shared_expert_intermediate_size is its width"});
    keys.push_back({"mtp_*", "layers that draft further tokens are not run"});
    return keys;
}

// What kind each layer is: what has no heads of keys and no feed-forward width is Mamba-2. llama.cpp does not limit dt.
Status complete(const ModelFiles& files, Json& config, bool sparse) {
    const Json attends = std::move(config["layer_types"]);
    config.erase("layer_types");
    weft_ASSIGN(const auto widths, gguf_each_layer(files, config, kInner));
    config["intermediate_size"] = nullptr;
    Json kinds = Json::array();
    bool chooses = false;
    for (size_t i = 0; i < widths.size(); ++i) {
        const bool routes = files.find("blk." + std::to_string(i) + ".ffn_gate_inp.weight") != nullptr;
        kinds.push_back(widths[i] == 0 ? attends[i] : routes ? "moe" : "mlp");
        chooses = chooses || routes;
        if (widths[i] == 0 || routes) continue;
        if (!config["intermediate_size"].is_null() && config["intermediate_size"] != widths[i])
            return files.gguf()->bad(std::string(sparse ? "nemotron_h_moe." : "nemotron_h.") + kInner,
                                     "differs between feed-forward blocks, which is not supported");
        config["intermediate_size"] = widths[i];
    }
    if (chooses != sparse)
        return files.gguf()->bad("general.architecture",
                                 std::string("must be 'nemotron_h") + (chooses ? "_moe', for the model has experts"
                                                                               : "', for the model has no experts"));
    config["layers_block_type"] = std::move(kinds);
    weft_ASSIGN(const uint32_t inner, gguf_count(files, config, "inner"));
    weft_ASSIGN(const uint32_t heads, gguf_count(files, config, "mamba_num_heads"));
    config["mamba_head_dim"] = inner / heads;
    config["use_conv_bias"] = config["use_bias"] = config["mlp_bias"] = true;
    config["time_step_min"] = 0;
    if (config["routed_scaling_factor"] == 0) config["routed_scaling_factor"] = 1;
    return Ok{};
}
Status complete_dense(const ModelFiles& files, Json& config) { return complete(files, config, false); }
Status complete_sparse(const ModelFiles& files, Json& config) { return complete(files, config, true); }

const std::vector<GgufName> kGgufNames = {{"mixer.q_proj", "attn_q"},
                                          {"mixer.k_proj", "attn_k"},
                                          {"mixer.v_proj", "attn_v"},
                                          {"mixer.o_proj", "attn_output"},
                                          {"mixer.up_proj", "ffn_up"},
                                          {"mixer.down_proj", "ffn_down"},
                                          {"mixer.gate", "ffn_gate_inp"},
                                          {"mixer.gate.e_score_correction_bias", "exp_probs_b.bias"},
                                          {"mixer.experts.up_proj", "ffn_up_exps"},
                                          {"mixer.experts.down_proj", "ffn_down_exps"},
                                          {"mixer.shared_experts.up_proj", "ffn_up_shexp"},
                                          {"mixer.shared_experts.down_proj", "ffn_down_shexp"},
                                          {"mixer.fc1_latent_proj", "ffn_latent_down"},
                                          {"mixer.fc2_latent_proj", "ffn_latent_up"}};

GgufSide side(const char* name, Status (*complete)(const ModelFiles&, Json&)) {
    return {.name = name,
            .model_type = "nemotron_h",
            .keys = gguf_keys(),
            .complete = complete,
            .names = kGgufNames,
            .hybrid = true,
            .epsilon = {"attention.layer_norm_epsilon", "layer_norm_epsilon", said_epsilon}};
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"nemotron_h"},
    "Nemotron-H, Nemotron 3",
    "one block a layer: Mamba-2, attention without positions, squared ReLUs or experts of them, in a narrower space",
    schedule,
    {side("nemotron_h", complete_dense), side("nemotron_h_moe", complete_sparse)},
    {},
    keys_not_read(),
    {{"mtp.*", "layers that draft further tokens are not run"}}};

} // namespace weft::detail::nemotron_h
