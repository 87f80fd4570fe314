// SPDX-License-Identifier: Apache-2.0
// Public: pictures to classes, or to vectors that are near each other where pictures are alike.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <weft/device.hpp>
#include <weft/picture.hpp>
#include <weft/progress.hpp>

namespace weft {

struct PictureModelOptions {
    WeightType dtype = WeightType::stored;
    bool embed = false; ///< vectors in place of classes: the classifier's head is not loaded
    /// Classes in words, of models that compare pictures with texts (CLIP, SigLIP), in place of classes of their own.
    std::vector<std::string> texts = {};
    uint32_t batch = 0; ///< most pictures of one step; 0: as many as fill a device
    bool map = false;   ///< PictureModel::map() will be asked for
    ProgressFunction progress;
};

/// A class of pictures and how probable it is.
struct Guess {
    uint32_t label = 0; ///< its number: PictureModel::labels()
    float probability = 0;
};

namespace detail {
class PictureModelState;
} // namespace detail

/// A model that sees pictures and gives each a row of numbers. Move-only; one thread at a time; keeps the device open.
class weft_API PictureModel {
public:
    /// `path`: a Hugging Face directory. Pictures are prepared as its preprocessor_config.json (processor_config.json)
    /// says. Fails (unsupported) where the model takes no pictures, has no classes, no vector for a whole picture, does
    /// not compare pictures with texts, or has nothing to make a map of, and (invalid_argument) on texts that are too
    /// long for it.
    static Result<PictureModel> load(const Device& device, const std::filesystem::path& path,
                                     const PictureModelOptions& options = {});
    PictureModel(PictureModel&&) noexcept;
    PictureModel& operator=(PictureModel&&) noexcept;
    ~PictureModel();

    /// Fails (invalid_argument) where see() would: on a picture of a size that cannot be prepared or that the model
    /// does not take.
    Status takes(const Picture& picture) const;
    /// Logits of the classes, or vectors: f32 [pictures, width()]. `progress`: stage prefill, in pictures.
    /// Fails on what it does not take, and (not_finite) where a result is NaN or infinite; both name the picture.
    Result<std::vector<float>> see(std::span<const Picture> pictures, const ProgressFunction& progress = {});
    /// The `top` most probable classes of each picture, the best first: see() through a softmax over the classes, or
    /// each by itself where the model's files say that they do not exclude each other, and of SigLIP.
    Result<std::vector<std::vector<Guess>>> classify(std::span<const Picture> pictures, uint32_t top,
                                                     const ProgressFunction& progress = {});

    /// What the model looks at in a picture, of a model that was loaded for it (else invalid_argument): of one that
    /// scans the root mean square of what its last scan adds to each patch; of others the attention in the last layer,
    /// the mean over its heads, that the class token pays to each patch, or the query that pools them (SigLIP), or on
    /// average all of them (Swin). Computed by another step, on the host from its q and k.
    Result<PictureMap> map(const Picture& picture);

    uint32_t width() const;
    const std::vector<std::string>& labels() const; ///< of the classes, or the texts; empty of vectors
    uint32_t batch() const;                         ///< as many pictures are worth giving see() at once
    std::string architecture() const;
    const std::vector<std::string>& warnings() const;

private:
    explicit PictureModel(std::unique_ptr<detail::PictureModelState> state);
    std::unique_ptr<detail::PictureModelState> state_;
};

} // namespace weft
