// SPDX-License-Identifier: Apache-2.0
// L5: sound as numbers: one channel of samples in [-1, 1] at one rate, read from front to back.
#pragma once
#include "base/result.hpp"
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace weft::detail {

/// One thread at a time. What it holds does not grow with the sound.
class SoundReader {
public:
    virtual ~SoundReader() = default;
    /// Fills `samples` from its front and gives how many came: fewer than asked for only at the end. Fails (malformed),
    /// with the place, where a sample is not finite or a file ends before what it promises.
    virtual Result<size_t> read(std::span<float> samples) = 0;
    /// Samples in all, as the file says; 0: nothing does.
    virtual uint64_t length() const { return 0; }
};

/// WAV, FLAC, OGG, MP3 and all else that libsndfile reads: channels are mixed by their mean, and the file's rate is
/// changed to `rate`. Fails (not_found, malformed) naming the file.
Result<std::unique_ptr<SoundReader>> read_sound(const std::filesystem::path& path, uint32_t rate);
/// The same of a file in memory, which must outlive the reader; `origin` opens every message.
Result<std::unique_ptr<SoundReader>> read_sound(std::span<const std::byte> file, const std::string& origin,
                                                uint32_t rate);

} // namespace weft::detail
