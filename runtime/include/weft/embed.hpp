// SPDX-License-Identifier: Apache-2.0
// Public: embeddings of texts: vectors that are near each other where meanings are.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weft/device.hpp>
#include <weft/progress.hpp>

namespace weft {

/// What of a text's last hidden states its embedding is.
enum class Pooling { mean, cls, last }; ///< cls: of the first token

struct EmbedderOptions {
    WeightType dtype = WeightType::stored;
    CacheType cache = CacheType::beside_weights; ///< of decoders: encoders keep no keys
    /// Not set: what the model's files say (modules.json of sentence-transformers), else the mean for encoders and the
    /// last token for decoders, not normalised.
    std::optional<Pooling> pooling;
    std::optional<bool> normalize; ///< to unit length
    uint32_t context = 0;          ///< most tokens of a text; 0: what the files say
    uint32_t batch_tokens = 0;     ///< most tokens of one step; 0: 1024, or the context where that is more
    ProgressFunction progress;
};

/// A vector a text, in the order of the texts.
struct Embeddings {
    std::vector<float> values; ///< [texts, Embedder::width()]
    size_t cut = 0;            ///< texts that were longer than the context: cut, with their special tokens kept
};

namespace detail {
struct Access;
class EmbedderState;
} // namespace detail

/// A model that embeds, whose heads are not loaded. Move-only; one thread at a time; keeps the device open.
class weft_API Embedder {
public:
    /// `path`: a Hugging Face directory or a GGUF file of an encoder or a decoder, or of what compares texts with
    /// pictures (CLIP, SigLIP): its vectors go with those of PictureModel, and options.pooling and normalize are
    /// refused (invalid_argument).
    static Result<Embedder> load(const Device& device, const std::filesystem::path& path,
                                 const EmbedderOptions& options = {});
    Embedder(Embedder&&) noexcept;
    Embedder& operator=(Embedder&&) noexcept;
    ~Embedder();

    /// Texts of like length are computed together. `progress`: stage prefill, in texts.
    Result<Embeddings> embed(std::span<const std::string> texts, const ProgressFunction& progress = {});

    uint32_t width() const;
    uint32_t context() const;
    Pooling pooling() const;
    bool normalized() const;
    std::string architecture() const;
    const std::vector<std::string>& warnings() const;

private:
    friend struct detail::Access;
    explicit Embedder(std::unique_ptr<detail::EmbedderState> state);
    std::unique_ptr<detail::EmbedderState> state_;
};

} // namespace weft
