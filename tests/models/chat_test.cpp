// SPDX-License-Identifier: Apache-2.0
// Laws of conversations: what is kept from turn to turn changes nothing but the work; and how answers, stops and saved
// files are read. On the bundled model, with a template of our own.
#include "models/device.hpp"
#include "pipelines/chat_state.hpp"
#include "repository.hpp"
#include "unit/gguf_builder.hpp"
#include "unit/temporary_directory.hpp"
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

const fs::path kBundled = weft::test::repository() / "apps/models/tales-hybrid";

// Every message opens with the model's one special token.
constexpr const char* kPlain = "{% for m in messages %}<|endoftext|>{{ m.role }}:\n{{ m.content }}{% endfor %}{% if "
                               "add_generation_prompt %}<|endoftext|>assistant:\n{% endif %}";
// Of earlier answers only the beginning stays, as templates do that drop thoughts; and the answer is
// opened with words that the past does not have.
constexpr const char* kRewriting = "{% for m in messages %}<|endoftext|>{{ m.role }}:\n{{ m.content[:9] if m.role == "
                                   "'assistant' else m.content }}{% endfor %}"
                                   "{% if add_generation_prompt %}<|endoftext|>assistant:\nOnce upon{% endif %}";

Model load(const fs::path& path, const ModelOptions& options = {}) {
    const auto model = Model::load(test::device(), path, options);
    INFO((model ? "" : model.error().text()));
    REQUIRE(bool(model));
    return *model;
}

Sequence sequence_of(const Model& model, uint32_t context = 256) {
    auto sequence = Sequence::create(model, {.context = context});
    INFO((sequence ? "" : sequence.error().text()));
    REQUIRE(bool(sequence));
    return std::move(*sequence);
}

Chat talk(const Model& model, const char* source, uint32_t context = 1024, std::vector<std::string> stop = {}) {
    auto chat_template = ChatTemplate::parse(source, {}, "t.jinja");
    REQUIRE(bool(chat_template));
    ChatOptions options;
    options.generate.sampling.greedy = true;
    options.generate.max_tokens = 20;
    options.sequence.context = context;
    options.generate.stop = std::move(stop);
    auto chat = Chat::create(model, *chat_template, options);
    REQUIRE(bool(chat));
    return std::move(*chat);
}

std::string ask(Chat& chat, std::string_view question) {
    std::string answer;
    const auto stats = chat.ask(question, [&](const ChatPiece& piece) {
        answer += piece.text;
        return true;
    });
    INFO((stats ? "" : stats.error().text()));
    REQUIRE(bool(stats));
    return answer;
}

std::string text_of(const Model& model, std::string_view prompt, const GenerateOptions& options) {
    Sequence sequence = sequence_of(model);
    std::string text;
    REQUIRE(bool(generate(sequence, prompt, options, [&](std::string_view piece) {
        text += piece;
        return true;
    })));
    return text;
}

// The same conversation read anew by another session, up to the last question; gives its answer.
std::string anew(const Chat& chat, const fs::path& path, const char* source) {
    const Model model = load(path);
    Chat other = talk(model, source);
    auto file = nlohmann::ordered_json::parse(*chat.save());
    const std::string question = file["messages"][file["messages"].size() - 2]["content"];
    file["messages"].erase(file["messages"].size() - 1);
    file["messages"].erase(file["messages"].size() - 1);
    REQUIRE(bool(other.load(file.dump(), "saved")));
    const std::string answer = ask(other, question);
    CHECK(other.stats().kept == 0);
    return answer;
}

void check_laws(const fs::path& path, const char* source) {
    CAPTURE(path, source);
    const Model model = load(path);
    Chat chat = talk(model, source);
    const std::string first = ask(chat, "Tell me of a dog.");
    CHECK(first == anew(chat, path, source));
    std::string last = ask(chat, "What did the old king say?");
    CHECK(chat.stats().kept > 0);
    CHECK(last == anew(chat, path, source));
    last = ask(chat, "And then?");
    CHECK(last == anew(chat, path, source));

    REQUIRE(chat.undo());
    REQUIRE(chat.undo());
    last = ask(chat, "What did the little cat say?");
    CHECK(chat.messages().size() == 4);
    CHECK(last == anew(chat, path, source));
    last = ask(chat, "And then?");
    CHECK(last == anew(chat, path, source));

    chat.set_system("Be kind.");
    last = ask(chat, "Why?");
    CHECK(last == anew(chat, path, source));

    chat.reset();
    chat.set_system("");
    CHECK_FALSE(chat.undo());
    CHECK(ask(chat, "Tell me of a dog.") == first);
    test::require_no_validation_messages();
}

