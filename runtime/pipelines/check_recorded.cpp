// SPDX-License-Identifier: Apache-2.0
#include "pipelines/check_recorded.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "io/safetensors.hpp"
#include "pipelines/embedding.hpp"
#include <algorithm>

namespace weft {
namespace {

Result<Noise> read_noise(const std::filesystem::path& path) {
    Noise n;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return n;
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
    return n;
}

class Reader {
public:
    Reader(const SafetensorsFile& file, const Schedule& schedule, const std::string& origin)
        : file_(file), s_(schedule), origin_(origin) {}

    Result<Recorded> run() {
        Recorded r;
        for (const Stage& stage : s_.stages)
            if (stage.rows.own()) (stage.when == When::once ? encoder_ : main_) = &stage;
        if (!main_) return Error{ErrorCode::unsupported, origin_ + ": the model has no tokens to feed", {}};
        if (encoder_) {
            weft_ASSIGN(r.memory, rows_of(*encoder_));
        }
        weft_ASSIGN(r.tokens, rows_of(*main_));
        for (const TensorView& t : file_.tensors()) weft_TRY(input(t, r));
        weft_TRY(tensors(r));
        if (const TensorView* t = file_.find("output.greedy")) {
            weft_ASSIGN(const auto g, read_i64(*t));
            const size_t rows = r.tokens.rows.size(), each = g.size() / rows;
            for (size_t b = 0; b < rows; ++b)
                r.greedy.emplace_back(g.begin() + long(b * each), g.begin() + long((b + 1) * each));
        }
        if (r.tensors.empty() && r.greedy.empty())
            return Error{ErrorCode::malformed,
                         origin_ + ": there is nothing to compare with (output.logits, output.hidden.i, output.greedy)",
                         {}};
        return r;
    }

private:
    // Real numbers of each row: those that the mask of the same rows keeps.
    Result<RecordedIds> ids(const std::string& name) {
        const std::string full = "input." + name;
        const TensorView* t = file_.find(full);
        if (!t) return Error{ErrorCode::not_found, origin_ + ": tensor " + in_quotes(full) + " is missing", {}};
        if (t->shape.size() != 2 || t->count() == 0)
            return Error{ErrorCode::malformed, origin_ + ": " + full + " must be [B, T]", {}};
        weft_ASSIGN(const auto values, read_i64(*t));
        const size_t rows = t->shape[0], tokens = t->shape[1];
        std::vector<int64_t> mask(rows * tokens, 1);
        if (const TensorView* m = file_.find("input.attention_mask"); m && !name.starts_with("decoder_")) {
            weft_ASSIGN(mask, read_i64(*m));
            if (mask.size() != rows * tokens)
                return Error{
                    ErrorCode::malformed, origin_ + ": input.attention_mask must have the shape of " + full, {}};
        }
        RecordedIds r{name, {}, {}, 0, 0, uint32_t(tokens)};
        for (size_t b = 0; b < rows; ++b) {
            r.rows.emplace_back();
            for (size_t i = 0; i < tokens; ++i)
                if (mask[b * tokens + i]) r.rows[b].push_back(uint32_t(values[b * tokens + i]));
            if (r.rows[b].empty())
                return Error{ErrorCode::malformed, origin_ + ": row " + std::to_string(b) + " has no tokens", {}};
        }
        return r;
    }

    Result<RecordedIds> rows_of(const Stage& stage) {
        const std::string& name = stage.rows.input;
        if (stage.rows.of == RowSpace::Of::tokens) return ids(name);
        const auto input = std::ranges::find_if(s_.inputs, [&](const Input& i) { return i.name == name; });
        const TensorView* t = file_.find("input." + name);
        if (!t || t->shape.size() != 4 || t->shape[1] != input->grid.channels ||
            !input->grid.takes(uint32_t(t->shape[2]), uint32_t(t->shape[3])))
            return Error{ErrorCode::malformed,
                         origin_ + ": input." + name + " must be [B, " + std::to_string(input->grid.channels) +
                             ", height, width], with a patch at least",
                         {}};
        weft_ASSIGN(const auto values, read_f32(*t));
        RecordedIds r{name, {}, {}, uint32_t(t->shape[2]), uint32_t(t->shape[3])};
        r.padded = input->grid.down(r.height) * input->grid.across(r.width) + input->grid.extra;
        const size_t each = values.size() / t->shape[0];
        for (size_t b = 0; b < t->shape[0]; ++b) {
            r.rows.emplace_back(r.padded, 0u);
            r.pictures.emplace_back(values.begin() + long(b * each), values.begin() + long((b + 1) * each));
        }
        return r;
    }

