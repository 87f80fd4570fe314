// SPDX-License-Identifier: Apache-2.0
// The text part of a multimodal model: a recorded case, wrapped as either generation of transformers writes it.
#include "base/file.hpp"
#include "base/json.hpp"
#include "device.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "pipelines/load.hpp"
#include "repository.hpp"
#include "schedule/session.hpp"
#include "schedules.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <fstream>
#include <functional>
#include <weft/check.hpp>
#include <weft/quantize.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

const std::filesystem::path kCase = weft::test::repository() / "tests/goldens/models/mistral-swa";

Json json_of(const std::string& text) {
    auto json = parse_json(text, "test");
    REQUIRE(json);
    return *json;
}

// Copies a safetensors file under other names of its tensors.
void rename_tensors(const std::filesystem::path& from, const std::filesystem::path& to,
                    const std::function<std::string(const std::string&)>& name) {
    const auto file = SafetensorsFile::open(from);
    REQUIRE(file);
    std::vector<TensorView> views(file->tensors().begin(), file->tensors().end());
    for (TensorView& view : views) view.name = name(view.name);
    REQUIRE(write_safetensors(to, views));
}

} // namespace

TEST_CASE("the text part of a multimodal model", "[models]") {
    const test::TemporaryDirectory folder;
    const auto& scratch = folder.path();
    std::filesystem::copy_file(kCase / "io.safetensors", scratch / "io.safetensors");
    const auto config = read_file(kCase / "config.json");
    REQUIRE(config);
    Json text = json_of(*config), outer{{"model_type", "mistral3"},
                                        {"vision_config", {{"model_type", "pixtral"}}},
                                        {"tie_word_embeddings", text.value("tie_word_embeddings", false)}};
    bool picture = false;
    SECTION("new names") {
        rename_tensors(kCase / "model.safetensors", scratch / "model.safetensors", [](const std::string& n) {
            return n.starts_with("model.") ? "model.language_model." + n.substr(6) : n;
        });
    }
    SECTION("old names, no model_type inside") {
        text.erase("model_type");
        rename_tensors(kCase / "model.safetensors", scratch / "model.safetensors",
                       [](const std::string& n) { return "language_model." + n; });
    }
    SECTION("recorded with a picture") {
        picture = true;
        rename_tensors(kCase / "model.safetensors", scratch / "model.safetensors",
                       [](const std::string& n) { return "language_model." + n; });
        rename_tensors(kCase / "io.safetensors", scratch / "io.safetensors",
                       [](const std::string& n) { return n == "output.hidden.0" ? "input.pixel_values" : n; });
    }
    outer["text_config"] = text;
    std::ofstream(scratch / "config.json") << outer.dump();
    auto report = check(test::device(), scratch, {});
    if (picture) {
        REQUIRE_FALSE(report);
        CHECK(report.error().code == ErrorCode::unsupported);
        CHECK(report.error().message.find("input.pixel_values") != std::string::npos);
    } else {
        INFO((report ? report->text() : report.error().text()));
        REQUIRE(bool(report));
        CHECK(report->ok());
        CHECK(report->runs.size() == 6);
    }
}

namespace {

// The model_type of its text, and what transformers has as defaults of both classes.
struct Multimodal {
    const char *type, *text_type;
    uint32_t layers, width, vocabulary, heads, kv_heads, head_size, inner;
    bool tied = true;
};
constexpr Multimodal kMultimodal[] = {{"mistral3", "mistral", 32, 4096, 32000, 32, 8, 128, 14336},
                                      {"qwen3_vl", "qwen3_vl_text", 32, 4096, 151936, 32, 32, 128, 22016, false},
                                      {"gemma3", "gemma3_text", 26, 2304, 262208, 8, 4, 256, 9216}};

bool tied(const Schedule& s) { return head_linear(s).linear.weight == embedding_of(s).table; }

} // namespace

TEST_CASE("what the config of a multimodal model leaves out is its classes' own", "[models]") {
    for (const Multimodal& m : kMultimodal) DYNAMIC_SECTION(m.type) {
            const Json sparse{{"model_type", m.type}, {"text_config", Json::object()}};
            const Schedule s = test::require_schedule(sparse);
            CHECK(s.architecture == (architecture_of(m.type) ? m.type : m.text_type));
            CHECK(decoder_of(s).layers.size() == m.layers);
            CHECK(decoder_of(s).width == m.width);
            CHECK(s.vocabulary == m.vocabulary);
            const auto& a = test::op<AttentionSpec>(s, 0);
            CHECK(a.heads == m.heads);
            CHECK(a.kv_heads == m.kv_heads);
            CHECK(a.head_size == m.head_size);
            CHECK(test::op<MlpSpec>(s, 0, 1).inner == m.inner);
            CHECK(tied(s) == m.tied);
            // The head is the whole model's: its text_config has no say.
            const auto with = [&](const Json& outer, const Json& inner) {
                Json config = sparse;
                config.update(outer);
                config["text_config"] = inner;
                return config;
            };
            const Json yes{{"tie_word_embeddings", true}}, no{{"tie_word_embeddings", false}};
            CHECK_FALSE(tied(test::require_schedule(with(no, Json::object()))));
            CHECK_FALSE(tied(test::require_schedule(with(no, yes))));
            CHECK(tied(test::require_schedule(with(yes, no))));
            CHECK(tied(test::require_schedule(with(Json::object(), m.tied ? no : yes))) == m.tied);
            const Schedule three = test::require_schedule(with(Json::object(), {{"num_hidden_layers", 3}}));
            CHECK(decoder_of(three).layers.size() == 3);
        }
}

