// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.hpp"
#include "io/foreign_file.hpp"
#include "io/safetensors_header.hpp"
#include <algorithm>
#include <cstring>
#include <numeric>

namespace weft::detail {
namespace {

constexpr uint64_t kLongestHeader = 100'000'000; // the reference implementation's limit
constexpr size_t kLengthBytes = 8;
constexpr const char* kNotWhole = ": the file is not whole";
using Entry = SafetensorsHeader::Entry;

Error about(const Entry& entry, const std::string& rule) {
    return malformed("tensor " + in_quotes(entry.name) + ": " + rule);
}

std::string offsets_text(const Entry& entry) {
    return "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
}

bool multiply(uint64_t a, uint64_t b, uint64_t& product) { return !__builtin_mul_overflow(a, b, &product); }

Result<std::string_view> header_text(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (bytes.size() <= kLengthBytes || text[kLengthBytes] != '{') return not_a_file_of("safetensors", bytes);
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), kLengthBytes);
    if (length > kLongestHeader)
        return malformed("header length " + std::to_string(length) + " is over the format's limit of " +
                         std::to_string(kLongestHeader) + " bytes");
    if (length > bytes.size() - kLengthBytes)
        return malformed("header length " + std::to_string(length) + " reaches beyond the end of the file of " +
                         std::to_string(bytes.size()) + " bytes" + kNotWhole);
    return text.substr(kLengthBytes, length);
}

// The tensor by itself: its offsets lie in the data and hold exactly shape x type.
Status check_size(const Entry& entry, uint64_t data_size) {
    if (entry.begin > entry.end) return about(entry, offsets_text(entry) + " end before they begin");
    if (entry.end > data_size)
        return about(entry, offsets_text(entry) + " reach beyond the end of the file, which has " +
                                std::to_string(data_size) + " bytes of data" + kNotWhole);
    uint64_t bits = 1;
    bool fits = true;
    for (const uint64_t size : entry.shape) fits = fits && multiply(bits, size, bits);
    if (!fits || !multiply(bits, bits_of(entry.type), bits))
        return about(entry, "shape " + shape_text(entry.shape) + " of " + name_of(entry.type) + " overflows 64 bits");
    if (bits % 8 != 0)
        return about(entry, "shape " + shape_text(entry.shape) + " of " + name_of(entry.type) +
                                " does not end on a byte boundary");
    if (bits / 8 != entry.end - entry.begin)
        return about(entry, "shape " + shape_text(entry.shape) + " of " + name_of(entry.type) + " needs " +
                                std::to_string(bits / 8) + " bytes, " + offsets_text(entry) + " give " +
                                std::to_string(entry.end - entry.begin));
    return Ok{};
}

// The tensors together, sorted by offset: they cover the data once.
Status check_cover(const std::vector<Entry>& sorted, uint64_t data_size) {
    uint64_t covered = 0;
    for (size_t i = 0; i < sorted.size(); ++i) {
        const Entry& entry = sorted[i];
        if (entry.begin < covered)
            return about(entry, offsets_text(entry) + " overlap tensor " + in_quotes(sorted[i - 1].name) + " by " +
                                    std::to_string(covered - entry.begin) + " bytes");
        if (entry.begin > covered)
            return about(entry, offsets_text(entry) + " leave a gap of " + std::to_string(entry.begin - covered) +
                                    " bytes before them");
        covered = entry.end;
    }
    if (covered < data_size)
        return malformed(std::to_string(data_size - covered) +
                         " bytes at the end of the file belong to no tensor; the last one " +
                         (sorted.empty() ? "is missing" : "is " + in_quotes(sorted.back().name)));
    return Ok{};
}

} // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
    weft_ASSIGN(MappedFile mapped, MappedFile::open(path));
    weft_ASSIGN(SafetensorsFile file, parse(mapped.bytes(), path.string()));
    file.file_ = std::move(mapped);
    return file;
}

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes, std::string origin) {
    const auto text = header_text(bytes);
    if (!text) return in_context(origin, text.error());
    auto header = read_safetensors_header(*text);
    if (!header) return in_context(origin, header.error());
    const auto data = bytes.subspan(kLengthBytes + text->size());

    auto& entries = header->entries;
    for (const Entry& entry : entries)
        if (const auto fits = check_size(entry, data.size()); !fits) return in_context(origin, fits.error());

    // Tensors without elements share an offset with their neighbour: the end decides, then the header's order.
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    SafetensorsFile file;
    file.by_name_.resize(entries.size());
    std::iota(file.by_name_.begin(), file.by_name_.end(), 0u);
    std::sort(file.by_name_.begin(), file.by_name_.end(),
              [&](uint32_t a, uint32_t b) { return entries[a].name < entries[b].name; });
    for (size_t i = 1; i < entries.size(); ++i) // before check_cover, which would call a repeated tensor an overlap
        if (const Entry& entry = entries[file.by_name_[i]]; entry.name == entries[file.by_name_[i - 1]].name)
            return in_context(origin, about(entry, "the name occurs twice"));
    if (const auto covers = check_cover(entries, data.size()); !covers) return in_context(origin, covers.error());

    file.tensors_.reserve(entries.size());
    for (Entry& entry : entries)
        file.tensors_.push_back({std::move(entry.name), entry.type, std::move(entry.shape),
                                 data.subspan(entry.begin, entry.end - entry.begin)});
    file.metadata_ = std::move(header->metadata);
    file.origin_ = std::move(origin);
    return file;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
    const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                     [&](uint32_t i, std::string_view key) { return tensors_[i].name < key; });
    return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

} // namespace weft::detail
