// SPDX-License-Identifier: Apache-2.0
#include "text/regex/split_patterns.hpp"
#include <algorithm>

namespace weft::detail::text {
namespace {

using S = std::string_view;

constexpr S kGpt2[] = {kGpt2Split};
constexpr S kLlama3[] = {kLlama3Split};
constexpr S kQwen2[] = {kQwen2Split};
constexpr S kO200k[] = {kO200kSplit};
constexpr S kTekken[] = {kTekkenSplit};
constexpr S kDigitsGpt2[] = {R"(\p{N})", kGpt2Split};
constexpr S kQwen35[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr S kUfakzeka[] = {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr S kDefault[] = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Split, R"(\p{N}+)", R"([0-9][0-9][0-9])"};
constexpr S kFalcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2Split, R"([0-9][0-9][0-9])"};
constexpr S kDeepSeekCoder[] = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                R"([\x{4e00}-\x{9fa5}\x{0800}-\x{4e00}\x{ac00}-\x{d7ff}]+)", R"(\p{N})"};
// The letters of Latin, Greek, Cyrillic, Armenian, Georgian, Cherokee, Glagolitic, Coptic and others that have case.
constexpr S kDeepSeekLlm[] = {
    R"([\r\n])",
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫ)"
    R"(ᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹ)"
    R"(ℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)",
    R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
    R"(\s+$)",
    R"([\x{4e00}-\x{9fa5}\x{0800}-\x{4e00}\x{ac00}-\x{d7ff}]+)",
    R"(\p{N}+)",
};
constexpr S kDeepSeekWords = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
                             R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr S kDeepSeek3[] = {R"(\p{N}{1,3})", R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)",
                            kDeepSeekWords};
constexpr S kBloom[] = {R"( ?[^(\s|.,!?…。，、।۔،)]+)"};
constexpr S kViking[] = {R"( ?[^(\s|.,!?…。，、।۔،)]+)", R"(\p{N})"};
constexpr S kChameleon[] = {R"(<sentinel:[0-9]+>)",    R"((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)",
                            R"(([\t\n]|    |  ))",     R"(\p{N})",
                            R"([\p{P}!-/:-@\[-`{-~])", kGpt2Split};
constexpr S kSuperBpe[] = {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"};
constexpr S kBailing[] = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr S kSeedCoder[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|)"
    R"(\s+(?!\S)|\s+)"};
constexpr S kTinyAya[] = {R"(\d{1,3}(?=(?:\d{3})*\b))", kO200kSplit};
constexpr S kKimi[] = {R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
                       R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                       R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
                       R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                       R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr S kLaguna[] = {R"([^\n]+|[\n]+)", kQwen2Split};
constexpr S kExaoneMoe[] = {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|)"
                            R"( ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr S kMiniCpm5[] = {
    R"(\p{N}{1,3})",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
    R"(\s+(?!\S)|\s+)"};
constexpr S kJais2[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
    R"(\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|)"
    R"(\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})"};
