// SPDX-License-Identifier: Apache-2.0
// Transformer decoders: configs to schedules, against the goldens' files and with edited configs. No device needed.
#include "io/safetensors_writer.hpp"
#include "repository.hpp"
#include "schedules.hpp"
#include <cmath>
#include <numbers>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

const AttentionSpec& attention(const Schedule& s, size_t layer) { return op<AttentionSpec>(s, layer); }

std::vector<uint32_t> windows(const Schedule& s) {
    std::vector<uint32_t> all;
    for (size_t i = 0; i < decoder_of(s).layers.size(); ++i) all.push_back(attention(s, i).window);
    return all;
}

// rope_theta and rope_scaling as transformers 5 writes them.
Json in_new_spelling(Json c) {
    Json p = c.contains("rope_scaling") && c["rope_scaling"].is_object() ? c["rope_scaling"] : Json::object();
    if (p.contains("type")) {
        p["rope_type"] = p["type"];
        p.erase("type");
    }
    if (!p.contains("rope_type")) p["rope_type"] = "default";
    p["rope_theta"] = c["rope_theta"];
    c["rope_parameters"] = p;
    c.erase("rope_theta");
    c.erase("rope_scaling");
    return c;
}

} // namespace

TEST_CASE("a weight that the index of the shards promises and its shard lacks", "[models]") {
    const auto from = weft::test::repository() / "tests/goldens/models/mistral-swa";
    const auto whole = SafetensorsFile::open(from / "model.safetensors");
    REQUIRE(whole);
    const TemporaryDirectory folder;
    std::filesystem::copy_file(from / "config.json", folder / "config.json");
    const auto problems = [&](const std::string& left_out) {
        std::vector<TensorView> views;
        Json index{{"weight_map", {{"another.weight", "one.safetensors"}}}};
        for (const TensorView& view : whole->tensors()) {
            index["weight_map"][view.name] = "one.safetensors";
            if (view.name != left_out) views.push_back(view);
        }
        REQUIRE(write_safetensors(folder / "one.safetensors", views));
        folder.write("model.safetensors.index.json", index.dump());
        const auto files = ModelFiles::open(folder.path());
        REQUIRE(files);
        const auto schedule = make_schedule(*files);
        REQUIRE(schedule);
        return check_weights(schedule->weights, *files);
    };
    CHECK(problems("").empty());
    const auto found = problems("model.norm.weight");
    REQUIRE(found.size() == 1);
    CHECK(found[0] == "tensor 'model.norm.weight' or 'norm.weight' is missing (norm.weight), though " +
                          (folder / "model.safetensors.index.json").string() +
                          " says that it is in the shard 'one.safetensors'");
}

TEST_CASE("transformer goldens: the schedule fits the file", "[models]") {
    weft_GOLDEN(llama, "llama");
    for (const char* name : {"gpt2", "llama", "llama-batch", "llama-linear", "llama-yarn", "llama-llama3rope",
                             "mistral-swa", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "olmo2", "mixtral",
                             "qwen2-moe", "qwen3-moe", "../models/stories260K-hf"}) {
        const auto directory = goldens() / name;
        if (!std::filesystem::exists(directory)) {
            WARN(directory.string() << " is not there");
            continue;
        }
        require_fit(directory);
    }
}

