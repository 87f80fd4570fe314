// SPDX-License-Identifier: Apache-2.0
// Tests of the kinds of tokenizer files: real vocabularies against what their own libraries give, small files
// written here, and files that must be refused.
#include "base/file.hpp"
#include "base/json.hpp"
#include "text/sentencepiece_builder.hpp"
#include "unit/goldens.hpp"
#include "unit/json_file.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <limits>
#include <thread>
#include <weft/tokenizer.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using Ids = std::vector<uint32_t>;
using weft::test::field;
using weft::test::flag;
using weft::test::GgufBuilder;
using weft::test::long_field;
using weft::test::piece;
using weft::test::read_json;
using weft::test::TemporaryDirectory;

namespace {

const std::string kMark = "\xe2\x96\x81";

std::vector<std::string> split(const std::string& text, const std::string& at) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (size_t end = text.find(at); end != text.npos; end = text.find(at, begin)) {
        parts.push_back(text.substr(begin, end - begin));
        begin = end + at.size();
    }
    parts.push_back(text.substr(begin));
    return parts;
}

// llama.cpp's own cases: texts, and a line of ids for each.
void check_vocabulary(const std::filesystem::path& tokenizer_path, const std::filesystem::path& cases) {
    CAPTURE(tokenizer_path, cases);
    const auto tokenizer = Tokenizer::load(tokenizer_path);
    REQUIRE(tokenizer);
    const auto inputs = read_file(cases.string() + ".inp"), outputs = read_file(cases.string() + ".out");
    REQUIRE((inputs && outputs));
    const auto texts = split(*inputs, "\n__ggml_vocab_test__\n"), lines = split(*outputs, "\n");
    REQUIRE(lines.size() >= texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
        Ids expected;
        for (const std::string& number : split(lines[i], " ")) {
            if (!number.empty()) expected.push_back(uint32_t(std::stoul(number)));
        }
        const auto ids = tokenizer->encode(texts[i], false);
        REQUIRE(ids);
        CAPTURE(texts[i]);
        CHECK(*ids == expected);
    }
}

std::string error_of(const std::filesystem::path& path) {
    const auto tokenizer = Tokenizer::load(path);
    REQUIRE_FALSE(tokenizer);
    CHECK_THAT(tokenizer.error().message, StartsWith(path.string()));
    return tokenizer.error().message;
}

std::string strings(const std::vector<std::string>& list) {
    std::string bytes;
    for (const auto& s : list) bytes += GgufBuilder::text(s);
    return bytes;
}

std::string numbers(const std::vector<int32_t>& list) {
    std::string bytes;
    for (const int32_t n : list) bytes += GgufBuilder::raw(n);
    return bytes;
}

} // namespace

TEST_CASE("tokenizer files: llama.cpp's cases") {
    weft_GOLDEN(data, "../data");
    for (const char* name : {"bert-bge", "gpt-2", "llama-spm", "phi-3"}) {
        const auto gguf = data / "vocab" / ("ggml-vocab-" + std::string(name) + ".gguf");
        check_vocabulary(gguf, gguf);
    }
    check_vocabulary(data / "tokenizers/llama3.tokenizer.json", data / "vocab/ggml-vocab-llama-bpe.gguf");
    check_vocabulary(data / "tokenizers/qwen3.tokenizer.json", data / "vocab/ggml-vocab-qwen2.gguf");
}

TEST_CASE("tokenizer files: vocabularies in GGUF models") {
    weft_GOLDEN(root, "gguf");
    size_t cases = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
        if (!std::filesystem::exists(entry.path() / "tokens.json")) continue;
        CAPTURE(entry.path());
        const auto tokenizer = Tokenizer::load(entry.path() / "model.gguf");
        REQUIRE(tokenizer);
        for (const Json& row : read_json(entry.path() / "tokens.json")) {
            const auto ids = tokenizer->encode(row["text"].get<std::string>(), false);
            REQUIRE(ids);
            // Either is right.
            const bool same = *ids == row["ids"].get<Ids>() ||
                              (row.contains("ids_tokenizers") && *ids == row["ids_tokenizers"].get<Ids>());
            CAPTURE(row["text"], *ids);
            CHECK(same);
            ++cases;
        }
    }
    CHECK(cases >= 800);
}

