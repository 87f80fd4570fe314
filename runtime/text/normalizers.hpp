// SPDX-License-Identifier: Apache-2.0
// L5, stage 1: normalizers rewrite the text between added tokens.
#pragma once
#include "text/pieces.hpp"
#include <memory>

namespace weft::text {

struct PartReader;

/// Immutable; shareable between threads.
class Normalizer {
public:
    virtual ~Normalizer() = default;
    /// Rewrites `text`, which is not empty at the first normalizer and may be after it.
    virtual Status apply(NormalText& text) const = 0;
};

Result<std::unique_ptr<Normalizer>> read_normalizer(const PartReader& part);

/// Puts `prefix` before a text that is not empty.
void prepend(NormalText& text, std::string_view prefix);
/// Puts `content` in the place of every match of `cuts`, which cover the text.
Status replace(NormalText& text, const std::vector<Cut>& cuts, std::string_view content);
/// Writes every byte as its character of the byte alphabet.
void to_byte_alphabet(NormalText& text);

} // namespace weft::text
