// SPDX-License-Identifier: Apache-2.0
#include "io/model_files.hpp"
#include <algorithm>
#include <set>

namespace weft::detail {
namespace {

namespace fs = std::filesystem;
using ShardOf = std::map<std::string, std::string>; // tensor name -> shard file name

constexpr size_t kMostReasons = 20;
constexpr size_t kLargestConfig = size_t(16) << 20;

// A dangling link counts: opening it then says what is wrong, where skipping it would look for weights elsewhere.
bool present(const fs::path& path) {
    std::error_code ignored;
    return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

Result<std::set<std::string>> file_names(const fs::path& directory) {
    std::set<std::string> names;
    std::error_code error;
    fs::directory_iterator entry(directory, error);
    while (!error && entry != fs::directory_iterator()) {
        names.insert(entry->path().filename().string());
        entry.increment(error);
    }
    if (error) return Error{ErrorCode::io, directory.string() + ": cannot list the directory: " + error.message(), {}};
    return names;
}

void add_reason(Error& error, const std::string& reason) {
    if (error.reasons.size() < kMostReasons) error.reasons.push_back(reason);
    else if (error.reasons.size() == kMostReasons) error.reasons.push_back("and more");
}

// The only file beside a model that is named as those with towers are.
Result<fs::path> mmproj_beside(const fs::path& model) {
    const fs::path folder = model.has_parent_path() ? model.parent_path() : fs::path(".");
    weft_ASSIGN(const auto names, file_names(folder));
    Error error{ErrorCode::not_found, "", {}};
    fs::path only;
    for (const std::string& name : names)
        if (name.starts_with("mmproj") && has_extension(name, ".gguf")) {
            only = folder / name;
            error.reasons.push_back("there is " + in_quotes(name));
        }
    if (error.reasons.size() == 1) return only;
    error.message = model.string() + ": pictures are seen by a second file (mmproj), and " +
                    (error.reasons.empty() ? "there is no mmproj*.gguf beside it" : "there are several beside it");
    return error;
}

// "model-00001-of-00003.safetensors": one of several.
bool is_shard_name(std::string_view name) {
    const auto of = name.rfind("-of-");
    return of != name.npos && name.substr(of + 4) != "00001.safetensors" &&
           name.substr(of + 4).find_first_not_of("0123456789") == 5;
}

// The index's weight_map. Shards are names within the directory: an index must not reach other files.
Result<ShardOf> read_weight_map(const fs::path& path) {
    weft_ASSIGN(const std::string text, read_file(path));
    weft_ASSIGN(const Json json, parse_json(text, path.string()));
    weft_ASSIGN(const JsonObject map, JsonObject(json, path.string()).object("weight_map"));
    ShardOf shard_of;
    for (const auto& [tensor, shard] : map.json().items()) {
        if (!shard.is_string()) return map.bad(tensor, "must be the name of a shard");
        const auto& name = shard.get_ref<const std::string&>();
        if (name.empty() || name == "." || name == ".." ||
            name.find_first_of(std::string_view("/\\\0", 3)) != name.npos)
            return map.bad(tensor, "must be the name of a file in the same directory, is " + in_quotes(name));
        shard_of[tensor] = name;
    }
    if (shard_of.empty()) return Error{ErrorCode::malformed, map.origin() + ": names no tensors", {}};
    return shard_of;
}

} // namespace

Status ModelFiles::Document::read(const fs::path& path) {
    weft_ASSIGN(const std::string text, read_file(path, kLargestConfig));
    weft_ASSIGN(Json parsed, parse_json(text, path.string()));
    return set(std::move(parsed), path.string());
}

Status ModelFiles::Document::set(Json value, const std::string& from) {
    if (!value.is_object()) return Error{ErrorCode::malformed, from + ": must be a JSON object", {}};
    json = std::move(value);
    origin = from;
    return Ok{};
}

Result<ModelFiles> ModelFiles::from_config(Json config, const std::string& origin) {
    ModelFiles files;
    files.origin_ = origin;
    weft_TRY(files.config_.set(std::move(config), origin));
    return files;
}

ModelFiles ModelFiles::from_gguf(GgufFile file) {
    ModelFiles files;
    files.origin_ = file.origin();
    files.ggufs_->push_back(std::move(file));
    for (const TensorView& tensor : files.ggufs_->front().tensors()) files.tensors_.push_back(&tensor);
    files.index_tensors();
    return files;
}

std::vector<std::string> NameScope::of(const std::string& prefix) const {
    for (const Rule& rule : rules) {
        if (!prefix.starts_with(rule.own)) continue;
        std::vector<std::string> all;
        for (const std::string& whole : rule.whole) all.push_back(whole + prefix.substr(rule.own.size()));
        return all;
    }
    return {prefix};
}

ModelFiles ModelFiles::part(NameScope scope) const {
    ModelFiles files = *this;
    files.scope_ = std::move(scope);
    return files;
}

ModelFiles ModelFiles::with_config(Json config) const {
    ModelFiles files = *this;
    files.config_.json = std::move(config);
    return files;
}

Result<ModelFiles> ModelFiles::with_mmproj(const fs::path& path) const {
    if (!gguf())
        return Error{ErrorCode::invalid_argument,
                     path.string() + ": goes with a GGUF file; " + origin_ + " is none, and has its tower itself",
                     {}};
    fs::path chosen = path;
    if (chosen.empty()) {
        weft_ASSIGN(chosen, mmproj_beside(origin_));
    }
    weft_ASSIGN(GgufFile file, GgufFile::open(chosen));
    weft_ASSIGN(const auto type, file.metadata().string("general.architecture"));
    if (type != "clip")
        return file.metadata().bad("general.architecture",
                                   "must be 'clip', as that of files with a tower is; it is " + in_quotes(type));
    ModelFiles both = *this;
    both.mmproj_ = std::make_shared<const GgufFile>(std::move(file));
    both.sees_ = true;
    both.found_ = path.empty();
    for (const TensorView& tensor : both.mmproj_->tensors()) {
        if (find(tensor.name))
            return Error{ErrorCode::malformed,
                         chosen.string() + ": tensor " + in_quotes(tensor.name) + ": is in " + origin_ + " too",
                         {}};
        both.tensors_.push_back(&tensor);
    }
    both.index_tensors();
    return both;
}

ModelFiles ModelFiles::without_mmproj() const {
    ModelFiles text = *this;
    text.sees_ = false;
    return text;
}

Result<ModelFiles> ModelFiles::open(const fs::path& path) {
    ModelFiles files;
    files.origin_ = path.string();
    std::error_code error;
    const auto status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found)
        return Error{ErrorCode::not_found, path.string() + ": no such file or directory", {}};
    if (fs::is_directory(status)) {
        files.directory_ = path;
        weft_TRY(files.open_directory());
    } else if (is_gguf(path)) {
        weft_ASSIGN(*files.ggufs_, open_gguf_parts(path));
        for (const GgufFile& part : *files.ggufs_)
            for (const TensorView& tensor : part.tensors()) files.tensors_.push_back(&tensor);
        files.index_tensors();
    } else if (has_extension(path, ".safetensors")) {
        weft_ASSIGN(auto weights, SafetensorsFile::open(path));
        files.shards_->push_back(std::move(weights));
        weft_TRY(files.add_tensors({}));
    } else if (has_extension(path, ".json")) {
        weft_TRY(files.config_.read(path));
    } else {
        return Error{ErrorCode::unsupported,
                     path.string() + ": is neither a model directory nor a GGUF, .safetensors or config.json file",
                     {}};
    }
    return files;
}

Status ModelFiles::open_directory() {
    if (const auto path = file("config.json")) weft_TRY(config_.read(*path));
    if (const auto path = file("generation_config.json")) weft_TRY(generation_config_.read(*path));
    if (const auto index = file("model.safetensors.index.json"); index && !present(directory_ / "model.safetensors"))
        return open_shards(*index);

    std::string weights = "model.safetensors";
    if (!present(directory_ / weights)) {
        weft_ASSIGN(const auto names, file_names(directory_));
        std::vector<std::string> found;
        for (const auto& name : names)
            if (has_extension(name, ".safetensors") && name != "io.safetensors")
                found.push_back(name); // io: what `weft check` compares with
        if (found.size() != 1 || is_shard_name(found[0])) {
            const char* why = found.empty()       ? "there is no *.safetensors file"
                              : found.size() == 1 ? "the only *.safetensors file is one of several shards, and their "
                                                    "model.safetensors.index.json is missing"
                                                  : "there are several *.safetensors files, none is model.safetensors, "
                                                    "and there is no model.safetensors.index.json";
            Error error{ErrorCode::not_found, directory_.string() + ": holds no weights to choose: " + why, {}};
            for (const auto& name : found.empty() ? std::vector<std::string>(names.begin(), names.end()) : found)
                add_reason(error, "it has " + in_quotes(name));
            if (names.empty()) add_reason(error, "the directory is empty");
            return error;
        }
        weights = found[0];
    }
    weft_ASSIGN(auto only, SafetensorsFile::open(directory_ / weights));
    shards_->push_back(std::move(only));
    return add_tensors({});
}

Status ModelFiles::open_shards(const fs::path& index_path) {
    weft_ASSIGN(ShardOf shard_of, read_weight_map(index_path));
    std::map<std::string, size_t> tensors_in; // shard -> how many tensors the index puts there
    for (const auto& [tensor, shard] : shard_of) ++tensors_in[shard];
    Error missing{ErrorCode::not_found, "", {}};
    std::string first;
    for (const auto& [shard, count] : tensors_in)
        if (!present(directory_ / shard)) {
            if (first.empty()) first = shard;
            add_reason(missing, in_quotes(shard) + " with " + std::to_string(count) + " tensors is missing");
        }
    if (!first.empty()) {
        missing.message =
            (directory_ / first).string() + ": the shard is missing, though " + index_path.string() + " names it";
        return missing;
    }
    std::map<std::string, size_t> opened;
    for (const auto& [shard, count] : tensors_in) {
        weft_ASSIGN(auto file, SafetensorsFile::open(directory_ / shard));
        opened[shard] = shards_->size();
        shards_->push_back(std::move(file));
    }
    index_origin_ = index_path.string();
    std::erase_if(shard_of, [&](const auto& entry) { // said when the model needs it
        const bool absent = !(*shards_)[opened[entry.second]].find(entry.first);
        if (absent) absent_.insert(entry);
        return absent;
    });
    return add_tensors(shard_of);
}

// Collects the tensors of all shards. Of a tensor that several shards hold, the index's choice counts.
Status ModelFiles::add_tensors(const ShardOf& shard_of) {
    for (const SafetensorsFile& shard : *shards_)
        for (const TensorView& tensor : shard.tensors()) {
            const auto chosen = shard_of.find(tensor.name);
            if (chosen != shard_of.end() && fs::path(shard.origin()).filename() != chosen->second) continue;
            tensors_.push_back(&tensor);
        }
    index_tensors();
    const auto twice =
        std::adjacent_find(by_name_.begin(), by_name_.end(), [](auto* a, auto* b) { return a->name == b->name; });
    if (twice != by_name_.end())
        return Error{ErrorCode::malformed,
                     origin_ + ": tensor " + in_quotes((*twice)->name) +
                         ": is in several shards, and the index does not say which counts",
                     {}};
    return join_scales();
}

void ModelFiles::index_tensors() {
    total_bytes_ = 0;
    for (const TensorView* tensor : tensors_) total_bytes_ += tensor->bytes.size();
    by_name_ = tensors_;
    std::sort(by_name_.begin(), by_name_.end(), [](auto* a, auto* b) { return a->name < b->name; });
}

std::optional<fs::path> ModelFiles::file(const std::string& name) const {
    if (directory_.empty() || !present(directory_ / name)) return std::nullopt;
    return directory_ / name;
}

std::string ModelFiles::promised(const std::string& name) const {
    const auto shard = absent_.find(name);
    return shard == absent_.end() ? "" : index_origin_ + " says that it is in the shard " + in_quotes(shard->second);
}

const TensorView* ModelFiles::find(std::string_view name) const {
    const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                     [](const TensorView* tensor, std::string_view key) { return tensor->name < key; });
    return at != by_name_.end() && (*at)->name == name ? *at : nullptr;
}

void ModelFiles::read_now(std::span<const std::byte> bytes) const {
    for (const auto& shard : *shards_) shard.mapping().read_now(bytes);
    for (const auto& file : *ggufs_) file.mapping().read_now(bytes);
    if (mmproj_) mmproj_->mapping().read_now(bytes);
}

void ModelFiles::let_go(std::span<const std::byte> bytes) const {
    for (const auto& shard : *shards_) shard.mapping().let_go(bytes);
    for (const auto& file : *ggufs_) file.mapping().let_go(bytes);
    if (mmproj_) mmproj_->mapping().let_go(bytes);
}

} // namespace weft::detail
