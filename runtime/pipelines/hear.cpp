// SPDX-License-Identifier: Apache-2.0
// L6: Hearer: sound to text or classes.
#include "base/access.hpp"
#include "base/file.hpp"
#include "models/architecture.hpp"
#include "pipelines/classes.hpp"
#include "pipelines/ctc.hpp"
#include "pipelines/load.hpp"
#include "pipelines/tasks.hpp"
#include "pipelines/transcribe.hpp"
#include "schedule/session.hpp"
#include "text/tokenizer.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

// Of models that write letters: what is read at once, and as much of it as only gives the rest something to stand in.
constexpr uint32_t kPieceSeconds = 20, kEdgeSeconds = 3;
constexpr uint32_t kFramesAStep = 2; // of Whisper: its second convolution makes one of two

// Samples that a program gives.
class GivenSound : public SoundReader {
public:
    GivenSound(const SoundFunction& give) : give_(give) {}
    Result<size_t> read(std::span<float> samples) override {
        const size_t count = give_ ? give_(samples) : 0;
        if (count > samples.size())
            return Error{ErrorCode::invalid_argument, "a SoundFunction gave more samples than it was asked for", {}};
        if (!std::ranges::all_of(samples.first(count), [](float x) { return std::isfinite(x); }))
            return Error{ErrorCode::invalid_argument, "a sample is not finite", {}};
        return count;
    }

private:
    const SoundFunction& give_;
};

// Whisper: an encoder of spectrograms, and a decoder that writes.
class SessionSpeech : public SpeechModel {
public:
    SessionSpeech(Session& session, uint32_t frames) : session_(session), frames_(frames) {}
    Status listen(std::span<const float> window) override {
        session_.reset(0);
        const Feed feed{.picture = {window, 1, frames_}};
        return session_.encode({&feed, 1});
    }
    Status begin() override { return session_.truncate(0, 0); }
    Result<std::vector<float>> next(std::span<const uint32_t> ids) override {
        const Feed feed{0, ids};
        const bool step = ids.size() == 1;
        weft_TRY(session_.forward({&feed, 1}, step ? Want::all : Want::last, 0, false, step));
        return session_.logits();
    }
    Status copy(uint32_t from, uint32_t to) override { return session_.fork(from, to); }
    Result<std::vector<float>> next_of(std::span<const uint32_t> texts, std::span<const uint32_t> ids) override {
        std::vector<Feed> feeds;
        for (size_t i = 0; i < texts.size(); ++i) feeds.push_back({texts[i], ids.subspan(i, 1)});
        weft_TRY(session_.forward(feeds, Want::all, 0, false, true));
        return session_.logits();
    }

private:
    Session& session_;
    uint32_t frames_;
};

Result<SoundSettings> read_settings(const ModelFiles& files) {
    for (const char* name : {"preprocessor_config.json", "processor_config.json"}) {
        const auto path = files.file(name);
        if (!path) continue;
        weft_ASSIGN(const std::string text, read_file(*path));
        weft_ASSIGN(const Json json, parse_json(text, path->string()));
        if (!json.is_object()) return Error{ErrorCode::malformed, path->string() + ": must be an object", {}};
        const JsonObject all(json, path->string());
        if (!all.has("feature_extractor")) return read_sound_settings(all);
        weft_ASSIGN(const JsonObject extractor, all.object("feature_extractor"));
        return read_sound_settings(extractor);
    }
    return Error{ErrorCode::not_found,
                 files.origin() + ": has no preprocessor_config.json, which says how the model takes sound",
                 {}};
}

const Input& sound_of(const Schedule& s) { return *std::ranges::find_if(s.inputs, is_sound); } // of one that hears

} // namespace

class HearerState {
public:
    enum class Gives { speech, letters, classes };