std::string read_all(const Tokenizer& tokenizer, const std::string& text, const std::string& opening,
                     std::vector<std::string> stop = {}) {
    const auto ids = tokenizer.encode(text, false);
    REQUIRE(bool(ids));
    auto stops = Stops::create(stop, tokenizer);
    REQUIRE(bool(stops));
    AnswerReader reader(tokenizer, opening, *stops);
    std::vector<AnswerReader::Piece> pieces;
    for (const uint32_t id : *ids) reader.push(id, pieces);
    reader.finish(pieces);
    std::string shown;
    bool thinking = false;
    for (const auto& piece : pieces) {
        if (piece.thinking != thinking) shown += (thinking = piece.thinking) ? "{" : "}";
        shown += piece.text;
    }
    return shown + " | " + reader.message().reasoning + " | " + reader.message().content;
}

} // namespace

TEST_CASE("chat: kept states answer as states made anew", "[chat]") {
    check_laws(kBundled, kPlain);
    check_laws(kBundled, kRewriting);
}

TEST_CASE("chat: the same where states can be cut", "[chat]") {
    const char* goldens = std::getenv("WEFT_GOLDENS");
    const fs::path path =
        (goldens ? fs::path(goldens) : weft::test::repository() / "../shared/goldens") / "../models/stories260K-hf";
    if (!fs::exists(path / "config.json")) SKIP("no stories260K-hf");
    constexpr const char* tags = "{% for m in messages %}</s><s>{{ m.role }}: {{ m.content }}{% endfor %}{% if "
                                 "add_generation_prompt %}</s><s>assistant: {% endif %}";
    check_laws(path, tags);
}

TEST_CASE("chat: nothing is read twice", "[chat]") {
    const Model model = load(kBundled);
    Chat chat = talk(model, kPlain);
    ask(chat, "Tell me of a dog.");
    for (const char* question : {"What did the old king say?", "And then?", "Why?"}) {
        const uint32_t had = chat.stats().tokens;
        ask(chat, question);
        CHECK(chat.stats().kept == had);
    }
    // A conversation from a file goes on with the tokens that were made, not with those
    // that the tokenizer would choose.
    const std::string saved = *chat.save();
    const std::string answer = ask(chat, "How?");
    REQUIRE(bool(chat.load(saved, "saved")));
    CHECK(chat.messages().size() == 8);
    CHECK(ask(chat, "How?") == answer);
    // What was undone is in no file; what was said before is, with its tokens up to a place
    // where the text can be taken apart.
    ask(chat, "What of the zebra?");
    CHECK_THAT(*chat.save(), ContainsSubstring("zebra"));
    REQUIRE((chat.undo() && chat.undo()));
    CHECK(nlohmann::ordered_json::parse(*chat.save())["messages"] == nlohmann::ordered_json::parse(saved)["messages"]);
    CHECK_THAT(*chat.save(), !ContainsSubstring("zebra"));
    const std::vector<uint32_t> all = nlohmann::ordered_json::parse(saved)["state"]["tokens"],
                                kept = nlohmann::ordered_json::parse(*chat.save())["state"]["tokens"];
    CHECK((kept.size() > all.size() / 2 && kept.size() <= all.size() &&
           std::equal(kept.begin(), kept.end(), all.begin())));
    // In pieces, as between frames.
    REQUIRE(bool(chat.load(saved, "saved")));
    REQUIRE(bool(chat.begin("How?")));
    CHECK_FALSE(chat.begin("How?"));
    std::string pieces;
    for (bool done = false; !done;) {
        const auto step = chat.advance(0, [&](const ChatPiece& piece) {
            pieces += piece.text;
            return true;
        });
        REQUIRE(bool(step));
        done = *step;
    }
    CHECK(pieces == answer);
    // Nor is the system prompt when the conversation begins anew.
    chat.set_system("Once upon a time there was a king who was kind to all dogs.");
    chat.reset();
    ask(chat, "Tell me of a dog.");
    CHECK(chat.stats().kept == 0);
    chat.reset();
    const std::string again = ask(chat, "And what of a cat?");
    CHECK(chat.stats().kept > 15);
    CHECK(again == anew(chat, kBundled, kPlain));
    // However long it gets.
    for (int i = 0; i < 12; ++i) ask(chat, "And then?");
    const uint64_t bytes = chat.stats().snapshot_bytes;
    for (int i = 0; i < 4; ++i) ask(chat, "And then?");
    CHECK(chat.stats().snapshot_bytes == bytes);
    chat.reset();
    CHECK(ask(chat, "And what of a cat?") == again);
    CHECK(chat.stats().kept > 15);
}

