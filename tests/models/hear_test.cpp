// SPDX-License-Identifier: Apache-2.0
// Small models that hear, from a file to words, times and classes, against what transformers makes of the same sound
// (goldens/make_hear.py).
#include "base/file.hpp"
#include "device.hpp"
#include "media/sound.hpp"
#include "repository.hpp"
#include <algorithm>
#include <catch2/catch_all.hpp>
#include <cmath>
#include <weft/hear.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::filesystem::path hear_goldens() { return repository() / "tests/goldens/hear"; }
std::filesystem::path tones() { return hear_goldens() / "tones.wav"; }

Json recorded(const char* model) {
    const auto path = hear_goldens() / model / "heard.json";
    return *parse_json(*read_file(path), path.string());
}

Hearer hearer_of(const char* model) {
    auto hearer = Hearer::load(device(), hear_goldens() / model);
    if (!hearer) FAIL(hearer.error().text());
    return std::move(*hearer);
}

std::vector<float> samples_of(double seconds) {
    std::vector<float> samples(size_t(seconds * 8000));
    REQUIRE(*(*read_sound(tones(), 8000))->read(samples) == samples.size());
    return samples;
}

SoundFunction giving(const std::vector<float>& samples) {
    return [&samples, at = size_t(0)](std::span<float> to) mutable {
        const size_t count = std::min(to.size(), samples.size() - at);
        std::copy_n(samples.begin() + long(at), count, to.begin());
        at += count;
        return count;
    };
}

constexpr uint32_t kZero = 50, kWords = 40; // of make_hear.py

// Segments that say something; of two times at a segment's end the second is the next one's.
std::vector<Json> said(const Json& segments) {
    std::vector<Json> all;
    for (Json s : segments) {
        auto ids = s["ids"].get<std::vector<uint32_t>>();
        if (ids.size() > 2 && ids[ids.size() - 2] >= kZero && ids.back() >= kZero) ids.pop_back();
        const bool words = std::ranges::any_of(ids, [](uint32_t id) { return id < kWords; });
        s["ids"] = ids;
        if (words && s["begin"] != s["end"]) all.push_back(s);
    }
    return all;
}

void check_said(const std::vector<HeardSegment>& segments, const std::vector<Json>& wanted) {
    REQUIRE(segments.size() == wanted.size());
    for (size_t i = 0; i < segments.size(); ++i) {
        INFO("segment " << i << ": " << wanted[i].dump());
        CHECK(segments[i].tokens == wanted[i]["ids"].get<std::vector<uint32_t>>());
        CHECK(segments[i].begin == Catch::Approx(wanted[i]["begin"].get<double>()).margin(1e-6));
        CHECK(segments[i].end == Catch::Approx(wanted[i]["end"].get<double>()).margin(1e-6));
        std::string words;
        for (const uint32_t id : segments[i].tokens)
            if (id < kWords) words += (words.empty() ? "w" : " w") + std::to_string(id);
        CHECK(segments[i].text == words);
    }
}

} // namespace

TEST_CASE("Whisper hears windows, languages and what was said before as transformers does") {
    Hearer hearer = hearer_of("whisper");
    CHECK(hearer.writes());
    CHECK(hearer.rate() == 8000);
    const Json cases = recorded("whisper");
    REQUIRE(cases.size() == 5);
    for (const Json& c : cases) {
        INFO(c["seconds"] << " s, " << c["settings"].dump());
        HearOptions options;
        options.timestamps = true;
        options.temperatures = {0};
        options.least_no_speech = 1;
        options.most_compression = 1000;
        options.language = c["settings"].value("language", "");
        options.translate = c["settings"].value("task", "") == "translate";
        options.condition = c["settings"].value("condition_on_prev_tokens", false);
        std::vector<HeardSegment> segments;
        const auto take = [&](const HeardSegment& s) {
            segments.push_back(s);
            return true;
        };
        const double seconds = c["seconds"];
        const auto samples = samples_of(seconds);
        const auto wanted = said(c["segments"]);
        if (seconds == 7) { // all of the file
            const auto heard = hearer.hear(tones(), options, take);
            REQUIRE(heard);
            CHECK(heard->seconds == 7);
            if (!options.language.empty()) CHECK(heard->language == options.language);
            check_said(segments, wanted);
            const auto bytes = read_file(tones());
            segments.clear();
            REQUIRE(hearer.hear(std::as_bytes(std::span(*bytes)), "memory", options, take));
            check_said(segments, wanted);
        } else {
            REQUIRE(hearer.hear(giving(samples), options, take));
            check_said(segments, wanted);
        }
    }
}

