// SPDX-License-Identifier: Apache-2.0
// L0: reads safetensors files: every rule of the format is checked at opening, then tensors are views into the mapping.
#pragma once
#include "base/file.hpp"
#include "io/tensor_view.hpp"
#include <map>

namespace weft::detail {

/// An open safetensors file. Immutable, so any number of threads may read it. Move-only; moving keeps every view valid.
///
/// The format's rules, all enforced: a header of at most 100 MB inside the file that starts with
/// '{' and is UTF-8 JSON; no key twice;
/// known types; shape x type fills the data_offsets exactly; tensors, sorted by offset,
/// cover the data without gap, overlap or rest.
/// What the format allows is accepted: tensors of no elements, data at any alignment, unknown keys in a tensor's entry.
class SafetensorsFile {
public:
    static Result<SafetensorsFile> open(const std::filesystem::path& path);
    /// Reads a file already in memory. `bytes` must outlive the result; `origin` opens every message.
    static Result<SafetensorsFile> parse(std::span<const std::byte> bytes, std::string origin);

    /// The tensor of that name, or nullptr.
    const TensorView* find(std::string_view name) const;
    /// In the order of their bytes in the file.
    std::span<const TensorView> tensors() const { return tensors_; }
    /// The strings of "__metadata__"; empty if there are none.
    const std::map<std::string, std::string>& metadata() const { return metadata_; }
    /// The path, as it appears in messages.
    const std::string& origin() const { return origin_; }
    /// Of a file that was opened: the mapping. Empty for bytes in memory.
    const MappedFile& mapping() const { return file_; }

private:
    SafetensorsFile() = default;

    MappedFile file_;
    std::string origin_;
    std::vector<TensorView> tensors_;
    std::vector<uint32_t> by_name_; // indices into tensors_, sorted by name: no hash that a file could flood
    std::map<std::string, std::string> metadata_;
};

} // namespace weft::detail