TEST_CASE("tokenizer files: the Llama 2 vocabulary gives the same from GGUF and from tokenizer.json") {
    weft_GOLDEN(root, "tokenizers/llama-spm");
    const auto tokenizer = Tokenizer::load(weft::test::goldens() / "../data/vocab/ggml-vocab-llama-spm.gguf");
    REQUIRE(tokenizer);
    StreamDecoder stream(*tokenizer, true, *tokenizer->encode("Hello", true));
    CHECK(stream.push(*tokenizer->id_of(kMark + "world")) == " world");
    for (const Json& row : read_json(root / "cases.json")) {
        const std::string text = row["text"];
        CAPTURE(text);
        if (row.contains("pair")) {
            CHECK(tokenizer->encode_pair(text, row["pair"].get<std::string>(), true)->ids ==
                  row["ids_special"].get<Ids>());
            continue;
        }
        const Ids with_special = row.value("ids_special", row["ids"]);
        CHECK(*tokenizer->encode(text, false) == row["ids"].get<Ids>());
        CHECK(*tokenizer->encode(text, true) == with_special);
        if (row.contains("decoded")) CHECK(tokenizer->decode(with_special, false) == row["decoded"].get<std::string>());
    }
}

TEST_CASE("tokenizer files: a SentencePiece model of kind Unigram") {
    weft_GOLDEN(root, "tokenizers/unigram-spm");
    const auto tokenizer = Tokenizer::load(weft::test::goldens() / "../data/tokenizers/unigram-test.model");
    REQUIRE(tokenizer);
    for (const Json& row : read_json(root / "cases.json")) {
        if (row.contains("pair")) continue;
        const auto ids = tokenizer->encode(row["text"].get<std::string>(), false);
        REQUIRE(ids);
        CAPTURE(row["text"], *ids);
        // Either is right.
        CHECK((*ids == row["ids"].get<Ids>() ||
               (row.contains("ids_sentencepiece") && *ids == row["ids_sentencepiece"].get<Ids>())));
    }
}

TEST_CASE("tokenizer files: a SentencePiece model of kind BPE, with symbols of its own") {
    const TemporaryDirectory folder;
    const std::string mark = "\xe2\x96\x81";
    const std::string pieces = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) + piece("<sep>", 0, 4) +
                               piece(mark, -9) + piece("a", -8) + piece("b", -7) + piece("ab", -1) +
                               piece(mark + "ab", -2) + piece("<0x63>", 0, 6);
    const std::string byte_fallback{char(0x98), char(0x02), 1}; // field 35
    const auto path = folder.write("tokenizer.model", pieces + field(2, flag(3, 2) + byte_fallback));
    const auto tokenizer = Tokenizer::load(path);
    REQUIRE(tokenizer);
    CHECK(*tokenizer->encode("ab  ab", true) == Ids{1, 8, 8}); // <s> before; spaces around and between are one
    CHECK(*tokenizer->encode("b<sep>abcd", false) == Ids{4, 6, 3, 7, 9, 0}); // c is a byte, d unknown
    CHECK(tokenizer->decode(Ids{1, 8, 8}, true) == "ab ab");
    CHECK(*Tokenizer::load(folder.path())->encode("ab", false) == Ids{8});
    (void)folder.write("tokenizer_config.json",
                       R"({"add_bos_token": false, "add_eos_token": true, )"
                       R"("added_tokens_decoder": {"10": {"content": "<new>", "special": true}}})");
    const auto configured = Tokenizer::load(folder.path());
    REQUIRE(configured);
    CHECK(*configured->encode("ab<new>", true) == Ids{8, 10, 2});
}

// From here to the classes: what the SentencePiece library gives for the same files.
namespace {

// Fields 35 and 24.
const std::string kByteFallback{char(0x98), char(0x02), 1}, kSpaceIsSuffix{char(0xc0), char(0x01), 1};
const std::string kStart = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);

Tokenizer sentencepiece(int kind, const std::string& pieces, const std::string& trainer = "",
                        const std::string& normalizer = "") {
    const TemporaryDirectory folder;
    auto tokenizer =
        Tokenizer::load(folder.write("m.model", pieces + field(2, flag(3, kind) + trainer) + field(3, normalizer)));
    REQUIRE(tokenizer);
    return std::move(*tokenizer);
}

} // namespace