TEST_CASE("chat: an answer that is stopped, a question that cannot be asked", "[chat]") {
    const Model model = load(kBundled);
    Chat chat = talk(model, kPlain, 128);
    const std::string whole = ask(chat, "Tell me of a dog.");
    REQUIRE(whole.size() > 30);
    chat.reset();

    const std::string stop = whole.substr(12, 6);
    Chat stopping = talk(model, kPlain, 128, {"no such text", stop});
    CHECK(ask(stopping, "Tell me of a dog.") == whole.substr(0, whole.find(stop)));
    CHECK(stopping.stats().last.stop == stop);
    CHECK(stopping.messages()[1].content == whole.substr(0, whole.find(stop)));
    ask(stopping, "And then?");

    chat = talk(model, kPlain, 128);
    std::string said;
    REQUIRE(bool(chat.ask("Tell me of a dog.", [&](const ChatPiece& piece) {
        said += piece.text;
        return false;
    })));
    CHECK(whole.starts_with(said));
    CHECK(chat.messages()[1].content == said);

    const std::string before = *chat.save();
    std::string long_text;
    for (int i = 0; i < 200; ++i) long_text += "one more word ";
    const auto refused = chat.ask(long_text, {});
    REQUIRE_FALSE(bool(refused));
    CHECK_THAT(refused.error().message, ContainsSubstring("the context is 128"));
    CHECK(*chat.save() == before);
    CHECK_FALSE(chat.ask("\xff", {}));
    ask(chat, "And then?");
    CHECK(chat.messages().size() == 4);
}

TEST_CASE("chat: an answer ends with the token that closes it in the template", "[chat]") {
    // A word of the answer becomes a special token, which no file of the model calls an end.
    const Model plain = load(kBundled);
    Chat chat = talk(plain, kPlain, 256);
    const std::string whole = ask(chat, "Tell me of a dog.");
    const auto tokenizer = Tokenizer::load(kBundled);
    const auto ids = *tokenizer->encode(whole, false);
    REQUIRE(ids.size() > 8);
    size_t at = 4;
    while (std::find(ids.begin(), ids.begin() + ptrdiff_t(at), ids[at]) != ids.begin() + ptrdiff_t(at)) ++at;
    const std::string closing = tokenizer->token(ids[at]);

    const test::TemporaryDirectory directory;
    for (const auto& entry : fs::directory_iterator(kBundled))
        fs::copy(entry.path(), directory.path() / entry.path().filename());
    std::ifstream file(kBundled / "tokenizer.json");
    auto json = nlohmann::ordered_json::parse(file);
    json["added_tokens"].push_back({{"content", closing}, {"special", true}});
    fs::remove(directory.path() / "tokenizer.json");
    std::ofstream(directory.path() / "tokenizer.json") << json;
    const Model model = load(directory.path());
    const std::string closed = "{% for m in messages %}<|endoftext|>{{ m.role }}:\n{{ m.content }}{% if m.role == "
                               "'assistant' %} " +
                               closing +
                               "\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|endoftext|>"
                               "assistant:\n{% endif %}";
    Chat closing_chat = talk(model, closed.c_str(), 256);
    CHECK(ask(closing_chat, "Tell me of a dog.") == tokenizer->decode(std::span(ids).first(at), true));
    CHECK(closing_chat.stats().last.ended);
    CHECK(ask(closing_chat, "And then?") == anew(closing_chat, directory.path(), closed.c_str()));
    // Only conversations have turns.
    GenerateOptions options;
    options.sampling.greedy = true;
    options.max_tokens = uint32_t(at) + 3;
    Sequence sequence = sequence_of(model);
    const auto stats = generate(sequence, "<|endoftext|>user:\nTell me of a dog.<|endoftext|>assistant:\n", options,
                                [](std::string_view) { return true; });
    CHECK(stats->new_tokens == options.max_tokens);
}

