// SPDX-License-Identifier: Apache-2.0
// PictureModel: what a model's whole way from pixels to classes and vectors is, beside the recorded cases of its
// schedule.
#include "device.hpp"
#include "io/safetensors.hpp"
#include "media/picture_processor.hpp"
#include "models/architecture.hpp"
#include "pipelines/seeing.hpp"
#include "schedule/compose.hpp"
#include "schedules.hpp"
#include "unit/json_file.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>
#include <weft/embed.hpp>
#include <weft/see.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

std::filesystem::path model_path(const std::string& name) { return repository() / "tests/goldens/models" / name; }

// Of a model that sees pictures among the tokens of a text.
std::filesystem::path mistral3() { return repository() / "tests/fuzz/corpus/config/architecture-mistral3.json"; }

PictureModel load(const std::string& name, const PictureModelOptions& options = {}) {
    auto model = PictureModel::load(test::device(), model_path(name), options);
    if (!model) FAIL(model.error().text());
    return std::move(*model);
}

std::vector<Picture> pictures(size_t count, uint32_t height = 41, uint32_t width = 57) {
    std::vector<Picture> all;
    for (size_t i = 0; i < count; ++i) {
        Picture p{"picture " + std::to_string(i), height, width, {}};
        for (size_t k = 0; k < size_t(height) * width * 3; ++k)
            p.pixels.push_back(uint8_t(k * (i + 3) + k / 171 * 29 * (i + 1)));
        all.push_back(std::move(p));
    }
    return all;
}

std::vector<float> values_of(const SafetensorsFile& file, const std::string& name) {
    const TensorView* t = file.find(name);
    REQUIRE(t);
    return *read_f32(*t);
}

} // namespace

TEST_CASE("see: a vector is what the classifier reads") {
    for (const char* name : {"vit", "swin"}) {
        INFO(name);
        auto sees = load(name);
        auto embeds = load(name, {.embed = true});
        CHECK(embeds.labels().empty());
        const auto shown = pictures(3);
        const auto logits = sees.see(shown);
        const auto vectors = embeds.see(shown);
        REQUIRE(logits);
        REQUIRE(vectors);
        const auto file = SafetensorsFile::open(model_path(name) / "model.safetensors");
        REQUIRE(file);
        const auto weight = values_of(*file, "classifier.weight"), bias = values_of(*file, "classifier.bias");
        const uint32_t labels = sees.width(), width = embeds.width();
        REQUIRE(weight.size() == size_t(labels) * width);
        REQUIRE(vectors->size() == shown.size() * width);
        for (size_t i = 0; i < logits->size(); ++i) {
            double sum = bias[i % labels];
            for (size_t k = 0; k < width; ++k)
                sum += double(weight[i % labels * width + k]) * (*vectors)[i / labels * width + k];
            CHECK_THAT((*logits)[i], Catch::Matchers::WithinAbs(sum, 1e-4));
        }
        CHECK(embeds.classify(shown, 1).error().code == ErrorCode::invalid_argument);
    }
}

TEST_CASE("see: a picture's classes do not depend on the pictures beside it") {
    const auto shown = pictures(7);
    auto one = load("vit", {.batch = 1});
    const auto alone = one.see(shown);
    REQUIRE(alone);
    for (const uint32_t batch : {0u, 2u, 5u, 7u}) {
        auto model = load("vit", {.batch = batch});
        std::vector<uint64_t> done;
        const auto together = model.see(shown, [&](const Progress& p) {
            CHECK(p.total == 7);
            done.push_back(p.done);
            return true;
        });
        REQUIRE(together);
        CHECK(*together == *alone);
        CHECK(done.back() == 7);
    }
    CHECK(one.see(shown, [](const Progress&) { return false; }).error().code == ErrorCode::cancelled);
    CHECK(one.see({}).value().empty());
}

TEST_CASE("see: pictures of several sizes, one after another and beside each other") {
    const TemporaryDirectory folder;
    for (const auto& entry : std::filesystem::directory_iterator(model_path("vit")))
        std::filesystem::copy(entry.path(), folder.path());
    folder.write("preprocessor_config.json", R"({"image_processor_type": "ViTImageProcessor", "do_resize": false})");
    auto model = PictureModel::load(test::device(), folder.path());
    REQUIRE(model);
    std::vector<Picture> shown;
    std::vector<float> alone;
    for (const auto& [height, width] : {std::pair(20u, 25u), {60u, 45u}, {5u, 90u}, {100u, 75u}, {30u, 30u}}) {
        shown.push_back(pictures(1, height, width)[0]);
        const auto row = model->see({&shown.back(), 1});
        if (!row) FAIL(row.error().text());
        alone.insert(alone.end(), row->begin(), row->end());
    }
    const auto together = model->see(shown);
    REQUIRE(together);
    CHECK(*together == alone);
}

