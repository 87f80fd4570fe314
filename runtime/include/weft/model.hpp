// SPDX-License-Identifier: Apache-2.0
// Public: a model on a device, with what its files say of text.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>
#include <weft/chat_template.hpp>
#include <weft/device.hpp>
#include <weft/generate_options.hpp>
#include <weft/progress.hpp>
#include <weft/tokenizer.hpp>

namespace weft {

/// Whether a model that sees pictures among the tokens of a text is loaded with what sees them.
enum class Pictures : uint32_t {
    none,     ///< text alone
    if_seen,  ///< where the model sees them
    required, ///< and loading fails (unsupported) where it does not
};

struct ModelOptions {
    WeightType dtype = WeightType::stored;
    bool random_weights = false; ///< no weight files: random ones, for timing
    bool need_tokenizer = true;  ///< fail without a tokenizer; else only ids can be used
    Pictures pictures = Pictures::none;
    /// Of a GGUF file that is to see pictures: the file with its tower; empty: the only mmproj*.gguf in its folder.
    std::filesystem::path mmproj;
    ProgressFunction progress; ///< stage load
};

namespace detail {
struct Access;
struct ModelState;
} // namespace detail

/// Weights on a device and what belongs to them; what it does, a Sequence does. Immutable; copies are cheap and share
/// one state, which keeps the device open; any number of threads may use it at once.
class weft_API Model {
public:
    /// `path`: a Hugging Face directory or a GGUF file, or a config.json or schedule file with options.random_weights.
    /// Fails (unsupported) where the architecture is unknown, or makes no text: Embedder is for encoders.
    static Result<Model> load(const Device& device, const std::filesystem::path& path,
                              const ModelOptions& options = {});

    const Device& device() const;
    const std::filesystem::path& path() const;
    const Tokenizer* tokenizer() const; ///< null: there is none (ModelOptions::need_tokenizer)
    /// Read from the files when it is asked for; `name` as in ChatTemplate::load(). Fails with not_found without one.
    Result<ChatTemplate> chat_template(const std::string& name = {}) const;
    /// Sampling, stop strings and the most tokens as generation_config.json asks for them,
    /// or the metadata of a GGUF file.
    GenerateOptions generate_options() const;
    /// What the model's files say and weft does not use, a line each; empty as a rule. Worth showing to a person.
    const std::vector<std::string>& warnings() const;

    const std::string& architecture() const;
    /// Whether it answers a prompt with another text, as encoder-decoders do, in place of continuing it.
    bool answers() const;
    bool sees() const; ///< whether Prompt::pictures may have some
    uint32_t vocabulary() const;
    uint32_t trained_context() const; ///< tokens; 0: the files do not say
    uint64_t parameters() const;
    uint64_t weight_bytes() const; ///< on the device

private:
    friend struct detail::Access;
    explicit Model(std::shared_ptr<const detail::ModelState> state) : state_(std::move(state)) {}
    std::shared_ptr<const detail::ModelState> state_;
};

} // namespace weft
