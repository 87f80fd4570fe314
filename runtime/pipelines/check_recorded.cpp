// SPDX-License-Identifier: Apache-2.0
#include "pipelines/check_recorded.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "io/safetensors.hpp"
#include "models/encoder_parts.hpp"
#include "pipelines/embedding.hpp"
#include <algorithm>
#include <set>

namespace weft::detail {
namespace {

constexpr const char *kImageSizes = "image_sizes", *kGrids = "image_grid_thw";
// What the model's own input was made from.
constexpr const char *kFilePixels = "pixels", *kFileSound = "waveform.";
constexpr const char* kObserved = "past_observed_mask"; // which values of a series were

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

// The tensors of a file whose names begin with `prefix`, without it.
class Tensors {
public:
    Tensors(const SafetensorsFile& file, const std::string& prefix) {
        for (const TensorView& t : file.tensors())
            if (t.name.starts_with(prefix)) {
                all_.push_back(t);
                all_.back().name.erase(0, prefix.size());
            }
    }
    std::span<const TensorView> tensors() const { return all_; }
    const TensorView* find(std::string_view name) const {
        const auto at = std::ranges::find(all_, name, &TensorView::name);
        return at == all_.end() ? nullptr : &*at;
    }

private:
    std::vector<TensorView> all_;
};

class Reader {
public:
    Reader(const Tensors& file, const Schedule& schedule, const std::string& origin)
        : file_(file), s_(schedule), origin_(origin) {}

    Result<Recorded> run() {
        Recorded r;
        for (const Stage& stage : s_.stages)
            if (stage.rows.own())
                (stage.when == When::once ? encoder_ : stage.when == When::given ? tower_ : main_) = &stage;
        if (!main_) return Error{ErrorCode::unsupported, origin_ + ": the model has no tokens to feed", {}};
        if (encoder_) {
            weft_ASSIGN(r.memory, rows_of(*encoder_));
        }
        weft_ASSIGN(r.tokens, rows_of(*main_));
        if (tower_) weft_TRY(pictures(r));
        for (const TensorView& t : file_.tensors()) weft_TRY(input(t, r));
        weft_TRY(tensors(r));
        for (const TensorView& t : file_.tensors())
            if (t.name.starts_with("output.") && !known_.contains(t.name)) r.not_compared.push_back(t.name);
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
        RecordedIds r{.name = name, .padded = uint32_t(tokens)};
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
        const PatchGrid& grid = input->grid;
        const auto fed = t ? fed_sides(t->shape, grid) : std::nullopt;
        if (!fed || !takes(grid, *fed))
            return Error{ErrorCode::malformed,
                         origin_ + ": input." + name + " must be [B, " + std::to_string(grid.channels) +
                             (grid.sound() ? ", frames]" : ", height, width]") +
                             ", with a patch at least; a single channel may be left out; a series [B, T, channels]",
                         {}};
        weft_ASSIGN(const auto values, read_f32(*t));
        RecordedIds r{name, {}, {}, input->stage, fed->height};
        const size_t each = values.size() / t->shape[0];
        weft_ASSIGN(const auto widths, real_widths(t->shape[0], fed->width, grid));
        const auto rows = [&](uint32_t width) {
            const auto [down, across] = grid.sides(r.height, width);
            return grid.down(down) * grid.across(across) + grid.extra;
        };
        for (size_t b = 0; b < t->shape[0]; ++b) {
            r.widths.push_back(widths[b]);
            r.rows.emplace_back(rows(widths[b]), 0u);
            std::vector<float>& picture = r.pictures.emplace_back();
            for (size_t line = 0; line < each / fed->width; ++line) {
                const auto from = values.begin() + long(b * each + line * fed->width);
                picture.insert(picture.end(), from, from + widths[b]);
            }
        }
        r.padded = rows(fed->width);
        if (grid.series()) weft_TRY(observe(r, each));
        return r;
    }

    // Behind the values of each series: which of them were observed.
    Status observe(RecordedIds& r, size_t each) {
        std::vector<float> all(each * r.pictures.size(), 1.0f);
        if (const TensorView* t = file_.find(std::string("input.") + kObserved)) {
            weft_ASSIGN(const auto mask, dtype_of(t->type) ? read_f32(*t) : read_mask(*t));
            if (mask.size() != all.size())
                return Error{ErrorCode::malformed,
                             origin_ + ": input." + kObserved + " must have the shape of input." + r.name,
                             {}};
            all = mask;
        }
        for (size_t b = 0; b < r.pictures.size(); ++b)
            r.pictures[b].insert(r.pictures[b].end(), all.begin() + long(b * each), all.begin() + long((b + 1) * each));
        return Ok{};
    }
    static Result<std::vector<float>> read_mask(const TensorView& t) {
        weft_ASSIGN(const auto mask, read_i64(t));
        return std::vector<float>(mask.begin(), mask.end());
    }

