// SPDX-License-Identifier: Apache-2.0
// L6: a model directory against recorded inputs and outputs.
#include "base/check.hpp"
#include "base/access.hpp"
#include "models/architecture.hpp"
#include "pipelines/check_recorded.hpp"
#include "pipelines/embedding.hpp"
#include "pipelines/load.hpp"
#include "schedule/decoder.hpp"
#include "schedule/placement.hpp"
#include "schedule/session.hpp"
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <map>
#include <weft/check.hpp>

namespace weft {
using namespace detail;
namespace {

double deviation(const std::vector<float>& v) {
    double mean = 0, squares = 0;
    for (float x : v) mean += x;
    mean /= double(std::max<size_t>(1, v.size()));
    for (float x : v) squares += (x - mean) * (x - mean);
    return std::sqrt(squares / double(std::max<size_t>(1, v.size())));
}

/// One recorded tensor against our rows of each sequence, of which the file has `padded`.
CheckedTensor compare(const RecordedTensor& recorded, const std::vector<std::vector<float>>& ours,
                      const std::vector<size_t>& rows, size_t padded, double tolerance) {
    CheckedTensor c;
    c.name = recorded.name;
    const size_t columns = recorded.values.size() / (ours.size() * padded);
    c.tolerance = tolerance * deviation(recorded.values);
    for (size_t b = 0; b < ours.size(); ++b) {
        if (ours[b].size() != rows[b] * columns) {
            c.note = "has another width than ours";
            return c;
        }
        for (size_t i = 0; i < ours[b].size(); ++i) {
            const double own = ours[b][i], other = recorded.values[b * padded * columns + i],
                         e = own == other ? 0 : std::abs(own - other); // equal infinities too
            if (!(e <= c.error)) {                                     // NaN too
                c.error = e;
                c.note = (std::isfinite(own) ? "worst" : "not finite") + (" at row " + std::to_string(b)) + ", token " +
                         std::to_string(i / columns) + ", channel " + std::to_string(i % columns);
                if (!std::isfinite(e)) return c;
            }
        }
    }
    c.ok = c.error <= c.tolerance;
    return c;
}

struct Runner {
    std::shared_ptr<const LoadedModel> model;
    const Recorded& recorded;
    DType cache;
    double factor, noise;
    bool compare_greedy;
    std::map<std::string, std::vector<float>> compared = {}; // rows of outputs that similarities are of, by name

    // What we have of each recorded tensor: a row of the batch after another.
    using Rows = std::vector<std::vector<float>>;

    Result<uint32_t> chunk_of(const std::string& prefill) const {
        uint32_t chunk = recorded.tokens.longest();
        if (prefill == "whole") return chunk;
        if (takes_whole(model->schedule)) {
            if (prefill == "alone") return chunk;
            return Error{ErrorCode::invalid_argument,
                         "prefill must be 'whole' or 'alone': tokens of this model see those behind them",
                         {}};
        }
        if (prefill == "step") return 1u;
        const char* const end = prefill.data() + prefill.size();
        const auto [stop, error] = std::from_chars(prefill.data(), end, chunk);
        if (error != std::errc() || stop != end || chunk == 0 || chunk > 65536)
            return Error{ErrorCode::invalid_argument,
                         "prefill must be 'whole', 'step' or a number of tokens from 1 to 65536, not '" + prefill + "'",
                         {}};
        return chunk;
    }