constexpr S kYoutu[] = {
    R"([\x{ac00}-\x{d7a3}\x{3131}-\x{318e}]+|[！…“”‘’—：；，\x{3001}-\x{303f}\x{fe30}-\x{fe4f}]+|)"
    R"([\x{3105}-\x{312f}]+|[\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)",
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr S kLines[] = {R"([^\n]+|[\n]+)"};

constexpr S kNoneNames[] = {"", "default"};
constexpr S kGpt2Names[] = {"gpt-2",       "gpt2",       "phi-2",        "jina-es",         "jina-de",
                            "gigachat",    "jina-v2-es", "jina-v2-de",   "a.x-4.0",         "mellum",
                            "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe",     "mpt",
                            "olmo",        "jais",       "trillion",     "granite-docling", "exaone4"};
constexpr S kLlama3Names[] = {"llama-bpe", "llama3",   "llama-v3", "falcon3",     "falcon-h1",
                              "pixtral",   "midm-2.0", "lfm2",     "jina-v5-nano"};
constexpr S kLlama3LikeNames[] = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"};
constexpr S kQwen2Names[] = {"qwen2",  "deepseek-r1-qwen", "kormo",      "f2llmv2", "stablelm2",
                             "megrez", "hunyuan",          "solar-open", "grok-2"};
constexpr S kQwen35Names[] = {"qwen35"};
constexpr S kDigitsNames[] = {"starcoder", "refact", "command-r",  "smollm",
                              "codeshell", "exaone", "minerva-7b", "mellum2"};
constexpr S kO200kNames[] = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"};
constexpr S kGraniteMultiNames[] = {"granite-embed-multi-97m"};
constexpr S kTekkenNames[] = {"tekken"};
constexpr S kFalconNames[] = {"falcon"};
constexpr S kDeepSeekLlmNames[] = {"deepseek-llm"};
constexpr S kDeepSeekCoderNames[] = {"deepseek-coder"};
constexpr S kDeepSeek3Names[] = {"deepseek-v3", "hunyuan-dense", "joyai-llm"};
constexpr S kBloomNames[] = {"bloom", "poro-chat", "gpt3-finnish"};
constexpr S kVikingNames[] = {"viking"};
constexpr S kChameleonNames[] = {"chameleon"};
constexpr S kSuperBpeNames[] = {"superbpe"};
constexpr S kBailingNames[] = {"bailingmoe", "bailingmoe2", "llada-moe"};
constexpr S kSeedCoderNames[] = {"seed-coder"};
constexpr S kTinyAyaNames[] = {"tiny_aya", "cohere2moe"};
constexpr S kKimiNames[] = {"kimi-k2"};
constexpr S kUfakzekaNames[] = {"ufakzeka"};
constexpr S kLagunaNames[] = {"laguna"};
constexpr S kExaoneMoeNames[] = {"exaone-moe"};
constexpr S kMiniCpm5Names[] = {"minicpm5"};
constexpr S kJais2Names[] = {"jais-2"};
constexpr S kYoutuNames[] = {"youtu"};
constexpr S kRawNames[] = {"gemma4", "granite-embed-multi-311m", "sarvam-moe"};

constexpr GgufSplit kSplits[] = {
    {kNoneNames, kDefault},
    {kGpt2Names, kGpt2},
    {kLlama3Names, kLlama3, true, true},
    {kLlama3LikeNames, kLlama3},
    {kQwen2Names, kQwen2},
    {kQwen35Names, kQwen35},
    {kDigitsNames, kDigitsGpt2},
    {kO200kNames, kO200k},
    {kGraniteMultiNames, kO200k, true},
    {kTekkenNames, kTekken, true, true},
    {kFalconNames, kFalcon},
    {kDeepSeekLlmNames, kDeepSeekLlm},
    {kDeepSeekCoderNames, kDeepSeekCoder},
    {kDeepSeek3Names, kDeepSeek3},
    {kBloomNames, kBloom},
    {kVikingNames, kViking},
    {kChameleonNames, kChameleon, false, true},
    {kSuperBpeNames, kSuperBpe},
    {kBailingNames, kBailing},
    {kSeedCoderNames, kSeedCoder},
    {kTinyAyaNames, kTinyAya},
    {kKimiNames, kKimi},
    {kUfakzekaNames, kUfakzeka},
    {kLagunaNames, kLaguna},
    {kExaoneMoeNames, kExaoneMoe},
    {kMiniCpm5Names, kMiniCpm5, true},
    {kJais2Names, kJais2},
    {kYoutuNames, kYoutu, true},
    {kRawNames, kLines, false, false, true},
};

// Patterns of released tokenizer.json files that mean the same as one above and are written in another way.
constexpr S kGpt2Classes = R"('s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

} // namespace

bool is_known_split(std::string_view pattern) {
    for (const S known :
         {kGpt2Split, kLlama3Split, kQwen2Split, kO200kSplit, kTekkenSplit, kQwen35[0], kDeepSeekWords, kGpt2Classes}) {
        if (pattern == known) return true;
    }
    return false;
}

const GgufSplit* find_gguf_split(std::string_view pre) {
    for (const GgufSplit& split : kSplits) {
        if (std::find(split.names.begin(), split.names.end(), pre) != split.names.end()) return &split;
    }
    return nullptr;
}

const GgufSplit* find_gguf_split(std::span<const std::string> patterns, bool whole_words) {
    const GgufSplit* found = nullptr;
    const auto same = [](std::string_view known, std::string_view pattern) {
        return known == (pattern == kGpt2Classes ? kGpt2Split : pattern);
    };
    for (const GgufSplit& split : kSplits) {
        if (split.raw ||
            !std::equal(split.patterns.begin(), split.patterns.end(), patterns.begin(), patterns.end(), same))
            continue;
        if (!found || (found->whole_words != whole_words && split.whole_words == whole_words)) found = &split;
    }
    return found;
}

} // namespace weft::detail::text
