// SPDX-License-Identifier: Apache-2.0
// What a file says and weft does not use never passes in silence: tensors are refused by name, keys are named.
#include "device.hpp"
#include "io/gguf_writer.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "repository.hpp"
#include "schedules.hpp"
#include <weft/check.hpp>
#include <weft/inspect.hpp>
#include <weft/model.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

const std::filesystem::path kRepository = weft::test::repository();
const std::filesystem::path kModels = kRepository / "tests/goldens/models";

// The line about a config's unused keys.
std::string warning_of(const Json& config) {
    auto files = ModelFiles::from_config(config, "config.json");
    REQUIRE(files);
    std::vector<KeyUse> keys;
    auto s = make_schedule(*files, &keys);
    INFO((s ? "" : s.error().text()));
    REQUIRE(s);
    return unused_keys(keys, "config.json");
}

// The same for a file that has these keys beside those of a small llama.
std::string warning_of_gguf(const std::function<void(GgufWriter&)>& add) {
    GgufWriter w;
    w.string("general.architecture", "llama");
    for (const auto& [key, value] : {std::pair{"block_count", 2u},
                                     {"embedding_length", 64u},
                                     {"vocab_size", 128u},
                                     {"feed_forward_length", 96u},
                                     {"attention.head_count", 4u}})
        w.u32("llama." + std::string(key), value);
    w.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    add(w);
    const std::string header = w.header();
    auto file = GgufFile::parse(std::as_bytes(std::span(header)), "model.gguf");
    REQUIRE(file);
    const ModelFiles files = ModelFiles::from_gguf(std::move(*file));
    std::vector<KeyUse> keys;
    auto s = make_schedule(files, &keys);
    INFO((s ? "" : s.error().text()));
    REQUIRE(s);
    return unused_keys(keys, "model.gguf");
}

// A golden with one tensor more.
void write_with(const std::filesystem::path& golden, const std::string& tensor, const TemporaryDirectory& to) {
    for (const char* name : {"config.json", "io.safetensors", "case.json"})
        std::filesystem::copy(golden / name, to.path() / name);
    const auto weights = SafetensorsFile::open(golden / "model.safetensors");
    REQUIRE(weights);
    std::vector<TensorView> tensors(weights->tensors().begin(), weights->tensors().end());
    const std::vector<float> values(4, 1.0f);
    tensors.push_back({tensor, FileType::f32, {4}, std::as_bytes(std::span(values))});
    REQUIRE(write_safetensors(to.path() / "model.safetensors", tensors));
}

} // namespace

TEST_CASE("keys: nothing is left over in any model of the repository", "[models]") {
    require_fit(kRepository / "apps/models/tales-hybrid");
    for (const auto& entry : std::filesystem::directory_iterator(kModels))
        if (std::filesystem::exists(entry.path() / "model.safetensors")) require_fit(entry.path());
}