TEST_CASE("layer patterns come out of the configs", "[models]") {
    weft_GOLDEN(golden_directory, "gemma3");
    const auto golden = [](const char* name) { return config_of(goldens() / name); };
    CHECK(windows(require_schedule(golden("mistral-swa"))) == std::vector<uint32_t>{8, 8});
    CHECK(windows(require_schedule(golden("gemma2"))) == std::vector<uint32_t>{8, 0});
    CHECK(windows(require_schedule(golden("gemma3"))) == std::vector<uint32_t>{8, 8, 8, 8, 8, 0});
    CHECK(windows(require_schedule(edited(golden("gemma3"), [](Json& c) { c["sliding_window_pattern"] = 2; }))) ==
          std::vector<uint32_t>{8, 0, 8, 0, 8, 0});
    CHECK(windows(require_schedule(edited(golden("gemma2"), [](Json& c) {
              c["layer_types"] = {"full_attention", "sliding_attention"};
          }))) == std::vector<uint32_t>{0, 8});
    // use_sliding_window is off.
    CHECK(windows(require_schedule(edited(golden("qwen2"), [](Json& c) { c["sliding_window"] = 5; }))) ==
          std::vector<uint32_t>{0, 0});
    const auto sliding = [](Json& c) {
        c["use_sliding_window"] = true;
        c["sliding_window"] = 5;
        c["max_window_layers"] = 1;
    };
    CHECK(windows(require_schedule(edited(golden("qwen2"), sliding))) == std::vector<uint32_t>{0, 5});
    CHECK(windows(require_schedule(edited(golden("qwen3"), sliding))) == std::vector<uint32_t>{0, 5, 5});
    CHECK(windows(require_schedule(edited(golden("qwen2-moe"), sliding))) == std::vector<uint32_t>{5, 0});
    CHECK(windows(require_schedule(edited(golden("qwen3-moe"), sliding))) == std::vector<uint32_t>{5, 5, 5});
    CHECK(windows(require_schedule(edited(golden("mixtral"), sliding))) == std::vector<uint32_t>{5, 5});
    CHECK(windows(require_schedule(edited(golden("phi3"), sliding))) == std::vector<uint32_t>{5, 5});
    // The class has no window.
    CHECK(windows(require_schedule(edited(golden("llama"), sliding))) == std::vector<uint32_t>{0, 0, 0});

    const auto experts = [](const Schedule& s) {
        std::vector<bool> all;
        for (const Layer& layer : decoder_of(s).layers)
            all.push_back(layer.blocks[1].branches[0].op.as<MoeSpec>() != nullptr);
        return all;
    };
    CHECK(experts(require_schedule(golden("qwen3-moe"))) == std::vector<bool>{true, false, true});
    CHECK(experts(require_schedule(edited(golden("qwen3-moe"), [](Json& c) {
              c["mlp_only_layers"] = Json::array();
              c["decoder_sparse_step"] = 2;
          }))) == std::vector<bool>{false, true, false});
    CHECK(experts(require_schedule(edited(golden("qwen3-moe"), [](Json& c) { c["num_local_experts"] = 0; }))) ==
          std::vector<bool>{false, false, false});

    const auto scaled =
        require_schedule(edited(golden("gpt2"), [](Json& c) { c["scale_attn_by_inverse_layer_idx"] = true; }));
    CHECK(attention(scaled, 0).scale == 0.25f);
    CHECK(attention(scaled, 2).scale == 0.25f / 3);
}

TEST_CASE("old and new config spellings give the same schedule", "[models]") {
    weft_GOLDEN(golden_directory, "llama-yarn");
    for (const char* name : {"llama", "llama-linear", "llama-llama3rope", "mistral-swa", "qwen2", "qwen3", "gemma2",
                             "olmo2", "mixtral", "qwen2-moe", "qwen3-moe", "phi3"}) {
        INFO(name);
        const Json old = config_of(goldens() / name);
        CHECK(text_of(old) == text_of(in_new_spelling(old)));
    }
    const Json yarn = config_of(goldens() / "llama-yarn");
    const Json old_yarn = edited(yarn, [](Json& c) {
        c["rope_theta"] = c["rope_parameters"]["rope_theta"];
        c["rope_scaling"] = {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 32}};
        c.erase("rope_parameters");
    });
    CHECK(text_of(yarn) == text_of(old_yarn));

    const Json gemma = config_of(goldens() / "gemma3");
    const Json new_gemma = edited(gemma, [](Json& c) {
        c["rope_parameters"] = {{"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 1e6}}},
                                {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}};
        c["layer_types"] = Json::array();
        for (int i = 1; i <= 6; ++i) c["layer_types"].push_back(i % 6 ? "sliding_attention" : "full_attention");
        for (const char* key : {"rope_theta", "rope_scaling", "rope_local_base_freq", "sliding_window_pattern"})
            c.erase(key);
    });
    CHECK(text_of(gemma) == text_of(new_gemma));
    CHECK(attention(require_schedule(gemma), 0).rope.frequencies !=
          attention(require_schedule(gemma), 5).rope.frequencies);
}

