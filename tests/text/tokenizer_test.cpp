// SPDX-License-Identifier: Apache-2.0
// Tests of the tokenizer: every golden case of the tokenizers library, text that comes token
// by token, files that must be refused.
#include "base/file.hpp"
#include "base/json.hpp"
#include "repository.hpp"
#include "unit/goldens.hpp"
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>
#include <thread>
#include <weft/tokenizer.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using Ids = std::vector<uint32_t>;

namespace {

std::vector<std::filesystem::path> folders_in(const std::filesystem::path& root) {
    std::vector<std::filesystem::path> folders;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
        if (entry.is_directory()) folders.push_back(entry.path());
    }
    std::sort(folders.begin(), folders.end());
    return folders;
}

// The file that a folder is about: its own, or the one that tokenizer.ref names, from the directory above the goldens.
std::filesystem::path tokenizer_file(const std::filesystem::path& folder) {
    if (std::filesystem::exists(folder / "tokenizer.json")) return folder / "tokenizer.json";
    const auto reference = read_file(folder / "tokenizer.ref");
    REQUIRE(reference);
    return folder.parent_path().parent_path().parent_path() / reference->substr(0, reference->find('\n'));
}

std::string stream(const Tokenizer& tokenizer, std::span<const uint32_t> ids, bool skip_special,
                   std::span<const uint32_t> prompt = {}) {
    StreamDecoder decoder(tokenizer, skip_special, prompt);
    std::string all;
    for (const uint32_t id : ids) {
        const std::string piece = decoder.push(id);
        if (!piece.empty())
            CHECK((static_cast<unsigned char>(piece[0]) & 0xc0) != 0x80); // begins with a whole character
        all += piece;
    }
    return all + decoder.flush();
}

// `whole` without the characters that it begins with as `beginning` does.
std::string behind(const std::string& whole, const std::string& beginning) {
    size_t same =
        size_t(std::mismatch(whole.begin(), whole.end(), beginning.begin(), beginning.end()).first - whole.begin());
    while (same < whole.size() && (static_cast<unsigned char>(whole[same]) & 0xc0) == 0x80) --same;
    return whole.substr(same);
}

// A prompt and what follows it, cut anywhere.
void check_cut(const Tokenizer& tokenizer, const Ids& ids, size_t cut) {
    const auto prompt = std::span(ids).first(cut), rest = std::span(ids).subspan(cut);
    CAPTURE(ids, cut);
    for (const bool skip : {false, true}) {
        const std::string whole = tokenizer.decode(ids, skip), before = tokenizer.decode(prompt, skip);
        const std::string streamed = stream(tokenizer, rest, skip, prompt);
        CHECK(streamed == behind(whole, before));
        if (whole.starts_with(before)) CHECK(before + streamed == whole);
    }
}

// Cuts of the cases' texts, and of ids that no text has.
void check_cuts(const std::filesystem::path& folder, const Tokenizer& tokenizer) {
    CAPTURE(folder.filename().string());
    std::mt19937 random(20261130);
    const auto text = read_file(folder / "cases.json");
    REQUIRE(text);
    const auto cases = parse_json(*text, "cases.json");
    REQUIRE(cases);
    for (const Json& row : *cases) {
        const Ids ids = row.value("ids_special", row["ids"]);
        for (int i = 0; i < 3; ++i) check_cut(tokenizer, ids, random() % (ids.size() + 1));
    }
    for (int i = 0; i < 300; ++i) {
        Ids ids(random() % 24);
        for (uint32_t& id : ids) id = uint32_t(random() % (tokenizer.vocab_size() + 2));
        check_cut(tokenizer, ids, random() % (ids.size() + 1));
    }
}