TEST_CASE("keys: those of a config that are not used are named in one line", "[models]") {
    const Json llama = config_of(kModels / "llama"), mistral = config_of(kModels / "mistral-swa");
    CHECK(warning_of(llama) == "");
    struct Case {
        const char *name, *key; // key: where it is to be named; "": nowhere
        Json config;
    };
    const Case cases[] = {
        {"a key of another class", "attn_logit_softcapping",
         edited(llama, [](Json& c) { c["attn_logit_softcapping"] = 30.0; })},
        {"a key of nobody", "frobnication", edited(llama, [](Json& c) { c["frobnication"] = "yes"; })},
        {"a window of a class that has none", "sliding_window",
         edited(llama, [](Json& c) { c["sliding_window"] = 8; })},
        {"a number of another rotary type", "rope_scaling.beta_fast",
         edited(llama,
                [](Json& c) {
                    c["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}, {"beta_fast", 8}};
                })},
        {"in the newer spelling", "rope_parameters.beta_fast",
         edited(llama,
                [](Json& c) {
                    c["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 2.0}, {"beta_fast", 8}};
                })},
        {"null asks for nothing", "", edited(mistral, [](Json& c) { c["attn_logit_softcapping"] = nullptr; })},
        {"0 asks for nothing", "", edited(mistral, [](Json& c) { c["attn_logit_softcapping"] = 0; })},
        {"false asks for nothing", "", edited(mistral, [](Json& c) { c["frobnication"] = false; })},
        {"training", "", edited(llama, [](Json& c) { c["attention_dropout"] = 0.5; })},
        {"what released configs have beside what counts", "",
         edited(config_of(kModels / "gemma2"),
                [](Json& c) {
                    c["hidden_act"] = "gelu_pytorch_tanh";
                    c["cache_implementation"] = "hybrid";
                })},
        {"a note of a tool", "", edited(llama, [](Json& c) { c["_name_or_path"] = "somewhere"; })},
    };
    for (const Case& c : cases) DYNAMIC_SECTION(c.name) {
            const std::string key = c.key;
            CHECK(warning_of(c.config) == (key.empty() ? "" : "config.json: a key that weft does not use: " + key));
        }
    const Json two = edited(llama, [](Json& c) {
        c["b_key"] = 1;
        c["a_key"] = 2;
    });
    CHECK(warning_of(two) == "config.json: keys that weft does not use: a_key, b_key");
}

TEST_CASE("keys: those of a GGUF file that are not used are named", "[models]") {
    CHECK(warning_of_gguf([](GgufWriter&) {}) == "");
    // Other tools' and the tokenizer's are none of the model's.
    CHECK(warning_of_gguf([](GgufWriter& w) {
              w.string("general.name", "x");
              w.string("tokenizer.ggml.model", "llama");
          }) == "");
    CHECK(warning_of_gguf([](GgufWriter& w) { w.f32("llama.attention.clamp_kqv", 8); }) ==
          "model.gguf: a key that weft does not use: llama.attention.clamp_kqv");
    // What other architectures' configs have is read for none of them.
    CHECK(warning_of_gguf([](GgufWriter& w) { w.f32("llama.attn_logit_softcapping", 50); }) ==
          "model.gguf: a key that weft does not use: llama.attn_logit_softcapping");
    CHECK(warning_of_gguf([](GgufWriter& w) { w.u32("llama.expert_count", 0); }) == "");
    // A key that nobody reads may say what is so.
    CHECK(warning_of_gguf([](GgufWriter& w) { w.f32("llama.attention.scale", 0.25f); }) == "");
    CHECK(warning_of_gguf([](GgufWriter& w) { w.f32("llama.attention.scale", 0.5f); }) ==
          "model.gguf: a key that weft does not use: llama.attention.scale");
    CHECK(warning_of_gguf([](GgufWriter& w) { w.boolean("llama.use_something", false); }) ==
          "model.gguf: a key that weft does not use: llama.use_something");
}

TEST_CASE("keys: a tensor that no slot takes is refused by name", "[models]") {
    struct Case {
        const char *golden, *tensor;
        bool refused;
    };
    const Case cases[] = {
        {"llama", "model.layers.0.self_attn.rotary_emb.inv_freq", false},
        {"llama", "model.layers.0.self_attn.q_norm.weight", true},
        {"llama", "model.layers.7.input_layernorm.weight", true},
        {"qwen3-next", "mtp.fc.bias", false},
        {"mamba", "mtp.fc.bias", true},
    };
    for (const Case& c : cases) DYNAMIC_SECTION(c.golden << ' ' << c.tensor) {
            const TemporaryDirectory directory;
            write_with(kModels / c.golden, c.tensor, directory);
            const auto report = check(test::device(), directory.path(), {.prefill = {"whole"}});
            REQUIRE(bool(report) == !c.refused);
            const auto inspected = inspect(nullptr, directory.path());
            REQUIRE(inspected);
            CHECK(inspected->problems.empty() == !c.refused);
            if (!c.refused) continue;
            CHECK(report.error().code == ErrorCode::unsupported);
            CHECK(report.error().text().find(std::string("tensor '") + c.tensor + "'") != std::string::npos);
        }
}

TEST_CASE("keys: a head that repeats the embedding is the embedding, another one is not lost", "[models]") {
    // Tied, and the head is there all the same: equal ones are one weight; see embedding_and_head() for others.
    const TemporaryDirectory directory;
    const auto weights = SafetensorsFile::open(kModels / "gemma2" / "model.safetensors");
    REQUIRE(weights);
    std::vector<TensorView> tensors(weights->tensors().begin(), weights->tensors().end());
    const TensorView* table = weights->find("model.embed_tokens.weight");
    REQUIRE(table);
    TensorView head = *table;
    head.name = "lm_head.weight";
    tensors.push_back(head);
    std::filesystem::copy(kModels / "gemma2" / "config.json", directory / "config.json");
    REQUIRE(write_safetensors(directory / "model.safetensors", tensors));
    require_fit(directory.path());
}

TEST_CASE("keys: warnings reach who loads a model", "[models]") {
    const TemporaryDirectory directory;
    for (const char* name : {"io.safetensors", "case.json", "model.safetensors"})
        std::filesystem::copy(kModels / "llama" / name, directory / name);
    directory.write("config.json", edited(config_of(kModels / "llama"), [](Json& c) { c["frobnication"] = 1; }).dump());
    const std::string line = (directory / "config.json").string() + ": a key that weft does not use: frobnication";
    const auto report = check(test::device(), directory.path(), {.prefill = {"whole"}});
    REQUIRE(report);
    CHECK(report->warnings == std::vector{line});
    const auto model = Model::load(test::device(), directory.path(), {.need_tokenizer = false});
    REQUIRE(model);
    CHECK(model->warnings() == std::vector{line});
    const auto inspected = inspect(nullptr, directory.path());
    REQUIRE(inspected);
    CHECK(inspected->keys_text().find("frobnication") != std::string::npos);
}
