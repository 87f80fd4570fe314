// SPDX-License-Identifier: Apache-2.0
// Public: language models: from a directory to streamed text.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weft/device.hpp>
#include <weft/progress.hpp>
#include <weft/tokenizer.hpp>

namespace weft {

struct TextModelOptions {
    WeightType dtype = WeightType::stored;
    uint32_t context = 0;        ///< tokens a sequence may have; 0: what the model was trained for, at most 4096
    bool random_weights = false; ///< no weight files: random ones, for timing
    bool need_tokenizer = true;  ///< fail without a tokenizer; else only ids can be used
    ProgressFunction progress;
};

/// Filters apply in this order: repeat penalty, temperature, top-k, top-p, min-p. Defaults come
/// from generation_config.json where it has them.
struct SamplingOptions {
    bool greedy = false;
    float temperature = 1.0f;
    uint32_t top_k = 0;               ///< 0: off
    float top_p = 1.0f, min_p = 0.0f; ///< a top_p of 0 leaves the likeliest
    float repeat_penalty = 1.0f;
    uint32_t no_repeat_ngram = 0; ///< n: no n tokens occur a second time; 0: off
    uint64_t seed = 0;            ///< the same seed and prompt give the same text on the same device
};

struct GenerateOptions {
    SamplingOptions sampling;
    uint32_t max_tokens = 256;
    uint32_t max_length = 0; ///< most tokens of the prompt and what is made together; 0: as many as fit
    bool ignore_end = false; ///< go on after an end-of-text token
    /// generate() and Chat end before any of these texts; the name of a special token stands for the token.
    std::vector<std::string> stop;
    /// Tokens the device makes before the host looks; more is less host time, less is smoother.
    uint32_t steps_per_wait = 4;
    ProgressFunction progress;
};

struct GenerateStats {
    uint32_t prompt_tokens = 0, new_tokens = 0;
    double prefill_ms = 0, decode_ms = 0; ///< wall time; decode without the first token, which prefill gives
    double host_us_per_token = 0;         ///< of decode: wall time not spent waiting for the device
    double first_token_ms = 0;            ///< from the call to the first token
    bool ended = false;                   ///< by an end-of-text token
    std::string stop;                     ///< which of GenerateOptions::stop ended it
};

class TextModelState;

/// A model, its tokenizer, and one sequence. Move-only; one thread at a time. The device must outlive it.
class TextModel {
public:
    /// `path`: a Hugging Face directory, or a config.json with options.random_weights.
    static Result<TextModel> load(Device& device, const std::filesystem::path& path,
                                  const TextModelOptions& options = {});
    TextModel(TextModel&&) noexcept;
    TextModel& operator=(TextModel&&) noexcept;
    ~TextModel();

    /// Continues `prompt`, or answers it (answers()). Text comes to `on_text` as soon as it is certain, never splitting
    /// a UTF-8 character; return false to stop. Joined, it is what follows the prompt's text where prompt and new
    /// tokens are decoded together (StreamDecoder). Starts a new sequence. What may be the beginning of a stop string
    /// waits until it is none. Where the model's logits are not finite the error (not_finite) names the token; text
    /// made before has come by then.
    Result<GenerateStats> generate(std::string_view prompt, const GenerateOptions& options,
                                   const std::function<bool(std::string_view)>& on_text);
    /// The same with ids; each new id comes to `on_token`.
    Result<GenerateStats> generate_ids(std::span<const uint32_t> prompt, const GenerateOptions& options,
                                       const std::function<bool(uint32_t)>& on_token);

    Result<std::vector<uint32_t>> encode(std::string_view text) const;
    std::string decode(std::span<const uint32_t> ids) const;

    /// Sampling, stop strings and the most tokens as generation_config.json asks for them,
    /// or the metadata of a GGUF file.
    GenerateOptions default_options() const;
    /// What the model's files say and weft does not use, a line each; empty as a rule. Worth showing to a person.
    const std::vector<std::string>& warnings() const;
    std::string architecture() const;
    /// Whether it answers a prompt with another text, as encoder-decoders do, in place of continuing it.
    bool answers() const;
    uint32_t context() const;
    uint64_t parameters() const, weight_bytes() const, state_bytes() const, activation_bytes() const;

    TextModelState& internal() const { return *state_; }

private:
    explicit TextModel(std::unique_ptr<TextModelState> state);
    std::unique_ptr<TextModelState> state_;
};

struct Perplexity {
    uint64_t tokens = 0, bytes = 0;
    double nats = 0;
    double perplexity() const, bits_per_byte() const;
};
/// How well the model predicts a text, in windows of `window` tokens (0: the context) that each start without context;
/// the first token of a window is not counted.
Result<Perplexity> measure_perplexity(TextModel& model, std::string_view text, uint32_t window,
                                      const ProgressFunction& progress);

} // namespace weft
