// SPDX-License-Identifier: Apache-2.0
// L3: Op: one operation of a model. An open set: layers/NAME.hpp has the description, plain data with a name;
// layers/NAME.cpp what it means, and one line that adds it to the registry, which the build writes.
#pragma once
#include "layers/spec.hpp"
#include "layers/state.hpp"
#include <concepts>
#include <memory>
#include <span>
#include <utility>

namespace weft::detail {

namespace vk {
struct Tensor;
}
class Fields;
class Inputs;
class Limits;
class WorkCounter;
struct Destination;
struct LayerContext;

/// What a description of an op has. `name` is the only spelling: in files, tables and messages; `colour` (0xrrggbb)
/// that of its box in pictures. Besides, where there is something to say:
///   bool source = true      reads no stream: a block of such ops has no input
///   bool sink = true        has no result, only states: a block of such ops writes no stream
///   bool sees_ahead() const                                    its rows need those behind them: a sequence comes whole
///   bool whole() const                                         they need none behind them, but all before at once
///   void inputs(Inputs&) const                                 declares what it reads from outside
///   void states(States&)                                       declares what it keeps between steps
///   void work(WorkCounter&) const                              what it computes beside products with its weights
///   bool idle(const LayerContext&) const                       in such a step its block has nothing to do and is left
///                                                              out; it stands there alone, without norms and scales
///   void limits(Limits&) const                                 sizes that its kernels do not take
template <class S>
concept OpSpec = std::copy_constructible<S> && requires(S& s, const S& fixed, Fields& f, const Widths& w,
                                                        LayerContext& c, const vk::Tensor& x, const Destination& to) {
    { S::name } -> std::convertible_to<const char*>;
    { S::colour } -> std::convertible_to<uint32_t>;
    s.fields(f, w);                                 // visits all fields (fields.hpp)
    fixed.lower(c, x, to);                          // to.y = to.residual + to.scale * op(x)
    { fixed.words() } -> std::same_as<std::string>; // its sizes: "4 heads, 2 kv, 16 wide"
};

/// A value that holds any such description.
class Op {
public:
    Op() = default; ///< none yet
    template <OpSpec S>
    Op(S spec) : held_(std::make_unique<Held<S>>(std::move(spec))) {}
    Op(const Op& other) : held_(other.held_ ? other.held_->clone() : nullptr) {}
    Op(Op&&) noexcept = default;
    Op& operator=(Op other) noexcept {
        held_ = std::move(other.held_);
        return *this;
    }

    explicit operator bool() const { return held_ != nullptr; }
    const char* name() const { return held_->name(); }
    uint32_t colour() const { return held_->colour(); }
    std::string words() const { return held_->words(); }
    bool source() const { return held_->source(); }
    bool sink() const { return held_->sink(); }
    void fields(Fields& f, const Widths& w) { held_->fields(f, w); }
    bool sees_ahead() const { return held_->sees_ahead(); }
    bool whole() const { return held_->whole(); }
    bool can_idle() const { return held_->can_idle(); }
    bool idle(const LayerContext& c) const { return held_->idle(c); }
    void inputs(Inputs& i) const { held_->inputs(i); }
    void states(States& s) { held_->states(s); }
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const { held_->lower(c, x, to); }
    void work(WorkCounter& w) const { held_->work(w); }
    void limits(Limits& l) const { held_->limits(l); }

    /// The description, if it is of this kind; else nullptr.
    template <OpSpec S>
    const S* as() const {
        const auto* held = dynamic_cast<const Held<S>*>(held_.get());
        return held ? &held->spec : nullptr;
    }
    template <OpSpec S>
    S* as() {
        return const_cast<S*>(std::as_const(*this).template as<S>());
    }

private:
    struct Any {
        virtual ~Any() = default;
        virtual std::unique_ptr<Any> clone() const = 0;
        virtual const char* name() const = 0;
        virtual uint32_t colour() const = 0;
        virtual std::string words() const = 0;
        virtual bool source() const = 0;
        virtual bool sink() const = 0;
        virtual void fields(Fields& f, const Widths& w) = 0;
        virtual bool sees_ahead() const = 0;
        virtual bool whole() const = 0;
        virtual bool can_idle() const = 0;
        virtual bool idle(const LayerContext& c) const = 0;
        virtual void inputs(Inputs& i) const = 0;
        virtual void states(States& s) = 0;
        virtual void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const = 0;
        virtual void work(WorkCounter& w) const = 0;
        virtual void limits(Limits& l) const = 0;
    };
    template <class S>
    struct Held final : Any {
        explicit Held(S s) : spec(std::move(s)) {}
        std::unique_ptr<Any> clone() const override { return std::make_unique<Held>(spec); }
        const char* name() const override { return S::name; }
        uint32_t colour() const override { return S::colour; }
        std::string words() const override { return spec.words(); }
        bool source() const override {
            if constexpr (requires { S::source; }) return S::source;
            else return false;
        }
        bool sink() const override {
            if constexpr (requires { S::sink; }) return S::sink;
            else return false;
        }
        void fields(Fields& f, const Widths& w) override { spec.fields(f, w); }
        bool sees_ahead() const override {
            if constexpr (requires { spec.sees_ahead(); }) return spec.sees_ahead();
            else return false;
        }
        bool whole() const override {
            if constexpr (requires { spec.whole(); }) return spec.whole();
            else return sees_ahead();
        }
        static constexpr bool idles = requires(const S& s, const LayerContext& c) { s.idle(c); };
        bool can_idle() const override { return idles; }
        bool idle([[maybe_unused]] const LayerContext& c) const override {
            if constexpr (idles) return spec.idle(c);
            else return false;
        }
        void inputs([[maybe_unused]] Inputs& i) const override {
            if constexpr (requires { spec.inputs(i); }) spec.inputs(i);
        }
        void states([[maybe_unused]] States& s) override {
            if constexpr (requires { spec.states(s); }) spec.states(s);
        }
        void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const override { spec.lower(c, x, to); }
        void work([[maybe_unused]] WorkCounter& w) const override {
            if constexpr (requires { spec.work(w); }) spec.work(w);
        }
        void limits([[maybe_unused]] Limits& l) const override {
            if constexpr (requires { spec.limits(l); }) spec.limits(l);
        }
        S spec;
    };
    std::unique_ptr<Any> held_;
};

/// A kind of op, by which files find it.
struct OpKind {
    const char* name;
    Op (*make)();
};
/// All that there are, in the order of their files.
std::span<const OpKind* const> all_ops();

/// Once in layers/NAME.cpp, inside namespace weft::detail.
#define weft_OP(Spec)                                                                                                  \
    extern const OpKind op_kind_##Spec;                                                                                \
    const OpKind op_kind_##Spec {                                                                                      \
        Spec::name, [] { return Op(Spec{}); }                                                                          \
    }

} // namespace weft::detail
