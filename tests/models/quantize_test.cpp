// SPDX-License-Identifier: Apache-2.0
// A directory written as GGUF is the same model: held against the directory's own recorded
// results, in every way of feeding.
#include "base/file.hpp"
#include "base/json.hpp"
#include "device.hpp"
#include "models/architecture.hpp"
#include "models/keys.hpp"
#include "pipelines/load.hpp"
#include "repository.hpp"
#include "schedule/session.hpp"
#include "unit/edited_weights.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <weft/check.hpp>
#include <weft/quantize.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

QuantizeReport require_written(const std::filesystem::path& from, const std::filesystem::path& to,
                               const QuantizeOptions& options) {
    const auto report = quantize(from, to, options);
    INFO((report ? "" : report.error().text()));
    REQUIRE(bool(report));
    const auto files = ModelFiles::open(to);
    REQUIRE(bool(files));
    std::vector<KeyUse> keys;
    REQUIRE(bool(make_schedule(*files, &keys)));
    CHECK(unused_keys(keys, "") == ""); // weft knows its own words
    return *report;
}

void require_same(const std::filesystem::path& directory, const std::filesystem::path& gguf) {
    const auto report = check(test::device(), gguf, {.io = directory / "io.safetensors"});
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    CHECK(report->ok());
}

struct Case {
    const char *directory, *architecture;
};
// One for each of GGUF's architectures that weft reads, and what is special about some.
constexpr Case kArchitectures[] = {{"llama", "llama"},
                                   {"llama-linear", "llama"},
                                   {"llama-yarn", "llama"},
                                   {"llama-llama3rope", "llama"},
                                   {"llama-batch", "llama"},
                                   {"mixtral", "llama"},
                                   {"qwen2", "qwen2"},
                                   {"qwen3", "qwen3"},
                                   {"qwen2-moe", "qwen2moe"},
                                   {"qwen3-next", "qwen3next"},
                                   {"phi3", "phi3"},
                                   {"olmo2", "olmo2"},
                                   {"gpt2", "gpt2"},
                                   {"mamba", "mamba"},
                                   {"falcon-mamba", "mamba"},
                                   {"jamba", "jamba"},
                                   {"granite-hybrid", "granitehybrid"},
                                   {"granite-hybrid-dense", "granitehybrid"},
                                   {"bamba", "granitehybrid"},
                                   {"falcon-h1", "falcon-h1"},
                                   {"glm4-moe", "glm4moe"},
                                   {"lfm2", "lfm2"},
                                   {"lfm2-moe", "lfm2moe"},
                                   {"qwen3-5", "qwen35"}};

std::vector<float> logits_of(const std::filesystem::path& path, WeightType dtype) {
    const auto files = ModelFiles::open(path);
    REQUIRE(files);
    const auto model = load_model(detail::Access::state(test::device()), *files, dtype, {});
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    const auto session = Session::create(*model, {.context = 64});
    REQUIRE(session);
    const std::vector<uint32_t> ids{5, 3, 17, 8, 30, 2, 11, 9, 26, 4, 21};
    const Feed feed{0, ids, 0};
    REQUIRE((*session)->forward(std::span(&feed, 1), Want::all));
    const auto logits = (*session)->logits();
    REQUIRE(logits);
    return *logits;
}

} // namespace

TEST_CASE("in halves a directory and its GGUF file give the same bits", "[models]") {
    // GGUF keeps routers and tables of positions in f32, so that models with either are not the same in halves.
    for (const char* name :
         {"llama", "qwen2", "qwen3", "olmo2", "mamba", "falcon-mamba", "bamba", "granite-hybrid-dense"})
        DYNAMIC_SECTION(name) {
            weft_GOLDEN(folder, name);
            const test::TemporaryDirectory scratch;
            require_written(folder, scratch / "model.gguf", {.type = "f16"});
            const auto ours = logits_of(scratch / "model.gguf", WeightType::stored),
                       theirs = logits_of(folder, WeightType::f16);
            double apart = 0;
            for (size_t i = 0; i < theirs.size(); ++i)
                apart = std::max(apart, std::abs(double(ours.at(i)) - theirs[i]));
            CHECK(apart == 0);
        }
}

TEST_CASE("a directory as GGUF gives its logits", "[models]") {
    for (const auto& [name, architecture] : kArchitectures) DYNAMIC_SECTION(name) {
            weft_GOLDEN(folder, name);
            const test::TemporaryDirectory scratch;
            CHECK(require_written(folder, scratch / "model.gguf", {.type = "f32"}).architecture == architecture);
            CHECK(scratch.count() == 1);
            require_same(folder, scratch / "model.gguf");
        }
}

