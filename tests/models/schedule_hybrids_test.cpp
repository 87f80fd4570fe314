// SPDX-License-Identifier: Apache-2.0
// State space models and hybrids: configs to schedules, against the goldens' files and with
// edited configs. No device needed.
#include "io/safetensors_writer.hpp"
#include "models/schedules.hpp"
#include <map>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

Json golden(const char* name) { return config_of(goldens() / name); }

Json without(const char* name, const char* key) {
    return edited(golden(name), [&](Json& c) { c.erase(key); });
}
Json with(const char* name, const char* key, Json value) {
    return edited(golden(name), [&](Json& c) { c[key] = std::move(value); });
}

// One letter a block: a attention, m Mamba, M Mamba-2, d Gated DeltaNet, c short convolution, r RG-LRU, f feed-forward,
// x experts, l linear; '|' between layers.
std::string pattern(const Schedule& s) {
    const std::map<std::string, char> letters{{"attention", 'a'},   {"mamba", 'm'},      {"mamba2", 'M'},
                                              {"gated_delta", 'd'}, {"short_conv", 'c'}, {"rg_lru", 'r'},
                                              {"mlp", 'f'},         {"moe", 'x'},        {"linear", 'l'}};
    std::string all;
    for (const Layer& layer : decoder_of(s).layers) {
        if (!all.empty()) all += '|';
        for (const Block& b : layer.blocks)
            for (const Branch& branch : b.branches) all += letters.at(branch.op.name());
    }
    return all;
}
std::string pattern(const Json& config) { return pattern(require_schedule(config)); }

// A golden's files with other tensors, written to a directory of their own.
using Tensors = std::map<std::string, std::pair<std::vector<uint64_t>, std::vector<float>>>;
std::string problems_with(const char* name, const std::function<void(Tensors&)>& edit) {
    auto files = ModelFiles::open(goldens() / name);
    REQUIRE(files);
    Tensors tensors;
    for (const TensorView* t : files->tensors()) {
        auto values = read_f32(*t);
        REQUIRE(values);
        tensors[t->name] = {t->shape, std::move(*values)};
    }
    edit(tensors);
    const TemporaryDirectory directory;
    directory.write("config.json", files->config()->dump());
    std::vector<TensorView> views;
    for (const auto& [key, t] : tensors)
        views.push_back({key, FileType::f32, t.first, std::as_bytes(std::span(t.second))});
    REQUIRE(write_safetensors(directory / "model.safetensors", views));
    auto changed = ModelFiles::open(directory.path());
    REQUIRE(changed);
    auto s = make_schedule(*changed);
    REQUIRE(s);
    std::string problems;
    for (const auto& p : check_weights(s->weights, *changed)) problems += p + "\n";
    return problems;
}

void rename(Tensors& tensors, const std::string& from, const std::string& to) {
    std::vector<std::string> names;
    for (const auto& [name, t] : tensors)
        if (name.find(from) != name.npos) names.push_back(name);
    REQUIRE(!names.empty());
    for (const auto& name : names) {
        std::string other = name;
        other.replace(name.find(from), from.size(), to);
        tensors[other] = std::move(tensors[name]);
        tensors.erase(name);
    }
}

} // namespace

TEST_CASE("hybrid goldens: the schedule fits the file", "[models]") {
    weft_GOLDEN(mamba, "mamba");
    for (const char* name :
         {"mamba", "falcon-mamba", "mamba2", "jamba", "bamba", "granite-hybrid", "granite-hybrid-dense", "zamba2",
          "falcon-h1", "falcon-h1-norm", "falcon-h1-batch", "qwen3-next", "olmo-hybrid", "lfm2", "lfm2-moe",
          "nemotron-h", "qwen3-5", "recurrent-gemma", "../models/tales-hybrid"}) {
        if (std::filesystem::exists(goldens() / name)) require_fit(goldens() / name);
        else WARN(name << " is not there");
    }
}

