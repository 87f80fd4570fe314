// SPDX-License-Identifier: Apache-2.0
#include "pipelines/transcribe.hpp"
#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>

namespace weft::detail {
namespace {

constexpr float kSilence = -std::numeric_limits<float>::infinity();
constexpr double kUncertain = 1; // seconds at the end of a window that is not full yet: words may go on behind them
constexpr float kHot = 0.5f;     // what was written at a higher temperature is not told to the next window

// What of a sound one window sees: samples from some place on, and those around it that its first and last frames
// reach.
class Window {
public:
    Window(SoundReader& sound, const SoundSettings& settings) : sound_(sound), settings_(settings), mel_(settings) {}

    /// Goes on to a frame, and reads so many from there; false where the sound has none there.
    Result<bool> move(uint64_t frame, uint32_t wanted_frames) {
        first_ = frame * settings_.hop;
        const uint64_t from = first_ - std::min<uint64_t>(first_, mel_.reach());
        samples_.erase(samples_.begin(), samples_.begin() + long(std::min<uint64_t>(from - at_, samples_.size())));
        at_ = from;
        const size_t had = samples_.size(),
                     wanted = first_ - at_ + size_t(wanted_frames) * settings_.hop + mel_.reach();
        if (!ended_ && had < wanted) {
            samples_.resize(wanted);
            weft_ASSIGN(const size_t got, sound_.read(std::span(samples_).subspan(had)));
            samples_.resize(had + got);
            ended_ = samples_.size() < wanted;
        }
        return frames() > 0;
    }
    /// Frames of the window that the sound reaches.
    uint32_t frames() const {
        const uint64_t left = at_ + samples_.size() - std::min(first_, at_ + samples_.size());
        return uint32_t(std::min<uint64_t>(left / settings_.hop, settings_.window_frames()));
    }
    /// Whether more of the sound would make it see more.
    bool grows() const { return !ended_ && frames() < settings_.window_frames(); }
    uint64_t read() const { return at_ + samples_.size(); } ///< samples of the sound so far

    /// log10 of energies, f32 [window_frames, bins]. What is behind the sound is silence, beyond which a sound of no
    /// more than one window is mirrored.
    std::vector<float> energies() {
        const bool alone = first_ == 0 && ended_ && samples_.size() <= settings_.window_samples();
        std::vector<float> seen(first_ - at_ + settings_.window_samples() + (alone ? 0 : mel_.reach()));
        std::copy_n(samples_.begin(), std::min(seen.size(), samples_.size()), seen.begin());
        return mel_.frames(seen, first_ - at_, settings_.window_frames());
    }

private:
    SoundReader& sound_;
    SoundSettings settings_;
    LogMel mel_;
    std::vector<float> samples_;  // of the sound from at_ on
    uint64_t at_ = 0, first_ = 0; // first_: the centre of the window's first frame
    bool ended_ = false;
};

/// What was written of a window, at one temperature.
struct Text {
    std::vector<uint32_t> tokens; ///< without the end
    float temperature = 0;
    double compression = 0, log_probability = 0, no_speech = 0;
};

class Transcription {
public:
    Transcription(const Speaker& speaker, const HearOptions& options, bool times)
        : speaker_(speaker), rules_(speaker.rules), options_(options), times_(times), random_(options.seed) {
        const auto language = rules_.languages.find(options.language);
        if (language != rules_.languages.end()) language_ = language->second;
    }

    /// The language's code; empty before any window, and of models that know one alone.
    std::string language() const {
        for (const auto& [code, id] : rules_.languages)
            if (id == language_) return code;
        return {};
    }

    /// Writes what a window says: at higher temperatures until it is likely, and not the same over and over. `going_on`
    /// is asked before every token.
    Result<Text> write(std::span<const float> window, const std::function<bool()>& going_on) {
        going_on_ = &going_on;
        weft_TRY(speaker_.model.listen(window));
        if (language_ == WhisperRules::kNone && !rules_.languages.empty()) weft_TRY(hear_language());
        Text text;
        for (const float temperature : options_.temperatures) {
            weft_ASSIGN(text, temperature > 0 ? write_at(temperature) : write_likeliest());
            const bool unlikely = text.log_probability < double(options_.least_log_probability);
            if (unlikely && text.no_speech > double(options_.least_no_speech)) {
                text.tokens.clear();
                break;
            }
            if (!unlikely && text.compression <= double(options_.most_compression)) break;
        }
        return text;
    }

    /// What the next window is told of.
    void remember(std::span<const uint32_t> tokens) {
        past_.insert(past_.end(), tokens.begin(), tokens.end());
        const size_t most = speaker_.context / 2 - 1;
        if (past_.size() > most) past_.erase(past_.begin(), past_.end() - long(most));
    }
    void forget() { past_.clear(); }

