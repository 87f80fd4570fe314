// SPDX-License-Identifier: Apache-2.0
// L5: the regular expressions by which families of byte-level vocabularies cut a text into words, for files that do
// not hold them, and their names in GGUF files.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace weft::detail::text {

inline constexpr std::string_view kGpt2Split =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
/// cl100k and Llama 3.
inline constexpr std::string_view kLlama3Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
    R"(\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kO200kSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kTekkenSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Whether a pattern is one of these, as its own file or a GGUF file's table writes it.
/// All of them take time linear in the text.
bool is_known_split(std::string_view pattern);

/// How a GGUF file with this value of tokenizer.ggml.pre cuts a text: pattern after pattern cuts the pieces of the one
/// before; what lies between matches is a piece too.
struct GgufSplit {
    std::span<const std::string_view> names;
    std::span<const std::string_view> patterns;
    bool whole_words = false; ///< a word that is a token is that token, whatever the merges say
    bool add_bos = false;     ///< where the file does not say
    bool raw = false;         ///< text as it is, spaces as U+2581, unknown characters as bytes: not the byte alphabet
};
/// Null for an unknown name.
const GgufSplit* find_gguf_split(std::string_view pre);
/// The one with these patterns, of several the one that takes whole words so; null if none has them.
const GgufSplit* find_gguf_split(std::span<const std::string> patterns, bool whole_words);

} // namespace weft::detail::text