TEST_CASE("chat: which tokens end an answer", "[chat]") {
    const char* names[] = {"<|im_end|>", "<|eot|>", "<|user|>", "<|assistant|>", "<|end|>", "<|return|>", "</s>"};
    nlohmann::ordered_json json = {{"model", {{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}}}}}};
    const auto ends = [&](std::vector<size_t> known, const std::string& source) {
        json["added_tokens"] = nlohmann::ordered_json::array();
        for (const size_t i : known) json["added_tokens"].push_back({{"content", names[i]}, {"special", true}});
        const auto state = std::make_shared<ModelState>(ModelState{test::device()});
        state->tokenizer.emplace(*Tokenizer::parse(json.dump(), "t.json"));
        state->defaults.end_tokens = {99};
        const ChatState chat(Access::make<Model>(state), *ChatTemplate::parse(source, {}, "t.jinja"), {});
        std::vector<std::string> found;
        for (const uint32_t id : chat.ends()) found.push_back(id == 99 ? "listed" : state->tokenizer->token(id));
        return found;
    };
    using Names = std::vector<std::string>;
    const std::string turns = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}";
    CHECK(ends({0}, turns + "{% endfor %}") == Names{"listed", "<|im_end|>"}); // by its name
    CHECK(ends({1}, turns + "{% endfor %}") == Names{"listed"});
    CHECK(ends({1}, turns + " <|eot|>\n{% endfor %}") == Names{"listed", "<|eot|>"});
    CHECK(ends({1, 2, 3}, turns + "<|eot|>\n{% endfor %}<|assistant|>") == Names{"listed", "<|eot|>"});
    CHECK(ends({2, 3}, turns + "\n{% endfor %}") == Names{"listed", "<|user|>"}); // the next turn's beginning
    CHECK(ends({1}, turns + ", said he.<|eot|>{% endfor %}") == Names{"listed"});
    CHECK(ends({4, 5}, turns + "{{ '<|return|>' if loop.last else '<|end|>' }}{% endfor %}") ==
          Names{"listed", "<|return|>"});
    CHECK(ends({6}, "{{ raise_exception('no') }}") == Names{"listed"});
}

TEST_CASE("chat: files that are no conversations", "[chat]") {
    const Model model = load(kBundled);
    Chat chat = talk(model, kPlain, 128);
    const std::pair<const char*, const char*> cases[] = {
        {"", "notes.json"},
        {"[]", "must be an object"},
        {"{}", "'weft_chat'"},
        {R"({"weft_chat": 2, "messages": []})", "'weft_chat' must be 1"},
        {R"({"weft_chat": 1})", "'messages'"},
        {R"({"weft_chat": 1, "messages": [1]})", "message 1: must be an object"},
        {R"({"weft_chat": 1, "messages": [{"role": "assistant", "content": "a"}]})", "message 1: key 'role'"},
        {R"({"weft_chat": 1, "messages": [{"role": "user", "content": "a"}]})", "the last message"},
    };
    for (const auto& [json, message] : cases) {
        const auto status = chat.load(json, "notes.json");
        CAPTURE(json);
        REQUIRE_FALSE(bool(status));
        CHECK_THAT(status.error().message, ContainsSubstring("notes.json") && ContainsSubstring(message));
    }
    // What does not belong together is left out: the messages alone are enough.
    for (const char* state : {"5", "{}", R"({"text": "a", "tokens": [-1], "places": []})",
                              R"({"text": "a", "tokens": [99999999], "places": []})",
                              R"({"text": "a", "tokens": [1], "places": [[5, 1]]})"}) {
        auto file = nlohmann::ordered_json::parse(*chat.save());
        auto wrong = nlohmann::ordered_json::parse(state);
        if (wrong.is_object()) wrong["model"] = file["state"]["model"];
        file["state"] = wrong;
        CHECK(bool(chat.load(file.dump(), "notes.json")));
    }
    ask(chat, "Tell me of a dog.");
}

TEST_CASE("chat: answers are taken apart", "[chat]") {
    const auto tokenizer = Tokenizer::load(kBundled / "tokenizer.json");
    REQUIRE(bool(tokenizer));
    const auto read = [&](const char* text, const char* opening = "", std::vector<std::string> stop = {}) {
        return read_all(*tokenizer, text, opening, std::move(stop));
    };
    CHECK(read("Hello.") == "Hello. |  | Hello.");
    CHECK(read("<think>\na dog\n</think>\n\nA dog.") == "{\na dog\n}\n\nA dog. | a dog | A dog.");
    CHECK(read("a dog</think>A dog.", "assistant\n<think>\n") == "{a dog}A dog. | a dog | A dog.");
    CHECK(read("A dog.", "<think>\n\n</think>\n\n") == "A dog. |  | A dog.");
    CHECK(read("never done", "<think>") == "{never done | never done | ");
    CHECK(read("The tag <think> and </think>.") == "The tag <think> and </think>. |  | The tag <think> and </think>.");
    CHECK(read("[THINK]a[/THINK]b") == "{a}b | a | b");
    CHECK(read("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b") ==
          "{a}b | a | b");
    CHECK(read("a < b <thin", "") == "a < b <thin |  | a < b <thin");
    CHECK(read("one two three", "", {"two"}) == "one  |  | one ");
    CHECK(read("one<|endoftext|> two", "", {"<|endoftext|>"}) == "one |  | one");
}

