// SPDX-License-Identifier: Apache-2.0
// Language models that see pictures: from files and a prompt to text, as transformers' processors and models have it.
#include "base/file.hpp"
#include "base/json.hpp"
#include "io/gguf_writer.hpp"
#include "models/device.hpp"
#include "pipelines/seen_prompt.hpp"
#include "repository.hpp"
#include "unit/temporary_directory.hpp"
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
    // A folder, and the same as a pair of GGUF files.
    for (const std::string name :
         {"mistral3", "qwen3_vl", "llava", "gemma3", "llama4", "mistral3/model.gguf", "qwen3_vl/model.gguf",
          "llava/model.gguf", "gemma3/model.gguf", "llama4/model.gguf"}) {
        const Model model = pictured_model(name);
        const auto text = read_file(kPictured / name.substr(0, name.find('/')) / "prompts.json");
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

TEST_CASE("a GGUF file and the one with its tower are the directory, number by number", "[models]") {
    const std::vector<Picture> wide = pictures_of({"wide.png"});
    for (const std::string name : {"mistral3", "qwen3_vl", "llava", "gemma3", "llama4"}) {
        INFO(name);
        std::vector<std::vector<float>> logits;
        for (const std::string& path : {name, name + "/model.gguf"}) {
            const Model model = pictured_model(path);
            const ModelState& state = Access::state(model);
            const auto seen = seen_prompt(state, {"what is this?", wide}, true);
            REQUIRE(seen);
            auto session = make_session(model, {.context = 128});
            REQUIRE(session);
            std::span<const uint32_t> rest = seen->ids;
            REQUIRE(feed_pictures(**session, *seen, rest));
            const Feed feed{0, rest};
            REQUIRE((*session)->forward({&feed, 1}, Want::last));
            const auto own = (*session)->output(kLogits);
            REQUIRE(own);
            logits.push_back(*own);
        }
        CHECK(logits[0] == logits[1]);
    }
}

TEST_CASE("a tower's file that does not go with a GGUF file is refused by name", "[models]") {
    const auto load = [](const std::filesystem::path& model, const std::filesystem::path& mmproj) {
        const auto loaded = Model::load(test::device(), model, {.pictures = Pictures::required, .mmproj = mmproj});
        REQUIRE_FALSE(loaded);
        return loaded.error();
    };
    const auto text = [](const std::string& name) { return kPictured / name / "model.gguf"; };
    const auto tower = [](const std::string& name) { return kPictured / name / "mmproj.gguf"; };
    Error error = load(text("mistral3"), tower("gemma3"));
    CHECK(error.code == ErrorCode::invalid_argument);
    CHECK_THAT(error.message, ContainsSubstring("is the tower of Gemma 3 with pictures") &&
                                  ContainsSubstring("of type 'llama': the two are not of one model"));
    CHECK_THAT(load(text("mistral3"), text("mistral3")).message,
               ContainsSubstring("general.architecture") && ContainsSubstring("must be 'clip'"));
    CHECK_THAT(load(kPictured / "mistral3", tower("mistral3")).message, ContainsSubstring("has its tower itself"));
    CHECK(load(text("mistral3"), kPictured / "nothing.gguf").code == ErrorCode::not_found);

    const test::TemporaryDirectory folder;
    std::filesystem::copy(text("llava"), folder.path() / "model.gguf");
    error = load(folder.path() / "model.gguf", {});
    CHECK(error.code == ErrorCode::not_found);
    CHECK_THAT(error.message, ContainsSubstring("there is no mmproj*.gguf beside it"));
    std::filesystem::copy(tower("llava"), folder.path() / "mmproj-f16.gguf");
    std::filesystem::copy(tower("llava"), folder.path() / "mmproj-q8_0.gguf");
    error = load(folder.path() / "model.gguf", {});
    CHECK_THAT(error.message, ContainsSubstring("there are several beside it"));
    CHECK(error.reasons.size() == 2);
    std::filesystem::resize_file(folder.path() / "mmproj-f16.gguf", 40000);
    std::filesystem::remove(folder.path() / "mmproj-q8_0.gguf");
    error = load(folder.path() / "model.gguf", {});
    CHECK(error.code == ErrorCode::malformed);
    CHECK_THAT(error.message, ContainsSubstring("mmproj-f16.gguf"));
    // Where pictures may be shown and need not, such a file does not keep the text from being read.
    const auto chat = Model::load(test::device(), folder.path() / "model.gguf", {.pictures = Pictures::if_seen});
    REQUIRE(chat);
    CHECK_FALSE(chat->sees());

    // Its rows are wider than those of the text.
    const auto bytes = read_file(tower("llava"));
    const auto file = GgufFile::parse(std::as_bytes(std::span(*bytes)), "llava");
    REQUIRE(file);
    GgufWriter writer;
    writer.string("general.architecture", "clip");
    const auto& metadata = file->metadata();
    writer.string("clip.projector_type", "mlp");
    for (const char* key :
         {"image_size", "patch_size", "embedding_length", "feed_forward_length", "block_count", "attention.head_count"})
        writer.u32(std::string("clip.vision.") + key, *metadata.count(std::string("clip.vision.") + key));
    writer.f32("clip.vision.attention.layer_norm_epsilon", 1e-5f);
    writer.tensor("mm.2.weight", std::vector<uint64_t>{64, 32}, DType::f32);
    folder.write("wide.gguf", writer.header() + std::string(64 * 32 * 4, '\0'));
    CHECK_THAT(load(text("llava"), folder.path() / "wide.gguf").message,
               ContainsSubstring("'mm.2.weight': gives rows 64 wide") && ContainsSubstring("are 32 wide"));
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
                                     {"gemma3", "<start_of_image>"},
                                     {"llama4", "<|image|>"},
                                     {"llava/model.gguf", "<image>"}}) {
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
