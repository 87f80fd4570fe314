// SPDX-License-Identifier: Apache-2.0
// Language models that see pictures: from files and a prompt to text, as transformers' processors and models have it.
#include "base/file.hpp"
#include "base/json.hpp"
#include "models/device.hpp"
#include "pipelines/seen_prompt.hpp"
#include "repository.hpp"
#include <catch2/matchers/catch_matchers_string.hpp>
#include <weft/chat.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::filesystem::path kPictured = weft::test::repository() / "tests/goldens/pictured";

Model pictured_model(const std::string& name) {
    const auto model = Model::load(test::device(), kPictured / name, {.pictures = Pictures::required});
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    return *model;
}

std::vector<Picture> pictures_of(const Json& names) {
    std::vector<Picture> all;
    for (const std::string name : names) {
        auto picture = Picture::load(kPictured / name);
        REQUIRE(picture);
        all.push_back(std::move(*picture));
    }
    return all;
}

Result<std::string> continued(Sequence& sequence, const Prompt& prompt, uint32_t tokens) {
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
    for (const std::string name : {"mistral3", "qwen3_vl", "llava", "gemma3"}) {
        const Model model = pictured_model(name);
        const auto text = read_file(kPictured / name / "prompts.json");
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
            const auto made = continued(*sequence, {prompt, pictures}, uint32_t(c["greedy"].size()));
            INFO((made ? "" : made.error().text()));
            REQUIRE(made);
            CHECK(*made == c["text"].get<std::string>());
        }
    }
}

TEST_CASE("what was seen belongs to a sequence: it is forked, and other pictures come behind it", "[models]") {
    const Model model = pictured_model("qwen3_vl");
    const std::vector<Picture> wide = pictures_of({"wide.png"}), tall = pictures_of({"tall.png"});
    auto sequence = Sequence::create(model, {.context = 256});
    REQUIRE(sequence);
    const auto first = continued(*sequence, {"what is this?", wide}, 8);
    REQUIRE(first);
    auto other = sequence->fork();
    REQUIRE(other);
    const auto second = continued(*sequence, {"and this?", tall}, 16),
               again = continued(*other, {"and this?", tall}, 16);
    REQUIRE((second && again));
    CHECK(*second == *again);
    auto third = continued(*other, {"and this?", wide}, 16);
    REQUIRE(third);
    CHECK(*third != *again);
}

TEST_CASE("pictures that a prompt has no place for are named", "[models]") {
    const std::vector<Picture> two = pictures_of({"wide.png", "tall.png"});
    const Model model = pictured_model("mistral3");
    auto sequence = Sequence::create(model, {.context = 128});
    REQUIRE(sequence);
    const auto few = continued(*sequence, {"one [IMG] alone", two}, 4);
    REQUIRE(!few);
    CHECK_THAT(few.error().message, ContainsSubstring("the text has it 1 times, for a number of pictures of 2"));
    std::vector<Picture> flat = {{"flat.png", 1, 4000, std::vector<uint8_t>(12000)}};
    const auto thin = continued(*sequence, {"what?", flat}, 4);
    REQUIRE(!thin);
    CHECK_THAT(thin.error().message, ContainsSubstring("flat.png: a picture of 4000 x 1 pixels"));
    const auto text = Model::load(test::device(), kPictured / "mistral3");
    REQUIRE(text);
    auto blind = Sequence::create(*text, {.context = 128});
    REQUIRE(blind);
    const auto unseen = continued(*blind, {"what?", two}, 4);
    REQUIRE(!unseen);
    CHECK_THAT(unseen.error().message, ContainsSubstring("loaded without what sees pictures"));
    const auto llama = Model::load(test::device(), weft::test::repository() / "tests/goldens/models/llama",
                                   {.need_tokenizer = false, .pictures = Pictures::required});
    REQUIRE(!llama);
    CHECK_THAT(llama.error().message, ContainsSubstring("sees no pictures"));
}