TEST_CASE("hybrid patterns come out of the configs", "[models]") {
    weft_GOLDEN(mamba, "mamba");
    CHECK(pattern(golden("mamba")) == "m|m");
    CHECK(pattern(golden("mamba2")) == "M|M");
    CHECK(pattern(golden("jamba")) == "mf|mx|af|mx");
    CHECK(pattern(with("jamba", "attn_layer_offset", 0)) == "af|mx|mf|mx");
    CHECK(pattern(with("jamba", "attn_layer_period", 8)) == "mf|mx|af|mx");
    CHECK(pattern(edited(golden("jamba"), [](Json& c) {
              c["expert_layer_period"] = 1;
              c["expert_layer_offset"] = 0;
          })) == "mx|mx|ax|mx");
    CHECK(pattern(with("jamba", "num_experts", 1)) == "mf|mf|af|mf");
    CHECK(pattern(golden("bamba")) == "Mf|af|Mf");
    CHECK(pattern(with("bamba", "attn_layer_indices", Json::array({0, 2, 30}))) == "af|Mf|af");
    CHECK(pattern(with("bamba", "attn_layer_indices", nullptr)) == "Mf|Mf|Mf");
    CHECK(pattern(golden("granite-hybrid")) == "Mx|ax|Mx");
    CHECK(pattern(golden("granite-hybrid-dense")) == "Mf|af|Mf");
    CHECK(pattern(with("granite-hybrid-dense", "layer_types", nullptr)) == "Mf|Mf|Mf");
    CHECK(pattern(golden("falcon-h1")) == "Maf|Maf");
    CHECK(pattern(golden("zamba2")) == "aflM|M|aflM|aflM");
    CHECK(pattern(edited(golden("zamba2"), [](Json& c) {
              c.erase("layers_block_type");
              c["num_hidden_layers"] = 54;
          })).substr(0, 30) == "M|M|M|M|M|M|aflM|M|M|M|M|M|afl");
    CHECK(pattern(golden("qwen3-next")) == "dx|dx|dx|ax");
    CHECK(pattern(with("qwen3-next", "full_attention_interval", 2)) == "dx|ax|dx|ax");
    CHECK(pattern(with("qwen3-next", "decoder_sparse_step", 2)) == "df|dx|df|ax");
    CHECK(pattern(with("qwen3-next", "mlp_only_layers", Json::array({1, 3}))) == "dx|df|dx|af");
    CHECK(pattern(with("qwen3-next", "num_experts", 0)) == "df|df|df|af");
    CHECK(pattern(with("qwen3-next", "layer_types",
                       Json::array({"full_attention", "linear_attention", "full_attention", "linear_attention"}))) ==
          "ax|dx|ax|dx");
    CHECK(pattern(golden("qwen3-5")) == "df|df|df|af");
    CHECK(pattern(edited(golden("qwen3-5"), [](Json& c) {
              c.erase("layer_types");
              c["full_attention_interval"] = 2;
          })) == "df|af|df|af");
    CHECK(pattern(with("qwen3-5", "num_experts", 4)) == "df|df|df|af"); // the class has none
    CHECK(pattern(edited(golden("qwen3-5"), [](Json& c) {
              c["model_type"] = "qwen3_5_moe_text";
              c["num_experts"] = 8;
              c["mlp_only_layers"] = Json::array({1});
          })) == "dx|dx|dx|ax");
    CHECK(pattern(golden("olmo-hybrid")) == "df|df|df|af");
    CHECK(pattern(without("olmo-hybrid", "layer_types")) == "df|df|df|af");
    CHECK(pattern(edited(golden("olmo-hybrid"), [](Json& c) {
              c.erase("layer_types");
              c["num_hidden_layers"] = 2;
          })) == "df|af");
    CHECK(pattern(golden("lfm2")) == "cf|af|cf");
    CHECK(pattern(with("lfm2", "full_attn_idxs", nullptr)) == "af|af|af");
    CHECK(pattern(with("lfm2", "layer_types", Json::array({"full_attention", "conv", "conv"}))) == "af|cf|cf");
    CHECK(pattern(golden("lfm2-moe")) == "cf|ax|cx");
    CHECK(pattern(with("lfm2-moe", "num_dense_layers", 0)) == "cx|ax|cx");
    CHECK(pattern(golden("recurrent-gemma")) == "rf|rf|af");
    CHECK(pattern(with("recurrent-gemma", "block_types", Json::array({"attention", "recurrent"}))) == "af|rf|af");
    CHECK(pattern(golden("nemotron-h")) == "M|f|M|a|x");
    CHECK(pattern(with("nemotron-h", "hybrid_override_pattern", "*-EMM")) == "a|f|x|M|M");
    CHECK(pattern(with("nemotron-h", "layers_block_type", // which counts where both are there
                       Json::array({"mamba", "attention", "linear_attention", "full_attention", "mlp"}))) ==
          "M|a|M|a|f");
}

TEST_CASE("hybrids: old and new config spellings give the same schedule", "[models]") {
    weft_GOLDEN(mamba, "mamba");
    const auto new_types = [](Json& list) {
        for (Json& t : list) t = t == "mamba" ? "linear_attention" : t == "attention" ? "full_attention" : t;
    };
    const auto new_rope = [](Json& c) {
        c["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", c["rope_theta"]}};
        c.erase("rope_theta");
        c.erase("rope_scaling");
    };
    for (const char* name : {"bamba", "granite-hybrid", "falcon-h1", "zamba2"})
        CHECK(text_of(golden(name)) == text_of(edited(golden(name), new_rope)));
    CHECK(text_of(golden("qwen3-next")) == text_of(edited(golden("qwen3-next"), [&](Json& c) {
              new_rope(c);
              c["rope_parameters"]["partial_rotary_factor"] = c["partial_rotary_factor"];
              c.erase("partial_rotary_factor");
              c["layer_types"] = {"linear_attention", "linear_attention", "linear_attention", "full_attention"};
          })));
    CHECK(text_of(golden("granite-hybrid")) ==
          text_of(edited(golden("granite-hybrid"), [&](Json& c) { new_types(c["layer_types"]); })));
    CHECK(text_of(golden("granite-hybrid")) == text_of(edited(golden("granite-hybrid"), [&](Json& c) {
              c["layers_block_type"] = c["layer_types"];
              c.erase("layer_types");
          })));
    CHECK(text_of(golden("zamba2")) ==
          text_of(edited(golden("zamba2"), [&](Json& c) { new_types(c["layers_block_type"]); })));
    CHECK(text_of(golden("zamba2")) == text_of(edited(golden("zamba2"), [&](Json& c) {
              c["layer_types"] = c["layers_block_type"];
              c.erase("layers_block_type");
          })));
    for (const char* name : {"bamba", "granite-hybrid", "falcon-h1"}) {
        CHECK(text_of(golden(name)) ==
              text_of(with(name, "time_step_limit", Json::array({0.0, {{"__float__", "Infinity"}}}))));
        CHECK(text_of(golden(name)) == text_of(with(name, "time_step_limit", nullptr)));
    }
    const TemporaryDirectory directory; // a bare Infinity, as older files have it
    const std::string text = golden("bamba").dump();
    auto files = ModelFiles::open(
        directory.write("config.json", text.substr(0, text.size() - 1) + ", \"time_step_limit\": [0.25, Infinity]}"));
    REQUIRE(files);
    auto s = make_schedule(*files);
    REQUIRE(s);
    CHECK(text_of(*s) == text_of(with("bamba", "time_step_limit", Json::array({0.25, 1e300}))));
    CHECK(op<Mamba2Spec>(*s, 0).dt_min == 0.25f);
}