    Status input(const TensorView& t, Recorded& r) {
        if (!t.name.starts_with("input.") || t.name == "input.attention_mask") return Ok{};
        const std::string name = t.name.substr(6);
        if (name == r.tokens.name || (r.memory && name == r.memory->name)) return Ok{};
        if (std::ranges::none_of(s_.inputs, [&](const Input& i) { return i.name == name; }))
            return Error{ErrorCode::unsupported, origin_ + ": " + in_quotes(t.name) + " is no input of the model", {}};
        weft_ASSIGN(RecordedIds other, ids(name));
        r.others.push_back(std::move(other));
        return Ok{};
    }

    Status add(Recorded& r, const std::string& file_name, RecordedTensor tensor) {
        const TensorView* t = file_.find(file_name);
        if (!t) return Ok{};
        weft_ASSIGN(tensor.values, read_f32(*t));
        tensor.rows = t->shape.size() > 2 ? uint32_t(t->shape[1]) : 1;
        if (!tensor.output.empty())
            tensor.each_sequence = s_.stages[s_.outputs[output_of(s_, tensor.output)].stage].rows.each_sequence();
        r.tensors.push_back(std::move(tensor));
        return Ok{};
    }

    // Stages that each merge the one before: of each but the last the rows that enter it are recorded.
    bool chain() const {
        return std::ranges::any_of(s_.stages, [](const Stage& s) { return s.rows.of == RowSpace::Of::merged; });
    }
    Status chained(Recorded& r) {
        std::vector<const Stage*> stages;
        for (const Stage& stage : s_.stages)
            if (!stage.rows.picked()) stages.push_back(&stage);
        for (size_t i = 0; i <= stages.size(); ++i) {
            const std::string name = "hidden." + std::to_string(i);
            const Stage& stage = *stages[std::min(i, stages.size() - 1)];
            const auto index = uint32_t(i < stages.size() ? 0 : stage.layers.size());
            weft_TRY(add(r, "output." + name, {name, "", stage.name, index, {}}));
        }
        return Ok{};
    }

    Status tensors(Recorded& r) {
        const auto taps = [&](const Stage& stage, const std::string& prefix) -> Status {
            const auto last = uint32_t(stage.layers.size());
            for (uint32_t i = 0; i <= last; ++i) {
                const std::string name = prefix + "hidden." + std::to_string(i);
                weft_TRY(add(r, "output." + name, {name, "", stage.name, i, {}}));
            }
            return Ok{};
        };
        if (encoder_) {
            weft_TRY(taps(*encoder_, "encoder_"));
            weft_TRY(add(r, "output.encoder", {"encoder", "", encoder_->name, uint32_t(encoder_->layers.size()), {}}));
        }
        weft_TRY(chain() ? chained(r) : taps(*main_, ""));
        // Of several the one that was computed in f32: llama.cpp itself rounds the activations of quantized files.
        const auto first_of = [&](std::initializer_list<const char*> names, const RecordedTensor& tensor) -> Status {
            for (const char* name : names)
                if (file_.find(name)) return add(r, name, tensor);
            return Ok{};
        };
        weft_TRY(first_of({"transformers.hidden", "output.hidden_f32", "output.hidden", "output.last_hidden_state"},
                          {"hidden", "", main_->name, uint32_t(main_->layers.size()), {}}));
        if (output_of(s_, kLogits) < s_.outputs.size())
            weft_TRY(
                first_of({"transformers.logits", "output.logits_f32", "output.logits"}, {kLogits, kLogits, "", 0, {}}));
        if (output_of(s_, kEmbedding) == s_.outputs.size()) return Ok{};
        return add(r, "output.embedding", {kEmbedding, kEmbedding, "", 0, {}});
    }

    const SafetensorsFile& file_;
    const Schedule& s_;
    const std::string& origin_;
    const Stage *encoder_ = nullptr, *main_ = nullptr;
};

} // namespace

uint32_t RecordedIds::longest() const {
    size_t n = 0;
    for (const auto& row : rows) n = std::max(n, row.size());
    return uint32_t(n);
}

uint32_t RecordedIds::all() const {
    size_t n = 0;
    for (const auto& row : rows) n += row.size();
    return uint32_t(n);
}

Result<std::vector<std::string>> recorded_names(const std::filesystem::path& io) {
    weft_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(io));
    std::vector<std::string> names;
    for (const TensorView& t : file.tensors()) names.push_back(t.name);
    return names;
}

Result<Recorded> read_recorded(const std::filesystem::path& io, const Schedule& schedule) {
    weft_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(io));
    weft_ASSIGN(Recorded r, Reader(file, schedule, io.string()).run());
    weft_ASSIGN(r.noise, read_noise(io.parent_path() / "case.json"));
    return r;
}

} // namespace weft