TEST_CASE("chat: an answer is one text, whatever special tokens stand in it", "[chat]") {
    const auto tokenizer = Tokenizer::parse(R"({
        "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "<think>": 1, "</think>": 2, "<pad>": 3,
                  "\u2581a": 4, "\u2581b": 5}},
        "added_tokens": [{"content": "<think>", "special": true}, {"content": "</think>", "special": true},
                         {"content": "<pad>", "special": true}],
        "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first"}})",
                                            "t.json");
    REQUIRE(bool(tokenizer));
    const auto read = [&](std::vector<uint32_t> ids) {
        AnswerReader reader(*tokenizer, "", *Stops::create({}, *tokenizer));
        std::vector<AnswerReader::Piece> pieces;
        for (const uint32_t id : ids) reader.push(id, pieces);
        reader.finish(pieces);
        return reader.message();
    };
    CHECK(read({4, 5}).content == "a b"); // a message is a text of its own
    CHECK(read({4, 3, 5}).content == "a b");
    CHECK(read({4, 1, 5, 2, 4}).content == "a<think> b</think> a");
    CHECK(read({1, 4, 5, 2, 4}).reasoning == " a b");
    CHECK(read({1, 4, 5, 2, 4}).content == " a");
}

TEST_CASE("generation: what the files of a model want", "[chat]") {
    const test::TemporaryDirectory directory;
    for (const auto& entry : fs::directory_iterator(kBundled))
        fs::copy(entry.path(), directory.path() / entry.path().filename());
    const auto write = [&](const char* name, const char* text) {
        fs::remove(directory.path() / name);
        std::ofstream(directory.path() / name) << text;
    };
    const auto defaults = [&] {
        const auto files = ModelFiles::open(directory.path());
        REQUIRE(bool(files));
        const auto tokenizer = Tokenizer::load(directory.path() / "tokenizer.json");
        return read_generation_defaults(*files, &*tokenizer);
    };
    write("generation_config.json",
          R"({"do_sample": true, "temperature": 0.5, "top_k": 7, "top_p": 0.9, "min_p": 0.1, )"
          R"("repetition_penalty": 1.2, "max_new_tokens": 33, "eos_token_id": [5, 6, 5], "stop_strings": "END"})");
    write("tokenizer_config.json", R"({"eos_token": {"content": "<|endoftext|>"}})");
    auto d = defaults();
    REQUIRE(bool(d));
    CHECK((!d->sampling.greedy && d->sampling.temperature == 0.5f && d->sampling.top_k == 7 &&
           d->sampling.top_p == 0.9f && d->sampling.min_p == 0.1f && d->sampling.repeat_penalty == 1.2f));
    CHECK((d->max_tokens == 33u && d->max_length == 0));
    CHECK(d->end_tokens == std::vector<uint32_t>{5, 6, 0}); // 0: of config.json, and the token's name
    CHECK(d->stop == std::vector<std::string>{"END"});
    write("generation_config.json", R"({"temperature": null, "eos_token_id": null, "stop_strings": ["a", "b"]})");
    d = defaults();
    REQUIRE(bool(d));
    CHECK((d->sampling.greedy && d->sampling.temperature == 1 && !d->max_tokens));
    CHECK(d->end_tokens == std::vector<uint32_t>{0});
    CHECK(d->stop.size() == 2);
    write("generation_config.json", R"({"max_length": 6})");
    d = defaults();
    REQUIRE(bool(d));
    CHECK((d->max_length == 6 && !d->max_tokens));
    write("generation_config.json",
          R"({"max_length": 6, "max_new_tokens": 33})"); // as in transformers, the latter counts
    d = defaults();
    REQUIRE(bool(d));
    CHECK((d->max_length == 0 && d->max_tokens == 33u));
    for (const char* wrong : {R"({"eos_token_id": "</s>"})", R"({"eos_token_id": [1, 2.5]})",
                              R"({"stop_strings": [""]})", R"({"stop_strings": 5})"}) {
        write("generation_config.json", wrong);
        d = defaults();
        REQUIRE_FALSE(bool(d));
        CHECK_THAT(d.error().message, ContainsSubstring("generation_config.json: key"));
    }
}

