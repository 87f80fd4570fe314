// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a preprocessor_config.json: what is accepted makes finite input of the right size.
#include "base/check.hpp"
#include "media/sound_features.hpp"
#include <algorithm>
#include <cmath>
#include <cstddef>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr uint64_t kMostWork = 1 << 22; // larger sizes only take time

std::vector<float> input_of(const SoundSettings& s) {
    const bool mel = s.kind == SoundSettings::Kind::log_mel;
    std::vector<float> sound(mel ? s.window_samples() : std::max(s.frame_samples(), 1000u));
    for (size_t i = 0; i < sound.size(); ++i) sound[i] = std::sin(float(i * i));
    if (s.kind == SoundSettings::Kind::samples) {
        normalize_samples(sound);
        return sound;
    }
    if (!mel) {
        auto input = fbank_input(sound, s);
        weft_CHECK(input && input->size() == size_t(s.frames) * s.bins, "a frame is enough");
        return std::move(*input);
    }
    const auto frames = LogMel(s).frames(sound, 0, s.window_frames());
    weft_CHECK(frames.size() == size_t(s.window_frames()) * s.bins, "a window has its frames");
    return log_mel_input(frames, s.bins, std::ranges::max(frames));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "p.json");
    if (!json || !json->is_object()) return 0;
    const auto s = read_sound_settings(JsonObject(*json, "p.json"));
    weft_CHECK(s || s.error().message.starts_with("p.json: "), "a message names the file");
    if (!s || uint64_t(s->window_samples()) > kMostWork ||
        uint64_t(s->fft + s->bins) * s->window_frames() > kMostWork || uint64_t(s->bins) * s->frames > kMostWork ||
        s->frame_samples() > kMostWork)
        return 0;
    const auto input = input_of(*s);
    weft_CHECK(std::ranges::all_of(input, [](float x) { return std::isfinite(x); }) ||
                   s->kind == SoundSettings::Kind::fbank, // a mean and a deviation may be of any size
               "input is finite");
    return 0;
}
