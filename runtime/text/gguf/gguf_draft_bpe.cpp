// SPDX-License-Identifier: Apache-2.0
// tokenizer.json with byte-level BPE, as "gpt2".
#include "text/gguf/gguf_draft.hpp"
#include "text/regex/split_patterns.hpp"
#include "unicode/unicode.hpp"

namespace weft::detail::text {
namespace {

// The patterns by which the pre-tokenizer cuts, in order; a message for what has no pattern.
std::vector<std::string> cuts_of(const JsonTokenizer& from, GgufDraft& draft) {
    std::vector<std::string> cuts;
    bool bytes = false;
    for (const Json* part : from.pre_tokenizers()) {
        const std::string kind = kind_of(*part);
        if (bytes) draft.refuse("pre_tokenizer: " + kind + " after ByteLevel");
        if (kind == "Split" && text_of(*part, "behavior") == "Isolated" && !flag_of(*part, "invert", false) &&
            (*part)["pattern"].contains("Regex"))
            cuts.push_back((*part)["pattern"]["Regex"].get<std::string>());
        else if (kind == "Digits")
            cuts.push_back(flag_of(*part, "individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)");
        else if (kind == "ByteLevel") {
            bytes = true;
            if (flag_of(*part, "add_prefix_space", true))
                draft.refuse("pre_tokenizer: ByteLevel with add_prefix_space");
            if (flag_of(*part, "use_regex", true)) cuts.emplace_back(kGpt2Split);
        } else
            draft.refuse("pre_tokenizer: " + kind +
                         (kind == "Split" ? " that does not isolate a regular expression" : ""));
    }
    if (!bytes) draft.refuse("pre_tokenizer: no ByteLevel");
    return cuts;
}

bool has_all_bytes(const Vocabulary& vocabulary) {
    for (const std::string& letter : ByteAlphabet::get().text) {
        if (!vocabulary.id_of(letter)) return false;
    }
    return true;
}

} // namespace

Status draft_byte_level(const JsonTokenizer& from, GgufDraft& draft) {
    const Json& model = from.model();
    draft.kind = "gpt2";
    for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        if (!text_of(model, affix).empty()) draft.refuse(std::string("BPE with ") + affix);
    }
    for (const Json* part : from.normalizers()) {
        if (kind_of(*part) != "NFC") draft.refuse("normalizer: " + kind_of(*part));
        draft.differ(kind_of(*part) == "NFC", "normalizer: NFC");
    }
    const auto cuts = cuts_of(from, draft);
    const bool whole_words = flag_of(model, "ignore_merges", false);
    const GgufSplit* split = find_gguf_split(cuts, whole_words);
    if (!split) {
        draft.refuse("pre_tokenizer: a way of splitting that has no name in GGUF");
        return Ok{};
    }
    draft.pre = split->names[0];
    draft.differ(split->whole_words != whole_words, std::string("ignore_merges: ") + (whole_words ? "true" : "false"));
    draft.differ(!text_of(model, "unk_token").empty() && !has_all_bytes(from.parts.model->vocabulary()),
                 "unk_token: bytes without a token");
    draft.differ(!from.decoder_is({{"type", "ByteLevel"}}), "decoder");
    draft.merges.emplace();
    for (const auto& [left, right] : merges_of(model)) {
        if ((left + right).find(' ') != std::string::npos) draft.refuse("merges: a token with a space");
        draft.merges->push_back(left + " " + right);
    }
    return draft.surround(from.parts, "bos", "eos", "add_eos_token");
}

} // namespace weft::detail::text