TEST_CASE("absent keys mean what the reference's classes say", "[models]") {
    weft_GOLDEN(golden_directory, "llama");
    struct Case {
        const char *name, *key;
        Json meant;
    };
    const Case cases[] = {
        {"llama", "num_key_value_heads", 4},
        {"llama", "head_dim", 16},
        {"llama", "rms_norm_eps", 1e-6},
        {"llama", "rope_theta", 10000},
        {"llama", "attention_bias", false},
        {"llama", "mlp_bias", false},
        {"llama", "hidden_act", "silu"},
        {"llama", "tie_word_embeddings", false},
        {"mistral-swa", "sliding_window", 4096},
        {"qwen2", "use_sliding_window", false},
        {"gemma2", "head_dim", 256},
        {"gemma2", "num_key_value_heads", 4},
        {"gemma2", "sliding_window", 4096},
        {"gemma2", "attn_logit_softcapping", 50},
        {"gemma2", "final_logit_softcapping", 30},
        {"gemma2", "query_pre_attn_scalar", 256},
        {"gemma2", "hidden_activation", "gelu_pytorch_tanh"},
        {"gemma2", "tie_word_embeddings", true},
        {"gemma3", "rope_theta", 1000000},
        {"gemma3", "rope_local_base_freq", 10000},
        {"gemma3", "sliding_window_pattern", 6},
        {"gemma3", "final_logit_softcapping", nullptr},
        {"phi3", "rms_norm_eps", 1e-5},
        {"phi3", "original_max_position_embeddings", 4096},
        {"phi3", "num_key_value_heads", nullptr},
        {"olmo2", "rms_norm_eps", 1e-5},
        {"mixtral", "rope_theta", 1000000},
        {"mixtral", "num_local_experts", 8},
        {"mixtral", "num_experts_per_tok", 2},
        {"qwen2-moe", "qkv_bias", true},
        {"qwen2-moe", "norm_topk_prob", false},
        {"qwen2-moe", "shared_expert_intermediate_size", 5632},
        {"qwen2-moe", "num_experts", 60},
        {"qwen3-moe", "moe_intermediate_size", 768},
        {"qwen3-moe", "mlp_only_layers", Json::array()},
        {"qwen3", "head_dim", 128},
        {"gpt2", "n_inner", 256},
        {"gpt2", "layer_norm_epsilon", 1e-5},
        {"gpt2", "activation_function", "gelu_new"},
        {"gpt2", "tie_word_embeddings", true},
        {"gpt2", "n_positions", 1024},
        {"gpt2", "scale_attn_weights", true},
    };
    for (const Case& k : cases) {
        INFO(k.name << ' ' << k.key);
        const Json config = config_of(goldens() / k.name);
        CHECK(text_of(edited(config, [&](Json& c) { c.erase(k.key); })) ==
              text_of(edited(config, [&](Json& c) { c[k.key] = k.meant; })));
    }
    const Json mistral = config_of(goldens() / "mistral-swa");
    CHECK(windows(require_schedule(edited(mistral, [](Json& c) { c["sliding_window"] = nullptr; })))[0] == 0);
    CHECK(
        attention(require_schedule(edited(mistral, [](Json& c) { c["num_key_value_heads"] = nullptr; })), 0).kv_heads ==
        4);
    CHECK(attention(require_schedule(edited(mistral,
                                            [](Json& c) {
                                                c["num_attention_heads"] = 8;
                                                c.erase("num_key_value_heads");
                                            })),
                    0)
              .kv_heads == 8);
    const Schedule uncapped = require_schedule(
        edited(config_of(goldens() / "gemma2"), [](Json& c) { c["final_logit_softcapping"] = nullptr; }));
    CHECK(head_linear(uncapped).softcap == 0);
}