TEST_CASE("a Mistral with layer_types is Ministral, unless it is a part of another model", "[models]") {
    const Json plain = test::config_of(kCase);
    const auto windows = [](const Json& config) {
        const Schedule s = test::require_schedule(config);
        return std::vector{test::op<AttentionSpec>(s, 0).window, test::op<AttentionSpec>(s, 1).window};
    };
    const Json typed = test::edited(plain, [](Json& c) { c["layer_types"] = {"full_attention", "sliding_attention"}; });
    CHECK(windows(plain) == std::vector<uint32_t>{8, 8});
    CHECK(windows(typed) == std::vector<uint32_t>{0, 8});
    CHECK(windows(test::edited(typed, [](Json& c) { c["model_type"] = "ministral"; })) == std::vector<uint32_t>{0, 8});
    CHECK(windows({{"model_type", "mistral3"}, {"text_config", typed}}) == std::vector<uint32_t>{8, 8});

    const test::TemporaryDirectory folder;
    std::filesystem::copy_file(kCase / "model.safetensors", folder / "model.safetensors");
    folder.write("config.json", typed.dump());
    const auto report = check(test::device(), folder.path(),
                              {.io = weft::test::repository() / "tests/goldens/ministral_io.safetensors"});
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    CHECK(report->ok());
}

TEST_CASE("without its tower a model that sees pictures reads text as before", "[models]") {
    for (const char* name : {"mistral3", "qwen3-vl"}) DYNAMIC_SECTION(name) {
            weft_GOLDEN(folder, name);
            const auto files = ModelFiles::open(folder);
            REQUIRE(files);
            const std::vector<uint32_t> ids = {1, 5, 9, 20, 33, 7};
            std::vector<float> logits[2];
            for (const bool alone : {false, true}) {
                const auto model = load_model(detail::Access::state(test::device()), *files, WeightType::stored, {},
                                              alone ? text_alone(*files) : ScheduleEdit{});
                REQUIRE(model);
                CHECK((stage_of((*model)->schedule, "vision") == nullptr) == alone);
                const auto session = Session::create(*model, {.context = 64});
                REQUIRE(session);
                const Feed feed{0, ids, 0};
                REQUIRE((*session)->forward({&feed, 1}, Want::last));
                logits[alone] = *(*session)->logits();
            }
            for (size_t i = 0; i < logits[0].size(); ++i) CHECK(std::abs(logits[0][i] - logits[1][i]) < 1e-5);
        }
}

TEST_CASE("a GGUF file of a model that sees pictures holds its text", "[models]") {
    for (const auto& [name, written] : {std::pair{"mistral3", "llama"}, {"qwen3-vl", "qwen3"}}) DYNAMIC_SECTION(name) {
            weft_GOLDEN(folder, name);
            const test::TemporaryDirectory scratch;
            const auto report = quantize(folder, scratch / "model.gguf", {});
            INFO((report ? "" : report.error().text()));
            REQUIRE(report);
            CHECK(report->architecture == written);
        }
}