    Result<CheckRun> run(const std::string& prefill, uint32_t chunk) {
        const RecordedIds& tokens = recorded.tokens;
        const uint32_t longest = tokens.longest();
        SessionOptions options;
        options.kv_dtype = cache;
        const uint32_t more = recorded.greedy.empty() ? 0 : uint32_t(recorded.greedy[0].size());
        options.context = std::max(longest + more + 1, recorded.memory ? recorded.memory->longest() : 0);
        if (model->schedule.position_limit) options.context = std::min(options.context, model->schedule.position_limit);
        options.slots = uint32_t(tokens.rows.size());
        std::vector<std::vector<uint32_t>> ends; // of the pieces of each row
        uint32_t piece = 1;
        size_t steps = 0;
        for (const auto& row : tokens.rows) {
            ends.push_back(cut_between(row, spanning_token(model->schedule), chunk));
            steps = std::max(steps, ends.back().size());
            for (size_t i = 0; i < ends.back().size(); ++i)
                piece = std::max(piece, ends.back()[i] - (i ? ends.back()[i - 1] : 0));
        }
        options.max_chunk = std::max(16u, std::bit_ceil(piece * options.slots));
        if (takes_whole(model->schedule)) options.max_chunk = room_of(tokens);
        if (recorded.memory) options.before = room_of(*recorded.memory);
        weft_ASSIGN(auto session, Session::create(model, options));

        CheckRun result;
        result.prefill = prefill;
        std::vector<Rows> ours(recorded.tensors.size(), Rows(options.slots));
        compared.clear();
        if (recorded.memory) {
            const auto feeds = memory_feeds();
            weft_TRY(session->encode(feeds, true));
            weft_TRY(collect(*session, feeds, true, ours));
        }
        weft_TRY(show(*session, &ours));
        for (size_t step = 0; step < steps; ++step) {
            std::vector<Feed> feeds;
            for (uint32_t b = 0; b < options.slots; ++b) {
                const auto& row = tokens.rows[b];
                if (step >= ends[b].size()) continue;
                const uint32_t from = step ? ends[b][step - 1] : 0, count = ends[b][step] - from;
                if (!tokens.pictures.empty()) {
                    feeds.push_back({.slot = b, .picture = tokens.picture(b)});
                    continue;
                }
                feeds.push_back({b, std::span(row).subspan(from, count), uint32_t(row.size())});
                for (const RecordedIds& other : recorded.others)
                    feeds.back().others.push_back({other.name, std::span(other.rows[b]).subspan(from, count)});
            }
            if (prefill == "alone") { // each row by itself
                for (size_t b = 0; b < feeds.size(); ++b) {
                    const auto one = std::span<const Feed>(feeds).subspan(b, 1);
                    weft_TRY(session->forward(one, Want::all, piece, true));
                    weft_TRY(collect(*session, one, false, ours));
                }
                continue;
            }
            // "step" goes through the recordings for one new token a sequence; "1" through those for chunks.
            weft_TRY(session->forward(feeds, Want::all, piece, true, prefill == "step"));
            weft_TRY(collect(*session, feeds, false, ours));
        }
        for (size_t i = 0; i < ours.size(); ++i) {
            const RecordedTensor& t = recorded.tensors[i];
            if (t.of_pictures) {
                add(result, of_pictures(t, ours[i]));
                continue;
            }
            if (t.similarity) {
                weft_ASSIGN(auto tensor, similarity(*session, t));
                add(result, std::move(tensor));
                continue;
            }
            const RecordedIds& ids = of_memory(t) ? *recorded.memory : tokens;
            std::vector<size_t> rows;
            for (size_t b = 0; b < ids.rows.size(); ++b) rows.push_back(rows_of(t, b, ids.rows[b].size()));
            if (t.sequences < rows.size()) { // only of the first
                rows.resize(t.sequences);
                ours[i].resize(t.sequences);
            }
            if (t.picture.count()) crop(t, ours[i], rows);
            add(result,
                compare(t, ours[i], rows, t.each_sequence ? 1 : t.rows, factor * noise / recorded.noise.std_main));
        }
        if (!recorded.greedy.empty()) {
            weft_ASSIGN(auto greedy, continuation(options, chunk));
            add(result, std::move(greedy));
        }
        return result;
    }

