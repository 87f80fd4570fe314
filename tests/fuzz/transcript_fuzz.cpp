// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as what the files of a model that writes what it hears say of its tokens: the config of a
// Whisper, a vocabulary of letters. What is accepted reads any tokens.
#include "base/check.hpp"
#include "base/random.hpp"
#include "pipelines/ctc.hpp"
#include "pipelines/whisper_rules.hpp"
#include <algorithm>
#include <cmath>
#include <cstddef>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr uint32_t kVocabulary = 60;

const Tokenizer& tokenizer() {
    static const auto made = Tokenizer::parse(
        R"({"model": {"type": "WordLevel", "vocab": {"a": 0, "<|endoftext|>": 9}, "unk_token": "a"}})", "t.json");
    weft_CHECK(bool(made), "it is right");
    return *made;
}

std::vector<uint32_t> some_ids(Random& random, uint32_t most) {
    std::vector<uint32_t> ids(random.below(12));
    for (uint32_t& id : ids) id = random.below(most);
    return ids;
}

void whisper(const Json& json, Random& random) {
    const auto files = ModelFiles::from_config(json, "config.json");
    if (!files) return;
    const auto rules = read_whisper_rules(*files, tokenizer(), kVocabulary);
    if (!rules) {
        weft_CHECK(rules.error().message.starts_with("config.json: "), "a message names the file");
        return;
    }
    for (int i = 0; i < 8; ++i) {
        const auto made = some_ids(random, kVocabulary);
        auto logits = random.normals(kVocabulary, 3);
        const auto before = logits;
        rules->apply(logits, made, rules->has_times() && random.below(2));
        for (size_t k = 0; k < logits.size(); ++k)
            weft_CHECK(logits[k] == before[k] || std::isinf(logits[k]), "a logit stays or is taken off");
        const uint32_t window = 1 + random.below(50);
        const Segments segments = cut_segments(*rules, made, window);
        weft_CHECK(segments.advance > 0, "windows go on");
        size_t last = 0;
        for (const Segments::One& one : segments.all) {
            weft_CHECK(one.first == last && one.last <= made.size(), "segments follow each other");
            last = one.last;
        }
    }
}

void letters(const Json& json, Random& random) {
    const auto read = ctc_letters(json, json, "vocab.json");
    if (!read) {
        weft_CHECK(read.error().message.starts_with("vocab.json: "), "a message names the file");
        return;
    }
    const auto ids = some_ids(random, uint32_t(read->all.size()) + 3);
    CtcDecoder whole(*read), pieces(*read);
    std::string text;
    for (const uint32_t id : ids) text += pieces.push({&id, 1});
    weft_CHECK(whole.push(ids) == text, "pieces are the whole");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "x.json");
    if (!json || !json->is_object()) return 0;
    Random random(size);
    whisper(*json, random);
    letters(*json, random);
    return 0;
}
