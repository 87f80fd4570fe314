// SPDX-License-Identifier: Apache-2.0
// A rule of shadergen: what a thread keeps for itself is indexed only by what is known when the pipeline is made. An
// array with one index that is not lies in memory instead of registers, for all of its uses.
// Known are constants, specialization constants, what is computed from them, variables that are set once and to what
// is known, and counters of loops that carry [[unroll]] and whose number of turns is known. A loop that carries
// [[dont_unroll]] says that memory is meant: its counter passes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace shadergen {

class Indices {
public:
    // `words`: a module as glslang makes it, not optimised: variables are loaded and stored, parameters are pointers.
    explicit Indices(const std::vector<uint32_t>& words) {
        for (size_t at = 5; at < words.size(); at += words[at] >> 16) read(&words[at]);
        for (bool more = true; more;) { // parameters that a function hands on to one that writes them
            more = false;
            for (const uint32_t* call : calls_)
                for (uint32_t i = 4; i < length(call); ++i)
                    if (written(parameters_[call[3]][i - 4]) && parameter_of_.count(call[i]))
                        more |= unclear_.insert(call[i]).second;
        }
        for (const uint32_t* call : calls_)
            for (uint32_t i = 4; i < length(call); ++i) {
                const uint32_t parameter = parameters_[call[3]][i - 4];
                arguments_[parameter].push_back(call[i]);
                if (written(parameter)) unclear_.insert(call[i]);
            }
    }

    // A line for each private variable with an index that is not known, in which function.
    std::vector<std::string> unknown() {
        std::vector<std::string> lines;
        for (const Use& use : uses_) {
            if (known(use.index)) continue;
            const std::string line = "'" + names_[root(use.of)] + "' in " + names_[use.function];
            if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
        }
        return lines;
    }

private:
    enum Op : uint16_t {
        Name = 5,
        TypePointer = 32,
        FirstConstant = 41,
        LastConstant = 52,
        Function = 54,
        Parameter = 55,
        Call = 57,
        Variable = 59,
        Load = 61,
        Store = 62,
        AccessChain = 65,
        InBoundsAccessChain = 66,
        ExtractDynamic = 77,
        InsertDynamic = 78,
        CompositeConstruct = 80,
        FirstArithmetic = 109,
        LastArithmetic = 205,
        LoopMerge = 246,
        Label = 248,
        Branch = 249,
        BranchConditional = 250
    };
    enum StorageClass : uint32_t { Private = 6, OfFunction = 7 };
    enum LoopControl : uint32_t { Unroll = 1, DontUnroll = 2 };
    struct Write {
        uint32_t value, block;
    };
    struct Use {
        uint32_t of, index, function;
    };
    struct Loop {
        uint32_t header, continue_block, control;
    };

    static uint16_t op(const uint32_t* w) { return w[0] & 0xffff; }
    static uint32_t length(const uint32_t* w) { return w[0] >> 16; }

    void read(const uint32_t* w) {
        const uint16_t o = op(w);
        if (o == Name) {
            const std::string name(reinterpret_cast<const char*>(w + 2));
            names_[w[1]] = name.substr(0, name.find('(')); // glslang adds the types of a function's parameters
        } else if (o == TypePointer) {
            if (w[2] == Private || w[2] == OfFunction) private_pointers_.insert(w[1]);
        } else if (o == Function) {
            function_ = w[2];
        } else if (o == Parameter) {
            parameters_[function_].push_back(w[2]);
            parameter_of_[w[2]] = function_;
        } else if (o == Call) {
            calls_.push_back(w);
        } else if (o == Store) {
            writes_[w[1]].push_back({w[2], block_});
            if (defined_.count(w[1]) && is_chain(defined_[w[1]])) unclear_.insert(root(w[1]));
        } else if (is_chain(w)) {
            for (uint32_t i = 4; i < length(w) && private_pointers_.count(w[1]); ++i)
                uses_.push_back({w[2], w[i], function_});
        } else if (o == ExtractDynamic) {
            uses_.push_back({w[3], w[4], function_});
        } else if (o == InsertDynamic) {
            uses_.push_back({w[3], w[5], function_});
        } else if (o == LoopMerge) {
            loops_.push_back({block_, w[2], w[3]});
        } else if (o == Label) {
            block_ = w[1];
        } else if (o == Branch || o == BranchConditional) {
            ends_[block_] = w;
        }
        if (is_chain(w) || o == Variable || o == Parameter || o == Load || has_value(o)) defined_[w[2]] = w;
    }
    static bool is_chain(const uint32_t* w) { return op(w) == AccessChain || op(w) == InBoundsAccessChain; }
    static bool is_arithmetic(uint16_t o) {
        return (o >= FirstArithmetic && o <= LastArithmetic) || o == CompositeConstruct;
    }
    static bool has_value(uint16_t o) { return is_arithmetic(o) || (o >= FirstConstant && o <= LastConstant); }

