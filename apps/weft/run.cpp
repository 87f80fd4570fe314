// SPDX-License-Identifier: Apache-2.0
// weft run: continues a prompt.
#include "files.hpp"
#include "numbers.hpp"
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace app {
namespace {

struct RunFlags {
    std::string model, mmproj, prompt, prompt_file;
    std::vector<std::string> images;
    uint32_t context = 0;
    bool raw_ids = false, json = false, stats = false, ignore_end = false;
    SamplingFlags sampling;
    weft::WeightType dtype = weft::WeightType::stored;
    weft::CacheType cache = weft::CacheType::beside_weights;
    DeviceFlags device;
};

weft::Result<std::string> read_prompt(const RunFlags& f) {
    if (f.prompt_file.empty() && f.prompt != "-") return f.prompt;
    if (f.prompt == "-") return read_input();
    return read_file(f.prompt_file);
}

void print_stats(const weft::Sequence& sequence, const weft::GenerateStats& s) {
    const uint32_t decoded = s.new_tokens > 0 ? s.new_tokens - 1 : 0;
    std::fprintf(stderr,
                 "%u prompt token%s at %.1f/s, %u new at %.1f/s, first after %.0f ms, host %.0f us a token; %.1f MiB "
                 "weights, %.1f MiB state, %.1f MiB activations\n",
                 s.prompt_tokens, s.prompt_tokens == 1 ? "" : "s",
                 s.prefill_ms > 0 ? s.prompt_tokens / s.prefill_ms * 1000 : 0, s.new_tokens,
                 s.decode_ms > 0 ? decoded / s.decode_ms * 1000 : 0, s.first_token_ms, s.host_us_per_token,
                 double(sequence.model().weight_bytes()) / 1048576, double(sequence.state_bytes()) / 1048576,
                 double(sequence.activation_bytes()) / 1048576);
}

int run(const RunFlags& f) {
    if (!f.prompt.empty() && !f.prompt_file.empty())
        return fail({weft::ErrorCode::invalid_argument, "give a prompt, or --prompt-file, not both", {}});
    if (f.raw_ids && !f.sampling.stop.empty())
        return fail({weft::ErrorCode::invalid_argument, "--stop is about text, and --raw-ids makes none", {}});
    if (f.raw_ids && !f.images.empty())
        return fail({weft::ErrorCode::invalid_argument, "--image needs a prompt of text, not --raw-ids", {}});
    auto prompt = read_prompt(f);
    if (!prompt) return fail(prompt.error());
    std::vector<weft::Picture> pictures;
    for (const std::string& path : f.images) {
        auto picture = weft::Picture::load(path);
        if (!picture) return fail(picture.error());
        pictures.push_back(std::move(*picture));
    }
    auto device = f.device.open();
    if (!device) return fail(device.error());
    weft::ModelOptions load;
    load.dtype = f.dtype;
    load.need_tokenizer = !f.raw_ids;
    if (!pictures.empty()) load.pictures = weft::Pictures::required;
    load.mmproj = f.mmproj;
    load.progress = progress_bar();
    const auto model = weft::Model::load(*device, f.model, load);
    if (!model) return fail(model.error());
    auto sequence = weft::Sequence::create(*model, {.context = f.context, .cache = f.cache});
    if (!sequence) return fail(sequence.error());
    end_progress();
    print_warnings(model->warnings());

    weft::GenerateOptions o = model->generate_options();
    f.sampling.apply(o);
    o.ignore_end = f.ignore_end;
    o.progress = progress_bar();

    std::string text;
    std::vector<uint32_t> ids;
    weft::Result<weft::GenerateStats> stats = weft::Error{};
    if (f.raw_ids) {
        auto given = parse_ids(*prompt, "--raw-ids: the prompt");
        if (!given) return fail(given.error());
        stats = weft::generate_ids(*sequence, *given, o, [&](uint32_t id) {
            end_progress();
            ids.push_back(id);
            if (!f.json) std::cout << id << ' ' << std::flush;
            return !g_interrupted && std::cout.good();
        });
    } else {
        bool told = f.json;
        const auto tell_prompt = [&] { // once the bars are done: they would draw over it
            end_progress();
            if (!std::exchange(told, true) && !model->answers()) std::cout << *prompt << std::flush;
        };
        stats = weft::generate(*sequence, {*prompt, pictures}, o, [&](std::string_view piece) {
            tell_prompt();
            text += piece;
            if (!f.json) std::cout << piece << std::flush;
            return !g_interrupted && std::cout.good();
        });
        if (stats) tell_prompt();
    }
    if (!f.json && (stats || !text.empty() || !ids.empty())) std::cout << "\n" << std::flush;
    if (!stats) return fail(stats.error());
    if (f.json) {
        nlohmann::json j{{"model", f.model},
                         {"architecture", model->architecture()},
                         {"prompt_tokens", stats->prompt_tokens},
                         {"new_tokens", stats->new_tokens},
                         {"ended", stats->ended},
                         {"stop", stats->stop},
                         {"prefill_ms", stats->prefill_ms},
                         {"decode_ms", stats->decode_ms},
                         {"host_us_per_token", stats->host_us_per_token},
                         {"first_token_ms", stats->first_token_ms},
                         {"weight_bytes", model->weight_bytes()},
                         {"state_bytes", sequence->state_bytes()}};
        if (f.raw_ids) j["ids"] = ids;
        else {
            j["prompt"] = *prompt;
            j["text"] = text;
        }
        std::cout << j.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    }
    if (f.stats) print_stats(*sequence, *stats);
    for (const auto& message : device->validation_messages()) std::cerr << "validation: " << message << "\n";
    return g_interrupted ? interrupted() : kDone;
}

} // namespace

Command add_run(CLI::App& root) {
    auto f = std::make_shared<RunFlags>();
    CLI::App* app = root.add_subcommand("run", "Continue a prompt, or answer it with an encoder-decoder");
    app->add_option("model", f->model, "Model directory (config.json, safetensors, tokenizer) or GGUF file")
        ->required();
    app->add_option("prompt", f->prompt, "The prompt; - reads it from standard input");
    app->add_option("--prompt-file", f->prompt_file, "Read the prompt from a file");
    CLI::Option* images = app->add_option(
        "--image", f->images,
        "A picture (PNG, JPEG, WebP) for a model that sees them; as many as one likes. Each stands where the "
        "prompt has the model's mark for one, or all before it");
    images->allow_extra_args(false);
    app->add_option("--mmproj", f->mmproj, kMmproj)->needs(images);
    f->sampling.add(*app);
    add_number<uint32_t>(*app, "--context", f->context, "Tokens the sequence may have; 0: the model's, at most 4096", 0,
                         kMostTokens);
    app->add_flag("--raw-ids", f->raw_ids, "The prompt is token ids, and so is the answer");
    app->add_flag("--ignore-end", f->ignore_end, "Go on after an end-of-text token");
    app->add_flag("--json", f->json, "One JSON object instead of streamed text");
    app->add_flag("--stats", f->stats, "One line of statistics on standard error");
    add_dtype(*app, f->dtype);
    add_kv(*app, f->cache);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
