// SPDX-License-Identifier: Apache-2.0
// L0: reads GGUF files: every rule of the format is checked at opening, then metadata and
// tensors are views into the mapping.
#pragma once
#include "base/file.hpp"
#include "io/gguf_metadata.hpp"
#include "io/tensor_view.hpp"

namespace weft::detail {

/// An open GGUF file. Immutable, so any number of threads may read it. Move-only; moving keeps every view valid.
///
/// The format's rules, all enforced: version 2 or 3, little-endian; no key and no tensor twice; known types;
/// rows of whole blocks; an alignment that is a power of 2;
/// tensors one after another in the order of their entries, each from the next aligned offset on, all inside the file.
/// A type that GGUF has and weft does not read is ErrorCode::unsupported.
class GgufFile {
public:
    static Result<GgufFile> open(const std::filesystem::path& path);
    /// Reads a file already in memory. `bytes` must outlive the result; `origin` opens every message.
    static Result<GgufFile> parse(std::span<const std::byte> bytes, std::string origin);

    const GgufMetadata& metadata() const { return metadata_; }
    /// The tensor of that name, or nullptr.
    const TensorView* find(std::string_view name) const;
    /// In the order of their bytes in the file.
    std::span<const TensorView> tensors() const { return tensors_; }
    /// The path, as it appears in messages.
    const std::string& origin() const { return metadata_.origin(); }
    uint32_t version() const { return version_; }
    /// Of a file that was opened: the mapping. Empty for bytes in memory.
    const MappedFile& mapping() const { return file_; }

private:
    GgufFile() = default;

    MappedFile file_;
    uint32_t version_ = 0;
    GgufMetadata metadata_;
    std::vector<TensorView> tensors_;
    std::vector<uint32_t> by_name_; // sorted
};

/// True of a file that begins as GGUF files do, whatever its name, and of one that has their name, whatever it holds:
/// to open it then says what is wrong.
bool is_gguf(const std::filesystem::path& path);

/// Opens a GGUF file, and where its metadata says that it is one of several ("NAME-00002-of-00005.gguf"), all of them
/// in their order. The first one has the model's metadata. Fails if a part is missing or belongs to another file, or if
/// two parts hold the same tensor.
Result<std::vector<GgufFile>> open_gguf_parts(const std::filesystem::path& path);

} // namespace weft::detail