    // Leaves the places that are recorded.
    void crop(const RecordedTensor& t, Rows& ours, std::vector<size_t>& rows) const {
        const Schedule& s = model->schedule;
        const auto stage = StageId(stage_of(s, t.stage) - s.stages.data());
        for (size_t b = 0; b < ours.size(); ++b) {
            const PictureRows all = picture_rows(s, stage, patches_of(recorded.tokens, b, *grid_of(s, stage)));
            const size_t columns = ours[b].size() / std::max<size_t>(1, rows[b]);
            std::vector<float> left;
            for (uint32_t y = 0; y < std::min(all.down, t.picture.down); ++y) {
                const auto line = ours[b].begin() + long(size_t(y) * all.across * columns);
                left.insert(left.end(), line, line + long(std::min(all.across, t.picture.across) * columns));
            }
            ours[b] = std::move(left);
            rows[b] = t.picture.count();
        }
    }
    // For all rows in one step.
    uint32_t room_of(const RecordedIds& ids) const {
        if (ids.pictures.empty()) return ids.all();
        uint64_t room = 0;
        for (size_t row = 0; row < ids.pictures.size(); ++row)
            room += room_for(model->schedule, patches_of(ids, row, *grid_of(model->schedule, ids.stage)));
        return uint32_t(std::min<uint64_t>(room, UINT32_MAX));
    }
    static PictureRows patches_of(const RecordedIds& ids, size_t row, const PatchGrid& grid) {
        const auto [height, width] = grid.sides(ids.height, ids.widths[row]);
        return {grid.down(height), grid.across(width)};
    }
    // Of `tokens` tokens of a row, or of its picture.
    size_t rows_of(const RecordedTensor& t, size_t row, size_t tokens) const {
        const RecordedIds& ids = of_memory(t) ? *recorded.memory : recorded.tokens;
        if (t.each_sequence) return 1;
        if (ids.pictures.empty()) return tokens;
        const Schedule& s = model->schedule;
        StageId stage = t.output.empty() ? StageId(stage_of(s, t.stage) - s.stages.data())
                                         : s.outputs[output_of(s, t.output)].stage;
        if (s.stages[stage].rows.picked()) stage = s.stages[stage].rows.from;
        return picture_rows(s, stage, patches_of(ids, row, *grid_of(s, stage))).count() + extra_rows(s, stage);
    }
    bool of_memory(const RecordedTensor& t) const {
        const Stage* stage = stage_of(model->schedule, t.stage);
        return stage && stage->when == When::once;
    }

    // Shows the pictures, one after another; `ours` gets what the recorded tensors are of them, all in the first row.
    Status show(Session& session, std::vector<Rows>* ours) {
        for (const RecordedPicture& p : recorded.pictures) {
            const Feed feed{.slot = p.row, .picture = {p.values, p.height, p.width}};
            weft_TRY(session.encode({&feed, 1}));
            if (ours) weft_TRY(keep_compared(session, true));
            for (size_t i = 0; ours && i < ours->size(); ++i) {
                if (!recorded.tensors[i].of_pictures) continue;
                weft_ASSIGN(const auto rows, session.output(recorded.tensors[i].output));
                (*ours)[i][0].insert((*ours)[i][0].end(), rows.begin(), rows.end());
            }
        }
        return Ok{};
    }
    CheckedTensor of_pictures(const RecordedTensor& t, const Rows& ours) const {
        const Output& output = model->schedule.outputs[output_of(model->schedule, t.output)];
        const size_t rows = ours[0].size() / model->schedule.stages[output.stage].width_of(output.stream);
        return compare(t, {ours[0]}, {rows}, rows, factor * noise / recorded.noise.std_main);
    }

