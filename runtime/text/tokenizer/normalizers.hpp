// SPDX-License-Identifier: Apache-2.0
// L5, stage 1: normalizers rewrite the text between added tokens.
#pragma once
#include "text/tokenizer/pieces.hpp"
#include "unicode/unicode.hpp"
#include "unicode/utf8.hpp"
#include <memory>

namespace weft::detail::text {

struct PartReader;

/// Immutable; shareable between threads.
class Normalizer {
public:
    virtual ~Normalizer() = default;
    /// Rewrites `text`, which is not empty at the first normalizer and may be after it.
    virtual Status apply(NormalText& text) const = 0;
};

Result<std::unique_ptr<Normalizer>> read_normalizer(const PartReader& part);

/// Rewrites character by character; `write(out, c)` appends what becomes of one.
template <class Write>
void map_characters(NormalText& text, Write write) {
    std::string out;
    out.reserve(text.text.size());
    size_t head = 0;
    for (size_t at = 0; at < text.text.size();) {
        const CodePoint c = code_point_at(text.text, at);
        write(out, c.value);
        if (at < text.head) head = out.size();
        at += c.bytes;
    }
    text.text = std::move(out);
    text.head = head;
}

/// The normal form of the text.
void to_form(NormalText& text, NormalForm form);
/// Puts `prefix` before a text that is not empty.
void prepend(NormalText& text, std::string_view prefix);
/// Puts `content` in the place of every match of `cuts`, which cover the text.
Status replace(NormalText& text, const std::vector<Cut>& cuts, std::string_view content);
/// Writes every byte as its character of the byte alphabet.
void to_byte_alphabet(NormalText& text);

} // namespace weft::detail::text