TEST_CASE("biases are asked for where the config says so", "[models]") {
    weft_GOLDEN(golden_directory, "llama");
    const auto biases = [](const Schedule& s) {
        std::string which;
        for (const WeightSlot& slot : s.weights)
            if (slot.name.find("layers.0.") == 0 && slot.name.ends_with(".bias")) which += slot.name.substr(9) + " ";
        return which;
    };
    const auto with = [](const char* name, const char* key, bool value) {
        return require_schedule(edited(config_of(goldens() / name), [&](Json& c) { c[key] = value; }));
    };
    CHECK(biases(with("llama", "attention_bias", true)) == "self_attn.qkv.bias self_attn.o_proj.bias ");
    CHECK(biases(with("llama", "mlp_bias", true)) == "mlp.gate_up.bias mlp.down_proj.bias ");
    CHECK(biases(with("mistral-swa", "attention_bias", true)).empty());
    CHECK(biases(with("qwen2", "attention_bias", true)) == "self_attn.qkv.bias ");
    CHECK(biases(with("qwen3", "attention_bias", true)) == "self_attn.qkv.bias self_attn.o_proj.bias ");
    CHECK(biases(with("qwen2-moe", "qkv_bias", false)).empty());
    CHECK(biases(with("qwen3-moe", "attention_bias", true)) == "self_attn.qkv.bias self_attn.o_proj.bias ");
    CHECK(biases(with("olmo2", "attention_bias", true)) == "self_attn.qkv.bias self_attn.o_proj.bias ");
    CHECK(biases(with("gemma2", "attention_bias", true)) == "self_attn.qkv.bias self_attn.o_proj.bias ");
}