TEST_CASE("tokenizer files: scores are summed in float for a SentencePiece model, in double for tokenizer.json") {
    const std::string pieces = piece("<unk>", 0, 2) + piece("a", -7.87f) + piece("aa", -15.74f) + piece("aaa", -23.61f);
    CHECK(*sentencepiece(1, pieces, "", flag(3, 0) + flag(4, 0)).encode("aaaa", false) == Ids{1, 3});
    Json vocabulary = Json::array({Json::array({"<unk>", 0.0})});
    for (const auto& [text, score] : {std::pair("a", -7.87f), std::pair("aa", -15.74f), std::pair("aaa", -23.61f)})
        vocabulary.push_back(Json::array({text, double(score)}));
    const auto json =
        Tokenizer::parse(Json{{"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocabulary}}}}.dump(), "t.json");
    REQUIRE(json);
    CHECK(*json->encode("aaaa", false) == Ids{2, 2});
}

TEST_CASE("tokenizer files: decoding SentencePiece's marks and unknown pieces") {
    const std::string pieces = kStart + piece(kMark, -3) + piece("a", -2) + piece("b", -2.5f) + piece(kMark + "a", -1) +
                               piece("a" + kMark, -1.5f) + piece(kMark + kMark, -4);
    const std::vector<Ids> texts = {{6, 4}, {3, 6}, {3, 3, 6}, {8, 4}, {7, 4}, {4, 3}, {0, 6}, {3, 0, 4}, {6, 0, 4}};
    const std::string u = " \xe2\x81\x87 ", no_prefix = flag(3, 0), keep = flag(4, 0);
    const std::vector<std::string> dropped = {"aa", "a", "a", " a", "a a", "a ", u + " a", u + "a", "a" + u + "a"};
    const std::vector<std::pair<std::string, std::vector<std::string>>> normalizers = {
        {"", dropped},
        {no_prefix, dropped},
        {keep, {"aa", " a", "  a", " a", "a a", "a ", u + " a", u + "a", "a" + u + "a"}},
        {no_prefix + keep, {" aa", "  a", "   a", "  a", "a a", "a ", u + " a", " " + u + "a", " a" + u + "a"}},
    };
    for (const int kind : {1, 2, 3, 4}) {
        for (const auto& [normalizer, expected] : normalizers) {
            const Tokenizer tokenizer = sentencepiece(kind, pieces, "", normalizer);
            for (size_t i = 0; i < texts.size(); ++i) {
                CAPTURE(kind, normalizer, i);
                CHECK(tokenizer.decode(texts[i], true) == expected[i]);
                CHECK(tokenizer.decode(texts[i], false) == expected[i]);
                for (size_t cut = 0; cut <= texts[i].size(); ++cut) { // before it lies a prompt
                    const auto prompt = std::span(texts[i]).first(cut);
                    StreamDecoder stream(tokenizer, true, prompt);
                    std::string streamed;
                    for (const uint32_t id : std::span(texts[i]).subspan(cut)) streamed += stream.push(id);
                    CHECK(tokenizer.decode(prompt, true) + streamed + stream.flush() == expected[i]);
                }
            }
        }
        const Tokenizer marked = sentencepiece(kind, pieces, long_field(44, "?!")),
                        empty = sentencepiece(kind, pieces, long_field(44, ""));
        CHECK(marked.decode(Ids{4, 3, 0}, true) == "a ?!");
        CHECK(empty.decode(Ids{3, 0, 3, 4}, true) == "a");
    }
}

TEST_CASE("tokenizer files: user-defined symbols of a SentencePiece model compete in Unigram and come first in BPE") {
    const std::string pieces = kStart + piece(kMark, -3) + piece("a", -2) + piece("b", -2.5f) + piece("ab", -0.01f) +
                               piece("<x>", 0, 4) + piece("b<", -1) + piece("<x>b", -0.01f) + piece("<", -5) +
                               piece("x", -5) + piece(">", -5);
    const Tokenizer unigram = sentencepiece(1, pieces), bpe = sentencepiece(2, pieces);
    CHECK(*unigram.encode("a<x>b", false) == Ids{3, 4, 9});
    CHECK(*unigram.encode("<x><x>b", false) == Ids{3, 7, 9});
    CHECK(*unigram.encode("ab<x>", false) == Ids{3, 6, 7});
    // A symbol's score is 0.1 for each byte after the first.
    for (const auto& [score, ids] : {std::pair(-7.6f, Ids{3, 5}), std::pair(-7.4f, Ids{4, 6})}) {
        const std::string spaces = piece("<unk>", 0, 2) + piece(kMark, -1.6f) + piece("no", -2) + piece("For", -7.8f) +
                                   piece("For" + kMark, score) + piece(kMark + "the", 0, 4) + piece("the", 0, 4);
        CHECK(*sentencepiece(1, spaces, "", flag(3, 0)).encode("For the", false) == ids);
    }
    CHECK(*bpe.encode("a<x>b", false) == Ids{3, 4, 7, 5});
    CHECK(*bpe.encode("<x><x>b", false) == Ids{3, 7, 7, 5});
}

TEST_CASE("tokenizer files: infinite scores of a SentencePiece model") {
    for (const float infinity : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
        const std::string pieces = kStart + piece(kMark, -3) + piece("a", infinity) + piece("b", -2.5f) +
                                   piece("ab", -4) + piece(kMark + "a", -2);
        CHECK(*sentencepiece(2, pieces).encode("zab", false) == Ids{3, 0, 6});
        CHECK(*sentencepiece(3, pieces).encode("b a", false) == Ids{0, 7});
        CHECK(*sentencepiece(4, pieces).encode("zab", false) == Ids{3, 0, 4, 5});
        const TemporaryDirectory folder;
        CHECK_THAT(error_of(folder.write("m.model", pieces)), ContainsSubstring("not finite")); // Unigram
    }
}

TEST_CASE("tokenizer files: words of a SentencePiece model") {
    const std::string words = piece(kMark, -3) + piece("a" + kMark, -1) + piece("a", -2) + piece(kMark + "a", -1);
    const Tokenizer plain = sentencepiece(3, kStart + words), suffix = sentencepiece(3, kStart + words, kSpaceIsSuffix);
    CHECK(*plain.encode("a z", false) == Ids{6, 0});
    CHECK(*suffix.encode("a z", false) == Ids{5, 0, 3}); // words begin with spaces all the same
    CHECK(*suffix.encode("a a", false) == Ids{5, 6, 3});
    std::string bytes;
    for (int b = 0; b < 256; ++b)
        bytes += piece(std::string("<0x") + "0123456789ABCDEF"[b >> 4] + "0123456789ABCDEF"[b & 15] + ">", 0, 6);
    const Tokenizer fallback = sentencepiece(3, kStart + bytes + words, kByteFallback),
                    both = sentencepiece(3, kStart + bytes + words, kSpaceIsSuffix + kByteFallback);
    CHECK(*fallback.encode("a z", false) == Ids{262, 229, 153, 132, 125});
    // A mark that is spelled in bytes is no space.
    CHECK(fallback.decode(Ids{262, 229, 153, 132, 125}, true) == "a" + kMark + "z");
    CHECK(*both.encode("z a", false) == Ids{125, 262, 259});
}

TEST_CASE("tokenizer files: what the class of a tokenizer adds to a SentencePiece model") {
    const TemporaryDirectory folder;
    const std::string mark = "\xe2\x96\x81";
    const std::string first = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3),
                      rest = piece(mark, -3) + piece("a", -2) + piece("b", -2.5f) + piece(mark + "ab", -1);
    (void)folder.write("spiece.model", first + rest + field(2, flag(3, 1)));
    // fairseq's ids: <s>, <pad>, </s>, <unk>, the pieces from the fourth on, <mask>.
    (void)folder.write("tokenizer_config.json", R"({"tokenizer_class": "XLMRobertaTokenizer"})");
    const auto xlmr = Tokenizer::load(folder.path());
    REQUIRE(xlmr);
    CHECK(*xlmr->encode("ab b", true) == Ids{0, 7, 4, 6, 2});
    CHECK(*xlmr->encode("z", false) == Ids{4, 3});
    CHECK(*xlmr->encode("ab <mask>", false) == Ids{7, 8}); // which takes the space before it
    CHECK(xlmr->encode_pair("ab", "b", true)->ids == Ids{0, 7, 2, 2, 4, 6, 2});
    CHECK(xlmr->decode(*xlmr->encode("ab b", true), true) == "ab b");
    CHECK(xlmr->vocab_size() == 9);
    // NLLB: language codes follow, one of them before each text.
    (void)folder.write("tokenizer_config.json", R"({"tokenizer_class": "NllbTokenizerFast", "src_lang": "fra_Latn"})");
    (void)folder.write("special_tokens_map.json", R"({"additional_special_tokens": ["eng_Latn", "fra_Latn"]})");
    const auto nllb = Tokenizer::load(folder.path());
    REQUIRE(nllb);
    CHECK(*nllb->encode("ab", true) == Ids{9, 7, 2});
    CHECK(nllb->id_of("<mask>") == 10u);
    CHECK(nllb->encode_pair("ab", "ab", true)->ids == Ids{9, 7, 7, 2});
    (void)folder.write("tokenizer_config.json", R"({"tokenizer_class": "NllbTokenizer", "legacy_behaviour": true})");
    CHECK(*Tokenizer::load(folder.path())->encode("ab", true) == Ids{7, 2, 8});

    const TemporaryDirectory t5;
    (void)t5.write("spiece.model",
                   piece("<pad>", 0, 3) + piece("</s>", 0, 3) + piece("<unk>", 0, 2) + rest + field(2, flag(3, 1)));
    (void)t5.write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 3})");
    const auto sentinels = Tokenizer::load(t5.path());
    REQUIRE(sentinels);
    CHECK(sentinels->id_of("<extra_id_0>") == 9u);
    CHECK(sentinels->id_of("<extra_id_2>") == 7u);
    CHECK(*sentinels->encode("<extra_id_0>ab", false) == Ids{9, 6});
    CHECK(sentinels->is_special(8));
    CHECK(*sentinels->encode("z<unk>", false) == Ids{3, 2, 2}); // the class names it, so that it is found in texts
    CHECK(sentinels->decode(Ids{6, 2}, true) == "ab");          // and skipped
    (void)t5.write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
    CHECK(Tokenizer::load(t5.path())->vocab_size() == 107);
    (void)t5.write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer", "extra_ids": -1})");
    CHECK_THAT(Tokenizer::load(t5.path()).error().message, ContainsSubstring("extra_ids"));
}

