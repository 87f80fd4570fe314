// SPDX-License-Identifier: Apache-2.0
// weft check: model directories against their recorded inputs and outputs.
#include "command.hpp"
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace app {
namespace {

struct CheckFlags {
    std::vector<std::string> models;
    std::string io;
    std::vector<std::string> prefill;
    bool json = false;
    weft::WeightType dtype = weft::WeightType::stored;
    weft::CacheType cache = weft::CacheType::f32;
    DeviceFlags device;
};

int run(const CheckFlags& f) {
    auto device = f.device.open();
    if (!device) return fail(device.error());
    int code = kDone;
    const char* between = f.json ? "[\n" : "";
    for (size_t i = 0; i < f.models.size() && !g_interrupted; ++i) {
        weft::CheckOptions o;
        o.io = f.io;
        o.prefill = f.prefill;
        o.dtype = f.dtype;
        o.cache = f.cache;
        o.progress = progress_bar();
        const auto report = weft::check(*device, f.models[i], o);
        if (!report) {
            code = std::max(code, fail(report.error()));
            if (f.json)
                std::cout << std::exchange(between, ",\n")
                          << nlohmann::json{{"model", f.models[i]}, {"ok", false}, {"error", report.error().text()}}
                                 .dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
            continue;
        }
        end_progress();
        print_warnings(report->warnings);
        std::cout << std::exchange(between, f.json ? ",\n" : "") << (f.json ? report->json() : report->text());
        if (!report->ok() && code == kDone) code = kFailed;
    }
    if (f.json) std::cout << "\n]\n";
    if (g_interrupted) return interrupted();
    for (const auto& message : device->validation_messages()) {
        std::cerr << "validation: " << message << "\n";
        code = std::max<int>(code, kFailed);
    }
    return code;
}

} // namespace

Command add_check(CLI::App& root) {
    auto f = std::make_shared<CheckFlags>();
    CLI::App* app = root.add_subcommand(
        "check", "Compare model directories with their recorded inputs and outputs, layer by layer");
    app->add_option("models", f->models, "Model directories or GGUF files")->required();
    app->add_option("--io", f->io, "Recorded tensors (default: io.safetensors in the directory)");
    app->add_option("--prefill", f->prefill,
                    "How the prompt is fed: whole, step, or tokens at a time; may be repeated (default: all of whole, "
                    "1, 7, 16, 64, step; of models whose tokens see those behind them whole and alone, row by row)");
    app->add_flag("--json", f->json, "As JSON");
    add_dtype(*app, f->dtype);
    add_kv(*app, f->cache);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