TEST_CASE("generation: values of generation_config.json are as transformers takes them", "[chat]") {
    const test::TemporaryDirectory directory;
    for (const auto& entry : fs::directory_iterator(kBundled))
        fs::copy(entry.path(), directory.path() / entry.path().filename());
    const auto defaults = [&](const std::string& text) {
        fs::remove(directory.path() / "generation_config.json");
        std::ofstream(directory.path() / "generation_config.json") << text;
        const auto files = ModelFiles::open(directory.path());
        INFO(text);
        REQUIRE(bool(files));
        return read_generation_defaults(*files, nullptr);
    };
    const auto sampled = [](const std::string& rest) { return R"({"do_sample": true, )" + rest + "}"; };
    // What only sampling looks at is refused where the model samples, and counts for nothing where it does not.
    for (const char* wrong : {R"("temperature": -1)",
                              R"("temperature": NaN)",
                              R"("temperature": Infinity)",
                              R"("temperature": 1e300)",
                              R"("temperature": "hot")",
                              R"("temperature": [1])",
                              R"("top_p": -0.5)",
                              R"("top_p": NaN)",
                              R"("top_p": "most")",
                              R"("top_k": -1)",
                              R"("top_k": 2.5)",
                              R"("top_k": NaN)",
                              R"("top_k": "forty")",
                              R"("min_p": 2)",
                              R"("min_p": -0.1)",
                              R"("min_p": NaN)",
                              R"("min_p": {"__float__": "Infinity"})",
                              R"("typical_p": 0.9)",
                              R"("epsilon_cutoff": 0.01)",
                              R"("eta_cutoff": 0.01)",
                              R"("top_h": 0.4)"}) {
        CAPTURE(wrong);
        const auto refused = defaults(sampled(wrong));
        REQUIRE_FALSE(bool(refused));
        const std::string key(wrong, 1, std::string_view(wrong).find('"', 1) - 1);
        CHECK_THAT(refused.error().message, ContainsSubstring("generation_config.json: key '" + key + "'"));
        CHECK(refused.error().code != ErrorCode::invalid_argument); // it is no fault of the command line
        for (const std::string& greedy :
             {"{" + std::string(wrong) + "}", R"({"do_sample": false, )" + std::string(wrong) + "}"}) {
            const auto d = defaults(greedy);
            REQUIRE(bool(d));
            const SamplingOptions &s = d->sampling, none;
            CHECK((s.greedy && s.temperature == none.temperature && s.top_k == none.top_k && s.top_p == none.top_p &&
                   s.min_p == none.min_p));
        }
    }
    for (const char* wrong : {R"("repetition_penalty": 0)",
                              R"("repetition_penalty": -1.5)",
                              R"("repetition_penalty": NaN)",
                              R"("repetition_penalty": Infinity)",
                              R"("repetition_penalty": "some")",
                              R"("no_repeat_ngram_size": -3)",
                              R"("max_new_tokens": 0)",
                              R"("max_new_tokens": -5)",
                              R"("max_new_tokens": 1.5)",
                              R"("max_new_tokens": NaN)",
                              R"("max_new_tokens": 4294967296)",
                              R"("max_length": 0)",
                              R"("num_return_sequences": 3)",
                              R"("force_words_ids": [[5]])",
                              R"("forced_decoder_ids": [[1, 5]])",
                              R"("constraints": ["x"])",
                              R"("eos_token_id": "</s>")",
                              R"("eos_token_id": NaN)",
                              R"("eos_token_id": 2.5)",
                              R"("eos_token_id": -7)",
                              R"("eos_token_id": {"a": 1})",
                              R"("do_sample": 1)",
                              R"("do_sample": "yes")",
                              R"("stop_strings": {"a": 1})",
                              R"("num_beams": 4)",
                              R"("guidance_scale": 1.5)",
                              R"("min_new_tokens": 8)",
                              R"("min_length": 8)",
                              R"("bad_words_ids": [[5]])",
                              R"("suppress_tokens": [5])",
                              R"("begin_suppress_tokens": [5])",
                              R"("forced_eos_token_id": 0)",
                              R"("sequence_bias": {"a": 1})",
                              R"("exponential_decay_length_penalty": [5, 1.1])",
                              R"("encoder_repetition_penalty": 1.2)"}) {
        CAPTURE(wrong);
        const auto d = defaults("{" + std::string(wrong) + "}");
        REQUIRE_FALSE(bool(d));
        const std::string key(wrong, 1, std::string_view(wrong).find('"', 1) - 1);
        CHECK_THAT(d.error().message, ContainsSubstring("generation_config.json: key '" + key + "'"));
        CHECK(d.error().code != ErrorCode::invalid_argument);
    }
    // What does nothing.
    for (const char* fine : {R"("top_k": 0)",
                             R"("top_k": null)",
                             R"("top_p": 1.0)",
                             R"("top_p": 1.5)",
                             R"("temperature": null)",
                             R"("min_p": null)",
                             R"("min_p": 0.0)",
                             R"("repetition_penalty": 1.0)",
                             R"("repetition_penalty": null)",
                             R"("no_repeat_ngram_size": 0)",
                             R"("max_new_tokens": null)",
                             R"("eos_token_id": null)",
                             R"("num_beams": 1)",
                             R"("typical_p": 1.0)",
                             R"("epsilon_cutoff": 0.0)",
                             R"("guidance_scale": null)",
                             R"("min_length": 0)",
                             R"("suppress_tokens": [])",
                             R"("bad_words_ids": null)",
                             R"("token_healing": false)",
                             R"("max_length": 20)",
                             R"("use_cache": false)",
                             R"("pad_token_id": -1)",
                             R"("unheard_of": NaN)"}) {
        CAPTURE(fine);
        const auto d = defaults(sampled(fine));
        INFO((d ? "" : d.error().text()));
        REQUIRE(bool(d));
        const SamplingOptions &s = d->sampling, none;
        CHECK((!s.greedy && s.temperature == 1 && s.top_k == 0 && s.top_p == 1 && s.min_p == 0 &&
               s.repeat_penalty == 1 && s.no_repeat_ngram == none.no_repeat_ngram && !d->max_tokens));
    }
    const auto d =
        defaults(sampled(R"("top_p": 0.0, "temperature": 0, "no_repeat_ngram_size": 3, "top_k": 9000000000)"));
    REQUIRE(bool(d));
    CHECK((d->sampling.top_p == 0 && d->sampling.temperature == 0 && d->sampling.no_repeat_ngram == 3 &&
           d->sampling.top_k == INT32_MAX));
}