    // Rows and columns of what a tensor holds: [B, channels, rows, columns], of sounds [B, channels, columns]; a single
    // channel may be left out. Of series [B, rows, columns].
    static std::optional<PatchGrid::Sides> fed_sides(std::vector<uint64_t> shape, const PatchGrid& grid) {
        if (grid.series() && shape.size() == 3) shape.insert(shape.begin() + 1, grid.channels);
        const size_t axes = grid.sound() ? 3 : 4;
        if (grid.channels == 1 && shape.size() + 1 == axes) shape.insert(shape.begin() + 1, 1);
        if (shape.size() != axes || shape[0] == 0 || shape[1] != grid.channels) return std::nullopt;
        const uint64_t rows = grid.sound() ? 1 : shape[2], columns = shape.back();
        if (rows > UINT32_MAX || columns > UINT32_MAX) return std::nullopt;
        return PatchGrid::Sides{uint32_t(rows), uint32_t(columns)};
    }
    static bool takes(const PatchGrid& grid, const PatchGrid::Sides& fed) {
        const auto [height, width] = grid.sides(fed.height, fed.width);
        return grid.takes(height, width);
    }

    // Of sounds those that a mask keeps, which stand before the others; else all of them.
    Result<std::vector<uint32_t>> real_widths(size_t count, uint32_t width, const PatchGrid& grid) {
        std::vector<uint32_t> widths(count, width);
        const TensorView* m = grid.sound() ? file_.find("input.attention_mask") : nullptr;
        if (!m) return widths;
        weft_ASSIGN(const auto mask, read_i64(*m));
        const auto bad = [&] {
            return Error{ErrorCode::malformed,
                         origin_ + ": input.attention_mask must be [B, " + std::to_string(width) +
                             "], of each row ones, then zeros, with a patch at least",
                         {}};
        };
        if (mask.size() != count * width) return bad();
        for (size_t b = 0; b < count; ++b) {
            const auto row = std::span(mask).subspan(b * width, width);
            widths[b] = uint32_t(std::ranges::find(row, 0) - row.begin());
            if (std::ranges::count(row, 0) != ptrdiff_t(width - widths[b]) || !grid.takes(1, widths[b])) return bad();
        }
        return widths;
    }

    // [N, channels, height, width], each cut to its size if those are there; or rows of patches and the grid of each.
    Status pictures(Recorded& r) {
        const auto input =
            std::ranges::find_if(s_.inputs, [&](const Input& i) { return i.name == tower_->rows.input; });
        const TensorView* t = file_.find("input." + input->name);
        const auto bad = [&](const std::string& name, const std::string& rule) {
            return Error{ErrorCode::malformed, origin_ + ": input." + name + " must " + rule, {}};
        };
        if (!t) {
            for (const char* sizes : {kImageSizes, kGrids})
                if (file_.find(std::string("input.") + sizes)) return bad(sizes, "come with input." + input->name);
            return Ok{};
        }
        weft_ASSIGN(const auto values, read_f32(*t));
        const bool rows = t->shape.size() == 2;
        const char* const sizes = rows ? kGrids : kImageSizes;
        std::vector<int64_t> of_each;
        if (const TensorView* s = file_.find(std::string("input.") + sizes)) {
            weft_ASSIGN(of_each, read_i64(*s));
            if (s->shape.size() != 2 || s->shape[1] != (rows ? 3u : 2u))
                return bad(sizes, "have a row for each picture");
            if (std::ranges::any_of(of_each, [](int64_t n) { return n < 1 || n > 65536; }))
                return bad(sizes, "hold sizes from 1 to 65536");
            if (!rows && s->shape[0] != t->shape[0]) return bad(sizes, "have a row for each picture");
        }
        if (rows) weft_TRY(patch_rows(*t, values, of_each, input->grid, r));
        else if (t->shape.size() != 4 || t->shape[1] != input->grid.channels)
            return bad(input->name, "be [N, " + std::to_string(input->grid.channels) + ", height, width]");
        else weft_TRY(whole(*t, values, of_each, r));
        // Each belongs to the row whose tokens stand for it, in order.
        const StageId keeping = keeping_stage(s_), placing = placing_stage(s_);
        if (placing == kNoStage) return Ok{};
        const auto placeholder = uint32_t(s_.stages[placing].rows.placeholder);
        size_t next = 0;
        for (uint32_t b = 0; b < r.tokens.rows.size(); ++b) {
            auto wanted = std::ranges::count(r.tokens.rows[b], placeholder);
            for (; wanted > 0 && next < r.pictures.size(); ++next) {
                RecordedPicture& p = r.pictures[next];
                if (!input->grid.takes(p.height, p.width))
                    return bad(input->name, "hold pictures with a patch at least");
                const PictureRows patches{input->grid.down(p.height), input->grid.across(p.width)};
                wanted -= picture_rows(s_, keeping, patches).count();
                p.row = b;
            }
            if (wanted) return bad(r.tokens.name, "have as many placeholders as its pictures have rows");
        }
        if (next != r.pictures.size()) return bad(input->name, "hold no more pictures than tokens stand for");
        return Ok{};
    }

