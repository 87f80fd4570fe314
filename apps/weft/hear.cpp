// SPDX-License-Identifier: Apache-2.0
// weft hear: sound to text, subtitles or classes.
#include "console.hpp"
#include "files.hpp"
#include "numbers.hpp"
#include <cerrno>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {
namespace {

constexpr uint32_t kLiveRate = 16000;
constexpr float kLivePatience = 3;

enum class Format { txt, srt, vtt, json };

struct HearFlags {
    std::string model, task = "transcribe";
    std::vector<std::string> sounds;
    std::optional<float> temperature;
    Format format = Format::txt;
    weft::HearOptions options;
    uint32_t top = 5;
    bool stats = false;
    weft::WeightType dtype = weft::WeightType::stored;
    weft::CacheType cache = weft::CacheType::beside_weights;
    DeviceFlags device;
};

// 1:02:03.456 with the mark before the thousandths; without hours where there are none, unless asked for.
std::string time_text(double seconds, char mark, bool hours) {
    const auto ms = uint64_t(std::llround(seconds * 1000));
    char text[40];
    const int length = ms >= 3600000 || hours ? std::snprintf(text, sizeof text, "%02u:", unsigned(ms / 3600000)) : 0;
    std::snprintf(text + length, sizeof text - size_t(length), "%02u:%02u%c%03u", unsigned(ms / 60000 % 60),
                  unsigned(ms / 1000 % 60), mark, unsigned(ms % 1000));
    return text;
}

// Prints what is heard of one sound as it comes.
class Printer {
public:
    Printer(const HearFlags& flags, const std::string& name) : flags_(flags), name_(name) {
        if (flags_.format == Format::vtt) std::cout << "WEBVTT\n\n";
    }

    bool take(const weft::HeardSegment& s) {
        end_progress();
        if (++count_ == 1 && flags_.format == Format::txt && flags_.sounds.size() > 1) std::cout << name_ << ":\n";
        switch (flags_.format) {
        case Format::txt: text(s); break;
        case Format::srt:
            std::cout << count_ << "\n";
            timed(s, ',', true);
            break;
        case Format::vtt: timed(s, '.', false); break;
        case Format::json:
            segments_.push_back({{"begin", s.begin}, {"end", s.end}, {"text", s.text}});
            if (!s.tokens.empty())
                segments_.back().update({{"tokens", s.tokens},
                                         {"temperature", s.temperature},
                                         {"compression", s.compression},
                                         {"log_probability", s.log_probability},
                                         {"no_speech", s.no_speech}});
            all_ += s.text;
            break;
        }
        std::cout << std::flush;
        return !g_interrupted && std::cout.good();
    }

    void finish(const weft::Heard& heard, bool writes) {
        end_progress();
        if (!writes) classes(heard);
        else if (flags_.format == Format::json) {
            nlohmann::json j{
                {"sound", name_}, {"seconds", heard.seconds}, {"text", trimmed(all_)}, {"segments", segments_}};
            if (!heard.language.empty()) j["language"] = heard.language;
            std::cout << dumped(j) << "\n";
        } else end_line();
        std::cout << std::flush;
    }

    /// Ends the line of a text that was stopped half-way.
    void end_line() {
        if (flags_.format == Format::txt && !flags_.options.timestamps && count_) std::cout << "\n" << std::flush;
    }

private:
    static std::string dumped(const nlohmann::json& j) {
        return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }

    void text(const weft::HeardSegment& s) {
        if (flags_.options.timestamps)
            std::cout << "[" << time_text(s.begin, '.', false) << " --> " << time_text(s.end, '.', false) << "]  "
                      << trimmed(s.text) << "\n";
        else
            std::cout << (count_ == 1 ? s.text.substr(std::min(s.text.find_first_not_of(' '), s.text.size())) : s.text);
    }

