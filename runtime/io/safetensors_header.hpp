// SPDX-License-Identifier: Apache-2.0
// L0: the JSON header of a safetensors file, read as a stream: nothing is built for
// input that the format does not have.
#pragma once
#include "io/tensor_view.hpp"
#include <map>

namespace weft::detail {

struct SafetensorsHeader {
    struct Entry {
        std::string name;
        FileType type = FileType::f32;
        std::vector<uint64_t> shape;
        uint64_t begin = 0, end = 0; ///< as written; not yet compared with the data
    };
    std::vector<Entry> entries; ///< in the header's order; a name may still occur twice
    std::map<std::string, std::string> metadata;
};

/// Reads `text`, the header alone. Messages name the tensor and the rule, but not the file.
Result<SafetensorsHeader> read_safetensors_header(std::string_view text);

} // namespace weft::detail