TEST_CASE("tokenizer files: tekken, tiktoken and RWKV files that are small") {
    const TemporaryDirectory folder;
    const std::string tekken =
        R"({"config": {"pattern": "[a-z]+|\\s", "default_num_special_tokens": 3, "default_vocab_size": 7,
                       "version": "v3"},
        "vocab": [{"rank": 0, "token_bytes": "YQ=="}, {"rank": 1, "token_bytes": "Yg=="},
                  {"rank": 2, "token_bytes": "YWI="}, {"rank": 3, "token_bytes": "IA=="},
                  {"rank": 4, "token_bytes": "YWJh"}],
        "special_tokens": [{"rank": 0, "token_str": "<unk>", "is_control": true},
                           {"rank": 1, "token_str": "<s>", "is_control": true}]})";
    const auto mistral = Tokenizer::load(folder.write("tekken.json", tekken));
    REQUIRE(mistral);
    CHECK(*mistral->encode("aba b<s>", true) == Ids{1, 5, 3, 6, 4, 1}); // the last rank is beyond the vocabulary's size
    const auto ranks = Tokenizer::load(folder.write("x.tiktoken", "YQ== 0\nYg== 1\r\nYWI= 2\n\nIA== 3\n"));
    REQUIRE(ranks);
    CHECK(*ranks->encode("abab a", false) == Ids{2, 2, 3, 0});
    CHECK(ranks->decode(Ids{2, 3}, false) == "ab ");
    const auto world =
        Tokenizer::load(folder.write("rwkv.txt", "1 'a' 1\n2 'b' 1\n3 \"ab'\" 3\n4 b'\\xff' 1\n5 '\\u20ac' 3\n"));
    REQUIRE(world);
    CHECK(*world->encode("aab'b\xe2\x82\xac", false) == Ids{1, 3, 2, 5});
    CHECK(world->decode(Ids{5, 4, 1}, false) == "\xe2\x82\xac\xef\xbf\xbd"
                                                "a");
    CHECK_FALSE(world->encode("c", false)); // no token for it
}

