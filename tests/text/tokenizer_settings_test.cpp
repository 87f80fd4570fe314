// SPDX-License-Identifier: Apache-2.0
// Tests of what the files beside a tokenizer change: cases from transformers, and files that must be refused.
#include "base/file.hpp"
#include "base/json.hpp"
#include "repository.hpp"
#include "unit/json_file.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <weft/tokenizer.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Ids = std::vector<uint32_t>;
using weft::test::read_json;
using weft::test::TemporaryDirectory;

namespace {

const std::filesystem::path kGoldens = weft::test::repository() / "tests/goldens";

} // namespace

TEST_CASE("tokenizer settings: what transformers makes of them") {
    // The order of a file's keys counts, so that its text is written as it stands there.
    const auto text = read_file(kGoldens / "tokenizer-settings/cases.json");
    REQUIRE(text);
    const auto cases = nlohmann::ordered_json::parse(*text);
    for (const auto& one : cases) {
        CAPTURE(one["name"]);
        const TemporaryDirectory folder;
        const auto& files = one["files"];
        Json tokenizer = Json::object();
        if (one.contains("base"))
            tokenizer = read_json(kGoldens / "tokenizers" / one["base"].get<std::string>() / "tokenizer.json");
        if (files.contains("tokenizer.json")) tokenizer.update(Json(files["tokenizer.json"]));
        (void)folder.write("config.json", R"({"model_type": "llama"})");
        for (const auto& [name, file] : files.items()) (void)folder.write(name, file.dump());
        (void)folder.write("tokenizer.json", tokenizer.dump());
        const auto loaded = Tokenizer::load(folder.path());
        INFO((loaded ? std::string() : loaded.error().text()));
        REQUIRE(loaded);
        for (const auto& row : one["rows"]) {
            CAPTURE(row["text"]);
            const Ids ids = row["ids"], special = row.value("ids_special", row["ids"]);
            CHECK(*loaded->encode(row["text"].get<std::string>(), false) == ids);
            CHECK(*loaded->encode(row["text"].get<std::string>(), true) == special);
            CHECK(loaded->decode(special, false) == row["decoded"].get<std::string>());
            CHECK(loaded->decode(special, true) == row.value("decoded_skip", row["decoded"]).get<std::string>());
        }
    }
    CHECK(cases.size() >= 49);
}

TEST_CASE("tokenizer settings: Mistral's pattern") {
    // Only vocabularies of more than 100,000 tokens were given the wrong one.
    Json tokenizer = read_json(kGoldens / "tokenizers/bpe-bytelevel/tokenizer.json");
    Json& vocabulary = tokenizer["model"]["vocab"];
    tokenizer["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "never"}};
    const auto ids = [&](size_t size, const char* config, const char* settings) {
        for (size_t id = vocabulary.size(); id < size; ++id) vocabulary["\xe2\x98\x83" + std::to_string(id)] = id;
        const TemporaryDirectory folder;
        (void)folder.write("config.json", config);
        (void)folder.write("tokenizer_config.json", settings);
        (void)folder.write("tokenizer.json", tokenizer.dump());
        const auto loaded = Tokenizer::load(folder.path());
        REQUIRE(loaded);
        return *loaded->encode("AbCd 12", false);
    };
    constexpr const char *fix = R"({"fix_mistral_regex": true})", *mistral = R"({"model_type": "mistral"})";
    const Ids fixed = {33, 66, 35, 68, 221, 17, 18}, wrong = {33, 66, 35, 68, 63, 17, 18};
    CHECK(ids(1000, mistral, fix) == wrong);
    CHECK(ids(100'001, mistral, fix) == fixed);
    CHECK(ids(100'001, mistral, "{}") == wrong);
    CHECK(ids(100'001, R"({"model_type": "llama"})", fix) == wrong);
    CHECK(ids(100'001, R"({"model_type": "mistral", "transformers_version": "4.57.1"})", fix) == fixed);
    CHECK(ids(100'001, R"({"model_type": "mistral", "transformers_version": "5.0.0"})", fix) == wrong);
}

TEST_CASE("tokenizer settings: new special tokens of other kinds of files") {
    const TemporaryDirectory gpt2;
    (void)gpt2.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
    (void)gpt2.write("merges.txt", "a b\n");
    (void)gpt2.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer", "pad_token": "<p>"})");
    CHECK(*Tokenizer::load(gpt2.path())->encode("ab<p>", false) == Ids{2, 3});
    const TemporaryDirectory bert;
    (void)bert.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\n");
    (void)bert.write("special_tokens_map.json", R"({"additional_special_tokens": ["<x>"]})");
    (void)bert.write("tokenizer_config.json", R"({"pad_token": {"content": "<p>", "__type": "AddedToken"}})");
    CHECK(*Tokenizer::load(bert.path())->encode("a<x><p>", false) == Ids{3, 5, 4});
    const TemporaryDirectory ranks;
    (void)ranks.write("x.tiktoken", "YQ== 0\nYg== 1\n"); // a, b
    (void)ranks.write("tokenizer_config.json", R"({"pad_token": "<p>"})");
    CHECK(*Tokenizer::load(ranks.path())->encode("a<p>b", false) == Ids{0, 2, 1});
    (void)ranks.write("tokenizer_config.json", R"({"pad_token": "ba", "split_special_tokens": true})");
    CHECK(*Tokenizer::load(ranks.path())->encode("ba", false) == Ids{1, 0});
}

TEST_CASE("tokenizer settings: what is wrong with them is said") {
    const auto error = [](const char* name, const char* text) {
        const TemporaryDirectory folder;
        (void)folder.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})");
        const auto path = folder.write(name, text);
        const auto loaded = Tokenizer::load(folder.path());
        REQUIRE_FALSE(loaded);
        CHECK_THAT(loaded.error().message, ContainsSubstring(path.string()));
        return loaded.error().message;
    };
    constexpr const char* config = "tokenizer_config.json";
    CHECK_THAT(error(config, "[]"), ContainsSubstring("must be a JSON object"));
    CHECK_THAT(error(config, R"({"eos_token": 5})"), ContainsSubstring("key 'eos_token' must be a token"));
    CHECK_THAT(error(config, R"({"eos_token": {"lstrip": true}})"), ContainsSubstring("key 'eos_token'"));
    CHECK_THAT(error(config, R"({"extra_special_tokens": ["a", 5]})"), ContainsSubstring("'extra_special_tokens'"));
    CHECK_THAT(error(config, R"({"added_tokens_decoder": {"x": {"content": "a"}}})"),
               ContainsSubstring("key 'added_tokens_decoder' must map ids to objects"));
    CHECK_THAT(error(config, R"({"clean_up_tokenization_spaces": "no"})"),
               ContainsSubstring("key 'clean_up_tokenization_spaces' must be true or false"));
    CHECK_THAT(error(config, R"({"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": 1})"),
               ContainsSubstring("key 'add_prefix_space' must be true or false"));
    CHECK_THAT(error("added_tokens.json", R"({"<x>": -1})"), ContainsSubstring("'<x>'"));
}
