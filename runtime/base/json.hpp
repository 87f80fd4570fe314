// SPDX-License-Identifier: Apache-2.0
// L0: JSON from untrusted files. Wraps nlohmann::json so that nothing throws:
// parsing and every typed read return Result.
#pragma once
#include "base/result.hpp"
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

namespace weft::detail {

using Json = nlohmann::json;

/// Parses `text`; `origin` (a file name) opens every message. Python's bare Infinity,
/// -Infinity and NaN are read as numbers.
Result<Json> parse_json(std::string_view text, const std::string& origin);

/// Which keys of a JSON object, and of the objects in it, have been read: "rope_scaling.factor". One thread at a time.
class KeysRead {
public:
    void note(std::string path) { paths_.insert(std::move(path)); }
    bool has(const std::string& path) const { return paths_.contains(path); }

private:
    std::set<std::string> paths_;
};

/// A read-only view of a JSON object that reports a wrong or missing key with the object's origin: "config.json: key
/// 'x' must be ...". The object must outlive the view. Numbers: an integer read of 64.0 is accepted, of 0.5 refused;
/// {"__float__": "Infinity"} is what newer files write for Infinity. NaN is refused, and infinities are where a
/// number is meant and not a bound.
class JsonObject {
public:
    JsonObject(const Json& value, std::string origin) : value_(&value), origin_(std::move(origin)) {}

    /// The same view, which notes in `read` what is asked for through it and through those made from it; `path` opens
    /// what it notes. `read` must outlive them.
    JsonObject noting(KeysRead& read, const std::string& path = "") const;
    /// A view of a copy of this object that was changed: what is read of it counts as read of this object, and of those
    /// of its members, objects themselves, that `inside` names. `what` the copy is, for messages.
    JsonObject changed(const Json& copy, const std::vector<std::string>& inside = {}, const char* what = "") const;

    const Json& json() const { return *value_; }
    const std::string& origin() const { return origin_; }
    /// False if the key is absent or null.
    bool has(const std::string& key) const;

    Result<int64_t> integer(const std::string& key) const;
    Result<int64_t> integer_or(const std::string& key, int64_t otherwise) const;
    /// An integer in [1, 2^31), as counts and sizes are.
    Result<uint32_t> count(const std::string& key) const;
    Result<uint32_t> count_or(const std::string& key, uint32_t otherwise) const;
    Result<double> number(const std::string& key) const; ///< finite
    Result<double> number_or(const std::string& key, double otherwise) const;
    Result<double> bound(const std::string& key) const; ///< finite or an infinity
    Result<bool> boolean_or(const std::string& key, bool otherwise) const;
    Result<std::string> string(const std::string& key) const;
    Result<std::string> string_or(const std::string& key, const std::string& otherwise) const;
    Result<std::vector<double>> numbers(const std::string& key) const; ///< each finite or an infinity
    Result<std::vector<std::string>> strings(const std::string& key) const;
    /// The object under `key`, or an error if it is absent or of another type.
    Result<JsonObject> object(const std::string& key) const;

    Error bad(const std::string& key, const std::string& rule) const;

private:
    const Json* find(const std::string& key) const;
    const Json* value_;
    std::string origin_;
    KeysRead* read_ = nullptr;
    std::vector<std::string> paths_ = {""}; // where in the noted object this one may stand, each with a dot behind it
};

} // namespace weft::detail
