// SPDX-License-Identifier: Apache-2.0
// Tokens and letters to text and times, against what transformers makes of the same.
#include "base/file.hpp"
#include "pipelines/ctc.hpp"
#include "pipelines/whisper_rules.hpp"
#include "repository.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

std::filesystem::path folder() { return weft::test::repository() / "tests/goldens/sound"; }

Json recorded(const std::string& name) { return *parse_json(*read_file(folder() / name), name); }

// A model's directory whose weights are none.
struct Directory : weft::test::TemporaryDirectory {
    explicit Directory(const std::string& config) {
        write("config.json", config);
        write("model.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10));
    }
};

std::vector<uint32_t> allowed_by(const WhisperRules& rules, std::vector<float> logits,
                                 const std::vector<uint32_t>& made, bool times) {
    rules.apply(logits, made, times);
    std::vector<uint32_t> allowed;
    for (uint32_t i = 0; i < logits.size(); ++i)
        if (std::isfinite(logits[i])) allowed.push_back(i);
    return allowed;
}

// A directory of a tokenizer that knows nothing special, and of what the files say.
Result<WhisperRules> rules_of(const Json& generation, uint32_t vocabulary = 50) {
    const Directory directory(R"({"eos_token_id": 1, "decoder_start_token_id": 2})");
    directory.write("generation_config.json", generation.dump());
    const auto tokenizer = Tokenizer::parse(
        R"({"model": {"type": "WordLevel", "vocab": {"a": 0, "<|notimestamps|>": 7}, "unk_token": "a"}})", "t.json");
    REQUIRE(tokenizer);
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(directory.path()));
    return read_whisper_rules(files, *tokenizer, vocabulary);
}

} // namespace

TEST_CASE("what may follow in a transcript is what transformers lets follow") {
    const Json all = recorded("whisper_rules.json");
    WhisperRules rules;
    rules.end = all["end"];
    rules.no_timestamps = all["no_times"];
    rules.suppressed = all["suppressed"].get<std::vector<uint32_t>>();
    rules.suppressed_first = all["suppressed_first"].get<std::vector<uint32_t>>();
    REQUIRE(all["cases"].size() >= 40);
    for (const Json& c : all["cases"]) {
        INFO(c.dump());
        rules.latest_first = c["latest"].is_null() ? WhisperRules::kNone : c["latest"].get<uint32_t>();
        const auto made = c["made"].get<std::vector<uint32_t>>();
        const auto logits = c["logits"].get<std::vector<float>>();
        CHECK(allowed_by(rules, logits, made, true) == c["allowed"].get<std::vector<uint32_t>>());
        CHECK(allowed_by(rules, logits, made, false) == c["allowed_text"].get<std::vector<uint32_t>>());
    }
}

TEST_CASE("a window's tokens are cut into segments as transformers cuts them") {
    const Json all = recorded("whisper_segments.json");
    WhisperRules rules;
    rules.no_timestamps = all["no_times"];
    REQUIRE(all["cases"].size() >= 30);
    for (const Json& c : all["cases"]) {
        INFO(c.dump());
        const Segments s = cut_segments(rules, c["tokens"].get<std::vector<uint32_t>>(), all["window"]);
        CHECK(s.advance == c["advance"].get<uint32_t>());
        REQUIRE(s.all.size() == c["segments"].size());
        for (size_t i = 0; i < s.all.size(); ++i)
            CHECK(std::vector<size_t>{s.all[i].first, s.all[i].last, s.all[i].begin, s.all[i].end} ==
                  c["segments"][i].get<std::vector<size_t>>());
    }
}

TEST_CASE("a window without times is one segment, and none stands still") {
    const WhisperRules none;
    const std::vector<uint32_t> text{5, 6}, still{100, 5, 100, 100};
    const Segments one = cut_segments(none, text, 20);
    REQUIRE(one.all.size() == 1);
    CHECK(one.all[0].end == 20);
    CHECK(one.advance == 20);
    WhisperRules rules;
    rules.no_timestamps = 99;
    CHECK(cut_segments(rules, still, 20).advance == 20);
}

