// SPDX-License-Identifier: Apache-2.0
// Test support: SentencePiece's model files, protobuf field by field.
#pragma once
#include "unit/gguf_builder.hpp"

namespace weft::test {
using namespace detail;

/// A protobuf field with a text of fewer than 128 bytes; `number` below 16.
inline std::string field(int number, const std::string& text) {
    return std::string{char(number << 3 | 2), char(text.size())} + text;
}

/// The same for numbers from 16 on.
inline std::string long_field(int number, const std::string& text) {
    return std::string{char(((number << 3 | 2) & 0x7f) | 0x80), char(number >> 4), char(text.size())} + text;
}

/// One with a small number.
inline std::string flag(int number, int value) { return std::string{char((number << 3) & 0x7f), char(value)}; }

/// A piece of the vocabulary, with the score and the type that it has there.
inline std::string piece(const std::string& text, float score, int type = 1) {
    return field(1, field(1, text) + std::string{char(2 << 3 | 5)} + GgufBuilder::raw(score) + flag(3, type));
}

} // namespace weft::test
