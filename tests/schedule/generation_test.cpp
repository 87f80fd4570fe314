// SPDX-License-Identifier: Apache-2.0
// A generation's end: at an end token, which is not given out, and at the context's last token; and every option of
// sampling on its way to the device.
#include "pipelines/continuation.hpp"
#include "schedule/small_models.hpp"
#include <algorithm>
#include <set>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

using Tokens = std::vector<uint32_t>;

struct Made {
    Tokens tokens, own;
    GenerateStats stats;
};

Made generate(Session& s, const Tokens& prompt, GenerateOptions options) {
    auto generation = Continuation::begin(s, prompt, options);
    INFO((generation ? "" : generation.error().text()));
    REQUIRE(generation);
    Made made;
    for (bool done = false; !done;) {
        const auto advanced = generation->advance(kWithoutLimit, made.tokens);
        INFO((advanced ? "" : advanced.error().text()));
        REQUIRE(advanced);
        done = *advanced;
    }
    made.own = generation->own();
    made.stats = generation->stats();
    return made;
}

Tokens made_by(const std::shared_ptr<const LoadedModel>& model, const SamplingOptions& sampling) {
    auto s = make(model, 1, 16, 64);
    return generate(*s, ids(12, 5), {.sampling = sampling, .max_tokens = 40}).tokens;
}

} // namespace

TEST_CASE("generation stops at an end token and does not give it out", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    const Tokens prompt = ids(12, 5);
    const SamplingOptions varied{.greedy = true, .repeat_penalty = 1e6f}; // tokens that differ
    const Tokens all = made_by(model, varied);
    REQUIRE(all.size() == 40);
    for (const size_t at : {size_t(0), size_t(1), size_t(7), size_t(8)})
        for (const uint32_t steps : {1u, 4u, 64u}) {
            INFO("end token " << at << ", " << steps << " steps at once");
            auto s = make(model, 1, 16, 64);
            REQUIRE(s->set_end_tokens({95, all[at]}));
            GenerateOptions options{.sampling = varied, .max_tokens = 40, .steps_per_wait = steps};
            const Made made = generate(*s, prompt, options);
            CHECK(made.tokens == Tokens(all.begin(), all.begin() + long(at)));
            CHECK(made.stats.ended);
            CHECK(made.stats.new_tokens == at);
            CHECK(made.own == made.tokens); // the sequence has taken in what was given out, and no end
            CHECK(s->length(0) == prompt.size() + at);
            s->reset(0);
            options.ignore_end = true;
            CHECK(generate(*s, prompt, options).tokens == all);
        }
}

TEST_CASE("generation fills the context to its last token", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    const SamplingOptions greedy{.greedy = true};
    for (const uint32_t length : {1u, 12u, 15u, 16u})
        for (const uint32_t steps : {1u, 4u, 64u}) {
            INFO("a prompt of " << length << ", " << steps << " steps at once");
            auto s = make(model, 1, 16, 16);
            const Made made =
                generate(*s, ids(length, 5), {.sampling = greedy, .max_tokens = 100, .steps_per_wait = steps});
            CHECK(s->length(0) == 16);
            CHECK(made.tokens.size() == 16 - length + 1); // the last is sampled and has no place to be fed to
            CHECK_FALSE(made.stats.ended);
        }
}

TEST_CASE("every option of sampling reaches the sampler", "[schedule]") {
    const auto model = attention_model(R"("rope": {"theta": 10000})");
    const SamplingOptions free{.seed = 5};
    const Tokens greedy = made_by(model, {.greedy = true}), drawn = made_by(model, free);
    REQUIRE(greedy != drawn);
    CHECK(made_by(model, free) == drawn);
    // Filters that leave the likeliest alone.
    SamplingOptions o = free;
    o.temperature = 1e-4f;
    CHECK(made_by(model, o) == greedy);
    o = free;
    o.top_k = 1;
    CHECK(made_by(model, o) == greedy);
    o = free;
    o.top_p = 0;
    CHECK(made_by(model, o) == greedy);
    o = free;
    o.min_p = 1;
    CHECK(made_by(model, o) == greedy);
    // What may not come again.
    const auto distinct = [](const Tokens& list) { return std::set(list.begin(), list.end()).size(); };
    REQUIRE(distinct(greedy) < greedy.size());
    o = {.greedy = true, .repeat_penalty = 1e6f};
    CHECK(distinct(made_by(model, o)) == greedy.size());
    o = {.greedy = true, .no_repeat_ngram = 1};
    CHECK(distinct(made_by(model, o)) == greedy.size());
    // Both halves of the seed.
    for (const uint64_t seed : {uint64_t(6), uint64_t(5) + (uint64_t(1) << 32), uint64_t(5) << 32}) {
        INFO("seed " << seed);
        o = free;
        o.seed = seed;
        CHECK(made_by(model, o) != drawn);
    }
}
