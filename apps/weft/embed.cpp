// SPDX-License-Identifier: Apache-2.0
// weft embed: vectors of texts.
#include "files.hpp"
#include "numbers.hpp"
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

namespace app {
namespace {

struct EmbedFlags {
    std::string model, file, jsonl, pooling;
    std::vector<std::string> texts;
    std::optional<bool> normalize;
    uint32_t context = 0;
    bool json = false;
    weft::WeightType dtype = weft::WeightType::stored;
    weft::CacheType cache = weft::CacheType::beside_weights;
    DeviceFlags device;
};

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
    const auto texts = read_texts(f);
    if (!texts) return fail(texts.error());
    if (texts->empty()) {
        std::cerr << "weft: there is no text to embed: give TEXT, --file or --jsonl\n";
        return kUsage;
    }
    auto device = f.device.open();
    if (!device) return fail(device.error());
    weft::EmbedderOptions options;
    options.dtype = f.dtype;
    options.cache = f.cache;
    options.context = f.context;
    options.normalize = f.normalize;
    if (!f.pooling.empty())
        options.pooling = f.pooling == "mean"  ? weft::Pooling::mean
                          : f.pooling == "cls" ? weft::Pooling::cls
                                               : weft::Pooling::last;
    const weft::ProgressFunction bar = progress_bar();
    options.progress = bar;
    auto model = weft::Embedder::load(*device, f.model, options);
    if (!model) return fail(model.error());
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
            if (f.json) std::cout << nlohmann::json{{"text", share[i]}, {"embedding", row}}.dump() << "\n";
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
    CLI::App* app = root.add_subcommand("embed", "Vectors of texts: a line of numbers each, in their order");
    app->add_option("model", f->model, "Model directory or GGUF file")->required();
    app->add_option("text", f->texts, "Texts");
    CLI::Option* file = app->add_option("--file", f->file, "A text file, a text a line; '-': standard input");
    app->add_option("--jsonl", f->jsonl, "JSON lines: strings, or objects with a \"text\"; '-': standard input")
        ->excludes(file);
    app->add_option("--pooling", f->pooling,
                    "Of the last hidden states: the mean, the first token (cls), the last; "
                    "left out: as the model's files say")
        ->check(CLI::IsMember({"mean", "cls", "last"}));
    app->add_flag_function(
        "--normalize,!--no-normalize", [f](int64_t n) { f->normalize = n > 0; },
        "To unit length, or not; left out: as the model's files say");
    add_number<uint32_t>(*app, "--context", f->context, "Tokens of a text; longer ones are cut; 0: the model's", 0,
                         kMostTokens);
    app->add_flag("--json", f->json, "JSON lines: text and embedding");
    add_dtype(*app, f->dtype);
    add_kv(*app, f->cache);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