void check_case(const Tokenizer& tokenizer, const Json& row) {
    const std::string text = row["text"];
    CAPTURE(text);
    if (row.contains("pair")) {
        const auto pair = tokenizer.encode_pair(text, row["pair"].get<std::string>(), true);
        REQUIRE(pair);
        CHECK(pair->ids == row["ids_special"].get<Ids>());
        CHECK(pair->types == row["type_ids"].get<Ids>());
        return;
    }
    const Ids ids = row["ids"], with_special = row.value("ids_special", row["ids"]);
    const auto plain = tokenizer.encode(text, false), special = tokenizer.encode(text, true);
    REQUIRE(plain);
    REQUIRE(special);
    CHECK(*plain == ids);
    CHECK(*special == with_special);

    const std::string decoded = tokenizer.decode(with_special, false), skipped = tokenizer.decode(with_special, true);
    if (row.contains("decoded")) { // absent where the library itself fails
        CHECK(decoded == row["decoded"].get<std::string>());
        CHECK(skipped == row.value("decoded_skip", row["decoded"]).get<std::string>());
    }
    CHECK(stream(tokenizer, with_special, false) == decoded);
    CHECK(stream(tokenizer, with_special, true) == skipped);

    const auto trace = tokenizer.trace(text);
    REQUIRE(trace);
    std::string normalized;
    for (const auto& piece : trace->normalized) normalized += piece.text;
    if (row.contains("normalized")) CHECK(normalized == row["normalized"].get<std::string>());
    std::vector<std::string> pieces;
    for (const auto& piece : trace->pieces) {
        if (piece.token) return; // the cases were made without looking for added tokens here
        pieces.push_back(piece.text);
    }
    if (row.contains("pre_tokens")) CHECK(pieces == row["pre_tokens"].get<std::vector<std::string>>());
}

// How many cases there were.
size_t check_folder(const std::filesystem::path& folder, const Tokenizer& tokenizer) {
    CAPTURE(folder.filename().string());
    const auto text = read_file(folder / "cases.json");
    REQUIRE(text);
    const auto cases = parse_json(*text, "cases.json");
    REQUIRE(cases);
    for (const Json& row : *cases) check_case(tokenizer, row);
    return cases->size();
}

// A tokenizer.json with a small byte-level vocabulary ("abc", 'a' to 'z' and space) and these keys besides.
std::string with(const std::string& keys) {
    Json vocabulary = {{"abc", 30}, {"ab", 29}, {"\xc4\xa0", 28}};
    for (char c = 'a'; c <= 'z'; ++c) vocabulary[std::string(1, c)] = c - 'a';
    return R"({"model": {"type": "BPE", "vocab": )" + vocabulary.dump() + R"(, "merges": [["a", "b"], ["ab", "c"]]})" +
           (keys.empty() ? "" : ", ") + keys + "}";
}

} // namespace

TEST_CASE("tokenizer: the small goldens") {
    size_t cases = 0;
    for (const auto& folder : folders_in(weft::test::repository() / "tests/goldens/tokenizers")) {
        const auto tokenizer = Tokenizer::load(folder / "tokenizer.json");
        REQUIRE(tokenizer);
        cases += check_folder(folder, *tokenizer);
    }
    CHECK(cases > 300);
}

TEST_CASE("tokenizer: all goldens") {
    weft_GOLDEN(root, "tokenizers");
    size_t folders = 0, cases = 0;
    for (const auto& folder : folders_in(root)) {
        const auto tokenizer = Tokenizer::load(tokenizer_file(folder));
        INFO((tokenizer ? std::string() : tokenizer.error().text()));
        REQUIRE(tokenizer);
        ++folders;
        cases += check_folder(folder, *tokenizer);
    }
    CHECK(folders >= 61);
    CHECK(cases >= 7500);
}

TEST_CASE("tokenizer: broken files are refused") {
    weft_GOLDEN(root, "malformed");
    const auto good = Tokenizer::load(root / "good.tokenizer.json");
    REQUIRE(good);
    CHECK(*good->encode("abab", true) == Ids{2, 2});
    const auto utf8 = Tokenizer::load(root / "tokenizer-invalid-utf8.tokenizer.json");
    REQUIRE_FALSE(utf8);
    CHECK(utf8.error().code == ErrorCode::malformed);
    CHECK_THAT(utf8.error().message, StartsWith((root / "tokenizer-invalid-utf8.tokenizer.json").string() + ": ") &&
                                         ContainsSubstring("UTF-8"));
    const auto merge = Tokenizer::load(root / "tokenizer-merge-unknown.tokenizer.json");
    REQUIRE_FALSE(merge);
    CHECK(merge.error().code == ErrorCode::malformed);
    CHECK_THAT(merge.error().message,
               ContainsSubstring("key 'merges'") && ContainsSubstring("'zz', which is not in the vocabulary"));
}

