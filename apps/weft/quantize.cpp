// SPDX-License-Identifier: Apache-2.0
// weft quantize: a model directory as a GGUF file.
#include "command.hpp"
#include <iostream>
#include <memory>

namespace app {
namespace {

struct QuantizeFlags {
    std::string model, out, type = "q8_0";
    std::vector<std::string> keep;
};

int run(const QuantizeFlags& f) {
    weft::QuantizeOptions o;
    o.type = f.type;
    for (const std::string& k : f.keep) {
        const size_t at = k.rfind('=');
        if (at == k.npos)
            return fail({weft::ErrorCode::invalid_argument, "--keep: must be PATTERN=TYPE, is '" + k + "'", {}});
        o.keep.emplace_back(k.substr(0, at), k.substr(at + 1));
    }
    o.progress = progress_bar();
    const auto report = weft::quantize(f.model, f.out, o);
    if (!report) return fail(report.error());
    end_progress();
    const std::string note = report->vocabulary_note.empty() ? "" : " (" + report->vocabulary_note + ")";
    std::printf("%s: %s%s, %u tensors, %.1f MiB, vocabulary: %s%s\n", f.out.c_str(), report->architecture.c_str(),
                report->text_alone ? ", the text of a model that sees pictures" : "", report->tensors,
                double(report->bytes) / 1048576, report->vocabulary.empty() ? "none" : report->vocabulary.c_str(),
                note.c_str());
    return kDone;
}

} // namespace

Command add_quantize(CLI::App& root) {
    auto f = std::make_shared<QuantizeFlags>();
    CLI::App* app = root.add_subcommand("quantize", "Write a model directory as a GGUF file");
    app->add_option("model", f->model, "Model directory (config.json, safetensors, tokenizer.json)")->required();
    app->add_option("out", f->out, "The .gguf file; an old one is replaced once the new one is whole")->required();
    app->add_option("--type", f->type, "Type of the matrices: q8_0, q4_0, q5_0, q5_1, q4_k, q5_k, q6_k, f16, bf16, f32")
        ->default_val("q8_0");
    app->add_option("--keep", f->keep,
                    "PATTERN=TYPE: another type for tensors whose GGUF names match a shell pattern, such as "
                    "'blk.*.ffn_down.weight=q6_k'");
    return {app, [f] { return run(*f); }};
}

} // namespace app
