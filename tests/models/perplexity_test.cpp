// SPDX-License-Identifier: Apache-2.0
// Perplexity over several windows against its definition, from the logits of a session that takes a window at once.
#include "device.hpp"
#include "io/safetensors_writer.hpp"
#include "pipelines/model_state.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/small_models.hpp"
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <random>
#include <weft/perplexity.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// Of all tokens but the first, in windows that begin with the last token of the one before.
struct Definition {
    double nats = 0;
    uint64_t tokens = 0;
};

// `announced`: whether positions are computed for a window's length.
Definition definition(const std::shared_ptr<const LoadedModel>& model, std::span<const uint32_t> text, uint32_t window,
                      bool announced) {
    Definition d;
    const uint32_t vocabulary = model->schedule.vocabulary;
    auto session = make(model, 1, 512, 512);
    for (uint32_t begin = 0; begin + 1 < text.size(); begin += window - 1) {
        const auto part = text.subspan(begin, std::min<size_t>(window, text.size() - begin));
        session->reset(0);
        const size_t first = announced ? part.size() : std::min<size_t>(part.size(), 256);
        std::vector<float> logits;
        for (const auto& [from, to] : {std::pair<size_t, size_t>{0, first}, {first, part.size()}}) {
            if (from == to) continue;
            const Feed feed{0, part.subspan(from, to - from), 0};
            REQUIRE(session->forward({&feed, 1}, Want::all));
            const auto rows = session->logits();
            REQUIRE(rows);
            logits.insert(logits.end(), rows->begin(), rows->end());
        }
        for (size_t i = 0; i + 1 < part.size(); ++i) {
            double sum = 0;
            for (uint32_t v = 0; v < vocabulary; ++v) sum += std::exp(double(logits[i * vocabulary + v]));
            d.nats += std::log(sum) - double(logits[i * vocabulary + part[i + 1]]);
            ++d.tokens;
        }
    }
    return d;
}

// A model directory: random weights, and a tokenizer of 96 words.
void write_model(const TemporaryDirectory& folder, const std::string& schedule) {
    const auto json = parse_json(schedule, "config.json");
    REQUIRE(json);
    const auto parsed = schedule_from_json(*json, "config.json");
    REQUIRE(parsed);
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<std::vector<float>> values;
    std::vector<TensorView> tensors;
    for (const WeightSlot& slot : parsed->weights) {
        if (!slot.computed.empty()) continue;
        auto& list = values.emplace_back(slot.count());
        for (float& x : list) x = normal(random) * 0.3f;
        tensors.push_back(
            {slot.name, FileType::f32, {slot.shape.begin(), slot.shape.end()}, std::as_bytes(std::span(list))});
    }
    REQUIRE(write_safetensors(folder / "model.safetensors", tensors));
    folder.write("config.json", schedule);
    std::string words;
    for (uint32_t i = 0; i < 96; ++i) words += (i ? ", \"w" : "\"w") + std::to_string(i) + "\": " + std::to_string(i);
    folder.write("tokenizer.json", R"({"model": {"type": "WordLevel", "unk_token": "w0", "vocab": {)" + words +
                                       R"(}}, "pre_tokenizer": {"type": "WhitespaceSplit"}})");
}

} // namespace

TEST_CASE("perplexity scores every token but the first, once, in windows of any number of chunks", "[models]") {
    // Positions depend on a window's length, so that all its chunks must know it.
    const TemporaryDirectory folder;
    write_model(folder, attention_schedule(R"("head_size": 32, "rope": {"theta": 10000, "ntk": 8, "original": 250})"));
    const auto fed = ids(800, 3);
    std::string text;
    for (const uint32_t id : fed) text += "w" + std::to_string(id) + " ";
    const auto model = Model::load(test::device(), folder.path());
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    const auto& loaded = Access::state(*model).loaded;
    const auto session = make_session(*model, {.context = 512});
    REQUIRE(session);
    const uint32_t chunk = (*session)->options().max_chunk; // a window of 44 tokens more takes two
    REQUIRE(*model->tokenizer()->encode(text, true) == fed);

    for (const uint32_t window : {100u, chunk, chunk + 44, 0u}) {
        INFO("window " << window);
        const auto got = measure_perplexity(*model, text, {.window = window, .sequence = {.context = 512}});
        INFO((got ? "" : got.error().text()));
        REQUIRE(got);
        const auto expected = definition(loaded, fed, window && window < 512 ? window : 512, true);
        CHECK(got->tokens == fed.size() - 1);
        CHECK(got->tokens == expected.tokens);
        CHECK(got->bytes == text.size());
        CHECK_THAT(got->nats, Catch::Matchers::WithinRel(expected.nats, 1e-6));
        CHECK_THAT(got->perplexity(), Catch::Matchers::WithinRel(std::exp(expected.nats / 799), 1e-6));
    }
    // What the test could not see otherwise.
    const double told = definition(loaded, fed, 300, true).nats;
    REQUIRE(std::abs(definition(loaded, fed, 300, false).nats - told) > 1e-5 * told);
}