TEST_CASE("tokenizer: what is wrong with a file is said") {
    struct Row {
        std::string json, expected;
    };
    std::string deep = R"({"type": "Sequence", "normalizers": []})";
    for (int i = 0; i < 20; ++i) deep = R"({"type": "Sequence", "normalizers": [)" + deep + "]}";
    const Row rows[] = {
        {"[]", "t.json: must be a JSON object"},
        {"{}", "t.json: key 'model' is missing"},
        {with(R"("version": "2.0")"), "key 'version'"},
        {R"({"model": {"type": "Magic"}})", "t.json: model: type 'Magic' is not supported"},
        {R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})",
         "t.json: model: key 'vocab' must map tokens to ids"},
        {R"({"model": {"type": "BPE", "vocab": {"a": 4294967295}, "merges": []}})",
         "key 'vocab' must map tokens to ids"},
        {R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}})", "needs the token 'ab'"},
        {R"({"model": {"type": "BPE", "vocab": {"a": 0, "aa": 1}, "merges": ["a a", ["a", "a"]]}})", "entry 1 is not"},
        {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a  a"]}})", "entry 0 is not"},
        {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": 7}})", "key 'merges' must be a list"},
        {with(R"("normalizer": {"type": "Strip", "strip_left": 1})"),
         "t.json: normalizer: key 'strip_left' must be true or false"},
        {with(R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Rot13"}]})"),
         "t.json: normalizer: normalizers[1]: type 'Rot13' is not supported"},
        {with(R"("normalizer": )" + deep), "nested more than 16 deep"},
        {with(R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, )"
              R"("behavior": "Isolated", "invert": false})"),
         "regular expression is not supported"},
        {with(R"("pre_tokenizer": {"type": "Split", "pattern": "a", "behavior": "Isolated", "invert": false})"),
         "key 'pattern' must be an object"},
        {with(R"("pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, )"
              R"("behavior": "Sideways", "invert": false})"),
         "key 'behavior' must be Removed"},
        {with(R"("pre_tokenizer": {"type": "FixedLength", "length": 0})"), "key 'length'"},
        {with(R"("pre_tokenizer": {"type": "Metaspace", "replacement": "__"})"),
         "key 'replacement' must be one character"},
        {with(R"("decoder": {"type": "Strip", "content": " ", "start": -1, "stop": 0})"),
         "key 'start' must not be negative"},
        {with(R"("decoder": {"type": "Replace", "pattern": {"String": "a"}, "content": ")" + std::string(5000, 'b') +
              R"("})"),
         "must have at most 4096 bytes"},
        {with(R"("post_processor": {"type": "BertProcessing", "sep": ["x"], "cls": ["y", 1]})"),
         "key 'sep' must be [token, id]"},
        {with(R"("post_processor": {"type": "TemplateProcessing", )"
              R"("single": [{"SpecialToken": {"id": "x", "type_id": 0}}], "pair": [], "special_tokens": {}})"),
         "must name an entry of special_tokens"},
        {with(R"("post_processor": {"type": "TemplateProcessing", )"
              R"("single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [], "special_tokens": {}})"),
         "must be A"},
        {with(R"("added_tokens": [{"content": 3}])"), "t.json: added_tokens[0]: key 'content' must be a string"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.json.substr(0, 300));
        const auto tokenizer = Tokenizer::parse(row.json, "t.json");
        REQUIRE_FALSE(tokenizer);
        CHECK_THAT(tokenizer.error().message, StartsWith("t.json: ") && ContainsSubstring(row.expected));
    }
}

TEST_CASE("tokenizer: a regular expression is named by its place, once") {
    const auto split = [](const std::string& pattern) {
        return Tokenizer::parse(with(R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": )" +
                                     Json(pattern).dump() + R"(}, "behavior": "Isolated", "invert": false})"),
                                "t.json");
    };
    CHECK_THAT(split("(a").error().message,
               StartsWith("t.json: ") && ContainsSubstring("key 'pattern': regular expression is not supported"));
    const auto ids = split("(a+)+[bc]")->encode(std::string(20'000, 'a'), false);
    REQUIRE_FALSE(ids);
    CHECK_THAT(ids.error().message, StartsWith("t.json: ") && !StartsWith("t.json: t.json") &&
                                        ContainsSubstring("key 'pattern': regular expression gave up"));
}

TEST_CASE("tokenizer: parts that each double the text are stopped") {
    std::string doubles = R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})", all = doubles;
    for (int i = 1; i < 60; ++i) all += "," + doubles;
    const auto normalizer =
        Tokenizer::parse(with(R"("normalizer": {"type": "Sequence", "normalizers": [)" + all + "]}"), "t.json");
    REQUIRE(normalizer);
    const auto ids = normalizer->encode("aaaa", false);
    REQUIRE_FALSE(ids);
    CHECK(ids.error().code == ErrorCode::unsupported);
    CHECK_THAT(ids.error().message, StartsWith("t.json: the tokenizer makes the text more than"));
    const auto decoder =
        Tokenizer::parse(with(R"("decoder": {"type": "Sequence", "decoders": [)" + all + "]}"), "t.json");
    REQUIRE_FALSE(decoder);
    CHECK_THAT(decoder.error().message, ContainsSubstring("4096 times longer"));
}