    Status whole(const TensorView& t, const std::vector<float>& values, const std::vector<int64_t>& sizes,
                 Recorded& r) {
        const size_t channels = t.shape[1], height = t.shape[2], width = t.shape[3];
        for (size_t n = 0; n < t.shape[0]; ++n) {
            RecordedPicture p{{}, uint32_t(height), uint32_t(width)};
            if (2 * n + 1 < sizes.size()) {
                p.height = std::min(p.height, uint32_t(sizes[2 * n]));
                p.width = std::min(p.width, uint32_t(sizes[2 * n + 1]));
            }
            for (size_t c = 0; c < channels; ++c)
                for (size_t y = 0; y < p.height; ++y) {
                    const auto from = values.begin() + long(((n * channels + c) * height + y) * width);
                    p.values.insert(p.values.end(), from, from + p.width);
                }
            r.pictures.push_back(std::move(p));
        }
        return Ok{};
    }

    // A row a patch, those of a rectangle that is merged behind each other (Qwen-VL).
    Status patch_rows(const TensorView& t, const std::vector<float>& values, const std::vector<int64_t>& grids,
                      const PatchGrid& grid, Recorded& r) {
        const RowSpace& merged = s_.stages[keeping_stage(s_)].rows;
        const size_t md = merged.down, ma = merged.across, py = grid.patch_y, px = grid.patch_x;
        size_t at = 0; // the picture's first row
        for (size_t n = 0; n + 2 < grids.size(); n += 3) {
            const size_t down = size_t(grids[n + 1]), across = size_t(grids[n + 2]);
            if (grids[n] != 1 || down % md || across % ma || at + down * across > t.shape[0] ||
                t.shape[1] != grid.columns())
                return Error{ErrorCode::malformed,
                             origin_ + ": input." + kGrids +
                                 " must hold pictures of one frame that are cut as the "
                                 "model's are",
                             {}};
            RecordedPicture p{{}, uint32_t(down * py), uint32_t(across * px)};
            p.values.resize(size_t(grid.channels) * p.height * p.width);
            for (size_t i = 0; i < down * across; ++i) {
                const size_t rectangle = i / (md * ma), place = i % (md * ma),
                             row = rectangle / (across / ma) * md + place / ma,
                             column = rectangle % (across / ma) * ma + place % ma;
                const float* from = &values[(at + i) * t.shape[1]];
                for (size_t c = 0; c < grid.channels; ++c)
                    for (size_t y = 0; y < py; ++y)
                        for (size_t x = 0; x < px; ++x)
                            p.values[(c * p.height + row * py + y) * p.width + column * px + x] = *from++;
            }
            at += down * across;
            r.pictures.push_back(std::move(p));
        }
        if (at != t.shape[0])
            return Error{ErrorCode::malformed,
                         origin_ + ": " + t.name + " must hold the patches that input." + kGrids + " says",
                         {}};
        return Ok{};
    }

    Status input(const TensorView& t, Recorded& r) {
        if (!t.name.starts_with("input.") || t.name == "input.attention_mask") return Ok{};
        const std::string name = t.name.substr(6);
        if (name == r.tokens.name || (r.memory && name == r.memory->name)) return Ok{};
        if (tower_) // the pictures, and what follows from them
            for (const char* known :
                 {tower_->rows.input.c_str(), kImageSizes, kGrids, "mm_token_type_ids", "token_type_ids"})
                if (name == known) return Ok{};
        if (name == kFilePixels || name.starts_with(kFileSound)) return Ok{};
        if (name == kObserved && of_series()) return Ok{};
        if (std::ranges::none_of(s_.inputs, [&](const Input& i) { return i.name == name; }))
            return Error{ErrorCode::unsupported, origin_ + ": " + in_quotes(t.name) + " is no input of the model", {}};
        weft_ASSIGN(RecordedIds other, ids(name));
        r.others.push_back(std::move(other));
        return Ok{};
    }

