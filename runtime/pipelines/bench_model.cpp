// SPDX-License-Identifier: Apache-2.0
// L6: timing of what a model reads (a prompt, texts or pictures that come whole) and of what it makes.
#include "base/access.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "kernels/measure_peaks.hpp"
#include "pipelines/load.hpp"
#include "schedule/session.hpp"
#include "schedule/work.hpp"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <weft/bench.hpp>

namespace weft {
using namespace detail;
namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v.empty() ? 0 : v[v.size() / 2];
}

std::vector<LayerTiming> layer_times(const Session& session) {
    std::vector<LayerTiming> list;
    const Replay* replay = session.last_replay();
    if (!replay) return list;
    const auto times = replay->recording().call_times();
    if (!times) return list;
    const auto& program = replay->recording().program();
    for (size_t i = 0; i < times->size(); ++i)
        list.push_back({program.segments[program.calls[i].segment], program.calls[i].label, (*times)[i] / 1000});
    return list;
}

std::string work_text(const PhaseWork& w, double seconds) {
    char line[160];
    std::snprintf(line, sizeof line, "%.2f MB at %.2f GB/s, %.4f GFLOP at %.2f GFLOP/s", double(w.bytes) * 1e-6,
                  double(w.bytes) * 1e-9 / seconds, double(w.operations) * 1e-9, double(w.operations) * 1e-9 / seconds);
    std::string s = line;
    std::snprintf(line, sizeof line, ", %.1f %% of the limit", 100 * w.share);
    return w.share > 0 ? s + line : s;
}

Json work_json(const PhaseWork& w) {
    return {{"bytes", w.bytes}, {"operations", w.operations}, {"share_of_limit", w.share}};
}

// What a model reads and makes, as its schedule says.
struct Task {
    Task(const Schedule& schedule, const ModelBenchOptions& o)
        : before(runs_before(schedule)), whole(before || takes_whole(schedule)),
          generates(generating_stage(schedule) != kNoStage), rows(o.prompt), generate(generates ? o.generate : 0) {
        for (const Input& in : schedule.inputs) {
            const Stage& stage = schedule.stages[in.stage];
            if (before == (stage.when != When::every_step) && in.name == stage.rows.input) input = &in;
        }
        if (!input->pictures()) return;
        const PatchGrid& grid = input->grid;
        const PictureRows patches = patches_of(schedule, o.prompt);
        const auto fed = grid.sides(pixels(patches.down, grid.stride_y, grid.patch_y, grid.pad_y),
                                    pixels(patches.across - grid.lead, grid.stride_x, grid.patch_x, grid.pad_x));
        height = fed.height;
        width = fed.width;
        rows = patches.count() + grid.extra;
        room = room_for(schedule, patches);
        if (const StageId leaving = remembered_stage(schedule); leaving != kNoStage) {
            remembered = rows / uint32_t(patches_of_a_row(schedule, leaving));
            limited = schedule.stages[leaving].rows.most;
        }
    }

    SessionOptions session(const ModelBenchOptions& o, const LoadedModel& model) const {
        SessionOptions options;
        // An encoder-decoder's decoder begins with a token of its own.
        options.context = before ? std::max(limited ? 0 : rows, generate + 2) : generates ? rows + generate + 1 : rows;
        options.slots = o.batch;
        const auto at_once = uint32_t(std::min<uint64_t>(std::max<uint64_t>(rows, room) * o.batch, UINT32_MAX));
        if (before) options.before = at_once;
        else if (whole) options.max_chunk = at_once;
        options.kv_dtype = kv_type(o.cache, model.weights.all());
        options.timestamps = o.per_layer;
        return options;
    }

