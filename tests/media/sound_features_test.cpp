// SPDX-License-Identifier: Apache-2.0
// Spectrograms and samples against what transformers makes of the same sound.
#include "base/file.hpp"
#include "io/safetensors.hpp"
#include "media/sound.hpp"
#include "media/sound_features.hpp"
#include "unit/goldens.hpp"
#include <algorithm>
#include <catch2/catch_all.hpp>
#include <cmath>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr float kTolerance = 1e-4f; // of goldens/README.md, for sound

SoundSettings settings_in(const std::filesystem::path& folder) {
    const auto path = folder / "preprocessor_config.json";
    const Json json = *parse_json(*read_file(path), path.string());
    return *read_sound_settings(JsonObject(json, path.string()));
}

std::vector<float> tensor(const SafetensorsFile& file, const std::string& name) {
    INFO(name);
    const TensorView* view = file.find(name);
    REQUIRE(view);
    return *read_f32(*view);
}

// One window, of a sound that is filled up or cut to it.
std::vector<float> mel_of(std::vector<float> sound, const SoundSettings& s) {
    sound.resize(s.window_samples());
    const auto frames = LogMel(s).frames(sound, 0, s.window_frames());
    return log_mel_input(frames, s.bins, std::ranges::max(frames));
}

std::vector<float> input_of(std::vector<float> sound, const SoundSettings& s) {
    switch (s.kind) {
    case SoundSettings::Kind::log_mel: return mel_of(std::move(sound), s);
    case SoundSettings::Kind::fbank: return *fbank_input(sound, s);
    case SoundSettings::Kind::samples: break;
    }
    normalize_samples(sound);
    return sound;
}

void check_same(std::span<const float> ours, std::span<const float> wanted) {
    REQUIRE(ours.size() == wanted.size());
    float worst = 0;
    for (size_t i = 0; i < ours.size(); ++i) worst = std::max(worst, std::abs(ours[i] - wanted[i]));
    CHECK(worst <= kTolerance);
}

Json settings_json(const char* type) { return {{"feature_extractor_type", type}}; }

Result<SoundSettings> settings_of(const Json& json) { return read_sound_settings(JsonObject(json, "p.json")); }

} // namespace

TEST_CASE("sound is heard as transformers hears it, with settings of no released model") {
    for (const char* name : {"mel", "fbank", "samples"}) {
        const auto folder = weft::test::repository() / "tests/goldens/sound" / name;
        const SoundSettings s = settings_in(folder);
        const auto io = SafetensorsFile::open(folder / "io.safetensors");
        REQUIRE(io);
        for (const TensorView& t : io->tensors()) {
            if (!t.name.starts_with("input.")) continue;
            INFO(name << " " << t.name);
            const auto wanted = tensor(*io, "output." + t.name.substr(6));
            check_same(input_of(*read_f32(t), s), wanted);
        }
    }
}

TEST_CASE("sound is heard as recorded of released models' settings") {
    for (const auto& [name, file] :
         std::initializer_list<std::pair<const char*, const char*>>{{"whisper-80", "jfk.wav"},
                                                                    {"whisper-128", "jfk.wav"},
                                                                    {"ast", "jfk.wav"},
                                                                    {"wav2vec2", "yes_1000ms.wav"}}) {
        INFO(name);
        weft_GOLDEN(folder, std::string("frontends/") + name);
        const SoundSettings s = settings_in(folder);
        const auto reader = read_sound(weft::test::goldens() / "../data/audio" / file, s.rate);
        REQUIRE(reader);
        std::vector<float> sound((*reader)->length());
        REQUIRE(*(*reader)->read(sound) == sound.size());
        auto ours = input_of(sound, s);
        const auto io = SafetensorsFile::open(folder / "io.safetensors");
        REQUIRE(io);
        const bool mel = s.kind == SoundSettings::Kind::log_mel;
        const auto wanted = tensor(*io, mel ? "output.input_features" : "output.input_values");
        if (mel) { // of each bin the first frames are recorded
            const size_t all = s.window_frames(), kept = wanted.size() / s.bins;
            std::vector<float> first;
            for (size_t b = 0; b < s.bins; ++b) first.insert(first.end(), &ours[b * all], &ours[b * all + kept]);
            for (size_t i = kept; i < all; ++i) REQUIRE(std::abs(ours[i] - wanted[kept - 1]) <= kTolerance);
            ours = first;
        }
        check_same(ours, wanted);
    }
}