TEST_CASE("hybrids: absent keys mean what the reference's classes say", "[models]") {
    weft_GOLDEN(mamba, "mamba");
    struct Case {
        const char *name, *key;
        Json meant;
    };
    const Case cases[] = {
        {"mamba", "state_size", 16},
        {"mamba", "layer_norm_epsilon", 1e-5},
        {"mamba", "expand", 2},
        {"mamba", "conv_kernel", 4},
        {"mamba", "use_bias", false},
        {"mamba", "use_conv_bias", true},
        {"mamba", "hidden_act", "silu"},
        {"mamba", "time_step_rank", "auto"},
        {"mamba", "tie_word_embeddings", true},
        {"falcon-mamba", "mixer_rms_eps", 1e-6},
        {"falcon-mamba", "tie_word_embeddings", true},
        {"mamba2", "time_step_limit", Json::array({0.0, 1e300})},
        {"mamba2", "state_size", 128},
        {"mamba2", "n_groups", 8},
        {"mamba2", "tie_word_embeddings", false},
        {"mamba2", "layer_norm_epsilon", 1e-5},
        {"jamba", "intermediate_size", 14336},
        {"jamba", "num_experts", 16},
        {"jamba", "num_experts_per_tok", 2},
        {"jamba", "attn_layer_period", 8},
        {"jamba", "expert_layer_period", 2},
        {"jamba", "expert_layer_offset", 1},
        {"jamba", "mamba_d_state", 16},
        {"jamba", "mamba_dt_rank", "auto"},
        {"jamba", "mamba_conv_bias", true},
        {"jamba", "mamba_proj_bias", false},
        {"jamba", "rms_norm_eps", 1e-6},
        {"jamba", "head_dim", 16},
        {"bamba", "mamba_d_head", "auto"},
        {"bamba", "mamba_n_groups", 1},
        {"bamba", "mamba_d_state", 256},
        {"bamba", "rms_norm_eps", 1e-5},
        {"bamba", "partial_rotary_factor", 0.25},
        {"bamba", "rope_theta", 10000},
        {"bamba", "mlp_bias", false},
        {"granite-hybrid", "mamba_d_head", "auto"},
        {"granite-hybrid", "embedding_multiplier", 1},
        {"granite-hybrid", "attention_multiplier", 1},
        {"granite-hybrid", "residual_multiplier", 1},
        {"granite-hybrid", "logits_scaling", 1},
        {"granite-hybrid", "num_local_experts", 8},
        {"granite-hybrid", "shared_intermediate_size", 1024},
        {"granite-hybrid", "intermediate_size", 11008},
        {"granite-hybrid", "position_embedding_type", nullptr},
        {"granite-hybrid", "num_key_value_heads", 4},
        {"zamba2", "mamba_ngroups", 1},
        {"zamba2", "mamba_headdim", 16},
        {"zamba2", "mamba_d_state", 64},
        {"zamba2", "intermediate_size", 256},
        {"zamba2", "hidden_act", "gelu"},
        {"zamba2", "num_mem_blocks", 1},
        {"zamba2", "adapter_rank", 128},
        {"zamba2", "use_mem_rope", false},
        {"zamba2", "use_shared_attention_adapter", false},
        {"zamba2", "time_step_min", 0.001},
        {"zamba2", "attention_head_dim", 32},
        {"zamba2", "tie_word_embeddings", true},
        {"zamba2", "add_bias_linear", false},
        {"zamba2", "rms_norm_eps", 1e-5},
        {"zamba2", "num_key_value_heads", 4},
        {"falcon-h1", "mamba_d_head", "auto"},
        {"falcon-h1", "mamba_rms_norm", false},
        {"falcon-h1-norm", "mamba_norm_before_gate", true},
        {"falcon-h1", "projectors_bias", false},
        {"falcon-h1", "mamba_proj_bias", false},
        {"falcon-h1", "key_multiplier", 1},
        {"falcon-h1", "mlp_multipliers", Json::array({1, 1})},
        {"falcon-h1", "ssm_multipliers", Json::array({1, 1, 1, 1, 1})},
        {"falcon-h1", "ssm_in_multiplier", 1},
        {"falcon-h1", "ssm_out_multiplier", 1},
        {"falcon-h1", "attention_in_multiplier", 1},
        {"falcon-h1", "attention_out_multiplier", 1},
        {"falcon-h1", "lm_head_multiplier", 1},
        {"falcon-h1", "embedding_multiplier", 1},
        {"falcon-h1", "rms_norm_eps", 1e-5},
        {"qwen3-next", "head_dim", 256},
        {"qwen3-next", "num_experts_per_tok", nullptr},
        {"qwen3-next", "num_experts", 512},
        {"qwen3-next", "moe_intermediate_size", 512},
        {"qwen3-next", "shared_expert_intermediate_size", 512},
        {"qwen3-next", "norm_topk_prob", true},
        {"qwen3-next", "linear_conv_kernel_dim", 4},
        {"qwen3-next", "linear_key_head_dim", 128},
        {"qwen3-next", "linear_value_head_dim", 128},
        {"qwen3-next", "linear_num_value_heads", 32},
        {"qwen3-next", "partial_rotary_factor", 0.25},
        {"qwen3-next", "rope_theta", 10000},
        {"qwen3-next", "attention_bias", false},
        {"qwen3-next", "decoder_sparse_step", 1},
        {"qwen3-next", "rms_norm_eps", 1e-6},
        {"qwen3-next", "num_key_value_heads", 2},
        {"qwen3-5", "num_key_value_heads", 4},
        {"qwen3-5", "intermediate_size", 12288},
        {"qwen3-5", "head_dim", 256},
        {"qwen3-5", "linear_value_head_dim", 128},
        {"olmo-hybrid", "linear_num_key_heads", 4},
        {"olmo-hybrid", "linear_num_value_heads", 4},
        {"olmo-hybrid", "linear_key_head_dim", 24},
        {"olmo-hybrid", "linear_value_head_dim", 32},
        {"olmo-hybrid", "linear_allow_neg_eigval", true},
        {"olmo-hybrid", "rope_parameters", nullptr},
        {"olmo-hybrid", "num_key_value_heads", 4},
        {"lfm2", "block_auto_adjust_ff_dim", true},
        {"lfm2", "block_multiple_of", 256},
        {"lfm2", "block_ffn_dim_multiplier", 1},
        {"lfm2", "conv_L_cache", 3},
        {"lfm2", "conv_bias", false},
        {"lfm2", "norm_eps", 1e-5},
        {"lfm2", "rope_theta", 1000000},
        {"lfm2", "tie_word_embeddings", true},
        {"lfm2-moe", "norm_topk_prob", true},
        {"lfm2-moe", "routed_scaling_factor", 1},
        {"lfm2-moe", "use_expert_bias", true},
        {"lfm2-moe", "num_dense_layers", 2},
        {"lfm2-moe", "moe_intermediate_size", 1792},
        {"lfm2-moe", "intermediate_size", 7168},
        {"recurrent-gemma", "block_types", Json::array({"recurrent", "recurrent", "attention"})},
        {"recurrent-gemma", "lru_width", 64},
        {"recurrent-gemma", "conv1d_width", 4},
        {"recurrent-gemma", "attention_window_size", 2048},
        {"recurrent-gemma", "num_key_value_heads", 4},
        {"recurrent-gemma", "intermediate_size", 7680},
        {"recurrent-gemma", "logits_soft_cap", 30},
        {"recurrent-gemma", "partial_rotary_factor", 0.5},
        {"nemotron-h", "num_hidden_layers", 5},
        {"nemotron-h", "mlp_hidden_act", "relu2"},
        {"nemotron-h", "mamba_hidden_act", "silu"},
        {"nemotron-h", "intermediate_size", 21504},
        {"nemotron-h", "head_dim", 128},
        {"nemotron-h", "time_step_min", 0.001},
        {"nemotron-h", "mamba_head_dim", 64},
        {"nemotron-h", "ssm_state_size", 128},
        {"nemotron-h", "use_conv_bias", true},
        {"nemotron-h", "n_routed_experts", 8},
        {"nemotron-h", "moe_intermediate_size", 7688},
        {"nemotron-h", "moe_shared_expert_intermediate_size", 7688},
        {"nemotron-h", "routed_scaling_factor", 1},
        {"nemotron-h", "layer_norm_epsilon", 1e-5},
    };
    for (const Case& k : cases) {
        INFO(k.name << ' ' << k.key);
        // num_experts_per_tok is 10 where absent, which four experts do not allow
        const bool refused = std::string(k.key) == "num_experts_per_tok" && k.meant.is_null();
        if (refused) CHECK(error_of(without(k.name, k.key)).find("num_experts") != std::string::npos);
        else CHECK(text_of(without(k.name, k.key)) == text_of(with(k.name, k.key, k.meant)));
    }
    CHECK(error_of(without("falcon-h1", "mamba_d_ssm")).find("mamba_d_head") != std::string::npos); // 1024 where absent
    CHECK(op<Mamba2Spec>(require_schedule(with("mamba2", "head_dim", 16)), 0).head_size == 16);
    const Json wide = edited(golden("falcon-h1"), [](Json& c) {
        c["mamba_d_ssm"] = nullptr;
        c["mamba_d_head"] = 16;
    }); // expand * width where null
    const Schedule wider = require_schedule(wide);
    CHECK(decoder_of(wider).layers[0].blocks[0].branches[0].op.as<Mamba2Spec>()->in.out == 2 * 128 + 2 * 16 + 8);
    CHECK(op<AttentionSpec>(require_schedule(with("bamba", "num_key_value_heads", nullptr)), 1).kv_heads == 4);
    // 8 where absent.
    for (const char* name : {"jamba", "bamba", "falcon-h1"})
        CHECK(error_of(without(name, "num_key_value_heads")).find("num_key_value_heads") != std::string::npos);
}

