// SPDX-License-Identifier: Apache-2.0
// Rank files hold neither the pattern nor the special tokens: both belong to a vocabulary,
// which its number of ranks gives away.
#include "base/base64.hpp"
#include "text/files/rank_vocabulary.hpp"
#include "text/files/tokenizer_readers.hpp"
#include "text/regex/split_patterns.hpp"
#include <charconv>

namespace weft::detail::text {
namespace {

// Whisper's languages, in the order of their tokens.
constexpr std::string_view kLanguages =
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq "
    "sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha "
    "ba jw su ";

Status add_whisper(RankVocabulary& made, uint32_t next, bool multilingual) {
    std::vector<std::string> names{"<|endoftext|>", "<|startoftranscript|>"};
    for (size_t at = 0; at < kLanguages.size();) {
        const size_t end = kLanguages.find(' ', at);
        names.push_back("<|" + std::string(kLanguages.substr(at, end - at)) + "|>");
        at = end + 1;
    }
    for (const char* name : {"translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"})
        names.push_back("<|" + std::string(name) + "|>");
    for (int i = 0; i <= 1500; ++i) { // every 0.02 s of half a minute
        char text[16];
        std::snprintf(text, sizeof text, "<|%d.%02d|>", i / 50, i % 50 * 2);
        names.emplace_back(text);
    }
    for (const std::string& name : names) weft_TRY(made.add_special(name, next++));
    const auto id = [&](const char* name) { return *made.vocabulary.id_of(name); };
    made.before = multilingual ? std::vector{id("<|startoftranscript|>"), id("<|en|>"), id("<|transcribe|>"),
                                             id("<|notimestamps|>")}
                               : std::vector{id("<|startoftranscript|>"), id("<|notimestamps|>")};
    made.after = {id("<|endoftext|>")};
    return Ok{};
}

Status add_llama3(RankVocabulary& made, uint32_t next) {
    const auto reserved = [](int number) { return "<|reserved_special_token_" + std::to_string(number) + "|>"; };
    std::vector<std::string> names{"<|begin_of_text|>", "<|end_of_text|>", reserved(0),           reserved(1),
                                   reserved(2),         reserved(3),       "<|start_header_id|>", "<|end_header_id|>",
                                   reserved(4),         "<|eot_id|>"};
    for (int i = 5; names.size() < 256; ++i) names.push_back(reserved(i));
    made.before = {next};
    for (const std::string& name : names) weft_TRY(made.add_special(name, next++));
    return Ok{};
}

Status add_qwen(RankVocabulary& made, uint32_t next) {
    for (const char* name : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) weft_TRY(made.add_special(name, next++));
    for (int i = 0; i < 205; ++i) weft_TRY(made.add_special("<|extra_" + std::to_string(i) + "|>", next++));
    return Ok{};
}

// The pattern and the special tokens that belong to these ranks.
Status know_vocabulary(RankVocabulary& made, std::string_view name, uint32_t count) {
    made.pattern = kLlama3Split; // what most of today's vocabularies use
    switch (count) {
    case 50256:
    case 50257:
        made.pattern = kGpt2Split;
        if (name == "gpt2.tiktoken" || name == "multilingual.tiktoken")
            return add_whisper(made, count, name == "multilingual.tiktoken");
        return count == 50256 ? made.add_special("<|endoftext|>", count) : Status(Ok{});
    case 50280: made.pattern = kGpt2Split; return made.add_special("<|endoftext|>", 50256);
    case 100256:
        weft_TRY(made.add_special("<|endoftext|>", 100257));
        weft_TRY(made.add_special("<|fim_prefix|>", 100258));
        weft_TRY(made.add_special("<|fim_middle|>", 100259));
        weft_TRY(made.add_special("<|fim_suffix|>", 100260));
        return made.add_special("<|endofprompt|>", 100276);
    case 199998:
        made.pattern = kO200kSplit;
        weft_TRY(made.add_special("<|endoftext|>", 199999));
        return made.add_special("<|endofprompt|>", 200018);
    case 128000: return add_llama3(made, count);
    case 151643:
        made.pattern = kQwen2Split;
        made.nfc = true;
        return add_qwen(made, count);
    default: return Ok{};
    }
}

} // namespace

Result<TokenizerParts> read_tiktoken(std::string_view text, const std::string& origin, std::string_view name,
                                     const TokenizerSettings& settings) {
    RankVocabulary made;
    made.origin = origin;
    size_t number = 0;
    uint32_t count = 0;
    for (size_t at = 0; at < text.size();) {
        ++number;
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        const size_t space = line.find(' ');
        // A rank for the empty string, as Whisper's file has: it never occurs in a text.
        const bool nothing = line.starts_with("= ");
        const auto bytes = space == line.npos ? std::nullopt
                           : nothing          ? std::optional<std::string>("")
                                              : from_base64(line.substr(0, space));
        uint32_t rank = 0;
        const char* last = line.data() + line.size();
        const auto parsed = bytes ? std::from_chars(line.data() + space + 1, last, rank)
                                  : std::from_chars_result{last, std::errc::invalid_argument};
        if (parsed.ec != std::errc() || parsed.ptr != last || rank > kHighestToken) {
            return Error{ErrorCode::malformed,
                         origin + ": line " + std::to_string(number) +
                             " must be a token in base64, a space and a rank below 2^24",
                         {}};
        }
        ++count;
        if (!nothing) weft_TRY(made.add(*bytes, rank, rank));
    }
    if (made.vocabulary.count() == 0) return Error{ErrorCode::malformed, origin + ": holds no ranks", {}};
    weft_TRY(know_vocabulary(made, name, count));
    return make_rank_tokenizer(std::move(made), settings);
}

} // namespace weft::detail::text