    Device device;
    std::shared_ptr<const LoadedModel> model;
    std::unique_ptr<Session> session;
    CacheType cache = CacheType::beside_weights;
    SoundSettings sound;
    Gives gives = Gives::classes;
    std::optional<Tokenizer> tokenizer; // speech
    WhisperRules rules;                 // speech
    uint32_t steps = 0;                 // speech: times of a window
    CtcLetters letters;
    Classes classes;

    const Schedule& schedule() const { return model->schedule; }

    /// What the files say of sound, and of what the model of this schedule makes of it.
    Status read(const ModelFiles& files, const std::filesystem::path& path, const Schedule& s) {
        if (!hears(s)) return Error{ErrorCode::unsupported, s.architecture + " does not hear", {}};
        weft_ASSIGN(sound, read_settings(files));
        const auto needs = [&](SoundSettings::Kind kind, const char* what) -> Status {
            if (sound.kind == kind) return Ok{};
            return Error{ErrorCode::malformed,
                         files.origin() + ": preprocessor_config.json makes no " + what + ", which " + s.architecture +
                             " hears",
                         {}};
        };
        if (generating_stage(s) != kNoStage) {
            gives = Gives::speech;
            weft_TRY(needs(SoundSettings::Kind::log_mel, "spectrogram of Whisper's"));
            weft_ASSIGN(tokenizer, Tokenizer::load(path));
            weft_ASSIGN(rules, read_whisper_rules(files, *tokenizer, s.vocabulary));
            weft_ASSIGN(steps,
                        JsonObject(*files.config(), files.config_origin()).count_or("max_source_positions", 1500));
            const uint32_t bins = sound_of(s).grid.channels;
            if (sound.window_frames() == kFramesAStep * steps && sound.bins == bins) return Ok{};
            return Error{ErrorCode::malformed,
                         files.origin() + ": preprocessor_config.json makes windows of " +
                             std::to_string(sound.window_frames()) + " frames of " + std::to_string(sound.bins) +
                             " numbers; the model hears " + std::to_string(kFramesAStep * steps) + " of " +
                             std::to_string(bins),
                         {}};
        }
        const size_t logits = output_of(s, kLogits);
        if (logits == s.outputs.size())
            return Error{
                ErrorCode::unsupported, s.architecture + " has no head: it tells neither letters nor classes", {}};
        const Output& output = s.outputs[logits];
        const Stage& stage = s.stages[output.stage];
        if (stage.rows.each_sequence()) {
            gives = Gives::classes;
            weft_TRY(needs(SoundSettings::Kind::fbank, "filter bank"));
            weft_ASSIGN(classes, read_classes(files, stage.width_of(output.stream)));
            return Ok{};
        }
        gives = Gives::letters;
        weft_TRY(needs(SoundSettings::Kind::samples, "samples"));
        weft_ASSIGN(letters, read_ctc_letters(files));
        return Ok{};
    }

    /// `texts`: that are written side by side.
    Status make_session(uint32_t texts) {
        session.reset();
        SessionOptions o;
        o.slots = texts;
        o.kv_dtype = kv_type(cache, model->weights.all());
        if (gives == Gives::speech) o.context = schedule().position_limit;
        else o.context = rows_of_input(); // they come whole
        weft_ASSIGN(session, Session::create(model, o));
        return Ok{};
    }

    /// Whether the model can do what is asked for.
    Status check(const HearOptions& options) const {
        if (gives == Gives::speech) return check_options(rules, options);
        const bool times = options.timestamps && gives == Gives::classes;
        if (options.beams == 1 && options.language.empty() && !options.translate && !times) return Ok{};
        return Error{ErrorCode::unsupported,
                     schedule().architecture +
                         (gives == Gives::letters
                              ? " writes what it hears as it is: it takes no language, task or beams"
                              : " tells classes: it takes no language, task or beams, and writes no times"),
                     {}};
    }

