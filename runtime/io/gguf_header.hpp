// SPDX-License-Identifier: Apache-2.0
// L0: what stands before the data of a GGUF file.
#pragma once
#include "io/gguf_metadata.hpp"
#include "io/tensor_view.hpp"

namespace weft::detail {

struct GgufHeader {
    struct Tensor {
        std::string_view name;
        FileType type = FileType::f32;
        std::vector<uint64_t> shape; ///< outermost dimension first; the file has them the other way round
        uint64_t offset = 0;         ///< from the beginning of the data, as written; not yet compared with it
        uint64_t bytes = 0;          ///< of shape and type
    };
    uint32_t version = 0;
    std::vector<GgufMetadata::Entry> metadata;
    std::vector<Tensor> tensors; ///< in the file's order; a name may still occur twice
    uint64_t end = 0;            ///< where the header ends, before the padding to the data
};

/// Reads the header of a file whose bytes these are. Messages name the offset or what is there,
/// and the rule, but not the file.
Result<GgufHeader> read_gguf_header(std::span<const std::byte> bytes);
/// True of either byte order.
inline bool begins_as_gguf(std::string_view text) { return text.starts_with("GGUF") || text.starts_with("FUGG"); }
/// A malformed entry: names the tensor and the rule.
Error about(const GgufHeader::Tensor& tensor, const std::string& rule);

} // namespace weft::detail