namespace {

Chat pictured_chat(const Model& model, const std::string& mark) {
    auto chat_template = ChatTemplate::parse(
        "{% for m in messages %}<s>{{ m.role }}:{% if m.content is string %}{{ m.content }}{% else %}"
        "{% for p in m.content %}{{ '" +
            mark +
            "' if p.type == 'image' else p.text }}{% endfor %}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}<s>assistant:{% endif %}",
        {}, "t.jinja");
    REQUIRE(chat_template);
    ChatOptions options;
    options.generate.sampling.greedy = true;
    options.generate.max_tokens = 12;
    options.generate.ignore_end = true;
    options.sequence.context = 512;
    auto chat = Chat::create(model, *chat_template, options);
    INFO((chat ? "" : chat.error().text()));
    REQUIRE(chat);
    return std::move(*chat);
}

std::string answer_to(Chat& chat, const Prompt& question) {
    std::string answer;
    const auto stats = chat.ask(question, [&](const ChatPiece& piece) {
        answer += piece.text;
        return true;
    });
    INFO((stats ? "" : stats.error().text()));
    REQUIRE(stats);
    return answer;
}

} // namespace

TEST_CASE("conversations show pictures: what is kept, undone, saved and loaded changes no answer", "[models]") {
    for (const auto& [name, mark] : {std::pair<std::string, std::string>{"mistral3", "[IMG]"},
                                     {"qwen3_vl", "<|vision_start|><|image_pad|><|vision_end|>"},
          {"llava", "<image>"},
          {"gemma3", "<start_of_image>"}}) {
        INFO(name);
        const Model model = pictured_model(name);
        CHECK(model.sees());
        const std::vector<Picture> wide = pictures_of({"wide.png"}), two = pictures_of({"tall.png", "wide.png"});
        std::vector<Picture> dark = wide; // of the same size: its tokens are the same
        for (uint8_t& byte : dark[0].pixels) byte /= 2;

        Chat whole = pictured_chat(model, mark);
        const std::string first = answer_to(whole, {"what is this?", wide}),
                          second = answer_to(whole, {"and these?", two});
        const uint32_t kept = whole.stats().kept;
        CHECK(kept > 12); // the first picture was not seen again
        const auto saved = whole.save();
        REQUIRE(saved);
        const std::string third = answer_to(whole, "which is larger?");

        Chat loaded = pictured_chat(model, mark);
        const auto status = loaded.load(*saved, "saved.json");
        INFO((status ? "" : status.error().text()));
        REQUIRE(status);
        CHECK(loaded.messages()[2].pictures.size() == 2);
        CHECK(loaded.messages()[2].pictures[0].pixels == two[0].pixels);
        CHECK(answer_to(loaded, "which is larger?") == third);

        REQUIRE(whole.undo());
        REQUIRE(whole.undo());
        CHECK(answer_to(whole, {"and these?", two}) == second);
        REQUIRE(whole.undo());
        REQUIRE(whole.undo());
        const std::string other = answer_to(whole, {"what is this?", dark});
        Chat fresh = pictured_chat(model, mark);
        CHECK(other == answer_to(fresh, {"what is this?", dark}));
        CHECK(other != first);
    }
}

TEST_CASE("a saved conversation's pictures are checked as its words are", "[models]") {
    const Model model = pictured_model("mistral3");
    Chat chat = pictured_chat(model, "[IMG]");
    const std::string before = R"({"weft_chat": 1, "messages": [{"role": "user", "content": "a", "pictures": )",
                      after = R"(}, {"role": "assistant", "content": "b"}]})";
    for (const auto& [pictures, words] : {std::pair<std::string, std::string>{"3", "key 'pictures' must be a list"},
                                          {"[3]", "message 1: picture 1: must be an object"},
                                          {R"([{"name": "a"}])", "'png'"},
                                          {R"([{"png": "a%"}])", "must be base64"},
                                          {R"([{"png": "aaaa"}])", "message 1: picture 1: "}}) {
        const auto status = chat.load(before + pictures + after, "c.json");
        REQUIRE(!status);
        CHECK_THAT(status.error().message, ContainsSubstring(words));
    }
    Chat blind = pictured_chat(*Model::load(test::device(), kPictured / "mistral3"), "[IMG]");
    const std::vector<Picture> wide = pictures_of({"wide.png"});
    const auto stats = blind.ask({"what?", wide}, {});
    REQUIRE(!stats);
    CHECK_THAT(stats.error().message, ContainsSubstring("loaded without what sees pictures"));
    CHECK(blind.messages().empty());
}
