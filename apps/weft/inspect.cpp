// SPDX-License-Identifier: Apache-2.0
// weft inspect: what a model is and needs, before anything is loaded.
#include "files.hpp"
#include "numbers.hpp"
#include <iostream>
#include <memory>

namespace app {
namespace {

struct InspectFlags {
    std::string model, svg;
    bool json = false, schedule = false, keys = false, weights = false, no_device = false, architectures = false;
    weft::InspectOptions options;
    DeviceFlags device;
};

int run(const InspectFlags& f) {
    if (f.architectures) {
        std::cout << weft::architecture_table();
        return kDone;
    }
    if (f.model.empty())
        return fail({weft::ErrorCode::invalid_argument,
                     "inspect needs a model directory, a config.json, a GGUF file, a schedule file or a .safetensors",
                     {}});
    if (f.schedule) {
        const auto text = weft::schedule_text(f.model);
        if (!text) return fail(text.error());
        std::cout << *text << "\n";
        return kDone;
    }
    std::optional<weft::Device> device;
    std::string lacking;
    if (!f.no_device) {
        auto opened = f.device.open(f.options.pipelines);
        if (opened) device.emplace(std::move(*opened));
        else if (f.device.index >= 0) return fail(opened.error());
        else {
            std::cerr << "weft: no support report: " << opened.error().text() << "\n";
            lacking = opened.error().message;
        }
    }
    auto in = weft::inspect(device ? &*device : nullptr, f.model, f.options);
    if (!in) return fail(in.error());
    if (!lacking.empty()) in->problems.push_back(lacking);
    if (!f.svg.empty()) {
        if (in->blocks.empty())
            return fail({weft::ErrorCode::invalid_argument,
                         f.model + ": holds weights alone, there is no schedule to draw",
                         {}});
        if (const auto status = write_file(f.svg, in->svg()); !status) return fail(status.error());
    }
    if (f.json) std::cout << in->json() << "\n";
    else if (f.keys) std::cout << in->keys_text();
    else if (f.options.pipelines) std::cout << in->pipelines_text();
    else if (f.weights) std::cout << in->weights_text();
    else if (f.svg.empty()) std::cout << in->text();
    // The report and JSON have them.
    if (!f.json && (f.keys || f.options.pipelines || f.weights || !f.svg.empty()))
        for (const std::string& problem : in->problems) std::cerr << "weft: cannot run: " << problem << "\n";
    return in->problems.empty() ? kDone : kUnsupported;
}

} // namespace

Command add_inspect(CLI::App& root) {
    auto f = std::make_shared<InspectFlags>();
    CLI::App* app =
        root.add_subcommand("inspect", "Show a model's schedule, its memory, and what this device would run it with");
    app->add_option("model", f->model, "Model directory, config.json, GGUF file, schedule file, or .safetensors");
    app->add_option("--svg", f->svg, "Write a picture of the schedule to this file");
    app->add_flag("--json", f->json, "As JSON");
    app->add_flag("--schedule", f->schedule, "Print the schedule as JSON that can be edited and run");
    app->add_flag("--weights", f->weights,
                  "List the weights by name and shape: what a file beside a schedule must have");
    app->add_flag("--keys", f->keys, "List what was made of each key of config.json, or of a GGUF file's metadata");
    app->add_flag(
        "--pipelines", f->options.pipelines,
        "List the pipelines of decode and prefill, their calls, and what this device's compiler says of them");
    add_number<uint32_t>(*app, "--context", f->options.context,
                         "Tokens for the memory figures; 0: the model's, at most 4096", 0, kMostTokens);
    app->add_flag("--no-device", f->no_device, "Without the support report");
    app->add_flag("--architectures", f->architectures, "List the supported architectures as a Markdown table");
    add_dtype(*app, f->options.dtype);
    add_kv(*app, f->options.cache);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
