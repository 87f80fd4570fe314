// SPDX-License-Identifier: Apache-2.0
// Sound at other rates, against the definition and what models were trained with.
#include "base/file.hpp"
#include "io/safetensors.hpp"
#include "media/resample_sound.hpp"
#include "media/sound.hpp"
#include "unit/goldens.hpp"
#include <algorithm>
#include <catch2/catch_all.hpp>
#include <cmath>
#include <numbers>
#include <numeric>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr double kRounding = 1e-6; // of sums near 1 to f32

std::vector<float> noise(size_t samples) {
    std::vector<float> all;
    uint32_t state = 1;
    for (size_t i = 0; i < samples; ++i) all.push_back(float(int32_t(state = state * 1664525 + 1013904223)) / 0x1p31f);
    return all;
}

// As torchaudio writes it: a kernel a phase over the sound between zeros, every old samples.
std::vector<double> by_definition(std::span<const float> sound, size_t from, size_t to) {
    const size_t divisor = std::gcd(from, to);
    from /= divisor;
    to /= divisor;
    const double band = double(std::min(from, to)) * 0.99;
    const auto width = long(std::ceil(6 * double(from) / band));
    const size_t wanted = (to * sound.size() + from - 1) / from;
    std::vector<double> all;
    for (long block = 0; all.size() < wanted; ++block)
        for (size_t phase = 0; phase < to && all.size() < wanted; ++phase) {
            double sum = 0;
            for (long i = -width; i < width + long(from); ++i) {
                const long at = block * long(from) + i;
                if (at < 0 || at >= long(sound.size())) continue;
                double t = (double(i) / double(from) - double(phase) / double(to)) * band;
                t = std::clamp(t, -6.0, 6.0) * std::numbers::pi;
                const double window = std::pow(std::cos(t / 12), 2);
                sum += (t == 0 ? 1 : std::sin(t) / t) * window * band / double(from) * double(sound[size_t(at)]);
            }
            all.push_back(sum);
        }
    return all;
}

std::vector<float> resampled(std::span<const float> sound, uint32_t from, uint32_t to, size_t in, size_t out) {
    SoundResampler resampler(from, to);
    std::vector<float> all, piece(out);
    const auto take = [&] {
        for (size_t got = out; got == out;) {
            got = resampler.take(piece);
            all.insert(all.end(), piece.begin(), piece.begin() + long(got));
        }
    };
    for (size_t at = 0; at < sound.size(); at += in) {
        resampler.add(sound.subspan(at, std::min(in, sound.size() - at)));
        take();
    }
    resampler.end();
    take();
    CHECK(all.size() == resampler.length(sound.size()));
    return all;
}

} // namespace

TEST_CASE("sound has another rate as torchaudio defines it, in pieces of every size") {
    const auto sound = noise(1500);
    for (const auto& [from, to] : std::initializer_list<std::pair<uint32_t, uint32_t>>{{8000, 16000},
                                                                                       {44100, 16000},
                                                                                       {48000, 16000},
                                                                                       {192000, 16000},
                                                                                       {11025, 16000},
                                                                                       {16001, 16000},
                                                                                       {1000, 16000},
                                                                                       {16000, 8000},
                                                                                       {768000, 16000},
                                                                                       {7, 3},
                                                                                       {3, 7}}) {
        for (const size_t samples : {size_t(0), size_t(1), size_t(2), size_t(441), size_t(1500)}) {
            INFO(from << " to " << to << ", " << samples << " samples");
            const auto part = std::span(sound).first(samples);
            const auto whole = resampled(part, from, to, 4096, 4096);
            const auto wanted = by_definition(part, from, to);
            REQUIRE(whole.size() == wanted.size());
            for (size_t i = 0; i < whole.size(); ++i) {
                INFO("sample " << i);
                REQUIRE(std::abs(double(whole[i]) - wanted[i]) <= kRounding);
            }
            for (const auto& [in, out] : {std::pair<size_t, size_t>{1, 1}, {1, 7}, {160, 3}, {441, 160}, {1499, 4096}})
                CHECK(resampled(part, from, to, in, out) == whole);
        }
    }
}

TEST_CASE("spoken digits have the samples that their model was trained with") {
    weft_GOLDEN(folder, "../models/digits-audiomamba");
    const auto io = SafetensorsFile::open(folder / "io.safetensors");
    REQUIRE(io);
    const Json clips = (*parse_json(*read_file(folder / "case.json"), "case.json"))["clips"];
    REQUIRE(clips.size() == 6);
    for (size_t i = 0; i < clips.size(); ++i) {
        const auto name = clips[i].get<std::string>();
        INFO(name);
        const auto reader = read_sound(weft::test::goldens() / "../data/audio/fsdd" / name, 16000);
        REQUIRE(reader);
        const TensorView* recorded = io->find("output.waveform_16k." + std::to_string(i));
        REQUIRE(recorded);
        const auto wanted = *read_f32(*recorded);
        std::vector<float> ours(wanted.size() + 1);
        REQUIRE((*reader)->length() == wanted.size());
        REQUIRE(*(*reader)->read(ours) == wanted.size());
        for (size_t k = 0; k < wanted.size(); ++k) REQUIRE(std::abs(ours[k] - wanted[k]) <= float(kRounding));
    }
}
