// SPDX-License-Identifier: Apache-2.0
// L0: what tokenizers ask about characters: classes, lower case, the four normal forms, and the
// byte alphabet of byte-level models.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::detail {

bool is_white_space(char32_t c);     ///< Unicode White_Space
bool is_numeric(char32_t c);         ///< categories Nd, Nl, No
bool is_punctuation(char32_t c);     ///< categories P*, and all of ASCII punctuation (with its symbols)
bool is_mark(char32_t c);            ///< categories Mn, Mc, Me
bool is_nonspacing_mark(char32_t c); ///< category Mn
bool is_other(char32_t c);           ///< categories Cc, Cf, Co, as the BERT normalizer knows them
bool is_cjk(char32_t c);             ///< the blocks of Chinese characters that BERT takes apart
bool is_word(char32_t c);            ///< \w: Alphabetic, M*, Nd, Pc, Join_Control

/// A number for the character's script, or -1 if it goes with any, as the space.
int script_of(char32_t c);

/// Appends the lower case of one character: one code point, two for U+0130.
void append_lower(std::string& out, char32_t c);

/// The end of the extended grapheme cluster that begins at `at`; `at` must be a boundary before the text's end.
size_t grapheme_end(std::string_view text, size_t at);

enum class NormalForm { c, d, kc, kd };
/// The normal form of valid UTF-8. Time is O(n log n) for any run of combining marks.
std::string normalize(std::string_view text, NormalForm form);

/// GPT-2's alphabet: each byte is a printable character, so that any bytes are text.
struct ByteAlphabet {
    std::array<std::string, 256> text;    ///< the character of a byte, as UTF-8
    std::array<int16_t, 0x144> byte_of{}; ///< the byte of a character, or -1

    ByteAlphabet();
    static const ByteAlphabet& get();
    /// Appends every byte of `bytes` as its character.
    void encode(std::string_view bytes, std::string& out) const;
    /// The bytes that `text` stands for, or nothing if a character is not of the alphabet.
    std::optional<std::string> decode(std::string_view text) const;
};

} // namespace weft::detail
