// SPDX-License-Identifier: Apache-2.0
// L5: what was made of each key of a config.json, or of a GGUF file's metadata: what a file says and weft does not read
// must not pass in silence.
#pragma once
#include "models/architecture.hpp"

namespace weft::detail {

struct KeyUse {
    enum class Made {
        used,
        no_effect, ///< known, and what is computed here does not depend on it
        unused,    ///< nobody read it, and nothing says why that should be right
    };
    std::string key; ///< "rope_scaling.factor"
    Made made = Made::used;
    std::string why = {}; ///< of no_effect
};

/// "used", "no effect", "not used".
const char* name_of(KeyUse::Made made);

/// The keys of a config, each object that was read key by key. `path`: what stands before each in `read`.
std::vector<KeyUse> key_uses(const Json& config, const KeysRead& read, const std::string& path,
                             const Schedule& schedule);
/// The metadata's keys that are the architecture's own; others are read by tokenizers, templates and tools. `config` is
/// what was made of them (gguf.hpp), and `schedule` of that: a key that weft itself would write for it, with the same
/// value, asks for nothing else.
std::vector<KeyUse> key_uses(const GgufMetadata& metadata, const Json& config, const KeysRead& read,
                             const Schedule& schedule);

/// Adds those of a file with a tower (mmproj), which is read key by key.
void add_tower_keys(const GgufMetadata& metadata, std::vector<KeyUse>& uses);

/// One line that names the unused ones of a file; empty if there are none.
std::string unused_keys(const std::vector<KeyUse>& keys, const std::string& origin);

} // namespace weft::detail
