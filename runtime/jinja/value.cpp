// SPDX-License-Identifier: Apache-2.0
#include "jinja/value.hpp"
#include "jinja/interpreter.hpp"
#include "jinja/operators.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::jinja {
namespace {

constexpr size_t kStride = 64;      // characters between two entries of a string's table
constexpr size_t kSearchedDict = 8; // a dict of at most so many items is searched in order

uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15u;
    return x ^ (x >> 29);
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

} // namespace

Error failure(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

Object::Object(Meter* meter, size_t bytes, uint32_t depth) : meter_(meter), bytes_(0), depth_(depth) {
    grow(bytes + 32); // the reference's own counts
    if (meter_) meter_->deepest = std::max(meter_->deepest, depth_);
}

Object::~Object() {
    if (meter_) meter_->bytes -= bytes_;
}

void Object::grow(size_t bytes) {
    bytes_ += bytes;
    if (meter_) meter_->bytes += bytes;
}

void Object::contain(const Value& value) {
    depth_ = std::max(depth_, value.depth() + 1);
    if (meter_) meter_->deepest = std::max(meter_->deepest, depth_);
}

Status Object::repr(Interpreter&, std::string& out) const {
    out += "<" + std::string(type_name()) + " object>";
    return Ok{};
}

Result<Value> Object::call(Interpreter&, Arguments) {
    return failure("'" + std::string(type_name()) + "' object is not callable");
}

Result<Value> Object::attribute(Interpreter&, std::string_view) { return Value(); }

Value Value::boolean(bool value) {
    Value v(Kind::boolean);
    v.integer_ = value;
    return v;
}

Value Value::integer(int64_t value) {
    Value v(Kind::integer);
    v.integer_ = value;
    return v;
}

Value Value::real(double value) {
    Value v(Kind::real);
    v.real_ = value;
    return v;
}

const String& Value::string() const { return static_cast<const String&>(*object_); }
const std::string& Value::text() const { return string().bytes(); }
const List& Value::list() const { return static_cast<const List&>(*object_); }
const Dict& Value::dict() const { return static_cast<const Dict&>(*object_); }
const Undefined& Value::undefined() const { return static_cast<const Undefined&>(*object_); }

std::string_view Value::type_name() const {
    switch (kind_) {
    case Kind::missing:
    case Kind::none: return "NoneType";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::real: return "float";
    default: return object_->type_name();
    }
}

bool Value::same_as(const Value& other) const {
    if (kind_ != other.kind_) return false;
    if (object_)
        return object_ == other.object_ || (is_string() && text() == other.text()) ||
               (kind_ == Kind::tuple && list().items().empty() && other.list().items().empty());
    return kind_ == Kind::none || (kind_ == Kind::real ? real_ == other.real_ : integer_ == other.integer_);
}

String::String(Meter* meter, std::string bytes, bool markup)
    : Object(meter, sizeof(String) + bytes.size(), 0), bytes_(std::move(bytes)), markup_(markup) {
    length_ = size_t(std::count_if(bytes_.begin(), bytes_.end(), starts_character));
    if (ascii() || length_ <= kStride) return;
    offsets_.reserve(length_ / kStride + 1);
    for (size_t at = 0, index = 0; at < bytes_.size(); ++at) {
        if (!starts_character(bytes_[at])) continue;
        if (index++ % kStride == 0) offsets_.push_back(at);
    }
    grow(offsets_.size() * sizeof(size_t));
}

size_t String::offset(size_t index) const {
    if (ascii()) return index;
    if (index >= length_) return bytes_.size();
    size_t at = offsets_.empty() ? 0 : offsets_[index / kStride];
    for (size_t left = offsets_.empty() ? index : index % kStride; left > 0; --left)
        at += code_point_at(bytes_, at).bytes;
    return at;
}

size_t String::index_at(size_t offset) const {
    if (ascii()) return offset;
    size_t block = 0;
    if (!offsets_.empty())
        block = size_t(std::upper_bound(offsets_.begin(), offsets_.end(), offset) - offsets_.begin()) - 1;
    const auto begin = bytes_.begin() + ptrdiff_t(offsets_.empty() ? 0 : offsets_[block]),
               end = bytes_.begin() + ptrdiff_t(offset);
    return block * kStride + size_t(std::count_if(begin, end, starts_character));
}

List::List(Meter* meter, std::vector<Value> items, std::string_view type)
    : Object(meter, sizeof(List) + items.size() * sizeof(Value), 1), items_(std::move(items)), type_(type) {
    for (const Value& item : items_) contain(item);
}

Result<Value> List::attribute(Interpreter&, std::string_view name) {
    if (type_ != "_GroupTuple") return Value();
    return name == "grouper" ? items_[0] : name == "list" ? items_[1] : Value();
}

uint64_t hash_of(std::string_view text) { return mix(std::hash<std::string_view>()(text)); }

Result<uint64_t> hash_of(Interpreter& in, const Value& value) {
    switch (value.kind()) {
    case Kind::missing:
    case Kind::none: return uint64_t(1);
    case Kind::undefined: return uint64_t(2);
    case Kind::boolean:
    case Kind::integer: return mix(uint64_t(value.as_integer()));
    case Kind::real: {
        const double d = value.as_real();
        if (d == std::floor(d) && std::abs(d) < 0x1p63) return mix(uint64_t(int64_t(d)));
        return mix(std::hash<double>()(d));
    }
    case Kind::string: return hash_of(value.text());
    case Kind::tuple: {
        uint64_t hash = value.list().items().size();
        weft_TRY(in.step());
        for (const Value& item : value.list().items()) {
            weft_ASSIGN(const uint64_t one, hash_of(in, item));
            hash = mix(hash * 31 + one);
        }
        return hash;
    }
    case Kind::list:
    case Kind::dict: return failure("unhashable type: '" + std::string(value.type_name()) + "'");
    case Kind::object: break;
    }
    return mix(uint64_t(reinterpret_cast<uintptr_t>(value.object().get())));
}

size_t Dict::position(std::string_view key, uint64_t hash) const {
    const auto matches = [&](size_t at) { return items_[at].first.is_string() && items_[at].first.text() == key; };
    if (index_.empty()) {
        for (size_t at = 0; at < items_.size(); ++at)
            if (matches(at)) return at;
        return items_.size();
    }
    const auto [begin, end] = index_.equal_range(hash);
    for (auto it = begin; it != end; ++it)
        if (matches(it->second)) return it->second;
    return items_.size();
}

Result<size_t> Dict::position(Interpreter& in, const Value& key, uint64_t hash) const {
    if (key.is_string()) return position(key.text(), hash);
    if (index_.empty()) {
        for (size_t at = 0; at < items_.size(); ++at) {
            weft_ASSIGN(const bool equal, equals(in, items_[at].first, key));
            if (equal) return at;
        }
        return items_.size();
    }
    const auto [begin, end] = index_.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
        weft_ASSIGN(const bool equal, equals(in, items_[it->second].first, key));
        if (equal) return size_t(it->second);
    }
    return items_.size();
}