TEST_CASE("see: classes, the most probable first") {
    auto model = load("vit");
    CHECK(model.warnings().size() == 1); // it has no preprocessor_config.json
    CHECK(model.labels()[6] == "LABEL_6");
    const auto shown = pictures(2);
    const auto logits = model.see(shown);
    const auto all = model.classify(shown, 100), best = model.classify(shown, 2);
    REQUIRE(logits);
    REQUIRE(all);
    REQUIRE(best);
    for (size_t i = 0; i < 2; ++i) {
        REQUIRE((*all)[i].size() == 7);
        REQUIRE((*best)[i].size() == 2);
        double sum = 0;
        for (size_t k = 0; k < 7; ++k) {
            const Guess& g = (*all)[i][k];
            sum += double(g.probability);
            if (k) CHECK(g.probability <= (*all)[i][k - 1].probability);
            if (k < 2) CHECK((*best)[i][k].label == g.label);
            double share = 0;
            for (size_t other = 0; other < 7; ++other)
                share += std::exp(double((*logits)[i * 7 + other]) - (*logits)[i * 7 + g.label]);
            CHECK_THAT(g.probability, Catch::Matchers::WithinRel(float(1 / share), 1e-5f));
        }
        CHECK_THAT(sum, Catch::Matchers::WithinAbs(1, 1e-6));
    }
}

TEST_CASE("see: classes that do not exclude each other, and labels") {
    const TemporaryDirectory folder;
    for (const auto& entry : std::filesystem::directory_iterator(model_path("vit")))
        std::filesystem::copy(entry.path(), folder.path());
    Json config = read_json(model_path("vit") / "config.json");
    config["problem_type"] = "multi_label_classification";
    config["id2label"] = {{"0", "a cat"}, {"2", "a dog"}};
    folder.write("config.json", config.dump());
    folder.write("processor_config.json",
                 R"({"image_processor": {"image_processor_type": "ViTImageProcessor", "size": 30, "shine": 1}})");
    folder.write("preprocessor_config.json", R"({"image_processor_type": "nobody reads this one"})");
    auto model = PictureModel::load(test::device(), folder.path());
    REQUIRE(model);
    CHECK(model->labels()[0] == "a cat");
    CHECK(model->labels()[1] == "LABEL_1");
    CHECK(model->labels()[2] == "a dog");
    CHECK(std::ranges::any_of(model->warnings(), [](auto& w) { return w.ends_with("key 'shine' is not used"); }));
    const auto shown = pictures(1);
    const auto logits = model->see(shown);
    const auto guesses = model->classify(shown, 1);
    REQUIRE(guesses);
    const Guess best = (*guesses)[0][0];
    CHECK_THAT(best.probability, Catch::Matchers::WithinRel(1 / (1 + std::exp(-(*logits)[best.label])), 1e-5f));
    config["id2label"] = {{"0", 7}};
    folder.write("config.json", config.dump());
    CHECK_THAT(PictureModel::load(test::device(), folder.path()).error().message, ContainsSubstring("'0'"));
    folder.write("processor_config.json", R"({"image_processor": {"image_processor_type": "SamImageProcessor"}})");
    CHECK(PictureModel::load(test::device(), folder.path()).error().code == ErrorCode::unsupported);
}