    /// `open` begins a file, which is read twice where the loudest place of more than one window counts in all of them.
    template <class Open>
    Result<Heard> hear_file(const Open& open, const std::string& name, const HearOptions& options,
                            const SegmentFunction& take) {
        weft_TRY(check(options));
        weft_ASSIGN(const auto reader, open(sound.rate));
        float loudest = std::numeric_limits<float>::lowest();
        const uint64_t total = reader->length();
        if (gives == Gives::speech && (total == 0 || total > sound.window_samples())) {
            weft_ASSIGN(const auto all, open(sound.rate));
            weft_ASSIGN(loudest, loudest_in(*all, sound));
        }
        auto heard = hear(*reader, loudest, total, options, take);
        if (!heard && heard.error().code == ErrorCode::invalid_argument) return in_context(name, heard.error());
        return heard;
    }

    Result<Heard> hear(SoundReader& reader, float loudest, uint64_t total, const HearOptions& options,
                       const SegmentFunction& take) {
        switch (gives) {
        case Gives::speech: return write(reader, loudest, total, options, take);
        case Gives::letters: return spell(reader, total, options, take);
        case Gives::classes: break;
        }
        return classify(reader, options);
    }

private:
    // Of the largest input.
    uint32_t rows_of_input() const {
        const PatchGrid& grid = sound_of(schedule()).grid;
        const bool bank = gives == Gives::classes;
        const auto [height, width] =
            grid.sides(bank ? sound.frames : 1, bank ? sound.bins : kPieceSeconds * sound.rate);
        return grid.takes(height, width) ? grid.down(height) * grid.across(width) + grid.extra : 0;
    }

    Result<Heard> write(SoundReader& reader, float loudest, uint64_t total, const HearOptions& options,
                        const SegmentFunction& take) {
        if (options.beams > (session ? session->options().slots : 0)) weft_TRY(make_session(options.beams));
        SessionSpeech speech(*session, sound.window_frames());
        return transcribe({speech, *tokenizer, rules, sound, session->options().context, steps}, reader, loudest, total,
                          options, take);
    }

    Result<Heard> classify(SoundReader& reader, const HearOptions& options) {
        std::vector<float> samples(size_t(sound.frames - 1) * sound.shift_samples() + sound.frame_samples());
        weft_ASSIGN(const size_t got, reader.read(samples));
        samples.resize(got);
        weft_ASSIGN(const auto bank, fbank_input(samples, sound));
        const Feed feed{.picture = {bank, sound.frames, sound.bins}};
        weft_TRY(session->forward({&feed, 1}, Want::nothing));
        weft_ASSIGN(const auto logits, session->logits());
        if (!std::ranges::all_of(logits, [](float x) { return std::isfinite(x); }))
            return Error{ErrorCode::not_finite, "the logits of the classes are not finite", {}};
        Heard heard{.seconds = double(got) / sound.rate};
        for (const Classes::One& one : classes.likeliest(logits, options.classes))
            heard.classes.push_back({one.index, classes.labels[one.index], one.probability});
        return heard;
    }

    // Piece by piece; of two that overlap each gives half of what both hear.
    Result<Heard> spell(SoundReader& reader, uint64_t total, const HearOptions& options, const SegmentFunction& take) {
        const size_t size = size_t(kPieceSeconds) * sound.rate, edge = size_t(kEdgeSeconds) * sound.rate;
        CtcDecoder decoder(letters);
        std::vector<float> samples;
        uint64_t at = 0; // where they begin
        for (bool last = false; !last;) {
            const size_t had = samples.size();
            samples.resize(size + 1); // one more tells whether the sound goes on
            weft_ASSIGN(const size_t got, reader.read(std::span(samples).subspan(had)));
            samples.resize(had + got);
            last = samples.size() <= size;
            const size_t piece = std::min(samples.size(), size), begin = at ? edge : 0, end = piece - (last ? 0 : edge);
            weft_ASSIGN(const auto ids, letters_of(std::span(samples).first(piece)));
            const auto row = [&](size_t sample) {
                return (ids.size() * sample + piece / 2) / std::max<size_t>(piece, 1);
            };
            HeardSegment segment{.begin = double(at + begin) / sound.rate, .end = double(at + end) / sound.rate};
            segment.text = decoder.push(std::span(ids).subspan(row(begin), row(end) - row(begin)));
            if (!segment.text.empty() && take && !take(segment)) break;
            at += last ? piece : size - 2 * edge;
            samples.erase(samples.begin(), samples.begin() + long(last ? piece : size - 2 * edge));
            if (options.progress && !options.progress({Progress::Stage::prefill, at, total}))
                return Error{ErrorCode::cancelled, "stopped", {}};
        }
        return Heard{.seconds = double(at + samples.size()) / sound.rate};
    }

