// SPDX-License-Identifier: Apache-2.0
// weft eval perplexity: bits per byte and perplexity of a text file.
#include "files.hpp"
#include "numbers.hpp"
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {
namespace {

struct EvalFlags {
    std::string model, file;
    uint32_t window = 0, context = 0;
    bool json = false;
    weft::WeightType dtype = weft::WeightType::stored;
    weft::CacheType cache = weft::CacheType::beside_weights;
    DeviceFlags device;
};

int run(const EvalFlags& f) {
    const auto text = read_file(f.file);
    if (!text) return fail(text.error());
    auto device = f.device.open();
    if (!device) return fail(device.error());
    weft::ModelOptions load;
    load.dtype = f.dtype;
    load.progress = progress_bar();
    weft::PerplexityOptions options;
    options.window = f.window;
    options.sequence.cache = f.cache;
    // No text has more tokens.
    options.sequence.context = f.context ? f.context : uint32_t(std::min<size_t>(f.window, text->size() + 1));
    options.progress = progress_bar();
    const auto model = weft::Model::load(*device, f.model, load);
    if (!model) return fail(model.error());
    print_warnings(model->warnings());
    const auto p = weft::measure_perplexity(*model, *text, options);
    if (!p) return fail(p.error());
    end_progress();
    if (f.json)
        std::cout << nlohmann::json{{"model", f.model},
                                    {"file", f.file},
                                    {"tokens", p->tokens},
                                    {"bytes", p->bytes},
                                    {"nats", p->nats},
                                    {"perplexity", p->perplexity()},
                                    {"bits_per_byte", p->bits_per_byte()}}
                         .dump(2)
                  << "\n";
    else
        std::printf("perplexity %.4f, %.4f bits per byte (%llu tokens, %llu bytes)\n", p->perplexity(),
                    p->bits_per_byte(), static_cast<unsigned long long>(p->tokens),
                    static_cast<unsigned long long>(p->bytes));
    return kDone;
}

} // namespace

Command add_eval(CLI::App& root) {
    auto f = std::make_shared<EvalFlags>();
    CLI::App* eval = root.add_subcommand("eval", "Measure a model");
    CLI::App* app = eval->add_subcommand("perplexity", "Bits per byte and perplexity of a text file");
    eval->require_subcommand(1);
    app->add_option("model", f->model, "Model directory or GGUF file")->required();
    app->add_option("file", f->file, "Text file")->required();
    add_number<uint32_t>(
        *app, "--window", f->window,
        "Tokens that are read together; each window starts with the last token of the one before; 0: the context", 0,
        kMostTokens);
    add_number<uint32_t>(*app, "--context", f->context, "Tokens the sequence may have; 0: the model's, at most 4096", 0,
                         kMostTokens);
    app->add_flag("--json", f->json, "As JSON");
    add_dtype(*app, f->dtype);
    add_kv(*app, f->cache);
    f->device.add(*app);
    return {eval, [f] { return run(*f); }};
}

} // namespace app
