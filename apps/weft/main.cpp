// SPDX-License-Identifier: Apache-2.0
// weft: the command line.
#include "console.hpp"
#include "files.hpp"
#include "numbers.hpp"
#include <chrono>
#include <iostream>

namespace app {

void print_warnings(const std::vector<std::string>& warnings) {
    for (const auto& warning : warnings) std::cerr << "weft: " << warning << "\n";
}
std::string trimmed(const std::string& text) {
    constexpr const char* kBlanks = " \t\r\n";
    const size_t first = text.find_first_not_of(kBlanks);
    return first == text.npos ? std::string() : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

int interrupted() { return kSignalled + g_interrupted; }

int fail(const weft::Error& error) {
    end_progress();
    if (error.code == weft::ErrorCode::cancelled) return interrupted();
    std::cerr << "weft: " << error.text() << "\n";
    return error.code == weft::ErrorCode::unsupported        ? kUnsupported
           : error.code == weft::ErrorCode::invalid_argument ? kUsage
                                                             : kFailed;
}

void DeviceFlags::add(CLI::App& app) {
    add_number<int>(app, "--device", index, "Vulkan device, counted from 0 (`weft info` lists them)", 0, 999);
    add_number<uint64_t>(app, "--memory", memory_mib, "Most device memory to use, in MiB; 0: all", 0, UINT64_MAX >> 20);
    app.add_flag("--fast-dot", fast_dot,
                 "Quantized weights: round activations to 8 bits where the device has integer dot products");
    app.add_flag("--validation", validation, "Turn the Vulkan validation layer on and report its messages");
    app.add_flag("--no-cache", no_cache, "Neither read nor write the pipeline cache");
    app.add_option("--shader-dir", shader_dir, "Compile shaders from this folder at run time (development)")
        ->check(CLI::ExistingDirectory);
}

weft::Result<weft::Device> DeviceFlags::open(bool report_pipelines) const {
    weft::DeviceOptions o;
    o.index = index;
    o.validation = validation;
    o.memory_limit = memory_mib << 20;
    o.fast_dot = fast_dot;
    if (!no_cache) o.cache_dir = weft::default_cache_dir();
    o.shader_dir = shader_dir;
    o.report_pipelines = report_pipelines;
    return weft::Device::open(o);
}

namespace {

// An option whose words, in any case, stand for values.
template <class T>
void add_words(CLI::App& app, const std::string& option, const std::vector<std::pair<std::string, T>>& words, T& value,
               const std::string& what) {
    std::string all;
    for (size_t i = 0; i < words.size(); ++i)
        all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i].first;
    const auto set = [&value, option, words, all](const std::string& given) {
        for (const auto& [word, meant] : words)
            if (CLI::detail::to_lower(given) == word) {
                value = meant;
                return;
            }
        throw CLI::ValidationError(option, "must be " + all + ", is '" + given + "'");
    };
    app.add_option_function<std::string>(option, set, what)->type_name("TYPE");
}

} // namespace

void add_dtype(CLI::App& app, weft::WeightType& type) {
    using weft::WeightType;
    add_words<WeightType>(app, "--dtype",
                          {{"stored", WeightType::stored},
                           {"f32", WeightType::f32},
                           {"f16", WeightType::f16},
                           {"bf16", WeightType::bf16}},
                          type, "How weight matrices are held: stored (as in the file, the default), f32, f16, bf16");
}

void add_kv(CLI::App& app, weft::CacheType& type) {
    using weft::CacheType;
    const std::string otherwise =
        type == CacheType::f32 ? "f32" : "f16 beside weights of 16 bits or fewer, f32 beside others";
    add_words<CacheType>(app, "--kv", {{"f32", CacheType::f32}, {"f16", CacheType::f16}, {"q8_0", CacheType::q8_0}},
                         type, "How attention's keys and values are held: f32, f16, q8_0; left out: " + otherwise);
}

namespace {
bool g_bar_shown = false;
}

weft::ProgressFunction progress_bar() {
    if (!is_terminal(Stream::error)) return [](const weft::Progress&) { return !g_interrupted; };
    using Clock = std::chrono::steady_clock;
    return [begin = Clock::now(), last = Clock::time_point(),
            stage_shown = weft::Progress::Stage::load](const weft::Progress& p) mutable {
        const auto now = Clock::now();
        if (p.stage != stage_shown) {
            begin = now;
            stage_shown = p.stage;
        }
        // Short work shows no bar at all; a long one is redrawn ten times a second.
        if (now - begin < std::chrono::milliseconds(250) ||
            (now - last < std::chrono::milliseconds(100) && p.done < p.total))
            return !g_interrupted;
        last = now;
        const char* stage = p.stage == weft::Progress::Stage::load        ? "loading"
                            : p.stage == weft::Progress::Stage::pipelines ? "pipelines"
                            : p.stage == weft::Progress::Stage::write     ? "writing"
                                                                          : "reading";
        const int filled = p.total ? int(30 * p.done / p.total) : 0;
        std::fprintf(stderr, "\r\033[K%-9s [%s%s] %3d %%", stage, std::string(size_t(filled), '#').c_str(),
                     std::string(size_t(30 - filled), '.').c_str(), p.total ? int(100 * p.done / p.total) : 0);
        g_bar_shown = true;
        if (p.done >= p.total) end_progress();
        return !g_interrupted;
    };
}

void end_progress() {
    if (g_bar_shown) std::fputs("\r\033[K", stderr);
    g_bar_shown = false;
}

} // namespace app

int main(int argc, char** argv) {
    app::catch_interrupts();
    const std::vector<std::string> arguments = app::open_console(argc, argv);
    CLI::App root{"weft runs efficient and hybrid sequence models on any Vulkan GPU.", "weft"};
    root.set_version_flag("--version", "weft " weft_VERSION);
    root.allow_windows_style_options(false); // /a/path is one there, too
    root.require_subcommand(1);
    root.fallthrough(false);
    const app::Command commands[] = {app::add_run(root),      app::add_info(root),     app::add_inspect(root),
                                     app::add_bench(root),    app::add_eval(root),     app::add_check(root),
                                     app::add_embed(root),    app::add_template(root), app::add_chat(root),
                                     app::add_tokenize(root), app::add_quantize(root), app::add_see(root),
                                     app::add_hear(root),     app::add_forecast(root), app::add_selftest(root)};
    try {
        root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend() - 1)); // the last one first
    } catch (const CLI::ParseError& e) {
        const int code = root.exit(e);
        return code == 0 ? app::finish_output(app::kDone) : app::kUsage;
    }
    try {
        for (const app::Command& c : commands)
            if (c.app->parsed()) return app::finish_output(c.run());
    } catch (const std::exception& e) { // what the program itself could not allocate: weft returns its errors
        std::fprintf(stderr, "weft: %s\n", e.what());
        return app::kFailed;
    }
    return app::kUsage;
}
