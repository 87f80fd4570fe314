// SPDX-License-Identifier: Apache-2.0
// Tokenizers written as the vocabulary of a GGUF file and read back: the same ids and the same text.
#include "base/file.hpp"
#include "io/gguf.hpp"
#include "text/gguf/gguf_vocabulary_writer.hpp"
#include "text/sentencepiece_builder.hpp"
#include "text/tokenizer.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdio>
#include <map>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Ids = std::vector<uint32_t>;
using weft::test::field;
using weft::test::flag;
using weft::test::piece;
using weft::test::TemporaryDirectory;

namespace {

struct WrittenVocabulary {
    GgufVocabularyReport report;
    std::string header;
};

// The vocabulary of a directory, which becomes a model's.
WrittenVocabulary write_vocabulary(const TemporaryDirectory& folder, uint32_t rows) {
    (void)folder.write("config.json", "{}");
    (void)folder.write("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
    const auto files = ModelFiles::open(folder.path());
    INFO((files ? std::string() : files.error().text()));
    REQUIRE(files);
    GgufWriter writer;
    const auto report = write_gguf_vocabulary(*files, rows, writer);
    INFO((report ? std::string() : report.error().text()));
    REQUIRE(report);
    return {*report, writer.header()};
}

// The same of one with this one file.
WrittenVocabulary write_vocabulary(const std::string& name, const std::string& bytes, uint32_t rows) {
    const TemporaryDirectory folder;
    (void)folder.write(name, bytes);
    return write_vocabulary(folder, rows);
}

Result<Tokenizer> read_vocabulary(const std::string& header) {
    weft_ASSIGN(const GgufFile file, GgufFile::parse(std::as_bytes(std::span(header)), "v.gguf"));
    return text::tokenizer_of(file.metadata());
}

// The header as if it had no such key.
std::string without(std::string header, const std::string& key) {
    const size_t at = header.find(key);
    if (at != header.npos) header[at] = 'T'; // then it is another key, which nobody reads
    return header;
}

std::vector<std::string> recorded_texts() {
    const auto text = read_file(weft::test::goldens() / "tokenizers/strings.json");
    REQUIRE(text);
    const auto list = parse_json(*text, "strings.json");
    REQUIRE(list);
    std::vector<std::string> texts;
    for (const Json& t : *list)
        if (t.is_string()) texts.push_back(t.get<std::string>());
    return texts;
}

// How many texts the two take in another way; the text of their ids is compared too if `decoded`.
size_t differences(const Tokenizer& a, const Tokenizer& b, const std::vector<std::string>& texts, bool decoded = true) {
    size_t count = 0;
    for (const std::string& text : texts) {
        bool same = true;
        for (const bool special : {false, true}) {
            const auto x = a.encode(text, special), y = b.encode(text, special);
            same = same && bool(x) == bool(y) && (!x || *x == *y);
            for (const bool skip : {false, true})
                same = same && (!decoded || !x || a.decode(*x, skip) == b.decode(*x, skip));
        }
        count += !same;
    }
    return count;
}

} // namespace

TEST_CASE("GGUF vocabulary: every tokenizer of the goldens is the same when read back") {
    weft_GOLDEN(root, "tokenizers");
    const auto texts = recorded_texts();
    REQUIRE(texts.size() >= 150);
    std::map<std::string, size_t> kinds;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
        if (!entry.is_directory()) continue;
        auto path = entry.path() / "tokenizer.json";
        if (const auto reference = read_file(entry.path() / "tokenizer.ref"))
            path = root.parent_path().parent_path() / reference->substr(0, reference->find('\n'));
        const std::string name = entry.path().filename().string();
        CAPTURE(name);
        const auto bytes = read_file(path);
        REQUIRE(bytes);
        const auto original = Tokenizer::load(path);
        REQUIRE(original);
        const bool json = path.extension() == ".json";
        if (!json && path.extension() != ".txt") continue; // .tiktoken
        const auto [report, header] =
            write_vocabulary(json ? "tokenizer.json" : "rwkv_vocab_v20230424.txt", *bytes, original->vocab_size() + 3);
        ++kinds[report.kind];
        const auto back = read_vocabulary(header);
        INFO((back ? std::string() : back.error().text()));
        REQUIRE(back);
        CHECK(differences(*original, *back, texts) == 0);
        // What the keys of the kind say alone, as llama.cpp reads them.
        if (report.kind == "none") {
            std::printf("%s: refused: %s\n", name.c_str(), report.note.c_str());
            continue;
        }
        const auto alone = read_vocabulary(without(header, "tokenizer.huggingface.json"));
        INFO((alone ? std::string() : alone.error().text()));
        REQUIRE(alone);
        const size_t differ = differences(*original, *alone, texts, report.note.empty());
        std::printf("%s: %s, %zu of %zu texts differ%s%s\n", name.c_str(), report.kind.c_str(), differ, texts.size(),
                    report.note.empty() ? "" : ": ", report.note.c_str());
        if (report.note.empty()) CHECK(differ == 0);
        CHECK(differ <= texts.size() / 10); // texts of rare characters and odd spaces
    }
    CHECK(kinds["gpt2"] >= 5);
    CHECK(kinds["llama"] >= 1);
    CHECK(kinds["t5"] >= 2);
    CHECK(kinds["bert"] >= 2);
    CHECK(kinds["rwkv"] == 1);
}

