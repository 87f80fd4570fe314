// SPDX-License-Identifier: Apache-2.0
// How commands that make text are told to make it.
#include "numbers.hpp"

namespace app {

void SamplingFlags::add(CLI::App& app) {
    add_number<uint32_t>(app, "-n", count, "Most tokens to make", 0, kMostTokens);
    add_number<float>(app, "--temperature", temperature, "0 is greedy", 0, FLT_MAX);
    add_number<uint32_t>(app, "--top-k", top_k, "Only the k most likely tokens; 0: all", 0, kMostTokens);
    add_number<float>(app, "--top-p", top_p, "Only the most likely tokens that together reach p; 0: the likeliest", 0,
                      1);
    add_number<float>(app, "--min-p", min_p, "Only tokens at least p times as likely as the likeliest", 0, 1);
    add_number<float>(app, "--repeat-penalty", repeat_penalty, "Above 1: tokens of the text so far become less likely",
                      FLT_MIN, FLT_MAX, "a number above 0");
    add_number<uint64_t>(app, "--seed", seed, "The same seed gives the same text", 0, UINT64_MAX);
    app.add_flag("--greedy", greedy, "Always the likeliest token");
    app.add_option("--stop", stop, "End before this text; may be given several times")->allow_extra_args(false);
    add_number<uint32_t>(app, "--steps", steps, "Tokens made on the device before the host looks", 1, 64)
        ->default_str("4");
}

void SamplingFlags::apply(weft::GenerateOptions& o) const {
    const bool asked = temperature || top_k || top_p || min_p || seed;
    if (asked) o.sampling.greedy = false; // whoever sets a sampling option means to sample
    if (temperature) o.sampling.temperature = *temperature;
    if (top_k) o.sampling.top_k = *top_k;
    if (top_p) o.sampling.top_p = *top_p;
    if (min_p) o.sampling.min_p = *min_p;
    if (repeat_penalty) o.sampling.repeat_penalty = *repeat_penalty;
    if (greedy) o.sampling.greedy = true;
    if (count) {
        o.max_tokens = *count;
        o.max_length = 0; // whoever says how many means it
    }
    if (!stop.empty()) o.stop = stop;
    o.sampling.seed = seed.value_or(0);
    o.steps_per_wait = steps;
}

} // namespace app
