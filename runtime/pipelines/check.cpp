// SPDX-License-Identifier: Apache-2.0
// L6: a model directory against recorded inputs and outputs.
#include "base/check.hpp"
#include "models/architecture.hpp"
#include "pipelines/load.hpp"
#include "schedule/session.hpp"
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <weft/check.hpp>

namespace weft {
namespace {

/// What case.json says about the recorded numbers; without it, figures typical of small models in f32.
struct Noise {
    double f32 = 5e-5, f16 = 0.02, bf16 = 0.15, std_main = 1;
    double margin = 0; ///< smallest gap between the two best logits along the greedy continuation; 0: unknown
    bool from_case = false;
};

struct Recorded {
    std::vector<std::vector<uint32_t>> prompts; ///< real tokens of each row
    uint32_t padded = 0;                        ///< tokens of a row in the file
    std::optional<std::vector<float>> logits;
    std::vector<std::pair<uint32_t, std::vector<float>>> hidden; ///< (index, values)
    std::vector<std::vector<uint32_t>> greedy;
    Noise noise;
};

Result<Noise> read_noise(const std::filesystem::path& path) {
    Noise n;
    if (!std::filesystem::exists(path)) return n;
    weft_ASSIGN(const std::string text, read_file(path));
    weft_ASSIGN(const Json json, parse_json(text, path.string()));
    const JsonObject c(json, path.string());
    if (!c.has("noise")) return n;
    weft_ASSIGN(const JsonObject noise, c.object("noise"));
    weft_ASSIGN(n.f32, noise.number_or("f32", n.f32));
    weft_ASSIGN(n.f16, noise.number_or("f16", n.f16));
    weft_ASSIGN(n.bf16, noise.number_or("bf16", n.bf16));
    weft_ASSIGN(n.std_main, c.number_or("std", 1));
    weft_ASSIGN(n.margin, c.number_or("greedy_min_margin", 0));
    n.from_case = true;
    return n;
}

Result<Recorded> read_recorded(const std::filesystem::path& io, uint32_t layers) {
    weft_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(io));
    const auto missing = [&](const std::string& name) {
        return Error{ErrorCode::not_found, io.string() + ": tensor '" + name + "' is missing", {}};
    };
    Recorded r;
    const TensorView* ids = file.find("input.input_ids");
    if (!ids) return missing("input.input_ids");
    for (const TensorView& t : file.tensors())
        if (t.name.starts_with("input.") && t.name != "input.input_ids" && t.name != "input.attention_mask")
            return Error{ErrorCode::unsupported,
                         io.string() + ": " + in_quotes(t.name) +
                             " is an input beside text, which is all that is checked",
                         {}};
    if (ids->shape.size() != 2 || ids->count() == 0)
        return Error{ErrorCode::malformed, io.string() + ": input.input_ids must be [B, T]", {}};
    weft_ASSIGN(const auto values, read_i64(*ids));
    const size_t rows = ids->shape[0], tokens = ids->shape[1];
    std::vector<int64_t> mask(rows * tokens, 1);
    if (const TensorView* m = file.find("input.attention_mask")) {
        weft_ASSIGN(mask, read_i64(*m));
        if (mask.size() != rows * tokens)
            return Error{ErrorCode::malformed,
                         io.string() + ": input.attention_mask must have the shape of input.input_ids",
                         {}};
    }
    r.padded = uint32_t(tokens);
    for (size_t b = 0; b < rows; ++b) {
        std::vector<uint32_t> prompt;
        for (size_t t = 0; t < tokens; ++t)
            if (mask[b * tokens + t]) prompt.push_back(uint32_t(values[b * tokens + t]));
        if (prompt.empty())
            return Error{ErrorCode::malformed, io.string() + ": row " + std::to_string(b) + " has no tokens", {}};
        r.prompts.push_back(std::move(prompt));
    }
    // Of several the one that was computed in f32: llama.cpp itself rounds the activations of quantized files.
    for (const char* name : {"transformers.logits", "output.logits_f32", "output.logits"})
        if (const TensorView* t = file.find(name); t && !r.logits) {
            weft_ASSIGN(r.logits, read_f32(*t));
        }
    for (uint32_t i = 0; i <= layers; ++i)
        if (const TensorView* t = file.find("output.hidden." + std::to_string(i))) {
            weft_ASSIGN(auto h, read_f32(*t));
            r.hidden.push_back({i, std::move(h)});
        }
    if (const TensorView* t = file.find("output.greedy")) {
        weft_ASSIGN(const auto g, read_i64(*t));
        const size_t each = g.size() / rows;
        for (size_t b = 0; b < rows; ++b)
            r.greedy.emplace_back(g.begin() + long(b * each), g.begin() + long((b + 1) * each));
    }
    if (!r.logits && r.hidden.empty() && r.greedy.empty())
        return Error{ErrorCode::malformed,
                     io.string() + ": there is nothing to compare with (output.logits, output.hidden.i, output.greedy)",
                     {}};
    weft_ASSIGN(r.noise, read_noise(io.parent_path() / "case.json"));
    return r;
}

double deviation(const std::vector<float>& v) {
    double mean = 0, squares = 0;
    for (float x : v) mean += x;
    mean /= double(std::max<size_t>(1, v.size()));
    for (float x : v) squares += (x - mean) * (x - mean);
    return std::sqrt(squares / double(std::max<size_t>(1, v.size())));
}

/// One recorded tensor [B, padded, columns] against our rows of each sequence.
CheckedTensor compare(const std::string& name, const std::vector<float>& recorded,
                      const std::vector<std::vector<float>>& ours, const Recorded& r, double factor, double noise) {
    CheckedTensor c;
    c.name = name;
    const size_t columns = recorded.size() / (r.prompts.size() * r.padded);
    c.tolerance = factor * noise / r.noise.std_main * deviation(recorded);
    for (size_t b = 0; b < r.prompts.size(); ++b) {
        if (ours[b].size() != r.prompts[b].size() * columns) {
            c.note = "has another width than ours";
            return c;
        }
        for (size_t i = 0; i < ours[b].size(); ++i) {
            const double own = ours[b][i], other = recorded[b * r.padded * columns + i],
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
    std::shared_ptr<const Model> model;
    const Recorded& recorded;
    double factor, noise;
    bool compare_greedy;

    Result<CheckRun> run(const std::string& prefill) const {
        CheckRun result;
        result.prefill = prefill;
        uint32_t longest = 0, all = 0;
        for (const auto& p : recorded.prompts) {
            longest = std::max(longest, uint32_t(p.size()));
            all += uint32_t(p.size());
        }
        uint32_t chunk = longest;
        if (prefill == "step") chunk = 1;
        else if (prefill != "whole") {
            const char* const end = prefill.data() + prefill.size();
            const auto [stop, error] = std::from_chars(prefill.data(), end, chunk);
            if (error != std::errc() || stop != end || chunk == 0 || chunk > 65536)
                return Error{ErrorCode::invalid_argument,
                             "prefill must be 'whole', 'step' or a number of tokens from 1 to 65536, not '" + prefill +
                                 "'",
                             {}};
        }
        SessionOptions options;
        const uint32_t more = recorded.greedy.empty() ? 0 : uint32_t(recorded.greedy[0].size());
        options.context = longest + more + 1;
        if (model->schedule.position_limit) options.context = std::min(options.context, model->schedule.position_limit);
        options.slots = uint32_t(recorded.prompts.size());
        options.max_chunk = std::max(16u, std::bit_ceil(std::min(chunk, longest) * options.slots));
        weft_ASSIGN(auto session, Session::create(model, options));

        const Stage& decoder = decoder_of(model->schedule);
        const uint32_t taps = uint32_t(decoder.layers.size()) + 1;
        std::vector<std::vector<std::vector<float>>> hidden(taps, std::vector<std::vector<float>>(options.slots));
        std::vector<std::vector<float>> logits(options.slots);
        for (uint32_t from = 0; from < longest; from += chunk) {
            std::vector<Feed> feeds;
            for (uint32_t b = 0; b < options.slots; ++b) {
                const auto& prompt = recorded.prompts[b];
                if (from >= prompt.size()) continue;
                feeds.push_back({b, std::span(prompt).subspan(from, std::min<size_t>(chunk, prompt.size() - from)),
                                 uint32_t(prompt.size())});
            }
            // "step" goes through the recordings for one new token a sequence; "1" through those for chunks.
            weft_TRY(session->forward(feeds, Want::all, chunk, true, prefill == "step"));
            const auto spread = [&](const std::vector<float>& rows, std::vector<std::vector<float>>& to,
                                    uint32_t columns) {
                size_t at = 0;
                for (const Feed& f : feeds) {
                    to[f.slot].insert(to[f.slot].end(), rows.begin() + long(at),
                                      rows.begin() + long(at + f.ids.size() * columns));
                    at += f.ids.size() * columns;
                }
            };
            weft_ASSIGN(const auto l, session->logits());
            spread(l, logits, model->schedule.vocabulary);
            for (const auto& [index, values] : recorded.hidden) {
                weft_ASSIGN(const auto h, session->tap(decoder.name, index));
                spread(h, hidden[index], decoder.width);
            }
        }
        for (const auto& [index, values] : recorded.hidden)
            add(result, compare("hidden." + std::to_string(index), values, hidden[index], recorded, factor, noise));
        if (recorded.logits) add(result, compare("logits", *recorded.logits, logits, recorded, factor, noise));
        if (!recorded.greedy.empty()) {
            weft_ASSIGN(auto greedy, continuation(options, chunk));
            add(result, std::move(greedy));
        }
        return result;
    }

    /// The greedy continuation through sampling and the decode loop on the device.
    Result<CheckedTensor> continuation(const SessionOptions& options, uint32_t chunk) const {
        weft_ASSIGN(auto session, Session::create(model, options));
        std::vector<Feed> feeds;
        std::vector<uint32_t> slots;
        for (uint32_t b = 0; b < options.slots; ++b) {
            feeds.push_back({b, recorded.prompts[b], 0});
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

} // namespace

Result<CheckReport> check(Device& device, const std::filesystem::path& path, const CheckOptions& options) try {
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    weft_ASSIGN(auto model, load_model(device.internal(), files, options.dtype, [&](uint64_t done, uint64_t total) {
                    return !options.progress || options.progress({Progress::Stage::load, done, total});
                }));
    const auto io = options.io.empty()
                        ? (std::filesystem::is_directory(path) ? path : path.parent_path()) / "io.safetensors"
                        : options.io;
    weft_ASSIGN(const Recorded recorded, read_recorded(io, uint32_t(decoder_of(model->schedule).layers.size())));
    CheckReport report;
    report.model = path.string();
    report.architecture = model->schedule.architecture;
    report.device = device.info().name;
    report.warnings = model->warnings;
    // Weights kept as stored are exact, whatever their type: only f32 arithmetic separates us from the recording.
    bool rounded = false;
    for (size_t i = 0; i < model->schedule.weights.size(); ++i) {
        weft_ASSIGN(const auto stored, held_parts(model->schedule.weights[i], files, WeightType::stored));
        const DType held = model->weights.all()[i].parts[0].dtype; // with a type asked for, the only one
        for (const HeldPart& part : stored)
            rounded |= options.dtype != WeightType::stored && held != part.dtype && held != DType::f32;
    }
    const char* names[] = {"as stored", "f32", "f16", "bf16"};
    report.dtype = names[size_t(options.dtype)];
    const double noise = !rounded                           ? recorded.noise.f32
                         : options.dtype == WeightType::f16 ? recorded.noise.f16
                                                            : recorded.noise.bf16;
    const double factor = 4;
    const bool greedy = !rounded || factor * noise < recorded.noise.margin;
    const Runner runner{model, recorded, factor, noise, greedy};
    const std::vector<std::string> all{"whole", "1", "7", "16", "64", "step"};
    const auto& ways = options.prefill.empty() ? all : options.prefill;
    for (const std::string& prefill : ways) {
        weft_ASSIGN(auto run, runner.run(prefill));
        report.runs.push_back(std::move(run));
        if (options.progress && !options.progress({Progress::Stage::prefill, report.runs.size(), ways.size()}))
            return Error{ErrorCode::cancelled, "stopped", {}};
    }
    return report;
}
weft_CATCH

bool CheckReport::ok() const {
    return std::all_of(runs.begin(), runs.end(), [](const CheckRun& r) { return r.first_wrong.empty(); });
}

std::string CheckReport::json() const {
    Json j{{"model", model}, {"architecture", architecture}, {"dtype", dtype},       {"device", device},
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
        j["runs"].push_back({{"prefill", r.prefill}, {"first_wrong", r.first_wrong}, {"tensors", tensors}});
    }
    return j.dump(2);
}

std::string CheckReport::text() const {
    std::string s = model + ": " + architecture + ", weights " + dtype + ", on " + device + "\n";
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
        std::snprintf(line, sizeof line, "  prefill %-6s %-4s largest error %.2g of its tolerance (%s)%s%s\n",
                      r.prefill.c_str(), r.first_wrong.empty() ? "ok" : "OFF", worst, at.c_str(),
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