TEST_CASE("Whisper's tokens are those that its files name") {
    const auto rules = rules_of({{"lang_to_id", {{"<|en|>", 3}, {"<|de|>", 4}}},
                                 {"task_to_id", {{"transcribe", 5}, {"translate", 6}}},
                                 {"prev_sot_token_id", 8},
                                 {"suppress_tokens", {1, 2}},
                                 {"begin_suppress_tokens", nullptr},
                                 {"eos_token_id", 9},
                                 {"max_initial_timestamp_index", 4}});
    REQUIRE(rules);
    CHECK(rules->start == 2);
    CHECK(rules->end == 9);
    CHECK(rules->no_timestamps == 7); // of the tokenizer
    CHECK(rules->no_speech() == 6);
    CHECK(rules->previous == 8);
    CHECK(rules->languages == std::map<std::string, uint32_t>{{"de", 4}, {"en", 3}});
    CHECK(rules->transcribe == 5);
    CHECK(rules->translate == 6);
    CHECK(rules->suppressed == std::vector<uint32_t>{1, 2});
    CHECK(rules->suppressed_first.empty());
    CHECK(rules->latest_first == 4);
    for (const auto& [key, value] :
         std::initializer_list<std::pair<const char*, Json>>{{"eos_token_id", 50},
                                                             {"eos_token_id", -1},
                                                             {"suppress_tokens", {1, 50}},
                                                             {"suppress_tokens", 3},
                                                             {"lang_to_id", {{"<|en|>", 50}}},
                                                             {"max_initial_timestamp_index", -1}}) {
        const auto bad = rules_of({{key, value}});
        REQUIRE_FALSE(bad);
        CHECK(bad.error().code == ErrorCode::malformed);
        CHECK_THAT(bad.error().message, ContainsSubstring("generation_config.json"));
    }
}

TEST_CASE("a text that repeats itself compresses well") {
    CHECK(compression_ratio("") == 0);
    CHECK(compression_ratio("A short text.") < 1);
    std::string same;
    for (int i = 0; i < 40; ++i) same += " and so on";
    CHECK(compression_ratio(same) > 10);
    CHECK(compression_ratio(same) == Catch::Approx(400.0 / 23)); // Python's zlib makes as many bytes
}

TEST_CASE("frames of letters are the text that transformers reads in them") {
    for (const Json& c : recorded("ctc/cases.json")) {
        INFO(c.dump());
        const Directory directory("{}");
        directory.write("vocab.json", *read_file(folder() / "ctc/vocab.json"));
        directory.write("tokenizer_config.json", Json{{"do_lower_case", c["lower"]}}.dump());
        const auto letters = read_ctc_letters(*ModelFiles::open(directory.path()));
        REQUIRE(letters);
        const auto ids = c["ids"].get<std::vector<uint32_t>>();
        CHECK(CtcDecoder(*letters).push(ids) == c["text"].get<std::string>());
        CtcDecoder piecewise(*letters);
        std::string text;
        for (const uint32_t id : ids) text += piecewise.push({&id, 1});
        CHECK(text == c["text"].get<std::string>());
    }
}

TEST_CASE("letters that are not there, or not to be read, are said by their file") {
    const auto read = [](const char* vocabulary, const char* config) {
        const Directory directory("{}");
        if (vocabulary) directory.write("vocab.json", vocabulary);
        directory.write("tokenizer_config.json", config);
        return read_ctc_letters(*ModelFiles::open(directory.path()));
    };
    CHECK(read(R"({"_": 0, "-": 1, "a": 2})", R"({"pad_token": {"content": "_"}, "word_delimiter_token": "-"})"));
    CHECK(read(nullptr, "{}").error().code == ErrorCode::not_found);
    CHECK_THAT(read(R"({"a": 0, "|": 1})", "{}").error().message, ContainsSubstring("no '<pad>', the pad_token"));
    CHECK_THAT(read(R"({"<pad>": 0})", "{}").error().message, ContainsSubstring("no '|'"));
    CHECK_THAT(read(R"({"a": -1})", "{}").error().message, ContainsSubstring("letter 'a' must have an id"));
    CHECK_THAT(read("[]", "{}").error().message, ContainsSubstring("vocab.json: must be an object"));
    CHECK_THAT(read("{}", "[]").error().message, ContainsSubstring("tokenizer_config.json: must be an object"));
    CHECK(read(R"({"eng": {"a": 0}})", "{}").error().code == ErrorCode::unsupported);
}