TEST_CASE("tokenizer: a text that Strip empties") {
    for (const char* sides :
         {R"("strip_left": false, "strip_right": true)", R"("strip_left": true, "strip_right": false)",
          R"("strip_left": true, "strip_right": true)"}) {
        const auto tokenizer =
            Tokenizer::parse(with(R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", )" +
                                  std::string(sides) + R"(}, {"type": "ByteLevel"}]})"),
                             "t.json");
        REQUIRE(tokenizer);
        for (const char* text : {" ", "\n", "  \xe3\x80\x80"}) CHECK(*tokenizer->encode(text, false) == Ids{});
        CHECK(*tokenizer->encode("abc", false) == Ids{30});
    }
}

TEST_CASE("tokenizer: text that is not UTF-8 is refused at its first wrong byte") {
    const auto tokenizer = Tokenizer::parse(with(""), "t.json");
    REQUIRE(tokenizer);
    for (const auto& [text, at] : {std::pair("ab\xff", 2), std::pair("\xc3", 0), std::pair("a\xed\xa0\x80", 1),
                                   std::pair("\xf4\x90\x80\x80", 0), std::pair("abcdefgh\xc0\xaf", 8)}) {
        const auto ids = tokenizer->encode(text, false);
        REQUIRE_FALSE(ids);
        CHECK(ids.error().code == ErrorCode::invalid_argument);
        CHECK_THAT(ids.error().message, ContainsSubstring("at byte " + std::to_string(at)));
    }
}

TEST_CASE("tokenizer: the vocabulary") {
    const auto tokenizer =
        Tokenizer::parse(with(R"("added_tokens": [{"id": 0, "content": "<s>", "special": true, "normalized": false}, )"
                              R"({"id": 9, "content": "abc", "special": false}])"),
                         "t.json");
    REQUIRE(tokenizer);
    CHECK(tokenizer->id_of("ab") == 29u);
    // Added tokens follow the number of tokens, which here is not the highest id: as in the library.
    CHECK(tokenizer->id_of("<s>") == 29u);
    CHECK(tokenizer->id_of("abc") == 30u);
    CHECK_FALSE(tokenizer->id_of("zz"));
    CHECK(tokenizer->token(0) == "a");
    CHECK(tokenizer->token(29) == "<s>");
    CHECK(tokenizer->token(1000).empty());
    CHECK(tokenizer->is_special(29));
    CHECK_FALSE(tokenizer->is_special(30));
    CHECK_FALSE(tokenizer->is_special(1000));
    CHECK(tokenizer->vocab_size() == 31);
    // No decoder: spaces between; ids without a token are passed over.
    CHECK(tokenizer->decode(Ids{0, 1000, 1}, false) == "a b");
    CHECK(tokenizer->encode("", true)->empty());
    CHECK(tokenizer->decode({}, true).empty());
}

