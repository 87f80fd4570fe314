// SPDX-License-Identifier: Apache-2.0
// L6: a model directory as a GGUF file. The same schedule is made twice, once with the directory's
// tensors and once with GGUF's: a slot holds the same numbers either way, so what fills it from the
// directory is what GGUF's tensors of it must hold.
#include "base/quantize.hpp"
#include "base/glob.hpp"
#include "base/threads.hpp"
#include "models/gguf_fold.hpp"
#include "models/gguf_schedule.hpp"
#include "pipelines/load.hpp"
#include "schedule/weight_rows.hpp"
#include "text/gguf/gguf_vocabulary_writer.hpp"
#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <weft/quantize.hpp>

namespace weft {
using namespace detail;
namespace {

constexpr uint64_t kBatchElements = uint64_t(1) << 20;

// The rows of a slot that a piece of a GGUF tensor stands for.
struct Source {
    PlacedPiece piece;
    const WeightSlot* slot; ///< of the directory
    WeightId id;            ///< of the slot
};

struct Target {
    std::string name;
    std::vector<uint64_t> shape;
    DType type = DType::f32;
    bool matrix = false;
    std::vector<Source> sources;
    std::vector<float> values; ///< instead of sources

    uint64_t columns() const { return shape.back(); }
    uint64_t count() const {
        uint64_t n = 1;
        for (const uint64_t d : shape) n *= d;
        return n;
    }
};

Result<DType> type_of(const std::string& name) {
    std::string known;
    for (uint32_t i = 0; i <= uint32_t(DType::f8_blocks); ++i)
        if (const DType t = DType(i); can_quantize(t)) {
            if (name == name_of(t)) return t;
            known += (known.empty() ? "" : ", ") + std::string(name_of(t));
        }
    return Error{
        ErrorCode::invalid_argument, "type " + in_quotes(name) + " cannot be written", {"weft writes: " + known}};
}

// The same or, where rows are not whole blocks of it, the next finer one.
DType fitting(DType type, uint64_t columns) {
    const auto finer = [](DType t) {
        switch (t) {
        case DType::q4_k: return DType::q5_0;
        case DType::q5_k: return DType::q5_1;
        case DType::q6_k: return DType::q8_0;
        default: return DType::f16;
        }
    };
    while (columns % block_info(type).elements != 0) type = finer(type);
    return type;
}

// GGUF's tensors, in the order of the slots that they fill.
std::vector<Target> targets_of(const Schedule& directory, const Schedule& gguf) {
    std::vector<Target> targets;
    std::map<std::string, size_t> known;
    for (size_t i = 0; i < gguf.weights.size(); ++i) {
        const WeightSlot& slot = gguf.weights[i];
        for (const PlacedPiece& piece : placed(slot.pieces)) {
            const std::string& name = piece.piece->names[0];
            const auto [at, fresh] = known.try_emplace(name, targets.size());
            if (fresh) {
                Target t{name, piece.piece->file_shape, DType::f32, slot.matrix, {}, {}};
                if (t.shape.size() == 3 && t.shape.back() == 1)
                    t.shape.pop_back(); // numbers of each expert, taken as rows
                targets.push_back(std::move(t));
            }
            targets[at->second].sources.push_back({piece, &directory.weights[i], WeightId(i)});
        }
    }
    return targets;
}

// Multiplies the elements of a slot that begin with number `begin`.
void apply(const std::vector<RowFactor>& factors, WeightId id, const WeightSlot& slot, uint64_t begin,
           std::span<float> values) {
    const uint64_t columns = slot.shape.size() > 1 ? slot.shape.back() : 1;
    for (const RowFactor& f : factors) {
        if (f.slot != id) continue;
        const uint64_t from = std::max(begin, f.first * columns),
                       until = std::min(begin + values.size(), (uint64_t(f.first) + f.count) * columns);
        for (uint64_t i = from; i < until; ++i) values[i - begin] *= f.factor;
    }
}

// Rows [first, first + count) of the file's tensor, seen as rows of the piece's columns.
void read_target(const Target& t, const ModelFiles& files, const std::vector<RowFactor>& factors, uint64_t first,
                 uint64_t count, std::span<float> to) {
    for (const Source& s : t.sources) {
        const uint64_t columns = s.piece.columns;
        for (uint64_t row = first, n = 1; row < first + count; row += n) {
            const auto place = s.piece.rows.place_of(row);
            n = 1;
            if (!place) continue;
            // So many that stand one below the other in the slot as well.
            const uint64_t most = std::min(s.piece.rows.run() - *place % s.piece.rows.run(),
                                           s.piece.to.run() - *place % s.piece.to.run());
            n = std::min(most, first + count - row);
            const uint64_t begin = s.piece.element(*place);
            const std::span<float> values = to.subspan((row - first) * columns, n * columns);
            read_slot(*s.slot, files, begin, values);
            apply(factors, s.id, *s.slot, begin, values);
        }
    }
}

// Where the directory has what stands in a row and column of the file's tensor: "row 3 of 'model.norm.weight'".
std::string place_in_directory(const Target& t, const ModelFiles& files, uint64_t row, uint64_t column) {
    for (const Source& s : t.sources) {
        const auto place = s.piece.rows.place_of(row);
        if (!place) continue;
        const uint64_t at = s.piece.element(*place) + column;
        for (const PlacedPiece& piece : placed(pieces_for(*s.slot, files))) {
            const auto found = at < piece.begin ? std::nullopt : piece.to.place_of((at - piece.begin) / piece.columns);
            if (found)
                return (piece.piece->order.empty() ? "row " : "column ") + std::to_string(piece.rows.row(*found)) +
                       " of " + in_quotes(find_tensor(piece.piece->names, files)->name);
        }
    }
    return "";
}

Error cannot_hold(const Target& t, const ModelFiles& files, uint64_t row, uint64_t column, float value) {
    char number[32];
    std::snprintf(number, sizeof number, "%g", double(value));
    return {ErrorCode::malformed,
            files.origin() + ": tensor " + in_quotes(t.name) + ", row " + std::to_string(row) + ": an element is " +
                number + ", which " + name_of(t.type) + " cannot hold; nothing is written",
            {"it comes from " + place_in_directory(t, files, row, column)}};
}

// The type of each tensor.
Status choose_types(std::vector<Target>& targets, const QuantizeOptions& options) {
    weft_ASSIGN(const DType asked, type_of(options.type));
    for (Target& t : targets) {
        const bool exact = !t.matrix || t.name.find("ffn_gate_inp") != t.name.npos,
                   table = t.name == "token_embd.weight" || t.name == "output.weight";
        const bool coarse = in_blocks(asked) && asked != DType::q8_0;
        if (!exact) t.type = fitting(table && coarse ? DType::q6_k : asked, t.columns());
        for (const auto& [pattern, name] : options.keep) {
            weft_ASSIGN(const DType kept, type_of(name));
            if (t.matrix && pattern_fits(pattern, t.name)) t.type = fitting(kept, t.columns());
        }
    }
    for (const auto& [pattern, name] : options.keep)
        if (std::ranges::none_of(targets, [&](const Target& t) { return t.matrix && pattern_fits(pattern, t.name); }))
            return Error{ErrorCode::invalid_argument,
                         "no matrix has a name that matches '" + pattern + "', which was to be kept as " + name,
                         {}};
    return Ok{};
}

// llama.cpp's number for what most of a file is in.
uint32_t file_type(DType t) {
    switch (t) {
    case DType::f32: return 0;
    case DType::f16: return 1;
    case DType::q4_0: return 2;
    case DType::q8_0: return 7;
    case DType::q5_0: return 8;
    case DType::q5_1: return 9;
    case DType::q4_k: return 14;
    case DType::q5_k: return 16;
    case DType::q6_k: return 18;
    default: return 32; // bf16
    }
}

Result<GgufFile> empty_gguf(const GgufSide& side, std::string& bytes) {
    GgufWriter w;
    w.string("general.architecture", side.name);
    bytes = w.header();
    return GgufFile::parse(std::as_bytes(std::span(bytes)), "GGUF");
}

struct Written {
    const GgufSide* side;
    std::vector<Target> targets;
    std::vector<RowFactor> factors; ///< on the directory's slots
    Schedule schedule;              ///< what the file is to say
    std::string header;
    GgufVocabularyReport vocabulary;
    uint64_t data_bytes = 0;
};

class Conversion {
public:
    Conversion(const ModelFiles& files, const Schedule& schedule, const QuantizeOptions& options,
               const std::filesystem::path& from)
        : files_(files), schedule_(schedule), options_(options), from_(from) {}