    // As in subtitles, whose text must not look like the line of times.
    void timed(const weft::HeardSegment& s, char mark, bool hours) {
        std::string text = trimmed(s.text);
        for (size_t at; (at = text.find("-->")) != std::string::npos;) text.replace(at, 3, "->");
        std::cout << time_text(s.begin, mark, hours) << " --> " << time_text(s.end, mark, hours) << "\n"
                  << text << "\n\n";
    }

    void classes(const weft::Heard& heard) {
        auto list = nlohmann::json::array();
        std::string line = name_ + ":";
        for (const weft::HeardClass& c : heard.classes) {
            list.push_back({{"label", c.label}, {"index", c.index}, {"probability", c.probability}});
            char share[32];
            std::snprintf(share, sizeof share, " %.4f", double(c.probability));
            line += (line.back() == ':' ? " " : "; ") + c.label + share;
        }
        if (flags_.format == Format::json)
            line = dumped({{"sound", name_}, {"seconds", heard.seconds}, {"classes", list}});
        std::cout << line << "\n";
    }

    const HearFlags& flags_;
    std::string name_, all_;
    size_t count_ = 0;
    nlohmann::json segments_ = nlohmann::json::array();
};

// Standard input as it comes: whatever signal ends it, what was read counts.
size_t read_bytes(std::span<char> bytes) {
    size_t got = 0;
    while (got < bytes.size() && !g_interrupted) {
        const int64_t n = read_some(bytes.subspan(got));
        if (n > 0) got += size_t(n);
        else if (n == 0 || errno != EINTR) break;
    }
    return got;
}

// A file of sound that comes through a pipe, whole; or samples: 16 bits, little-endian.
weft::Result<weft::Heard> hear_input(weft::Hearer& model, const HearFlags& f, const weft::SegmentFunction& take) {
    char head[4] = {};
    size_t kept = read_bytes(head);
    for (const std::string_view mark : {"RIFF", "fLaC", "OggS", "ID3", "FORM"}) {
        if (!std::string_view(head, kept).starts_with(mark)) continue;
        const auto rest = read_input();
        if (!rest) return rest.error();
        const std::string all = std::string(head, kept) + *rest;
        return model.hear(std::as_bytes(std::span(all)), "standard input", f.options, take);
    }
    if (model.rate() != kLiveRate)
        return weft::Error{weft::ErrorCode::unsupported,
                           "the model hears " + std::to_string(model.rate()) +
                               " samples a second, and standard input has " + std::to_string(kLiveRate),
                           {}};
    const auto samples = [&](std::span<float> to) {
        std::vector<char> bytes(to.size() * 2);
        std::copy_n(head, kept, bytes.begin());
        const size_t count = (kept + read_bytes(std::span(bytes).subspan(kept))) / 2;
        kept = 0;
        for (size_t i = 0; i < count; ++i)
            to[i] = float(int16_t(uint16_t(uint8_t(bytes[2 * i]) | uint8_t(bytes[2 * i + 1]) << 8))) / 32768;
        return count;
    };
    weft::HearOptions live = f.options;
    live.patience = kLivePatience;
    return model.hear(samples, live, take);
}

int run(const HearFlags& flags) {
    HearFlags f = flags;
    const bool subtitles = f.format == Format::srt || f.format == Format::vtt;
    if (subtitles && f.sounds.size() > 1)
        return fail({weft::ErrorCode::invalid_argument, "subtitles are of one sound: give one file", {}});
    f.options.timestamps |= subtitles;
    f.options.translate = f.task == "translate";
    f.options.classes = f.top;
    if (f.temperature)
        for (auto& temperatures = f.options.temperatures; !temperatures.empty() && temperatures[0] < *f.temperature;)
            temperatures.erase(temperatures.begin());
    if (f.temperature && (f.options.temperatures.empty() || f.options.temperatures[0] != *f.temperature))
        f.options.temperatures.insert(f.options.temperatures.begin(), *f.temperature);
    auto device = f.device.open();
    if (!device) return fail(device.error());
    const weft::ProgressFunction bar = progress_bar();
    auto model = weft::Hearer::load(*device, f.model, {f.dtype, f.cache, bar});
    if (!model) return fail(model.error());
    end_progress();
    print_warnings(model->warnings());
    if (subtitles && !model->writes())
        return fail(
            {weft::ErrorCode::unsupported, model->architecture() + " tells classes: it makes no subtitles", {}});
    int code = kDone;
    for (const std::string& name : f.sounds) {
        Printer printer(f, name);
        const auto take = [&](const weft::HeardSegment& s) { return printer.take(s); };
        const auto begin = std::chrono::steady_clock::now();
        f.options.progress = name == "-" ? weft::ProgressFunction() : bar; // a live sound ends with its signal
        const auto heard = name == "-" ? hear_input(*model, f, take) : model->hear(name, f.options, take);
        if (!heard) {
            printer.end_line();
            code = fail(heard.error());
            if (g_interrupted) return code;
            continue; // one that cannot be read keeps none of the others from being heard
        }
        printer.finish(*heard, model->writes());
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        if (f.stats)
            std::fprintf(stderr, "%.1f s of sound in %.2f s: %.1f times as fast\n", heard->seconds, seconds,
                         heard->seconds / seconds);
        if (g_interrupted) return interrupted();
    }
    return code;
}

} // namespace