    std::string text_of(std::span<const uint32_t> tokens) const {
        std::vector<uint32_t> words;
        std::ranges::copy_if(tokens, std::back_inserter(words), [&](uint32_t id) { return !rules_.is_time(id); });
        return speaker_.tokenizer.decode(words, true);
    }

private:
    Status hear_language() {
        weft_TRY(speaker_.model.begin());
        weft_ASSIGN(const auto logits, speaker_.model.next({&rules_.start, 1}));
        const auto likelier = [&](const auto& a, const auto& b) { return logits[a.second] < logits[b.second]; };
        language_ = std::ranges::max_element(rules_.languages, likelier)->second;
        return Ok{};
    }

    std::vector<uint32_t> prompt() const {
        std::vector<uint32_t> ids;
        if (options_.condition && !past_.empty() && rules_.previous != WhisperRules::kNone) {
            ids.push_back(rules_.previous);
            ids.insert(ids.end(), past_.begin(), past_.end());
        }
        const uint32_t task = options_.translate ? rules_.translate : rules_.transcribe;
        for (const uint32_t id :
             {rules_.start, language_, language_ == WhisperRules::kNone ? WhisperRules::kNone : task,
              times_ ? WhisperRules::kNone : rules_.no_timestamps})
            if (id != WhisperRules::kNone) ids.push_back(id);
        return ids;
    }

    // A window's text before its first token: what the model is told, and what it says of silence.
    struct Opened {
        Text text;
        std::vector<float> logits;
        size_t most = 0; // tokens
    };
    Result<Opened> open(float temperature) {
        const auto ids = prompt();
        const size_t start = size_t(std::ranges::find(ids, rules_.start) - ids.begin()) + 1;
        Opened o{.text = {.temperature = temperature}};
        o.most =
            std::min<size_t>(speaker_.context / 2, speaker_.context - std::min<size_t>(ids.size(), speaker_.context));
        weft_TRY(speaker_.model.begin());
        weft_ASSIGN(o.logits, speaker_.model.next(std::span(ids).first(start)));
        if (rules_.no_speech() != WhisperRules::kNone)
            o.text.no_speech = std::exp(log_probability(o.logits, rules_.no_speech()));
        if (start < ids.size()) {
            weft_ASSIGN(o.logits, speaker_.model.next(std::span(ids).subspan(start)));
        }
        return o;
    }

    // One text, drawn token by token.
    Result<Text> write_at(float temperature) {
        weft_ASSIGN(Opened o, open(temperature));
        Text& text = o.text;
        size_t chosen = 0;
        while (text.tokens.size() < o.most) {
            weft_TRY(go_on());
            weft_TRY(allow(o.logits, text.tokens));
            const uint32_t id = draw(o.logits, temperature);
            text.log_probability += log_probability(o.logits, id);
            ++chosen;
            if (id == rules_.end) break;
            text.tokens.push_back(id);
            if (text.tokens.size() == o.most) break;
            weft_ASSIGN(o.logits, speaker_.model.next({&id, 1}));
        }
        return finished(std::move(text), chosen);
    }

    // The likeliest of several texts that go on side by side, by its logarithm a token (openai-whisper's beam search,
    // with a patience of 1); of one text the likeliest token each time.
    struct Beam {
        std::vector<uint32_t> tokens;
        double sum = 0; // of logarithms of probabilities
        uint32_t text = 0;
        bool ended = false;
    };
    Result<Text> write_likeliest() {
        weft_ASSIGN(Opened o, open(0));
        std::vector<Beam> beams(o.most > 0 ? 1 : 0), ended;
        while (!beams.empty()) {
            weft_TRY(go_on());
            weft_ASSIGN(std::vector<Beam> next, continued(beams, o.logits));
            beams.clear();
            for (Beam& beam : next) {
                if (beams.size() == options_.beams) break;
                if (!beam.ended) beams.push_back(std::move(beam));
                else if (ended.size() < options_.beams) ended.push_back(std::move(beam));
            }
            if (ended.size() == options_.beams || beams.empty() || beams[0].tokens.size() == o.most) break;
            weft_ASSIGN(o.logits, step(beams));
        }
        // Those that have not ended count where fewer have than there are beams.
        for (Beam& beam : beams)
            if (ended.size() < options_.beams) ended.push_back(std::move(beam));
        const auto value = [](const Beam& beam) { return beam.sum / double(std::max<size_t>(beam.tokens.size(), 1)); };
        const auto best = std::ranges::max_element(ended, {}, value);
        if (best == ended.end()) return finished(std::move(o.text), 0);
        o.text.tokens = std::move(best->tokens);
        o.text.log_probability = best->sum;
        return finished(std::move(o.text), o.text.tokens.size() + best->ended);
    }

