// SPDX-License-Identifier: Apache-2.0
// How windows follow each other, are heard again and told of what was said, with a model whose words are written down.
#include "pipelines/transcribe.hpp"
#include <algorithm>
#include <catch2/catch_all.hpp>
#include <deque>
#include <limits>
#include <map>

using namespace weft;
using namespace weft::detail;

namespace {

// Words: 0 a, 1 b, 2 c; 3 the end, 4 the start, 5 and 6 languages, 7 transcribe, 8 translate, 9 the past, 10 silence,
// 11 no times, 12 time 0 and one for each 0.5 s of a window of 5 s.
constexpr uint32_t kEnd = 3, kStart = 4, kEnglish = 5, kGerman = 6, kTranscribe = 7, kTranslate = 8, kPast = 9,
                   kSilent = 10, kNoTimes = 11, kZero = 12, kWords = 23;

WhisperRules rules() {
    WhisperRules r;
    r.start = kStart;
    r.end = kEnd;
    r.previous = kPast;
    r.no_timestamps = kNoTimes;
    r.transcribe = kTranscribe;
    r.translate = kTranslate;
    r.languages = {{"en", kEnglish}, {"de", kGerman}};
    return r;
}

Tokenizer tokenizer() {
    Json vocabulary = {{"a", 0}, {"b", 1}, {"c", 2}};
    for (uint32_t i = kEnd; i < kWords; ++i) vocabulary["t" + std::to_string(i)] = i;
    const Json json = {{"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "a"}}}};
    return *Tokenizer::parse(json.dump(), "t.json");
}

// Says what it is told to: for each prompt that asks for text the next of `says`, and then the end.
struct Scripted : SpeechModel {
    struct Says {
        std::vector<uint32_t> words;
        float certainty = 20; // by how much the logit of the word stands out
        float silence = -20;  // logit of kSilent behind the start
    };
    std::deque<Says> says;
    std::vector<std::vector<uint32_t>> prompts; // of all texts
    std::vector<std::vector<float>> windows;
    uint32_t language = kGerman;

    Status listen(std::span<const float> window) override {
        windows.emplace_back(window.begin(), window.end());
        return Ok{};
    }
    Status begin() override {
        ids_.clear();
        said_ = 0;
        return Ok{};
    }
    Result<std::vector<float>> next(std::span<const uint32_t> ids) override {
        ids_.insert(ids_.end(), ids.begin(), ids.end());
        std::vector<float> logits(kWords, 0);
        logits[language] = ids_.back() == kStart ? 5.0f : 0.0f;
        if (ids_.back() == kStart) {
            if (!says.empty()) logits[kSilent] = says.front().silence;
            return logits;
        }
        if (said_ == 0) prompts.push_back(ids_);
        if (says.empty()) return Error{ErrorCode::internal, "was asked for more than it has to say", {}};
        const auto& words = says.front().words;
        const float certainty = says.front().certainty;
        const uint32_t word = said_ < words.size() ? words[said_] : kEnd;
        if (++said_ > words.size()) says.pop_front();
        logits[word] = certainty;
        return logits;
    }

    Status copy(uint32_t, uint32_t) override { return Error{ErrorCode::internal, "has one text", {}}; }
    Result<std::vector<float>> next_of(std::span<const uint32_t>, std::span<const uint32_t>) override {
        return Error{ErrorCode::internal, "has one text", {}};
    }

private:
    std::vector<uint32_t> ids_;
    size_t said_ = 0;
};

// Texts of a, b, c and the end, each step with other probabilities, which follow from what was written before.
struct Tree : SpeechModel {
    explicit Tree(uint64_t seed) : seed(seed) {}
    uint64_t seed;
    std::map<uint32_t, std::vector<uint32_t>> texts;
    size_t steps = 0;

    Status listen(std::span<const float>) override { return Ok{}; }
    Status begin() override {
        texts[0].clear();
        return Ok{};
    }
    std::vector<float> logits(std::span<const uint32_t> text) const {
        std::vector<float> all(kWords, -std::numeric_limits<float>::infinity());
        uint64_t hash = seed;
        for (const uint32_t id : text) hash = (hash ^ id) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
        for (uint32_t id = 0; id <= kEnd; ++id) all[id] = float(hash >> (8 * id) & 255) / 60;
        return all;
    }
    Result<std::vector<float>> next(std::span<const uint32_t> ids) override {
        std::vector<uint32_t>& text = texts[0];
        ++steps;
        text.insert(text.end(), ids.begin(), ids.end());
        return logits(text);
    }
    Status copy(uint32_t from, uint32_t to) override {
        texts[to] = texts[from];
        return Ok{};
    }
    Result<std::vector<float>> next_of(std::span<const uint32_t> which, std::span<const uint32_t> ids) override {
        std::vector<float> all;
        ++steps;
        for (size_t i = 0; i < which.size(); ++i) {
            texts[which[i]].push_back(ids[i]);
            const auto row = logits(texts[which[i]]);
            all.insert(all.end(), row.begin(), row.end());
        }
        return all;
    }
};

struct Samples : SoundReader {
    explicit Samples(double seconds) : left(size_t(seconds * 1000)) {}
    size_t left, at = 0;
    Result<size_t> read(std::span<float> samples) override {
        const size_t count = std::min(samples.size(), left);
        for (size_t i = 0; i < count; ++i) samples[i] = float(std::sin(double(at + i) * 0.3));
        left -= count;
        at += count;
        return count;
    }
};

SoundSettings sound() {
    return {.kind = SoundSettings::Kind::log_mel, .rate = 1000, .bins = 4, .fft = 160, .hop = 50, .seconds = 5};
}

struct Outcome {
    Heard heard;
    std::vector<HeardSegment> segments;
    std::vector<std::string> lines() const {
        std::vector<std::string> all;
        for (const auto& s : segments) {
            char line[100];
            std::snprintf(line, sizeof line, "%.1f-%.1f %s", s.begin, s.end, s.text.c_str());
            all.push_back(line);
        }
        return all;
    }
};

Outcome hear(Scripted& model, double seconds, const HearOptions& options = {}) {
    const Tokenizer words = tokenizer();
    const WhisperRules r = rules();
    Samples samples(seconds);
    Outcome outcome;
    const auto heard = transcribe({model, words, r, sound(), 40, 10}, samples, -20, uint64_t(seconds * 1000), options,
                                  [&](const HeardSegment& s) {
                                      outcome.segments.push_back(s);
                                      return true;
                                  });
    REQUIRE(heard);
    outcome.heard = *heard;
    CHECK(model.says.empty());
    return outcome;
}

using Lines = std::vector<std::string>;
using Ids = std::vector<uint32_t>;

} // namespace

TEST_CASE("a sound of one window is written without times unless they are asked for") {
    Scripted model;
    model.says = {{{0, 1}}};
    const auto plain = hear(model, 3);
    CHECK(plain.lines() == Lines{"0.0-3.0 a b"});
    CHECK(plain.heard.language == "de");
    CHECK(plain.heard.seconds == 3);
    CHECK(model.prompts == std::vector<Ids>{{kStart, kGerman, kTranscribe, kNoTimes}});
    REQUIRE(model.windows.size() == 1);
    CHECK(model.windows[0].size() == 400);

    model = {};
    model.says = {{{kZero, 0, kZero + 2, kZero + 2, 1, kZero + 6}}};
    HearOptions options;
    options.timestamps = true;
    options.language = "en";
    options.translate = true;
    CHECK(hear(model, 3, options).lines() == Lines{"0.0-1.0 a", "1.0-3.0 b"});
    CHECK(model.prompts == std::vector<Ids>{{kStart, kEnglish, kTranslate}});
}

TEST_CASE("a sound that fills one window is mirrored at its end, and a longer one is not") {
    Samples samples(5);
    std::vector<float> all(5000);
    REQUIRE(*samples.read(all) == all.size());
    const auto frames = LogMel(sound()).frames(all, 0, 100);
    const auto wanted = log_mel_input(frames, 4, std::ranges::max(frames));
    for (const double seconds : {5.0, 5.5}) {
        Scripted model;
        model.says = {{{kZero, 0, kZero + 10}}, {{kZero, 1, kZero + 1}}};
        if (seconds == 5) model.says.pop_back();
        hear(model, seconds);
        const auto& window = model.windows[0];
        size_t other = 0;
        for (size_t i = 0; i < wanted.size(); ++i) other += std::abs(window[i] - wanted[i]) > 1e-6f;
        CHECK((other == 0) == (seconds == 5));
        CHECK(other <= 4); // of the last frame alone
    }
}

TEST_CASE("windows begin where the one before was last certain, and are told what was said") {
    Scripted model;
    model.says = {{{kZero, 0, kZero + 6, kZero + 6, 1}}, // 0 to 3 s; what follows is cut
                  {{kZero, 2, kZero + 4}},               // 3 to 5 s, and silence to 8 s
                  {{kZero, 1, kZero + 2}}};              // 8 to 9 s
    CHECK(hear(model, 12).lines() == Lines{"0.0-3.0 a", "3.0-5.0 c", "8.0-9.0 b"});
    CHECK(model.prompts ==
          std::vector<Ids>{{kStart, kGerman, kTranscribe},
                           {kPast, kZero, 0, kZero + 6, kStart, kGerman, kTranscribe},
                           {kPast, kZero, 0, kZero + 6, kZero, 2, kZero + 4, kStart, kGerman, kTranscribe}});
    // A window of the same sound is the same wherever it begins: 3 s are 60 frames.
    REQUIRE(model.windows.size() == 3);
    for (size_t bin = 0; bin < 4; ++bin)
        for (size_t f = 0; f < 40; ++f)
            CHECK(model.windows[1][bin * 100 + f] == Catch::Approx(model.windows[0][bin * 100 + 60 + f]).margin(1e-6));

    model = {};
    model.says = {{{kZero, 0, kZero + 10}}, {{kZero, 2, kZero + 2}}};
    HearOptions alone;
    alone.condition = false;
    CHECK(hear(model, 6, alone).lines() == Lines{"0.0-5.0 a", "5.0-6.0 c"});
    CHECK(model.prompts[1] == Ids{kStart, kGerman, kTranscribe});
}

TEST_CASE("what is unlikely, or the same over and over, is heard again at a higher temperature") {
    Scripted model;
    Ids over(16, 0);
    model.says = {{over}, {{0, 1}, 1}, {{0, 1}}};
    HearOptions options;
    options.temperatures = {0, 0.0001f, 0.0002f}; // the likeliest word nevertheless
    options.most_compression = 1.5f;
    const auto again = hear(model, 3, options);
    REQUIRE(again.segments.size() == 1);
    CHECK(again.segments[0].temperature == 0.0002f);
    CHECK(again.segments[0].text == "a b");
    CHECK(again.segments[0].log_probability > -1e-3f);
    CHECK(model.prompts.size() == 3);

    model = {};
    model.says = {{{0, 1}, 1}, {{1, 2}, 1}};
    options.temperatures = {0, 0.0001f};
    CHECK(hear(model, 3, options).lines() == Lines{"0.0-3.0 b c"}); // there is no further temperature
}

namespace {

struct Written {
    Ids tokens;
    double sum = 0; // of logarithms
    double value() const { return sum / double(std::max<size_t>(tokens.size(), 1)); }
};

// With `most` tokens at most.
Written written(Tree& model, uint32_t beams, uint32_t most) {
    const Tokenizer words = tokenizer();
    WhisperRules r = rules();
    r.suppressed = {};
    Samples samples(3);
    HearOptions options;
    options.language = "de";
    options.temperatures = {0};
    options.least_no_speech = 1;
    options.beams = beams;
    Written w;
    double a_token = 0;
    REQUIRE(transcribe({model, words, r, sound(), most + 4, 10}, samples, -20, 3000, options, [&](const auto& s) {
        w.tokens = s.tokens;
        a_token = double(s.log_probability);
        return true;
    }));
    w.sum = a_token * double(w.tokens.size() + (w.tokens.size() < most));
    return w;
}

// The best of all texts that go on from this one.
Written best_of(const Tree& model, const Ids& prompt, Written so_far, size_t most) {
    if (so_far.tokens.size() == most) return so_far;
    Ids text = prompt;
    text.insert(text.end(), so_far.tokens.begin(), so_far.tokens.end());
    const auto logits = model.logits(text);
    Written best{{}, -1e9};
    for (uint32_t id = 0; id <= kEnd; ++id) {
        Written next = so_far;
        next.sum += double(logits[id]) - log_sum(logits);
        if (id != kEnd) next.tokens.push_back(id);
        const Written found = id == kEnd ? next : best_of(model, prompt, next, most);
        if (found.value() > best.value()) best = found;
    }
    return best;
}

} // namespace

TEST_CASE("beams: one writes the likeliest token each time, many the likeliest text of all") {
    constexpr uint32_t most = 4; // of 40 that have ended before and 81 that are cut: fewer than are kept matter
    const Ids prompt{kStart, kGerman, kTranscribe, kNoTimes};
    size_t better = 0, checked = 0;
    for (uint64_t seed = 1; seed < 60; ++seed) {
        INFO("seed " << seed);
        Tree model(seed * 0x2545f4914f6cdd1du);
        Ids greedy, text = prompt;
        while (greedy.size() < most) {
            const auto logits = model.logits(text);
            const auto id = uint32_t(std::ranges::max_element(logits) - logits.begin());
            if (id == kEnd) break;
            greedy.push_back(id);
            text.push_back(id);
        }
        const Written one = written(model, 1, most), all = written(model, 64, most);
        CHECK(one.tokens == greedy);
        const Written best = best_of(model, prompt, {}, most);
        if (best.tokens.empty()) continue; // a blank text is no segment
        ++checked;
        CHECK(all.tokens == best.tokens);
        CHECK(all.sum == Catch::Approx(best.sum).margin(1e-4));
        better += all.tokens != one.tokens;
    }
    CHECK(checked > 20);
    CHECK(better > 5);
}

TEST_CASE("beams: as many go on as are asked for") {
    CHECK(check_options(rules(), {.beams = 0}).error().code == ErrorCode::invalid_argument);
    CHECK(check_options(rules(), {.beams = 65}).error().code == ErrorCode::invalid_argument);
    for (const uint32_t beams : {2u, 5u}) {
        Tree model(7);
        written(model, beams, 10);
        CHECK(model.texts.size() <= beams);
        CHECK(model.texts.size() > 1);
    }
}

TEST_CASE("whoever stops is heard between the tokens of a window") {
    Tree model(3);
    const Tokenizer words = tokenizer();
    const WhisperRules r = rules();
    for (const uint32_t beams : {1u, 3u})
        for (const float temperature : {0.0f, 0.5f}) {
            Samples samples(3);
            size_t asked = 0;
            HearOptions options;
            options.temperatures = {temperature};
            options.beams = beams;
            options.progress = [&](const Progress& p) {
                CHECK(p.done == 0);
                return ++asked < 2;
            };
            model.steps = 0;
            const auto stopped = transcribe({model, words, r, sound(), 40, 10}, samples, -20, 3000, options, {});
            REQUIRE_FALSE(stopped);
            CHECK(stopped.error().code == ErrorCode::cancelled);
            CHECK(model.steps <= 4); // the language, the prompt in two parts, and a token
        }
}

TEST_CASE("what was written at a high temperature is not told to the next window") {
    Scripted model;
    model.says = {{{kZero, 0, kZero + 10}}, {{kZero, 1, kZero + 10}}};
    HearOptions options;
    options.temperatures = {0.6f};
    hear(model, 10, options);
    CHECK(model.prompts[1] == Ids{kStart, kGerman, kTranscribe});
}

TEST_CASE("a window that is likely silent, and whose text is unlikely, has none") {
    Scripted model;
    model.says = {{{kZero, 0, kZero + 10}, 1, 20}, {{kZero, 1, kZero + 10}, 20, 20}};
    const auto heard = hear(model, 10);
    CHECK(heard.lines() == Lines{"5.0-10.0 b"}); // likely, so that it was no silence
    CHECK(model.prompts.size() == 2);
    CHECK(heard.segments[0].no_speech > 0.99f);
}

TEST_CASE("of a sound that is still coming what is certain is given, and the rest heard again") {
    Scripted model;
    model.says = {{{kZero, 0, kZero + 3}},                          // of 2 s: it may go on
                  {{kZero, 0, kZero + 4, kZero + 4, 1, kZero + 8}}, // of 4 s: the first ends in time
                  {{kZero, 1, kZero + 2}},                          // of 2 to 4 s: silent in the last second
                  {{kZero, 2, kZero + 3}},                          // of 3 to 5 s, and then of 3 to 6 s, its end
                  {{kZero, 2, kZero + 6}}};
    HearOptions options;
    options.patience = 2;
    CHECK(hear(model, 6, options).lines() == Lines{"0.0-2.0 a", "2.0-3.0 b", "3.0-6.0 c"});
    REQUIRE(model.windows.size() == 5);
    CHECK(model.prompts[1] == model.prompts[0]);
    CHECK(model.prompts[2] == Ids{kPast, kZero, 0, kZero + 4, kStart, kGerman, kTranscribe});
}

TEST_CASE("a sound of no frame has no text, and one that ends mid-window has none behind it") {
    Scripted model;
    CHECK(hear(model, 0).segments.empty());
    CHECK(model.windows.empty());
    model.says = {{{kZero, 0, kZero + 10}}, {{kZero, 1, kZero + 9}}};
    CHECK(hear(model, 7.5).lines() == Lines{"0.0-5.0 a", "5.0-9.5 b"});
}

TEST_CASE("who has heard enough is given no more") {
    Scripted model;
    model.says = {{{kZero, 0, kZero + 4, kZero + 4, 1, kZero + 8}}};
    const Tokenizer words = tokenizer();
    const WhisperRules r = rules();
    Samples samples(20);
    size_t segments = 0;
    REQUIRE(transcribe({model, words, r, sound(), 40, 10}, samples, -20, 20000, {}, [&](const HeardSegment&) {
        ++segments;
        return false;
    }));
    CHECK(segments == 1);
    CHECK(model.windows.size() == 1);
    HearOptions options;
    options.progress = [](const Progress&) { return false; };
    model.says = {{{kZero, 0, kZero + 10}}};
    Samples more(20);
    const auto stopped = transcribe({model, words, r, sound(), 40, 10}, more, -20, 20000, options, {});
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
}

TEST_CASE("what a model lacks is said before it is asked for") {
    WhisperRules r = rules();
    CHECK(check_options(r, {.language = "de", .translate = true, .timestamps = true}));
    CHECK(check_options(r, {.language = "fr"}).error().reasons == std::vector<std::string>{"it knows de en"});
    CHECK(check_options(r, {.temperatures = {}}).error().code == ErrorCode::invalid_argument);
    CHECK(check_options(r, {.patience = -1}).error().code == ErrorCode::invalid_argument);
    CHECK(check_options(r, {.temperatures = {-1}}).error().code == ErrorCode::invalid_argument);
    r = {};
    CHECK(check_options(r, {.language = "de"}).error().code == ErrorCode::invalid_argument);
    CHECK(check_options(r, {.translate = true}).error().code == ErrorCode::unsupported);
    CHECK(check_options(r, {.timestamps = true}).error().code == ErrorCode::unsupported);
}

TEST_CASE("the loudest frame of a sound is found wherever it is") {
    Samples quiet(12), same(12);
    const SoundSettings s = sound();
    const auto found = loudest_in(quiet, s);
    REQUIRE(found);
    std::vector<float> all(12000);
    REQUIRE(*same.read(all) == all.size());
    const auto frames = LogMel(s).frames(all, 0, 240);
    CHECK(*found == Catch::Approx(std::ranges::max(frames)).margin(1e-3));
}