TEST_CASE("generation: what a GGUF file wants", "[chat]") {
    const test::TemporaryDirectory directory;
    const fs::path path = directory.path() / "model.gguf";
    const auto defaults = [&](const test::GgufBuilder& file) {
        std::ofstream(path, std::ios::binary) << file.file();
        const auto files = ModelFiles::open(path);
        REQUIRE(bool(files));
        const auto tokenizer = Tokenizer::load(kBundled / "tokenizer.json"); // has <|endoftext|>, which is token 0
        return read_generation_defaults(*files, &*tokenizer);
    };
    const auto d = defaults(test::GgufBuilder()
                                .string("general.architecture", "llama")
                                .number("tokenizer.ggml.eos_token_id", GgufType::u32, 7u)
                                .number("tokenizer.ggml.eot_token_id", GgufType::u32, 9u)
                                .number("general.sampling.temp", GgufType::f32, 0.5f)
                                .number("general.sampling.top_k", GgufType::i32, 7)
                                .number("general.sampling.min_p", GgufType::f32, 0.25f));
    REQUIRE(bool(d));
    CHECK(d->end_tokens == std::vector<uint32_t>{7, 9, 0});
    CHECK((d->sampling.temperature == 0.5f && d->sampling.top_k == 7 && d->sampling.top_p == 1 &&
           d->sampling.min_p == 0.25f && !d->max_tokens));
    const auto wrong = defaults(
        test::GgufBuilder().string("general.architecture", "llama").string("tokenizer.ggml.eos_token_id", "</s>"));
    REQUIRE_FALSE(bool(wrong));
    CHECK_THAT(wrong.error().message, ContainsSubstring("tokenizer.ggml.eos_token_id"));
}