    // What may follow each of some texts, the likeliest first: of each one more than there are beams, for one of them
    // may be its end. `logits`: a row each.
    Result<std::vector<Beam>> continued(const std::vector<Beam>& beams, std::span<float> logits) {
        std::vector<Beam> all;
        const size_t width = logits.size() / beams.size(), most = std::min<size_t>(options_.beams + 1, width);
        std::vector<uint32_t> ids(most);
        for (size_t i = 0; i < beams.size(); ++i) {
            const auto row = logits.subspan(i * width, width);
            weft_TRY(allow(row, beams[i].tokens));
            const double whole = log_sum(row);
            const auto likelier = [&](uint32_t a, uint32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; };
            const auto every = std::views::iota(0u, uint32_t(width));
            std::ranges::partial_sort_copy(every, ids, likelier);
            for (const uint32_t id : ids) {
                if (!std::isfinite(row[id]) && id != ids[0]) break;
                Beam next = beams[i];
                next.ended = id == rules_.end || !std::isfinite(row[id]); // nothing may follow
                if (std::isfinite(row[id])) next.sum += double(row[id]) - whole;
                if (!next.ended) next.tokens.push_back(id);
                all.push_back(std::move(next));
            }
        }
        std::ranges::stable_sort(all, std::greater(), &Beam::sum);
        return all;
    }

    // Each goes on in the text that it began as, or, where another does, in one that nobody goes on with.
    Result<std::vector<float>> step(std::vector<Beam>& beams) {
        if (beams.size() == 1 && beams[0].text == 0) return speaker_.model.next({&beams[0].tokens.back(), 1});
        std::vector<bool> taken(options_.beams);
        std::vector<Beam*> second;
        for (Beam& beam : beams) {
            if (taken[beam.text]) second.push_back(&beam);
            taken[beam.text] = true;
        }
        for (Beam* beam : second) {
            const auto free = uint32_t(std::ranges::find(taken, false) - taken.begin());
            weft_TRY(speaker_.model.copy(beam->text, free));
            taken[free] = true;
            beam->text = free;
        }
        std::vector<uint32_t> texts, ids;
        for (const Beam& beam : beams) {
            texts.push_back(beam.text);
            ids.push_back(beam.tokens.back());
        }
        return speaker_.model.next_of(texts, ids);
    }

    Text finished(Text text, size_t chosen) const {
        text.log_probability /= double(std::max<size_t>(chosen, 1));
        text.compression = compression_ratio(text_of(text.tokens));
        return text;
    }

    Status go_on() const {
        if ((*going_on_)()) return Ok{};
        return Error{ErrorCode::cancelled, "stopped", {}};
    }

    // What may not follow becomes -inf.
    Status allow(std::span<float> logits, std::span<const uint32_t> made) const {
        rules_.apply(logits, made, times_);
        if (std::ranges::all_of(logits, [](float x) { return x <= std::numeric_limits<float>::max(); })) return Ok{};
        return Error{ErrorCode::not_finite, "the logits of a window's text are not finite", {}};
    }

    static double log_probability(std::span<const float> logits, uint32_t id) {
        return double(logits[id]) - log_sum(logits);
    }

    uint32_t draw(std::span<const float> logits, float temperature) {
        const auto likeliest = uint32_t(std::ranges::max_element(logits) - logits.begin());
        if (!std::isfinite(logits[likeliest])) return rules_.end; // nothing may follow
        const auto weight = [&](float x) { return std::exp(double(x - logits[likeliest]) / double(temperature)); };
        double sum = 0;
        for (const float x : logits) sum += weight(x);
        double left = random_.uniform(0, sum);
        for (uint32_t id = 0; id < logits.size(); ++id)
            if ((left -= weight(logits[id])) < 0) return id;
        return likeliest;
    }