    // Of an output; of others 0.
    uint32_t width_of(const RecordedTensor& tensor) const {
        if (tensor.output.empty()) return 0;
        const Output& output = s_.outputs[output_of(s_, tensor.output)];
        const Stage& stage = s_.stages[output.stage];
        return stage.rows.each_sequence() ? 0 : stage.width_of(output.stream);
    }
    Status add(Recorded& r, const std::string& file_name, RecordedTensor tensor) {
        const TensorView* t = file_.find(file_name);
        if (!t) return Ok{};
        weft_ASSIGN(tensor.values, read_f32(*t));
        tensor.rows = t->shape.size() > 2 ? uint32_t(t->shape[1]) : 1;
        if (t->shape.size() == 2 && width_of(tensor) == 1) tensor.rows = uint32_t(t->shape[1]); // a number a row
        tensor.sequences = t->shape.empty() ? 0 : uint32_t(t->shape[0]);
        if (t->shape.size() == 4) by_places(t->shape, r, tensor);
        if (t->shape.size() == 3 && of_series()) by_channels(t->shape, tensor);
        if (!tensor.output.empty()) {
            const Stage& stage = s_.stages[s_.outputs[output_of(s_, tensor.output)].stage];
            tensor.each_sequence = stage.rows.each_sequence();
            tensor.of_pictures = stage.when == When::given;
        }
        if (tensor.of_pictures && r.pictures.empty())
            return Error{ErrorCode::malformed, origin_ + ": " + file_name + " is of pictures, and there are none", {}};
        known_.insert(file_name);
        r.tensors.push_back(std::move(tensor));
        return Ok{};
    }

    bool of_series() const {
        return std::ranges::any_of(s_.inputs, [](const Input& i) { return i.pictures() && i.grid.series(); });
    }
    // [B, T, channels] as a row for each channel.
    static void by_channels(const std::vector<uint64_t>& shape, RecordedTensor& tensor) {
        std::vector<float> rows;
        for (size_t b = 0; b < shape[0]; ++b)
            for (size_t c = 0; c < shape[2]; ++c)
                for (size_t t = 0; t < shape[1]; ++t) rows.push_back(tensor.values[(b * shape[1] + t) * shape[2] + c]);
        tensor.values = std::move(rows);
        tensor.rows = uint32_t(shape[2]);
    }

    // [B, channels, height, width] or [B, height, width, channels] as rows of channels; of a series [B, channels,
    // patches, width].
    void by_places(const std::vector<uint64_t>& shape, const Recorded& r, RecordedTensor& tensor) const {
        if (of_series() && !tensor.output.empty())
            tensor.stage = s_.stages[s_.outputs[output_of(s_, tensor.output)].stage].name;
        const Stage* stage = stage_of(s_, tensor.stage);
        if (!stage || !stage->rows.placed() || r.tokens.pictures.empty()) return;
        const auto id = StageId(stage - s_.stages.data());
        const PatchGrid& grid = *grid_of(s_, id);
        const auto [height, width] = grid.sides(r.tokens.height, r.tokens.widths[0]);
        const PictureRows own = unpadded_rows(s_, id, {grid.down(height), grid.across(width)});
        const bool first = !grid.series() && shape[2] == own.down && shape[3] == own.across;
        tensor.picture = first ? own : PictureRows{uint32_t(shape[1]), uint32_t(shape[2])};
        tensor.rows = tensor.picture.count();
        if (!first) return;
        std::vector<float> rows;
        for (size_t b = 0; b < shape[0]; ++b)
            for (size_t row = 0; row < tensor.rows; ++row)
                for (size_t c = 0; c < shape[1]; ++c)
                    rows.push_back(tensor.values[(b * shape[1] + c) * tensor.rows + row]);
        tensor.values = std::move(rows);
    }