TEST_CASE("hybrids: options of the mixers", "[models]") {
    weft_GOLDEN(mamba, "mamba");
    // The file groups Qwen3-Next's rows by key head; every row of it is taken once, q before k before v before z.
    const Schedule next = require_schedule(golden("qwen3-next"));
    const GatedDeltaSpec& delta = op<GatedDeltaSpec>(next, 0);
    std::vector<RowView> taken;
    for (const WeightPiece& p : next.weights[delta.in.weight].pieces) taken.push_back(p.rows);
    CHECK(taken == std::vector<RowView>{{0, {{2, 128}, {16}}},
                                        {16, {{2, 128}, {16}}},
                                        {32, {{2, 128}, {48}}},
                                        {80, {{2, 128}, {48}}},
                                        {0, {{2, 4}, {2}}},
                                        {2, {{2, 4}, {2}}}});
    CHECK(delta.beta_scale == 1);
    CHECK_FALSE(delta.tiled);
    // Qwen3.5's value heads are kept as GGUF has them: the first ones of both key heads, then the second ones.
    const Schedule tiled = require_schedule(golden("qwen3-5"));
    const GatedDeltaSpec& own = op<GatedDeltaSpec>(tiled, 0);
    CHECK(own.tiled);
    taken.clear();
    for (const WeightPiece& p : tiled.weights[own.in.weight].pieces) taken.push_back(p.rows);
    CHECK(taken == std::vector<RowView>{{0, {{64, 1}}},
                                        {64, {{2, 24}, {2, 48}, {24, 1}}},
                                        {0, {{2, 24}, {2, 48}, {24, 1}}},
                                        {0, {{2, 1}, {2, 2}, {1, 1}}},
                                        {0, {{2, 1}, {2, 2}, {1, 1}}}});
    const std::vector<uint64_t>& columns = tiled.weights[own.out.weight].pieces[0].gather;
    CHECK((columns.at(0) == 0 && columns.at(24) == 48 && columns.at(48) == 24 && columns.at(72) == 72));
    CHECK(next.weights[delta.norm.weight].pieces[0].transform == WeightTransform::none);
    const AttentionSpec& gated = op<AttentionSpec>(next, 3);
    taken.clear();
    for (const WeightPiece& p : next.weights[gated.qkv.weight].pieces) taken.push_back(p.rows);
    CHECK(taken == std::vector<RowView>{{0, {{4, 64}, {32}}}, {}, {}, {32, {{4, 64}, {32}}}});
    CHECK(gated.gate);
    CHECK(gated.rope.rotary == 8);
    CHECK(next.weights[gated.q_norm.weight].pieces[0].transform == WeightTransform::add_one);
    CHECK(next.weights[head_norm(next).weight].pieces[0].transform == WeightTransform::add_one);
    CHECK(op<AttentionSpec>(require_schedule(with("qwen3-next", "attention_bias", true)), 3).qkv.bias != kNoWeight);

    // Rotation: half a head in Bamba, whatever stands beside rope_parameters; none or all elsewhere.
    const auto rotary = [](const Json& config, size_t layer) {
        return op<AttentionSpec>(require_schedule(config), layer).rope.rotary;
    };
    CHECK(rotary(with("bamba", "partial_rotary_factor", 1.0), 1) == 8);
    CHECK(rotary(with("bamba", "rope_parameters", {{"rope_theta", 10000}, {"partial_rotary_factor", 0.25}}), 1) == 4);
    CHECK(rotary(golden("granite-hybrid"), 1) == 0);
    CHECK(rotary(golden("granite-hybrid-dense"), 1) == 16);
    CHECK(rotary(golden("olmo-hybrid"), 3) == 16);
    CHECK(rotary(with("olmo-hybrid", "rope_parameters", {{"rope_type", "default"}, {"rope_theta", nullptr}}), 3) == 0);
    CHECK(rotary(edited(golden("olmo-hybrid"),
                        [](Json& c) {
                            c.erase("rope_parameters");
                            c["rope_theta"] = nullptr;
                        }),
                 3) == 0);
    CHECK(rotary(golden("zamba2"), 0) == 32);
    CHECK(rotary(with("zamba2", "use_mem_rope", false), 0) == 0);

    CHECK(op<GatedDeltaSpec>(require_schedule(golden("olmo-hybrid")), 0).beta_scale == 2);
    CHECK(op<GatedDeltaSpec>(require_schedule(with("olmo-hybrid", "linear_allow_neg_eigval", false)), 0).beta_scale ==
          1);
    CHECK(op<Mamba2Spec>(require_schedule(golden("mamba2")), 0).dt_max == 0.8f);
    CHECK(op<Mamba2Spec>(require_schedule(golden("mamba2")), 0).norm_groups == 2);
    CHECK(op<MambaSpec>(require_schedule(golden("falcon-mamba")), 0).b_norm.present);
    CHECK(op<MambaSpec>(require_schedule(golden("falcon-mamba")), 0).b_norm.weight == kNoWeight);
    CHECK_FALSE(op<MambaSpec>(require_schedule(golden("mamba")), 0).b_norm.present);
    CHECK(op<MambaSpec>(require_schedule(with("mamba", "use_conv_bias", false)), 0).conv.bias == kNoWeight);
    CHECK(op<MambaSpec>(require_schedule(with("mamba", "use_bias", true)), 0).out.bias != kNoWeight);

    const auto mixer = [](const Schedule& s) {
        return *decoder_of(s).layers[0].blocks[0].branches[0].op.as<Mamba2Spec>();
    };
    const Mamba2Spec plain = mixer(require_schedule(golden("falcon-h1"))),
                     normed = mixer(require_schedule(golden("falcon-h1-norm"))),
                     gated_first = mixer(require_schedule(with("falcon-h1-norm", "mamba_norm_before_gate", false)));
    CHECK_FALSE(plain.norm.present);
    CHECK(normed.norm.present);
    CHECK_FALSE(normed.gate_first);
    CHECK(normed.norm_groups == 2);
    CHECK(gated_first.gate_first);
    const Mamba2Spec in = mixer(require_schedule(with("falcon-h1", "mamba_proj_bias", true))),
                     out = mixer(require_schedule(with("falcon-h1", "projectors_bias", true)));
    CHECK((in.in.bias != kNoWeight && in.out.bias == kNoWeight));
    CHECK((out.in.bias == kNoWeight && out.out.bias != kNoWeight));
    const Schedule one = require_schedule(with("falcon-h1", "ssm_multipliers", nullptr));
    CHECK(mixer(one).in_multipliers == kNoWeight);

    // Feed-forward blocks of LFM2 are two thirds as wide as the config says, times a factor, rounded up.
    const auto width = [](const Json& edits) {
        return op<MlpSpec>(require_schedule(edited(golden("lfm2"), [&](Json& c) { c.update(edits); })), 0, 1).inner;
    };
    CHECK(width({{"intermediate_size", 100}}) == 100);
    CHECK(width({{"intermediate_size", 100}, {"block_auto_adjust_ff_dim", true}}) == 256);
    const Json adjusts{{"intermediate_size", 100}, {"block_auto_adjust_ff_dim", true}, {"block_multiple_of", 7}};
    const auto also = [&](const char* key, Json value) {
        return edited(adjusts, [&](Json& c) { c[key] = std::move(value); });
    };
    CHECK(width(adjusts) == 70);
    CHECK(width(also("block_ffn_dim_multiplier", 1.1)) == 77);
    CHECK(width(also("block_ffn_dim_multiplier", nullptr)) == 66);
    CHECK(width(also("block_ff_dim", 200)) == 133);
}