Command add_hear(CLI::App& root) {
    auto f = std::make_shared<HearFlags>();
    CLI::App* app = root.add_subcommand("hear", "What is said in sounds, or what they are");
    app->add_option("sound", f->sounds,
                    "WAV, FLAC, OGG or MP3 files; '-': standard input, such a file or a live stream of samples "
                    "(16 kHz, one channel, 16 bits, little-endian)")
        ->required();
    app->add_option("--model", f->model, "Model directory")->required();
    app->add_option_function<std::string>(
           "--format",
           [f](const std::string& given) {
               f->format = given == "txt"   ? Format::txt
                           : given == "srt" ? Format::srt
                           : given == "vtt" ? Format::vtt
                                            : Format::json;
           },
           "Text, subtitles, or a line of JSON a sound: txt, srt, vtt, json")
        ->check(CLI::IsMember({"txt", "srt", "vtt", "json"}));
    app->add_flag("--timestamps", f->options.timestamps, "A line a segment, with its times");
    app->add_option("--language", f->options.language, "What is spoken, as a code such as en; left out: what is heard");
    app->add_option("--task", f->task, "transcribe, or translate into English")
        ->check(CLI::IsMember({"transcribe", "translate"}));
    app->add_flag_function(
        "--condition,!--no-condition", [f](int64_t n) { f->options.condition = n > 0; },
        "Tell the model what was said before a window, or not");
    add_number<float>(*app, "--temperature", f->temperature,
                      "Of the first try; what is doubtful is tried again at the next 0.2, up to 1", 0, 1);
    add_number<uint32_t>(*app, "--beams", f->options.beams,
                         "Texts that are written side by side at a temperature of 0; the likeliest is taken", 1, 64);
    add_number<float>(*app, "--most-compression", f->options.most_compression,
                      "A text that zlib makes smaller than this is doubtful", 0, 1000);
    add_number<float>(*app, "--least-log-probability", f->options.least_log_probability,
                      "A text whose tokens are less likely on average is doubtful", -1000, 0);
    add_number<float>(*app, "--least-no-speech", f->options.least_no_speech,
                      "A window that is silent with this probability, and whose text is doubtful, has none", 0, 1);
    add_number<uint64_t>(*app, "--seed", f->options.seed, "Of what is tried again", 0, UINT64_MAX);
    add_number<uint32_t>(*app, "--top", f->top, "Classes of each sound, the most probable ones", 1, kMostTokens);
    app->add_flag("--stats", f->stats, "The time that it took, on standard error");
    add_dtype(*app, f->dtype);
    add_kv(*app, f->cache);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