    bool before, whole, generates;
    uint32_t rows, generate;
    uint32_t height = 0, width = 0; // of a picture
    uint64_t room = 0;              // for its patches
    uint32_t remembered = rows;     // that an encoder leaves
    bool limited = false;           // to rows of its own, whatever the context is
    const Input* input = nullptr;   // what is read

private:
    // Those that the config names, or as many patches as a prompt has tokens.
    PictureRows patches_of(const Schedule& schedule, uint32_t prompt) const {
        const PatchGrid& grid = input->grid;
        if (grid.only_down) return {grid.only_down, grid.only_across};
        if (grid.sound()) {
            StageId last = input->stage; // whose rows are counted
            for (StageId id = 0; id < schedule.stages.size(); ++id)
                if (schedule.stages[id].rows.placed()) last = id;
            const uint32_t most = schedule.stages[last].rows.most;
            return {1, uint32_t((most ? most : prompt) * patches_of_a_row(schedule, last))};
        }
        const uint32_t known = schedule.trained_context, patches = known > grid.extra ? known - grid.extra : prompt;
        auto down = uint32_t(std::sqrt(double(patches)));
        while (patches % down) --down;
        return {down, patches / down};
    }
    static uint32_t pixels(uint32_t patches, uint32_t stride, uint32_t patch, uint32_t pad) {
        const uint64_t padded = uint64_t(patches - 1) * stride + patch;
        return uint32_t(std::min<uint64_t>(padded > 2 * uint64_t(pad) ? padded - 2 * uint64_t(pad) : 1, UINT32_MAX));
    }
};

// Something to read for each slot.
class Reading {
public:
    Reading(const Task& task, uint32_t batch) : ids_(batch), values_(batch) {
        Random random(1);
        for (uint32_t b = 0; b < batch; ++b) {
            if (task.input->pictures()) {
                values_[b] = random.normals(size_t(task.input->grid.channels) * task.height * task.width);
                feeds_.push_back({.slot = b, .picture = {values_[b], task.height, task.width}});
                continue;
            }
            for (uint32_t i = 0; i < task.rows; ++i) ids_[b].push_back(random.below(task.input->limit));
            feeds_.push_back({b, ids_[b]});
        }
    }
    std::span<const Feed> feeds() const { return feeds_; }

private:
    std::vector<std::vector<uint32_t>> ids_;
    std::vector<std::vector<float>> values_;
    std::vector<Feed> feeds_;
};

// Sets what the reading and a decode step had to do, and their shares of the peaks.
void count_work(const LoadedModel& model, const SessionOptions& options, const Task& task, ModelBench& bench) {
    std::vector<uint64_t> weight_bytes;
    for (const DeviceWeight& weight : model.weights.all()) {
        weight_bytes.push_back(0);
        for (const auto& part : weight.parts) weight_bytes.back() += part.slice.size;
    }
    const auto add = [&](PhaseWork& phase, const WorkStep& step) {
        const Work work = work_of(model.schedule, weight_bytes, step);
        phase.bytes += work.bytes;
        phase.operations += work.operations;
    };
    const uint32_t chunk = task.whole ? task.rows : std::max(1u, options.max_chunk / bench.batch);
    for (uint32_t past = 0; past < task.rows; past += std::min(chunk, task.rows - past))
        add(bench.prefill_work, {.sequences = bench.batch,
                                 .past = past,
                                 .count = std::min(chunk, task.rows - past),
                                 .logits = task.generates && !task.before && past + uint64_t(chunk) >= task.rows,
                                 .kv = options.kv_dtype,
                                 .before = task.before});
    bench.prefill_work.share = kernel::share_of(bench.peaks, bench.prefill_work.bytes, bench.prefill_work.operations,
                                                double(task.rows) * bench.batch / bench.prefill_tokens_per_s * 1e6);
    if (!bench.generate) return;
    add(bench.decode_work, {.sequences = bench.batch,
                            .past = (task.before ? 1 : task.rows) + task.generate / 2,
                            .kv = options.kv_dtype,
                            .memory = task.before ? task.remembered : 0});
    bench.decode_work.share = kernel::share_of(bench.peaks, bench.decode_work.bytes, bench.decode_work.operations,
                                               bench.batch / bench.decode_tokens_per_s * 1e6);
}

} // namespace