    // The outputs of the last pass that others are compared with.
    Status keep_compared(Session& session, bool given) {
        for (const Output& output : model->schedule.outputs) {
            if (given != (model->schedule.stages[output.stage].when == When::given)) continue;
            if (std::ranges::none_of(model->schedule.similarities, [&](const Similarity& pair) {
                    return output.name == pair.rows || output.name == pair.columns;
                }))
                continue;
            weft_ASSIGN(const auto rows, session.output(output.name));
            auto& all = compared[output.name];
            all.insert(all.end(), rows.begin(), rows.end());
        }
        return Ok{};
    }
    Result<CheckedTensor> similarity(Session& session, const RecordedTensor& t) {
        const auto pair = std::ranges::find_if(model->schedule.similarities,
                                               [&](const Similarity& other) { return other.name == t.name; });
        weft_ASSIGN(const auto own, session.similarity(t.name, compared[pair->rows], compared[pair->columns]));
        return compare(t, {own}, {own.size()}, own.size(), factor * noise / recorded.noise.std_main);
    }

    std::vector<Feed> memory_feeds() const {
        std::vector<Feed> feeds;
        const RecordedIds& memory = *recorded.memory;
        for (uint32_t b = 0; b < memory.rows.size(); ++b) {
            if (memory.pictures.empty()) feeds.push_back({b, memory.rows[b]});
            else feeds.push_back({.slot = b, .picture = memory.picture(b)});
        }
        return feeds;
    }

    // What the last forward has of the recorded tensors, spread over its sequences.
    Status collect(Session& session, std::span<const Feed> feeds, bool memory, std::vector<Rows>& ours) {
        if (!memory) weft_TRY(keep_compared(session, false));
        for (size_t i = 0; i < ours.size(); ++i) {
            const RecordedTensor& t = recorded.tensors[i];
            if (t.of_pictures || t.similarity || of_memory(t) != memory) continue;
            weft_ASSIGN(const auto rows, t.output.empty() ? session.tap(t.stage, t.index) : session.output(t.output));
            size_t all = 0, at = 0;
            for (const Feed& f : feeds) all += rows_of(t, f.slot, f.ids.size());
            const size_t columns = rows.size() / all;
            for (const Feed& f : feeds) {
                const size_t count = rows_of(t, f.slot, f.ids.size()) * columns;
                ours[i][f.slot].insert(ours[i][f.slot].end(), rows.begin() + long(at), rows.begin() + long(at + count));
                at += count;
            }
        }
        return Ok{};
    }

    /// The greedy continuation through sampling and the decode loop on the device; behind an encoder from the first
    /// token alone.
    Result<CheckedTensor> continuation(const SessionOptions& options, uint32_t chunk) {
        weft_ASSIGN(auto session, Session::create(model, options));
        if (recorded.memory) weft_TRY(session->encode(memory_feeds()));
        weft_TRY(show(*session, nullptr));
        std::vector<Feed> feeds;
        std::vector<uint32_t> slots;
        for (uint32_t b = 0; b < options.slots; ++b) {
            const std::span<const uint32_t> row = recorded.tokens.rows[b];
            feeds.push_back({b, recorded.memory ? row.first(1) : row, 0});
            slots.push_back(b);
        }
        weft_TRY(session->forward(feeds, Want::last, chunk));
        const uint32_t count = uint32_t(recorded.greedy[0].size());
        std::vector<std::vector<uint32_t>> tokens, more;
        for (uint32_t b : slots) tokens.push_back({session->next_token(b)});
        std::erase_if(slots, [&](uint32_t b) { return tokens[b][0] == kernel::kNoToken; });
        if (count > 1 && !slots.empty()) {
            weft_TRY(session->decode(slots, count - 1, more));
            for (size_t i = 0; i < slots.size(); ++i)
                tokens[slots[i]].insert(tokens[slots[i]].end(), more[i].begin(), more[i].end());
        }
        CheckedTensor c;
        c.name = "greedy";
        c.compared = compare_greedy;
        for (size_t b = 0; b < tokens.size(); ++b) {
            const auto& wanted = recorded.greedy[b];
            const auto at = size_t(std::ranges::mismatch(tokens[b], wanted).in1 - tokens[b].begin());
            if (at == wanted.size()) continue;
            const bool none = tokens[b].back() == kernel::kNoToken && at + 1 >= tokens[b].size();
            c.compared |= none; // no rounding makes logits that are not finite
            if (c.note.empty())
                c.note = "row " + std::to_string(b) + " differs first at token " + std::to_string(at) + ": " +
                         (none ? "the logits are not finite" : std::to_string(tokens[b][at])) + ", recorded " +
                         std::to_string(wanted[at]);
            c.error += 1;
        }
        c.ok = c.error == 0 || !c.compared;
        if (!c.compared) c.note = "not compared: in this type rounding may choose another token. " + c.note;
        return c;
    }