    // The likeliest for each frame.
    Result<std::vector<uint32_t>> letters_of(std::span<const float> samples) {
        std::vector<uint32_t> ids;
        if (samples.empty()) return ids;
        std::vector<float> values(samples.begin(), samples.end());
        if (sound.normalize) normalize_samples(values);
        session->reset(0);
        const Feed feed{.picture = {values, 1, uint32_t(values.size())}};
        weft_TRY(session->forward({&feed, 1}, Want::nothing));
        weft_ASSIGN(const auto logits, session->logits());
        const Output& output = schedule().outputs[output_of(schedule(), kLogits)];
        const size_t width = schedule().stages[output.stage].width_of(output.stream);
        for (size_t row = 0; row + width <= logits.size(); row += width) {
            const auto frame = std::span(logits).subspan(row, width);
            if (!std::ranges::all_of(frame, [](float x) { return std::isfinite(x); }))
                return Error{ErrorCode::not_finite, "the logits of a frame's letters are not finite", {}};
            ids.push_back(uint32_t(std::ranges::max_element(frame) - frame.begin()));
        }
        return ids;
    }
};

} // namespace weft::detail

namespace weft {
using namespace detail;

Hearer::Hearer(std::unique_ptr<HearerState> state) : state_(std::move(state)) {}
Hearer::Hearer(Hearer&&) noexcept = default;
Hearer& Hearer::operator=(Hearer&&) noexcept = default;
Hearer::~Hearer() = default;

Result<Hearer> Hearer::load(const Device& device, const std::filesystem::path& path, const HearerOptions& options) try {
    auto s = std::make_unique<HearerState>(HearerState{.device = device});
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    weft_ASSIGN(const Schedule schedule, make_schedule(files)); // what cannot be is said before weights are read
    weft_TRY(s->read(files, path, schedule));
    weft_ASSIGN(s->model, load_model(Access::state(device), files, options.dtype, options.progress));
    s->cache = options.cache;
    weft_TRY(s->make_session(1));
    return Hearer(std::move(s));
}
weft_CATCH

Result<Heard> Hearer::hear(const std::filesystem::path& file, const HearOptions& options,
                           const SegmentFunction& take) try {
    return state_->hear_file([&](uint32_t rate) { return read_sound(file, rate); }, file.string(), options, take);
}
weft_CATCH

Result<Heard> Hearer::hear(std::span<const std::byte> file, const std::string& name, const HearOptions& options,
                           const SegmentFunction& take) try {
    return state_->hear_file([&](uint32_t rate) { return read_sound(file, name, rate); }, name, options, take);
}
weft_CATCH

Result<Heard> Hearer::hear(const SoundFunction& sound, const HearOptions& options, const SegmentFunction& take) try {
    GivenSound reader(sound);
    weft_TRY(state_->check(options));
    return state_->hear(reader, std::numeric_limits<float>::lowest(), 0, options, take);
}
weft_CATCH

uint32_t Hearer::rate() const { return state_->sound.rate; }
bool Hearer::writes() const { return state_->gives != HearerState::Gives::classes; }
std::string Hearer::architecture() const { return state_->schedule().architecture; }
const std::vector<std::string>& Hearer::warnings() const { return state_->model->warnings; }

} // namespace weft
