// SPDX-License-Identifier: Apache-2.0
// Logits that are not finite end the sequence that has them at the step that made them, and no other.
#include "repository.hpp"
#include "schedule/decoder.hpp"
#include "schedule/sessions.hpp"
#include "unit/edited_weights.hpp"
#include <algorithm>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

using Tokens = std::vector<uint32_t>;

constexpr uint32_t kSteps = 24;

Tokens scattered(uint32_t n, uint32_t seed, uint32_t vocabulary) {
    Tokens ids;
    for (uint32_t i = 0; i < n; ++i) ids.push_back(3 + (seed + i * 7) % (vocabulary - 3));
    return ids;
}

// A prompt and what follows it, greedily.
struct Text {
    Tokens ids, made;
    bool has(uint32_t id) const { return std::ranges::count(ids, id) + std::ranges::count(made, id) > 0; }
};

Text continued(const std::shared_ptr<const LoadedModel>& model, Tokens ids) {
    auto s = make(model, 1, 64, 128);
    last_logits(*s, 0, ids);
    Text text{std::move(ids), {s->next_token(0)}};
    const uint32_t slot = 0;
    std::vector<Tokens> more;
    REQUIRE(s->decode({&slot, 1}, kSteps, more));
    text.made.insert(text.made.end(), more[0].begin(), more[0].end());
    return text;
}

} // namespace

TEST_CASE("a sequence whose logits are not finite leaves the batch at that step", "[schedule]") {
    for (const char* name : {"llama", "mistral-swa", "mamba2", "falcon-h1", "olmo-hybrid", "qwen3-next"})
        DYNAMIC_SECTION(name) {
            const auto folder = weft::test::repository() / "tests/goldens/models" / name;
            const auto sound = load(folder);
            const uint32_t vocabulary = sound->schedule.vocabulary;
            // A token that one text makes after some steps and the other never has: its embedding becomes NaN.
            std::optional<uint32_t> bad;
            size_t step = 0;
            Text ends, goes_on;
            for (uint32_t seed = 0; seed < 40 && !bad; ++seed) {
                ends = continued(sound, scattered(9, seed, vocabulary));
                goes_on = continued(sound, scattered(5, 3 * seed + 1, vocabulary));
                for (step = 2; step < kSteps && !bad; ++step) {
                    const uint32_t id = ends.made[step];
                    const bool first = std::count(ends.made.begin(), ends.made.begin() + long(step), id) == 0;
                    if (first && std::ranges::count(ends.ids, id) == 0 && !goes_on.has(id)) bad = id;
                }
            }
            REQUIRE(bad);
            --step;
            const TemporaryDirectory directory;
            copy_model(folder, directory.path());
            const bool mamba = name == std::string("mamba2");
            set_elements(directory / "model.safetensors",
                         mamba ? "backbone.embeddings.weight" : "model.embed_tokens.weight",
                         uint64_t(*bad) * decoder_of(sound->schedule).width, decoder_of(sound->schedule).width, NAN);
            auto s = make(load(directory.path()), 3, 64, 128);

            Tokens fails = scattered(7, 5, vocabulary);
            fails.push_back(*bad);
            const Feed feeds[] = {{0, ends.ids, 0}, {1, fails, 0}, {2, goes_on.ids, 0}};
            REQUIRE(s->forward(feeds, Want::last));
            CHECK(s->next_token(0) == ends.made[0]);
            CHECK(s->next_token(1) == kernel::kNoToken);
            CHECK(s->next_token(2) == goes_on.made[0]);
            std::vector<Tokens> made;
            const uint32_t failed[] = {1}, both[] = {0, 2}, one[] = {0}, other[] = {2};
            const auto refused = s->decode(failed, 1, made);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().message.find("no sampled token") != std::string::npos);

            REQUIRE(s->decode(both, kSteps, made)); // one submission of many steps
            Tokens until(ends.made.begin() + 1, ends.made.begin() + long(step) + 1);
            until.push_back(kernel::kNoToken);
            CHECK(made[0] == until);
            CHECK(s->length(0) == ends.ids.size() + step + 1);
            CHECK(made[1] == Tokens(goes_on.made.begin() + 1, goes_on.made.end()));
            CHECK_FALSE(s->decode(one, 1, made));
            CHECK(s->decode(other, 1, made));

            // Its slot is as good as new.
            auto fresh = make(sound, 1, 64, 128);
            for (const uint32_t slot : {0u, 1u}) {
                s->reset(slot);
                CHECK(last_logits(*s, slot, goes_on.ids) == last_logits(*fresh, 0, goes_on.ids));
                fresh->reset(0);
            }
            require_no_validation_messages();
        }
}

TEST_CASE("a sequence that failed can be cut to before its fault", "[schedule]") {
    const auto folder = weft::test::repository() / "tests/goldens/models/llama";
    const auto sound = load(folder);
    const TemporaryDirectory directory;
    copy_model(folder, directory.path());
    set_elements(directory / "model.safetensors", "model.embed_tokens.weight",
                 50ull * decoder_of(sound->schedule).width, decoder_of(sound->schedule).width, INFINITY);
    auto s = make(load(directory.path()), 1, 64, 128), fresh = make(sound, 1, 64, 128);
    const Tokens before{3, 9, 27, 81}, after{4, 8, 16};
    last_logits(*s, 0, before);
    last_logits(*fresh, 0, before);
    last_logits(*s, 0, Tokens{5, 50, 7});
    CHECK(s->next_token(0) == kernel::kNoToken);
    REQUIRE(s->truncate(0, uint32_t(before.size())));
    CHECK(last_logits(*s, 0, after) == last_logits(*fresh, 0, after));
    CHECK(s->next_token(0) == fresh->next_token(0));
    require_no_validation_messages();
}