TEST_CASE("Whisper's beams are no less likely than its greedy text, whatever was heard before") {
    Hearer hearer = hearer_of("whisper"), fresh = hearer_of("whisper");
    const auto heard = [](Hearer& by, double seconds, uint32_t beams) {
        HearOptions options;
        options.timestamps = true;
        options.temperatures = {0};
        options.least_no_speech = 1;
        options.beams = beams;
        const auto samples = samples_of(seconds);
        std::vector<HeardSegment> segments;
        REQUIRE(by.hear(giving(samples), options, [&](const HeardSegment& s) {
            segments.push_back(s);
            return true;
        }));
        REQUIRE(!segments.empty());
        return segments;
    };
    const auto greedy = heard(hearer, 5, 1), beams = heard(hearer, 5, 4);
    CHECK(beams[0].log_probability >= greedy[0].log_probability);
    heard(hearer, 7, 4);
    const auto again = heard(hearer, 5, 4), other = heard(fresh, 5, 4);
    REQUIRE(again.size() == other.size());
    for (size_t i = 0; i < again.size(); ++i) {
        CHECK(again[i].tokens == other[i].tokens);
        CHECK(again[i].log_probability == Catch::Approx(other[i].log_probability).margin(1e-5));
    }
    const auto one = heard(hearer, 5, 1); // a session that has room for more
    CHECK(one[0].tokens == greedy[0].tokens);
}

TEST_CASE("Whisper says what it is not for") {
    Hearer hearer = hearer_of("whisper");
    HearOptions options;
    options.language = "xx";
    const auto unknown = hearer.hear(tones(), options);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().text() == "the model knows no language 'xx'\n  - it knows de en fr");
    CHECK(hearer.hear(hear_goldens() / "none.wav").error().code == ErrorCode::not_found);
    const std::vector<float> bad{0, std::nanf("")};
    CHECK(hearer.hear(giving(bad)).error().code == ErrorCode::invalid_argument);
    const std::vector<float> none;
    const auto nothing = hearer.hear(giving(none));
    REQUIRE(nothing);
    CHECK(nothing->seconds == 0);
}

TEST_CASE("wav2vec2 spells what transformers reads") {
    Hearer hearer = hearer_of("wav2vec2");
    CHECK(hearer.writes());
    std::string text;
    const auto take = [&](const HeardSegment& s) {
        text += s.text;
        CHECK(s.begin == 0);
        CHECK(s.end == 7);
        return true;
    };
    REQUIRE(hearer.hear(tones(), {}, take));
    CHECK(text == recorded("wav2vec2")["text"].get<std::string>());
    CHECK(hearer.hear(tones(), {.language = "en"}).error().code == ErrorCode::unsupported);
    const std::vector<float> few(20), none;
    CHECK_FALSE(hearer.hear(giving(few)));
    CHECK(hearer.hear(giving(none)));
}

TEST_CASE("pieces of a long sound give each other's middle") {
    Hearer hearer = hearer_of("wav2vec2");
    std::vector<float> samples;
    for (int i = 0; i < 6; ++i) {
        const auto part = samples_of(7);
        samples.insert(samples.end(), part.begin(), part.end());
    }
    std::vector<HeardSegment> segments;
    const auto heard = hearer.hear(giving(samples), {}, [&](const HeardSegment& s) {
        segments.push_back(s);
        return true;
    });
    if (!heard) FAIL(heard.error().text());
    CHECK(heard->seconds == 42);
    REQUIRE(segments.size() >= 2); // a piece may hear no letter
    CHECK(segments.front().begin == 0);
    CHECK(segments.front().end == 17);
    CHECK(segments.back().begin == 31);
    CHECK(segments.back().end == 42);
}

TEST_CASE("AST tells the classes that transformers tells") {
    Hearer hearer = hearer_of("ast");
    CHECK_FALSE(hearer.writes());
    const auto samples = samples_of(7);
    const auto heard = hearer.hear(giving(samples));
    REQUIRE(heard);
    const Json wanted = recorded("ast");
    REQUIRE(heard->classes.size() == wanted.size());
    float last = 1;
    for (const HeardClass& c : heard->classes) {
        INFO(c.label);
        CHECK(c.probability == Catch::Approx(wanted[c.label].get<double>()).margin(1e-4));
        CHECK(c.probability <= last);
        last = c.probability;
    }
    HearOptions options;
    options.classes = 2;
    CHECK(hearer.hear(tones(), options)->classes.size() == 2);
    options.timestamps = true;
    CHECK(hearer.hear(tones(), options).error().code == ErrorCode::unsupported);
    const std::vector<float> few(100);
    CHECK_THAT(hearer.hear(giving(few)).error().message, ContainsSubstring("the sound has 100 samples"));
}

TEST_CASE("a model that does not hear says so") {
    const auto none = Hearer::load(device(), repository() / "apps/models/tales-hybrid");
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ErrorCode::unsupported);
    CHECK_THAT(none.error().message, ContainsSubstring("does not hear"));
}
