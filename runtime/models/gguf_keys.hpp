// SPDX-License-Identifier: Apache-2.0
// L5: what the two files that read and write the keys of all GGUF files share.
#pragma once
#include "io/gguf.hpp"
#include "io/gguf_writer.hpp"
#include "models/gguf.hpp"
#include "models/gguf_schedule.hpp"

namespace weft::detail {

/// The metadata under the architecture's prefix.
struct GgufPrefixed {
    const GgufMetadata& metadata;
    std::string prefix;
    std::string operator()(const char* key) const { return prefix + key; }

    Error bad(const char* key, const std::string& rule) const { return metadata.bad((*this)(key), rule); }
    Error unsupported(const char* key, const std::string& rule) const {
        return {ErrorCode::unsupported, bad(key, rule).message, {}};
    }
};
Result<GgufPrefixed> gguf_prefixed(const ModelFiles& files);

/// A boolean or a number, which may also be an array of as many equal ones as there are layers; null if the key is
/// absent.
Result<Json> gguf_value(const GgufPrefixed& keys, const char* key);
/// Those of the list that have a name in a config.
Status gguf_copy(const GgufPrefixed& keys, Json& config, const std::vector<GgufKey>& list);
/// A size of a config made from metadata; an error speaks of the metadata's key.
Result<uint32_t> gguf_count(const GgufPrefixed& keys, const Json& config, const char* name);

/// Rotary scaling in the words of transformers.
Status read_gguf_rope(const GgufPrefixed& keys, const ModelFiles& files, Json& config);
/// The rotary positions of the layers that see all, or else of any: `config`, which the schedule was made from, says
/// how they are scaled. Returns the tensors of divisors that go with the keys.
Result<std::vector<GgufFactors>> write_gguf_rope(const Schedule& schedule, const JsonObject& config,
                                                 const std::string& prefix, GgufWriter& writer);

} // namespace weft::detail
