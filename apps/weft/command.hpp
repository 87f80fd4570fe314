// SPDX-License-Identifier: Apache-2.0
// The commands of `weft`: each adds itself to the command line and leaves an exit code.
#pragma once
#include <CLI/CLI.hpp>
#include <csignal>
#include <weft/weft.hpp>

namespace app {

/// 0 done; 1 failed; 2 wrong use (CLI11 uses codes above 100, main() maps them); 3 the model or the device lacks
/// something; 128 + n stopped by signal n, so 130 by Ctrl-C.
enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kUnsupported = 3, kSignalled = 128 };

struct Command {
    CLI::App* app = nullptr;
    std::function<int()> run;
};

Command add_run(CLI::App& root);
Command add_info(CLI::App& root);
Command add_inspect(CLI::App& root);
Command add_bench(CLI::App& root);
Command add_eval(CLI::App& root);
Command add_embed(CLI::App& root);
Command add_hear(CLI::App& root);
Command add_forecast(CLI::App& root);
Command add_check(CLI::App& root);
Command add_template(CLI::App& root);
Command add_chat(CLI::App& root);
Command add_tokenize(CLI::App& root);
Command add_quantize(CLI::App& root);
Command add_see(CLI::App& root);
Command add_selftest(CLI::App& root);

/// Prints a line each on standard error.
void print_warnings(const std::vector<std::string>& warnings);
/// Prints the error and gives its exit code.
int fail(const weft::Error& error);

/// Without blanks at its ends.
std::string trimmed(const std::string& text);
/// Numbers separated by spaces or commas; `what` opens the message.
weft::Result<std::vector<uint32_t>> parse_ids(const std::string& text, const std::string& what);

/// Options that every command with a device has.
struct DeviceFlags {
    int index = -1;
    bool validation = false, no_cache = false, fast_dot = false;
    uint64_t memory_mib = 0;
    std::string shader_dir;
    void add(CLI::App& app);
    weft::Result<weft::Device> open(bool report_pipelines = false) const;
};

/// Options of every command that makes text. What is not given stays as the model's files want it.
struct SamplingFlags {
    std::optional<uint32_t> count, top_k;
    std::optional<float> temperature, top_p, min_p, repeat_penalty;
    std::optional<uint64_t> seed;
    std::vector<std::string> stop;
    uint32_t steps = 4;
    bool greedy = false;
    void add(CLI::App& app);
    void apply(weft::GenerateOptions& options) const;
};

/// --dtype stored|f32|f16|bf16.
void add_dtype(CLI::App& app, weft::WeightType& type);
/// --kv f32|f16|q8_0; left out, what `type` is already.
void add_kv(CLI::App& app, weft::CacheType& type);

/// The signal that is to end the command: SIGINT (Ctrl-C), SIGTERM or SIGHUP; 0: none. Commands look at it at every
/// token and every step of a progress bar, so that they end as after any failure and leave no half file.
extern volatile std::sig_atomic_t g_interrupted;
/// The exit code for it.
int interrupted();

/// A progress bar on standard error, only if that is a terminal. Gives false when a signal came.
weft::ProgressFunction progress_bar();
/// Wipes what the progress bar left.
void end_progress();

} // namespace app