TEST_CASE("Zamba2's shared blocks are one set of weights with adapters for each use", "[models]") {
    weft_GOLDEN(zamba2, "zamba2");
    const Schedule s = require_schedule(golden("zamba2"));
    const AttentionSpec &first = op<AttentionSpec>(s, 0), &second = op<AttentionSpec>(s, 2),
                        &third = op<AttentionSpec>(s, 3);
    CHECK(first.qkv.weight == third.qkv.weight);
    CHECK(first.qkv.weight != second.qkv.weight);
    CHECK(op<MlpSpec>(s, 0, 1).in.weight == op<MlpSpec>(s, 3, 1).in.weight);
    CHECK(op<MlpSpec>(s, 0, 1).adapter_up.weight != op<MlpSpec>(s, 3, 1).adapter_up.weight);
    CHECK_FALSE(first.adapter_down);
    // Keys and values for each use, two states for each Mamba-2.
    CHECK(s.states.size() == 3 * 2 + 4 * 2);

    const Schedule adapted = require_schedule(with("zamba2", "use_shared_attention_adapter", true));
    const AttentionSpec& a = op<AttentionSpec>(adapted, 3);
    CHECK(a.adapter_down.out == 3 * 8);
    CHECK(a.adapter_up[2].out == 128);
    CHECK(adapted.weights[a.adapter_up[0].weight].pieces[0].names[0] ==
          "model.layers.0.shared_transformer.self_attn.linear_q_adapter_list.2.1.weight");

    const auto repeated = [](Tensors& t) { // every use has the block
        for (const auto& [name, tensor] : Tensors(t))
            if (name.find("layers.0.shared_transformer") != name.npos)
                t["model.layers.3." + name.substr(sizeof("model.layers.0.") - 1)] = tensor;
    };
    CHECK(problems_with("zamba2", [](Tensors&) {}).empty());
    CHECK(problems_with("zamba2", repeated).empty());
    CHECK(problems_with("zamba2", [](Tensors& t) {
              rename(t, "layers.0.shared_transformer", "layers.3.shared_transformer");
          }).empty()); // only the last use has it
    // A use of its own.
    CHECK(problems_with("zamba2",
                        [&](Tensors& t) {
                            repeated(t);
                            t.at("model.layers.3.shared_transformer.self_attn.q_proj.weight").second[0] += 1;
                            t.erase("model.layers.3.shared_transformer.self_attn.k_proj.weight");
                        }) == "tensor 'model.layers.3.shared_transformer.self_attn.k_proj.weight' or "
                              "'layers.3.shared_transformer.self_attn.k_proj.weight' is missing "
                              "(layers.3.shared_transformer.self_attn.qkv.weight)\n");
    CHECK(problems_with("zamba2", [](Tensors& t) {
              rename(t, "layers.0.shared_transformer", "layers.1.shared_transformer");
          }).find("'model.layers.0.shared_transformer.") != std::string::npos);
}