TEST_CASE("tokenizer files: vocab.txt, and vocab.json with merges.txt") {
    const TemporaryDirectory bert, gpt2, none;
    (void)bert.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\n##s\nworld\n");
    const auto words = Tokenizer::load(bert.path());
    REQUIRE(words);
    CHECK(*words->encode("Hellos w\xc3\xb6rld xyz", true) == Ids{2, 4, 5, 6, 1, 3});
    CHECK(words->decode(Ids{2, 4, 5, 6, 3}, true) == "hellos world");
    (void)gpt2.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u0120ab": 4, "<|endoftext|>": 5})");
    (void)gpt2.write("merges.txt", "#version: 0.2\na b\n\xc4\xa0 ab\n");
    const auto bytes = Tokenizer::load(gpt2.path());
    REQUIRE(bytes);
    CHECK(*bytes->encode("ab ab<|endoftext|>", true) == Ids{2, 4, 5});
    CHECK(bytes->is_special(5));
    CHECK_THAT(error_of(none.path()), ContainsSubstring("tokenizer.json, tekken.json, tokenizer.model"));
}

TEST_CASE("tokenizer files: GGUF vocabularies of other kinds, and wrong ones") {
    const TemporaryDirectory folder;
    const auto load = [&](GgufBuilder& file) { return Tokenizer::load(folder.write("v.gguf", file.file())); };
    GgufBuilder rwkv;
    rwkv.string("tokenizer.ggml.model", "rwkv")
        .array("tokenizer.ggml.tokens", GgufType::string, 3, strings({"<s>", "\\x61", "ab"}))
        .array("tokenizer.ggml.token_type", GgufType::i32, 3, numbers({3, 1, 1}));
    const auto world = load(rwkv);
    REQUIRE(world);
    CHECK(*world->encode("aab", false) == Ids{1, 2});
    GgufBuilder t5;
    t5.string("tokenizer.ggml.model", "t5")
        .array("tokenizer.ggml.tokens", GgufType::string, 5,
               strings({"<pad>", "</s>", "<unk>",
                        "\xe2\x96\x81"
                        "a",
                        "a"}));
    t5.array("tokenizer.ggml.token_type", GgufType::i32, 5, numbers({3, 3, 2, 1, 1}))
        .array("tokenizer.ggml.scores", GgufType::i32, 5, numbers({0, 0, 0, -1, -2}));
    const auto unigram = load(t5);
    REQUIRE(unigram);
    CHECK(*unigram->encode("aazz", true) == Ids{3, 4, 2, 1});
    GgufBuilder unknown;
    unknown.string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "none-such")
        .array("tokenizer.ggml.tokens", GgufType::string, 1, strings({"a"}));
    CHECK_THAT(load(unknown).error().message, ContainsSubstring("'none-such'"));
    CHECK(load(unknown).error().code == ErrorCode::unsupported);
    GgufBuilder merges;
    merges.string("tokenizer.ggml.model", "gpt2")
        .array("tokenizer.ggml.tokens", GgufType::string, 2, strings({"a", "b"}))
        .array("tokenizer.ggml.merges", GgufType::string, 1, strings({"a b"}));
    CHECK_THAT(load(merges).error().message,
               ContainsSubstring("key 'tokenizer.ggml.merges'") && ContainsSubstring("entry 0"));
    GgufBuilder repeated;
    repeated.string("tokenizer.ggml.model", "llama")
        .array("tokenizer.ggml.tokens", GgufType::string, 2, strings({"a", "a"}));
    CHECK_FALSE(load(repeated));
    GgufBuilder empty;
    CHECK(load(empty).error().code == ErrorCode::not_found);
}

