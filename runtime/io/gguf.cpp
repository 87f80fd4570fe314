// SPDX-License-Identifier: Apache-2.0
#include "io/gguf.hpp"
#include "io/gguf_header.hpp"
#include <algorithm>
#include <bit>
#include <fstream>
#include <numeric>

namespace weft::detail {
namespace {

constexpr uint32_t kUsualAlignment = 32;

// general.alignment.
Result<uint64_t> alignment_of(const GgufMetadata& metadata) {
    constexpr std::string_view key = "general.alignment";
    weft_ASSIGN(const uint32_t alignment, metadata.count_or(key, kUsualAlignment));
    if (!std::has_single_bit(alignment))
        return metadata.bad(key, "must be a power of 2, is " + std::to_string(alignment));
    return uint64_t(alignment);
}

uint64_t aligned(uint64_t at, uint64_t alignment) { return (at + alignment - 1) / alignment * alignment; }

// Tensors follow each other without a gap but that of the alignment, inside `size` bytes of data.
Status check_places(const std::vector<GgufHeader::Tensor>& tensors, uint64_t alignment, uint64_t size) {
    uint64_t end = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
        const auto& tensor = tensors[i];
        const std::string offset = "offset " + std::to_string(tensor.offset);
        if (tensor.offset > size || tensor.bytes > size - tensor.offset)
            return about(tensor, std::to_string(tensor.bytes) + " bytes at " + offset +
                                     " reach beyond the end of the file, which has " + std::to_string(size) +
                                     " bytes of data: the file is not whole");
        if (tensor.offset % alignment != 0)
            return about(tensor, offset + " is not a multiple of the alignment " + std::to_string(alignment));
        if (tensor.offset < end)
            return about(tensor, offset + " overlaps tensor " + in_quotes(tensors[i - 1].name) +
                                     " before it, or is not in the order of the entries; it must be " +
                                     std::to_string(end));
        if (tensor.offset > end)
            return about(tensor, offset + " leaves a gap of " + std::to_string(tensor.offset - end) +
                                     " bytes; it must be " + std::to_string(end));
        end = aligned(tensor.offset + tensor.bytes, alignment); // both are within the file, so nothing overflows
    }
    return Ok{};
}

} // namespace

bool is_gguf(const std::filesystem::path& path) {
    std::error_code ignored;
    char magic[4] = {};
    if (std::filesystem::is_regular_file(path, ignored)) // to open a FIFO would wait for its writer
        std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
    return begins_as_gguf({magic, sizeof magic}) || has_extension(path, ".gguf");
}

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
    weft_ASSIGN(MappedFile mapped, MappedFile::open(path));
    weft_ASSIGN(GgufFile file, parse(mapped.bytes(), path.string()));
    file.file_ = std::move(mapped);
    return file;
}

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, std::string origin) {
    auto header = read_gguf_header(bytes);
    if (!header) return in_context(origin, header.error());
    GgufFile file;
    file.version_ = header->version;
    weft_ASSIGN(file.metadata_, GgufMetadata::create(std::move(header->metadata), origin));
    weft_ASSIGN(const uint64_t alignment, alignment_of(file.metadata_));

    auto& tensors = header->tensors;
    file.by_name_.resize(tensors.size());
    std::iota(file.by_name_.begin(), file.by_name_.end(), 0u);
    std::sort(file.by_name_.begin(), file.by_name_.end(),
              [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
    for (size_t i = 1; i < tensors.size(); ++i)
        if (const auto& tensor = tensors[file.by_name_[i]]; tensor.name == tensors[file.by_name_[i - 1]].name)
            return in_context(origin, about(tensor, "the name occurs twice"));

    // A file without tensors may end with its header.
    const auto data = bytes.subspan(std::min<uint64_t>(aligned(header->end, alignment), bytes.size()));
    if (const auto placed = check_places(tensors, alignment, data.size()); !placed)
        return in_context(origin, placed.error());
    file.tensors_.reserve(tensors.size());
    for (auto& tensor : tensors)
        file.tensors_.push_back({std::string(tensor.name), tensor.type, std::move(tensor.shape),
                                 data.subspan(tensor.offset, tensor.bytes)});
    return file;
}

const TensorView* GgufFile::find(std::string_view name) const {
    const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                     [&](uint32_t i, std::string_view key) { return tensors_[i].name < key; });
    return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

} // namespace weft::detail