    const Speaker& speaker_;
    const WhisperRules& rules_;
    const HearOptions& options_;
    bool times_;
    Random random_;
    uint32_t language_ = WhisperRules::kNone;
    std::vector<uint32_t> past_;
    const std::function<bool()>* going_on_ = nullptr; // of the window that is written
};

// Keeps what ends up to a step, where the next window begins then.
void hold_back(Segments& segments, uint32_t last) {
    std::erase_if(segments.all, [&](const Segments::One& one) { return one.end > last; });
    segments.advance = segments.all.empty() ? 0 : segments.all.back().end;
}

} // namespace

Status check_options(const WhisperRules& rules, const HearOptions& options) {
    if (!options.language.empty() && !rules.languages.contains(options.language)) {
        Error error{ErrorCode::invalid_argument, "the model knows no language '" + options.language + "'", {}};
        std::string known;
        for (const auto& [code, id] : rules.languages) known += (known.empty() ? "" : " ") + code;
        error.reasons.push_back(known.empty() ? "its files name none" : "it knows " + known);
        return error;
    }
    if (options.translate && (rules.translate == WhisperRules::kNone || rules.languages.empty()))
        return Error{ErrorCode::unsupported, "the model does not translate: its files name no task 'translate'", {}};
    if (options.timestamps && !rules.has_times())
        return Error{
            ErrorCode::unsupported, "the model writes no times: its files name no 'no_timestamps_token_id'", {}};
    if (options.temperatures.empty())
        return Error{ErrorCode::invalid_argument, "temperatures must be at least one", {}};
    if (options.beams < 1 || options.beams > kMostBeams)
        return Error{ErrorCode::invalid_argument, "beams must be from 1 to " + std::to_string(kMostBeams), {}};
    if (!(options.patience >= 0 && options.patience <= 3600))
        return Error{ErrorCode::invalid_argument, "patience must be from 0 to 3600 seconds", {}};
    for (const float t : options.temperatures)
        if (!(t >= 0 && t <= 100))
            return Error{
                ErrorCode::invalid_argument, "a temperature must be from 0 to 100, is " + std::to_string(t), {}};
    return Ok{};
}

Result<Heard> transcribe(const Speaker& speaker, SoundReader& sound, float loudest, uint64_t total,
                         const HearOptions& options, const SegmentFunction& take) {
    const SoundSettings& s = speaker.sound;
    const bool one_window = total > 0 && total <= s.window_samples();
    const bool times = speaker.rules.has_times() && (options.timestamps || !one_window);
    Transcription transcription(speaker, options, times);
    Window window(sound, s);
    const uint32_t frames_a_step = s.window_frames() / speaker.steps;
    const auto seconds = [&](double frames) { return frames * s.hop / s.rate; };
    const auto patience = uint32_t(double(options.patience) * s.rate / s.hop);
    const uint32_t least = patience ? std::min(patience, s.window_frames()) : s.window_frames();
    bool go_on = true;
    uint64_t frame = 0;
    const std::function<bool()> report = [&] {
        return !options.progress ||
               options.progress({Progress::Stage::prefill, std::min(frame * s.hop, window.read()), total});
    };
    for (uint64_t wanted = least; go_on;) {
        weft_ASSIGN(const bool any, window.move(frame, uint32_t(wanted)));
        if (!any) break;
        const auto energies = window.energies();
        loudest = std::max(loudest, std::ranges::max(energies));
        weft_ASSIGN(const Text text, transcription.write(log_mel_input(energies, s.bins, loudest), report));
        const uint32_t steps = window.frames() / frames_a_step;
        Segments segments = cut_segments(speaker.rules, text.tokens, steps);
        if (window.grows()) {
            hold_back(segments, steps - std::min(steps, uint32_t(kUncertain * s.rate / s.hop / frames_a_step)));
            if (segments.advance == 0) {
                wanted = std::min<uint64_t>(wanted + least, s.window_frames());
                continue;
            }
        }
        for (const Segments::One& one : segments.all) {
            const auto tokens = std::span(text.tokens).subspan(one.first, one.last - one.first);
            HeardSegment segment{.begin = seconds(double(frame) + one.begin * frames_a_step),
                                 .end = seconds(double(frame) + one.end * frames_a_step),
                                 .text = transcription.text_of(tokens),
                                 .tokens = {tokens.begin(), tokens.end()},
                                 .temperature = text.temperature,
                                 .compression = float(text.compression),
                                 .log_probability = float(text.log_probability),
                                 .no_speech = float(text.no_speech)};
            const bool blank = segment.text.find_first_not_of(" \t\r\n") == std::string::npos;
            if (blank || one.begin == one.end) continue;
            transcription.remember(tokens);
            go_on = go_on && (!take || take(segment));
        }
        if (text.temperature > kHot) transcription.forget();
        frame += segments.advance < steps ? uint64_t(segments.advance) * frames_a_step : window.frames();
        wanted = least;
        if (!report()) return Error{ErrorCode::cancelled, "stopped", {}};
    }
    return Heard{.seconds = double(window.read()) / s.rate, .language = transcription.language()};
}

Result<float> loudest_in(SoundReader& sound, const SoundSettings& settings) {
    Window window(sound, settings);
    float loudest = kSilence;
    for (uint64_t frame = 0;; frame += settings.window_frames()) {
        weft_ASSIGN(const bool any, window.move(frame, settings.window_frames()));
        if (!any) return loudest;
        loudest = std::max(loudest, std::ranges::max(window.energies()));
    }
}

} // namespace weft::detail
