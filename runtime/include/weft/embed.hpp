// SPDX-License-Identifier: Apache-2.0
// Public: embeddings of texts: vectors that are near each other where meanings are.
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

namespace weft {

/// What of a text's last hidden states its embedding is.
enum class Pooling { mean, cls, last }; ///< cls: of the first token

struct EmbedderOptions {
    WeightType dtype = WeightType::stored;
    /// Not set: what the model's files say (modules.json of sentence-transformers), else the mean for encoders and the
    /// last token for decoders, not normalised.
    std::optional<Pooling> pooling;
    std::optional<bool> normalize; ///< to unit length
    uint32_t context = 0;          ///< most tokens of a text; 0: what the files say
    uint32_t batch_tokens = 0;     ///< most tokens of one step; 0: 1024, or the context where that is more
    ProgressFunction progress;
};

class EmbedderState;

/// A model that embeds. Move-only; one thread at a time. The device must outlive it.
class Embedder {
public:
    /// `path`: a Hugging Face directory or a GGUF file of an encoder or a decoder.
    static Result<Embedder> load(Device& device, const std::filesystem::path& path,
                                 const EmbedderOptions& options = {});
    Embedder(Embedder&&) noexcept;
    Embedder& operator=(Embedder&&) noexcept;
    ~Embedder();

    /// One vector a text, in the order of the texts, [texts, width()]; texts of like length are computed together.
    /// A text longer than the context is cut, with its special tokens kept: `cut` counts them. `progress(done)`: texts
    /// done; false stops.
    Result<std::vector<float>> embed(std::span<const std::string> texts, size_t* cut = nullptr,
                                     const std::function<bool(size_t)>& progress = {});

    uint32_t width() const;
    uint32_t context() const;
    Pooling pooling() const;
    bool normalized() const;
    std::string architecture() const;
    const std::vector<std::string>& warnings() const;

private:
    explicit Embedder(std::unique_ptr<EmbedderState> state);
    std::unique_ptr<EmbedderState> state_;
};

} // namespace weft