TEST_CASE("hybrids: layouts of files", "[models]") {
    weft_GOLDEN(mamba, "mamba");
    const auto bare = [](Tensors& t) { rename(t, "backbone.", ""); };
    CHECK(problems_with("mamba", bare).empty());
    CHECK(problems_with("mamba", [](Tensors& t) { rename(t, "embeddings.", "embedding."); }).empty());
    CHECK(problems_with("qwen3-next", [](Tensors& t) { rename(t, "model.", ""); }).empty());
    CHECK(problems_with("granite-hybrid", [](Tensors& t) {
              rename(t, "block_sparse_moe.input_linear.weight", "block_sparse_moe.experts.gate_up_proj");
              rename(t, "block_sparse_moe.output_linear.weight", "block_sparse_moe.experts.down_proj");
              rename(t, "block_sparse_moe.router.layer.weight", "block_sparse_moe.router.weight");
          }).empty());
    CHECK(problems_with("olmo-hybrid", [](Tensors& t) {
              rename(t, "attention_layer_norm", "input_layernorm");
              rename(t, "feedforward_layer_norm", "post_attention_layernorm");
          }).empty());

    // OLMo hybrid's convolution: one tensor for q, k and v, or three of equal height, or the true three.
    const auto fuse = [](Tensors& t, const std::vector<uint64_t>& heights) {
        for (int layer = 0; layer < 3; ++layer) {
            const std::string at = "model.layers." + std::to_string(layer) + ".linear_attn.";
            std::vector<float> all;
            for (const char* part : {"q_conv1d.weight", "k_conv1d.weight", "v_conv1d.weight"}) {
                auto& values = t.at(at + part).second;
                all.insert(all.end(), values.begin(), values.end());
                t.erase(at + part);
            }
            uint64_t row = 0;
            for (size_t i = 0; i < heights.size(); ++i) {
                const char* names[] = {"q_conv1d.weight", "k_conv1d.weight", "v_conv1d.weight"};
                t[at + (heights.size() == 1 ? "conv1d.weight" : names[i])] = {
                    {heights[i], 1, 4}, {all.begin() + long(row * 4), all.begin() + long((row + heights[i]) * 4)}};
                row += heights[i];
            }
        }
    };
    CHECK(problems_with("olmo-hybrid", [&](Tensors& t) { fuse(t, {160}); }).empty());
    CHECK(problems_with("olmo-hybrid", [&](Tensors& t) { fuse(t, {54, 54, 52}); }).empty());
    CHECK(problems_with("olmo-hybrid", [&](Tensors& t) {
              fuse(t, {50, 50, 60});
          }).find("q_conv1d") != std::string::npos);

    const auto stacked = [](Tensors& t) { // experts as transformers 5 holds them
        for (int layer = 0; layer < 4; ++layer) {
            const std::string at = "model.layers." + std::to_string(layer) + ".mlp.experts.";
            std::vector<float> gate_up, down;
            for (int e = 0; e < 4; ++e)
                for (const char* part : {"gate_proj", "up_proj", "down_proj"}) {
                    const std::string name = at + std::to_string(e) + "." + part + ".weight";
                    auto& values = t.at(name).second;
                    auto& to = std::string(part) == "down_proj" ? down : gate_up;
                    to.insert(to.end(), values.begin(), values.end());
                    t.erase(name);
                }
            t[at + "gate_up_proj"] = {{4, 64, 64}, gate_up};
            t[at + "down_proj"] = {{4, 64, 32}, down};
        }
    };
    CHECK(problems_with("qwen3-next", stacked).empty());
}