Result<ModelBench> bench_model(const Device& device, const std::filesystem::path& path,
                               const ModelBenchOptions& o) try {
    if (o.prompt == 0 || o.batch == 0 || o.repeats == 0)
        return Error{ErrorCode::invalid_argument, "prompt, batch and repeats must be at least 1", {}};
    if (uint64_t(o.prompt) + o.generate >= UINT32_MAX || o.batch > 65536)
        return Error{ErrorCode::invalid_argument,
                     "prompt and generate must be below 2^32 together, and batch at most 65536",
                     {}};
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    ModelBench bench;
    // Before the model takes the memory; under a limit too low for it the times are still worth having.
    if (auto peaks = kernel::measure_peaks(Access::state(device), o.repeats)) bench.peaks = *peaks;
    else if (peaks.error().code != ErrorCode::out_of_memory) return peaks.error();
    // Of a text with pictures the text; a tower alone stays.
    const ScheduleEdit edit = [&](Schedule& schedule) -> Status {
        if (std::ranges::all_of(schedule.stages, [](const Stage& s) { return s.when == When::given; })) return Ok{};
        return text_alone(files)(schedule);
    };
    weft_ASSIGN(const auto model, o.random_weights
                                      ? random_model(Access::state(device), files, o.dtype, 1, edit)
                                      : load_model(Access::state(device), files, o.dtype, o.progress, edit));
    const Task task(model->schedule, o);
    weft_ASSIGN(auto session, Session::create(model, task.session(o, *model)));
    const SessionOptions& options = session->options();
    bench.model = path.string();
    bench.architecture = model->schedule.architecture;
    bench.device = device.info().name;
    bench.driver = device.info().driver;
    bench.cache = cache_name(model->schedule, options.kv_dtype);
    bench.parameters = model->schedule.parameters();
    bench.weight_bytes = model->weights.bytes();
    bench.prompt = task.rows;
    bench.generate = task.generate;
    bench.batch = o.batch;
    bench.encodes = task.whole;
    bench.height = task.height;
    bench.width = task.width;
    const Reading reading(task, o.batch);
    const auto begin_token = uint32_t(std::max<int64_t>(0, model->schedule.begin_token));
    std::vector<Feed> beginnings; // of what an encoder-decoder makes
    std::vector<uint32_t> slots;
    for (uint32_t b = 0; b < o.batch; ++b) {
        slots.push_back(b);
        beginnings.push_back({b, {&begin_token, 1}});
    }
    // A run is a unit of progress; within it the steps are looked at, so that a slow one can be stopped.
    uint32_t runs = 0;
    const auto going = [&] {
        return !o.progress || o.progress({Progress::Stage::prefill, runs, uint64_t(o.repeats) + 1});
    };
    const Error stopped{ErrorCode::cancelled, "stopped", {}};
    const auto read = [&]() -> Status {
        if (task.before) return session->encode(reading.feeds());
        weft_TRY(session->begin(reading.feeds(), task.generates ? Want::last : Want::nothing));
        for (bool done = false; !done;) {
            weft_ASSIGN(done, session->advance(options.longest_submission_ms));
            if (!going()) return stopped;
        }
        return Ok{};
    };
    // A sequence without a next token is not decoded, and so would make the rest look fast.
    const auto finite = [&]() -> Status {
        if (std::ranges::none_of(slots, [&](uint32_t b) { return session->next_token(b) == kernel::kNoToken; }))
            return Ok{};
        return Error{
            ErrorCode::not_finite, path.string() + ": the logits are not finite; decoding cannot be timed", {}};
    };
    const auto decode_steps = [&](Session& s, uint32_t steps, std::vector<std::vector<uint32_t>>& made) -> Status {
        for (uint32_t done = 0; done < steps;) {
            const uint32_t now = std::min(steps - done, 32u);
            weft_TRY(s.decode(slots, now, made));
            weft_TRY(finite());
            if (!going()) return stopped;
            done += now;
        }
        return Ok{};
    };
    std::vector<double> prefill, decode, host;
    std::vector<std::vector<uint32_t>> tokens;
    for (uint32_t repeat = 0; repeat <= o.repeats; ++repeat) { // the first warms up
        for (uint32_t b : slots) session->reset(b);
        auto start = Clock::now();
        weft_TRY(read());
        const double prefill_s = std::chrono::duration<double>(Clock::now() - start).count();
        if (o.per_layer) bench.prefill_layers = layer_times(*session);
        double decode_s = 0, host_us = 0;
        if (task.generate) {
            if (task.before) weft_TRY(session->forward(beginnings, Want::last));
            weft_TRY(finite());
            if (repeat == 0) weft_TRY(session->decode(slots, std::min(o.generate, 2u), tokens));
            const uint32_t steps = repeat == 0 ? std::max(1u, o.generate - std::min(o.generate, 2u)) : o.generate;
            const double waited = session->device_wait_ms();
            const uint64_t submissions = session->submissions();
            start = Clock::now();
            weft_TRY(decode_steps(*session, steps, tokens));
            decode_s = std::chrono::duration<double>(Clock::now() - start).count();
            host_us = (decode_s * 1000 - (session->device_wait_ms() - waited)) * 1000 / (double(steps) * o.batch);
            bench.decode_submissions = session->submissions() - submissions;
            if (o.per_layer) bench.decode_layers = layer_times(*session);
        }
        ++runs;
        if (!going()) return stopped;
        if (repeat == 0) continue;
        prefill.push_back(double(task.rows) * o.batch / prefill_s);
        if (task.generate) {
            decode.push_back(double(o.generate) * o.batch / decode_s);
            host.push_back(host_us);
        }
    }
    bench.prefill_tokens_per_s = median(prefill);
    if (task.height) bench.pictures_per_s = bench.prefill_tokens_per_s / task.rows;
    bench.decode_tokens_per_s = median(decode);
    bench.host_us_per_token = median(host);
    count_work(*model, options, task, bench);
    return bench;
}
weft_CATCH

