// SPDX-License-Identifier: Apache-2.0
// Public: from a prompt to streamed text.
#pragma once
#include <functional>
#include <string_view>
#include <weft/picture.hpp>
#include <weft/sequence.hpp>

namespace weft {

/// What a generation begins with: a text, perhaps with pictures in it.
struct Prompt {
    Prompt(std::string_view words, std::span<const Picture> seen = {}) : text(words), pictures(seen) {}
    Prompt(const std::string& words) : text(words) {}
    Prompt(const char* words) : text(words) {}

    std::string_view text;
    /// Each stands where the text has what its model's texts have for one ("[IMG]", "<start_of_image>"), in their
    /// order; all of them before a text that has it nowhere. The model was loaded with ModelOptions::pictures.
    std::span<const Picture> pictures;
};

struct GenerateStats {
    uint32_t prompt_tokens = 0, new_tokens = 0;
    double prefill_ms = 0, decode_ms = 0; ///< wall time; decode without the first token, which prefill gives
    double host_us_per_token = 0;         ///< of decode: wall time not spent waiting for the device
    double first_token_ms = 0;            ///< from the call to the first token
    bool ended = false;                   ///< by an end-of-text token
    std::string stop;                     ///< which of GenerateOptions::stop ended it
};

/// Return false to stop.
using TextFunction = std::function<bool(std::string_view)>;
using TokenFunction = std::function<bool(uint32_t)>;

/// Continues `prompt`, or answers it (Model::answers()), behind what the sequence has. Fails (invalid_argument) where
/// the text has places for other than as many pictures as there are, and on pictures that are too large. Text comes to
/// `on_text` as soon as it is certain, never splitting a UTF-8 character. Joined, it is what follows the prompt's text
/// where prompt and new tokens are decoded together (StreamDecoder). What may be the beginning of a stop string waits
/// until it is none. Where the model's logits are not finite the error (not_finite) names the token; text made before
/// has come by then.
///
/// Afterwards the sequence has taken in the prompt and what was made but for the last token, and perhaps some that were
/// made behind a stop. Who wants to go on from the prompt forks or takes a snapshot before.
weft_API Result<GenerateStats> generate(Sequence& sequence, const Prompt& prompt, const GenerateOptions& options,
                                        const TextFunction& on_text);
/// The same with ids; GenerateOptions::stop counts for nothing.
weft_API Result<GenerateStats> generate_ids(Sequence& sequence, std::span<const uint32_t> prompt,
                                            const GenerateOptions& options, const TokenFunction& on_token);

namespace detail {
class GenerationState;
}

/// The same piece by piece, for who has a frame to draw: begin, then advance until it gives true. The sequence is to be
/// left alone meanwhile; if a generation is given up half-way or fails, it is to be reset or restored. Move-only; one
/// thread at a time.
class weft_API Generation {
public:
    /// Pictures are seen in begin(), however long it takes.
    static Result<Generation> begin(Sequence& sequence, const Prompt& prompt, const GenerateOptions& options);
    static Result<Generation> begin_ids(Sequence& sequence, std::span<const uint32_t> prompt,
                                        const GenerateOptions& options);
    Generation(Generation&&) noexcept;
    Generation& operator=(Generation&&) noexcept;
    ~Generation();

    /// Works for about `budget_ms`, at least for one submission. True when there will be no more.
    Result<bool> advance(double budget_ms, const TextFunction& on_text);
    /// Ids in place of text; GenerateOptions::stop counts for nothing. What began with ids goes on so.
    Result<bool> advance_ids(double budget_ms, const TokenFunction& on_token);
    const GenerateStats& stats() const;

private:
    friend struct detail::Access;
    explicit Generation(std::unique_ptr<detail::GenerationState> state);
    std::unique_ptr<detail::GenerationState> state_;
};

} // namespace weft
