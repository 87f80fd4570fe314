// SPDX-License-Identifier: Apache-2.0
// Public: what is said in a sound, or what it is.
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <weft/device.hpp>
#include <weft/progress.hpp>

namespace weft {

struct HearerOptions {
    WeightType dtype = WeightType::stored;
    CacheType cache = CacheType::beside_weights; ///< of models that write what they hear (Whisper)
    ProgressFunction progress;                   ///< stage load
};

/// All but `classes` and `progress` are about models that write what they hear, in windows (Whisper). Their thresholds
/// are those of its authors.
struct HearOptions {
    std::string language;   ///< a code that the model's files name, such as "en"; empty: the one that it hears first
    bool translate = false; ///< into English
    /// The model is asked for times; without, it is for sounds longer than a window alone, which need them.
    bool timestamps = false;
    bool condition = true; ///< what was said before a window is told to the model
    /// A window is heard with the first one; with the next, if the text says the same too often or is too unlikely.
    std::vector<float> temperatures = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1};
    /// At a temperature of 0: texts that are written side by side, from 1 to 64; the one that is likeliest by the token
    /// is taken. Each takes the memory of a window's text and of what is heard of it.
    uint32_t beams = 1;
    float most_compression = 2.4f;    ///< bytes of the text over those that zlib makes of them
    float least_log_probability = -1; ///< of a token, on average
    float least_no_speech = 0.6f;     ///< a window that is so likely silent, and whose text is unlikely, has none
    /// Seconds of sound that is still coming after which what is there of a window is heard: what ends before its last
    /// second is given, the rest heard again with what follows. 0: windows are heard when they are full.
    float patience = 0;
    uint64_t seed = 0;         ///< of temperatures above 0
    size_t classes = 5;        ///< most that are given, the likeliest first
    /// Stage prefill: samples; 0 of 0 where nothing says how many there are. Of models that write it is called before
    /// every token.
    ProgressFunction progress;
};

/// A stretch of speech.
struct HeardSegment {
    double begin = 0, end = 0; ///< seconds
    std::string text;          ///< as the model spells it: words in the middle of a text have a space in front
    // Of models that write in windows:
    std::vector<uint32_t> tokens;                                               ///< with those that stand for times
    float temperature = 0, compression = 0, log_probability = 0, no_speech = 0; ///< of its window
};

struct HeardClass {
    uint32_t index = 0;
    std::string label; ///< of config.json; empty: it has none
    float probability = 0;
};

struct Heard {
    double seconds = 0;              ///< of sound that was read
    std::string language;            ///< of speech whose language the model knows: its code
    std::vector<HeardClass> classes; ///< of the beginning that the model takes in
};

/// Takes a segment as soon as it is certain; false stops, and the call succeeds.
using SegmentFunction = std::function<bool(const HeardSegment& segment)>;
/// Fills what it is given from the front with samples, one channel at Hearer::rate() in [-1, 1], and returns how many:
/// fewer than asked for are the end.
using SoundFunction = std::function<size_t(std::span<float> samples)>;

namespace detail {
class HearerState;
}

/// A model that hears. What it holds does not grow with the sound, however long that is. Move-only; one thread at a
/// time; keeps the device open.
class weft_API Hearer {
public:
    /// `path`: a Hugging Face directory with preprocessor_config.json: Whisper and wav2vec2 write, AST and Audio Mamba
    /// tell classes. Fails (unsupported) for models that do not hear.
    static Result<Hearer> load(const Device& device, const std::filesystem::path& path,
                               const HearerOptions& options = {});
    Hearer(Hearer&&) noexcept;
    Hearer& operator=(Hearer&&) noexcept;
    ~Hearer();

    /// A file of sound (WAV, FLAC, OGG, MP3, ...) of any rate and number of channels. Fails (not_found, malformed)
    /// naming it; segments before the place that cannot be read have been given then.
    Result<Heard> hear(const std::filesystem::path& file, const HearOptions& options = {},
                       const SegmentFunction& take = {});
    /// The same of a file in memory; `name` opens every message about it.
    Result<Heard> hear(std::span<const std::byte> file, const std::string& name, const HearOptions& options = {},
                       const SegmentFunction& take = {});
    /// Sound as it comes.
    Result<Heard> hear(const SoundFunction& sound, const HearOptions& options = {}, const SegmentFunction& take = {});

    uint32_t rate() const; ///< samples a second that the model hears
    bool writes() const;   ///< segments; else classes
    std::string architecture() const;
    const std::vector<std::string>& warnings() const;

private:
    explicit Hearer(std::unique_ptr<detail::HearerState> state);
    std::unique_ptr<detail::HearerState> state_;
};

} // namespace weft