    /// The header under one of GGUF's names; sets what cannot be said so.
    Result<Written> try_side(const GgufSide& side) {
        weft_ASSIGN(GgufFile nothing, empty_gguf(side, scratch_));
        weft_ASSIGN(const Json own, language_config(JsonObject(*files_.config(), files_.config_origin())));
        Json config = own;
        config["tie_word_embeddings"] = head_linear(schedule_).linear.weight == embedding_of(schedule_).table;
        gguf_files_.push_back(std::make_unique<ModelFiles>(ModelFiles::from_gguf(std::move(nothing))));
        weft_ASSIGN(auto named, schedule_of(JsonObject(config, files_.config_origin()), *gguf_files_.back()));
        named_.push_back(std::make_unique<Schedule>(std::move(named)));
        Written out{&side, targets_of(schedule_, *named_.back()), {}, schedule_, "", {}, 0};
        if (side.folds) out.factors = fold_multipliers(out.schedule);
        GgufWriter w;
        std::error_code ignored;
        w.string("general.architecture", side.name);
        w.string("general.name", std::filesystem::absolute(from_, ignored).lexically_normal().filename().string());
        weft_ASSIGN(const auto factors,
                    write_gguf_schedule(out.schedule, JsonObject(own, files_.config_origin()), side, w));
        for (const GgufFactors& f : factors)
            out.targets.insert(out.targets.begin(), {f.name, {f.values.size()}, DType::f32, false, {}, f.values});
        weft_TRY(choose_types(out.targets, options_));
        weft_ASSIGN(const DType asked, type_of(options_.type));
        w.u32("general.file_type", file_type(asked));
        w.u32("general.quantization_version", 2);
        weft_ASSIGN(out.vocabulary, write_gguf_vocabulary(files_, schedule_.vocabulary, w));
        for (const Target& t : out.targets) w.tensor(t.name, t.shape, t.type);
        out.header = w.header();
        out.data_bytes = w.data_bytes();
        return out;
    }

private:
    const ModelFiles& files_;
    const Schedule& schedule_;
    const QuantizeOptions& options_;
    const std::filesystem::path& from_;
    std::string scratch_;
    std::vector<std::unique_ptr<ModelFiles>> gguf_files_; // what the targets point into lives as long as this
    std::vector<std::unique_ptr<Schedule>> named_;
};

// Why a reader would take the file for another model, in words that follow the name of GGUF's architecture; "": it
// would not. The file has its length and its header, and zeros for weights.
Result<std::string> read_back(const std::string& path, const Schedule& schedule) {
    weft_ASSIGN(GgufFile file, GgufFile::open(path));
    const ModelFiles files = ModelFiles::from_gguf(std::move(file));
    auto back = make_schedule(files);
    const std::string not_read = " is not read so: ";
    if (!back) return not_read + back.error().message;
    if (auto problems = check_weights(back->weights, files); !problems.empty()) return not_read + problems[0];
    if (auto unused = unused_tensors(back->weights, back->unneeded, files); !unused.empty())
        return not_read + unused[0];
    const std::string difference = schedule_difference(schedule, *back);
    return difference.empty() ? "" : " has no word for " + difference;
}

std::vector<std::byte> padded_bytes(std::span<const float> values) {
    std::vector<std::byte> bytes(GgufWriter::padded(values.size_bytes()));
    std::ranges::copy(std::as_bytes(values), bytes.begin());
    return bytes;
}

// Blocks do not depend on each other: each processor packs its share. Gives an element that the type cannot hold, the
// first one.
std::optional<size_t> quantize_in_parallel(DType type, std::span<const float> values, std::span<std::byte> bytes) {
    const size_t unit = block_info(type).elements, blocks = values.size() / unit,
                 shares = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, std::max<size_t>(1, blocks / 64));
    std::atomic<size_t> next{0};
    std::vector<std::optional<size_t>> beyond(shares);
    run_on_threads(shares, [&] {
        for (size_t share; (share = next++) < shares;) {
            const size_t from = blocks * share / shares * unit, to = blocks * (share + 1) / shares * unit;
            beyond[share] = quantize_blocks(type, values.subspan(from, to - from),
                                            bytes.subspan(bytes_of(type, from), bytes_of(type, to - from)));
            if (beyond[share]) *beyond[share] += from;
        }
    });
    const auto first = std::ranges::find_if(beyond, [](const auto& found) { return found.has_value(); });
    return first == beyond.end() ? std::nullopt : *first;
}

Status write_targets(const Written& w, const ModelFiles& files, const QuantizeOptions& options, AtomicFile& file) {
    std::vector<float> values;
    std::vector<std::byte> bytes;
    uint64_t done = 0;
    for (const Target& t : w.targets) {
        if (t.sources.empty()) {
            weft_TRY(file.write(padded_bytes(t.values)));
            done += GgufWriter::padded(t.count() * sizeof(float));
            continue;
        }
        const uint64_t columns = t.sources[0].piece.columns, rows = t.count() / columns;
        const uint64_t batch = std::max<uint64_t>(1, kBatchElements / columns);
        uint64_t written = 0;
        for (uint64_t r = 0; r < rows; r += batch) {
            const uint64_t n = std::min(batch, rows - r);
            values.assign(n * columns, 0);
            read_target(t, files, w.factors, r, n, values);
            bytes.resize(bytes_of(t.type, values.size()));
            if (const auto beyond = quantize_in_parallel(t.type, values, bytes))
                return cannot_hold(t, files, r + *beyond / columns, *beyond % columns, values[*beyond]);
            weft_TRY(file.write(bytes));
            written += bytes.size();
            if (options.progress && !options.progress({Progress::Stage::write, done + written, w.data_bytes}))
                return Error{ErrorCode::cancelled, "writing was stopped", {}};
        }
        weft_TRY(file.write(std::vector<std::byte>(GgufWriter::padded(written) - written)));
        done += GgufWriter::padded(written);
    }
    return Ok{};
}

} // namespace