TEST_CASE("a Phi as GGUF gives its logits, but none with norms of heads", "[models]") {
    const auto models = test::repository() / "tests/goldens/models";
    const test::TemporaryDirectory scratch;
    CHECK(require_written(models / "phi", scratch / "model.gguf", {.type = "f32"}).architecture == "phi2");
    require_same(models / "phi", scratch / "model.gguf");
    const auto refused = quantize(models / "phi-head-norms", scratch / "other.gguf", {.type = "f32"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reasons ==
          std::vector<std::string>{"phi2 is not read so: tensor 'layers.0.self_attn.q_layernorm.weight' is not used"});
}

// Recorded cases that use what GGUF has no word for, without it.
TEST_CASE("a directory as GGUF gives its logits: without what GGUF cannot say", "[models]") {
    struct Plainer {
        const char *directory, *changes;
    };
    for (const auto& [name, changes] : {Plainer{"gemma2", R"({"query_pre_attn_scalar": 16, "head_dim": 16})"},
                                        {"gemma3", R"({"query_pre_attn_scalar": 16, "head_dim": 16})"},
                                        {"llama4", R"({"attention_chunk_size": 8192, "floor_scale": 8192})"},
                                        {"gpt-oss", R"({"swiglu_limit": 7.0})"},
                                        {"mamba2", R"({"time_step_limit": [0.0, {"__float__": "Infinity"}]})"},
                                        {"mistral-swa", R"({"sliding_window": null})"},
                                        {"nemotron-h", R"({"time_step_min": 0.0})"}})
        DYNAMIC_SECTION(name) {
            weft_GOLDEN(folder, name);
            const test::TemporaryDirectory scratch;
            auto config = read_file(folder / "config.json");
            REQUIRE(config);
            auto json = parse_json(*config, "config.json");
            REQUIRE(json);
            json->update(*parse_json(changes, "changes"));
            const auto plainer = scratch / "plainer";
            std::filesystem::create_directory(plainer);
            std::ofstream(plainer / "config.json") << json->dump();
            std::filesystem::copy(folder / "model.safetensors", plainer / "model.safetensors");
            require_written(plainer, scratch / "model.gguf", {.type = "f32"});
            const auto ours = logits_of(scratch / "model.gguf", WeightType::stored),
                       theirs = logits_of(plainer, WeightType::stored);
            REQUIRE(ours.size() == theirs.size());
            double apart = 0;
            for (size_t i = 0; i < theirs.size(); ++i) apart = std::max(apart, std::abs(double(ours[i]) - theirs[i]));
            CHECK(apart <= 2e-5); // constants such as -exp(A) are rounded once more; logits are about 1
        }
}

TEST_CASE("tensors of different types in one slot stay as they are", "[models]") {
    // bf16 and f32 hold these directories' weights exactly.
    struct Mixed {
        const char *directory, *pattern;
    };
    for (const auto& [name, pattern] : {Mixed{"qwen3", "blk.*.ffn_gate.weight"},
                                        {"qwen3", "blk.*.attn_v.weight"},
                                        {"jamba", "blk.*.ffn_up_exps.weight"},
                                        {"jamba", "blk.*.attn_q.weight"}})
        DYNAMIC_SECTION(name << " " << pattern) {
            weft_GOLDEN(folder, name);
            const test::TemporaryDirectory scratch;
            require_written(folder, scratch / "model.gguf", {.type = "f32", .keep = {{pattern, "bf16"}}});
            const auto files = ModelFiles::open(scratch / "model.gguf");
            REQUIRE(files);
            const auto schedule = make_schedule(*files);
            REQUIRE(schedule);
            size_t parted = 0;
            for (const WeightSlot& slot : schedule->weights) {
                const auto parts = held_parts(slot, *files, WeightType::stored);
                REQUIRE(parts);
                parted += parts->size() > 1;
            }
            CHECK(parted > 0);
            require_same(folder, scratch / "model.gguf");
        }
}

TEST_CASE("what GGUF cannot say is refused and leaves nothing", "[models]") {
    struct Refused {
        const char *directory, *reason;
    };
    for (const auto& [name, reason] :
         {Refused{"mistral-swa", "llama has no word for layer 0: attention.branches[0].window is 8"},
          {"zamba2", ""},
          {"mamba2", "mamba2.branches[0].dt_min is"},
          {"gemma2", "attention.branches[0].scale is"}})
        DYNAMIC_SECTION(name) {
            weft_GOLDEN(folder, name);
            const test::TemporaryDirectory scratch;
            const auto report = quantize(folder, scratch / "model.gguf", {});
            REQUIRE_FALSE(bool(report));
            CHECK(report.error().code == ErrorCode::unsupported);
            CHECK(std::ranges::any_of(report.error().reasons,
                                      [&](const std::string& r) { return r.find(reason) != r.npos; }));
            CHECK(scratch.count() == 0);
        }
    // Where an architecture has two names in GGUF, why each of them does not fit.
    const test::TemporaryDirectory scratch;
    const auto twice = quantize(test::repository() / "tests/goldens/models/gemma2", scratch / "model.gguf", {});
    REQUIRE_FALSE(twice);
    REQUIRE(twice.error().reasons.size() == 2);
    CHECK(twice.error().reasons[0].starts_with("gemma2 has no word for layer 0: "));
    CHECK(twice.error().reasons[1].starts_with("gemma3 is not read so: tensor "));
    weft_GOLDEN(folder, "llama");
    const auto unknown = quantize(folder, scratch / "model.gguf", {.type = "q9"});
    REQUIRE_FALSE(bool(unknown));
    CHECK(unknown.error().code == ErrorCode::invalid_argument);
    const auto stopped = quantize(folder, scratch / "model.gguf", {.progress = [](const Progress&) { return false; }});
    REQUIRE_FALSE(bool(stopped));
    CHECK(stopped.error().code == ErrorCode::cancelled);
    CHECK(scratch.count() == 0);
}

TEST_CASE("weights that a type cannot hold are refused by tensor and row, and nothing is written", "[models]") {
    struct Odd {
        const char *tensor, *type;
        float value;
        uint64_t element, columns;
        const char* gguf;
        uint64_t row; ///< of the tensor in GGUF, where the rows of q's heads stand in another order
    };
    const float beyond_half = 70000;
    for (const Odd& odd :
         {Odd{"model.layers.1.mlp.up_proj.weight", "q8_0", NAN, 64 * 37 + 5, 64, "blk.1.ffn_up.weight", 37},
          {"model.layers.1.mlp.up_proj.weight", "q4_0", INFINITY, 64 * 37 + 5, 64, "blk.1.ffn_up.weight", 37},
          {"model.layers.1.mlp.up_proj.weight", "q5_1", 1e8f, 64 * 37 + 5, 64, "blk.1.ffn_up.weight", 37},
          {"model.layers.0.mlp.up_proj.weight", "q8_0", 1e8f, 64 * 95 + 63, 64, "blk.0.ffn_up.weight", 95},
          {"model.layers.2.self_attn.v_proj.weight", "f16", -beyond_half, 64 * 3, 64, "blk.2.attn_v.weight", 3},
          {"model.embed_tokens.weight", "bf16", 3.4e38f, 64 * 98, 64, "token_embd.weight", 98},
          {"lm_head.weight", "f32", NAN, 64 * 98 + 1, 64, "output.weight", 98},
          {"model.norm.weight", "q8_0", INFINITY, 17, 1, "output_norm.weight", 17},
          {"model.layers.0.self_attn.q_proj.weight", "q8_0", 1e8f, 64 * 9, 64, "blk.0.attn_q.weight", 3}})
        DYNAMIC_SECTION(odd.tensor << " " << odd.type << " " << odd.value) {
            const auto folder = weft::test::repository() / "tests/goldens/models/llama";
            const test::TemporaryDirectory directory, scratch;
            test::copy_model(folder, directory.path());
            test::set_elements(directory / "model.safetensors", odd.tensor, odd.element, 1, odd.value);
            const auto old = scratch.write("model.gguf", "what was there");
            const auto report = quantize(directory.path(), old, {.type = odd.type});
            REQUIRE_FALSE(report);
            CHECK(report.error().code == ErrorCode::malformed);
            const std::string text = report.error().text();
            INFO(text);
            CHECK(text.find("tensor '" + std::string(odd.gguf) + "', row " + std::to_string(odd.row) + ":") !=
                  text.npos);
            CHECK(text.find("row " + std::to_string(odd.element / odd.columns) + " of '" + odd.tensor + "'") !=
                  text.npos);
            CHECK(scratch.count() == 1);
            CHECK(*read_file(old) == "what was there");
        }
}
