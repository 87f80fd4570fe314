// SPDX-License-Identifier: Apache-2.0
// weft bench kernels / weft bench model: how fast, against what the device can do.
#include "console.hpp"
#include "numbers.hpp"
#include <iostream>
#include <memory>

namespace app {
namespace {

struct BenchFlags {
    std::vector<std::string> kernels;
    std::string model;
    uint32_t repeats = 5;
    bool json = false;
    weft::ModelBenchOptions options;
    DeviceFlags device;
    CLI::App *kernels_app = nullptr, *model_app = nullptr;
};

int run_kernels(const BenchFlags& f) {
    auto device = f.device.open();
    if (!device) return fail(device.error());
    const bool terminal = is_terminal(Stream::error);
    auto bench = weft::bench_kernels(*device, f.kernels, f.repeats, [&](const weft::Progress& p) {
        if (terminal) std::cerr << "\r\033[K" << p.name << std::flush;
        return !g_interrupted;
    });
    if (terminal) std::cerr << "\r\033[K";
    if (!bench) return fail(bench.error());
    std::cout << (f.json ? bench->json() + "\n" : bench->text());
    return kDone;
}

int run_model(const BenchFlags& f) {
    auto device = f.device.open();
    if (!device) return fail(device.error());
    weft::ModelBenchOptions options = f.options;
    options.progress = progress_bar();
    auto bench = weft::bench_model(*device, f.model, options);
    end_progress();
    if (!bench) return fail(bench.error());
    std::cout << (f.json ? bench->json() + "\n" : bench->text());
    return kDone;
}

} // namespace

Command add_bench(CLI::App& root) {
    auto f = std::make_shared<BenchFlags>();
    CLI::App* app = root.add_subcommand("bench", "Time kernels or a model");
    app->require_subcommand(1);
    f->kernels_app =
        app->add_subcommand("kernels", "Time the case tables of kernels against the device's measured peaks");
    f->kernels_app->add_option("names", f->kernels, "Kernels (default: all)");
    add_number<uint32_t>(*f->kernels_app, "--repeats", f->repeats, "Runs of each case; the median counts", 1, 1000)
        ->default_str("5");
    f->model_app = app->add_subcommand("model", "Time a model: what it reads (prompts, texts, pictures) and makes");
    f->model_app
        ->add_option("model", f->model,
                     "Model directory or GGUF file, or a config.json or schedule file with --random-weights")
        ->required();
    weft::ModelBenchOptions& o = f->options;
    add_number<uint32_t>(*f->model_app, "--prompt", o.prompt, "Tokens to read; pictures have the config's size", 1,
                         kMostTokens)
        ->default_str("256");
    add_number<uint32_t>(*f->model_app, "--generate", o.generate, "Tokens to make, where it makes any", 0, kMostTokens)
        ->default_str("64");
    add_number<uint32_t>(*f->model_app, "--batch", o.batch, "Sequences, or pictures, at the same time", 1, 65536)
        ->default_str("1");
    add_number<uint32_t>(*f->model_app, "--repeats", o.repeats, "Runs; the median counts", 1, 1000)->default_str("3");
    f->model_app->add_flag("--per-layer", f->options.per_layer, "GPU time of every call");
    f->model_app->add_flag("--random-weights", f->options.random_weights, "Random weights instead of the files'");
    add_dtype(*f->model_app, f->options.dtype);
    add_kv(*f->model_app, f->options.cache);
    for (CLI::App* sub : {f->kernels_app, f->model_app}) {
        sub->add_flag("--json", f->json, "As JSON");
        f->device.add(*sub);
    }
    return {app, [f] { return f->kernels_app->parsed() ? run_kernels(*f) : run_model(*f); }};
}

} // namespace app