TEST_CASE("see: pictures and texts in one space") {
    const std::vector<std::string> texts{"w5 w9", "w30", "w7 w41 w42 w43"};
    for (const char* name : {"clip", "siglip"}) {
        INFO(name);
        const auto shown = pictures(5);
        auto model = load(name, {.texts = texts, .batch = 2});
        CHECK(model.width() == 3);
        CHECK(model.labels() == texts);
        const auto scores = model.see(shown);
        REQUIRE(scores);
        REQUIRE(scores->size() == 15);
        for (size_t t = 0; t < 3; ++t) { // a text's score does not depend on the texts beside it
            const auto alone = load(name, {.texts = {texts[t]}}).see(shown);
            REQUIRE(alone);
            for (size_t i = 0; i < 5; ++i)
                CHECK_THAT((*scores)[i * 3 + t], Catch::Matchers::WithinAbs((*alone)[i], 1e-5));
        }
        // A vector is what texts are compared with: of unit length.
        const auto vectors = load(name, {.embed = true}).see(shown);
        REQUIRE(vectors);
        const size_t width = vectors->size() / 5;
        double sum = 0;
        for (size_t k = 0; k < width; ++k) sum += double((*vectors)[k]) * (*vectors)[k];
        CHECK_THAT(sum, Catch::Matchers::WithinAbs(1, 1e-5));
        // A text's vector, by itself, gives with a picture's what the whole model says of the two.
        auto embedder = Embedder::load(test::device(), model_path(name));
        INFO((embedder ? "" : embedder.error().text()));
        REQUIRE(embedder);
        CHECK(embedder->width() == width);
        CHECK(embedder->normalized());
        const auto words = embedder->embed(texts);
        REQUIRE(words);
        const auto files = ModelFiles::open(model_path(name));
        const auto schedule = make_schedule(*files);
        REQUIRE(schedule);
        const Similarity& pair = schedule->similarities[0];
        for (size_t i = 0; i < 5; ++i)
            for (size_t t = 0; t < 3; ++t) {
                double dot = 0;
                for (size_t k = 0; k < width; ++k)
                    dot += double((*vectors)[i * width + k]) * words->values[t * width + k];
                CHECK_THAT((*scores)[i * 3 + t], Catch::Matchers::WithinAbs(pair.scale * dot + pair.bias, 1e-4));
            }
        CHECK(Embedder::load(test::device(), model_path(name), {.pooling = Pooling::mean}).error().code ==
              ErrorCode::invalid_argument);
        const auto too_long = [&] {
            std::string text = "w5";
            for (int i = 0; i < 70; ++i) text += " w6";
            return PictureModel::load(test::device(), model_path(name), {.texts = {text}}).error();
        }();
        CHECK(too_long.code == ErrorCode::invalid_argument);
        CHECK_THAT(too_long.message, ContainsSubstring("takes texts of 1 to 64"));
    }
    CHECK(PictureModel::load(test::device(), model_path("vit"), {.texts = texts}).error().code ==
          ErrorCode::unsupported);
    CHECK(PictureModel::load(test::device(), model_path("clip")).error().code == ErrorCode::unsupported);
    CHECK(PictureModel::load(test::device(), model_path("clip"), {.embed = true, .texts = texts}).error().code ==
          ErrorCode::invalid_argument);
}

TEST_CASE("see: what cannot be seen is said by its name") {
    auto model = load("vit");
    auto shown = pictures(2);
    CHECK(model.takes(shown[1]));
    shown[1].pixels.pop_back();
    CHECK_FALSE(model.takes(shown[1]));
    CHECK_THAT(model.see(shown).error().message, StartsWith("picture 1: a picture must have height x width x 3 bytes"));
    shown[1] = {"picture 1", 0, 0, {}};
    CHECK_THAT(model.see(shown).error().message, StartsWith("picture 1: a picture of 0 x 0 pixels has nothing"));
    CHECK(PictureModel::load(test::device(), model_path("distilbert")).error().code == ErrorCode::unsupported);
    CHECK(PictureModel::load(test::device(), mistral3()).error().code == ErrorCode::unsupported);
    CHECK(PictureModel::load(test::device(), model_path("vit"), {.batch = 1u << 20}).error().code ==
          ErrorCode::invalid_argument);
}

TEST_CASE("see: results that are not finite are an error that names the picture") {
    const TemporaryDirectory folder;
    for (const auto& entry : std::filesystem::directory_iterator(model_path("vit")))
        std::filesystem::copy(entry.path(), folder.path());
    folder.write("preprocessor_config.json", R"({"image_processor_type": "ViTImageProcessor", "size": 30,
        "do_rescale": false, "image_mean": 0, "image_std": 1e-36})");
    auto model = PictureModel::load(test::device(), folder.path());
    REQUIRE(model);
    const auto seen = model->see(pictures(1));
    REQUIRE_FALSE(seen);
    CHECK(seen.error().code == ErrorCode::not_finite);
    CHECK_THAT(seen.error().message, StartsWith("picture 0: "));
}

TEST_CASE("see: only what an output needs is left, and runs in every step") {
    Schedule s = require_schedule(read_json(mistral3()));
    const uint64_t before = s.parameters();
    CHECK(s.trained_context > 0);
    const Stage last = s.stages[s.outputs[output_of(s, "image_features")].stage];
    REQUIRE(last.last.size() == 1); // where the decoder finds them
    s.stages[s.outputs[output_of(s, "image_features")].stage].last.clear();
    REQUIRE(only(s, s.outputs[output_of(s, "image_features")], "mistral3"));
    CHECK(s.outputs.size() == 1);
    CHECK(s.inputs.size() == 1);
    CHECK(s.inputs[0].pictures());
    CHECK(s.parameters() < before);
    CHECK(s.trained_context == 0);
    CHECK(std::ranges::all_of(s.stages, [](const Stage& stage) { return stage.when == When::every_step; }));
}