std::string ModelBench::text() const {
    char line[256];
    std::snprintf(line, sizeof line, " (%s): %.2f M parameters, %.1f MiB%s%s; ", architecture.c_str(),
                  double(parameters) * 1e-6, double(weight_bytes) / 1048576, cache.empty() ? "" : ", caches in ",
                  cache.c_str());
    std::string s = model + line + device + ", " + driver;
    std::snprintf(line, sizeof line, ": copy %.1f GB/s, multiply-add %.1f GFLOP/s\n", peaks.copy_gb_per_s,
                  peaks.gflop_per_s);
    s += peaks ? line : ": peaks not measured, for want of memory\n";
    const std::string work = work_text(prefill_work, double(prompt) * batch / prefill_tokens_per_s);
    if (height)
        std::snprintf(line, sizeof line, "  encode  %u x %u x %u pixels: %.2f pictures/s, each of %u rows; %s\n", batch,
                      height, width, pictures_per_s, prompt, work.c_str());
    else
        std::snprintf(line, sizeof line, "  %s %u x %u: %.1f tokens/s; %s\n", encodes ? "encode " : "prefill", batch,
                      prompt, prefill_tokens_per_s, work.c_str());
    s += line;
    if (generate) {
        std::snprintf(line, sizeof line,
                      "  decode  %u x %u: %.1f tokens/s; a step %s; host %.1f us a token, %llu submissions\n", batch,
                      generate, decode_tokens_per_s, work_text(decode_work, batch / decode_tokens_per_s).c_str(),
                      host_us_per_token, static_cast<unsigned long long>(decode_submissions));
        s += line;
    }
    for (const auto* layers : {&prefill_layers, &decode_layers}) {
        if (layers->empty()) continue;
        double total = 0;
        for (const auto& l : *layers) total += l.us;
        s += layers == &prefill_layers ? (encodes ? "  encode:\n" : "  prefill, last chunk:\n")
                                       : "  decode, last step:\n";
        for (const auto& l : *layers) {
            std::snprintf(line, sizeof line, "    %-10s %-24s %10.1f us %5.1f %%\n", l.segment.c_str(), l.call.c_str(),
                          l.us, 100 * l.us / total);
            s += line;
        }
    }
    return s;
}

std::string ModelBench::json() const {
    Json j{{"model", model},
           {"architecture", architecture},
           {"device", device},
           {"driver", driver},
           {"parameters", parameters},
           {"weight_bytes", weight_bytes},
           {"cache", cache},
           {"prompt", prompt},
           {"generate", generate},
           {"batch", batch},
           {"encodes", encodes},
           {"height", height},
           {"width", width},
           {"pictures_per_s", pictures_per_s},
           {"prefill_tokens_per_s", prefill_tokens_per_s},
           {"decode_tokens_per_s", decode_tokens_per_s},
           {"host_us_per_token", host_us_per_token},
           {"decode_submissions", decode_submissions},
           {"copy_gb_per_s", peaks.copy_gb_per_s},
           {"gflop_per_s", peaks.gflop_per_s},
           {"prefill_work", work_json(prefill_work)},
           {"decode_work", work_json(decode_work)}};
    const auto layers = [](const std::vector<LayerTiming>& list) {
        Json a = Json::array();
        for (const auto& l : list) a.push_back({{"segment", l.segment}, {"call", l.call}, {"us", l.us}});
        return a;
    };
    j["prefill_layers"] = layers(prefill_layers);
    j["decode_layers"] = layers(decode_layers);
    return j.dump(2);
}

} // namespace weft
