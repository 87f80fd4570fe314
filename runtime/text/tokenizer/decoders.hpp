// SPDX-License-Identifier: Apache-2.0
// L5, stage 5: decoders turn tokens back into text. Each is a stage in a stream: there is no other way to decode,
// so that text which comes token by token equals text decoded at once.
#pragma once
#include "base/result.hpp"
#include <memory>
#include <string_view>

namespace weft::detail::text {

struct PartReader;

/// One step of decoding in progress. A token comes in as any number of parts, each whole characters, and an end.
/// What a stage cannot decide yet it keeps, and gives at the latest in finish().
class DecodeStage {
public:
    virtual ~DecodeStage() = default;
    virtual void part(std::string_view text) = 0;
    virtual void end_token() = 0;
    virtual void finish() = 0;
};

/// Immutable; shareable between threads.
class Decoder {
public:
    virtual ~Decoder() = default;
    /// Begins a text whose decoded tokens go to `next`, which outlives the stage, as the decoder does.
    virtual std::unique_ptr<DecodeStage> begin(DecodeStage& next) const = 0;
    /// The most bytes that one byte of input may become.
    virtual size_t growth() const { return 1; }
};

Result<std::unique_ptr<Decoder>> read_decoder(const PartReader& part);
/// What there is without a decoder: the tokens with spaces between them.
std::unique_ptr<Decoder> make_join();
/// What `decoder` gives (null: as make_join()), without the spaces that splitting English into words has left: "a n't
/// ." becomes "an't.".
std::unique_ptr<Decoder> make_clean_up(std::unique_ptr<Decoder> decoder);

} // namespace weft::detail::text