TEST_CASE("spoken digits are heard as the model that knows them was trained") {
    weft_GOLDEN(folder, "../models/digits-audiomamba");
    const SoundSettings s = settings_in(folder);
    const auto io = SafetensorsFile::open(folder / "io.safetensors");
    REQUIRE(io);
    const auto all = tensor(*io, "input.fbank");
    const size_t size = size_t(s.frames) * s.bins;
    for (size_t i = 0; i * size < all.size(); ++i) {
        INFO("clip " << i);
        check_same(*fbank_input(tensor(*io, "output.waveform_16k." + std::to_string(i)), s),
                   std::span(all).subspan(i * size, size));
    }
}

TEST_CASE("frames of a window within a sound are those of the whole sound") {
    SoundSettings s;
    s.seconds = 1;
    std::vector<float> sound(3 * s.window_samples());
    for (size_t i = 0; i < sound.size(); ++i) sound[i] = float(std::sin(double(i * i) * 1e-7));
    LogMel mel(s);
    const auto whole = mel.frames(sound, 0, 250);
    const size_t first = 101, begin = first * s.hop - mel.reach();
    const auto part = mel.frames(std::span(sound).subspan(begin, s.window_samples() + 2 * mel.reach()), mel.reach(),
                                 s.window_frames());
    REQUIRE(part.size() == size_t(s.window_frames()) * s.bins);
    CHECK(std::equal(part.begin(), part.end(), whole.begin() + long(first * s.bins)));
}

TEST_CASE("a spectrogram needs a frame") {
    SoundSettings s;
    s.kind = SoundSettings::Kind::fbank;
    s.frames = 2;
    const std::vector<float> sound(400);
    CHECK(fbank_input(sound, s)->size() == 2 * s.bins);
    const auto none = fbank_input(std::span(sound).first(399), s);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ErrorCode::invalid_argument);
    CHECK_THAT(none.error().message, ContainsSubstring("399 samples"));
}

TEST_CASE("silence is normalised to silence") {
    std::vector<float> sound(100, 0.25f);
    normalize_samples(sound);
    CHECK(std::ranges::all_of(sound, [](float x) { return x == 0; }));
    normalize_samples({});
}

TEST_CASE("settings of sound that weft does not follow are refused by their key") {
    for (const auto& [type, key, value, code] :
         std::initializer_list<std::tuple<const char*, const char*, Json, ErrorCode>>{
             {"WhisperFeatureExtractor", "n_fft", 401, ErrorCode::malformed},
             {"WhisperFeatureExtractor", "n_fft", 0, ErrorCode::malformed},
             {"WhisperFeatureExtractor", "n_fft", 1 << 20, ErrorCode::malformed},
             {"WhisperFeatureExtractor", "hop_length", "160", ErrorCode::malformed},
             {"WhisperFeatureExtractor", "chunk_length", 1000, ErrorCode::malformed},
             {"WhisperFeatureExtractor", "dither", 0.1, ErrorCode::unsupported},
             {"WhisperFeatureExtractor", "do_normalize", true, ErrorCode::unsupported},
             {"WhisperFeatureExtractor", "sampling_rate", 10, ErrorCode::malformed},
             {"ASTFeatureExtractor", "std", 0, ErrorCode::malformed},
             {"ASTFeatureExtractor", "feature_size", 2, ErrorCode::unsupported},
             {"ASTFeatureExtractor", "max_length", -1, ErrorCode::malformed},
             {"ASTFeatureExtractor", "sampling_rate", 50, ErrorCode::malformed},
             {"Wav2Vec2FeatureExtractor", "padding_value", 1, ErrorCode::unsupported},
             {"ClapFeatureExtractor", "feature_extractor_type", "ClapFeatureExtractor", ErrorCode::unsupported}}) {
        INFO(type << " " << key);
        Json json = settings_json(type);
        if (std::string_view(type) != "ClapFeatureExtractor") REQUIRE(settings_of(json));
        json[key] = value;
        const auto s = settings_of(json);
        REQUIRE_FALSE(s);
        CHECK(s.error().code == code);
        CHECK_THAT(s.error().message, ContainsSubstring("p.json"));
    }
    CHECK_FALSE(settings_of(Json::object()));
}