TEST_CASE("GGUF vocabulary: SentencePiece models") {
    weft_GOLDEN(model, "../data/tokenizers/unigram-test.model");
    const auto texts = recorded_texts();
    const auto bytes = read_file(model);
    REQUIRE(bytes);
    const TemporaryDirectory folder;
    const auto original = Tokenizer::load(folder.write("spiece.model", *bytes));
    REQUIRE(original);
    const auto [report, header] = write_vocabulary("spiece.model", *bytes, original->vocab_size());
    CHECK(report.kind == "t5");
    CHECK_THAT(report.note, ContainsSubstring("<unk>"));
    const auto back = read_vocabulary(header);
    REQUIRE(back);
    const size_t named = size_t(std::count_if(texts.begin(), texts.end(),
                                              [](const std::string& text) { return text.find("<unk>") != text.npos; }));
    CHECK(differences(*original, *back, texts, false) <= named);

    // Kind BPE: what each merges to is told by scores, what no piece spells by bytes.
    const std::string mark = "\xe2\x96\x81";
    std::string pieces = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
    for (int b = 0; b < 256; ++b) {
        char name[8];
        std::snprintf(name, sizeof name, "<0x%02X>", b);
        pieces += piece(name, 0, 6);
    }
    for (const std::string& token :
         {mark + "t", std::string("he"), mark + "the", std::string("in"), std::string("er"), mark, std::string("e"),
          std::string("t"), std::string("h"), std::string("i"), std::string("n"), std::string("r")})
        pieces += piece(token, -float(pieces.size()));
    const auto spec = [&](bool prefix) {
        return field(2, flag(3, 2) + std::string{char(0x98), char(0x02), 1}) + field(3, flag(3, prefix) + flag(4, 0));
    };
    for (const bool prefix : {false, true}) {
        const std::string file = pieces + spec(prefix);
        const auto bpe = Tokenizer::load(folder.write("tokenizer.model", file));
        REQUIRE(bpe);
        const auto [written, keys] = write_vocabulary("tokenizer.model", file, bpe->vocab_size() + 1);
        CHECK(written.kind == "llama");
        CHECK_THAT(written.note, ContainsSubstring("the text <unk>"));
        const auto same = read_vocabulary(keys);
        REQUIRE(same);
        CHECK(differences(*bpe, *same, texts) == named); // the library does not find <unk> in a text
    }
    // Without all bytes a reader would have nothing for the rest.
    const auto [refused, nothing] =
        write_vocabulary("tokenizer.model", piece("<unk>", 0, 2) + piece("a", 0) + spec(true), 2);
    CHECK(refused.kind.empty());
    CHECK_THAT(refused.note, ContainsSubstring("bytes"));
    CHECK(read_vocabulary(nothing).error().code == ErrorCode::not_found);
}

TEST_CASE("GGUF vocabulary: vocab.json with merges.txt, and vocab.txt") {
    weft_GOLDEN(root, "tokenizers");
    const auto texts = recorded_texts();
    for (const std::string name : {"bpe-bytelevel", "wordpiece-uncased"}) {
        CAPTURE(name);
        const auto path = root / name / "tokenizer.json";
        const auto bytes = read_file(path);
        REQUIRE(bytes);
        const auto json = parse_json(*bytes, name);
        REQUIRE(json);
        const Json& model = (*json)["model"];
        const TemporaryDirectory folder;
        if (model["type"] == "BPE") {
            std::string merges = "#version: 0.2\n";
            for (const Json& merge : model["merges"])
                merges += merge.is_string() ? merge.get<std::string>() + "\n"
                                            : merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
            (void)folder.write("vocab.json", model["vocab"].dump());
            (void)folder.write("merges.txt", merges);
        } else {
            std::vector<std::string> lines(model["vocab"].size());
            for (const auto& [token, id] : model["vocab"].items()) lines[id.get<size_t>()] = token + "\n";
            std::string text;
            for (const std::string& line : lines) text += line;
            (void)folder.write("vocab.txt", text);
        }
        const auto original = Tokenizer::load(path), parts = Tokenizer::load(folder.path());
        REQUIRE(original);
        INFO((parts ? std::string() : parts.error().text()));
        REQUIRE(parts);
        CHECK(differences(*original, *parts, texts) == 0);
        const auto [report, header] = write_vocabulary(folder, parts->vocab_size() + 3);
        CHECK(report.kind == (name == "bpe-bytelevel" ? "gpt2" : "bert"));
        const auto back = read_vocabulary(header);
        INFO((back ? std::string() : back.error().text()));
        REQUIRE(back);
        CHECK(differences(*parts, *back, texts) == 0);
    }
}