TEST_CASE("tokenizer: long words are not slow, and threads may share") {
    const auto folder = weft::test::repository() / "tests/goldens/tokenizers/bpe-byte-fallback";
    const auto tokenizer = Tokenizer::load(folder / "tokenizer.json");
    REQUIRE(tokenizer);
    std::string text; // quadratic merging would take minutes
    for (uint32_t i = 0, state = 1; i < 300'000; ++i) {
        state = state * 1664525u + 1013904223u;
        text += "etaoinshr"[(state >> 16) % 9];
    }
    const auto ids = tokenizer->encode(text, false);
    REQUIRE(ids);
    CHECK(tokenizer->decode(*ids, false) == text);
    const auto spaces = tokenizer->encode(std::string(300'000, ' '), false);
    REQUIRE(spaces);

    const Ids expected = *tokenizer->encode("hello world, caf\xc3\xa9", true);
    std::vector<std::thread> threads;
    std::array<bool, 4> same{};
    for (bool& result : same) {
        threads.emplace_back([&] {
            result = true;
            for (int i = 0; i < 50; ++i)
                result = result && *tokenizer->encode("hello world, caf\xc3\xa9", true) == expected;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(std::all_of(same.begin(), same.end(), [](bool b) { return b; }));
}

TEST_CASE("tokenizer: a stream gives characters when they are whole") {
    const auto folder = weft::test::repository() / "tests/goldens/tokenizers/bpe-bytelevel";
    const auto tokenizer = Tokenizer::load(folder / "tokenizer.json");
    REQUIRE(tokenizer);
    const Ids ids = *tokenizer->encode("\xe2\x82\xac", false); // three bytes, no token for the whole
    REQUIRE(ids.size() == 3);
    StreamDecoder decoder(*tokenizer, false);
    CHECK(decoder.push(ids[0]).empty());
    CHECK(decoder.push(ids[1]).empty());
    CHECK(decoder.push(ids[2]) == "\xe2\x82\xac");
    CHECK(decoder.flush().empty());
    CHECK(decoder.push(ids[0]).empty());
    CHECK(decoder.flush() == "\xef\xbf\xbd"); // a character that never got its end
    CHECK(decoder.push(ids[0]).empty());
    CHECK_THAT(decoder.push(*tokenizer->id_of("a")), StartsWith("\xef\xbf\xbd"));
}

TEST_CASE("tokenizer: what follows a prompt, the small goldens") {
    for (const auto& folder : folders_in(weft::test::repository() / "tests/goldens/tokenizers")) {
        const auto tokenizer = Tokenizer::load(folder / "tokenizer.json");
        REQUIRE(tokenizer);
        check_cuts(folder, *tokenizer);
    }
}

TEST_CASE("tokenizer: what follows a prompt, all goldens") {
    weft_GOLDEN(root, "tokenizers");
    for (const auto& folder : folders_in(root)) {
        const auto tokenizer = Tokenizer::load(tokenizer_file(folder));
        REQUIRE(tokenizer);
        check_cuts(folder, *tokenizer);
    }
}

TEST_CASE("tokenizer: a stream goes on where its prompt ends") {
    const std::string mark = "\xe2\x96\x81", broken = "\xef\xbf\xbd";
    const Json vocabulary = {{"<s>", 0},    {mark + "a", 1}, {mark + "b", 2}, {"<0xE2>", 3},
                             {"<0x82>", 4}, {"<0xAC>", 5},   {"<0xC3>", 6},   {"<0xA9>", 7}};
    const auto with_decoder = [&](const std::string& decoder) {
        auto made =
            Tokenizer::parse(R"({"model": {"type": "WordLevel", "unk_token": "<s>", "vocab": )" + vocabulary.dump() +
                                 R"(}, "added_tokens": [{"content": "<s>", "special": true}])" + decoder + "}",
                             "t.json");
        REQUIRE(made);
        return std::move(*made);
    };
    const Tokenizer llama = with_decoder(R"(, "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})");
    CHECK(stream(llama, Ids{2}, true, Ids{1}) == " b");
    CHECK(stream(llama, Ids{2}, true) == "b");
    CHECK(stream(llama, Ids{2}, true, Ids{0}) == "b"); // nothing but special tokens: the text begins here
    CHECK(stream(llama, Ids{2}, false, Ids{0}) == " b");
    CHECK(stream(llama, Ids{}, true, Ids{1, 3}).empty());
    // A character that the prompt begins is finished, left, or spoilt with all the run of bytes that it stands in.
    CHECK(stream(llama, Ids{5, 2}, true, Ids{1, 3, 4}) == "\xe2\x82\xac b");
    CHECK(stream(llama, Ids{2}, true, Ids{1, 3, 4}) == " b");
    CHECK(stream(llama, Ids{3, 2}, true, Ids{1, 6, 7}) == broken + broken + broken + " b");
    const Tokenizer joined = with_decoder("");
    CHECK(stream(joined, Ids{2}, true, Ids{1}) == " " + mark + "b");
    // Nothing is read twice.
    const Ids many(200'000, 2);
    CHECK(stream(llama, std::span(many).first(100'000), true, many).size() == 200'000);
    // A text after the end of one has no prompt.
    StreamDecoder decoder(llama, true, Ids{1, 3});
    CHECK(decoder.push(4).empty());
    CHECK(decoder.flush() == broken);
    CHECK(decoder.push(2) == "b");
}
