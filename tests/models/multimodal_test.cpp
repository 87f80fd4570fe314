// SPDX-License-Identifier: Apache-2.0
// The text part of a multimodal model: a recorded case, wrapped as either generation of transformers writes it.
#include "base/file.hpp"
#include "base/json.hpp"
#include "device.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <functional>
#include <weft/check.hpp>

using namespace weft;

namespace {

const std::filesystem::path kCase = std::filesystem::path(weft_SOURCE_DIR) / "tests/goldens/models/mistral-swa";

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