TEST_CASE("parts of a model that do not belong together are refused by their keys", "[models]") {
    const auto refusal = [](const Json& config) {
        const auto files = ModelFiles::from_config(config, "config.json");
        REQUIRE(files);
        const auto schedule = make_schedule(*files);
        return schedule ? std::string("taken") : schedule.error().message;
    };
    const Json text{{"num_hidden_layers", 4},
                    {"hidden_size", 64},
                    {"num_attention_heads", 4},
                    {"num_key_value_heads", 2},
                    {"head_dim", 16}};
    const Json vision{{"depth", 3}, {"hidden_size", 32}, {"num_heads", 2}, {"out_hidden_size", 64}};
    const auto qwen = [&](const std::function<void(Json&)>& edit) {
        Json config{
            {"model_type", "qwen3_vl"}, {"image_token_id", 9}, {"text_config", text}, {"vision_config", vision}};
        config["vision_config"]["deepstack_visual_indexes"] = {0, 2};
        edit(config);
        return refusal(config);
    };
    CHECK(qwen([](Json&) {}) == "taken");
    const std::string at = "config.json: ";
    CHECK(qwen([](Json& c) { c["vision_config"]["model_type"] = "qwen3_vl"; }) == "taken"); // as older files have it
    CHECK(qwen([](Json& c) { c["vision_config"]["model_type"] = "vit"; }) ==
          at + "vision_config: key 'model_type' must be 'qwen3_vl_vision', is 'vit'");
    const Json roberta = test::config_of(weft::test::repository() / "tests/goldens/models/roberta");
    CHECK(qwen([&](Json& c) { c["text_config"] = roberta; }) ==
          at + "text_config: key 'model_type' must be that of a model that continues text, is 'roberta'");
    const std::string deep = at + "vision_config: key 'deepstack_visual_indexes' ";
    CHECK(qwen([](Json& c) { c["vision_config"].erase("deepstack_visual_indexes"); }) == deep + "is missing");
    for (const Json& wrong : {Json{0, 3}, Json{2, 1}, Json{-1}, Json{0.5}})
        CHECK(qwen([&](Json& c) { c["vision_config"]["deepstack_visual_indexes"] = wrong; }) ==
              deep + "must be numbers of the 3 layers, each above the one before");
    CHECK(qwen([](Json& c) { c["vision_config"]["out_hidden_size"] = 48; }) ==
          at + "key 'vision_config' gives rows 48 wide, and must give them 64 wide, as text_config's hidden_size");
    for (const Json& wrong : {Json{4, 2}, Json{-1, 2, 2}, Json{4.5, 2, 2}, Json{1e300, 0, 0}})
        CHECK(qwen([&](Json& c) {
                  c["text_config"]["rope_scaling"] = {{"mrope_section", wrong}};
              }).ends_with("must be three whole numbers from 0 to 65536"));
    CHECK(qwen([](Json& c) { c["vision_config"]["num_position_embeddings"] = 24; }) ==
          at + "vision_config: key 'num_position_embeddings' must be a square of at most 4096 a side");
    CHECK(refusal({{"model_type", "mistral3"},
                   {"text_config", Json::object()},
                   {"vision_config", {{"model_type", "vit"}}}}) ==
          at + "vision_config: key 'model_type' must be 'pixtral', is 'vit'");
}

TEST_CASE("recordings with pictures must fit together", "[models]") {
    weft_GOLDEN(folder, "qwen3-vl");
    const test::TemporaryDirectory scratch;
    const auto io = SafetensorsFile::open(folder / "io.safetensors");
    REQUIRE(io);
    const auto checked = [&](const std::function<void(std::vector<TensorView>&)>& edit) {
        std::vector<TensorView> views(io->tensors().begin(), io->tensors().end());
        edit(views);
        REQUIRE(write_safetensors(scratch / "io.safetensors", views));
        return check(test::device(), folder, {.io = scratch / "io.safetensors", .prefill = {"whole"}});
    };
    const auto named = [](std::vector<TensorView>& views, const std::string& name) {
        return std::ranges::find(views, name, &TensorView::name);
    };
    const auto without = checked([&](auto& views) { views.erase(named(views, "input.pixel_values")); });
    REQUIRE_FALSE(without);
    CHECK(without.error().message.ends_with("input.image_grid_thw must come with input.pixel_values"));
    const auto neither = checked([&](auto& views) {
        views.erase(named(views, "input.pixel_values"));
        views.erase(named(views, "input.image_grid_thw"));
    });
    REQUIRE_FALSE(neither);
    CHECK(neither.error().message.ends_with("is of pictures, and there are none"));
    const auto more = checked([&](auto& views) { named(views, "output.deepstack.1")->name = "output.deepstack.5"; });
    REQUIRE(more);
    CHECK(more->ok());
    CHECK(more->warnings.size() == 1);
}

TEST_CASE("a recorded picture that a model cannot merge is a fault of the recording", "[models]") {
    const test::TemporaryDirectory scratch;
    const std::vector<float> pixels(3 * 18 * 24), logits(2); // 9 x 12 patches, of which every 2 x 2 become one
    const std::vector<TensorView> views{
        {"input.pixel_values", FileType::f32, {1, 3, 18, 24}, std::as_bytes(std::span(pixels))},
        {"output.logits", FileType::f32, {1, 2}, std::as_bytes(std::span(logits))}};
    const auto io = scratch / "io.safetensors";
    REQUIRE(write_safetensors(io, views));
    const auto report = check(test::device(), test::repository() / "tests/goldens/models/swin", {.io = io});
    REQUIRE_FALSE(report);
    CHECK(report.error().code == ErrorCode::malformed);
    CHECK(report.error().message.starts_with(io.string() + ": slot 0: a picture of 18 x 24 has 9 x 12 rows"));
}
