// SPDX-License-Identifier: Apache-2.0
// Sound of files of every kind, at other rates, and broken.
#include "base/file.hpp"
#include "media/resample_sound.hpp"
#include "media/sound.hpp"
#include "repository.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <sndfile.h>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

float tone(size_t i, int rate) { return 0.5f * float(std::sin(2 * std::numbers::pi * 440 * double(i) / rate)); }

std::vector<float> tones(size_t frames, int rate, int channels = 1) {
    std::vector<float> all;
    for (size_t i = 0; i < frames; ++i)
        for (int c = 0; c < channels; ++c) all.push_back(tone(i, rate) * float(c + 1) * 2 / float(channels + 1));
    return all;
}

std::filesystem::path write(const std::filesystem::path& path, int format, int rate, int channels,
                            std::vector<float> samples) {
    SF_INFO info = {};
    info.samplerate = rate;
    info.channels = channels;
    info.format = format;
    SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
    REQUIRE(file);
    REQUIRE(sf_write_float(file, samples.data(), sf_count_t(samples.size())) == sf_count_t(samples.size()));
    sf_close(file);
    return path;
}

// All of it, asked for in pieces that are no multiples of anything.
Result<std::vector<float>> all_of(SoundReader& reader) {
    std::vector<float> all, piece(1237);
    for (size_t got = piece.size(); got == piece.size();) {
        weft_ASSIGN(got, reader.read(piece));
        all.insert(all.end(), piece.begin(), piece.begin() + long(got));
    }
    return all;
}

Result<std::vector<float>> read(const std::filesystem::path& path, uint32_t rate = 16000) {
    weft_ASSIGN(const auto reader, read_sound(path, rate));
    return all_of(*reader);
}

// Away from its ends, where filters swing.
void check_tone(const std::vector<float>& samples, size_t length, float tolerance, size_t delay = 0) {
    REQUIRE(samples.size() >= length);
    REQUIRE(samples.size() <= length + delay);
    for (size_t i = 2000; i + 2000 < length; ++i) {
        INFO("sample " << i);
        REQUIRE(std::abs(samples[i] - tone(i, 16000)) <= tolerance);
    }
}

} // namespace

TEST_CASE("sound of every kind of file is the same") {
    const weft::test::TemporaryDirectory folder;
    const auto samples = tones(16000, 16000);
    for (const auto& [name, format, tolerance] : std::initializer_list<std::tuple<const char*, int, float>>{
             {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4e-5f},
             {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 1e-6f},
             {"float.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0},
             {"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 0.02f},
             {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 0.02f}}) {
        INFO(name);
        const auto path = write(folder / name, format, 16000, 1, samples);
        const auto got = read(path);
        REQUIRE(got);
        check_tone(*got, 16000, tolerance, 1152); // MP3 may end with a frame's rest
        const auto bytes = read_file(path);
        const auto memory = read_sound(std::as_bytes(std::span(*bytes)), "memory", 16000);
        REQUIRE(memory);
        CHECK((*memory)->length() == (*read_sound(path, 16000))->length());
        CHECK(*all_of(**memory) == *got);
    }
}

TEST_CASE("sound has the rate that is asked for, and one channel") {
    const weft::test::TemporaryDirectory folder;
    for (const int rate : {8000, 11025, 44100, 48000, 192000}) {
        for (const int channels : {1, 2, 8}) {
            INFO(rate << " a second, " << channels << " channels");
            const auto path = write(folder / "a.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, rate, channels,
                                    tones(size_t(rate), rate, channels));
            const auto reader = read_sound(path, 16000);
            REQUIRE(reader);
            CHECK((*reader)->length() == 16000);
            const auto got = all_of(**reader);
            REQUIRE(got);
            SoundResampler resampler(uint32_t(rate), 16000);
            resampler.add(tones(size_t(rate), rate));
            resampler.end();
            std::vector<float> wanted(16001);
            REQUIRE(resampler.take(wanted) == 16000);
            REQUIRE(got->size() == 16000);
            for (size_t i = 0; i < got->size(); ++i) REQUIRE(std::abs((*got)[i] - wanted[i]) <= 1e-6f);
        }
    }
}

TEST_CASE("sound that is empty, not finite, cut or none at all is said by name") {
    const weft::test::TemporaryDirectory folder;
    const int wav = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
    const auto empty = read(write(folder / "empty.wav", wav, 16000, 1, {}));
    REQUIRE(empty);
    CHECK(empty->empty());
    CHECK(read(write(folder / "empty8.wav", wav, 8000, 1, {}))->empty());

    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        auto samples = tones(8000, 16000);
        samples[4000] = bad;
        const auto got = read(write(folder / "bad.wav", wav, 16000, 1, samples));
        REQUIRE_FALSE(got);
        CHECK(got.error().code == ErrorCode::malformed);
        CHECK_THAT(got.error().message, ContainsSubstring("bad.wav: the sample at 0.250 s is not finite"));
    }

    CHECK(read(folder / "none.wav").error().code == ErrorCode::not_found);
    CHECK_THAT(read(folder.path()).error().message, ContainsSubstring("is a directory"));
    CHECK_THAT(read(folder.write("text.wav", "no sound at all")).error().message,
               ContainsSubstring("text.wav: is no sound that can be read"));
    CHECK_THAT(read(folder.write("nothing.wav", "")).error().message, ContainsSubstring("is no sound"));
    CHECK_THAT(read(write(folder / "slow.wav", wav, 200, 1, {0, 0})).error().message,
               ContainsSubstring("has 200 samples a second"));
}

TEST_CASE("a file that ends before what it promises is not taken for whole") {
    const weft::test::TemporaryDirectory folder;
    const auto half = [&](const char* name, int format) {
        const auto whole = *read_file(write(folder / "whole", format, 16000, 1, tones(48000, 16000)));
        return read(folder.write(name, whole.substr(0, whole.size() / 2)));
    };
    const auto cut = half("cut.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code == ErrorCode::malformed);
    CHECK_THAT(cut.error().message, ContainsSubstring("cut.flac: "));
    // What writes to a pipe cannot know how long a WAV becomes: there all that comes is the sound.
    const auto rest = half("cut.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16);
    REQUIRE(rest);
    check_tone(*rest, 23989, 4e-5f);
}