    // The last stage with layers of those that run when `own` does: convolutions before it have none.
    const Stage& layered(const Stage& own) const {
        const Stage* last = &own;
        for (const Stage& stage : s_.stages)
            if (stage.when == own.when && !stage.layers.empty() && !stage.rows.picked()) last = &stage;
        return *last;
    }
    // Stages with layers that each merge the one before: of each but the last the rows that enter it are recorded.
    bool chain() const {
        return std::ranges::count_if(s_.stages, [](const Stage& s) {
                   return s.when == When::every_step && !s.layers.empty() && !s.rows.picked();
               }) > 1;
    }
    Status chained(Recorded& r) {
        std::vector<const Stage*> stages;
        for (const Stage& stage : s_.stages)
            if (!stage.rows.picked() && !stage.layers.empty()) stages.push_back(&stage);
        for (const char* word : {"hidden.", "stage."})
            for (size_t i = 0; i <= stages.size(); ++i) {
                const std::string name = word + std::to_string(i);
                const Stage& stage = *stages[std::min(i, stages.size() - 1)];
                const auto index = uint32_t(i < stages.size() ? 0 : stage.layers.size());
                weft_TRY(add(r, "output." + name, {name, "", stage.name, index, {}}));
            }
        return Ok{};
    }

    Status tensors(Recorded& r) {
        const auto taps = [&](const Stage& stage, const std::string& prefix) -> Status {
            const auto last = uint32_t(stage.layers.size());
            // Of who has not recorded what enters the first layer they are what layers give, without the norm behind.
            const bool of_layers = !file_.find("output." + prefix + "hidden.0");
            for (uint32_t i = 0; i <= last; ++i) {
                const std::string name = prefix + "hidden." + std::to_string(i);
                weft_TRY(add(r, "output." + name, {name, "", stage.name, i < last || !of_layers ? i : i + 1, {}}));
            }
            return Ok{};
        };
        if (encoder_) {
            const Stage& encoder = layered(*encoder_);
            weft_TRY(taps(encoder, "encoder_"));
            weft_TRY(add(r, "output.encoder", {"encoder", "", encoder.name, uint32_t(encoder.layers.size()), {}}));
        }
        const Stage& main = layered(*main_);
        weft_TRY(chain() ? chained(r) : taps(main, ""));
        if (!chain()) // "stage.i": behind layer i
            for (uint32_t i = 0; i < main.layers.size(); ++i) {
                const std::string name = "stage." + std::to_string(i);
                weft_TRY(add(r, "output." + name, {name, "", main.name, i + 1, {}}));
            }
        // Of several the one that was computed in f32: llama.cpp itself rounds the activations of quantized files.
        const auto first_of = [&](std::initializer_list<const char*> names, const RecordedTensor& tensor) -> Status {
            for (const char* name : names)
                if (file_.find(name)) {
                    known_.insert(names.begin(), names.end());
                    return add(r, name, tensor);
                }
            return Ok{};
        };
        const RecordedTensor hidden{"hidden", "", main.name, uint32_t(main.layers.size()), {}};
        weft_TRY(first_of({"transformers.hidden", "output.hidden_f32", "output.hidden"}, hidden));
        if (output_of(s_, kLastHidden) == s_.outputs.size()) weft_TRY(first_of({"output.last_hidden_state"}, hidden));
        if (output_of(s_, kLogits) < s_.outputs.size())
            weft_TRY(first_of({"transformers.logits", "output.logits_f32", "output.logits", "output.prediction_logits"},
                              {kLogits, kLogits, "", 0, {}}));
        for (const Output& output : s_.outputs) {
            if (output.name == kLogits) continue;
            const std::string name = "output." + output.name, whole = name + "_outputs"; // as transformers calls some
            weft_TRY(add(r, file_.find(name) ? name : whole, {output.name, output.name, "", 0, {}}));
        }
        for (const Similarity& pair : s_.similarities)
            weft_TRY(add(r, "output." + pair.name, {.name = pair.name, .similarity = true}));
        return Ok{};
    }

    const Tensors& file_;
    const Schedule& s_;
    const std::string& origin_;
    std::set<std::string> known_ = {"output.greedy"}; // outputs that are compared
    const Stage *encoder_ = nullptr, *tower_ = nullptr, *main_ = nullptr;
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

Result<Recorded> read_recorded(const std::filesystem::path& io, const Schedule& schedule, const std::string& mode) {
    weft_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(io));
    const Tensors tensors(file, mode.empty() ? "" : mode + ".");
    weft_ASSIGN(Recorded r, Reader(tensors, schedule, io.string()).run());
    weft_ASSIGN(r.noise, read_noise(io.parent_path() / "case.json"));
    return r;
}

} // namespace weft::detail