TEST_CASE("tokenizer files: ways of splitting by their names in GGUF") {
    const TemporaryDirectory folder;
    const auto pieces = [&](const std::string& pre, const std::string& text) {
        GgufBuilder file;
        file.string("tokenizer.ggml.model", "gpt2")
            .string("tokenizer.ggml.pre", pre)
            .array("tokenizer.ggml.tokens", GgufType::string, 1, strings({"a"}))
            .array("tokenizer.ggml.merges", GgufType::string, 0, "");
        const auto tokenizer = Tokenizer::load(folder.write("v.gguf", file.file()));
        INFO((tokenizer ? std::string() : tokenizer.error().text()));
        REQUIRE(tokenizer);
        const auto trace = tokenizer->trace(text);
        REQUIRE(trace);
        std::vector<std::string> all;
        for (const auto& piece : trace->pieces) all.push_back(piece.text);
        return all;
    };
    using Texts = std::vector<std::string>;
    const std::string space = "\xc4\xa0"; // as the byte alphabet has it
    CHECK(pieces("youtu", "ab12 cd") == Texts{"ab", "1", "2", space + "cd"});
    CHECK(pieces("jais-2", "a       b") == Texts{"a", space + space + space + space, space + space, space + "b"});
    CHECK(pieces("jais-2", "1234") == Texts{"123", "4"});
}