TEST_CASE("hybrids: impossible configs are refused by the key's name", "[models]") {
    weft_GOLDEN(mamba, "mamba");
    struct Case {
        const char *name, *key;
        Json value;
        const char* named = nullptr; // the key itself
    };
    const Json odd = Json::array({"mamba", "sliding_attention", "mamba"}), two = Json::array({"mamba", "attention"});
    const Case cases[] = {
        {"mamba", "hidden_size", 0},
        {"mamba", "intermediate_size", 0},
        {"mamba", "intermediate_size", 2147483647},
        {"jamba", "mamba_expand", -2},
        {"jamba", "mamba_expand", 2147483647},
        {"mamba", "state_size", 0},
        {"mamba", "state_size", 257, "the size of a state"},
        {"mamba", "state_size", 2147483647},
        {"mamba", "time_step_rank", "many"},
        {"mamba", "time_step_rank", 0},
        {"mamba", "conv_kernel", 0},
        {"mamba", "conv_kernel", 9, "convolution's taps"},
        {"mamba", "hidden_act", "snake"},
        {"mamba", "num_hidden_layers", 10001},
        {"mamba", "use_bias", "no"},
        {"mamba", "vocab_size", 0},
        {"mamba2", "num_heads", 7},
        {"mamba2", "head_dim", 32},
        {"mamba2", "n_groups", 3},
        {"mamba2", "n_groups", 0},
        {"mamba2", "time_step_limit", 3},
        {"mamba2", "time_step_limit", Json::array({1.0, 0.5})},
        {"mamba2", "time_step_limit", Json::array({-1.0, 0.5})},
        {"mamba2", "time_step_limit", Json::array({0.1})},
        {"mamba2", "time_step_limit", Json::array({"a", "b"})},
        {"mamba2", "state_size", 2147483647},
        {"mamba2", "expand", 3, "num_heads"},
        {"jamba", "attn_layer_offset", 4},
        {"jamba", "attn_layer_offset", -1},
        {"jamba", "attn_layer_period", 0},
        {"jamba", "expert_layer_period", 0},
        {"jamba", "expert_layer_offset", 7},
        {"jamba", "num_experts", 0},
        {"jamba", "num_experts", 2000, "the number of experts"},
        {"jamba", "num_experts_per_tok", 5},
        {"jamba", "num_attention_heads", 0},
        {"jamba", "num_key_value_heads", 3},
        {"jamba", "mamba_dt_rank", "some"},
        {"jamba", "intermediate_size", 2147483647},
        {"bamba", "attn_layer_indices", "all"},
        {"bamba", "attn_layer_indices", Json::array({-1})},
        {"bamba", "attn_layer_indices", Json::array({0.5})},
        {"bamba", "mamba_n_heads", 0},
        {"bamba", "mamba_n_heads", 9},
        {"bamba", "mamba_d_head", "large"},
        {"bamba", "mamba_n_groups", 5},
        {"granite-hybrid", "layer_types", odd},
        {"granite-hybrid", "layer_types", two},
        {"granite-hybrid", "logits_scaling", 0},
        {"granite-hybrid", "num_local_experts", -1},
        {"granite-hybrid", "num_experts_per_tok", 0},
        {"granite-hybrid", "num_experts_per_tok", 9},
        {"granite-hybrid", "shared_intermediate_size", 0},
        {"granite-hybrid", "embedding_multiplier", "big"},
        {"zamba2", "layers_block_type", two},
        {"zamba2", "num_hidden_layers", 3, "layers_block_type"},
        {"zamba2", "num_mem_blocks", 0},
        {"zamba2", "adapter_rank", 0},
        {"zamba2", "adapter_rank", 2147483647},
        {"zamba2", "num_attention_heads", 0},
        {"zamba2", "num_key_value_heads", 3},
        {"zamba2", "attention_head_dim", 512, "the size of a head"},
        {"zamba2", "n_mamba_heads", 5},
        {"zamba2", "mamba_ngroups", 3},
        {"zamba2", "time_step_min", -1},
        {"zamba2", "hidden_size", 2147483647},
        {"zamba2", "intermediate_size", -5},
        {"falcon-h1", "mamba_d_ssm", 63, "mamba_d_head"},
        {"falcon-h1", "mlp_multipliers", Json::array({1})},
        {"falcon-h1", "ssm_multipliers", Json::array({1, 2})},
        {"falcon-h1", "ssm_multipliers", "one"},
        {"falcon-h1", "mamba_d_ssm", 0},
        {"qwen3-5", "linear_num_key_heads", 3},
        {"qwen3-5", "layer_types", two},
        {"qwen3-next", "linear_num_key_heads", 3},
        {"qwen3-next", "linear_num_key_heads", 0},
        {"qwen3-next", "linear_key_head_dim", 300, "the size of a key head"},
        {"qwen3-next", "linear_key_head_dim", 2147483647},
        {"qwen3-next", "linear_num_value_heads", 2147483646},
        {"qwen3-next", "full_attention_interval", 0},
        {"qwen3-next", "decoder_sparse_step", 0},
        {"qwen3-next", "mlp_only_layers", "none"},
        {"qwen3-next", "layer_types", two},
        {"qwen3-next", "partial_rotary_factor", 2},
        {"qwen3-next", "num_experts", 5000, "the number of experts"},
        {"qwen3-next", "linear_conv_kernel_dim", 1, "convolution's taps"},
        {"olmo-hybrid", "layer_types", two},
        {"olmo-hybrid", "linear_num_value_heads", 3, "linear_num_key_heads"},
        {"olmo-hybrid", "linear_allow_neg_eigval", 2},
        {"lfm2", "conv_L_cache", 9, "convolution's taps"},
        {"lfm2", "conv_L_cache", 0},
        {"lfm2", "full_attn_idxs", Json::array({0.5})},
        {"lfm2", "layer_types", Json::array({"conv", "sliding_attention", "conv"})},
        {"lfm2", "layer_types", Json::array({"conv"})},
        {"lfm2", "num_key_value_heads", 3},
        {"lfm2-moe", "layer_types", nullptr},
        {"lfm2-moe", "num_experts_per_tok", 5},
        {"lfm2-moe", "num_dense_layers", -1},
        {"recurrent-gemma", "block_types", Json::array()},
        {"recurrent-gemma", "block_types", Json::array({"recurrent", "mamba"})},
        {"recurrent-gemma", "lru_width", 66, "num_attention_heads"},
        {"recurrent-gemma", "intermediate_size", 1},
        {"recurrent-gemma", "logits_soft_cap", 0},
        {"recurrent-gemma", "rope_scaling", Json{{"rope_type", "linear"}, {"factor", 2}}, "rope_type"},
        {"recurrent-gemma", "hidden_size", 2147483647, "num_attention_heads"},
        {"qwen3-5", "linear_num_value_heads", 1 << 20},
        {"lfm2", "hidden_size", 2147483647},
        {"nemotron-h", "mamba_num_heads", 2147483647},
        {"nemotron-h", "mamba_head_dim", 2147483647},
        {"nemotron-h", "hybrid_override_pattern", "M-X*E"},
        {"nemotron-h", "hybrid_override_pattern", ""},
        {"nemotron-h", "hybrid_override_pattern", "M-M*", "num_hidden_layers"},
        {"nemotron-h", "hybrid_override_pattern", nullptr},
        {"nemotron-h", "layers_block_type", Json::array({"mamba", "conv", "mlp", "mlp", "mlp"})},
        {"nemotron-h", "num_hidden_layers", 6},
        {"nemotron-h", "n_group", 3},
        {"nemotron-h", "topk_group", 2},
        {"nemotron-h", "time_step_min", -1},
        {"nemotron-h", "n_groups", 3},
        {"nemotron-h", "moe_latent_size", -2},
    };
    for (const Case& k : cases) {
        const std::string message = error_of(with(k.name, k.key, k.value));
        INFO(k.name << ' ' << k.key << ' ' << k.value.dump() << ": " << message);
        CHECK(message.find(k.named ? k.named : k.key) != message.npos);
        CHECK(message.find("config.json") != message.npos);
    }
    CHECK(error_of(edited(golden("zamba2"), [](Json& c) {
              c["use_shared_attention_adapter"] = true;
              c["num_key_value_heads"] = 2;
          })).find("use_shared_attention_adapter") != std::string::npos);
    CHECK(error_of(without("zamba2", "layers_block_type")).find("num_hidden_layers") != std::string::npos);
    for (const char* name : {"mamba", "mamba2", "jamba", "bamba", "granite-hybrid", "zamba2", "falcon-h1", "qwen3-next",
                             "olmo-hybrid", "lfm2", "lfm2-moe", "qwen3-5", "recurrent-gemma"})
        for (const char* key : {"hidden_size", "num_hidden_layers", "vocab_size"})
            CHECK(error_of(without(name, key)).find(key) != std::string::npos);
}
