// SPDX-License-Identifier: Apache-2.0
// Language models that see pictures: from files and a prompt to text, as transformers' processors and models have it.
#include "base/file.hpp"
#include "base/json.hpp"
#include "models/device.hpp"
#include "pipelines/seen_prompt.hpp"
#include "repository.hpp"
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::filesystem::path kFolder = weft::test::repository() / "tests/goldens/pictured";

Model load(const std::string& name) {
    const auto model = Model::load(test::device(), kFolder / name, {.pictures = true});
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    return *model;
}

std::vector<Picture> pictures_of(const Json& names) {
    std::vector<Picture> all;
    for (const std::string name : names) {
        auto picture = Picture::load(kFolder / name);
        REQUIRE(picture);
        all.push_back(std::move(*picture));
    }
    return all;
}

Result<std::string> answer(Sequence& sequence, const Prompt& prompt, uint32_t tokens) {
    GenerateOptions o;
    o.sampling.temperature = 0;
    o.max_tokens = tokens;
    o.ignore_end = true;
    std::string text;
    const auto stats = generate(sequence, prompt, o, [&](std::string_view piece) {
        text += piece;
        return true;
    });
    if (!stats) return stats.error();
    return text;
}

} // namespace

TEST_CASE("prompts with pictures become the tokens, and go on with the text, of transformers", "[models]") {
    for (const std::string name : {"mistral3", "qwen3_vl"}) {
        const Model model = load(name);
        const auto text = read_file(kFolder / name / "prompts.json");
        REQUIRE(text);
        const Json cases = Json::parse(*text);
        REQUIRE(cases.size() == 3);
        for (const Json& c : cases) {
            const std::string prompt = c["prompt"];
            INFO(name << ": " << prompt);
            const std::vector<Picture> pictures = pictures_of(c["pictures"]);
            const auto seen = seen_prompt(Access::state(model), {prompt, pictures}, true);
            REQUIRE(seen);
            CHECK(seen->ids == c["ids"].get<std::vector<uint32_t>>());
            auto sequence = Sequence::create(model, {.context = 128});
            REQUIRE(sequence);
            const auto made = answer(*sequence, {prompt, pictures}, uint32_t(c["greedy"].size()));
            INFO((made ? "" : made.error().text()));
            REQUIRE(made);
            CHECK(*made == c["text"].get<std::string>());
        }
    }
}

TEST_CASE("what was seen belongs to a sequence: it is forked, and other pictures come behind it", "[models]") {
    const Model model = load("qwen3_vl");
    const std::vector<Picture> wide = pictures_of({"wide.png"}), tall = pictures_of({"tall.png"});
    auto sequence = Sequence::create(model, {.context = 256});
    REQUIRE(sequence);
    const auto first = answer(*sequence, {"what is this?", wide}, 8);
    REQUIRE(first);
    auto other = sequence->fork();
    REQUIRE(other);
    const auto second = answer(*sequence, {"and this?", tall}, 16), again = answer(*other, {"and this?", tall}, 16);
    REQUIRE((second && again));
    CHECK(*second == *again);
    auto third = answer(*other, {"and this?", wide}, 16);
    REQUIRE(third);
    CHECK(*third != *again);
}

TEST_CASE("pictures that a prompt has no place for are named", "[models]") {
    const std::vector<Picture> two = pictures_of({"wide.png", "tall.png"});
    const Model model = load("mistral3");
    auto sequence = Sequence::create(model, {.context = 128});
    REQUIRE(sequence);
    const auto few = answer(*sequence, {"one [IMG] alone", two}, 4);
    REQUIRE(!few);
    CHECK_THAT(few.error().message, ContainsSubstring("places for 1 pictures ([IMG]), and there are 2"));
    std::vector<Picture> flat = {{"flat.png", 1, 4000, std::vector<uint8_t>(12000)}};
    const auto thin = answer(*sequence, {"what?", flat}, 4);
    REQUIRE(!thin);
    CHECK_THAT(thin.error().message, ContainsSubstring("flat.png: a picture of 4000 x 1 pixels"));
    const auto text = Model::load(test::device(), kFolder / "mistral3");
    REQUIRE(text);
    auto blind = Sequence::create(*text, {.context = 128});
    REQUIRE(blind);
    const auto unseen = answer(*blind, {"what?", two}, 4);
    REQUIRE(!unseen);
    CHECK_THAT(unseen.error().message, ContainsSubstring("loaded without what sees pictures"));
    const auto llama = Model::load(test::device(), weft::test::repository() / "tests/goldens/models/llama",
                                   {.need_tokenizer = false, .pictures = true});
    REQUIRE(!llama);
    CHECK_THAT(llama.error().message, ContainsSubstring("sees no pictures"));
}