TEST_CASE("rotary types", "[models]") {
    weft_GOLDEN(golden_directory, "llama");
    const Json llama = config_of(goldens() / "llama"); // heads of 16, 256 positions
    const auto with = [&](Json scaling) {
        return edited(llama, [&](Json& c) { c["rope_scaling"] = std::move(scaling); });
    };
    const auto rope = [&](const Json& config) {
        const Schedule s = require_schedule(config);
        const Rope r = attention(s, 0).rope;
        return std::pair(r, s.weights[r.frequencies].computed);
    };
    const auto [plain, base] = rope(llama);
    REQUIRE(base.size() == 8);
    CHECK(base[0] == 1.0f);
    CHECK(base[4] == 0.01f);
    CHECK(plain.rotary == 16);

    // Dynamic NTK is relative to max_position_embeddings, whatever original_max_position_embeddings says.
    const auto [dynamic, same] =
        rope(with({{"type", "dynamic"}, {"factor", 4.0}, {"original_max_position_embeddings", 32}}));
    CHECK(same == base);
    CHECK(dynamic.ntk == 4);
    CHECK(dynamic.original == 256);

    // The original context beside the rope's own numbers wins; yarn's factor comes from the contexts if
    // absent; 0 for a beta means absent.
    const auto [yarn, yarned] =
        rope(with({{"rope_type", "yarn"}, {"factor", 8.0}, {"original_max_position_embeddings", 32}}));
    CHECK(text_of(edited(with({{"rope_type", "yarn"}, {"original_max_position_embeddings", 77}, {"beta_fast", 0}}),
                         [](Json& c) { c["original_max_position_embeddings"] = 32; })) ==
          text_of(with({{"rope_type", "yarn"}, {"factor", 8.0}, {"original_max_position_embeddings", 32}})));
    CHECK(std::abs(yarn.factor - (0.1 * std::log(8.0) + 1)) < 1e-6);
    CHECK(yarned.front() == base.front());
    CHECK(yarned.back() == base.back() / 8);
    CHECK(rope(with({{"rope_type", "yarn"}, {"factor", 8.0}, {"mscale", 2.0}, {"mscale_all_dim", 1.0}})).first.factor ==
          float((0.2 * std::log(8.0) + 1) / (0.1 * std::log(8.0) + 1)));

    const auto [llama3, smooth] = rope(with({{"rope_type", "llama3"},
                                             {"factor", 8.0},
                                             {"low_freq_factor", 1.0},
                                             {"high_freq_factor", 4.0},
                                             {"original_max_position_embeddings", 32}}));
    const double wavelength = 2 * std::numbers::pi / std::pow(10000.0, -0.125), blend = (32 / wavelength - 1) / 3;
    CHECK(smooth[0] == base[0]);
    CHECK(std::abs(smooth[1] / (std::pow(10000.0, -0.125) * ((1 - blend) / 8 + blend)) - 1) < 1e-6);
    CHECK(smooth[7] == base[7] / 8);

    // LongRoPE: both tables, and one factor for both.
    const Json ones = Json::array({1, 1, 1, 1, 1, 1, 1, 1}), twos = Json::array({2, 2, 2, 2, 2, 2, 2, 2});
    const auto [longrope, tables] = rope(with({{"rope_type", "longrope"},
                                               {"short_factor", ones},
                                               {"long_factor", twos},
                                               {"original_max_position_embeddings", 32}}));
    REQUIRE(tables.size() == 16);
    CHECK(tables[3] == base[3]);
    CHECK(tables[11] == base[3] / 2);
    CHECK(longrope.original == 32);
    CHECK(longrope.factor == float(std::sqrt(1 + std::log(8.0) / std::log(32.0))));
    CHECK(longrope.long_factor == longrope.factor);
    CHECK(
        rope(
            with({{"rope_type", "longrope"}, {"short_factor", ones}, {"long_factor", twos}, {"attention_factor", 1.5}}))
            .first.factor == 1.5f);

    // Llama rotates whole heads, Phi-3 as much as its config says; the released Phi-3 files
    // call LongRoPE "su" and "yarn" too.
    CHECK(rope(edited(llama, [](Json& c) { c["partial_rotary_factor"] = 0.5; })).first.rotary == 16);
    const Json phi = edited(config_of(goldens() / "phi3"), [](Json& c) {
        c["partial_rotary_factor"] = 0.5;
        c["rope_scaling"] = nullptr;
    });
    CHECK(rope(phi).first.rotary == 8);
    CHECK(rope(phi).second[1] == 0.1f);
    for (const char* name : {"su", "yarn"})
        CHECK(text_of(edited(config_of(goldens() / "phi3"), [&](Json& c) { c["rope_scaling"]["type"] = name; })) ==
              text_of(config_of(goldens() / "phi3")));

    // rope_scaling replaces rope_parameters; an empty one does not.
    CHECK(text_of(edited(in_new_spelling(llama), [](Json& c) {
              c["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
          })) == text_of(with({{"type", "linear"}, {"factor", 2.0}})));
    CHECK(text_of(edited(in_new_spelling(llama), [](Json& c) { c["rope_scaling"] = Json::object(); })) ==
          text_of(llama));
}

TEST_CASE("impossible configs are refused by the key's name", "[models]") {
    weft_GOLDEN(golden_directory, "llama");
    struct Case {
        const char *name, *key;
        Json value;
        const char* named;
    };
    const Json five = Json::array(
                   {"full_attention", "full_attention", "full_attention", "full_attention", "full_attention"}),
               odd = Json::array({"full_attention", "mamba"});
    const Case cases[] = {
        {"llama", "num_attention_heads", 0, "num_attention_heads"},
        {"llama", "num_attention_heads", -4, "num_attention_heads"},
        {"llama", "num_attention_heads", 2147483647, "num_attention_heads"},
        {"llama", "num_key_value_heads", 3, "num_key_value_heads"},
        {"llama", "num_key_value_heads", 0, "num_key_value_heads"},
        {"llama", "head_dim", 0, "head_dim"},
        {"llama", "head_dim", 17, "whole pairs"},
        {"llama", "head_dim", 2147483644, "num_attention_heads"},
        {"llama", "head_dim", 512, "size of a head"},
        {"llama", "head_dim", 100000000, "100000000 channels"},
        {"llama", "num_hidden_layers", 0, "num_hidden_layers"},
        {"llama", "num_hidden_layers", 2001, "num_hidden_layers"},
        {"llama", "num_hidden_layers", Json::array({1}), "num_hidden_layers"},
        {"llama", "hidden_size", "sixty-four", "hidden_size"},
        {"llama", "hidden_size", -1, "hidden_size"},
        {"llama", "vocab_size", nullptr, "vocab_size"},
        {"llama", "intermediate_size", 2147483647, "intermediate_size"},
        {"llama", "intermediate_size", 1.5, "intermediate_size"},
        {"llama", "hidden_act", "snake", "hidden_act"},
        {"llama", "rms_norm_eps", "small", "rms_norm_eps"},
        {"llama", "rms_norm_eps", -1, "'rms_norm_eps' must be a float that is not negative"},
        {"falcon-h1", "rms_norm_eps", 1e39, "'rms_norm_eps' must be a float that is not negative"},
        {"gpt2", "layer_norm_epsilon", -1e-5, "'layer_norm_epsilon' must be a float that is not negative"},
        {"llama", "attention_bias", 1, "attention_bias"},
        {"llama", "rope_theta", 0, "rope_theta"},
        {"llama", "rope_theta", -5, "rope_theta"},
        {"llama", "rope_scaling", 7, "rope_scaling"},
        {"llama", "rope_scaling", {{"type", "spiral"}}, "spiral"},
        {"llama", "rope_scaling", {{"type", "linear"}}, "factor"},
        {"llama", "rope_scaling", {{"type", "linear"}, {"factor", 0}}, "'factor' must be positive"},
        {"llama", "rope_scaling", {{"type", "linear"}, {"factor", -2}}, "'factor' must be positive"},
        {"llama", "rope_scaling", {{"type", "dynamic"}, {"factor", -2}}, "'factor' must be positive"},
        {"llama", "rope_scaling", {{"type", "yarn"}, {"factor", -1}}, "'factor' must be positive"},
        {"llama", "rope_scaling", {{"type", "llama3"}, {"factor", -8}}, "'factor' must be positive"},
        {"llama",
         "rope_scaling",
         {{"type", "llama3"}, {"factor", 8}, {"low_freq_factor", 0}},
         "'low_freq_factor' must be positive"},
        {"llama",
         "rope_scaling",
         {{"type", "llama3"}, {"factor", 8}, {"high_freq_factor", -4}},
         "'high_freq_factor' must be positive"},
        {"llama",
         "rope_scaling",
         {{"type", "longrope"}, {"short_factor", Json(std::vector<int>(8, -1))}},
         "'short_factor' must hold positive numbers"},
        {"gemma3", "rope_local_base_freq", 0, "'rope_local_base_freq' must be positive"},
        {"llama",
         "rope_scaling",
         {{"type", "longrope"}, {"short_factor", Json::array({1})}, {"long_factor", Json::array({1})}},
         "short_factor"},
        {"llama",
         "rope_scaling",
         {{"type", "yarn"}, {"factor", 2}, {"original_max_position_embeddings", 0}},
         "original_max_position_embeddings"},
        {"llama", "max_position_embeddings", 0, "max_position_embeddings"},
        {"mistral-swa", "sliding_window", 0, "sliding_window"},
        {"mistral-swa", "sliding_window", -8, "sliding_window"},
        {"qwen2", "layer_types", five, "layer_types"},
        {"qwen2", "layer_types", odd, "layer_types"},
        {"qwen2", "layer_types", Json::array({"sliding_attention", "full_attention"}), "sliding_window"},
        {"qwen2", "use_sliding_window", "yes", "use_sliding_window"},
        {"gemma2", "sliding_window", nullptr, "sliding_window"},
        {"gemma2", "query_pre_attn_scalar", 0, "query_pre_attn_scalar"},
        {"gemma2", "attn_logit_softcapping", -1, "attn_logit_softcapping"},
        {"qwen2", "is_causal", false, "is_causal"},
        {"falcon-h1", "is_causal", false, "is_causal"},
        {"gemma2", "use_bidirectional_attention", true, "use_bidirectional_attention"},
        {"gemma3", "sliding_window_pattern", 0, "sliding_window_pattern"},
        {"phi3", "rope_scaling", {{"type", "linear"}, {"factor", 2}}, "linear"},
        {"phi3", "partial_rotary_factor", 0, "partial_rotary_factor"},
        {"phi3", "partial_rotary_factor", 2, "partial_rotary_factor"},
        {"mixtral", "num_experts_per_tok", 5, "num_experts_per_tok"},
        {"mixtral", "num_local_experts", 100000, "num_local_experts"},
        {"mixtral", "num_local_experts", 2000, "number of experts"},
        {"qwen3-moe", "decoder_sparse_step", 0, "decoder_sparse_step"},
        {"qwen3-moe", "num_local_experts", -1, "num_local_experts"},
        {"qwen3-moe", "mlp_only_layers", "all", "mlp_only_layers"},
        {"gpt2", "n_head", 5, "n_head"},
        {"gpt2", "n_head", 0, "n_head"},
        {"gpt2", "n_embd", 2147483647, "n_embd"},
        {"gpt2", "n_inner", 0, "n_inner"},
        {"gpt2", "n_positions", 0, "n_positions"},
    };
    for (const Case& k : cases) {
        INFO(k.name << ' ' << k.key << ' ' << k.value.dump());
        const std::string message =
            error_of(edited(config_of(goldens() / k.name), [&](Json& c) { c[k.key] = k.value; }));
        INFO(message);
        CHECK(message.find(k.named) != message.npos);
        CHECK(message.find("config.json") != message.npos);
    }
    for (const char* key :
         {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"}) {
        const std::string message = error_of(edited(config_of(goldens() / "llama"), [&](Json& c) { c.erase(key); }));
        CHECK(message.find(key) != message.npos);
    }
}

TEST_CASE("a tied head shares the embedding, under either name, unless the file has another one", "[models]") {
    weft_GOLDEN(golden_directory, "llama");
    const Json config = config_of(golden_directory);
    const auto with = [&](bool tied, std::initializer_list<std::pair<const char*, float>> tensors) {
        const TemporaryDirectory directory;
        directory.write("config.json", edited(config, [&](Json& c) { c["tie_word_embeddings"] = tied; }).dump());
        std::string data, header = "{";
        for (const auto& [name, value] : tensors) {
            const std::vector<float> values(99 * 64, value);
            header += (header.size() > 1 ? ",\"" : "\"") + std::string(name) +
                      "\":{\"dtype\":\"F32\",\"shape\":[99,64],\"data_offsets\":[" + std::to_string(data.size()) + "," +
                      std::to_string(data.size() + values.size() * 4) + "]}";
            data.append(reinterpret_cast<const char*>(values.data()), values.size() * 4);
        }
        header += "}";
        header.resize((header.size() + 7) / 8 * 8, ' ');
        std::string length(8, '\0');
        for (size_t i = 0; i < 8; ++i) length[i] = char(header.size() >> (8 * i));
        directory.write("model.safetensors", length + header + data);
        auto files = ModelFiles::open(directory.path());
        REQUIRE(files);
        auto s = make_schedule(*files);
        REQUIRE(s);
        size_t missing = 0; // of the embedding and the head
        for (const auto& p : check_weights(s->weights, *files))
            missing += p.find("embed_tokens") != p.npos || p.find("lm_head") != p.npos;
        return std::pair(embedding_of(*s).table == head_linear(*s).linear.weight, missing);
    };
    const char *table = "model.embed_tokens.weight", *head = "lm_head.weight";
    CHECK(with(true, {{table, 1.f}}) == std::pair(true, size_t(0)));
    CHECK(with(true, {{head, 1.f}}) == std::pair(true, size_t(0)));
    CHECK(with(true, {{table, 1.f}, {head, 1.f}}) == std::pair(true, size_t(0)));
    CHECK(with(true, {{table, 1.f}, {head, 2.f}}) == std::pair(false, size_t(0)));
    CHECK(with(false, {{table, 1.f}, {head, 1.f}}) == std::pair(false, size_t(0)));
    CHECK(with(false, {{table, 1.f}}) == std::pair(false, size_t(1)));
}

TEST_CASE("configs: every number that the schedule depends on is finite", "[models]") {
    const auto models = weft::test::repository() / "tests/goldens/models";
    size_t numbers = 0;
    const auto check = [&](const Json& config, const Json::json_pointer& place) {
        const std::string key = place.back();
        const Json& value = config[place];
        const auto with = [&](const Json& other) { return edited(config, [&](Json& c) { c[place] = other; }); };
        const auto doubled = schedule_of(with(value.get<double>() * 2 + 0.5));
        if (!value.is_number_float() || (doubled && text_of(*doubled) == text_of(config))) return;
        ++numbers;
        for (const char* odd : {"NaN", "Infinity", "-Infinity"}) {
            CAPTURE(place.to_string(), odd);
            const std::string text = error_of(with({{"__float__", odd}}));
            CHECK(text.find("config.json") != text.npos);
            CHECK(text.find("'" + key + "'") != text.npos);
        }
    };
    for (const auto& entry : std::filesystem::directory_iterator(models)) {
        CAPTURE(entry.path().filename());
        const Json config = config_of(entry.path());
        for (const auto& [key, value] : config.items()) {
            if (value.is_number()) check(config, Json::json_pointer("/" + key));
            if (value.is_object())
                for (const auto& [inner, number] : value.items())
                    if (number.is_number()) check(config, Json::json_pointer("/" + key + "/" + inner));
        }
    }
    CHECK(numbers >= 30);
}

TEST_CASE("configs: numbers are within what the kernels take", "[models]") {
    const auto models = weft::test::repository() / "tests/goldens/models";
    struct Odd {
        const char *model, *key;
        double value;
        const char* field; ///< of the schedule, or the key itself
    };
    for (const Odd& odd : {Odd{"llama", "rms_norm_eps", -1e-6, "rms_norm_eps"},
                           {"llama", "rms_norm_eps", 1e300, "rms_norm_eps"},
                           {"mamba", "layer_norm_epsilon", -1e-5, "layer_norm_epsilon"},
                           {"gemma2", "query_pre_attn_scalar", 0, "query_pre_attn_scalar"},
                           {"gemma2", "query_pre_attn_scalar", -4, "query_pre_attn_scalar"},
                           {"gemma2", "attn_logit_softcapping", -1, "attn_logit_softcapping"},
                           {"gemma2", "final_logit_softcapping", -1, "final_logit_softcapping"},
                           {"falcon-h1", "embedding_multiplier", 1e39, "embedding.scale"},
                           {"falcon-h1", "key_multiplier", -1e39, "key_scale"}}) {
        CAPTURE(odd.model, odd.key, odd.value);
        const std::string text =
            error_of(edited(config_of(models / odd.model), [&](Json& c) { c[odd.key] = odd.value; }));
        CHECK(text.find("config.json") != text.npos);
        CAPTURE(text);
        CHECK(text.find(std::string(odd.field) + "' must be") != text.npos);
    }
    const auto fine = [&](const char* model, const char* key, const Json& value) {
        CAPTURE(model, key, value.dump());
        require_schedule(edited(config_of(models / model), [&](Json& c) { c[key] = value; }));
    };
    fine("llama", "rms_norm_eps", 0.0); // as the reference takes it
    fine("mamba2", "time_step_limit", Json::array({0.0, {{"__float__", "Infinity"}}}));
    fine("falcon-h1", "key_multiplier", -0.5);
}
