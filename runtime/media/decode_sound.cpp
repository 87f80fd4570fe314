// SPDX-License-Identifier: Apache-2.0
// L5: sound of files, which libsndfile decodes.
#include "media/resample_sound.hpp"
#include "media/sound.hpp"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sndfile.h>
#include <vector>

namespace weft::detail {
namespace {

constexpr int kLowestRate = 1000, kHighestRate = 768000;
constexpr size_t kBlock = 4096; // frames that are decoded at once

#ifdef _WIN32
constexpr auto open_path = sf_wchar_open;
#else
constexpr auto open_path = sf_open;
#endif

// The bytes of a file in memory, as libsndfile wants to see them.
struct Memory {
    std::span<const std::byte> bytes;
    sf_count_t at = 0;

    static Memory& of(void* user) { return *static_cast<Memory*>(user); }
    static sf_count_t size(void* user) { return sf_count_t(of(user).bytes.size()); }
    static sf_count_t tell(void* user) { return of(user).at; }
    static sf_count_t write(const void*, sf_count_t, void*) { return 0; }
    static sf_count_t seek(sf_count_t offset, int whence, void* user) {
        const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? of(user).at : size(user);
        return of(user).at = std::clamp<sf_count_t>(base + offset, 0, size(user));
    }
    static sf_count_t read(void* to, sf_count_t count, void* user) {
        Memory& m = of(user);
        count = std::clamp<sf_count_t>(count, 0, size(user) - m.at);
        std::memcpy(to, m.bytes.data() + m.at, size_t(count));
        m.at += count;
        return count;
    }
};

class FileReader : public SoundReader {
public:
    FileReader(std::string origin, std::span<const std::byte> bytes) : origin_(std::move(origin)), memory_{bytes} {}

    Status open(const std::filesystem::path* path, uint32_t rate) {
        SF_VIRTUAL_IO io{Memory::size, Memory::seek, Memory::read, Memory::write, Memory::tell};
        file_.reset(path ? open_path(path->c_str(), SFM_READ, &info_)
                         : sf_open_virtual(&io, SFM_READ, &info_, &memory_));
        if (!file_)
            return Error{ErrorCode::malformed,
                         origin_ + ": is no sound that can be read: " + sf_strerror(nullptr),
                         {"WAV, FLAC, OGG and MP3 files are read; ffmpeg -i FILE sound.wav makes one of others, and of "
                          "the sound of a film"}};
        if (info_.samplerate < kLowestRate || info_.samplerate > kHighestRate || info_.channels < 1)
            return bad("has " + std::to_string(info_.samplerate) + " samples a second; weft reads " +
                       std::to_string(kLowestRate) + " to " + std::to_string(kHighestRate));
        frames_.resize(kBlock * size_t(info_.channels));
        if (uint32_t(info_.samplerate) != rate) resampler_.emplace(uint32_t(info_.samplerate), rate);
        return Ok{};
    }

    uint64_t length() const override {
        const uint64_t frames = promised() ? uint64_t(info_.frames) : 0;
        return resampler_ ? resampler_->length(frames) : frames;
    }

    Result<size_t> read(std::span<float> samples) override {
        size_t got = 0;
        for (;;) {
            const auto room = samples.subspan(got);
            if (resampler_) got += resampler_->take(room);
            else {
                const size_t count = std::min(room.size(), pending_.size());
                std::copy_n(pending_.begin(), count, room.begin());
                pending_ = pending_.subspan(count);
                got += count;
            }
            if (ended_ || got == samples.size()) return got;
            weft_TRY(decode());
            if (!resampler_) continue;
            if (ended_) resampler_->end();
            else resampler_->add(pending_);
        }
    }

private:
    bool promised() const { return info_.frames > 0 && info_.frames < SF_COUNT_MAX; }
    Error bad(const std::string& what) const { return {ErrorCode::malformed, origin_ + ": " + what, {}}; }
    std::string seconds(sf_count_t frames) const {
        char text[32];
        std::snprintf(text, sizeof text, "%.3f s", double(frames) / info_.samplerate);
        return text;
    }

    // The next block, mixed to one channel.
    Status decode() {
        const auto channels = size_t(info_.channels);
        const sf_count_t count = sf_readf_float(file_.get(), frames_.data(), kBlock);
        if (count <= 0) {
            ended_ = true;
            if (sf_error(file_.get()) != SF_ERR_NO_ERROR)
                return bad("cannot be decoded behind " + seconds(decoded_) + ": " + sf_strerror(file_.get()));
            if (promised() && decoded_ < info_.frames)
                return bad("ends after " + seconds(decoded_) + " of " + seconds(info_.frames));
            return Ok{};
        }
        for (size_t i = 0; i < size_t(count); ++i) {
            float sum = 0;
            for (size_t c = 0; c < channels; ++c) sum += frames_[i * channels + c];
            if (!std::isfinite(sum))
                return bad("the sample at " + seconds(decoded_ + sf_count_t(i)) + " is not finite");
            frames_[i] = sum / float(channels);
        }
        decoded_ += count;
        pending_ = std::span(frames_).first(size_t(count));
        return Ok{};
    }

    struct Close {
        void operator()(SNDFILE* file) const { sf_close(file); }
    };
    std::string origin_;
    Memory memory_; // before what reads it
    SF_INFO info_ = {};
    std::unique_ptr<SNDFILE, Close> file_;
    std::optional<SoundResampler> resampler_; // none: the file has the rate
    std::vector<float> frames_;               // a block as it is decoded, mixed in place
    std::span<float> pending_;                // of it, what has not gone on yet
    sf_count_t decoded_ = 0;
    bool ended_ = false;
};

} // namespace

Result<std::unique_ptr<SoundReader>> read_sound(const std::filesystem::path& path, uint32_t rate) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status))
        return Error{ErrorCode::not_found, path.string() + ": there is no such file", {}};
    if (std::filesystem::is_directory(status))
        return Error{ErrorCode::invalid_argument, path.string() + ": is a directory, a file of sound is needed", {}};
    auto reader = std::make_unique<FileReader>(path.string(), std::span<const std::byte>());
    weft_TRY(reader->open(&path, rate));
    return std::unique_ptr<SoundReader>(std::move(reader));
}

Result<std::unique_ptr<SoundReader>> read_sound(std::span<const std::byte> file, const std::string& origin,
                                                uint32_t rate) {
    auto reader = std::make_unique<FileReader>(origin, file);
    weft_TRY(reader->open(nullptr, rate));
    return std::unique_ptr<SoundReader>(std::move(reader));
}

} // namespace weft::detail
