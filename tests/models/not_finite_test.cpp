// SPDX-License-Identifier: Apache-2.0
// Logits that are not finite are an error that names the token, and what was made before is there.
#include "device.hpp"
#include "repository.hpp"
#include "unit/edited_weights.hpp"
#include "unit/goldens.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <weft/bench.hpp>
#include <weft/check.hpp>
#include <weft/generate.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::filesystem::path kLlama = weft::test::repository() / "tests/goldens/models/llama";
const std::vector<uint32_t> kPrompt{3, 9, 27, 81, 44};

Sequence loaded(const std::filesystem::path& directory) {
    const auto model = Model::load(test::device(), directory, {.need_tokenizer = false});
    INFO((model ? "" : model.error().text()));
    REQUIRE(bool(model));
    auto sequence = Sequence::create(*model);
    REQUIRE(bool(sequence));
    return std::move(*sequence);
}

Result<GenerateStats> made_anew(Sequence& sequence, std::span<const uint32_t> prompt, const GenerateOptions& options,
                                const TokenFunction& on_token) {
    sequence.reset();
    return generate_ids(sequence, prompt, options, on_token);
}

GenerateOptions greedy(uint32_t tokens, uint32_t steps) {
    GenerateOptions o;
    o.sampling.greedy = true;
    o.max_tokens = tokens;
    o.steps_per_wait = steps;
    o.ignore_end = true;
    return o;
}

} // namespace

TEST_CASE("generation ends where the logits are not finite, and names the token", "[models]") {
    Sequence sound = loaded(kLlama);
    std::vector<uint32_t> made;
    REQUIRE(made_anew(sound, kPrompt, greedy(30, 4), [&](uint32_t id) { return made.push_back(id), true; }));
    size_t step = 2; // of the first token from here on that is new
    const auto is_new = [&](size_t i) {
        return std::ranges::count(kPrompt, made[i]) == 0 &&
               std::count(made.begin(), made.begin() + long(i), made[i]) == 0;
    };
    while (step < made.size() && !is_new(step)) ++step;
    REQUIRE(step < made.size());

    const test::TemporaryDirectory directory;
    test::copy_model(kLlama, directory.path());
    const uint64_t width = 64;
    test::set_elements(directory / "model.safetensors", "model.embed_tokens.weight", made[step] * width, width, NAN);
    Sequence model = loaded(directory.path());
    for (const uint32_t steps : {1u, 3u, 16u, 64u}) {
        CAPTURE(steps);
        std::vector<uint32_t> got;
        const auto stats =
            made_anew(model, kPrompt, greedy(30, steps), [&](uint32_t id) { return got.push_back(id), true; });
        REQUIRE_FALSE(stats);
        CHECK(stats.error().code == ErrorCode::not_finite);
        CHECK_THAT(stats.error().message,
                   ContainsSubstring("token " + std::to_string(kPrompt.size() + step + 1) + " of the sequence"));
        CHECK_THAT(stats.error().message, ContainsSubstring("new token " + std::to_string(step + 2) + " "));
        CHECK(got == std::vector<uint32_t>(made.begin(), made.begin() + long(step) + 1));
        // What is not asked for is not made, and so does not fail.
        CHECK(made_anew(model, kPrompt, greedy(uint32_t(step) + 1, steps), [](uint32_t) { return true; }));
        CHECK(made_anew(model, kPrompt, greedy(30, steps), [&](uint32_t id) { return id != made[step]; }));
    }
    // In sampling, too; and as the first token of all.
    GenerateOptions sampled = greedy(30, 4);
    sampled.sampling.greedy = false;
    for (const float top_p : {1.0f, 0.9f}) {
        sampled.sampling.top_p = top_p;
        const auto stats =
            made_anew(model, std::vector<uint32_t>{3, made[step]}, sampled, [](uint32_t) { return true; });
        REQUIRE_FALSE(stats);
        CHECK_THAT(stats.error().message, ContainsSubstring("token 2 of the sequence"));
        CHECK_THAT(stats.error().message, ContainsSubstring("new token 1 "));
    }
}

TEST_CASE("a check and a bench say that results are not finite", "[models]") {
    for (const float value : {NAN, INFINITY, -INFINITY}) {
        CAPTURE(value);
        const test::TemporaryDirectory directory;
        test::copy_model(kLlama, directory.path());
        test::set_elements(directory / "model.safetensors", "model.norm.weight", 5, 1, value);
        const auto report = check(test::device(), directory.path(), {.prefill = {"whole", "step"}});
        INFO((report ? report->text() : report.error().text()));
        REQUIRE(bool(report));
        CHECK_FALSE(report->ok());
        bool logits = false, greedy_too = false;
        for (const auto& run : report->runs)
            for (const CheckedTensor& t : run.tensors) {
                logits |= t.name == "logits" && t.note.find("not finite at row 0, token 0") != t.note.npos;
                greedy_too |= t.name == "greedy" && t.note.find("not finite") != t.note.npos && !t.ok;
            }
        CHECK(logits);
        CHECK(greedy_too);
        const auto bench = bench_model(test::device(), directory.path(), {.prompt = 4, .generate = 4, .repeats = 1});
        REQUIRE_FALSE(bench);
        CHECK(bench.error().code == ErrorCode::not_finite);
    }
}

TEST_CASE("a top-p of 0 keeps the likeliest token", "[models]") {
    Sequence model = loaded(kLlama);
    std::vector<uint32_t> best, sampled;
    REQUIRE(made_anew(model, kPrompt, greedy(20, 4), [&](uint32_t id) { return best.push_back(id), true; }));
    GenerateOptions o = greedy(20, 4);
    o.sampling.greedy = false;
    o.sampling.top_p = 0;
    o.sampling.seed = 5;
    REQUIRE(made_anew(model, kPrompt, o, [&](uint32_t id) { return sampled.push_back(id), true; }));
    CHECK(sampled == best);
    for (const float odd : {NAN, INFINITY, -0.1f}) {
        GenerateOptions wrong = greedy(20, 4);
        for (float* value : {&wrong.sampling.temperature, &wrong.sampling.top_p, &wrong.sampling.min_p,
                             &wrong.sampling.repeat_penalty}) {
            const float before = std::exchange(*value, odd);
            CHECK_FALSE(made_anew(model, kPrompt, wrong, [](uint32_t) { return true; }));
            *value = before;
        }
    }
}
