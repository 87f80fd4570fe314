// SPDX-License-Identifier: Apache-2.0
// L6: timing of a model's prefill and decode.
#include "base/json.hpp"
#include "base/random.hpp"
#include "kernels/measure_peaks.hpp"
#include "pipelines/load.hpp"
#include "pipelines/tasks.hpp"
#include "schedule/session.hpp"
#include "schedule/work.hpp"
#include <algorithm>
#include <chrono>
#include <weft/bench.hpp>

namespace weft {
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

// Sets what prefill and a decode step had to do, and their shares of the peaks.
void count_work(const Model& model, const SessionOptions& options, ModelBench& bench) {
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
    const uint32_t chunk = std::max(1u, options.max_chunk / bench.batch);
    for (uint32_t past = 0; past < bench.prompt; past += chunk)
        add(bench.prefill_work,
            {bench.batch, past, std::min(chunk, bench.prompt - past), past + chunk >= bench.prompt, options.kv_dtype});
    bench.prefill_work.share = kernel::share_of(bench.peaks, bench.prefill_work.bytes, bench.prefill_work.operations,
                                                double(bench.prompt) * bench.batch / bench.prefill_tokens_per_s * 1e6);
    if (!bench.generate) return;
    add(bench.decode_work, {bench.batch, bench.prompt + bench.generate / 2, 1, true, options.kv_dtype});
    bench.decode_work.share = kernel::share_of(bench.peaks, bench.decode_work.bytes, bench.decode_work.operations,
                                               bench.batch / bench.decode_tokens_per_s * 1e6);
}

} // namespace

Result<ModelBench> bench_model(Device& device, const std::filesystem::path& path, const ModelBenchOptions& o) try {
    if (o.prompt == 0 || o.batch == 0 || o.repeats == 0)
        return Error{ErrorCode::invalid_argument, "prompt, batch and repeats must be at least 1", {}};
    if (uint64_t(o.prompt) + o.generate >= UINT32_MAX || o.batch > 65536)
        return Error{ErrorCode::invalid_argument,
                     "prompt and generate must be below 2^32 together, and batch at most 65536",
                     {}};
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    ModelBench bench;
    // Before the model takes the memory; under a limit too low for it the times are still worth having.
    if (auto peaks = kernel::measure_peaks(device.internal(), o.repeats)) bench.peaks = *peaks;
    else if (peaks.error().code != ErrorCode::out_of_memory) return peaks.error();
    std::shared_ptr<const Model> model;
    if (o.random_weights) {
        weft_ASSIGN(model, random_model(device.internal(), files, o.dtype, 1));
    } else {
        weft_ASSIGN(model, load_model(device.internal(), files, o.dtype, [&](uint64_t done, uint64_t total) {
                        return !o.progress || o.progress({Progress::Stage::load, done, total});
                    }));
    }
    weft_TRY(check_continues(model->schedule, "this measurement"));
    SessionOptions options;
    options.context = o.prompt + o.generate + 1;
    options.slots = o.batch;
    options.max_chunk = std::max(options.max_chunk, o.batch);
    options.kv_dtype = kv_type_beside(o.dtype);
    options.timestamps = o.per_layer;
    weft_ASSIGN(auto session, Session::create(model, options));
    bench.model = path.string();
    bench.architecture = model->schedule.architecture;
    bench.device = device.info().name;
    bench.driver = device.info().driver;
    bench.parameters = model->schedule.parameters();
    bench.weight_bytes = model->weights.bytes();
    bench.prompt = o.prompt;
    bench.generate = o.generate;
    bench.batch = o.batch;
    Random random(1);
    std::vector<std::vector<uint32_t>> prompts(o.batch);
    std::vector<Feed> feeds;
    std::vector<uint32_t> slots;
    for (uint32_t b = 0; b < o.batch; ++b) {
        for (uint32_t i = 0; i < o.prompt; ++i) prompts[b].push_back(random.below(model->schedule.vocabulary));
        slots.push_back(b);
        feeds.push_back({b, prompts[b], 0});
    }
    // A run is a unit of progress; within it the steps are looked at, so that a slow one can be stopped.
    uint32_t runs = 0;
    const auto going = [&] {
        return !o.progress || o.progress({Progress::Stage::prefill, runs, uint64_t(o.repeats) + 1});
    };
    const Error stopped{ErrorCode::cancelled, "stopped", {}};
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
        weft_TRY(session->begin(feeds, Want::last));
        for (bool done = false; !done;) {
            weft_ASSIGN(done, session->advance(options.longest_submission_ms));
            if (!going()) return stopped;
        }
        const double prefill_s = std::chrono::duration<double>(Clock::now() - start).count();
        if (o.per_layer) bench.prefill_layers = layer_times(*session);
        double decode_s = 0, host_us = 0;
        if (o.generate) {
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
        if (repeat == 0) continue;
        prefill.push_back(double(o.prompt) * o.batch / prefill_s);
        if (o.generate) {
            decode.push_back(double(o.generate) * o.batch / decode_s);
            host.push_back(host_us);
        }
    }
    bench.prefill_tokens_per_s = median(prefill);
    bench.decode_tokens_per_s = median(decode);
    bench.host_us_per_token = median(host);
    count_work(*model, options, bench);
    return bench;
}
weft_CATCH

std::string ModelBench::text() const {
    char line[256];
    std::snprintf(line, sizeof line, " (%s): %.2f M parameters, %.1f MiB; ", architecture.c_str(),
                  double(parameters) * 1e-6, double(weight_bytes) / 1048576);
    std::string s = model + line + device + ", " + driver;
    std::snprintf(line, sizeof line, ": copy %.1f GB/s, multiply-add %.1f GFLOP/s\n", peaks.copy_gb_per_s,
                  peaks.gflop_per_s);
    s += peaks ? line : ": peaks not measured, for want of memory\n";
    std::snprintf(line, sizeof line, "  prefill %u x %u: %.1f tokens/s; %s\n", batch, prompt, prefill_tokens_per_s,
                  work_text(prefill_work, double(prompt) * batch / prefill_tokens_per_s).c_str());
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
        s += layers == &prefill_layers ? "  prefill, last chunk:\n" : "  decode, last step:\n";
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
           {"prompt", prompt},
           {"generate", generate},
           {"batch", batch},
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