TEST_CASE("generation: stop strings in streamed text", "[chat]") {
    const Model model = load(kBundled);
    Sequence sequence = sequence_of(model);
    GenerateOptions options = model.generate_options();
    options.sampling.greedy = true;
    options.max_tokens = 40;
    const auto run = [&](std::vector<std::string> stop) {
        options.stop = std::move(stop);
        std::string text;
        sequence.reset();
        const auto stats = generate(sequence, "Once upon a time", options, [&](std::string_view piece) {
            text += piece;
            return true;
        });
        REQUIRE(bool(stats));
        return std::pair(text, *stats);
    };
    const auto [whole, free_stats] = run({});
    CHECK(free_stats.stop.empty());
    for (size_t at : {size_t(1), whole.size() / 2, whole.size() - 3}) {
        const std::string stop = whole.substr(at, 3);
        const auto [text, stats] = run({"never said", stop});
        CHECK(text == whole.substr(0, whole.find(stop)));
        CHECK(stats.stop == stop);
        CHECK_FALSE(stats.ended);
    }
    // What was held back is given at the end.
    CHECK(run({whole.substr(whole.size() - 3) + "and what never comes"}).first == whole);
    options.stop = {""};
    sequence.reset();
    CHECK_FALSE(generate(sequence, "Once", options, [](std::string_view) { return true; }));
    options.stop = {};
    options.max_tokens = 0;
    CHECK(generate(sequence, "Once", options, [](std::string_view) { return true; })->new_tokens == 0);
}

TEST_CASE("generation: text goes on where the prompt ends", "[chat]") {
    const fs::path goldens = weft::test::repository() / "tests/goldens";
    const test::TemporaryDirectory directory;
    fs::copy(goldens / "tokenizers/bpe-byte-fallback/tokenizer.json", directory.path() / "tokenizer.json");
    fs::copy(goldens / "models/llama/model.safetensors", directory.path() / "model.safetensors"); // not read
    std::ifstream file(goldens / "models/llama/config.json");
    auto config = nlohmann::json::parse(file);
    config["vocab_size"] = 620;
    std::ofstream(directory.path() / "config.json") << config;
    const Model model = load(directory.path(), {.random_weights = true});
    const auto tokenizer = Tokenizer::load(directory.path());
    GenerateOptions options;
    options.max_tokens = 12;
    for (uint64_t seed = 0; seed < 12; ++seed) {
        options.sampling.seed = seed;
        const std::string prompt = "Once upon a";
        const auto ids = *tokenizer->encode(prompt, true);
        auto all = ids;
        Sequence sequence = sequence_of(model);
        REQUIRE(bool(generate_ids(sequence, ids, options, [&](uint32_t id) {
            all.push_back(id);
            return true;
        })));
        CAPTURE(seed, all);
        CHECK(tokenizer->decode(ids, true) + text_of(model, prompt, options) == tokenizer->decode(all, true));
    }
}

TEST_CASE("generation: a text is at most as long as asked, prompt and all", "[chat]") {
    const Model model = load(kBundled);
    Sequence sequence = sequence_of(model, 64);
    const auto ids = *model.tokenizer()->encode("Once upon a", true);
    GenerateOptions options;
    options.ignore_end = true;
    const auto made = [&](uint32_t length, uint32_t tokens) {
        options.max_length = length;
        options.max_tokens = tokens;
        sequence.reset();
        return generate_ids(sequence, ids, options, [](uint32_t) { return true; });
    };
    CHECK(made(uint32_t(ids.size()) + 3, 20)->new_tokens == 3);
    CHECK(made(uint32_t(ids.size()) + 3, 2)->new_tokens == 2);
    CHECK(made(0, 5)->new_tokens == 5);
    const auto none = made(uint32_t(ids.size()), 5);
    REQUIRE_FALSE(bool(none));
    CHECK(none.error().message.find("max_length") != std::string::npos);
}

TEST_CASE("generation: the space before a tale's next word", "[chat]") {
    const char* goldens = std::getenv("WEFT_GOLDENS");
    const fs::path path =
        (goldens ? fs::path(goldens) : weft::test::repository() / "../shared/goldens") / "../models/stories260K-hf";
    if (!fs::exists(path / "config.json")) SKIP("no stories260K-hf");
    const Model model = load(path);
    GenerateOptions options = model.generate_options();
    options.sampling.greedy = true;
    options.max_tokens = 2;
    CHECK(text_of(model, "Once upon a", options) == " time,");
    options.stop = {" time"};
    Sequence sequence = sequence_of(model);
    CHECK(generate(sequence, "Once upon a", options, [](std::string_view) { return true; })->stop == " time");
}