    // The variable that a pointer points into, or that a value was loaded from.
    uint32_t root(uint32_t id) const {
        for (auto it = defined_.find(id); it != defined_.end() && (is_chain(it->second) || op(it->second) == Load);
             it = defined_.find(id))
            id = it->second[3];
        return id;
    }
    bool written(uint32_t pointer) const { return writes_.count(pointer) || unclear_.count(pointer); }

    bool known(uint32_t id) {
        const auto it = defined_.find(id);
        if (it == defined_.end()) return false;
        const uint32_t* w = it->second;
        if (op(w) >= FirstConstant && op(w) <= LastConstant) return true;
        if (op(w) == Load) return known_variable(w[3]);
        return is_arithmetic(op(w)) &&
               std::all_of(w + 3, w + length(w), [&](uint32_t operand) { return known(operand); });
    }

    bool known_variable(uint32_t id) {
        if (assumed_.count(id)) return true;
        if (unclear_.count(id) || !looked_at_.insert(id).second) return false;
        const bool result = parameter_of_.count(id) ? is_known_parameter(id) : is_set_once(id) || is_counter(id);
        looked_at_.erase(id);
        return result;
    }
    // Every call is a copy of the function, and looked at by itself.
    bool is_known_parameter(uint32_t id) {
        const auto& given = arguments_[id];
        return !written(id) && std::all_of(given.begin(), given.end(), [&](uint32_t a) { return known_variable(a); });
    }
    bool is_set_once(uint32_t id) {
        const auto it = writes_.find(id);
        return it != writes_.end() && it->second.size() == 1 && known(it->second[0].value);
    }
    // Set before a loop, and then at the end of each of its turns.
    bool is_counter(uint32_t id) {
        const auto it = writes_.find(id);
        if (it == writes_.end() || it->second.size() != 2) return false;
        for (const Loop& loop : loops_)
            for (size_t i : {0, 1}) {
                const Write &first = it->second[i], &next = it->second[1 - i];
                const uint32_t *entry = end_of(first.block, Branch), *header = end_of(loop.header, Branch);
                if (next.block != loop.continue_block || !entry || entry[1] != loop.header || !header) continue;
                if (loop.control & DontUnroll) return true;
                const uint32_t* turn = end_of(header[1], BranchConditional);
                if (!(loop.control & Unroll) || !turn || !known(first.value)) return false;
                assumed_.insert(id);
                const bool result = known(next.value) && known(turn[1]);
                assumed_.erase(id);
                return result;
            }
        return false;
    }
    // The last instruction of a block if it is this one.
    const uint32_t* end_of(uint32_t block, Op with) const {
        const auto it = ends_.find(block);
        return it != ends_.end() && op(it->second) == with ? it->second : nullptr;
    }

    std::map<uint32_t, std::string> names_;
    std::map<uint32_t, const uint32_t*> defined_, ends_;               // by result; by block: its last instruction
    std::map<uint32_t, std::vector<uint32_t>> parameters_, arguments_; // by function; by parameter
    std::map<uint32_t, uint32_t> parameter_of_;
    std::map<uint32_t, std::vector<Write>> writes_; // by variable
    std::set<uint32_t> private_pointers_;           // types
    std::set<uint32_t> unclear_;                    // variables written in part or by a function
    std::set<uint32_t> looked_at_, assumed_;        // variables, while known_variable() is at them
    std::vector<const uint32_t*> calls_;
    std::vector<Use> uses_;
    std::vector<Loop> loops_;
    uint32_t function_ = 0, block_ = 0;
};

} // namespace shadergen