Result<QuantizeReport> quantize(const std::filesystem::path& from, const std::filesystem::path& to,
                                const QuantizeOptions& options) try {
    // Readers know the format by the name; and so no file of the model is ever replaced.
    if (!has_extension(to, ".gguf"))
        return Error{
            ErrorCode::invalid_argument, "'" + to.string() + "': the name of the file to write must end in .gguf", {}};
    std::error_code not_there;
    if (std::filesystem::exists(to, not_there) && !std::filesystem::is_regular_file(to, not_there))
        return Error{
            ErrorCode::invalid_argument, to.string() + ": is there and no regular file; it is not replaced", {}};
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(from));
    if (!files.config() || files.tensors().empty())
        return Error{
            ErrorCode::not_found, from.string() + ": must be a model directory with config.json and weights", {}};
    weft_ASSIGN(Schedule schedule, make_schedule(files));
    weft_TRY(check_unused_tensors(schedule, files));
    const size_t stages = schedule.stages.size();
    weft_TRY(text_alone(files)(schedule));
    if (!is_decoder(schedule))
        return Error{ErrorCode::unsupported,
                     files.origin() + ": weft quantize writes decoders alone, and " + schedule.architecture +
                         " is none",
                     {}};
    if (auto problems = check_weights(schedule.weights, files); !problems.empty())
        return Error{ErrorCode::malformed, files.origin() + ": the weights do not fit the config", problems};
    // The own file's names first: others may say the same, but not to every reader.
    std::vector<const GgufSide*> sides;
    size_t own_sides = 0;
    for (const bool own : {true, false}) {
        for (const Architecture* a : all_architectures())
            if ((std::ranges::find(a->model_types, schedule.architecture,
                                   [](const char* t) { return std::string(t); }) != a->model_types.end()) == own)
                for (const GgufSide& side : a->gguf) sides.push_back(&side);
        if (own) own_sides = sides.size();
    }
    Conversion conversion(files, schedule, options, from);
    weft_ASSIGN(AtomicFile file, AtomicFile::create(to));
    std::vector<std::string> reasons;
    for (const GgufSide* side : sides) {
        auto written = conversion.try_side(*side);
        if (!written) {
            if (written.error().code == ErrorCode::invalid_argument) return written.error();
            reasons.push_back(std::string(side->name) + ": " + written.error().message);
            continue;
        }
        weft_TRY(file.resize(0));
        weft_TRY(file.resize(written->header.size() + written->data_bytes));
        weft_TRY(file.rewrite(std::as_bytes(std::span(written->header))));
        for (const Target& t : written->targets) // factors, which come first, are part of what is read back
            if (t.sources.empty()) weft_TRY(file.write(padded_bytes(t.values)));
        weft_ASSIGN(const std::string lost, read_back(file.temporary(), written->schedule));
        if (!lost.empty()) {
            reasons.push_back(side->name + lost);
            continue;
        }
        weft_TRY(file.rewrite(std::as_bytes(std::span(written->header))));
        weft_TRY(write_targets(*written, files, options, file));
        weft_TRY(file.commit());
        return QuantizeReport{side->name,
                              uint32_t(written->targets.size()),
                              written->header.size() + written->data_bytes,
                              written->vocabulary.kind,
                              written->vocabulary.note,
                              schedule.stages.size() < stages};
    }
    // Why the others do not fit says nothing.
    if (own_sides) reasons.resize(own_sides);
    else reasons = {"the format has no name for the architecture '" + schedule.architecture + "'"};
    return Error{ErrorCode::unsupported, from.string() + ": GGUF cannot hold this model as it is", reasons};
}
weft_CATCH

} // namespace weft
