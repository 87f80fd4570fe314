// SPDX-License-Identifier: Apache-2.0
// Constants of a module as C++ expressions of its specialization constants, and the workgroup memory that follows.
#pragma once
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace shadergen {

class Constants {
public:
    // `spec_ids`: of the values that the expressions find in the array `s`.
    Constants(const std::vector<uint32_t>& words, const std::vector<uint32_t>& spec_ids) {
        for (size_t at = 5; at < words.size(); at += words[at] >> 16)
            if (const uint32_t* w = &words[at]; op_of(w) == Decorate && w[2] == SpecId)
                for (size_t i = 0; i < spec_ids.size(); ++i)
                    if (spec_ids[i] == w[3]) fields_[w[1]] = i;
        for (size_t at = 5; at < words.size(); at += words[at] >> 16) read(&words[at]);
    }

    // Bytes of all workgroup variables; throws std::runtime_error with what it cannot tell. Vectors of three take as
    // much as of four: drivers may align them so.
    std::string shared_bytes() const {
        std::string sum = "0";
        for (const uint32_t pointer : shared_) sum += " + " + bytes(pointee_.at(pointer));
        return sum;
    }

private:
    enum Op : uint16_t {
        TypeBool = 20,
        TypeInt = 21,
        TypeFloat = 22,
        TypeVector = 23,
        TypeArray = 28,
        TypePointer = 32,
        ConstantTrue = 41,
        ConstantFalse = 42,
        Constant = 43,
        SpecConstantTrue = 48,
        SpecConstantFalse = 49,
        SpecConstant = 50,
        SpecConstantOp = 52,
        Variable = 59,
        Decorate = 71
    };
    static constexpr uint32_t SpecId = 1, Workgroup = 4;
    static uint16_t op_of(const uint32_t* w) { return uint16_t(w[0] & 0xffff); }

    void read(const uint32_t* w) {
        switch (op_of(w)) {
        case TypeBool:
        case TypeInt:
        case TypeFloat: bytes_[w[1]] = 4; break;
        case TypeVector: bytes_[w[1]] = w[3] == 2 ? 8 : 16; break;
        case TypeArray: arrays_[w[1]] = {w[2], w[3]}; break;
        case TypePointer: pointee_[w[1]] = w[3]; break;
        case ConstantTrue: values_[w[2]] = "1u"; break;
        case ConstantFalse: values_[w[2]] = "0u"; break;
        case Constant: values_[w[2]] = std::to_string(w[3]) + "u"; break;
        case SpecConstantTrue:
        case SpecConstantFalse:
        case SpecConstant: values_[w[2]] = "s[" + std::to_string(fields_.at(w[2])) + "]"; break;
        case SpecConstantOp: values_[w[2]] = computed(w); break;
        case Variable:
            if (w[3] == Workgroup) shared_.push_back(w[1]);
            break;
        default: break;
        }
    }

    // "": a number that no array's length is made of.
    std::string computed(const uint32_t* w) const {
        static const std::map<uint32_t, std::string> infix = {
            {128, "+"},  {130, "-"}, {132, "*"},  {134, "/"}, {137, "%"},  {166, "||"}, {167, "&&"}, {170, "=="},
            {171, "!="}, {172, ">"}, {174, ">="}, {176, "<"}, {178, "<="}, {194, ">>"}, {196, "<<"}, {199, "&"}};
        constexpr uint32_t select = 169;
        std::vector<std::string> of;
        for (uint32_t i = 4; i < w[0] >> 16; ++i)
            if (const auto value = values_.find(w[i]); value != values_.end() && !value->second.empty())
                of.push_back(value->second);
        if (w[3] == select && of.size() == 3) return "(" + of[0] + " ? " + of[1] + " : " + of[2] + ")";
        const auto sign = infix.find(w[3]);
        if (sign == infix.end() || of.size() != 2) return "";
        return "(" + of[0] + " " + sign->second + " " + of[1] + ")";
    }

    std::string bytes(uint32_t type) const {
        if (const auto size = bytes_.find(type); size != bytes_.end()) return std::to_string(size->second) + "ull";
        const auto array = arrays_.find(type);
        if (array == arrays_.end())
            throw std::runtime_error("workgroup memory is of numbers, vectors and arrays of them");
        const auto length = values_.find(array->second.length);
        if (length == values_.end() || length->second.empty())
            throw std::runtime_error("the length of an array in workgroup memory is computed in a way not known here");
        return bytes(array->second.element) + " * " + length->second;
    }

    struct Array {
        uint32_t element, length;
    };
    std::map<uint32_t, size_t> fields_; // of constants, by what they specialize
    std::map<uint32_t, std::string> values_;
    std::map<uint32_t, uint32_t> bytes_, pointee_;
    std::map<uint32_t, Array> arrays_;
    std::vector<uint32_t> shared_; // types of the variables
};

} // namespace shadergen
