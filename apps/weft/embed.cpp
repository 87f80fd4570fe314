// SPDX-License-Identifier: Apache-2.0
// weft embed: vectors of texts.
#include "files.hpp"
#include "numbers.hpp"
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

namespace app {
namespace {

struct EmbedFlags {
    std::string model, file, jsonl, sequence, pooling;
    std::vector<std::string> texts;
    std::optional<bool> normalize;
    uint32_t context = 0;
    bool json = false;
    weft::WeightType dtype = weft::WeightType::stored;
    weft::CacheType cache = weft::CacheType::beside_weights;
    DeviceFlags device;
};

// The records of a FASTA file.
weft::Result<std::vector<weft::NucleotideRecord>> read_records(const std::string& path) {
    const auto content = path == "-" ? read_input() : read_file(path);
    if (!content) return content.error();
    return weft::read_fasta(*content, path);
}

// What does not fit the model is named by its place in the file.
weft::Error too_long(const EmbedFlags& f, const weft::NucleotideRecord& record, const std::string& why) {
    return {weft::ErrorCode::invalid_argument,
            f.sequence + ": line " + std::to_string(record.line) + " begins a record of " +
                std::to_string(record.letters.size()) + " letters, '" + record.name + "': " + why,
            {"cut it into windows: a record each"}};
}

// A text a line; of JSON lines the value of "text", or a line that is a string.
weft::Result<std::vector<std::string>> read_texts(const EmbedFlags& f) {
    std::vector<std::string> texts = f.texts;
    const bool jsonl = !f.jsonl.empty();
    const std::string& path = jsonl ? f.jsonl : f.file;
    if (path.empty()) return texts;
    const auto content = path == "-" ? read_input() : read_file(path);
    if (!content) return content.error();
    std::istringstream lines(*content);
    std::string line;
    for (size_t n = 1; std::getline(lines, line); ++n) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty()) continue;
        if (!jsonl) {
            texts.push_back(line);
            continue;
        }
        const auto json = nlohmann::json::parse(line, nullptr, false);
        const auto text = json.is_object() ? json.find("text") : json.end();
        if (json.is_string()) texts.push_back(json.get<std::string>());
        else if (json.is_object() && text != json.end() && text->is_string()) texts.push_back(text->get<std::string>());
        else
            return weft::Error{weft::ErrorCode::malformed,
                               path + ": line " + std::to_string(n) +
                                   " must be a string, or an object with a string under \"text\"",
                               {}};
    }
    return texts;
}

void print(std::span<const float> row) {
    char number[32];
    for (size_t i = 0; i < row.size(); ++i) {
        std::snprintf(number, sizeof number, "%s%.6g", i ? " " : "", double(row[i]));
        std::cout << number;
    }
    std::cout << "\n";
}

int run(const EmbedFlags& f) {
    auto texts = read_texts(f);
    if (!texts) return fail(texts.error());
    std::vector<weft::NucleotideRecord> records;
    if (!f.sequence.empty()) {
        auto read = read_records(f.sequence);
        if (!read) return fail(read.error());
        records = std::move(*read);
        for (const auto& record : records) texts->push_back(record.letters);
    }
    if (texts->empty()) {
        std::cerr << "weft: there is no text to embed: give TEXT, --file, --jsonl or --sequence\n";
        return kUsage;
    }
    const auto longest = std::ranges::max_element(
        records, {}, [](const weft::NucleotideRecord& record) { return record.letters.size(); });
    auto device = f.device.open();
    if (!device) return fail(device.error());
    weft::EmbedderOptions options;
    options.dtype = f.dtype;
    options.cache = f.cache;
    options.context = f.context;
    constexpr size_t kSpecial = 1; // tokens behind the letters
    if (!records.empty() && !f.context)
        options.context = uint32_t(std::min<size_t>(longest->letters.size() + kSpecial, kMostTokens));
    options.normalize = f.normalize;
    if (!f.pooling.empty())
        options.pooling = f.pooling == "mean"  ? weft::Pooling::mean
                          : f.pooling == "cls" ? weft::Pooling::cls
                                               : weft::Pooling::last;
    const weft::ProgressFunction bar = progress_bar();
    options.progress = bar;
    auto model = weft::Embedder::load(*device, f.model, options);
    if (!model && !records.empty() && model.error().code == weft::ErrorCode::invalid_argument)
        return fail(too_long(f, *longest, model.error().message));
    if (!model) return fail(model.error());
    if (!records.empty() && longest->letters.size() + kSpecial > model->context())
        return fail(too_long(f, *longest, "a context of " + std::to_string(model->context()) + " has no room for it"));
    print_warnings(model->warnings());
    // Lines come as they are made; within a share texts of like length are computed together.
    constexpr size_t kShare = 256;
    size_t all_cut = 0;
    const uint32_t width = model->width();
    for (size_t first = 0; first < texts->size(); first += kShare) {
        const auto share = std::span(*texts).subspan(first, std::min(kShare, texts->size() - first));
        const auto vectors = model->embed(share, [&](const weft::Progress& p) {
            return bar({p.stage, first + p.done, texts->size()});
        });
        if (!vectors) return fail(vectors.error());
        end_progress();
        all_cut += vectors->cut;
        for (size_t i = 0; i < share.size(); ++i) {
            const auto row = std::span(vectors->values).subspan(i * width, width);
            const bool named = !records.empty();
            if (f.json)
                std::cout << nlohmann::json{{named ? "name" : "text", named ? records[first + i].name : share[i]},
                                            {"embedding", row}}
                                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                          << "\n";
            else print(row);
        }
        std::cout << std::flush;
    }
    if (all_cut)
        print_warnings({std::to_string(all_cut) + (all_cut == 1 ? " text was" : " texts were") + " longer than " +
                        std::to_string(model->context()) + " tokens and cut"});
    return kDone;
}

} // namespace

Command add_embed(CLI::App& root) {
    auto f = std::make_shared<EmbedFlags>();
    CLI::App* app = root.add_subcommand("embed", "Vectors of texts, or of DNA: a line of numbers each, in their order");
    app->add_option("model", f->model, "Model directory or GGUF file")->required();
    CLI::Option* texts = app->add_option("text", f->texts, "Texts");
    CLI::Option* sequence = app->add_option("--sequence", f->sequence,
                                            "A FASTA file of DNA, a vector for each of its records; '-': standard "
                                            "input. Letters that stand for several are N");
    CLI::Option* file = app->add_option("--file", f->file, "A text file, a text a line; '-': standard input");
    app->add_option("--jsonl", f->jsonl, "JSON lines: strings, or objects with a \"text\"; '-': standard input")
        ->excludes(file)
        ->excludes(sequence);
    sequence->excludes(file)->excludes(texts);
    app->add_option("--pooling", f->pooling,
                    "Of the last hidden states: the mean, the first token (cls), the last; "
                    "left out: as the model's files say")
        ->check(CLI::IsMember({"mean", "cls", "last"}));
    app->add_flag_function(
        "--normalize,!--no-normalize", [f](int64_t n) { f->normalize = n > 0; },
        "To unit length, or not; left out: as the model's files say");
    add_number<uint32_t>(*app, "--context", f->context, "Tokens of a text; longer ones are cut; 0: the model's", 0,
                         kMostTokens);
    app->add_flag("--json", f->json, "JSON lines: text, or name of a record, and embedding");
    add_dtype(*app, f->dtype);
    add_kv(*app, f->cache);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