    static void add(CheckRun& run, CheckedTensor tensor) {
        if (!tensor.ok && run.first_wrong.empty()) run.first_wrong = tensor.name;
        run.tensors.push_back(std::move(tensor));
    }
};

// The ways of running the model that the recording is of, by what stands before the names of its tensors.
std::vector<std::string> modes_of(const ModelFiles& files, const std::vector<std::string>& recorded) {
    const std::string key = modes_key(files);
    std::vector<std::string> modes;
    if (key.empty()) return {""};
    const auto listed = JsonObject(*files.config(), files.config_origin()).strings(key);
    for (const std::string& mode : listed ? *listed : std::vector<std::string>())
        if (std::ranges::any_of(recorded, [&](const std::string& name) { return name.starts_with(mode + ".input."); }))
            modes.push_back(mode);
    return modes.empty() ? std::vector<std::string>{""} : modes;
}
ModelFiles running_as(const ModelFiles& files, const std::string& mode) {
    if (mode.empty()) return files;
    Json config = *files.config();
    config[modes_key(files)] = Json::array({mode});
    return files.with_config(std::move(config));
}

Status check_mode(const Device& device, const ModelFiles& files, const std::string& mode,
                  const std::filesystem::path& io, const CheckOptions& options, const ScheduleEdit& edit,
                  CheckReport& report) {
    weft_ASSIGN(auto model, load_model(Access::state(device), files, options.dtype, options.progress, edit));
    weft_ASSIGN(const Recorded recorded, read_recorded(io, model->schedule, mode));
    report.architecture = model->schedule.architecture;
    std::vector<std::string> warnings = model->warnings;
    for (const std::string& name : recorded.not_compared)
        warnings.push_back(io.string() + ": " + name + " is nothing that the model gives: it is not compared");
    for (std::string& warning : warnings)
        if (std::ranges::find(report.warnings, warning) == report.warnings.end())
            report.warnings.push_back(std::move(warning));
    // Weights kept as stored are exact, whatever their type: only f32 arithmetic separates us from the recording.
    bool rounded = false;
    for (size_t i = 0; i < model->schedule.weights.size(); ++i) {
        weft_ASSIGN(const auto stored, held_parts(model->schedule.weights[i], files, WeightType::stored));
        const DType held = model->weights.all()[i].parts[0].dtype; // with a type asked for, the only one
        for (const HeldPart& part : stored)
            rounded |= options.dtype != WeightType::stored && held != part.dtype && held != DType::f32;
    }
    const DType cache = kv_type(options.cache, model->weights.all());
    report.cache = name_of(cache);
    const double noise = !rounded                           ? recorded.noise.f32
                         : options.dtype == WeightType::f16 ? recorded.noise.f16
                                                            : recorded.noise.bf16;
    const double factor = 4;
    const bool greedy = !rounded || factor * noise < recorded.noise.margin;
    Runner runner{model, recorded, cache, factor, noise, greedy};
    std::vector<std::string> all{"whole"};
    if (takes_whole(model->schedule)) all.push_back("alone");
    else all.insert(all.end(), {"1", "7", "16", "64", "step"});
    const auto& ways = options.prefill.empty() ? all : options.prefill;
    for (size_t i = 0; i < ways.size(); ++i) {
        weft_ASSIGN(const uint32_t chunk, runner.chunk_of(ways[i]));
        auto run = runner.run(ways[i], chunk);
        if (!run && run.error().code == ErrorCode::invalid_argument) // what was fed is what was recorded
            return Error{ErrorCode::malformed, io.string() + ": " + run.error().message, run.error().reasons};
        weft_TRY(run);
        run->mode = mode;
        report.runs.push_back(std::move(*run));
        if (options.progress && !options.progress({Progress::Stage::prefill, i + 1, ways.size()}))
            return Error{ErrorCode::cancelled, "stopped", {}};
    }
    return Ok{};
}

} // namespace

Result<CheckReport> check(const Device& device, const std::filesystem::path& path, const CheckOptions& options) try {
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    std::error_code ignored;
    const auto io = options.io.empty()
                        ? (std::filesystem::is_directory(path, ignored) ? path : path.parent_path()) / "io.safetensors"
                        : options.io;
    weft_ASSIGN(const auto names, recorded_names(io));
    const ScheduleEdit edit = [&](Schedule& schedule) -> Status {
        if (std::ranges::find(names, "output.embedding") == names.end()) return Ok{};
        return make_embedder(schedule, Pooling::mean, true);
    };
    const char* types[] = {"as stored", "f32", "f16", "bf16"};
    CheckReport report{.model = path.string(), .dtype = types[size_t(options.dtype)], .device = device.info().name};
    for (const std::string& mode : modes_of(files, names))
        weft_TRY(check_mode(device, running_as(files, mode), mode, io, options, edit, report));
    return report;
}
weft_CATCH

bool CheckReport::ok() const {
    return std::all_of(runs.begin(), runs.end(), [](const CheckRun& r) { return r.first_wrong.empty(); });
}

std::string CheckReport::json() const {
    Json j{
        {"model", model}, {"architecture", architecture}, {"dtype", dtype},       {"cache", cache}, {"device", device},
        {"ok", ok()},     {"warnings", warnings},         {"runs", Json::array()}};
    for (const CheckRun& r : runs) {
        Json tensors = Json::array();
        for (const auto& t : r.tensors)
            tensors.push_back({{"name", t.name},
                               {"error", t.error},
                               {"tolerance", t.tolerance},
                               {"ok", t.ok},
                               {"compared", t.compared},
                               {"note", t.note}});
        Json run{{"prefill", r.prefill}, {"first_wrong", r.first_wrong}, {"tensors", tensors}};
        if (!r.mode.empty()) run["mode"] = r.mode;
        j["runs"].push_back(std::move(run));
    }
    return j.dump(2);
}

std::string CheckReport::text() const {
    std::string s =
        model + ": " + architecture + ", weights " + dtype + ", keys and values in " + cache + ", on " + device + "\n";
    char line[256];
    bool shown = false;
    for (const CheckRun& r : runs) {
        double worst = 0;
        std::string at;
        for (const auto& t : r.tensors)
            if (t.tolerance > 0 && !(t.error / t.tolerance <= worst) && !std::isnan(worst)) {
                worst = t.error / t.tolerance;
                at = t.name;
            }
        std::snprintf(line, sizeof line, "  %s%sprefill %-6s %-4s largest error %.2g of its tolerance (%s)%s%s\n",
                      r.mode.c_str(), r.mode.empty() ? "" : ": ", r.prefill.c_str(),
                      r.first_wrong.empty() ? "ok" : "OFF", worst, at.c_str(),
                      r.first_wrong.empty() ? "" : ", first wrong: ", r.first_wrong.c_str());
        s += line;
        if (r.first_wrong.empty() || shown) continue;
        shown = true;
        for (const auto& t : r.tensors) {
            std::snprintf(line, sizeof line, "    %-10s error %.3e tolerance %.3e %s %s\n", t.name.c_str(), t.error,
                          t.tolerance, t.ok ? "ok " : "OFF", t.note.c_str());
            s += line;
        }
    }
    return s;
}

} // namespace weft
