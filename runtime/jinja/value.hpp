// SPDX-License-Identifier: Apache-2.0
// L0: the values of a template, as Python has them. A value is one of a few plain kinds or a reference to
// a counted object. Objects do not change once they are made, but for the few that templates may write to
// (namespaces, cyclers, loops); the interpreter takes those apart at the end, so that no cycle of references is left.
#pragma once
#include "base/result.hpp"
#include "jinja/limits.hpp"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::detail::jinja {

class Interpreter;
class Value;
struct Arguments;

/// `missing` is no value at all: a slot that was not set, an argument that was not given. Templates never see it.
enum class Kind : uint8_t { missing, undefined, none, boolean, integer, real, string, list, tuple, dict, object };

/// What lies behind a reference. Counts its bytes in the meter of its rendering; constants of a template have no meter.
class Object : public std::enable_shared_from_this<Object> {
public:
    Object(Meter* meter, size_t bytes, uint32_t depth);
    virtual ~Object();
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    uint32_t depth() const { return depth_; }
    /// The name of its type as Python's messages have it.
    virtual std::string_view type_name() const = 0;
    /// Appends what Python's repr() gives.
    virtual Status repr(Interpreter& in, std::string& out) const;
    virtual bool callable() const { return false; }
    virtual Result<Value> call(Interpreter& in, Arguments arguments);
    /// An attribute; `missing` if it has none of that name.
    virtual Result<Value> attribute(Interpreter& in, std::string_view name);
    /// Gives up what it refers to, so that a cycle of references ends.
    virtual void release() {}

protected:
    void grow(size_t bytes);
    void contain(const Value& value); ///< keeps count of the nesting

private:
    Meter* meter_;
    size_t bytes_;
    uint32_t depth_;
};

class String;
class List;
class Dict;
class Undefined;

class Value {
public:
    Value() = default; ///< missing
    static Value none() { return Value(Kind::none); }
    static Value boolean(bool value);
    static Value integer(int64_t value);
    static Value real(double value);
    Value(Kind kind, std::shared_ptr<Object> object) : kind_(kind), object_(std::move(object)) {}

    Kind kind() const { return kind_; }
    bool is(Kind kind) const { return kind_ == kind; }
    bool is_missing() const { return kind_ == Kind::missing; }
    bool is_undefined() const { return kind_ == Kind::undefined; }
    bool is_none() const { return kind_ == Kind::none; }
    bool is_string() const { return kind_ == Kind::string; }
    bool is_sequence() const { return kind_ == Kind::list || kind_ == Kind::tuple; }
    /// A boolean is an integer in Python.
    bool is_integral() const { return kind_ == Kind::boolean || kind_ == Kind::integer; }
    bool is_number() const { return is_integral() || kind_ == Kind::real; }

    bool as_boolean() const { return integer_ != 0; }
    int64_t as_integer() const { return integer_; } ///< of an integral value
    double as_real() const { return kind_ == Kind::real ? real_ : double(integer_); }
    const String& string() const;
    const std::string& text() const; ///< of a string
    const List& list() const;        ///< of a list or tuple
    const Dict& dict() const;
    const Undefined& undefined() const;
    const std::shared_ptr<Object>& object() const { return object_; }
    /// The object as a `T`, or null if it is another.
    template <class T>
    T* as() const {
        return kind_ == Kind::object ? dynamic_cast<T*>(object_.get()) : nullptr;
    }

    uint32_t depth() const { return object_ ? object_->depth() : 0; }
    std::string_view type_name() const;
    bool callable() const { return kind_ == Kind::object && object_->callable(); }
    /// Python's `is`.
    bool same_as(const Value& other) const;

private:
    explicit Value(Kind kind) : kind_(kind) {}
    Kind kind_ = Kind::missing;
    union {
        int64_t integer_ = 0;
        double real_;
    };
    std::shared_ptr<Object> object_;
};

/// Text with its length in characters. Text beyond ASCII has a table of byte offsets,
/// so that any character is found at once.
class String final : public Object {
public:
    String(Meter* meter, std::string bytes, bool markup);
    const std::string& bytes() const { return bytes_; }
    size_t length() const { return length_; } ///< in characters
    bool ascii() const { return length_ == bytes_.size(); }
    bool markup() const { return markup_; } ///< Markup: text that counts as escaped
    /// The byte offset of character `index`, at most length().
    size_t offset(size_t index) const;
    /// The character at byte `offset`.
    size_t index_at(size_t offset) const;
    std::string_view type_name() const override { return markup_ ? "Markup" : "str"; }

private:
    std::string bytes_;
    size_t length_;
    bool markup_;
    std::vector<size_t> offsets_; // of every 64th character
};

/// A list or a tuple.
class List final : public Object {
public:
    List(Meter* meter, std::vector<Value> items, std::string_view type);
    const std::vector<Value>& items() const { return items_; }
    std::string_view type_name() const override { return type_; }
    Result<Value> attribute(Interpreter& in, std::string_view name) override;

private:
    std::vector<Value> items_;
    std::string_view type_; // "list", "tuple", or "_GroupTuple": a tuple whose items have names
};

/// A dict in the order of insertion. Written to only while it is made.
class Dict final : public Object {
public:
    explicit Dict(Meter* meter) : Object(meter, sizeof(Dict), 1) {}
    const std::vector<std::pair<Value, Value>>& items() const { return items_; }
    /// The value under a string, or null.
    const Value* find(std::string_view key) const;
    /// The value under any hashable key, or null. Fails on an unhashable one.
    Result<const Value*> find(Interpreter& in, const Value& key) const;
    Status put(Interpreter& in, Value key, Value value);
    void put(Value key, Value value); ///< `key`: a string
    std::string_view type_name() const override { return "dict"; }

private:
    Result<size_t> position(Interpreter& in, const Value& key, uint64_t hash) const; // items_.size(): not there
    size_t position(std::string_view key, uint64_t hash) const;
    void append(Value key, Value value, uint64_t hash);

    std::vector<std::pair<Value, Value>> items_;
    std::vector<uint64_t> hashes_;
    std::unordered_multimap<uint64_t, uint32_t> index_; // by hash, once there are more than a few
};

/// What a name or attribute that is not there gives: empty text, false and no items, and an error for all else.
class Undefined final : public Object {
public:
    Undefined(Meter* meter, std::string message)
        : Object(meter, sizeof(Undefined) + message.size(), 0), message_(std::move(message)) {}
    const std::string& message() const { return message_; }
    std::string_view type_name() const override { return "Undefined"; }

private:
    std::string message_;
};

/// An error of a template or of what it is given; the interpreter adds the line.
Error failure(std::string message);

/// What a call is given.
struct Arguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> keyword;
};

/// The hash of a value: equal values have equal hashes. Fails on what Python cannot hash.
Result<uint64_t> hash_of(Interpreter& in, const Value& value);
uint64_t hash_of(std::string_view text);

} // namespace weft::detail::jinja