TEST_CASE("tokenizer files: what is wrong with a file is said") {
    const TemporaryDirectory folder;
    CHECK_THAT(error_of(folder / "nothing"), ContainsSubstring("neither a file nor a directory"));
    CHECK_THAT(error_of(folder.write("a.model", "\n\x7f")), ContainsSubstring("reaches beyond its end (at offset"));
    CHECK_THAT(error_of(folder.write("b.model", piece("a", 0, 9))), ContainsSubstring("piece type 9"));
    CHECK_THAT(error_of(folder.write("c.model", piece("a", 0) + piece("a", 0))),
               ContainsSubstring("piece 1 repeats 'a'"));
    CHECK_THAT(error_of(folder.write("d.model", piece("a", 0) + field(3, field(2, "123")))),
               ContainsSubstring("the character map is shorter than 8 bytes"));
    CHECK_THAT(error_of(folder.write("e.tiktoken", "YQ== 0\nYQ= 1\n")), ContainsSubstring("line 2"));
    CHECK_THAT(error_of(folder.write("f.tiktoken", "YQ== 0\nYQ== 1\n")), ContainsSubstring("repeats another"));
    CHECK_THAT(error_of(folder.write("rwkv.txt", "1 'a' 1\n2 'b' 2\n")), ContainsSubstring("line 2"));
    CHECK_THAT(error_of(folder.write("vocab.txt", "a\nb\n")), ContainsSubstring("[UNK]"));
    CHECK_THAT(error_of(folder.write("tekken.json", R"({"config": {}, "vocab": [{"rank": 0, "token_bytes": "?"}]})")),
               ContainsSubstring("vocab[0]: key 'token_bytes' must be base64"));
    CHECK_THAT(error_of(folder.write("empty.txt", "")), ContainsSubstring("is empty"));
}

TEST_CASE("tokenizer files: a word of ten million bytes is not quadratic, and threads may share") {
    weft_GOLDEN(data, "../data");
    std::string longest(10'000'000, 'a');
    uint32_t state = 1;
    for (char& c : longest) c = "etaoinshr"[((state = state * 1664525u + 1013904223u) >> 16) % 9];
    int tokenizers = 0;
    for (const char* name :
         {"vocab/ggml-vocab-gpt-2.gguf", "vocab/ggml-vocab-llama-spm.gguf", "tokenizers/unigram-test.model",
          "tokenizers/gpt2.tiktoken", "rwkv-tiny/rwkv_vocab_v20230424.txt"}) {
        CAPTURE(name);
        const auto tokenizer = Tokenizer::load(data / name);
        REQUIRE(tokenizer);
        // Quadratic work would take hours, and still many minutes for a tenth of it.
        const std::string word = longest.substr(0, tokenizers++ == 0 ? longest.size() : longest.size() / 10);
        const auto ids = tokenizer->encode(word, false);
        REQUIRE(ids);
        CHECK(tokenizer->decode(*ids, false) == word);

        const std::string text = " Hello, w\xc3\xb6rld! 12345\n\xe4\xbd\xa0\xe5\xa5\xbd don't";
        const Ids expected = *tokenizer->encode(text, true);
        std::vector<std::thread> threads;
        std::array<bool, 4> same{};
        for (bool& result : same) {
            threads.emplace_back([&] {
                result = true;
                for (int i = 0; i < 50; ++i) result = result && *tokenizer->encode(text, true) == expected;
            });
        }
        for (auto& thread : threads) thread.join();
        CHECK(std::all_of(same.begin(), same.end(), [](bool b) { return b; }));
    }
}