void Dict::append(Value key, Value value, uint64_t hash) {
    contain(key);
    contain(value);
    grow(2 * sizeof(Value) + sizeof(uint64_t));
    items_.emplace_back(std::move(key), std::move(value));
    hashes_.push_back(hash);
    if (items_.size() <= kSearchedDict) return;
    for (size_t at = index_.size(); at < items_.size(); ++at) {
        index_.emplace(hashes_[at], uint32_t(at));
        grow(48);
    }
}

const Value* Dict::find(std::string_view key) const {
    const size_t at = position(key, index_.empty() ? 0 : hash_of(key));
    return at == items_.size() ? nullptr : &items_[at].second;
}

Result<const Value*> Dict::find(Interpreter& in, const Value& key) const {
    weft_ASSIGN(const uint64_t hash, hash_of(in, key));
    weft_ASSIGN(const size_t at, position(in, key, hash));
    return at == items_.size() ? nullptr : &items_[at].second;
}

Status Dict::put(Interpreter& in, Value key, Value value) {
    weft_ASSIGN(const uint64_t hash, hash_of(in, key));
    weft_ASSIGN(const size_t at, position(in, key, hash));
    if (at < items_.size()) {
        contain(value);
        items_[at].second = std::move(value);
    } else {
        append(std::move(key), std::move(value), hash);
    }
    return in.step();
}

void Dict::put(Value key, Value value) {
    const uint64_t hash = hash_of(key.text());
    const size_t at = position(key.text(), hash);
    if (at < items_.size()) {
        contain(value);
        items_[at].second = std::move(value);
    } else {
        append(std::move(key), std::move(value), hash);
    }
}

} // namespace weft::detail::jinja
